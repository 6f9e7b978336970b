"""The asset connection over MQTT: values from topics, writes and actions as messages to topics.

MQTT 5.0, or 3.1.1 where ``weft:mqttVersion`` says so; W3C WoT MQTT binding; each machine has a connection of its own,
so that its login, its last will and its flood are nobody else's.
Rule 1: a write is sent once, while the machine is there, and never kept for later; the broker's PUBACK says that it
        went on, reading back that it was done.
Rule 2: that the broker is gone, that it lets us not in, that the machine says it is off and that it has fallen silent
        are four different things, and are told as such.
Rule 3: our own words are no read-back: what would only come back from the broker is not written at all.
Rule 4: a command that its machine did not get while it is read back lapses at the broker (MQTT 5.0): what was told as
        unknown, and settled by a person, must not happen an hour later.
Rule 5: what cannot be read is BAD for that property alone; a topic that is refused is told with its reason.
Not here: the connection itself (``mqtt_line``), payloads (``mqtt_values``), secrets (``mqtt_access``).
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from weft.basis.errors import Invalid, WeftError
from weft.machines import mqtt_browse, mqtt_values, payloads
from weft.machines.brokered import BrokeredConnection
from weft.machines.keeping import Pace
from weft.machines.mqtt_access import door
from weft.machines.mqtt_line import Line, dial
from weft.machines.mqtt_packets import V5, Message
from weft.machines.mqtt_presence import Presence
from weft.machines.mqtt_values import Source, Target
from weft.shopfloor.connection import BrowsedNode, Capability, Change, Scalar
from weft.shopfloor.description import Description

CAPABILITIES: Final = frozenset(Capability)
OWN_ECHO: Final = "own-echo"
ROUTES_MAX: Final = 10_000  # topics whose readers are remembered


class MqttConnection(BrokeredConnection):
    """One machine over MQTT; see ``AssetConnection``."""

    def __init__(self, description: Description, secrets: Path | None = None, machine: str = "",
                 pace: Pace | None = None) -> None:
        super().__init__(description, pace)
        self._door = door(description, secrets, machine or description.id)
        self._presence = Presence.of(description)
        self._line: Line | None = None
        self._sources: list[Source] = []
        self._targets: dict[str, Target | str] = {}
        self._routes: dict[str, tuple[Source, ...]] = {}
        self._compile()

    def _compile(self) -> None:
        for name, prop in self.description.properties.items():
            try:
                one = mqtt_values.source(prop, self.description)
            except Invalid as error:
                self._wrong[name] = error.code.removeprefix("machine.")
                continue
            self._sources.append(one)
            if one.stale_ms:
                self._stale_s[name] = one.stale_ms / 1000
        for name, prop in self.description.properties.items():
            try:
                to = mqtt_values.target(prop, self.description)
            except Invalid as error:
                self._targets[name] = error.code.removeprefix("machine.")
            else:
                self._targets[name] = OWN_ECHO if self._echoes(to) else to

    def _echoes(self, to: Target) -> bool:
        """Whether we would read back our own words: retained ones, and any in 3.1.1, which has no No Local."""
        return (to.retain or self._door.version != V5) and any(
            mqtt_values.matches(one.place.topic, to.place.topic) for one in self._sources)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    # ---- the link --------------------------------------------------------------------------------------

    async def _live(self) -> None:
        line = await dial(self._door.broker(), self._on_messages, self._pace.timeout_s, self._pace.silence_s)
        watching = asyncio.create_task(self._watch(line))
        try:
            self._forget()
            self._presence.forget()
            await self._listen(line)
            self._line, self.notice = line, line.notice
            await self._stay()
        finally:
            self._line = None
            self._last_heard = max(self._last_heard, line.heard) if self._links else 0.0
            watching.cancel()
            await asyncio.shield(_hung_up(line))

    async def _watch(self, line: Line) -> None:
        await line.watch(self._pace.silence_s)
        self._news.set()

    async def _listen(self, line: Line) -> None:
        """Subscribe, and wait for what lies at the broker already; it comes before the answer to a ping."""
        wanted = dict.fromkeys(self._presence.topics, 1)
        for one in self._sources:
            wanted[one.place.topic] = max(one.qos, wanted.get(one.place.topic, 0))
        refused = await line.subscribe(wanted, self._pace.timeout_s)
        for one in self._sources:
            if one.place.topic in refused:
                self._wrong[one.name] = refused[one.place.topic]
            elif one.name in self._wrong:
                del self._wrong[one.name]
        await line.ping(self._pace.timeout_s)

    def _absence(self) -> str:
        if self._line is not None and self._line.error is not None:
            raise self._line.error
        return self._presence.absence(time.monotonic())

    def _next_s(self) -> float:
        return self._presence.next_s(time.monotonic())

    # ---- what is heard ---------------------------------------------------------------------------------

    def _on_messages(self, messages: Sequence[Message]) -> None:
        now, now_ms = time.monotonic(), time.time_ns() // 1_000_000
        changes: list[Change] = []
        for message in messages:
            if self._presence.take(message, now):
                self._beat = max(self._beat, self._presence.beat)
                self._news.set()
            readers = self._routes.get(message.topic)
            if readers is None:
                readers = self._route(message.topic)
            if not readers:
                continue
            document: Any = None
            if not message.passed_over and any(one.json for one in readers):
                document = payloads.decoded(message.payload)
            for one in readers:
                before = self._newest.get(one.name)
                changes.append((one.name, mqtt_values.value_of(
                    one, message, document, now_ms, None if before is None else before.value)))
        if changes:
            self._took(changes, now)

    def _route(self, topic: str) -> tuple[Source, ...]:
        if len(self._routes) >= ROUTES_MAX:
            self._routes.clear()
        found = tuple(one for one in self._sources if mqtt_values.matches(one.place.topic, topic))
        if len(topic) <= mqtt_values.LEVELS_MAX:
            self._routes[topic] = found
        return found

    # ---- what is published -----------------------------------------------------------------------------

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Publish; what goes to one topic goes as one message. Gives per name an empty string, or why not."""
        refused = {name: why for name, value in values.items() if (why := self._misfit(name, value))}
        if refused:
            return {name: refused.get(name, "not-sent") for name in values}
        told = dict.fromkeys(values, "not-sent")
        by_topic: dict[str, list[tuple[str, Target, Scalar]]] = {}
        for name, value in values.items():
            to = self._targets[name]
            assert isinstance(to, Target)
            by_topic.setdefault(to.place.topic, []).append((name, to, value))
        first = True
        for parts in by_topic.values():
            why = await self._publish([(to, value) for _, to, value in parts], ", ".join(values),
                                      self.description.readback_ms, first=first)
            first = False
            told.update({name: why for name, _, _ in parts})
            if why:
                break
        return told

    def _misfit(self, name: str, value: Scalar) -> str:
        prop, to = self.description.properties.get(name), self._targets.get(name)
        if prop is None or to is None:
            return "unknown-property"
        if isinstance(to, str):
            return to
        return "" if payloads.fits(prop.type, value) else "type"

    async def _publish(self, parts: Sequence[tuple[Target, Any]], about: str, within_ms: int, *,
                       first: bool = True) -> str:
        line = self._line
        if line is None or not self._linked or line.error is not None:
            raise self._unreachable() if first else self._no_answer(f"link lost: {about}")
        to = parts[0][0]
        message = Message(to.place.topic, mqtt_values.payload(parts), retained=to.retain,
                          lapses_s=0 if to.retain else max(1, within_ms // 1000))
        try:
            return await line.publish(message, to.qos, self._pace.timeout_s)
        except (WeftError, TimeoutError) as error:
            raise self._no_answer(f"{self._reason(error)}: {about}") from error

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Publish an action: its arguments by name, one alone as plain text; an empty string, or why not."""
        known = self.description.actions.get(action)
        if known is None:
            return "unknown-action"
        if len(arguments) != len(known.arguments):
            return "arguments"
        try:
            to = mqtt_values.writing(known.href, known.form, self.description)
        except Invalid as error:
            return error.code.removeprefix("machine.")
        if not to.json and len(arguments) > 1:
            return "arguments"
        given: Any = dict(zip(known.arguments, arguments, strict=True))
        if not to.json:
            given = arguments[0] if arguments else None
        return await self._publish([(to, given)], action, self.description.start_ms)

    # ---- browsing --------------------------------------------------------------------------------------

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:
        """What is heard at the broker within some seconds, at most ``depth`` levels of topic deep below ``under``."""
        if not self._linked:
            raise self._unreachable()
        terms = self.description.terms
        above = under.partition("#")[0].rstrip("/")
        wanted = f"{above}/#" if above else str(terms.get("weft:browse", "#"))
        hearing = mqtt_browse.Hearing(depth, above)
        line = await dial(self._door.broker("browse"), hearing.take, self._pace.timeout_s, self._pace.silence_s)
        try:
            await hearing.listen(line, wanted, self.description, self._pace.timeout_s)
        finally:
            await asyncio.shield(_hung_up(line))
        return hearing.nodes()


async def _hung_up(line: Line) -> None:
    with contextlib.suppress(Exception):  # a broker that is gone cannot be told goodbye
        await line.bye()
