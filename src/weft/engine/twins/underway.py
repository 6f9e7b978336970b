"""Imports of twins that are under way: how far each is, and how it is stopped.

Rule 1: who stops an import stops all of it: nothing of the file is there afterwards.
Not here: the import itself (``importing.py``).
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from weft.basis.errors import NotFound, Refused

Stage = Literal["reading", "files", "writing"]
T = TypeVar("T")


class Progress(msgspec.Struct, frozen=True):
    """How far an import is: ``done`` of a thousand in all; of this ``stage`` so many of so many ``bytes``.

    ``twins``: so many were read, or (writing) written, so far.
    """

    done: int = 0
    stage: Stage = "reading"
    bytes: int = 0
    of: int = 0
    twins: int = 0


Told = Callable[[Progress], None]  # called from another thread, too


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import as it is now; ``report_only``: it will write nothing."""

    id: str
    name: str
    report_only: bool
    progress: Progress


@dataclass(slots=True)
class _Work:
    name: str
    report_only: bool
    task: "asyncio.Task[Any]"
    progress: Progress = field(default_factory=Progress)
    stopped: bool = False


@dataclass(slots=True)
class Imports:
    """All that run now, by a number that is told to nobody else."""

    _running: dict[str, _Work] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def now(self) -> tuple[Import, ...]:
        """Each as it is now."""
        return tuple(Import(id=number, name=one.name, report_only=one.report_only, progress=one.progress)
                     for number, one in self._running.items())

    def stop(self, number: str) -> None:
        """Stop one; raises ``NotFound('twin.import')`` when it does not run (any more)."""
        one = self._running.get(number)
        if one is None:
            raise NotFound("twin.import")
        one.stopped = True
        one.task.cancel()

    async def run(self, name: str, work: Callable[[Told], Coroutine[Any, Any, T]], told: Told, *,
                  report_only: bool) -> T:
        """``work`` as one of those; raises ``Refused('twin.import-stopped')`` when somebody stops it."""
        task = asyncio.current_task()
        assert task is not None
        one = _Work(name, report_only, task)
        number = str(next(self._numbers))

        def heard(progress: Progress) -> None:
            one.progress = progress
            told(progress)

        self._running[number] = one
        try:
            return await work(heard)
        except asyncio.CancelledError:
            if not one.stopped:
                raise
            task.uncancel()
            raise Refused("twin.import-stopped", file=name[:200]) from None
        finally:
            del self._running[number]
