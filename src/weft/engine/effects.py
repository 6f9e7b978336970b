"""Consequences: each effect of an event runs in a transaction of its own on its target, once, whatever crashes.

Rule 1: an effect is stored with the event that causes it and struck only after it has run; what it says carries the
        key (cause, reaction), so running it again says nothing twice.
Rule 2: an effect marked ``final`` waits until its cause is final: machine starts, despatch and money do.
Rule 3: an event that turns out void after its effects ran has the written compensation (``undo``) run instead.
Rule 4: what cannot be done now is tried again later; what is refused becomes a task that the owner sees.
Rule 5: in a thread with an alarm (a fork, another state) nothing runs, until the owner says that it may.
Not here: what follows what (``reactions/``).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from weft.basis.errors import Refused, Unavailable, WeftError
from weft.engine.memory import BY_ITSELF, Change
from weft.engine.ports import Batch, EffectRow, StoreConflict
from weft.engine.threads import Loaded

if TYPE_CHECKING:
    from weft.engine.node import Node

TROUBLES: Final = "trouble"
RETRY_MS: Final = (200, 60_000)
CHECK_S: Final = 2.0
UNDO: Final = "undo:"
_LOG: Final = logging.getLogger("weft.effects")


@dataclass(frozen=True, slots=True)
class Cause:
    """The event that an effect follows from; ``key`` is unique by (cause, reaction)."""

    thread: str
    id: str
    author: str
    role: str
    kind: str
    message: Any
    at_ms: int
    key: str


Run = Callable[["Node", Cause], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """One row of the table: after such an event, ``run``. ``who`` said it: own, peer or any."""

    name: str
    run: Run
    who: Literal["own", "peer", "any"] = "any"
    final: bool = False
    undo: Run | None = None


class Trouble(msgspec.Struct, frozen=True):
    """What an effect was refused for: shown to the owner until dismissed."""

    thread: str
    cause: str
    reaction: str
    code: str
    facts: dict[str, str | int]
    at_ms: int


@dataclass(slots=True)
class Effects:
    """The worker that draws the consequences, in the order in which they came up."""

    node: "Node"
    by_name: dict[str, Reaction]
    waiting: dict[tuple[str, str, str], EffectRow] = field(default_factory=dict)
    _settling: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self.node.effects_wake.clear()
            try:
                pause = await self.once()
            except WeftError as error:  # the store is full or gone for now: what waits is still there
                _LOG.warning("consequences wait: %s", error)
                pause = CHECK_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):  # wait_for would make a task of every wait
                    await self.node.effects_wake.wait()

    async def once(self) -> float:
        """Run everything that can run now; seconds until something waiting is due."""
        ran = True
        pause = CHECK_S
        while ran:
            ran = False
            for row in self.node.effects:
                self.waiting.setdefault((row.thread, row.cause, row.reaction), row)
            self.node.effects.clear()
            finals: dict[str, set[str]] = {}
            now = self.node.clock.now_ms()
            for row in list(self.waiting.values()):
                if 0 < row.due_ms - now <= RETRY_MS[1]:  # longer: the clock went back since
                    pause = min(pause, (row.due_ms - now) / 1000)
                elif self._held_back(await self.node.loaded(row.thread)):
                    continue
                elif not row.final or await self._is_final(row, finals):
                    await self._draw(row)
                    ran = True
        return pause

    def _held_back(self, loaded: Loaded) -> bool:
        """Whether nothing is drawn from this thread now: an alarm, or what we said ourselves is not all back yet."""
        return self.node.stopped(loaded) or self.node.waits(loaded.members)

    async def _is_final(self, row: EffectRow, finals: dict[str, set[str]]) -> bool:
        loaded = await self.node.loaded(row.thread)
        if not loaded.shared:
            return True
        if row.thread not in finals:
            finals[row.thread] = loaded.final()
        return row.cause in finals[row.thread] or (bool(loaded.below) and row.cause not in loaded.entries)

    async def _draw(self, row: EffectRow) -> None:
        name = row.reaction.removeprefix(UNDO)
        reaction = self.by_name.get(name)
        run = None if reaction is None else reaction.undo if row.reaction.startswith(UNDO) else reaction.run
        cause = await self._cause(row, undo=row.reaction.startswith(UNDO))
        if run is None or cause is None:
            self._settle(row)
            return
        alone = BY_ITSELF.set(True)
        try:
            await run(self.node, cause)
        except (Unavailable, StoreConflict):
            await self._later(row)
        except WeftError as error:
            await self._trouble(row, error)
        except Exception:  # noqa: BLE001 - a fault of ours in one consequence must not stop all others
            _LOG.exception("%s of %s failed", row.reaction, row.cause)
            await self._trouble(row, Refused("effect.failed", reaction=row.reaction))
        else:
            self._settle(row)
        finally:
            BY_ITSELF.reset(alone)

    async def _cause(self, row: EffectRow, *, undo: bool) -> Cause | None:
        """The event behind ``row``; None when there is nothing to do for it (void, or erased)."""
        loaded = await self.node.loaded(row.thread)
        entry = await self.node.entry(loaded, row.cause)
        if entry is not None and entry.id not in loaded.entries and loaded.shared:
            loaded = await self.node.whole(row.thread)  # whether so old a word counts is told only there
        if entry is None or entry.message is None or (row.cause in loaded.void) is not undo:
            return None  # void; or it counts once more, and what is to be undone is right after all
        return Cause(thread=row.thread, id=entry.id, author=entry.author, role=loaded.members.get(entry.author, ""),
                     kind=entry.kind, message=entry.message, at_ms=entry.at_ms, key=f"{row.cause}:{row.reaction}")

    def _settle(self, row: EffectRow) -> None:
        """Strike the effect; a crash before that is durable only runs it again."""
        self.waiting.pop((row.thread, row.cause, row.reaction), None)
        batch = Batch(effects_settled=[(row.thread, row.cause, row.reaction)])
        task = asyncio.ensure_future(self.node.store.commit(batch))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _later(self, row: EffectRow) -> None:
        first, longest = RETRY_MS
        wait = min(longest, first * 2 ** min(row.attempts, 10))
        again = msgspec.structs.replace(row, attempts=row.attempts + 1, due_ms=self.node.clock.now_ms() + wait)
        self.waiting[row.thread, row.cause, row.reaction] = again
        with contextlib.suppress(Unavailable):  # a full disk: the count of tries is not worth more than the effect
            await self.node.store.commit(Batch(effects=[again]))

    async def _trouble(self, row: EffectRow, error: WeftError) -> None:
        trouble = Trouble(row.thread, row.cause, row.reaction, error.code, dict(error.facts), self.node.clock.now_ms())
        await self.node.store.commit(Batch(
            values=[(TROUBLES, f"{row.thread}:{row.cause}:{row.reaction}", msgspec.json.encode(trouble))],
            effects_settled=[(row.thread, row.cause, row.reaction)]))
        self.waiting.pop((row.thread, row.cause, row.reaction), None)
        self.node.tell(Change(row.thread, "trouble", (error.code,)))

    async def finish(self) -> None:
        """Wait for strikes that are under way."""
        await asyncio.gather(*self._settling, return_exceptions=True)
