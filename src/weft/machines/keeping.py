"""A link to one machine that is kept up: tried again with backoff, told when it comes and goes, counted.

Rule 1: a link is down as soon as nothing shows that it is up; each protocol says in ``_live`` what shows it.
Rule 2: whatever a library raises ends one link, never the keeping of it.
Rule 3: each link-up begins anew: all present values are told, whatever was told before.
Not here: what is read and written (the protocols), values of machines that must be asked (``polling``).
"""

import asyncio
import contextlib
import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from weft.basis.errors import Unavailable, WeftError
from weft.shopfloor.connection import Change, Health, Link, OnChanges, OnLink, Quality, Value
from weft.shopfloor.description import Description

CLOSING_S: Final = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds. ``silence_s``: the least time without a word that makes a link down."""

    timeout_s: float = 4.0
    retry_s_min: float = 0.25
    retry_s_max: float = 10.0
    silence_s: float = 4.0


class KeptConnection(ABC):
    """What all connections do alike; see ``AssetConnection``. Belongs to one event loop."""

    def __init__(self, description: Description, pace: Pace) -> None:
        self.description = description
        self.last_error = ""
        self.last_fault: WeftError | None = None
        self.notice = ""
        self._pace = pace
        self._up = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._names: tuple[str, ...] = ()
        self._on_changes: OnChanges | None = None
        self._on_link: OnLink | None = None
        self._last_heard = 0.0
        self._links = 0
        self._changes_heard = 0
        self._bad: dict[str, str] = {}

    # ---- what a protocol gives -------------------------------------------------------------------------

    @abstractmethod
    async def _live(self) -> None:
        """One link from connecting to its end: ``_came_up``, in between ``_up``, ``_went_down``; raises its end."""

    @abstractmethod
    def _begin_anew(self) -> None:
        """End the present link, if there is one, so that the next begins with what is now subscribed."""

    def _reason(self, error: BaseException) -> str:
        """Why a link failed, short and without secrets."""
        return reason(error)

    # ---- the link --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin to keep the link up until ``close``."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"machine {self.description.title}")

    async def wait_up(self, timeout_s: float) -> bool:
        """Wait until the link is up; False when ``timeout_s`` passed first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):  # not wait_for: before 3.12 that may swallow a cancellation
                await self._up.wait()
        return self._up.is_set()

    async def close(self) -> None:
        """Let the link go; no callback runs afterwards."""
        self._on_changes = self._on_link = None
        keeper, self._keeper = self._keeper, None
        while keeper is not None and not keeper.done():
            keeper.cancel()  # again and again: before Python 3.12 a library's wait_for may swallow one
            await asyncio.wait([keeper], timeout=CLOSING_S)

    def subscribe(self, names: Sequence[str], on_changes: OnChanges, on_link: OnLink) -> None:
        """Hear every change of ``names``; on an open link it begins with the next link-up, which follows at once."""
        self._names, self._on_changes, self._on_link = tuple(names), on_changes, on_link
        self._begin_anew()

    def about(self, job: str, references: Mapping[str, Sequence[str]] | None = None) -> None:  # noqa: B027 - most do not
        """Which job is meant, where a machine holds several; most hold one."""

    @property
    def health(self) -> Health:
        """How the link does, for people who look."""
        heard_s = round(time.monotonic() - self._last_heard, 1) if self._last_heard else -1.0
        return Health(up=self._up.is_set(), links=self._links, heard_s=heard_s, changes=self._changes_heard,
                      error=self.last_error[:120], facts=dict(self.last_fault.facts) if self.last_fault else {},
                      notice=self.notice, bad=dict(self._bad))

    async def _keep(self) -> None:
        retry_s = self._pace.retry_s_min
        while True:
            began = time.monotonic()
            try:
                await self._live()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the library raises, the link must be tried again
                self.last_error = self._reason(error)
                self.last_fault = error if isinstance(error, WeftError) else None
            if time.monotonic() - began > self._pace.silence_s:
                retry_s = self._pace.retry_s_min
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, self._pace.retry_s_max)

    def _came_up(self) -> None:
        """The machine is there; what is known bad of earlier links is forgotten."""
        now = time.monotonic()
        gap_ms = round((now - self._last_heard) * 1000) if self._last_heard else 0
        self._last_heard = now
        self._links += 1
        self._bad.clear()
        self.last_error = ""
        self.last_fault = None
        _log.info("machine %s: link up after %d ms", self.description.title, gap_ms)
        if self._on_link is not None:
            self._on_link(Link(up=True, gap_ms=gap_ms))

    def _went_down(self, why: str) -> None:
        """The link that had come up is gone."""
        self._up.clear()
        self.last_error = self.last_error or why
        _log.info("machine %s: link down (%s)", self.description.title, why)
        if self._on_link is not None:
            self._on_link(Link(up=False, detail=why))

    def _heard(self) -> None:
        """Something showed that the link is up."""
        self._last_heard = time.monotonic()

    # ---- values ----------------------------------------------------------------------------------------

    def _tell(self, changes: Sequence[Change]) -> None:
        """Hand ``changes`` on to the subscriber."""
        if not changes or self._on_changes is None:
            return
        self._changes_heard += len(changes)
        bad = self._bad
        for name, value in changes:
            if value.quality is Quality.BAD:
                bad[name] = value.detail
            elif bad:
                bad.pop(name, None)
        self._on_changes(changes)

    def _tell_bad(self, reasons: Mapping[str, str]) -> None:
        self._tell([(name, Value(None, Quality.BAD, detail=why)) for name, why in reasons.items()])

    def _unreachable(self) -> Unavailable:
        """What is raised before anything was sent."""
        return Unavailable("machine.unreachable", machine=self.description.title, detail=self.last_error[:120])

    def _no_answer(self, detail: str) -> Unavailable:
        """What is raised when it is not known what the device did."""
        return Unavailable("machine.no-answer", machine=self.description.title, detail=detail[:120])


def reason(error: BaseException) -> str:
    """``error`` in a few words that say nothing of ours; a machine's own words without what steers a screen."""
    if isinstance(error, WeftError):
        return error.code
    if isinstance(error, TimeoutError):
        return "timeout"
    told = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    if isinstance(error, OSError) and error.errno and told.startswith("Connect call failed"):
        told = os.strerror(error.errno)  # asyncio says so of every reason: refused, no route, host down
    return "".join(one for one in told[:400] if one.isprintable())[:80] or type(error).__name__
