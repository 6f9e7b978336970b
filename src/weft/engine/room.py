"""How much more the members of a thread may say in it.

Rule 1: a member says at most so many words in one thread (``config.limits.thread_events``).
Rule 2: of words that ask for work over the whole thread, to close it or to erase in it, ``ASKED_MAX`` of each kind.
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

ASKED_MAX: Final = 50  # of one member and one kind in a thread
ASKING: Final = frozenset({CloseProposed.__name__, ErasureRequested.__name__})


class Room:
    """What is left for each member in ``loaded``, where ``early`` wait; ``most``: words of one member."""

    def __init__(self, loaded: Loaded, early: Iterable[Event], most: int) -> None:
        self.loaded, self.early, self.most = loaded, list(early), most
        self._said = Counter[str]()
        for (author, _, _), (last, _) in loaded.tips.items():
            self._said[author] += last + 1
        self._asked: Counter[tuple[str, str]] | None = None

    def take(self, event: Event) -> str:
        """Count ``event`` in, or say by which code there is no room for it."""
        if self._said[event.author] >= self.most:
            return "event.too-many"
        if event.header.y in ASKING:
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
    """Raises ``Refused('thread.asked-too-often')`` where its partner would take no more of ``kind`` (Rule 2)."""
    if _asked(loaded)[organisation, kind] >= ASKED_MAX:
        raise Refused("thread.asked-too-often")
