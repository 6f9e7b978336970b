"""The asset connection over Modbus TCP: neighbours are read in blocks, what is written is sent once.

Modbus Application Protocol 1.1b3 and Messaging on TCP/IP 1.0b, by pymodbus; one request is under way at a time.
Rule 1: a block has at most 125 registers or 2,000 bits, bridges only small gaps, and is split where the device refuses
        it, down to the one bad tag; where it was split is remembered until the link is made anew.
Rule 2: an exception is an answer: the link is up, the property is BAD with what the device said.
Rule 3: nothing is sent twice; an exception that does not say what was done is ``machine.no-answer``.
Rule 4: bytes that are no frame end the link; an answer by another function than was asked for is no value.
Rule 5: one bit of a register is written by the device itself (function 22), never by reading and writing it whole.
Not here: where a value lies and what it means (``modbus_values``), rounds (``polling``).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException

from weft.basis.errors import Invalid
from weft.machines.keeping import Pace
from weft.machines.modbus_values import Entity, Place, place, raw_of, value_of
from weft.machines.polling import LOOK_AGAIN_S, PolledConnection, bad, unfit
from weft.shopfloor.connection import BrowsedNode, Capability, Scalar, Value
from weft.shopfloor.description import Description

PORT: Final = 502
REGISTERS_MAX: Final = 125
BITS_MAX: Final = 2000
GAP: Final = 16  # registers nobody asked for that a block may bridge
BIT_GAP: Final = 256
CAPABILITIES: Final = frozenset({Capability.READ, Capability.WRITE, Capability.SUBSCRIBE, Capability.INVOKE})
_WORDS: Final = {
    1: "illegal function", 2: "illegal address", 3: "illegal value", 4: "device failure", 5: "acknowledged",
    6: "device busy", 7: "negative acknowledge", 8: "memory parity error", 10: "gateway path unavailable",
    11: "gateway target does not answer",
}
_READS: Final = {Entity.COIL: 1, Entity.DISCRETE: 2, Entity.HOLDING: 3, Entity.INPUT: 4}
_SPLITS: Final = frozenset({2, 3, 4})  # perhaps the fault of one address in the block
_DOUBTFUL: Final = frozenset({4, 11})  # perhaps done, perhaps not
_ACCEPTED: Final = 5  # done later

_log = logging.getLogger("pymodbus.logging")
if _log.level == logging.NOTSET:  # a link that is down is told once, by the link itself
    _log.setLevel(logging.CRITICAL + 1)


class ModbusConnection(PolledConnection):
    """One machine over Modbus TCP; see ``AssetConnection``."""

    def __init__(self, description: Description, pace: Pace | None = None) -> None:
        super().__init__(description, pace)
        self._client: AsyncModbusTcpClient | None = None
        self._places: dict[str, Place] = {}
        self._writing: dict[str, Place] = {}
        self._wrong: dict[str, str] = {}
        self._cuts: set[tuple[int, Entity, int]] = set()
        self._refused: dict[str, tuple[float, str]] = {}
        self._plans: dict[tuple[str, ...], list[list[str]]] = {}
        for name, prop in description.properties.items():
            try:
                spot = place(description.base, prop.href, prop.form, prop.type)
                form = {**prop.form, **prop.write_form} if prop.write_form else prop.form
                self._writing[name] = place(description.base, str(form.get("href", prop.href)), form, prop.type)
                self._places[name] = spot
            except Invalid as error:
                self._wrong[name] = error.code.removeprefix("machine.")

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    # ---- the link --------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        parts = urlsplit(self.description.base)
        client = AsyncModbusTcpClient(parts.hostname or "", port=parts.port or PORT, retries=0, reconnect_delay=0,
                                      timeout=self._pace.timeout_s)
        _end_at_noise(client)
        self._client = client
        if not await client.connect():
            raise ConnectionError("refused")
        self._cuts.clear()
        self._refused.clear()
        self._plans.clear()

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _request(self, ask: Awaitable[Any], limit_ms: int = 0) -> Any:
        """The answer to one request, or the code of its exception; raises ``ConnectionError``, ``TimeoutError``."""
        limit_s = min(self._pace.timeout_s, limit_ms / 1000) if limit_ms else self._pace.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                answer = await ask
        except ConnectionException as error:
            raise ConnectionError("connection lost") from error
        except ModbusException as error:
            raise TimeoutError from error
        return int(answer.exception_code) if answer.isError() else answer

    def _require(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            raise ConnectionError("connection lost")
        return self._client

    # ---- reading ---------------------------------------------------------------------------------------

    async def _fetch(self, names: Sequence[str]) -> Mapping[str, Value]:
        units: dict[int, list[str]] = {}
        now = time.monotonic()
        found: dict[str, Value] = {}
        for name in names:
            until, why = self._refused.get(name, (0.0, ""))
            if name in self._wrong or until > now:
                found.update(bad([name], self._wrong.get(name, why)))
            else:
                units.setdefault(self._places[name].unit, []).append(name)
        found.update(await self._gathered(
            (tuple(some), partial(self._read_unit, tuple(some))) for some in units.values()))
        return found

    async def _read_unit(self, names: tuple[str, ...]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plans[names] = self._blocks(names)
        for block in plan:
            found.update(await self._read_block(block))
        return found

    def _blocks(self, names: Sequence[str]) -> list[list[str]]:
        """``names`` in blocks of neighbours (Rule 1)."""
        blocks: list[list[str]] = []
        ends = (-1, Entity.COIL, 0, 0)  # unit, table, begin and end of the last block
        last = -1
        for name in sorted(names, key=lambda one: (self._places[one].entity, self._places[one].address)):
            spot = self._places[name]
            unit, entity, begin, end = ends
            most, gap = (BITS_MAX, BIT_GAP) if spot.entity.bits else (REGISTERS_MAX, GAP)
            joins = ((unit, entity) == (spot.unit, spot.entity) and spot.address <= end + gap
                     and max(end, spot.end) - begin <= most
                     and (spot.address == last or (spot.unit, spot.entity, spot.address) not in self._cuts))
            last = spot.address
            if joins:
                blocks[-1].append(name)
                ends = (unit, entity, begin, max(end, spot.end))
            else:
                blocks.append([name])
                ends = (spot.unit, spot.entity, spot.address, spot.end)
        return blocks

    async def _read_block(self, names: list[str]) -> dict[str, Value]:
        spots = [self._places[name] for name in names]
        first, end = spots[0], max(one.end for one in spots)
        client = self._require()
        ask = {Entity.COIL: client.read_coils, Entity.DISCRETE: client.read_discrete_inputs,
               Entity.INPUT: client.read_input_registers, Entity.HOLDING: client.read_holding_registers}[first.entity]
        answer = await self._request(
            ask(first.address, count=end - first.address, device_id=first.unit), max(one.timeout_ms for one in spots))
        if isinstance(answer, int):
            return await self._split(names, answer)
        if answer.function_code != _READS[first.entity]:
            return bad(names, "other function")
        raw = answer.bits if first.entity.bits else answer.registers
        if len(raw) < end - first.address:
            return bad(names, "short answer")
        return {name: value_of(spot, raw[spot.address - first.address : spot.end - first.address])
                for name, spot in zip(names, spots, strict=True)}

    async def _split(self, names: list[str], code: int) -> dict[str, Value]:
        """What a block gives that the device refused with ``code``."""
        why = _said(code)
        if code not in _SPLITS:
            return bad(names, why)
        self._plans.clear()
        begins = sorted({self._places[name].address for name in names})
        if len(begins) == 1:
            self._refused |= dict.fromkeys(names, (time.monotonic() + LOOK_AGAIN_S, why))
            return bad(names, why)
        spot, middle = self._places[names[0]], begins[len(begins) // 2]
        self._cuts.add((spot.unit, spot.entity, middle))
        low = [name for name in names if self._places[name].address < middle]
        return {**await self._read_block(low), **await self._read_block(names[len(low):])}

    # ---- writing ---------------------------------------------------------------------------------------

    async def _send(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        raw = {name: raw_of(self._writing[name], value) for name, value in values.items() if name in self._writing}
        wrong = {name: self._wrong.get(name, "type") for name in values if raw.get(name) is None}
        wrong |= {name: "read-only" for name in raw if self._writing[name].entity in (Entity.INPUT, Entity.DISCRETE)}
        if wrong:
            return unfit(values, wrong)
        told = dict.fromkeys(values, "not-sent")
        for name, words in raw.items():
            told[name] = await self._write(self._writing[name], words or [])
            if told[name]:
                break
        return told

    async def _write(self, spot: Place, words: list[int]) -> str:
        client = self._require()
        where: dict[str, Any] = {"address": spot.address, "device_id": spot.unit}
        if spot.bit is not None:
            mask = 1 << spot.bit
            ask = client.mask_write_register(
                and_mask=0xFFFF & ~mask, or_mask=mask if words[0] else 0, **where)
        elif spot.entity is Entity.COIL:
            ask = (client.write_coils(values=[bool(words[0])], **where) if spot.several
                   else client.write_coil(value=bool(words[0]), **where))
        elif len(words) > 1 or spot.several:
            ask = client.write_registers(values=words, **where)
        else:
            ask = client.write_register(value=words[0], **where)
        answer = await self._request(ask, spot.timeout_ms)
        if not isinstance(answer, int) or answer == _ACCEPTED:
            return ""
        if answer in _DOUBTFUL:
            raise TimeoutError(_said(answer))
        return _said(answer)

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Write the one argument of ``action``, or else its ``weft:value``, to where its form points."""
        known = self.description.actions.get(action)
        if known is None:
            return "unknown-action"
        if len(arguments) > 1:
            return "arguments"
        value = arguments[0] if arguments else known.form.get("weft:value", True)
        kind = "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "integer"
        try:
            spot = place(self.description.base, known.href, known.form, kind)
        except Invalid as error:
            return error.code.removeprefix("machine.")
        words = raw_of(spot, value)
        if words is None:
            return "type"
        return await self._told_machine(lambda: self._write(spot, words), action)

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:  # noqa: ARG002 - the port's
        """Nothing: Modbus has addresses and no names; they stand in the machine's manual."""
        return ()


def _end_at_noise(client: AsyncModbusTcpClient) -> None:
    """Have ``client`` hang up at bytes that are no frame: it would raise in the event loop, once for each attempt."""
    framed = client.ctx.callback_data

    def taken(data: bytes, addr: Any = None) -> int:
        try:
            return int(framed(data, addr=addr))
        except ModbusException:
            client.close()
            return len(data)

    client.ctx.callback_data = taken  # type: ignore[method-assign]  # the library has no other place for it


def _said(code: int) -> str:
    """An exception code in words."""
    return f"{_WORDS.get(code, 'exception')} ({code})"
