"""How much more the members of a thread may say in it.

Rule 1: a member says at most so many words in one thread (``config.limits.thread_events``).
Rule 2: of words that ask for work over the whole thread, to close it or to erase in it, ``ASKED_MAX`` of each kind. We
        say fewer, so that no other count of what a long thread holds ever keeps the words of an honest node out; and
        our own words, which a restored node gets back, are always taken.
Rule 3: what waits for its parents counts: it comes in without another look.
Not here: what a firm may cost a second (``budgets.py``), on how many chains it speaks (``receive.py``).
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from weft.basis.errors import Refused
from weft.engine.threads import Loaded
from weft.thread.closing import CloseProposed, ErasureRequested
from weft.thread.event import Event

ASKED_MAX: Final = 100  # of one member and one kind in a thread
ASK_MAX: Final = 50  # and that we say
ASKING: Final = frozenset({CloseProposed.__name__, ErasureRequested.__name__})


class Room:
    """What is left for each member in ``loaded``, where ``early`` wait; ``own``: we; ``most``: words of one member."""

    def __init__(self, loaded: Loaded, early: Iterable[Event], own: str, most: int) -> None:
        self.loaded, self.early, self.own, self.most = loaded, list(early), own, most
        self._said = Counter[str]()
        for (author, _, _), (last, _) in loaded.tips.items():
            self._said[author] += last + 1
        self._asked: Counter[tuple[str, str]] | None = None

    def take(self, event: Event) -> str:
        """Count ``event`` in, or say by which code there is no room for it."""
        if self._said[event.author] >= self.most:
            return "event.too-many"
        if event.header.y in ASKING and event.author != self.own:
            if self._asked is None:  # few ask at all: the thread is gone through for those only
                self._asked = _asked(self.loaded) + Counter((one.author, one.header.y) for one in self.early)
            if self._asked[event.author, event.header.y] >= ASKED_MAX:
                return "thread.asked-too-often"
            self._asked[event.author, event.header.y] += 1
        self._said[event.author] += 1
        return ""


def _asked(loaded: Loaded) -> Counter[tuple[str, str]]:
    return Counter((entry.author, entry.kind) for entry in loaded.entries.values() if entry.kind in ASKING)


def check_may_ask(loaded: Loaded, organisation: str, kind: str) -> None:
    """Raises ``Refused('thread.asked-too-often')`` where ``organisation`` is to say no more of ``kind`` (Rule 2)."""
    if kind in ASKING and _asked(loaded)[organisation, kind] >= ASK_MAX:
        raise Refused("thread.asked-too-often")
