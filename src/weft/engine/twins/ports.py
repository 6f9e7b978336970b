"""What the twins ask of a store: rows by kind and id, pages in order of id, files by digest, and what changed.

Rule 1: ``commit`` is all or nothing and durable when it returns; whatever raised is not stored.
Rule 2: a row's revision counts from 1 for each (kind, id) and goes on when the twin is deleted and made again; where
        that was forgotten meanwhile, from above all that were.
Rule 3: what changes nothing is no change: the same bytes again make neither a revision nor an entry of the feed.
Rule 4: indexes are the store's own affair, derived from the bodies; nobody tells it what to index.
Not here: which twins may be written, and how they are checked (``writing.py``), engines (``stores/twins``).
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, get_args

import msgspec

from weft.basis.errors import WeftError

Kind = Literal["shell", "submodel", "concept", "shell-descriptor", "submodel-descriptor", "package", "links"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ChangeType = Literal["", "created", "updated", "deleted", "valueChanged"]

CREATED, UPDATED, DELETED, VALUE_CHANGED = "created", "updated", "deleted", "valueChanged"


class Row(msgspec.Struct, frozen=True, gc=False):
    """One twin as it is (or was): ``at`` is the instant of this ``revision``, ``body`` its canonical JSON.

    A derived twin has revision 0 and is of this moment.
    """

    kind: Kind
    id: str
    revision: int
    at: str
    body: bytes


Edit = Callable[["Row | None"], "tuple[bytes | None, str]"]


class Change(msgspec.Struct, frozen=True):
    """What one twin becomes; ``body`` None deletes it.

    ``edit``, where it is given, makes the body from the row that stands when the change is applied (None: there is
    none), and says the path of what it changed: so that who changes one element never overwrites what others changed
    meanwhile. It must be pure: it may be asked more than once. What it raises refuses the whole commit.

    ``expected``: the revision that must stand (0: none may be there; None: whatever is).
    ``type`` and ``path`` say what the feed tells; "" leaves it to what happens (created, updated, deleted). A
    ``valueChanged`` with a path promises that nothing beside the element at that path has changed.
    ``files``: (value, digest) of files that the body names by ``value`` (a File's value, a thumbnail's path); those
    named before are remembered for as long as the body names them.
    ``by``: who makes the change (``authors.py``), "" when that is not known.
    """

    kind: Kind
    id: str
    body: bytes | None = None
    expected: int | None = None
    type: ChangeType = ""
    path: str = ""
    files: tuple[tuple[str, str], ...] = ()
    edit: Edit | None = None
    large: bool = False  # what the edit puts in is
    by: str = ""


class Where(msgspec.Struct, frozen=True, gc=False):
    """Which twins are wanted; what is empty does not matter, and all of the rest must hold.

    ``semantic``: value of a key of semanticId or of a supplementalSemanticId. ``assets``: (name, value) of specific
    asset ids, the global one under the name ``globalAssetId``.
    ``asset_kind`` and ``asset_type`` as a shell (or its descriptor) has them; a package has the asset ``aasId``.
    ``case_of`` and ``data_specification``: as concepts have them. ``condition``: of ``twin/query``.
    """

    id_short: str = ""
    semantic: str = ""
    assets: tuple[tuple[str, str], ...] = ()
    asset_kind: str = ""
    asset_type: str = ""
    case_of: str = ""
    data_specification: str = ""
    condition: Any = None


ALL = Where()


LARGE_BYTES: Final = 200_000  # of a twin: larger ones are judged, changed and compared in threads
SPENT_S: Final = 1.0  # that looking at twins for one page may take, before it ends where it is


class Cut(list[Row]):
    """A page that ended before it was full, because looking took long; ``behind`` is the id to go on behind."""

    def __init__(self, rows: Sequence[Row], behind: str) -> None:
        super().__init__(rows)
        self.behind = behind


class Told(msgspec.Struct, frozen=True, gc=False):
    """One entry of the feed: change ``number`` made ``revision`` of a twin; ``path``: of the element, or ""."""

    number: int
    kind: Kind
    id: str
    path: str
    type: ChangeType
    at: str
    revision: int


class Gone(msgspec.Struct, frozen=True, gc=False):
    """A deleted twin of which so many former states are kept, of so many bytes; ``at``: when it was deleted."""

    kind: Kind
    id: str
    revision: int
    at: str
    states: int
    size: int


_MEDIA_TYPE = re.compile(r"[!#-'*+.^-z|~0-9A-Z-]{1,127}/[!#-'*+.^-z|~0-9A-Z-]{1,127}(?:[ \t]*;[\x20-\x7e]{0,200})?")


def media_type(said: str) -> str:
    """``said`` where HTTP may say it (RFC 9110 §8.3), else that it is bytes: files of others say anything."""
    return said if _MEDIA_TYPE.fullmatch(said) else "application/octet-stream"


class File(msgspec.Struct, frozen=True, gc=False):
    """A file that is kept: ``digest`` is the SHA-256 in hex, ``size`` in bytes; ``chunks`` gives its content anew.

    ``content_type``: one that HTTP may say, whatever was said when it came.
    """

    digest: str
    size: int
    content_type: str
    name: str
    chunks: Callable[[], AsyncIterator[bytes]]


class TwinStore(Protocol):
    """Where written twins rest. One writer; commits of one moment share a transaction.

    ``commit`` raises ``Refused('twin.changed')`` where another revision stands than expected,
    ``NotFound('twin.file')`` where a digest is that of no file, ``Unavailable('store.full')`` without room,
    ``Unavailable('store.unavailable')`` when the disk fails.
    """

    async def get(self, kind: Kind, id: str) -> Row | None: ...
    async def page(self, kind: Kind, after: str, limit: int, where: Where = ALL) -> Sequence[Row]:
        """At most ``limit`` rows whose id is behind ``after``, bytewise in order of id; fewer are all, or a ``Cut``."""
        ...

    async def search(self, kind: Kind, query: str, after: int, limit: int) -> Sequence[tuple[int, Row]]:
        """At most ``limit`` twins that have all words of ``query`` (``words.py``), each with a number of its own.

        They are in the order of these numbers, which are above ``after``; a page costs the same whatever else there is.
        """
        ...

    async def bearing(self, query: str, after: int, limit: int) -> tuple[Sequence[Row], int]:
        """Shells which refer to a submodel that has the words, and have them not themselves.

        About ``limit``, and the number to go on behind; 0: there are no more.
        """
        ...

    async def meaning(self, query: str, limit: int) -> Sequence[Row]:
        """Some shells in which a submodel, or an element, means a concept that has the words, at most ``limit``."""
        ...

    async def count(self, kind: Kind) -> int: ...
    async def commit(self, changes: Sequence[Change]) -> Sequence[Row | None]:
        """Apply ``changes`` one after the other; the row that each left, None where it is deleted.

        Rows of a commit of many come without their bodies.
        """
        ...

    async def history(self, kind: Kind, id: str, before: int, limit: int) -> Sequence[Row]:
        """Rows with revision below ``before`` (0: all), the newest first; one that is deleted has an empty body."""
        ...

    async def authors(self, kind: Kind, id: str, oldest: int) -> Mapping[int, str]:
        """Who made which revision (``authors.py``), from ``oldest`` on; of those that nobody signed nothing is said."""
        ...

    async def at(self, kind: Kind, id: str, instant: str) -> Row | None:
        """The row as it stood at ``instant``; None when there was none, or when that is no longer known."""
        ...

    async def feed(self, after: int, limit: int) -> Sequence[Told]: ...  # number > after, by number
    async def feed_ends(self) -> tuple[int, int]: ...  # the first and the last number that are there; (0, 0): none
    async def keep_file(self, chunks: AsyncIterator[bytes], content_type: str, name: str) -> str:
        """Keep a file; its digest. Raises ``Refused('twin.file-size')``. What no twin names is swept away later."""
        ...

    async def file(self, digest: str) -> File | None: ...
    async def file_of(self, kind: Kind, id: str, value: str) -> File | None:
        """The file that a twin names by ``value``."""
        ...

    async def files_of(self, kind: Kind, id: str) -> Sequence[tuple[str, str]]: ...  # (value, digest), by value
    async def news(self, after: int) -> None:
        """Wait until the feed has an entry behind ``after``."""
        ...

    async def listeners(self) -> Sequence[tuple[str, bytes, bytes]]: ...  # (id, about, state), by id
    async def keep_listener(self, id: str, about: bytes, state: bytes) -> None: ...
    async def keep_listened(self, id: str, state: bytes) -> None:
        """Keep the state of one that is there; does nothing where it was dropped."""
        ...

    async def drop_listener(self, id: str) -> None: ...
    async def deleted(self, after: tuple[Kind, str] | None, limit: int) -> Sequence[Gone]:
        """Deleted twins of which former states are kept, by kind and id, behind ``after``."""
        ...

    async def erase(self, kind: Kind, id: str) -> tuple[int, int]:
        """Erase all former states of a twin; how many, and their bytes. What it is now stays."""
        ...

    async def sweep(self) -> int:
        """Take away files that nobody names and twins deleted long ago; how many."""
        ...

    async def trouble(self) -> WeftError | None: ...
    async def size(self) -> int: ...
    async def close(self) -> None: ...
