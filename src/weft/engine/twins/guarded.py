"""The twins of the firm for one subject: the methods of the repository, each held against the access rules.

IDTA-01004 v3.0.2.
Rule 1: there is no way around: of a repository, doors get the methods that stand here, or none.
Rule 2: who changes something must be allowed to for the twin as it is, and for the twin as it shall be.
Rule 3: what is hidden by the rule that lets somebody write is not written over; what may be seen and not changed is
    denied, what may not be seen is absent. Where a twin would be made, the answer is the same whatever is there.
Rule 4: a change is made to what was judged: where the twin became another meanwhile, it is judged again.
Not here: what is seen (``sight.py``), the rules (``access.py``), events (``hearing.py``).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from weft.basis.errors import Denied, NotFound, Refused
from weft.engine.twins import authors, writing
from weft.engine.twins.access import Access
from weft.engine.twins.calm import calmly
from weft.engine.twins.handles import Handles
from weft.engine.twins.ports import ALL, File, Kind, Row, Where
from weft.engine.twins.repository import Page, Repository
from weft.engine.twins.sight import Sight, target
from weft.twin.aasx.reading import files_within
from weft.twin.access import Subject, Target, trimmed, trimmed_at
from weft.twin.access.deciding import Decision, Grant, of_kind
from weft.twin.elements import Json
from weft.twin.paths import added, removed, resolve, trail

TRIES: Final = 5
CHANGING: Final = ("CREATE", "UPDATE", "DELETE", "EXECUTE")
T = TypeVar("T")
Change = Callable[[Json], writing.Changed]


@dataclass(slots=True)
class Guarded:
    """The twins as ``subject`` may see and change them, during one request."""

    access: Access
    subject: Subject
    _held: Sight | None = None

    @property
    def _twins(self) -> Repository:
        found: Repository = self.access.home.twins
        return found.signed(authors.of(self.subject))

    async def sight(self) -> Sight:
        """What the subject sees, as of the first time that it was asked for."""
        if self._held is None:
            self._held = await self.access.sight(self.subject)
        return self._held

    @property
    def outcomes(self) -> Handles:
        """What came of bulk requests, each under a handle that nobody guesses."""
        return self._twins.outcomes

    # ---- reading ------------------------------------------------------------------------------------

    async def get(self, kind: Kind, name: str) -> Row:
        """As of the repository; what may not be seen is absent."""
        return await (await self.sight()).get(kind, name)

    async def document(self, kind: Kind, name: str) -> tuple[Row, Json]:
        """As of the repository."""
        return await (await self.sight()).document(kind, name)

    async def document_at(self, submodel: str, path: str) -> tuple[Row, Json]:
        """As of the repository; where only the element at ``path`` may be seen, it stands alone."""
        return await (await self.sight()).document_at(submodel, path)

    async def element(self, submodel: str, path: str) -> Json:
        """As of the repository, if it may be seen."""
        return await (await self.sight()).element(submodel, path)

    async def written(self, kind: Kind, name: str) -> Row | None:
        """As of the repository."""
        row = await self._twins.written(kind, name)
        return None if row is None else await (await self.sight()).row(row)

    async def page(self, kind: Kind, cursor: str, limit: int, where: Where = ALL) -> Page:
        """As of the repository, of what may be seen."""
        return await (await self.sight()).page(kind, cursor, limit, where)

    # ---- files --------------------------------------------------------------------------------------

    async def attachment(self, submodel: str, path: str) -> File:
        """The file of a File that may be seen."""
        _, document = await self.document_at(submodel, path)
        return await self._twins.file_in(submodel, resolve(document, path))

    async def files(self, kind: Kind, document: Json) -> AsyncIterator[tuple[str, File]]:
        """Those files that ``document``, as it may be seen, names."""
        _, shown = await self.document(kind, document["id"])
        picture = shown.get("assetInformation", {}).get("defaultThumbnail", {}).get("path")
        named = {element["value"] for element, _ in files_within(shown)} if kind == "submodel" else {picture}
        async for value, file in self._twins.files(kind, shown):
            if value in named:
                yield value, file

    async def attach(self, submodel: str, path: str, chunks: AsyncIterator[bytes], content_type: str,
                     name: str) -> Row:
        """As of the repository, by UPDATE of the element."""
        await self._may("UPDATE", "submodel", submodel, path)
        return await self._twins.attach(submodel, path, chunks, content_type, name)

    async def detach(self, submodel: str, path: str) -> Row:
        """As of the repository, by UPDATE of the element."""
        await self._may("UPDATE", "submodel", submodel, path)
        return await self._twins.detach(submodel, path)

    async def thumbnail(self, shell: str) -> File:
        """The picture that the shell names, as far as it may be seen."""
        return await self._twins.picture_in((await self.document("shell", shell))[1])

    async def set_thumbnail(self, shell: str, chunks: AsyncIterator[bytes], content_type: str, name: str) -> Row:
        """As of the repository, by UPDATE of the shell."""
        await self._may("UPDATE", "shell", shell)
        return await self._twins.set_thumbnail(shell, chunks, content_type, name)

    async def remove_thumbnail(self, shell: str) -> Row:
        """As of the repository, by UPDATE of the shell."""
        await self._may("UPDATE", "shell", shell)
        return await self._twins.remove_thumbnail(shell)

    async def package(self, name: str) -> File:
        """A package that may be seen."""
        await self.get("package", name)
        return await self._twins.package(name)

    async def keep_package(self, name: str, ids: Sequence[str], title: str, chunks: AsyncIterator[bytes]) -> bool:
        """As of the repository, by CREATE or UPDATE of the package."""
        await self._may_put("package", name, {"packageId": name, "aasIds": list(ids)})
        return await self._twins.keep_package(name, ids, title, chunks)

    # ---- whole twins --------------------------------------------------------------------------------

    async def create(self, kind: Kind, document: Json, files: Sequence[tuple[str, str]] = ()) -> Row:
        """As of the repository, by CREATE of the twin as it shall be."""
        await self._must("CREATE", kind, writing.name_of(kind, document), document)
        return await self._twins.create(kind, document, files)

    async def replace(
        self, kind: Kind, name: str, document: Json, expected: int | None = None,
        files: Sequence[tuple[str, str]] = (),
    ) -> tuple[Row, bool]:
        """As of the repository, by CREATE where there is none, else by UPDATE of it as it is and shall be."""
        async def put() -> tuple[Row, bool]:
            stands = await self._may_put(kind, name, document)
            return await self._twins.replace(kind, name, document, stands if expected is None else expected, files)

        return await self._again(put, expected)

    async def patch(self, kind: Kind, name: str, document: Json, expected: int | None = None) -> Row:
        """As of the repository, by UPDATE."""
        return await self._edited(kind, name, ("", "UPDATE", writing.content("", document)), expected,
                                  lambda stands: self._twins.patch(kind, name, document, stands))

    async def delete(self, kind: Kind, name: str, expected: int | None = None) -> None:
        """As of the repository, by DELETE."""
        async def gone() -> None:
            row = await self._may("DELETE", kind, name)
            await self._twins.delete(kind, name, _standing(row, expected))

        await self._again(gone, expected)

    async def put_all(
        self, kind: Kind, documents: Sequence[Json], deletes: Sequence[str] = (),
        must: Literal["", "absent", "present"] = "",
    ) -> Sequence[Row | None]:
        """As of the repository, if each may be done alone."""
        for document in documents:
            name = writing.name_of(kind, document)
            if must == "absent":
                await self._must("CREATE", kind, name, document)
            else:
                await self._may_put(kind, name, document)
        for name in deletes:
            await self._may("DELETE", kind, name)
        return await self._twins.put_all(kind, documents, deletes, must)

    async def replace_below(
        self, shell: str, submodel: str, document: Json, expected: int | None = None
    ) -> tuple[Row, bool]:
        """As of the repository: by what ``replace`` needs, and by UPDATE of a shell that has not named it yet."""
        _, shown = await self.document("shell", shell)
        if not writing.refers(shown, submodel):
            await self._may("UPDATE", "shell", shell, after=writing.referring(submodel))
        await self._may_put("submodel", submodel, document)
        return await self._twins.replace_below(shell, submodel, document, expected)

    async def delete_below(self, shell: str, submodel: str, expected: int | None = None) -> None:
        """As of the repository, by DELETE of the submodel and UPDATE of the shell."""
        _, shown = await self.document("shell", shell)
        if not writing.refers(shown, submodel):
            raise writing.missing("submodel", submodel)
        await self._may("DELETE", "submodel", submodel)
        await self._may("UPDATE", "shell", shell, after=writing.unreferring(submodel))
        await self._twins.delete_below(shell, submodel, expected)

    # ---- elements -----------------------------------------------------------------------------------

    async def add_element(
        self, submodel: str, path: str, element: Json, expected: int | None = None
    ) -> tuple[Row, str]:
        """As of the repository, by CREATE of the element."""
        return await self._edited(
            "submodel", submodel, (path, "CREATE", lambda document: added(document, path, element)), expected,
            lambda stands: self._twins.add_element(submodel, path, element, stands))

    async def replace_element(
        self, submodel: str, path: str, element: Json, expected: int | None = None
    ) -> tuple[Row, bool]:
        """As of the repository, by UPDATE of the element that is there, else by CREATE."""
        _, before = await self._raw("submodel", submodel)
        right = "CREATE" if _part(before, path) is None else "UPDATE"
        return await self._edited(
            "submodel", submodel, (path, right, writing.replace(path, element, lambda _: None)), expected,
            lambda stands: self._twins.replace_element(submodel, path, element, stands))

    async def remove_element(self, submodel: str, path: str, expected: int | None = None) -> Row:
        """As of the repository, by DELETE of the element."""
        return await self._edited(
            "submodel", submodel, (path, "DELETE", lambda document: (removed(document, path), path)), expected,
            lambda stands: self._twins.remove_element(submodel, path, stands))

    async def patch_element(self, submodel: str, path: str, document: Json, expected: int | None = None) -> Row:
        """As of the repository, by UPDATE of the element."""
        return await self._edited("submodel", submodel, (path, "UPDATE", writing.content(path, document)), expected,
                                  lambda stands: self._twins.patch_element(submodel, path, document, stands))

    async def set_metadata(self, submodel: str, path: str, given: Json, expected: int | None = None) -> Row:
        """As of the repository, by UPDATE of the element."""
        return await self._edited("submodel", submodel, (path, "UPDATE", writing.metadata(path, given)), expected,
                                  lambda stands: self._twins.set_metadata(submodel, path, given, stands))

    async def set_value(self, submodel: str, path: str, given: Any, expected: int | None = None) -> Row:
        """As of the repository, by UPDATE of the element; to a machine by EXECUTE too, and past its own guard."""
        if self._twins.owns(submodel):
            await self.may_execute(submodel, path)
        return await self._edited("submodel", submodel, (path, "UPDATE", writing.value(path, given)), expected,
                                  lambda stands: self._twins.set_value(submodel, path, given, stands))

    async def may_change(self) -> None:
        """Raises ``Denied`` where no rule at all lets the subject change or invoke something."""
        if not (await self.sight()).gives(CHANGING):
            raise Denied("twin.nothing-to-change")

    async def may_execute(self, submodel: str, path: str) -> None:
        """Raises ``NotFound``, ``Denied`` unless the operation at ``path`` may be invoked.

        Whatever a rule for everybody says, who shows no token makes no machine of ours do anything.
        """
        if self.subject.anonymous and self._twins.owns(submodel):
            raise Denied("web.token-missing")
        await self._may("EXECUTE", "submodel", submodel, path)

    # ---- judging ------------------------------------------------------------------------------------

    async def _raw(self, kind: Kind, name: str) -> tuple[Row, Json]:
        """The twin as it is; absent for whom it is nothing to do with."""
        return await self._twins.document(kind, name)

    async def _may(self, right: str, kind: Kind, name: str, path: str = "", after: Change | None = None) -> Row:
        """The twin as it stands, if ``right`` is given for it, and for what ``after`` makes of it."""
        sight, of = await self.sight(), target(kind, name, path)
        if not sight.permit(right, of).possible:
            await self._refuse(right, kind, name, path)
        row, before = await self._raw(kind, name)
        found = await sight.decide(right, of, before, len(row.body))
        if not found.allowed or not _untouched(before, kind, found.grants, path) or not _kept(before, found, of):
            await self._refuse(right, kind, name, path)
        if after is not None and row.revision:
            shall = await calmly(len(row.body), lambda: after(before)[0])
            found = await sight.decide(right, of, shall, len(row.body))
            if not found.allowed or not _kept(shall, found, of):
                raise _denied(right, name)
        return row

    async def _refuse(self, right: str, kind: Kind, name: str, path: str) -> None:
        """Raises ``Denied`` for what may be seen, ``NotFound`` for all else."""
        if kind == "submodel" and path:
            _, shown = await self.document_at(name, path)
            if right != "CREATE":
                resolve(shown, path)
        else:
            await self.get(kind, name)
        raise _denied(right, name)

    async def _must(self, right: str, kind: Kind, name: str, document: Json) -> None:
        if not (await (await self.sight()).decide(right, target(kind, name), document)).allowed:
            raise _denied(right, name)

    async def _may_put(self, kind: Kind, name: str, document: Json) -> int | None:
        """The revision over which ``document`` may be put; 0 where there is none, None for what has none."""
        try:
            row, before = await self._raw(kind, name)
        except NotFound:
            await self._must("CREATE", kind, name, document)
            return 0
        sight, of = await self.sight(), target(kind, name)
        found = await sight.decide("UPDATE", of, before, len(row.body))
        whole = found.allowed and trimmed(before, kind, found.grants) == before
        if not whole or not (await sight.decide("UPDATE", of, document, len(row.body))).allowed:
            raise _denied("CREATE" if not found.allowed else "UPDATE", name)
        return row.revision or None

    async def _edited(self, kind: Kind, name: str, how: tuple[str, str, Change], expected: int | None,
                      act: Callable[[int | None], Awaitable[T]]) -> T:
        path, right, change = how

        async def edit() -> T:
            row = await self._may(right, kind, name, path, change)
            return await act(_standing(row, expected))

        return await self._again(edit, expected)

    async def _again(self, act: Callable[[], Awaitable[T]], expected: int | None) -> T:
        for _ in range(TRIES - 1):
            try:
                return await act()
            except Refused as error:
                if error.code != "twin.changed" or expected is not None:
                    raise
        return await act()


def _standing(row: Row, expected: int | None) -> int | None:
    return (row.revision or None) if expected is None else expected


def _part(document: Json, path: str) -> Any:
    try:
        return resolve(document, path) if path else document
    except NotFound:
        return None


def _kept(document: Json, found: Decision, of: Target) -> bool:
    """Whether the element that is meant, if it is there, is of a kind that the rules which allow it say, if they do."""
    element = _part(document, of.path) if of.path else None
    return element is None or of_kind(found.grants, of, element)


def _untouched(before: Json, kind: Kind, grants: Sequence[Grant], path: str) -> bool:
    """Whether ``grants`` hide nothing of what lies at ``path``, nor anything before it in a list on the way to it.

    Who sees a list with gaps counts otherwise than we do, and would change another element than he means.
    """
    if not path:
        return trimmed(before, kind, grants) == before
    try:
        way = trail(before, path)
    except NotFound:  # it will be new: at the end of its list, if it lies in one
        return not path.endswith("]") or _untouched(before, kind, grants, path[:path.rindex("[")])
    holder: Any = before
    for at in range(0, len(way), 2):
        key, place = way[at], int(way[at + 1])
        gaps = (trimmed_at(before, kind, grants, (*way[:at + 1], one)) is None for one in range(place))
        if holder["modelType"] == "SubmodelElementList" and any(gaps):
            return False
        holder = holder[key][place]
    return bool(trimmed_at(before, kind, grants, way) == holder)


def _denied(right: str, name: str) -> Denied:
    return Denied("twin.not-allowed", right=right, id=name[:200])
