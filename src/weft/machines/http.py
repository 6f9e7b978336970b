"""The asset connection over HTTP: what lies at one address is asked once, what is written is sent once.

W3C WoT HTTP binding: ``htv:methodName``, ``contentType``, ``subprotocol`` sse; the property's place in the JSON is a
JSON Pointer (``weft:pointer``). HTTP/1.1 (RFC 9112), Server-Sent Events (HTML Standard §9.2).
Rule 1: only the origin of the machine's own address is ever asked; a redirect is refused.
Rule 2: nothing is sent twice: each write has a connection of its own, and an answer that does not say what was done
        (500, 502, 504, none) is ``machine.no-answer``.
Rule 3: a login goes encrypted or over loopback, never else; the certificate is remembered on first use (``access``).
Rule 4: events only make changes faster; that the machine lives is shown by answers to questions.
Not here: payloads (``payloads``), rounds (``polling``).
"""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp
import orjson

from weft.basis.errors import Denied, Invalid
from weft.machines import access
from weft.machines.keeping import Pace
from weft.machines.payloads import (
    NOTHING,
    Pointer,
    decoded,
    fits,
    follow,
    instant,
    is_json,
    pointer,
    put,
    spelled,
    typed,
)
from weft.machines.polling import PolledConnection, bad, unfit
from weft.shopfloor.connection import BrowsedNode, Capability, Quality, Scalar, Value
from weft.shopfloor.description import Description

BODY_MAX: Final = 1024 * 1024
WELL_KNOWN: Final = "/.well-known/wot"  # WoT Discovery §6.1: where a machine may tell its own Thing Description
CAPABILITIES: Final = frozenset(Capability)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_DOUBTFUL: Final = frozenset({500, 502, 504})  # perhaps done, perhaps not
_READS: Final = ("GET", "POST")
_WRITES: Final = ("PUT", "POST", "PATCH")
_STREAM_RETRY_S: Final = 2.0


class Way(NamedTuple):
    """How something is asked or told; ``json`` is False for plain text."""

    method: str
    url: str
    json: bool


class Spot(NamedTuple):
    """A property's way, its place in the payload, the place of its stamp, and its type."""

    way: Way
    at: Pointer
    time: Pointer | None
    kind: str


class HttpConnection(PolledConnection):
    """One machine over HTTP; see ``AssetConnection``."""

    def __init__(
        self, description: Description, files: access.Files | None = None, pace: Pace | None = None
    ) -> None:
        super().__init__(description, pace)
        self._files = files
        self._parts = urlsplit(description.base)
        self._host = self._parts.hostname or ""
        if description.scheme == "https" and files is None:
            raise Invalid("machine.no-files", machine=description.title)
        if description.security.user and description.scheme != "https" and self._host not in _LOOPBACK:
            raise Invalid("machine.password-in-clear", machine=description.title)
        self._reading: aiohttp.ClientSession | None = None
        self._writing: aiohttp.ClientSession | None = None
        self._spots: dict[str, Spot] = {}
        self._targets: dict[str, Spot] = {}
        self._wrong: dict[str, str] = {}
        self._streams: dict[str, Spot] = {}
        for name, prop in description.properties.items():
            try:
                self._spots[name] = self._spot(prop.href, prop.form, prop.type, _READS)
                form = prop.write_form or {one: prop.form[one] for one in prop.form if one != "htv:methodName"}
                self._targets[name] = self._spot(str(form.get("href", prop.href)), form, prop.type, _WRITES)
                form = prop.observe_form or prop.form
                if form.get("subprotocol") == "sse":
                    self._streams[name] = self._spot(str(form.get("href", prop.href)), form, prop.type, _READS)
            except Invalid as error:
                self._wrong[name] = error.code.removeprefix("machine.")
        self._by_itself = frozenset(self._streams)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    def _spot(self, href: str, form: Mapping[str, Scalar], kind: str, methods: Sequence[str]) -> Spot:
        method = str(form.get("htv:methodName", methods[0])).upper()
        url = urljoin(self.description.base.rstrip("/") + "/", href.partition("#")[0])
        parts = urlsplit(url)
        if method not in methods or (parts.scheme, parts.netloc) != (self._parts.scheme, self._parts.netloc):
            raise Invalid("machine.href", href=href[:120])
        at = pointer(form.get("weft:pointer", href.partition("#")[2]))
        time = pointer(form["weft:timePointer"]) if "weft:timePointer" in form else None
        return Spot(Way(method, url, is_json(form)), at, time, kind)

    # ---- the link --------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        trust: ssl.SSLContext | aiohttp.Fingerprint | bool = True
        if self.description.scheme == "https":
            trust = aiohttp.Fingerprint(hashlib.sha256(await self._checked_certificate()).digest())
        else:
            _, writer = await asyncio.open_connection(self._host, self._parts.port or 80)
            writer.close()
        headers = {"User-Agent": "Weft", **self._authorization()}
        limit = aiohttp.ClientTimeout(total=self._pace.timeout_s)

        def session(*, kept: bool) -> aiohttp.ClientSession:
            made = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trust, force_close=not kept), headers=headers, timeout=limit,
                cookie_jar=aiohttp.DummyCookieJar())
            made._retry_connection = False  # noqa: SLF001 - aiohttp sends a PUT again when the answer is missing
            return made

        self._reading, self._writing = session(kept=True), session(kept=False)

    async def _checked_certificate(self) -> bytes:
        assert self._files is not None
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection(
            self._host, self._parts.port or 443, ssl=blind, server_hostname=self._host)
        offered: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        self.notice = access.check(self._files, offered, self._host, self.description.title)
        if not self._files.trusted.exists():
            access.keep(self._files.trusted, offered)
        return offered

    def _authorization(self) -> dict[str, str]:
        security = self.description.security
        if not security.user:
            return {}
        login = self._files.read_login() if self._files else None
        if login is None or not login.user:
            raise Denied("machine.no-login", machine=self.description.title)
        if security.token:
            return {"Authorization": f"Bearer {login.password}"}
        return {"Authorization": aiohttp.encode_basic_auth(login.user, login.password)}

    async def _disconnect(self) -> None:
        sessions, self._reading, self._writing = (self._reading, self._writing), None, None
        for one in sessions:
            if one is not None:
                await one.close()

    # ---- reading ---------------------------------------------------------------------------------------

    async def _fetch(self, names: Sequence[str]) -> Mapping[str, Value]:
        found = bad([], "")
        ways: dict[Way, list[str]] = {}
        for name in names:
            if name in self._wrong:
                found.update(bad([name], self._wrong[name]))
            else:
                ways.setdefault(self._spots[name].way, []).append(name)
        found.update(await self._gathered(
            (tuple(some), partial(self._read, way, some)) for way, some in ways.items()))
        return found

    async def _read(self, way: Way, names: Sequence[str]) -> dict[str, Value]:
        status, body, server_ms = await self._asked(self._reading, way, None)
        why = _why(status) or ("too-large" if body is None else "")
        if why or body is None:
            return bad(names, why)
        return _values({name: self._spots[name] for name in names}, body, server_ms, json=way.json)

    async def _asked(
        self, session: aiohttp.ClientSession | None, way: Way, body: bytes | None
    ) -> tuple[int, bytes | None, int]:
        """Status, body (None: larger than it may be) and the machine's clock of one request, sent once."""
        if session is None:
            raise self._unreachable()
        headers = {"Accept": "application/json" if way.json else "text/plain"}
        if body is not None:
            headers["Content-Type"] = headers["Accept"]
        try:
            async with session.request(way.method, way.url, data=body, headers=headers,
                                       allow_redirects=False) as answer:
                content = bytearray()
                async for some in answer.content.iter_chunked(64 * 1024):
                    content += some
                    if len(content) > BODY_MAX:
                        return answer.status, None, 0
                return answer.status, bytes(content), _clock(answer.headers.get("Date", ""))
        except aiohttp.ClientConnectorError as error:  # nothing was sent
            self.last_error = self._reason(error)
            raise (self._unreachable() if body is not None else ConnectionError("refused")) from error
        except TimeoutError:
            raise
        except aiohttp.ClientError as error:
            raise ConnectionError("connection lost") from error

    # ---- events ----------------------------------------------------------------------------------------

    async def _rounds(self) -> None:
        ways: dict[Way, list[str]] = {}
        for name in self._names:
            if name in self._streams:
                ways.setdefault(self._streams[name].way, []).append(name)
        streams = [asyncio.create_task(self._listen_to(way, some)) for way, some in ways.items()]
        try:
            await super()._rounds()
        finally:
            for one in streams:
                one.cancel()
            await asyncio.gather(*streams, return_exceptions=True)

    async def _listen_to(self, way: Way, names: Sequence[str]) -> None:
        """Tell what comes as events; where that fails, the rounds go on and it is tried again (Rule 4)."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
                await self._events(way, names)
            await asyncio.sleep(_STREAM_RETRY_S)

    async def _events(self, way: Way, names: Sequence[str]) -> None:
        assert self._reading is not None
        spots = {name: self._streams[name] for name in names}
        async with self._reading.get(
            way.url, headers={"Accept": "text/event-stream"}, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=self._pace.timeout_s),
        ) as answer:
            if answer.status != 200 or answer.content_type != "text/event-stream":
                return
            data: list[bytes] = []
            size = 0
            async for line in answer.content:
                field, _, text = line.rstrip(b"\r\n").partition(b":")
                if field == b"data":
                    data.append(text.removeprefix(b" "))
                    size += len(data[-1]) + 1
                    if size > BODY_MAX:
                        return
                elif not field and data:
                    self._heard()
                    self._tell(self._differing(_values(spots, b"\n".join(data), 0, json=way.json)))
                    data, size = [], 0

    # ---- writing ---------------------------------------------------------------------------------------

    async def _send(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        wrong = {name: self._wrong.get(name, "type") for name, value in values.items()
                 if name in self._wrong or not fits(self._targets[name].kind, value)}
        if wrong:
            return unfit(values, wrong)
        ways: dict[Way, list[str]] = {}
        for name in values:
            ways.setdefault(self._targets[name].way, []).append(name)
        told = dict.fromkeys(values, "not-sent")
        for way, names in ways.items():
            why = await self._give(way, {self._targets[name].at: values[name] for name in names})
            told |= dict.fromkeys(names, why)
            if why:
                break
        return told

    async def _give(self, way: Way, values: Mapping[Pointer, Scalar]) -> str:
        """Send ``values`` in one request; "" or the machine's reason."""
        if way.json:
            document: Any = None
            for at, value in values.items():
                document = put(document, at, value)
            body = orjson.dumps(document) if values else b""
        else:
            body = "\n".join(spelled(one) for one in values.values()).encode()
        status, answer, _ = await self._asked(self._writing, way, body)
        if status in _DOUBTFUL:
            raise TimeoutError(f"http {status}")
        why = _why(status)
        return f"{why} {_first_line(answer)}".strip() if why else ""

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Call ``action``: its arguments go by their names (``weft:arguments``) in one JSON object."""
        known = self.description.actions.get(action)
        if known is None:
            return "unknown-action"
        if known.arguments and len(known.arguments) != len(arguments):
            return "arguments"
        try:
            spot = self._spot(known.href, known.form, "string", ("POST", "PUT"))
        except Invalid as error:
            return error.code.removeprefix("machine.")
        given = {(*spot.at, name): value for name, value in zip(known.arguments, arguments, strict=True)}
        return await self._told_machine(lambda: self._give(spot.way, given), action)

    # ---- browsing --------------------------------------------------------------------------------------

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:  # noqa: ARG002 - the port's
        """The properties of the Thing Description that the machine tells of itself, if it does."""
        way = Way("GET", urljoin(self.description.base, WELL_KNOWN), json=True)
        status, body, _ = await self._told_machine(lambda: self._asked(self._reading, way, None), WELL_KNOWN)
        thing = decoded(body) if status == 200 and body is not None else NOTHING
        properties = thing.get("properties") if isinstance(thing, dict) else None
        found = [_browsed(name, each) for name, each in properties.items()] if isinstance(properties, dict) else []
        return [one for one in found if one is not None]


def _values(spots: Mapping[str, Spot], body: bytes, server_ms: int, *, json: bool) -> dict[str, Value]:
    """What ``body`` says of each property."""
    document: Any = decoded(body) if json else body.decode("utf-8", "replace").strip()
    if document is NOTHING:
        return bad(spots, "not-json")
    found = {}
    for name, spot in spots.items():
        value, why = typed(spot.kind, follow(document, spot.at))
        source_ms = instant(follow(document, spot.time)) if spot.time is not None else 0
        found[name] = Value(value, Quality.BAD if why else Quality.GOOD, source_ms, server_ms, why)
    return found


def _browsed(name: str, each: Any) -> BrowsedNode | None:
    forms = each.get("forms") if isinstance(each, dict) else None
    form = forms[0] if isinstance(forms, list) and forms and isinstance(forms[0], dict) else {}
    if not isinstance(form.get("href"), str):
        return None
    terms = {word: one for word, one in form.items() if word not in ("href", "op") and isinstance(one, Scalar)}
    return BrowsedNode(href=form["href"], name=name[:120], path=name[:120], kind="variable",
                       type=str(each.get("type", "")), unit=str(each.get("unit", "")),
                       writable=each.get("readOnly") is not True, form=terms)


def _why(status: int) -> str:
    """Why an answer is none; "" when it is one."""
    if 200 <= status < 300:
        return ""
    return "redirect" if 300 <= status < 400 else f"http {status}"


def _first_line(body: bytes | None) -> str:
    text = (body or b"")[:400].decode("utf-8", "replace").strip()
    return "".join(one for one in text.partition("\n")[0] if one.isprintable())[:80]


def _clock(text: str) -> int:
    """The machine's clock as its answer tells it, in ms; 0 when it does not."""
    try:
        return max(0, round(parsedate_to_datetime(text).timestamp() * 1000))
    except (ValueError, TypeError, OverflowError):
        return 0
