"""One change put into the tables: the twin, its former revision, the feed, and all that it is found by.

Rule 1: only what differs is written: a changed value of a submodel with thousands of elements costs one element.
Rule 2: what is remembered between changes (numbers of paths, entries of bodies) is forgotten when any of them fails:
        a transaction that was rolled back may have made it.
Not here: transactions (``stores/writer.py``), what an entry is (``indexing.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw
from msgspec.structs import replace

from weft.basis.errors import NotFound, Refused
from weft.engine.twins.ports import CREATED, DELETED, KINDS, LARGE_BYTES, UPDATED, VALUE_CHANGED, Change, Kind, Row
from weft.stores.twins import searching
from weft.stores.twins.indexing import NOTHING, Derived, Element, Key, derive, derive_again
from weft.stores.twins.revisions import piece

GONE_MS: Final = 400 * 86_400_000
REMEMBERED_TWINS: Final = 256
REMEMBERED_ELEMENTS: Final = 50_000  # of one twin; a larger one is derived again
REMEMBERED_TEXTS: Final = 20_000
PRUNED_EVERY: Final = 512  # entries of the feed
FORGOTTEN: Final = (0, "")  # kind and id of what stands for all deleted twins that were forgotten
NUMBER: Final = {kind: place for place, kind in enumerate(KINDS, 1)}


class LargeError(Exception):
    """A twin is so large that it must not be changed in the loop."""


@dataclass(slots=True)
class Kept:
    """How much of the past is kept: revisions of each twin, entries of the feed; those of a deleted twin so long."""

    revisions: int = 100
    changes: int = 1_000_000
    deleted_ms: int = GONE_MS


@dataclass(slots=True)
class Applying:
    """Puts changes into the tables, within a transaction that somebody else has begun."""

    sql: Mapping[str, str]
    kept: Kept
    large: int = LARGE_BYTES
    _entries: dict[tuple[int, str], tuple[int, Derived]] = field(default_factory=dict)  # oldest first
    _elements: int = 0  # in ``_entries``
    _numbers: dict[str, dict[tuple[str | None, ...], int]] = field(
        default_factory=lambda: {"place": {}, "term": {}, "title": {}})

    def forget(self) -> None:
        """Rule 2."""
        self._entries.clear()
        self._elements = 0
        for known in self._numbers.values():
            known.clear()

    def refuse_large(self, changes: Sequence[Change]) -> None:
        """Raises ``LargeError`` where what shall stand says so already."""
        if any(max(len(one.body or b""), LARGE_BYTES + 1 if one.large else 0) > self.large for one in changes):
            raise LargeError

    def apply(self, cursor: apsw.Cursor, change: Change, at: str, *, large: bool = False) -> Row | None:
        """The row that ``change`` leaves. Raises ``twin.changed``, ``twin.file``, and what its edit raises.

        Raises ``LargeError`` unless it may be ``large``, before anything was done.
        """
        kind = NUMBER[change.kind]
        held = cursor.execute(self.sql["twin"], (kind, change.id)).fetchone()
        stands = held[1] if held else 0
        if change.expected is not None and change.expected != stands:
            raise Refused("twin.changed", id=change.id[:200], revision=stands)
        if not large and held and len(held[3]) > self.large:
            raise LargeError
        if change.edit is not None:
            body, path = change.edit(Row(change.kind, change.id, *held[1:]) if held else None)
            change = replace(change, body=body, path=path or change.path, edit=None)
            if not large and body is not None and len(body) > self.large:
                raise LargeError
        if change.body is None:
            if held:
                self._delete(cursor, change, held, at)
            return None
        if held and held[3] == change.body and not self._links_differ(cursor, kind, change):
            return Row(change.kind, change.id, stands, held[2], held[3])
        return self._stands(cursor, change, held, at)

    def _stands(self, cursor: apsw.Cursor, change: Change, held: Any, at: str) -> Row:
        kind, body = NUMBER[change.kind], change.body
        assert body is not None
        if held:
            number, revision = held[0], held[1] + 1
            old = self._derived(change.kind, change.id, held)
            new = self._derived_anew(change, body, old)
            cursor.execute(self.sql["put_twin"], (revision, at, body, number))
            self._supersede(cursor, change, held, body)
        else:
            gone = cursor.execute(self.sql["gone"], (kind, change.id)).fetchone()
            revision = (gone[0] if gone else self._floor(cursor)) + 1
            old, new = NOTHING, derive(change.kind, body)
            cursor.execute(self.sql["add_twin"], (kind, change.id, revision, at, body))
            number = cursor.connection.last_insert_rowid()
            if gone:
                cursor.execute(self.sql["delete_gone"], (kind, change.id))
                self._keep(cursor, (kind, change.id, gone[0], gone[1], 0, 0, b""))
        self._index(cursor, (change.id, number), old, new)
        searching.put(cursor, change.kind, number, old.words, new.words)
        self._link(cursor, kind, change, new.files)
        self._sign(cursor, change, revision)
        self._tell(cursor, change, change.type or (UPDATED if held else CREATED), at, revision)
        self._remember((kind, change.id), revision, new)
        return Row(change.kind, change.id, revision, at, body)

    def _floor(self, cursor: apsw.Cursor) -> int:
        """The highest revision of any twin that is forgotten: whoever knew it never meets it with other bytes."""
        found = cursor.execute(self.sql["gone"], FORGOTTEN).fetchone()
        return found[0] if found else 0

    def forget_gone(self, cursor: apsw.Cursor, forgotten: Sequence[tuple[int, str, int, str]]) -> None:
        """Let go of deleted twins (kind, id, revision, at), but for the highest revision among them."""
        highest = max(self._floor(cursor), *(revision for _, _, revision, _ in forgotten))
        cursor.execute(self.sql["put_gone"], (*FORGOTTEN, highest, max(at for *_, at in forgotten)))
        rows = [one[:2] for one in forgotten]
        cursor.executemany(self.sql["forget_history"], rows)
        cursor.executemany(self.sql["forget_authors"], rows)
        cursor.executemany(self.sql["delete_gone"], rows)

    def _delete(self, cursor: apsw.Cursor, change: Change, held: Any, at: str) -> None:
        kind, (number, revision, _, _) = NUMBER[change.kind], held
        old = self._derived(change.kind, change.id, held)
        cursor.execute(self.sql["delete_twin"], (number,))
        self._supersede(cursor, change, held, b"")
        cursor.execute(self.sql["put_gone"], (kind, change.id, revision + 1, at))
        self._index_names(cursor, change.id, old.names, NOTHING.names)
        self._index_fields(cursor, number, old.fields, NOTHING.fields)
        searching.put(cursor, change.kind, number, old.words, ())
        if change.kind == "submodel":
            cursor.execute(self.sql["delete_elements"], (number,))
        for value, _ in cursor.execute(self.sql["links"], (kind, change.id)).fetchall():
            cursor.execute(self.sql["delete_link"], (kind, change.id, value))
        self._sign(cursor, change, revision + 1)
        self._tell(cursor, change, DELETED, at, revision + 1)
        self._drop((kind, change.id))

    # ---- the past -------------------------------------------------------------------------------

    def _supersede(self, cursor: apsw.Cursor, change: Change, held: Any, following: bytes) -> None:
        _, revision, at, body = held
        self._keep(cursor, (NUMBER[change.kind], change.id, revision, at, *piece(revision, body, following)))

    def _keep(self, cursor: apsw.Cursor, row: tuple[Any, ...]) -> None:
        kind, name, revision = row[:3]
        if self.kept.revisions:
            cursor.execute(self.sql["add_history"], row)
        cursor.execute(self.sql["prune_history"], (kind, name, revision - self.kept.revisions))
        cursor.execute(self.sql["prune_authors"], (kind, name, revision - self.kept.revisions))

    def _sign(self, cursor: apsw.Cursor, change: Change, revision: int) -> None:
        if change.by:
            cursor.execute(self.sql["add_author"], (NUMBER[change.kind], change.id, revision, change.by))

    def _tell(self, cursor: apsw.Cursor, change: Change, kind: str, at: str, revision: int) -> None:
        cursor.execute(self.sql["add_change"], (NUMBER[change.kind], change.id, change.path, kind, at, revision))
        number = cursor.connection.last_insert_rowid()
        if number % PRUNED_EVERY == 0:
            cursor.execute(self.sql["prune_changes"], (number - self.kept.changes,))

    # ---- what it is found by --------------------------------------------------------------------

    def _derived(self, kind: Any, name: str, held: Any) -> Derived:
        known = self._entries.get((NUMBER[kind], name))
        return known[1] if known and known[0] == held[1] else derive(kind, held[3])

    @staticmethod
    def _derived_anew(change: Change, body: bytes, old: Derived) -> Derived:
        """The entries of ``body``: of a changed value, those of its element beside the old ones."""
        if change.kind == "submodel" and change.type == VALUE_CHANGED and change.path:
            return derive_again(old, body, change.path)
        return derive(change.kind, body)

    def _remember(self, key: tuple[int, str], revision: int, entries: Derived) -> None:
        self._drop(key)
        if len(entries.elements) > REMEMBERED_ELEMENTS:
            return
        self._entries[key] = (revision, entries)
        self._elements += len(entries.elements)
        while len(self._entries) > REMEMBERED_TWINS or self._elements > REMEMBERED_ELEMENTS:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: tuple[int, str]) -> None:
        known = self._entries.pop(key, None)
        self._elements -= len(known[1].elements) if known else 0

    def index(self, cursor: apsw.Cursor, kind: Kind, twin: tuple[str, int], new: Derived) -> None:
        """All entries of a twin (its id and its number) that has none yet."""
        self._index(cursor, twin, NOTHING, new)
        searching.put(cursor, kind, twin[1], (), new.words)

    def _index(self, cursor: apsw.Cursor, twin: tuple[str, int], old: Derived, new: Derived) -> None:
        """``twin``: its id and its number."""
        name, number = twin
        self._index_names(cursor, name, old.names, new.names)
        self._index_fields(cursor, number, old.fields, new.fields)
        gone = [(number, self._place(cursor, key, old.elements[key]), key[2])
                for key in old.elements.keys() - new.elements.keys()]
        if gone:
            cursor.executemany(self.sql["delete_element"], gone)
        put = [(number, self._place(cursor, key, one), key[2],
                self._number(cursor, "term", (one.semantic,)) if one.semantic else None, *one[3:])
               for key, one in new.elements.items() if old.elements.get(key) != one]
        if put:
            cursor.executemany(self.sql["put_element"], put)

    def _index_names(self, cursor: apsw.Cursor, name: str, old: frozenset[tuple[str, str]],
                     new: frozenset[tuple[str, str]]) -> None:
        for statement, entries in (("delete_name", old - new), ("add_name", new - old)):
            rows = [(self._number(cursor, "title", (title,)), value, name) for title, value in entries]
            if rows:
                cursor.executemany(self.sql[statement], rows)

    def _index_fields(self, cursor: apsw.Cursor, number: int, old: frozenset[tuple[str, str, str]],
                      new: frozenset[tuple[str, str, str]]) -> None:
        for statement, entries in (("delete_field", old - new), ("add_field", new - old)):
            rows = [(self._number(cursor, "title", (title,)), value, number, place) for title, value, place in entries]
            if rows:
                cursor.executemany(self.sql[statement], rows)

    def _place(self, cursor: apsw.Cursor, key: Key, one: Element) -> int:
        return self._number(cursor, "place", key[:2], (one.shape, one.tail))

    def _number(self, cursor: apsw.Cursor, what: str, key: tuple[str | None, ...], more: tuple[str, ...] = ()) -> int:
        """The number of a place, term or title; it is given one where it has none."""
        known = self._numbers[what]
        number = known.get(key)
        if number is None:
            if len(known) >= REMEMBERED_TEXTS:
                known.clear()
            found = cursor.execute(self.sql[what], key).fetchone()
            if found is None:
                cursor.execute(self.sql[f"add_{what}"], (*key, *more))
            number = known[key] = found[0] if found else cursor.connection.last_insert_rowid()
        return number

    # ---- files ----------------------------------------------------------------------------------

    def _links_differ(self, cursor: apsw.Cursor, kind: int, change: Change) -> bool:
        return any(cursor.execute(self.sql["link"], (kind, change.id, value)).fetchone() != (digest,)
                   for value, digest in change.files)

    def _link(self, cursor: apsw.Cursor, kind: int, change: Change, named: frozenset[str]) -> None:
        """Files that the body names; what it names no longer is let go of."""
        for value, digest in change.files:
            if cursor.execute(self.sql["file"], (digest,)).fetchone() is None:
                raise NotFound("twin.file", digest=digest[:64])
            if value in named:
                cursor.execute(self.sql["put_link"], (kind, change.id, value, digest))
        for held, _ in cursor.execute(self.sql["links"], (kind, change.id)).fetchall():
            if held not in named:
                cursor.execute(self.sql["delete_link"], (kind, change.id, held))
