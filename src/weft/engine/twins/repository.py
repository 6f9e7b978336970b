"""All twins in one place: those that were written, then those that follow from the firm's books.

IDTA-01002 §11 (repositories, registries, discovery), for doors, command line and console alike.
Rule 1: pages go through the written twins in order of id, then through those that follow in their own order; the
        cursor says where it stands, so that whatever is added or deleted meanwhile, all that stays is met once.
Rule 2: a twin that follows has revision 0 and is of this moment; it is never written. A value of a machine in it is,
        through the machine's own guard.
Rule 3: the store is opened when it is first needed.
Not here: what is checked before a write (``writing.py``), who may see what (``access.py``), HTTP (``doors/aas``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.engine.twins import naming, writing
from weft.engine.twins.calm import calmly, decoded
from weft.engine.twins.derived import Twins
from weft.engine.twins.handles import Handles
from weft.engine.twins.ports import (
    ALL,
    LARGE_BYTES,
    SPENT_S,
    Change,
    ChangeType,
    Cut,
    File,
    Kind,
    Row,
    Told,
    TwinStore,
    Where,
)
from weft.engine.twins.underway import Imports
from weft.twin.aasx.reading import files_within
from weft.twin.elements import Json
from weft.twin.names import read_submodel
from weft.twin.operating import scalar
from weft.twin.paths import read_at, resolve
from weft.twin.query import holds, looks_beside

PACKAGE: Final = "/package.aasx"  # what a package calls its file
PACKAGE_TYPE: Final = "application/asset-administration-shell-package"
FOLLOWS: Final = "d:"  # a cursor within the twins that follow
SWEEP_S: Final = 3_600.0
WRITTEN: Final = "s:"  # a cursor within those that were written
Write = Callable[[str, str, bool | str], Awaitable[None]]  # machine, property, value in its unit


class Page(msgspec.Struct, frozen=True):
    """Some twins, and the cursor behind them: "" when there are no more; ``cut``: looking for more took too long."""

    rows: Sequence[Row]
    cursor: str
    cut: bool = False


@dataclass(slots=True)
class Repository:
    """The twins of one firm. ``write`` hands a value to a machine; ``author``: who changes twins (``authors.py``)."""

    derived: Twins
    opening: Callable[[], TwinStore]
    write: Write | None = None
    outcomes: Handles = field(default_factory=Handles)
    imports: Imports = field(default_factory=Imports)
    scratch: Path | None = None  # where what is imported waits; None: where this machine keeps what is temporary
    _store: TwinStore | None = None
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    author: str = ""
    _of: "Repository | None" = None

    def signed(self, author: str) -> "Repository":
        """The same twins, for ``author``: what is changed through it is written down as that one's."""
        return replace(self, author=author, _of=self._of or self)

    @property
    def store(self) -> TwinStore:
        """Where written twins rest."""
        if self._store is None:
            self._store = self._of.store if self._of else self.opening()
            self._opened.set()
        return self._store

    async def run(self) -> None:
        """Sweep the store now and then, once it is open; does not end."""
        await self._opened.wait()
        while True:
            await asyncio.sleep(SWEEP_S)
            with contextlib.suppress(WeftError):  # the disk is full or fails: the next time will do
                await self.store.sweep()

    async def trouble(self) -> WeftError | None:
        """Why nothing can be written now; None when all is well, or nothing was ever written."""
        return None if self._store is None else await self._store.trouble()

    async def close(self) -> None:
        """Let go of the store, if it was ever opened."""
        if self._store is not None:
            await self._store.close()

    def owns(self, name: str) -> bool:
        """Whether ``name`` is an id of a twin that follows from our books."""
        return writing.owned(self.derived.home.organisation, name)

    # ---- reading --------------------------------------------------------------------------------

    async def get(self, kind: Kind, name: str) -> Row:
        """The twin as it is now; raises ``NotFound`` (``twin.shell``, ``twin.submodel``, …)."""
        if self._follows(kind, name):
            document = await (self.derived.shell(name) if kind == "shell" else self.derived.submodel(name))
            return _fresh(kind, document)
        row = await self.store.get(kind, name)
        if row is None:
            raise writing.missing(kind, name)
        return row

    async def written(self, kind: Kind, name: str) -> Row | None:
        """The twin as somebody has written it; None where nobody has."""
        return await self.store.get(kind, name)

    def _follows(self, kind: Kind, name: str) -> bool:
        return kind in ("shell", "submodel") and self.owns(name)

    async def document(self, kind: Kind, name: str) -> tuple[Row, Json]:
        """The twin, and what its bytes say."""
        row = await self.get(kind, name)
        return row, await decoded(row.body)

    async def page(self, kind: Kind, cursor: str, limit: int, where: Where = ALL) -> Page:
        """At most ``limit`` twins behind ``cursor`` ("": from the beginning); raises ``Invalid('twin.cursor')``."""
        part, after = _place(cursor)
        rows: list[Row] = []
        if part == WRITTEN:
            found = await self.store.page(kind, after, limit + 1, where)
            rows += found[:limit]
            if isinstance(found, Cut):
                return Page(rows, WRITTEN + found.behind, cut=True)
            if len(found) > limit:
                return Page(rows, WRITTEN + rows[-1].id)
            after = ""
        if kind in ("shell", "submodel"):
            clock = asyncio.get_running_loop().time
            until = clock() + SPENT_S
            async for document in self._behind(kind, after):
                wanted = await self._wanted(kind, document, where)
                if wanted and len(rows) == limit:
                    return Page(rows, FOLLOWS + after)
                after = document["id"]
                rows += [_fresh(kind, document)] if wanted else []
                if where.condition is not None and clock() > until:
                    return Page(rows, FOLLOWS + after, cut=True)
        return Page(rows, "")

    def _behind(self, kind: Kind, after: str) -> AsyncIterator[Json]:
        return self.derived.shells(after) if kind == "shell" else self.derived.submodels(after)

    async def _wanted(self, kind: Kind, document: Json, where: Where) -> bool:
        if where is ALL:
            return True
        if not naming.matches(kind, document, where):
            return False
        if where.condition is None:
            return True
        around = await self._around(kind, document) if looks_beside(where.condition, kind) else ()
        return await asyncio.to_thread(holds, where.condition, document, kind, around)

    async def _around(self, kind: Kind, document: Json) -> list[Json]:
        """The submodels of a shell that follows, or the shell of such a submodel."""
        if kind == "submodel":
            return [await self.derived.shell(document["id"].rpartition(":")[0])]
        names = [one["keys"][0]["value"] for one in document.get("submodels", ())]
        return [await self.derived.submodel(one) for one in names]

    async def document_at(self, submodel: str, path: str) -> tuple[Row, Json]:  # noqa: ARG002 - guarded ones need it
        """The submodel, for who asks for the element at ``path`` in it."""
        return await self.document("submodel", submodel)

    async def history(self, kind: Kind, name: str, before: int, limit: int) -> Sequence[Row]:
        """Revisions below ``before`` (0: all), the newest first; of a twin that follows, what it is now."""
        return [await self.get(kind, name)] if self._follows(kind, name) else await self.store.history(
            kind, name, before, limit)

    async def at(self, kind: Kind, name: str, instant: str) -> Row:
        """The twin as it stood at ``instant``; raises ``NotFound``."""
        row = None if self._follows(kind, name) else await self.store.at(kind, name, instant)
        if row is None:
            raise writing.missing(kind, name)
        return row

    async def feed(self, after: int, limit: int) -> Sequence[Told]:
        """What changed behind number ``after``; raises ``Refused('twin.feed-gone')`` when that is not known.

        Raises ``Refused('twin.feed-ahead')`` where no change has that number yet.
        """
        found = await self.store.feed(max(0, after - 1), limit + 1)
        first, last = await self.store.feed_ends()
        if after > last:
            raise Refused("twin.feed-ahead", number=after, last=last)
        if after and after != first - 1 and not (found and found[0].number == after):
            raise Refused("twin.feed-gone", first=first, last=last)
        return [one for one in found if one.number > after][:limit]

    async def feed_ends(self) -> tuple[int, int]:
        """The first and the last number of the feed."""
        return await self.store.feed_ends()

    # ---- whole twins ----------------------------------------------------------------------------

    async def create(self, kind: Kind, document: Json, files: Sequence[tuple[str, str]] = ()) -> Row:
        """A twin that was not there; raises ``Refused('twin.exists')``, ``Denied``, ``Faulty``."""
        name, body = await self._checked(kind, document)
        try:
            return await self._one(Change(kind, name, body, expected=0, files=tuple(files)))
        except Refused as error:
            raise Refused("twin.exists", id=name[:200]) if error.code == "twin.changed" else error from error

    async def replace(
        self, kind: Kind, name: str, document: Json, expected: int | None = None,
        files: Sequence[tuple[str, str]] = (),
    ) -> tuple[Row, bool]:
        """Make ``document`` what stands as ``name``; (the row, whether there was none)."""
        return await self._replaced(await self._replacing(kind, name, document, expected, files))

    async def _replacing(self, kind: Kind, name: str, document: Json, expected: int | None,
                         files: Sequence[tuple[str, str]] = ()) -> Change:
        own, body = await self._checked(kind, document)
        if own != name:
            raise Invalid("twin.id-differs", id=own[:80], address=name[:80])
        return Change(kind, name, body, expected=expected, files=tuple(files))

    async def _replaced(self, change: Change, *beside: Change) -> tuple[Row, bool]:
        """Commit ``change`` with others; whether there was nothing before is seen at that moment."""
        seen: list[bool] = []

        def edit(row: Row | None) -> tuple[bytes | None, str]:
            seen[:] = [row is None]
            return change.body, ""

        rows = await self.commit([msgspec.structs.replace(change, edit=edit), *beside])
        assert rows[0] is not None
        return rows[0], seen[0]

    async def patch(self, kind: Kind, name: str, document: Json, expected: int | None = None) -> Row:
        """What is given of a twin replaces what is there; the rest stays."""
        return await self._edited(kind, name, writing.content("", document), expected, given=document)

    async def delete(self, kind: Kind, name: str, expected: int | None = None) -> None:
        """Take a twin away; raises ``NotFound``, ``Denied``, ``Refused('twin.changed')``."""
        self._refuse_kept(kind, name)
        await self.commit([Change(kind, name, edit=writing.gone(kind, name), expected=expected)])

    async def put_all(
        self, kind: Kind, documents: Sequence[Json], deletes: Sequence[str] = (),
        must: Literal["", "absent", "present"] = "",
    ) -> Sequence[Row | None]:
        """All of it or nothing; each of ``documents`` must be absent or present where ``must`` says so."""
        changes = []
        for document in documents:
            name, body = await self._checked(kind, document)
            changes.append(Change(kind, name, edit=writing.whole(kind, body, must=must),
                                  expected=0 if must == "absent" else None))
        for name in deletes:
            self._refuse_kept(kind, name)
            changes.append(Change(kind, name, edit=writing.gone(kind, name)))
        try:
            return await self.commit(changes)
        except Refused as error:
            if error.code == "twin.changed" and must == "absent":
                raise Refused("twin.exists", id=error.facts["id"]) from error
            raise

    async def replace_below(self, shell: str, submodel: str, document: Json,
                            expected: int | None = None) -> tuple[Row, bool]:
        """Replace a submodel of ``shell``, or make it and name it there, in one commit."""
        self._refuse_kept("shell", shell)
        _, holder = await self.document("shell", shell)
        if not writing.refers(holder, submodel) and await self.store.get("submodel", submodel) is not None:
            raise writing.missing("submodel", submodel)
        naming_it = Change("shell", shell, edit=writing.within("shell", shell, writing.referring(submodel)))
        return await self._replaced(await self._replacing("submodel", submodel, document, expected), naming_it)

    async def delete_below(self, shell: str, submodel: str, expected: int | None = None) -> None:
        """Delete a submodel of ``shell`` and its reference there, in one commit."""
        self._refuse_kept("shell", shell)
        self._refuse_kept("submodel", submodel)
        _, holder = await self.document("shell", shell)
        if not writing.refers(holder, submodel):
            raise writing.missing("submodel", submodel)
        await self.commit([
            Change("submodel", submodel, edit=writing.gone("submodel", submodel), expected=expected),
            Change("shell", shell, edit=writing.within("shell", shell, writing.unreferring(submodel)))])

    # ---- elements -------------------------------------------------------------------------------

    async def element(self, submodel: str, path: str) -> Json:
        """The element at ``path``; raises ``NotFound``, ``Invalid``."""
        found: Json = read_at((await self.get("submodel", submodel)).body, path)
        return found

    async def add_element(
        self, submodel: str, path: str, element: Json, expected: int | None = None
    ) -> tuple[Row, str]:
        """``element`` at the end of the container at ``path`` ("": of the submodel); the row and the new path."""
        paths: list[str] = []
        put = writing.add(path, element)

        def change(document: Json) -> writing.Changed:
            changed, at = put(document)
            paths[:] = [at]
            return changed, at

        row = await self._edited("submodel", submodel, change, expected, "created", given=element)
        return row, paths[0]

    async def replace_element(self, submodel: str, path: str, element: Json,
                              expected: int | None = None) -> tuple[Row, bool]:
        """``element`` in the place of what is at ``path``; the row, and whether there was nothing."""
        made: list[bool] = []
        change = writing.replace(path, element, made.append)
        return await self._edited("submodel", submodel, change, expected, "updated", given=element), made[-1]

    async def remove_element(self, submodel: str, path: str, expected: int | None = None) -> Row:
        """The submodel without the element at ``path``."""
        self._refuse_kept("submodel", submodel)
        return await self._one(Change("submodel", submodel, edit=writing.removing(submodel, path), expected=expected,
                                      type="deleted", path=path))

    async def patch_element(self, submodel: str, path: str, document: Json, expected: int | None = None) -> Row:
        """What is given of the element at ``path`` replaces what is there."""
        return await self._edited("submodel", submodel, writing.content(path, document), expected, given=document)

    async def set_metadata(self, submodel: str, path: str, given: Json, expected: int | None = None) -> Row:
        """All but the value of the element at ``path`` ("": of the submodel)."""
        return await self._edited("submodel", submodel, writing.metadata(path, given), expected)

    async def set_value(self, submodel: str, path: str, given: Any, expected: int | None = None) -> Row:
        """The value of the element at ``path`` ("": of the submodel); of a machine's property through its guard."""
        if self._follows("submodel", submodel):
            return await self._to_machine(submodel, path, given)
        return await self._edited("submodel", submodel, writing.value(path, given), expected, "valueChanged")

    async def _to_machine(self, submodel: str, path: str, given: Any) -> Row:
        found = read_submodel(self.derived.home.organisation, submodel)
        name = await self.derived.property_at(submodel, path) if found and found[0] == "machine" and path else ""
        if not name or not found:
            self._refuse_kept("submodel", submodel)
            raise writing.missing("submodel", submodel)
        if self.write is None:
            raise Refused("machine.writing-stopped", machine=found[1])
        changed, _ = writing.value(path, given)((await self.document("submodel", submodel))[1])
        element = resolve(changed, path)
        if "value" not in element:
            raise Invalid("twin.value-misfit", path=path[:80], kind="Property", wanted=element["valueType"])
        await self.write(found[1], name, scalar(element))
        return await self.get("submodel", submodel)

    # ---- files ----------------------------------------------------------------------------------

    async def attachment(self, submodel: str, path: str) -> File:
        """The file of the File at ``path``; raises ``NotFound('twin.no-attachment')``."""
        return await self.file_in(submodel, await self.element(submodel, path))

    async def file_in(self, submodel: str, element: Json) -> File:
        """The file that ``element`` of ``submodel`` names; raises ``NotFound('twin.no-attachment')``."""
        named = element.get("value") if element["modelType"] == "File" else None
        found = None
        if isinstance(named, str):
            held = await self.derived.file(submodel, named) if self.owns(submodel) else None
            found = held or await self.store.file_of("submodel", submodel, named)
        if found is None:
            raise NotFound("twin.no-attachment", kind=element["modelType"])
        return found

    async def files(self, kind: Kind, document: Json) -> AsyncIterator[tuple[str, File]]:
        """(value, file) of what ``document`` names and what is here."""
        name = document["id"]
        if self.owns(name):
            values = {element["value"] for element, _ in files_within(document)} if kind == "submodel" else set()
            for value in sorted(values):
                if (file := await self.derived.file(name, value)) is not None:
                    yield value, file
            return
        for value, digest in await self.store.files_of(kind, name):
            if (file := await self.store.file(digest)) is not None:
                yield value, file

    async def attach(self, submodel: str, path: str, chunks: AsyncIterator[bytes], content_type: str,
                     name: str) -> Row:
        """Keep a file and let the File at ``path`` name it."""
        self._refuse_kept("submodel", submodel)
        element = await self.element(submodel, path)
        if element["modelType"] != "File":
            raise NotFound("twin.no-attachment", kind=element["modelType"])
        digest = await self.store.keep_file(chunks, content_type, name)
        named = _named(digest, name)
        change = writing.fields(path, value=named, contentType=content_type)
        return await self._one(Change("submodel", submodel, edit=writing.within("submodel", submodel, change),
                                      type="valueChanged", path=path, files=((named, digest),)))

    async def detach(self, submodel: str, path: str) -> Row:
        """The File at ``path`` names no file any more; raises ``NotFound('twin.no-attachment')``."""
        await self.attachment(submodel, path)
        return await self._edited("submodel", submodel, writing.fields(path, value=None), None, "valueChanged")

    async def thumbnail(self, shell: str) -> File:
        """The picture of a shell; raises ``NotFound('twin.no-thumbnail')``."""
        _, document = await self.document("shell", shell)
        return await self.picture_in(document)

    async def picture_in(self, shell: Json) -> File:
        """The picture that the document of a shell names; raises ``NotFound('twin.no-thumbnail')``."""
        named = shell["assetInformation"].get("defaultThumbnail", {}).get("path", "")
        written = named and not self.owns(shell["id"])
        found = await self.store.file_of("shell", shell["id"], named) if written else None
        if found is None:
            raise NotFound("twin.no-thumbnail")
        return found

    async def set_thumbnail(self, shell: str, chunks: AsyncIterator[bytes], content_type: str, name: str) -> Row:
        """Keep a picture and let the shell name it."""
        self._refuse_kept("shell", shell)
        await self.get("shell", shell)
        digest = await self.store.keep_file(chunks, content_type, name)
        named = _named(digest, name)
        change = writing.thumbnail({"path": named, "contentType": content_type})
        return await self._one(Change("shell", shell, edit=writing.within("shell", shell, change),
                                      files=((named, digest),)))

    async def remove_thumbnail(self, shell: str) -> Row:
        """The shell without a picture; raises ``NotFound('twin.no-thumbnail')``."""
        await self.thumbnail(shell)
        return await self._edited("shell", shell, writing.thumbnail(None), None)

    async def keep_package(self, name: str, ids: Sequence[str], title: str, chunks: AsyncIterator[bytes]) -> bool:
        """Keep an AASX package as ``name``; whether there was none."""
        digest = await self.store.keep_file(chunks, PACKAGE_TYPE, title)
        document = {"packageId": name, "aasIds": list(ids), "fileName": title, "file": PACKAGE}
        _, created = await self.replace("package", name, document, files=((PACKAGE, digest),))
        return created

    async def package(self, name: str) -> File:
        """The AASX package ``name``; raises ``NotFound('twin.package')``."""
        found = await self.store.file_of("package", (await self.get("package", name)).id, PACKAGE)
        if found is None:
            raise writing.missing("package", name)
        return found

    # ---- what they share ------------------------------------------------------------------------

    def _refuse_kept(self, kind: Kind, name: str) -> None:
        writing.refuse_kept(self.derived.home.organisation, kind, name)

    async def _checked(self, kind: Kind, document: Json) -> tuple[str, bytes]:
        """The id and the bytes of ``document``; a large one is judged in a thread, so that others have their turn."""
        name = writing.name_of(kind, document)
        self._refuse_kept(kind, name)
        size = len(msgspec.json.encode(document))
        return name, await calmly(size, lambda: writing.checked(kind, document))

    async def commit(self, changes: Sequence[Change]) -> Sequence[Row | None]:
        return await self.store.commit([msgspec.structs.replace(one, by=self.author) for one in changes])

    async def _one(self, change: Change) -> Row:
        [row] = await self.commit([change])
        assert row is not None
        return row

    async def _edited(self, kind: Kind, name: str, change: Callable[[Json], writing.Changed],
                      expected: int | None, type_: ChangeType = "", *, given: Json | None = None) -> Row:
        self._refuse_kept(kind, name)
        return await self._one(Change(kind, name, edit=writing.within(kind, name, change), expected=expected,
                                      type=type_, large=len(msgspec.json.encode(given)) > LARGE_BYTES))


def _fresh(kind: Kind, document: Json) -> Row:
    return Row(kind, document["id"], 0, "", msgspec.json.encode(document))


def _place(cursor: str) -> tuple[str, str]:
    """The part in which ``cursor`` stands, and the id behind which it goes on."""
    if not cursor:
        return WRITTEN, ""
    if cursor[:2] not in (FOLLOWS, WRITTEN):
        raise Invalid("twin.cursor", value=cursor[:80])
    return cursor[:2], cursor[2:]


def _named(digest: str, name: str) -> str:
    """How a twin calls a file: by its content, so that two of the same name are kept apart."""
    plain = "".join(one if one.isalnum() or one in "._-" else "_" for one in name)[-80:] or "file"
    return f"/aasx/files/{digest[:16]}/{quote(plain)}"
