"""Which values of machines have changed since somebody was last told: the newest of each place, once for everybody.

Rule 1: what is held is one number for each property of a machine, however many are told and however late they are.
Rule 2: who does not keep up is told of each place once, not of each value.
Not here: values (``engine/live.py``), that they are told (``delivering.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from weft.engine.live import VALUES_MAX, Live

AT_ONCE: Final = 200

Place = tuple[str, str]  # machine, property


class Moves:
    """``count``: how many changes there have been; a listener remembers up to which one it was told."""

    def __init__(self) -> None:
        self.count = 0
        self._at: dict[Place, int] = {}  # in the order of the last change

    def follow(self, live: Live, moved: Callable[[], None]) -> Callable[[], None]:
        """Take in changes of ``live``, and call ``moved`` at each; gives the function that ends it."""

        def take(machine: str, values: Mapping[str, Any]) -> None:
            for name in values:
                self.take((machine, name))
            if values:
                moved()

        return live.subscribe(take)

    def take(self, place: Place) -> None:
        """``place`` has another value."""
        self.count += 1
        self._at.pop(place, None)
        self._at[place] = self.count
        if len(self._at) > VALUES_MAX:  # of machines that are there no more
            del self._at[next(iter(self._at))]

    def after(self, count: int) -> tuple[Sequence[Place], int]:
        """Places that have changed behind ``count``, the first ``AT_ONCE`` of them, and up to where that was."""
        found: list[tuple[Place, int]] = []
        for place, at in reversed(self._at.items()):
            if at <= count:
                break
            found.append((place, at))
        told = found[::-1][:AT_ONCE]
        return [place for place, _ in told], told[-1][1] if told else count
