"""The asset connection over MTConnect: an agent is asked once and then streams what it observes; it is only read.

MTConnect Part 1 (REST protocol): ``probe``, ``current``, ``sample`` with ``interval`` and ``heartbeat`` as
``multipart/x-mixed-replace``. ``mtconnect+http://host:5000/device``.
Rule 1: sequence numbers are followed: a gap, or another ``instanceId``, ends the link, and the next begins with all
        present values and its gap marked.
Rule 2: an agent without a word for longer than its heartbeat is taken for lost.
Rule 3: nothing is ever written: MTConnect has no way, and the operator loads and starts.
Not here: documents (``mtconnect_xml``), what observations mean (``mtconnect_values``).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp

from weft.basis.errors import Invalid
from weft.machines.keeping import KeptConnection, Pace
from weft.machines.mtconnect_values import Observed, browsed, item_named
from weft.machines.mtconnect_xml import Item, Streams, Told, devices, streams
from weft.machines.polling import bad
from weft.shopfloor.connection import BrowsedNode, Capability, Change, Scalar, Value
from weft.shopfloor.description import Description

BODY_MAX: Final = 16 * 1024 * 1024
LARGE: Final = 256 * 1024  # bytes: what is read in a thread, so that others have their turn
COUNT: Final = 1000  # observations in one part of the stream
READ_ONLY: Final = "read-only"
_T = TypeVar("_T")
CAPABILITIES: Final = frozenset({Capability.READ, Capability.SUBSCRIBE, Capability.BROWSE})


class MtConnectConnection(KeptConnection):
    """One device of an MTConnect agent; see ``AssetConnection``."""

    def __init__(self, description: Description, pace: Pace | None = None) -> None:
        super().__init__(description, pace or Pace())
        parts = urlsplit(description.base)
        self._url = f"{parts.scheme.removeprefix('mtconnect+')}://{parts.netloc}{parts.path.rstrip('/')}"
        if description.security.user:
            raise Invalid("machine.password-in-clear", machine=description.title)
        self._session: aiohttp.ClientSession | None = None
        self._anew = asyncio.Event()
        self._items: dict[str, Item] = {}
        self._instance = ""
        self._named: dict[str, str] = {}
        self._wrong: dict[str, str] = {}
        for name, prop in description.properties.items():
            try:
                self._named[name] = item_named(prop.href)
            except Invalid as error:
                self._wrong[name] = error.code.removeprefix("machine.")

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    # ---- the link --------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        self._anew.set()

    async def _live(self) -> None:
        why, linked = "", False
        async with aiohttp.ClientSession(
            headers={"User-Agent": "Weft", "Accept": "text/xml", "Accept-Encoding": "identity"},
            auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._pace.timeout_s),
        ) as session:
            try:
                self._anew.clear()
                self._items = await _understood(devices, await self._get(session, "probe"))
                observed, present = await self._current(session)
                self._session, self._instance, linked = session, present.instance, True
                self._came_up()
                self._up.set()
                places = self._places(observed, self._names)
                self._tell([*bad_of(self, self._names, places), *self._values(observed, places, present.at_ms)])
                await self._follow(session, observed, places, present)
                why = "subscribe"
            except (aiohttp.ClientError, ValueError, Told) as error:
                why = str(error)[:80] if isinstance(error, Told | ValueError) else "connection lost"
                raise ConnectionError(why) from error
            except Exception as error:
                why = self._reason(error)
                raise
            finally:
                self._session = None
                if linked:
                    self._went_down(why)

    async def _get(self, session: aiohttp.ClientSession, what: str) -> bytes:
        async with session.get(f"{self._url}/{what}", allow_redirects=False) as answer:
            body = bytearray()
            async for some in answer.content.iter_chunked(64 * 1024):
                body += some
                if len(body) > BODY_MAX:
                    raise ValueError("too-large")
            return bytes(body)

    async def _current(self, session: aiohttp.ClientSession) -> tuple[Observed, Streams]:
        present = await _understood(streams, await self._get(session, "current"))
        observed = Observed(self._items)
        observed.take(present.observations)
        return observed, present

    def _places(self, observed: Observed, names: Sequence[str]) -> dict[str, str]:
        """Data items by property, as far as the agent knows them."""
        found = {name: observed.find(self._named[name]) for name in names if name in self._named}
        return {name: item for name, item in found.items() if item is not None}

    def _values(self, observed: Observed, places: Mapping[str, str], server_ms: int) -> list[Change]:
        properties = self.description.properties
        return [(name, observed.value(properties[name], item, server_ms)) for name, item in places.items()]

    # ---- the stream ------------------------------------------------------------------------------------

    async def _follow(
        self, session: aiohttp.ClientSession, observed: Observed, places: Mapping[str, str], present: Streams
    ) -> None:
        """Tell what is observed from now on, until there is something to begin anew."""
        following = present.next
        parts = self._parts(session, following)
        try:
            while (body := await self._next(parts)) is not None:
                part = await _understood(streams, body)
                if part.instance != present.instance:
                    raise ValueError("restart")
                if part.first > following:
                    raise ValueError("gap")
                self._heard()
                touched = observed.take(part.observations)
                following = part.next
                self._tell(self._values(
                    observed, {name: item for name, item in places.items() if item in touched}, part.at_ms))
        finally:
            await parts.aclose()

    async def _next(self, parts: AsyncGenerator[bytes, None]) -> bytes | None:
        """The next part; None when the link is to begin anew. Raises ``TimeoutError`` (Rule 2)."""
        coming = asyncio.ensure_future(anext(parts))
        anew = asyncio.ensure_future(self._anew.wait())
        try:
            done, _ = await asyncio.wait({coming, anew}, timeout=self._pace.silence_s,
                                         return_when=asyncio.FIRST_COMPLETED)
            if coming in done:
                return coming.result()
            if anew in done:
                return None
            raise TimeoutError
        except StopAsyncIteration as error:
            raise ValueError("ended") from error
        finally:
            for one in (coming, anew):
                one.cancel()
            await asyncio.gather(coming, anew, return_exceptions=True)

    async def _parts(self, session: aiohttp.ClientSession, following: int) -> AsyncGenerator[bytes, None]:
        """The documents of the stream from sequence number ``following`` on."""
        beat_ms = max(100, round(self._pace.silence_s * 400))
        asked = {"from": str(following), "interval": str(self.description.polling_ms), "count": str(COUNT),
                 "heartbeat": str(beat_ms)}
        patient = aiohttp.ClientTimeout(total=None, connect=self._pace.timeout_s)
        async with session.get(f"{self._url}/sample", params=asked, timeout=patient, allow_redirects=False) as answer:
            if not answer.content_type.startswith("multipart/"):  # an error, or no stream at all
                streams(await answer.content.read(BODY_MAX))
                raise ValueError("no-stream")
            while (length := await _part_length(answer.content)) is not None:
                yield await answer.content.readexactly(length)

    # ---- reading ---------------------------------------------------------------------------------------

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Fresh values from the agent, with its clock and the machine's own stamps."""
        session = self._session
        if session is None:
            raise self._unreachable()
        try:
            observed, present = await self._current(session)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, Told) as error:
            raise self._no_answer(self._reason(error)) from error
        places = self._places(observed, names)
        return dict([*bad_of(self, names, places), *self._values(observed, places, present.at_ms)])

    def wrong(self, name: str) -> str:
        """Why nothing can be told of property ``name``."""
        if name in self._wrong:
            return self._wrong[name]
        return "unknown-data-item" if name in self._named else "unknown-property"

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Refused: MTConnect is read only."""
        if self._session is None:
            raise self._unreachable()
        return dict.fromkeys(values, READ_ONLY)

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:  # noqa: ARG002 - the port's
        """Refused: MTConnect is read only."""
        if self._session is None:
            raise self._unreachable()
        return READ_ONLY

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:  # noqa: ARG002 - the port's
        """The data items of the device."""
        if self._session is None:
            raise self._unreachable()
        return browsed(self._items.values())


async def _understood(read: Callable[[bytes], _T], body: bytes) -> _T:
    return read(body) if len(body) < LARGE else await asyncio.to_thread(read, body)


def bad_of(link: MtConnectConnection, names: Sequence[str], places: Mapping[str, str]) -> list[Change]:
    """Those of ``names`` that have no data item, each BAD with its reason."""
    return [(name, bad([name], link.wrong(name))[name]) for name in names if name not in places]


async def _part_length(content: aiohttp.StreamReader) -> int | None:
    """Read on to the body of the next part; None at the end of the stream. Raises ``ValueError``."""
    length = None
    while True:
        line = await content.readline()
        if not line:
            return None
        field, _, value = line.decode("ascii", "replace").partition(":")
        if field.strip().lower() == "content-length":
            with contextlib.suppress(ValueError):
                length = int(value)
        if not line.strip() and length is not None:
            if not 0 <= length <= BODY_MAX:
                raise ValueError("too-large")
            return length
