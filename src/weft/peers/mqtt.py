"""Events to MQTT brokers: QoS 1, MQTT 5 where the broker has it, else 3.1.1; TLS with the broker's name checked.

MQTT 5.0 and 3.1.1 (OASIS), CloudEvents 1.0.2 MQTT binding (structured JSON). The protocol is ``paho-mqtt``, imported
when it is first needed; each connection runs in a thread of its own, so that one which hangs holds up nobody.
Rule 1: an event is taken when the broker has acknowledged it (PUBACK) and said no fault in it.
Rule 2: a connection at which anything went wrong is not used again; what was not acknowledged is sent anew.
Rule 3: what is connected to is what ``guard.py`` let pass; without encryption that is our own network alone.
Not here: topics (``engine/twins/subscriptions.py``), when something is sent (``engine/twins/delivering.py``).
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from weft.basis.errors import Invalid, Refused, Unavailable, WeftError
from weft.engine.twins.subscriptions import Message, Target
from weft.peers.guard import Barred, Guard, host_of
from weft.peers.webhook import ONE, reaching, unreached

CONNECT_S: Final = 5.0
ANSWER_MAX: Final = 64 * 1024  # bytes of one packet: nothing is subscribed to, so a broker only ever acknowledges
ANSWER_S: Final = 20.0
KEEPALIVE_S: Final = 30
PLACES_MAX: Final = 4
WINDOW: Final = 100  # messages under way, where the broker does not say less
PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
V5, V311 = 5, 4
OLD_BROKER: Final = 0x84  # reason: unsupported protocol version
NO_LOGIN: Final = frozenset({0x86, 0x87})  # bad user name or password, not authorised


class _Older(Exception):
    """The broker does not speak MQTT 5: it says so, or hangs up without a word."""


@dataclass(slots=True)
class _Line:
    """One connection; everything but ``run`` happens in the event loop."""

    client: Any
    version: int
    loop: asyncio.AbstractEventLoop
    opened: "asyncio.Future[None]"
    waiting: "dict[int, asyncio.Future[None]]" = field(default_factory=dict)  # by packet
    window: int = WINDOW
    up: bool = False
    ended: bool = False

    def run(self, host: str, port: int, connect: dict[str, Any]) -> None:
        """Connect, in a thread of its own; what follows is read and written in one of the library's."""
        try:
            self.client.connect(host, port, KEEPALIVE_S, **connect)
            self.client.loop_start()
        except Exception as error:  # noqa: BLE001 - whatever a thread meets is told to who waits for it
            with contextlib.suppress(RuntimeError):  # the node has ended meanwhile
                self.loop.call_soon_threadsafe(self.over, error)

    def over(self, error: BaseException) -> None:
        """It has ended: nothing that waits will be answered."""
        self.up = False
        told = error if isinstance(error, WeftError) else unreached(error)
        for one in (self.opened, *self.waiting.values()):
            if not one.done():
                one.set_exception(told)
                one.exception()  # it may be that nobody asks any more
        self.waiting.clear()

    def hung_up(self) -> None:
        """The broker has."""
        if not self.opened.done() and self.version == V5:
            self.opened.set_exception(_Older())
        self.over(Unavailable("twin-event.hung-up"))

    def greeted(self, code: int, words: str, most: int) -> None:
        """The broker has answered CONNECT; ``most``: how many messages may be under way to it."""
        self.window = max(1, min(WINDOW, most))
        if self.ended:  # it came too late
            self.client.disconnect()
        elif self.opened.done():
            pass  # a second greeting says nothing
        elif code == 0:
            self.up = True
            self.opened.set_result(None)
        elif code == OLD_BROKER:
            self.opened.set_exception(_Older())
        else:
            self.opened.set_exception(Refused("twin-event.broker-login") if code in NO_LOGIN else Unavailable(
                "twin-event.broker-refused", reason=words[:80]))

    def acknowledged(self, packet: int, words: str) -> None:
        """The broker has answered PUBLISH; ``words``: what was wrong."""
        one = self.waiting.pop(packet, None)
        if one is not None and not one.done():
            if words:
                one.set_exception(Unavailable("twin-event.broker-refused", reason=words[:80]))
                one.exception()  # an earlier one may be told of instead
            else:
                one.set_result(None)

    def end(self) -> None:
        """Hang up; the thread ends by itself."""
        self.up, self.ended = False, True
        self.client.disconnect()


@dataclass(slots=True)
class MqttBrokers:
    """Implements ``engine.twins.subscriptions.Sender``."""

    guard: Guard
    answer_s: float = ANSWER_S
    _lines: dict[str, _Line] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _old: set[str] = field(default_factory=set)  # whose broker speaks 3.1.1 only

    async def send(self, to: Target, messages: Sequence[Message]) -> int:
        """Publish as many of ``messages`` as may be under way; how many were acknowledged. Raises as the port says."""
        async with self._turns.setdefault(to.about.id, asyncio.Lock()):  # a test meets its own worker here
            line = self._lines.get(to.about.id)
            if line is None or not line.up:
                line = await self._connected(to)
        messages = messages[:line.window]
        asked = self._published(line, to, messages)
        try:
            await asyncio.wait(asked, timeout=self.answer_s, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            taken = _taken(asked)
            if taken < len(messages):
                await self.forget(to.about.id)  # Rule 2
        if not taken:
            first = asked[0]
            raise (first.exception() if first.done() and not first.cancelled() else None) or Unavailable(
                "twin-event.no-answer")
        return taken

    def _published(self, line: _Line, to: Target, messages: Sequence[Message]) -> "list[asyncio.Future[None]]":
        """Hand ``messages`` to the connection's thread; what their acknowledgements come to."""
        asked = []
        for one in messages:
            sent = line.client.publish(to.topic, one.body, qos=1, **self._properties(to))
            done: asyncio.Future[None] = line.loop.create_future()
            asked.append(done)
            if sent.rc:
                done.set_exception(Unavailable("twin-event.hung-up"))
                done.exception()
            else:
                line.waiting[sent.mid] = done
        return asked

    def _properties(self, to: Target) -> dict[str, Any]:
        if to.about.id in self._old:
            return {}
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        told: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # it says nothing of types
        told.PayloadFormatIndicator = 1
        told.ContentType = ONE
        return {"properties": told}

    async def _connected(self, to: Target) -> _Line:
        await self.forget(to.about.id)
        if to.about.id not in self._old:
            with contextlib.suppress(_Older):
                return await self._connect(to, V5)
        try:
            line = await self._connect(to, V311)
        except _Older as error:
            raise Unavailable("twin-event.broker-refused", reason="MQTT 3.1.1, 5") from error
        self._old.add(to.about.id)
        return line

    async def _connect(self, to: Target, version: int) -> _Line:
        parts, places = urlsplit(to.about.address), await self._places(to)
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        opened.add_done_callback(lambda one: one.cancelled() or one.exception())  # nobody may ask any more
        line = _Line(_client(to, version, places), version, loop, opened)
        _listen(line)
        self._lines[to.about.id] = line
        threading.Thread(target=line.run, args=(host_of(to.about.address), parts.port or PORTS[parts.scheme], {
            "clean_start": True} if version == V5 else {}), daemon=True, name=f"mqtt {to.about.id}").start()
        try:
            async with asyncio.timeout(self.answer_s):
                await asyncio.shield(line.opened)
        except TimeoutError as error:
            line.end()
            raise Unavailable("twin-event.no-answer") from error
        except BaseException:
            line.end()
            raise
        return line

    async def _places(self, to: Target) -> list[tuple[int, Any]]:
        """(family, address) of all that may be connected to."""
        parts, guard = urlsplit(to.about.address), reaching(self.guard, to)
        try:
            async with asyncio.timeout(CONNECT_S):
                found = await guard.resolved(host_of(to.about.address), parts.port or PORTS[parts.scheme],
                                             socket.AF_UNSPEC)
        except (Barred, OSError, TimeoutError, ValueError) as error:
            raise unreached(error) from error
        return [(one[0], one[-1]) for one in found[:PLACES_MAX]]

    async def forget(self, id: str) -> None:
        """Hang up."""
        line = self._lines.pop(id, None)
        if line is not None:
            line.end()

    async def close(self) -> None:
        """Hang up everywhere."""
        for name in tuple(self._lines):
            await self.forget(name)


def _taken(asked: "Sequence[asyncio.Future[None]]") -> int:
    """How many of the first were acknowledged without fault."""
    taken = 0
    for one in asked:
        if not one.done() or one.cancelled() or one.exception() is not None:
            break
        taken += 1
    return taken


def _socket(place: tuple[int, Any], context: ssl.SSLContext | None, host: str) -> socket.socket:
    """A connection to ``place`` (family, address); with ``context`` by TLS, to whoever is ``host``."""
    made = socket.socket(place[0], socket.SOCK_STREAM)
    try:
        made.settimeout(CONNECT_S)
        made.connect(place[1])
        if context is not None:
            made = context.wrap_socket(made, server_hostname=host, do_handshake_on_connect=False)
            made.do_handshake()
    except BaseException:
        made.close()
        raise
    return made


def _client(to: Target, version: int, places: Sequence[tuple[int, Any]]) -> Any:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    class Guarded(Client):
        """Connects to where the guard let it pass, whatever its host resolves to by now."""

        def _create_socket(self) -> socket.socket:
            for place in places[:-1]:
                with contextlib.suppress(OSError):
                    return _socket(place, context, host)
            return _socket(places[-1], context, host)

        def _sock_recv(self, bufsize: int) -> bytes:
            """What the broker says; who announces more than an answer can be is not listened to any longer."""
            if bufsize > ANSWER_MAX:
                raise ConnectionAbortedError
            return super()._sock_recv(bufsize)

    context, host = trusting(to.credentials.ca) if to.about.encrypted else None, host_of(to.about.address)
    session: dict[str, Any] = {} if version == V5 else {"clean_session": True}
    client = Guarded(CallbackAPIVersion.VERSION2, to.client, protocol=MQTTProtocolVersion(version),
                     reconnect_on_failure=False, **session)
    client.connect_timeout, client.max_inflight_messages = CONNECT_S, WINDOW
    if to.credentials.user:
        client.username_pw_set(to.credentials.user, to.credentials.password or None)
    return client


def trusting(authority: str) -> ssl.SSLContext:
    """TLS that believes the system's authorities, or (PEM) that one alone; raises ``Invalid('twin-event.ca')``."""
    try:
        return ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError, TypeError) as error:  # TypeError: letters that PEM has not
        raise Invalid("twin-event.ca") from error


def _listen(line: _Line) -> None:
    """What the thread hears is told to the loop."""

    def tell(what: Callable[..., None], *facts: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the node has ended meanwhile
            line.loop.call_soon_threadsafe(what, *facts)

    def greeted(_client: Any, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        tell(line.greeted, int(reason.value), str(reason), int(getattr(properties, "ReceiveMaximum", WINDOW)))

    def acknowledged(_client: Any, _data: Any, packet: int, reason: Any, _properties: Any) -> None:
        tell(line.acknowledged, packet, str(reason) if reason.is_failure else "")

    def over(_client: Any, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        tell(line.hung_up)

    line.client.on_connect, line.client.on_publish, line.client.on_disconnect = greeted, acknowledged, over
