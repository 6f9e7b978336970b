"""One request to the twins: what it names, what it brings, whose eyes it sees with, and how its answer is put.

RFC 9110 §8.8.3, §13.1.1 (ETag, If-Match): the revision of a written twin in this life of the node; twins of the books
have none. A node that was restored from a backup gives revisions of its lost life a second time, so the life is told.
Rule 1: a body is read once, with a limit, and only where it is asked for.
Rule 2: people of the house go to the repository itself. A program gets the twins guarded, and nothing else: whoever
        answers a request has no other way to them.
Not here: parameters of the query (``asked.py``), what a program sees (``engine/twins/guarded.py``).
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import Denied, Invalid, WeftError
from weft.doors.aas.address import PREFIXES
from weft.doors.aas.problems import message
from weft.engine.node import Node
from weft.engine.twins import authors
from weft.engine.twins.access import Access, program
from weft.engine.twins.calm import calmly
from weft.engine.twins.guarded import Guarded
from weft.engine.twins.hearing import Hearing
from weft.engine.twins.operations import Operations
from weft.engine.twins.ports import Row
from weft.engine.twins.repository import Repository
from weft.twin.access import Subject
from weft.twin.elements import Json
from weft.twin.names import decode_id, encode_id
from weft.twin.values import parse_value

BODY_MAX: Final = 32 * 1024 * 1024
DEPTH_MAX: Final = 256  # a collection within a collection costs two
FILE_MAX: Final = 512 * 1024 * 1024
NEVER: Final = -1  # a revision that never stands
_NO_STORE: Final = {"Cache-Control": "no-store"}
_TAG: Final = re.compile(r'(?:W/)?"(?:(?P<revision>\d{1,15})\.(?P<life>[A-Za-z0-9_-]{1,40})|(?P<other>[!#-~]{0,80}))"')


@dataclass(slots=True)
class Call:
    """A request below one of the prefixes; ``parts`` are the raw segments that its address leaves open."""

    _node: Node
    request: Request
    prefix: str
    parts: Mapping[str, str]
    twins: Repository | Guarded = field(init=False)

    def __post_init__(self) -> None:
        subject = self._subject
        self.twins = self._node.twins.signed(self._house()) if subject is None else self._guarded(subject)

    @property
    def _subject(self) -> Subject | None:
        """Who asks; None for people of the house, who have all rights."""
        device = self.request.state.device
        if device is None or device.scope in web.PEOPLE:
            return None
        return Subject() if device.scope == web.STRANGER else program(device.name, device.partner)

    def _house(self) -> str:
        """Which device of the house asks; "owner" alone by the home's own token."""
        device = self.request.state.device
        if device is None or (device.scope, device.name) == (web.OWNER, authors.HOME):
            return authors.HOUSE
        return authors.Author(device.scope, name=device.name).written()

    @property
    def asker(self) -> str:
        """Which program asks; people of the house are one: what one of them began, another may look at."""
        device = self.request.state.device
        return "house" if self._subject is None else str(device.id)

    def _guarded(self, subject: Subject) -> Guarded:
        return Guarded(Access(self._node), subject)

    @property
    def organisation(self) -> str:
        """The firm."""
        return self._node.organisation

    async def may_change(self) -> None:
        """Raises ``Denied`` for a program that no rule lets change anything, before its body is read."""
        if isinstance(self.twins, Guarded):
            await self.twins.may_change()

    async def operations(self, submodel: str) -> Operations:
        """What invokes the operation in the address; raises ``Denied`` where it may not be invoked."""
        if isinstance(self.twins, Guarded):
            await self.twins.may_execute(submodel, self.path)
        return self._node.operations

    async def events(self) -> Hearing:
        """What happens to the twins, as far as the asker sees them."""
        subject, device = self._subject, self.request.state.device
        listener = device.id if device is not None else ""
        if subject is None:
            return Hearing(self._node.twin_changes, listener=listener)
        if subject.anonymous and "text/event-stream" in self.request.headers.get("accept", ""):
            raise Denied("web.token-missing")  # a stream is held open for nobody whom we do not know
        who = "/".join(one for values in subject.claims.values() for one in values)
        return Hearing(self._node.twin_changes, lambda: self._guarded(subject).sight(),
                       await Access(self._node).secret(), who, listener)

    @property
    def let_go(self) -> asyncio.Event | None:
        """Set once the device that asks is let go."""
        device = self.request.state.device
        return self._node.devices.gone(device.id) if device is not None else None

    def told(self, error: WeftError | None, status: int) -> dict[str, Any]:
        """``error`` as a Message in the reader's language."""
        return message(self._node, self.request, error, status)

    @property
    def first_edition(self) -> bool:
        """Whether it is asked in API 3.0, where two lists have another form than in 3.1."""
        return self.prefix == PREFIXES[0]

    def id(self, name: str) -> str:
        """The id that stands in the address for ``name``."""
        return decode_id(self.parts[name])

    @property
    def path(self) -> str:
        """The idShortPath in the address; "" when it goes to the whole submodel."""
        return self.parts.get("path", "")

    @property
    def expected(self) -> int | None:
        """The revision that ``If-Match`` wants to stand; raises ``Invalid('twin.if-match')``."""
        given = self.request.headers.get("if-match", "").strip()
        if given in ("", "*"):
            return None
        tag = _TAG.fullmatch(given)
        if tag is None:
            raise Invalid("twin.if-match", value=given[:40])
        ours = tag["life"] == self._node.identity.incarnation and int(tag["revision"])
        return int(tag["revision"]) if ours else NEVER

    def of_this_life(self, response: Response) -> Response:
        """``response``; where it names a revision, its tag is one that no other life of this node has given."""
        life = f'.{self._node.identity.incarnation}"'.encode()
        response.raw_headers = [(name, value[:-1] + life if name == b"etag" else value)
                                for name, value in response.raw_headers]
        return response

    def href(self, *parts: str) -> str:
        """The whole address of what lies at ``parts`` below the prefix."""
        base = self._node.config.firm.url or str(self.request.base_url)
        return "/".join((base.rstrip("/") + self.prefix, *parts))

    async def json(self, kind: Any = dict[str, Any]) -> Any:
        """The body, as JSON of ``kind``."""
        data = await self._body()
        return await calmly(len(data), lambda: web.from_json(data, kind, DEPTH_MAX))

    async def value(self) -> Any:
        """The body as a value: numbers keep the digits that were sent."""
        data = await self._body()

        def read() -> Any:
            web.from_json(data, msgspec.Raw, DEPTH_MAX)
            return parse_value(data)

        return await calmly(len(data), read)

    async def _body(self) -> bytes:
        declared = self.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if declared != "application/json" and not declared.endswith("+json"):
            raise Invalid("web.media-type", value=declared[:80])
        return await web.body(self.request, BODY_MAX)

    @asynccontextmanager
    async def form(self) -> AsyncIterator[FormData]:
        """The fields of a multipart body; a file rests on disk when it is large, and is gone with the form."""
        form = await self._form()
        try:
            yield form
        finally:
            await form.close()

    async def _form(self) -> FormData:
        if not self.request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            raise Invalid("web.media-type", value=self.request.headers.get("content-type", "")[:80])
        pieces = _pieces(self.request)
        try:
            return await MultiPartParser(self.request.headers, pieces, max_files=1, max_fields=100).parse()
        except (MultiPartException, KeyError, UnicodeDecodeError, ValueError) as error:
            raise Invalid("web.body-shape", detail=str(error)[:200]) from error


async def _pieces(request: Request) -> AsyncGenerator[bytes, None]:
    async for piece in web.streamed(request, FILE_MAX):
        yield piece


def uploaded(form: FormData) -> UploadFile:
    """The file in a form; raises ``Invalid('twin.no-file')``."""
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Invalid("twin.no-file")
    return file


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` as JSON."""
    return web.json(value, status, {**_NO_STORE, **(headers or {})})


def raw(body: bytes) -> Response:
    """``body``, JSON already."""
    return Response(body, 200, _NO_STORE, "application/json")


def stored(row: Row, body: bytes | None = None, status: int = 200, location: str = "") -> Response:
    """The bytes of ``row`` (or ``body``, a view of it) as they are, with its revision."""
    headers = dict(_NO_STORE)
    if row.revision:
        headers["ETag"] = f'"{row.revision}"'
    if location:
        headers["Location"] = location
    return Response(row.body if body is None else body, status, headers, "application/json")


def done(row: Row | None = None) -> Response:
    """204, with the revision that now stands."""
    return Response(None, 204, {"ETag": f'"{row.revision}"'} if row is not None and row.revision else None)


def paged(result: Any, cursor: str = "") -> Json:
    """A page; ``cursor`` where more follows."""
    return {"paging_metadata": _paging(cursor), "result": result}


def joined(result: Iterable[bytes], cursor: str = "", **told: str) -> Response:
    """A page of what is JSON already; what else is ``told`` stands beside the cursor."""
    paging = msgspec.json.encode(_paging(cursor) | told)
    return raw(b'{"paging_metadata":%b,"result":[%b]}' % (paging, b",".join(result)))


def _paging(cursor: str) -> Json:
    return {"cursor": encode_id(cursor)} if cursor else {}
