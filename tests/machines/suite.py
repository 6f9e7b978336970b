"""What every asset connection must do, whatever its protocol: one suite over a counterpart in a process of its own.

How to use it: a class ``TestSomething(ReadSuite)`` or ``(WriteSuite)`` with a fixture ``counterpart`` that yields a
``Counterpart`` already begun, and kills it afterwards.
"""

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from weft.basis.errors import Unavailable
from weft.machines.keeping import Pace
from weft.shopfloor.connection import AssetConnection, Capability, Change, Link, Quality, Scalar, Value
from weft.shopfloor.description import Description

PACE = Pace(timeout_s=1.5, retry_s_min=0.1, retry_s_max=0.4, silence_s=1.5)
DEAF = Pace(timeout_s=600.0, retry_s_min=0.1, retry_s_max=0.4, silence_s=600.0)  # the control: it never wonders


class Counterpart(ABC):
    """A foreign device, server or broker; never our own code for the protocol under test.

    ``names``: properties of its description whose values stand as given after each ``begin``, so that a power cut loses
    what was written. ``steady``: one of them that ``put`` changes. ``bad``: properties of the description that the
    device does not know or gives as broken -> part of the reason. For ``WriteSuite``: ``writes``: what may be written
    together; ``refused``: what fits its type and is refused by the device itself -> part of the reason; ``unfit``: what
    does not fit its type.
    """

    names: Mapping[str, Scalar]
    steady: str
    bad: Mapping[str, str]
    writes: Mapping[str, Scalar] = {}
    refused: tuple[str, Scalar, str] = ("", 0, "")
    unfit: Sequence[tuple[str, Scalar]] = ()
    child: Any = None  # the asyncio process that is stopped and killed

    @abstractmethod
    async def begin(self) -> None:
        """Start it, on the same address as before; returns when it can be reached."""

    @abstractmethod
    def description(self) -> Description:
        """How it is reached."""

    @abstractmethod
    def connection(self, description: Description, pace: Pace) -> AssetConnection:
        """A connection of ours, not yet open."""

    @abstractmethod
    async def put(self, name: str, value: Scalar) -> None:
        """Change a value at the device itself, as its own program would; not by way of a connection of ours."""

    async def kill(self) -> None:
        """Pull the plug (SIGKILL)."""
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()

    def freeze(self) -> None:
        """It hangs: sockets stay open, nobody answers."""
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self.child.send_signal(signal.SIGCONT)


@dataclass
class Heard:
    """What a subscriber hears."""

    changes: list[Change] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def take(self, changes: Sequence[Change]) -> None:
        self.changes.extend(changes)

    def newest(self, name: str) -> Value | None:
        return next((value for one, value in reversed(self.changes) if one == name), None)

    def value(self, name: str) -> Scalar | None:
        found = self.newest(name)
        return found.value if found else None

    def names(self) -> set[str]:
        return {name for name, _ in self.changes}

    def ups(self) -> int:
        return sum(1 for one in self.links if one.up)

    def down(self) -> bool:
        return bool(self.links) and not self.links[-1].up


@asynccontextmanager
async def opened(
    counterpart: Counterpart, names: Sequence[str] = (), pace: Pace = PACE, wait_s: float = 15
) -> AsyncIterator[tuple[AssetConnection, Heard]]:
    """A connection to ``counterpart`` that listens to ``names``."""
    heard = Heard()
    connection = counterpart.connection(counterpart.description(), pace)
    if names:
        connection.subscribe(names, heard.take, heard.links.append)
    await connection.open()
    try:
        assert await connection.wait_up(wait_s), connection.health
        yield connection, heard
    finally:
        await connection.close()


async def until(true: Any, limit_s: float = 15.0) -> None:
    """Wait until ``true()`` holds; fails after ``limit_s``."""
    ends = asyncio.get_running_loop().time() + limit_s
    while not true() and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110 - any condition may be waited for
        await asyncio.sleep(0.02)
    assert true()


def good(values: Mapping[str, Value]) -> dict[str, Scalar | None]:
    """The values, all of them good."""
    assert all(one.good for one in values.values()), values
    return {name: one.value for name, one in values.items()}


class ReadSuite:
    """For every protocol."""

    reading_again: ClassVar[float] = 15.0  # how long a change may take to be heard

    async def test_values_are_read_fresh(self, counterpart: Counterpart) -> None:
        async with opened(counterpart) as (connection, _):
            assert good(await connection.read(list(counterpart.names))) == counterpart.names
            changed = _other(counterpart.names[counterpart.steady])
            await counterpart.put(counterpart.steady, changed)
            assert good(await connection.read([counterpart.steady])) == {counterpart.steady: changed}

    async def test_a_subscription_begins_with_all_values_and_brings_each_change(
        self, counterpart: Counterpart
    ) -> None:
        names = list(counterpart.names)
        async with opened(counterpart, names) as (connection, heard):
            await until(lambda: set(names) <= heard.names())
            assert {name: heard.value(name) for name in names} == counterpart.names
            changed = _other(counterpart.names[counterpart.steady])
            await counterpart.put(counterpart.steady, changed)
            await until(lambda: heard.value(counterpart.steady) == changed, self.reading_again)
            assert connection.health.up
            assert connection.health.changes >= len(names) + 1
        assert [one.up for one in heard.links] == [True]

    async def test_what_is_subscribed_on_an_open_link_begins_with_all_values_too(
        self, counterpart: Counterpart
    ) -> None:
        names, heard = list(counterpart.names), Heard()
        async with opened(counterpart) as (connection, _):
            connection.subscribe(names, heard.take, heard.links.append)
            await until(lambda: set(names) <= heard.names())

    async def test_one_bad_property_never_stops_the_others(self, counterpart: Counterpart) -> None:
        names = [*counterpart.bad, *counterpart.names]
        async with opened(counterpart, names) as (connection, heard):
            await until(lambda: set(names) <= heard.names())
            read = await connection.read([*names, "NobodyKnowsThis"])
            for name, reason in {**counterpart.bad, "NobodyKnowsThis": "unknown-property"}.items():
                assert read[name].quality is Quality.BAD
                assert read[name].value is None
                assert reason in read[name].detail, (name, read[name])
            assert {name: read[name].value for name in counterpart.names} == counterpart.names
            changed = _other(counterpart.names[counterpart.steady])
            await counterpart.put(counterpart.steady, changed)
            await until(lambda: heard.value(counterpart.steady) == changed, self.reading_again)
            assert set(connection.health.bad) == set(counterpart.bad)
        assert heard.ups() == 1

    async def test_after_a_power_cut_the_link_comes_back_with_its_gap_and_all_values(
        self, counterpart: Counterpart
    ) -> None:
        names = list(counterpart.names)
        async with opened(counterpart, names) as (connection, heard):
            await until(lambda: set(names) <= heard.names())
            await counterpart.put(counterpart.steady, _other(counterpart.names[counterpart.steady]))
            await counterpart.kill()
            await until(heard.down)
            with pytest.raises(Unavailable, match=r"machine\.unreachable"):
                await connection.read(names)
            with pytest.raises(Unavailable, match=r"machine\.unreachable"):
                await connection.write({names[0]: counterpart.names[names[0]]})
            await asyncio.sleep(1)
            heard.changes.clear()
            await counterpart.begin()
            await until(lambda: heard.ups() == 2)
            await until(lambda: set(names) <= heard.names())
            assert {name: heard.value(name) for name in names} == counterpart.names
        assert heard.links[-1].gap_ms > 1000

    async def test_a_machine_that_falls_silent_is_taken_for_lost(self, counterpart: Counterpart) -> None:
        names = list(counterpart.names)
        async with opened(counterpart, names) as (connection, heard):
            await until(lambda: set(names) <= heard.names())
            counterpart.freeze()
            try:
                await until(heard.down)
                assert not connection.health.up
            finally:
                counterpart.thaw()
            await until(lambda: heard.ups() == 2, 20)

    async def test_control_who_never_wonders_takes_a_silent_machine_for_well(self, counterpart: Counterpart) -> None:
        names = list(counterpart.names)
        async with opened(counterpart, names, DEAF) as (connection, heard):
            await until(lambda: set(names) <= heard.names())
            counterpart.freeze()
            try:
                await asyncio.sleep(3)  # in this time the one above is known to be down
                assert connection.health.up
                assert not heard.down()
            finally:
                counterpart.thaw()

    async def test_nothing_is_told_after_the_end(self, counterpart: Counterpart) -> None:
        names = list(counterpart.names)
        async with opened(counterpart, names) as (_, heard):
            await until(lambda: set(names) <= heard.names())
        told = len(heard.changes), len(heard.links)
        await counterpart.put(counterpart.steady, _other(counterpart.names[counterpart.steady]))
        await asyncio.sleep(0.5)
        assert (len(heard.changes), len(heard.links)) == told

    async def test_a_connection_that_never_came_up_says_so(self, counterpart: Counterpart) -> None:
        await counterpart.kill()
        connection = counterpart.connection(counterpart.description(), PACE)
        await connection.open()
        try:
            assert not await connection.wait_up(0.5)
            with pytest.raises(Unavailable, match=r"machine\.unreachable"):
                await connection.read(list(counterpart.names))
            await until(lambda: connection.health.error != "")
            assert connection.health.heard_s == -1
        finally:
            await connection.close()


class WriteSuite(ReadSuite):
    """For protocols that write, too."""

    async def test_several_values_are_written_and_read_back(self, counterpart: Counterpart) -> None:
        async with opened(counterpart) as (connection, _):
            assert Capability.WRITE in connection.capabilities
            assert await connection.write(counterpart.writes) == dict.fromkeys(counterpart.writes, "")
            await _reads(connection, counterpart.writes)

    async def test_the_devices_refusal_is_its_own_reason(self, counterpart: Counterpart) -> None:
        name, value, reason = counterpart.refused
        async with opened(counterpart) as (connection, _):
            before = (await connection.read([name]))[name].value
            assert reason in (await connection.write({name: value}))[name]
            assert (await connection.read([name]))[name].value == before

    async def test_what_does_not_fit_is_never_sent_nor_what_comes_with_it(self, counterpart: Counterpart) -> None:
        for name, value in counterpart.unfit:
            other = next(one for one in counterpart.writes if one != name)
            async with opened(counterpart) as (connection, _):
                before = await connection.read([other])
                told = await connection.write({other: counterpart.writes[other], name: value})
                assert told[name] not in ("", "not-sent"), (name, value)
                assert told[other] == "not-sent"
                assert (await connection.read([other]))[other].value == before[other].value

    async def test_a_write_that_is_not_answered_is_unknown_and_never_sent_again(self, counterpart: Counterpart) -> None:
        name = next(iter(counterpart.writes))
        wanted = counterpart.writes[name]
        async with opened(counterpart, [name]) as (connection, heard):
            await until(lambda: name in heard.names())
            counterpart.freeze()
            try:
                with pytest.raises(Unavailable, match=r"machine\.no-answer"):
                    await connection.write({name: wanted})
            finally:
                counterpart.thaw()
            await until(lambda: connection.health.up, 20)
            await asyncio.sleep(0.5)  # what was on its way has arrived
            await counterpart.put(name, _other(wanted))
            await asyncio.sleep(2)  # more than any client waits before it tries again
            assert (await connection.read([name]))[name].value == _other(wanted)

    async def test_control_a_write_that_is_answered_is_not_unknown(self, counterpart: Counterpart) -> None:
        name = next(iter(counterpart.writes))
        async with opened(counterpart) as (connection, _):
            assert await connection.write({name: counterpart.writes[name]}) == {name: ""}
            await _reads(connection, {name: counterpart.writes[name]})


async def _reads(connection: AssetConnection, wanted: Mapping[str, Scalar], limit_s: float = 5.0) -> None:
    """What was written is read back; some devices need a moment."""
    ends = asyncio.get_running_loop().time() + limit_s
    while True:
        read = {name: one.value for name, one in (await connection.read(list(wanted))).items()}
        if read == dict(wanted) or asyncio.get_running_loop().time() > ends:
            break
        await asyncio.sleep(0.05)
    assert read == dict(wanted)


def _other(value: Scalar) -> Scalar:
    """Another value of the same kind, and one that is again another."""
    if isinstance(value, bool):
        return not value
    return f"{value}x"[-20:] if isinstance(value, str) else value + 1
