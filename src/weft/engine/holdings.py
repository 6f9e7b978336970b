"""What we share with each firm: in which threads, and at which heads.

Rule 1: a thread belongs to what we share with a firm when both are members of it, and to nothing else; so whoever asks
        about what he shares with us is told nothing of others, nor how many there are.
Not here: comparing (``reconcile.py``), the threads themselves (``threads.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from weft.basis.canonical import b64, digest
from weft.engine.reconcile import Holding


@dataclass(slots=True)
class Holdings:
    """By firm: thread to the digest of its heads; brought up to date with every commit."""

    _of: dict[str, dict[str, str]] = field(default_factory=dict)
    _ready: dict[str, Holding] = field(default_factory=dict)
    _noted: dict[str, int] = field(default_factory=dict)

    def note(self, organisation: str, members: Iterable[str], thread: str, heads: Iterable[str]) -> None:
        """``thread`` of ``members``, one of which is our own ``organisation``, stands at ``heads``."""
        told = ""
        for member in members:
            if member != organisation:
                told = told or b64(digest("heads/1", *(head.encode() for head in sorted(heads))))
                self._of.setdefault(member, {})[thread] = told
                self._ready.pop(member, None)
                self._noted[member] = self._noted.get(member, 0) + 1

    def partners(self) -> list[str]:
        """All firms with which we share a thread."""
        return sorted(self._of)

    def of(self, peer: str) -> Mapping[str, str]:
        """Threads with ``peer``, each with the digest of its heads."""
        return self._of.get(peer, {})

    def stamp(self, peer: str) -> int:
        """A number that is another whenever something was said in a thread with ``peer``."""
        return self._noted.get(peer, 0)

    def with_(self, peer: str) -> Holding:
        """What we share with ``peer``, ready to be compared."""
        if peer not in self._of:
            return Holding({})
        if peer not in self._ready:
            self._ready[peer] = Holding(self._of[peer])
        return self._ready[peer]
