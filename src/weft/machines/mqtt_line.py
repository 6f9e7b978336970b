"""One connection to an MQTT broker: a packet is sent once, its answer awaited; silence is an end.

MQTT 5.0 or 3.1.1 over TCP or TLS, in the node's event loop: no thread, no queue of messages (decision 9).
Rule 1: a session begins clean and ends with the connection, so that nothing is ever sent twice, by us or a broker.
Rule 2: messages are handed on as they are read: who takes them slowly slows the broker down, and nothing piles up.
Rule 3: a login is sent only after the broker's certificate has been checked.
Not here: packets (``mqtt_packets``), secrets and certificates (``mqtt_access``), trying again (``keeping``).
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import Denied, Unavailable, WeftError
from weft.machines import mqtt_packets as packets
from weft.machines.keeping import reason
from weft.machines.mqtt_packets import Answer, Broken, Login, Message, Will

OnMessages = Callable[[Sequence[Message]], None]
UNDER_WAY_MAX: Final = 100  # messages of ours that no answer has come to
WAITING_MAX: Final = 1_000  # packets of which nobody waits for the answer any more are numbered still
NO_LOGIN: Final = frozenset({0x86, 0x87})
OLDER: Final = 0x84
NOBODY: Final = 0x10  # PUBACK: no subscriber is there
FAILED: Final = 0x80  # reasons from here on are refusals
_WORDS: Final = {
    0x10: "nobody-listens", 0x81: "malformed", 0x85: "client-id", 0x87: "not-authorized", 0x88: "unavailable",
    0x89: "busy", 0x8A: "banned", 0x8B: "shutting-down", 0x8D: "keep-alive", 0x8E: "taken-over", 0x8F: "topic",
    0x90: "topic", 0x93: "receive-maximum", 0x95: "too-large", 0x97: "quota", 0x99: "payload", 0x9A: "no-retain",
    0x9F: "rate", 0xA2: "no-wildcards",
}


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how. ``check`` gets the broker's certificate (DER) before anything is said: a notice, or it raises."""

    host: str
    port: int
    client: str
    title: str
    version: int = packets.V5
    tls: ssl.SSLContext | None = None
    check: Callable[[bytes], str] | None = None
    login: Login = Login()
    largest: int = packets.LARGEST


def words(code: int) -> str:
    """A reason code of a broker, short."""
    return _WORDS.get(code, f"0x{code:02x}")


class Line(asyncio.Protocol):
    """A connection that has been opened by ``dial``. ``heard``: when the broker last said anything (monotonic)."""

    def __init__(self, broker: Broker, on_messages: OnMessages) -> None:
        self.heard = time.monotonic()
        self.ended = asyncio.Event()
        self.error: Exception | None = None
        self.notice = ""  # what should be mended though the line is up: the broker's certificate
        self._broker = broker
        self._on_messages = on_messages
        self._reader = packets.Reader(broker.version, broker.largest)
        self._transport: Any = None
        self._numbers = 0
        self._waiting: dict[int, asyncio.Future[tuple[int, ...]]] = {}  # 0: CONNACK
        self._pings: list[asyncio.Future[None]] = []
        self._under_way = asyncio.Semaphore(UNDER_WAY_MAX)
        self._largest = 0

    # ---- the transport ---------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """The socket is open, and TLS agreed."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what the broker says."""
        self.heard = time.monotonic()
        try:
            if 0 in self._waiting and data[:1] != packets.CONNACK_BEGINS:
                raise Broken("CONNACK")  # noqa: TRY301 - it ends the line as all the others do
            messages, answers = self._reader.feed(data)
            for answer in answers:
                self._take(answer)
            if messages:
                self._on_messages(messages)
                if known := [one.packet for one in messages if one.packet]:
                    self._transport.write(packets.acknowledge(known))
        except Exception as error:  # noqa: BLE001 - whatever it was, the line must not be half alive
            self.end(Unavailable("machine.broker-broken", machine=self._broker.title, detail=reason(error))
                     if isinstance(error, Broken) else error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by whomever."""
        self.end(exc or ConnectionError("closed by the broker"))

    def pause_writing(self) -> None:
        """The broker takes nothing: nothing is taken from it."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It takes again."""
        self._transport.resume_reading()

    def end(self, error: Exception) -> None:
        """Give the line up; all that waits hears of it."""
        if self.ended.is_set():
            return
        self.error = _told(error, self._broker)
        self.ended.set()
        waiting: list[asyncio.Future[Any]] = [*self._waiting.values(), *self._pings]
        for one in waiting:
            if not one.done():
                one.set_exception(self.error)
                one.exception()  # it may be that nobody asks any more
        if self._transport is not None:
            self._transport.abort()

    def _take(self, answer: Answer) -> None:
        if answer.kind == packets.PINGRESP:
            if self._pings and not (first := self._pings.pop(0)).done():
                first.set_result(None)
            return
        if answer.kind == packets.DISCONNECT:
            raise self._refused(answer.reasons[0])
        if answer.kind == packets.CONNACK:
            self._largest = answer.properties.get(packets.MAXIMUM_PACKET, 0)
            most = answer.properties.get(packets.RECEIVE_MAXIMUM, UNDER_WAY_MAX)
            self._under_way = asyncio.Semaphore(max(1, min(UNDER_WAY_MAX, most)))
        waiting = self._waiting.pop(answer.packet, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.reasons)

    def _refused(self, code: int) -> WeftError:
        facts = {"machine": self._broker.title, "detail": words(code)}
        if code in NO_LOGIN:
            return Denied("machine.login-refused", **facts)
        return Unavailable("machine.broker-older" if code == OLDER else "machine.broker-refused", **facts)

    # ---- what may be asked -----------------------------------------------------------------------------

    async def greet(self, keepalive_s: int, will: Will | None, timeout_s: float) -> None:
        """CONNECT; raises ``Denied('machine.login-refused')``, ``Unavailable`` or what ended the line."""
        broker = self._broker
        if broker.check is not None:
            self.notice = broker.check(self._transport.get_extra_info("ssl_object").getpeercert(binary_form=True))
        codes = await self._asked(
            0, packets.connect(broker.client, broker.version, keepalive_s, broker.login, will), timeout_s)
        if codes[0]:
            raise self._refused(codes[0])

    async def subscribe(self, filters: Mapping[str, int], timeout_s: float) -> dict[str, str]:
        """Hear what is published under each filter, at most at its QoS; gives why some were refused."""
        if not filters:
            return {}
        number = self._next()
        codes = await self._asked(number, packets.subscribe(number, filters, self._broker.version), timeout_s)
        return {one: words(code) for one, code in zip(filters, codes, strict=True) if code >= FAILED}

    async def publish(self, message: Message, qos: int, timeout_s: float) -> str:
        """Send once; "" when the broker has it (at QoS 0: when it has read it), else why it refused.

        Raises what ended the line, or ``TimeoutError``: then it is not known whether anybody got it.
        """
        async with self._under_way:
            if self.error is not None:
                raise self.error
            number = message.packet = self._next() if qos else 0
            sent = packets.publish(message, self._broker.version)
            if self._largest and len(sent) > self._largest:
                return words(0x95)
            if not qos:
                self._transport.write(sent)
                await self.ping(timeout_s)
                return ""
            code = (await self._asked(number, sent, timeout_s))[0]
        return "" if code == 0 or (code == NOBODY and message.retained) else words(code)

    async def ping(self, timeout_s: float) -> None:
        """Wait until the broker has read all that was sent before; raises what ended the line, or ``TimeoutError``."""
        if self.error is not None:
            raise self.error
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pings.append(answer)
        self._transport.write(packets.PING)
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(answer)

    async def watch(self, silence_s: float) -> None:
        """See to it that the line ends when the broker says nothing for ``silence_s``; returns when it has ended."""
        while not self.ended.is_set():
            if len(self._pings) < 2:  # the first may stand behind a flood
                self._pings.append(asyncio.get_running_loop().create_future())
                self._transport.write(packets.PING)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(silence_s / 3):
                    await self.ended.wait()
            if time.monotonic() - self.heard > silence_s:
                self.end(TimeoutError())

    async def bye(self) -> None:
        """Hang up in order: the broker forgets the will."""
        if not self.ended.is_set():
            self._transport.write(packets.disconnect(self._broker.version))
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.ended.wait()
        self.end(ConnectionError("closed by us"))

    async def _asked(self, number: int, sent: bytes, timeout_s: float) -> tuple[int, ...]:
        if self.error is not None:
            raise self.error
        answer: asyncio.Future[tuple[int, ...]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._transport.write(sent)
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(answer)

    def _next(self) -> int:
        if len(self._waiting) >= WAITING_MAX:
            self.end(ConnectionError("nothing is acknowledged"))
            raise self.error or ConnectionError
        while True:
            self._numbers = self._numbers % 65_535 + 1
            if self._numbers not in self._waiting:
                return self._numbers


async def dial(
    broker: Broker, on_messages: OnMessages, timeout_s: float, silence_s: float, will: Will | None = None
) -> Line:
    """A line to ``broker`` that it has greeted; raises ``WeftError``, ``OSError`` or ``TimeoutError``."""
    line = Line(broker, on_messages)
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.get_running_loop().create_connection(
                lambda: line, broker.host, broker.port, ssl=broker.tls,
                server_hostname=broker.host if broker.tls is not None else None)
            await line.greet(max(2, round(2 * silence_s)), will, timeout_s)
    except ssl.SSLCertVerificationError as error:
        raise Denied("machine.certificate-untrusted", machine=broker.title, detail=error.verify_message) from error
    except (OSError, TimeoutError) as error:
        line.end(error)
        raise _told(error, broker) from error
    except BaseException:
        line.end(ConnectionError("closed by us"))
        raise
    return line


def _told(error: Exception, broker: Broker) -> Exception:
    """What ended a line, as it may be told to people."""
    if isinstance(error, WeftError):
        return error
    return Unavailable("machine.broker-gone", machine=broker.title, detail=reason(error))
