"""Values over a line that breaks: never a silent subscription, every gap marked, no write that is sent twice.

Laws, looked at in each calm: (1) the link is up, and a value that changes at the machine is heard; (2) a silence that
lasted longer than a link may be quiet was told as down and up with its gap; (3) what was answered is there, and what
was not answered never arrives later than a value that somebody else has put there since.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from tests.machines.suite import Counterpart, Heard
from tests.soak.troubles import Troubled, ended
from tests.soak.wire import Wire
from weft.basis.errors import WeftError
from weft.machines.keeping import Pace
from weft.shopfloor.connection import AssetConnection, Link, Scalar

SETTLED_S = 8.0  # from the end of a trouble until all must be well again
HEARD_S = 5.0
SURE_S = 6.0  # a trouble that lasts longer must have been told
AGAIN_S = 2.0


@dataclass
class Line:
    """One counterpart under troubles, listened and written to."""

    name: str
    counterpart: Counterpart
    pace: Pace
    luck: random.Random
    broken: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    heard: Heard = field(default_factory=Heard)
    links: list[tuple[float, Link]] = field(default_factory=list)
    _number: int = 0

    async def run(self, ends: float) -> None:
        """Begin, suffer until ``ends``, and look once more."""
        await self.counterpart.begin()
        described = self.counterpart.description()
        wire = Wire(int(urlsplit(described.base).port or 0))
        await wire.begin()
        through = msgspec.structs.replace(described, base=described.base.replace(f":{wire.to}", f":{wire.port}"))
        connection = self.counterpart.connection(through, self.pace)
        connection.subscribe(list(self.counterpart.names), self._changed, self._linked)
        trouble = Troubled(self.counterpart, wire, self.luck, self.figures)
        await connection.open()
        assert await connection.wait_up(60), (self.name, connection.health)
        tasks = [asyncio.create_task(self._watch(connection, trouble)),
                 asyncio.create_task(self._write(connection, trouble))]
        try:
            await trouble.run(ends)
            await asyncio.sleep(SETTLED_S + HEARD_S)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            await ended(*tasks)
            await connection.close()
            await wire.cut()
            await self.counterpart.kill()
        self.figures["values heard"] += len(self.heard.changes)

    def _changed(self, changes: list[tuple[str, object]]) -> None:
        self.heard.take(changes)  # type: ignore[arg-type] # values of a connection are changes

    def _linked(self, link: Link) -> None:
        self.links.append((time.monotonic(), link))

    # ---- what must hold in a calm ----------------------------------------------------------------------

    async def _watch(self, connection: AssetConnection, trouble: Troubled) -> None:
        looked = 0.0
        while True:
            await asyncio.sleep(0.3)
            if not trouble.calm_for(SETTLED_S):
                continue
            if looked != trouble.calm_s:
                looked = trouble.calm_s
                self._gap(*trouble.last)
            calm, value = trouble.calm_s, self._next(self.counterpart.names[self.counterpart.steady])
            began = time.monotonic()
            with contextlib.suppress(Exception):  # a stock client that came too late for the calm
                await asyncio.wait_for(self.counterpart.put(self.counterpart.steady, value), HEARD_S)
                await self._hear(value, began + HEARD_S)
            if trouble.calm_s != calm or not calm:
                continue  # the calm was over: nothing follows
            self.figures["looks"] += 1
            if self.heard.value(self.counterpart.steady) != value:
                self._broke("silent subscription", f"{value} not heard, health {connection.health}")

    async def _hear(self, value: Scalar, until: float) -> None:
        name = self.counterpart.steady
        while self.heard.value(name) != value and time.monotonic() < until:  # noqa: ASYNC110 - any of many callbacks
            await asyncio.sleep(0.02)

    def _gap(self, kind: str, begun: float, over: float) -> None:
        """A trouble from ``begun`` to ``over`` that lasted long enough was told, with its gap."""
        if over - begun < SURE_S - 1 or not over:
            return
        self.figures["long silences"] += 1
        ups = [link for at, link in self.links if link.up and at > begun]
        before = [link for at, link in self.links if at <= begun - 1]
        down = (bool(before) and not before[-1].up) or any(not link.up for at, link in self.links if at > begun - 1)
        if not ups or not down:
            told = [f"{'up' if link.up else 'down'} {at - begun:+.1f} s {link.detail}" for at, link in self.links[-4:]]
            self._broke("gap not marked", f"{kind} for {over - begun:.1f} s, told: {told}")
        elif max(link.gap_ms for link in ups) < 500:
            self._broke("gap not measured", f"{ups}")

    # ---- writing ---------------------------------------------------------------------------------------

    async def _write(self, connection: AssetConnection, trouble: Troubled) -> None:
        name = next((one for one in self.counterpart.writes if one != self.counterpart.steady), "")
        while name:
            await asyncio.sleep(self.luck.uniform(0.1, 0.6))
            value, calm = self._next(self.counterpart.writes[name]), trouble.calm_s
            self.figures["writes"] += 1
            try:
                told = (await connection.write({name: value}))[name]
            except WeftError as error:
                self.figures[error.code] += 1
                if error.code == "machine.no-answer":
                    await self._never_again(connection, trouble, name, value)
                continue
            if told:
                self._broke("refused", f"{name} {value}: {told}")
                continue
            self.figures["confirmed"] += 1
            await self._there(connection, trouble, calm, name, value)

    async def _there(
        self, connection: AssetConnection, trouble: Troubled, calm: float, name: str, value: Scalar
    ) -> None:
        for _ in range(40):
            with contextlib.suppress(WeftError):
                if (await connection.read([name]))[name].value == value:
                    return
            await asyncio.sleep(0.05)
        if calm and trouble.calm_s == calm:
            self._broke("confirmed and not there", f"{name} {value}")

    async def _never_again(self, connection: AssetConnection, trouble: Troubled, name: str, value: Scalar) -> None:
        """What was not answered may have arrived or not; once somebody else has written, it must not come again."""
        while not trouble.calm_for(SETTLED_S) or not connection.health.up:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(0.1)
        calm, other = trouble.calm_s, self._next(self.counterpart.writes[name])
        try:
            await asyncio.wait_for(self.counterpart.put(name, other), HEARD_S)
            await asyncio.sleep(AGAIN_S)
            seen = (await connection.read([name]))[name].value
        except Exception:  # noqa: BLE001 - a stock client that came too late for the calm
            return
        if trouble.calm_s != calm:
            return
        self.figures["unknown looked after"] += 1
        if seen == value:
            self._broke("sent again", f"{name} {value}")

    def _next(self, like: Scalar) -> Scalar:
        """A value that was never used before, of the kind of ``like``."""
        self._number += 1
        if isinstance(like, str):
            return f"N{self._number}"
        return float(100 + self._number % 300) + 0.5 if isinstance(like, float) else 1000 + self._number % 60_000

    def _broke(self, law: str, how: str) -> None:
        self.figures[law] += 1
        self.broken.append(f"{self.name}: {law}: {how}")
