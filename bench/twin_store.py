"""Written twins: a page of 100 among a thousand, a hundred thousand and a million, one twin, and a durable change.

The baseline is a bare table of the same bodies in the same run: id and body, WAL, ``synchronous=FULL``, apsw alone.
The million are laid down by one statement each for twins and names; what is measured goes through the store.
"""

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from bench.rounds import Result, interleaved, rate, show
from weft.engine.clock import SystemClock
from weft.engine.twins import writing
from weft.engine.twins.ports import Change, Where
from weft.stores.twins.indexing import derive
from weft.stores.twins.store import SqliteTwins

SIZES: Final = {"1 k": 1_000, "100 k": 100_000, "1 M": 1_000_000}
PAGE: Final = 100
PAGES: Final = 10  # in one round
GETS: Final = 300
GROUP: Final = 100
GROUPS: Final = 1
ALONE: Final = 10
ROUNDS: Final = 40  # short ones, so that some of them are not disturbed
FLAT: Final = 1.2
_SHELL: Final = (
    '{"modelType":"AssetAdministrationShell","id":"urn:bench:s%07d","idShort":"Pump%07d","assetInformation":'
    '{"assetKind":"Instance","globalAssetId":"urn:bench:a%07d","specificAssetIds":[{"name":"serial","value":"%07d"}]},'
    '"submodels":[{"type":"ModelReference","keys":[{"type":"Submodel","value":"urn:bench:m%07d"}]}]}')
_COUNT: Final = "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < ? - 1)"
_NAMES: Final = {"shell:idShort": "Pump%07d", "shell:asset.globalAssetId": "urn:bench:a%07d",
                 "shell:asset.serial": "%07d"}


def shell(n: int) -> bytes:
    """Shell number ``n`` as it lies in the store."""
    return (_SHELL % ((n,) * 5)).encode()


class Shells:
    """So many shells in a store, and the same in a bare table."""

    def __init__(self, folder: Path, count: int) -> None:
        self.count = count
        self.luck = random.Random(count)
        self.store = SqliteTwins(str(folder / f"{count}.db"), SystemClock())
        self._lay_down(self.store._connection)  # noqa: SLF001 - a million at once is no business of the store
        self.bare = bare_table(str(folder / f"{count}-bare.db"))
        self.bare.execute(f"INSERT INTO twins {_COUNT} SELECT printf('urn:bench:s%07d', n), "
                          "CAST(printf(?, n, n, n, n, n) AS BLOB) FROM c", (count, _SHELL))
        self.bare.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _lay_down(self, connection: apsw.Connection) -> None:
        assert {f"{title}" for title, _ in derive("shell", shell(7)).names} == {*_NAMES}
        with connection:
            connection.execute(
                f"INSERT INTO twins (kind, id, revision, at, body) {_COUNT} SELECT 1, printf('urn:bench:s%07d', n), 1,"
                " '2026-01-01T00:00:00.000Z', CAST(printf(?, n, n, n, n, n) AS BLOB) FROM c", (self.count, _SHELL))
            for number, (title, form) in enumerate(_NAMES.items(), 1):
                connection.execute("INSERT INTO titles VALUES (?, ?)", (number, title))
                connection.execute(
                    f"INSERT INTO names (name, value, id) {_COUNT} SELECT ?, printf(?, n), printf('urn:bench:s%07d', n)"
                    " FROM c ORDER BY 2, 3", (self.count, number, form))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _somewhere(self, room: int = 0) -> str:
        return f"urn:bench:s{self.luck.randrange(max(1, self.count - room)):07}"

    async def pages(self) -> float:
        """Pages a second."""
        begun = time.perf_counter()
        for _ in range(PAGES):
            rows = await self.store.page("shell", self._somewhere(PAGE + 1), PAGE)
            assert len(rows) == PAGE
        return PAGES / (time.perf_counter() - begun)

    async def bare_pages(self) -> float:
        """The same of the bare table."""
        begun = time.perf_counter()
        for _ in range(PAGES):
            rows = self.bare.execute("SELECT id, body FROM twins WHERE id > ? ORDER BY id LIMIT ?",
                                     (self._somewhere(PAGE + 1), PAGE)).fetchall()
            assert len(rows) == PAGE
        return PAGES / (time.perf_counter() - begun)

    async def gets(self) -> float:
        """Twins a second, by id."""
        begun = time.perf_counter()
        for _ in range(GETS):
            assert await self.store.get("shell", self._somewhere())
        return GETS / (time.perf_counter() - begun)

    async def bare_gets(self) -> float:
        """The same of the bare table."""
        begun = time.perf_counter()
        for _ in range(GETS):
            assert self.bare.execute("SELECT body FROM twins WHERE id = ?", (self._somewhere(),)).fetchone()
        return GETS / (time.perf_counter() - begun)

    async def found(self) -> float:
        """Twins a second, by an id of their asset."""
        begun = time.perf_counter()
        for _ in range(GETS // 4):
            asset = f"{self.luck.randrange(self.count):07}"
            assert len(await self.store.page("shell", "", PAGE, Where(assets=(("serial", asset),)))) == 1
        return GETS // 4 / (time.perf_counter() - begun)


def bare_table(path: str) -> apsw.Connection:
    """What a competent afternoon would make."""
    connection = apsw.Connection(path)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    connection.pragma("fullfsync", 1)
    connection.pragma("mmap_size", 256 * 1024 * 1024)
    connection.execute("CREATE TABLE twins (id TEXT PRIMARY KEY, body BLOB)")
    return connection


class Patches:
    """A value of 20 is changed in one of a hundred submodels; durable when it returns."""

    def __init__(self, folder: Path) -> None:
        self.turn = 0
        self.store = SqliteTwins(str(folder / "patches.db"), SystemClock())
        self.bare = bare_table(str(folder / "patches-bare.db"))
        self.names = [f"urn:bench:m{n:03}" for n in range(GROUP)]

    async def begin(self) -> None:
        """All submodels, on both sides."""
        elements = [{"modelType": "Property", "idShort": f"P{n}", "valueType": "xs:int", "value": "0",
                     "semanticId": {"type": "ExternalReference", "keys": [
                         {"type": "GlobalReference", "value": f"urn:bench:property:{n}"}]}} for n in range(20)]
        for name in self.names:
            body = writing.checked("submodel", {"modelType": "Submodel", "id": name, "idShort": "Data",
                                                "submodelElements": elements})
            await self.store.commit([Change("submodel", name, body)])
            self.bare.execute("INSERT INTO twins VALUES (?, ?)", (name, body))

    def _change(self, name: str) -> Change:
        self.turn += 1
        return Change("submodel", name, edit=writing.within("submodel", name, writing.value("P7", self.turn)),
                      type="valueChanged")

    async def together(self) -> float:
        """Changes a second, a hundred at once."""
        begun = time.perf_counter()
        for _ in range(GROUPS):
            await asyncio.gather(*(self.store.commit([self._change(name)]) for name in self.names))
        return GROUPS * GROUP / (time.perf_counter() - begun)

    async def alone(self) -> float:
        """Changes a second, one after the other."""
        begun = time.perf_counter()
        for name in self.names[:ALONE]:
            await self.store.commit([self._change(name)])
        return ALONE / (time.perf_counter() - begun)

    def _bare_change(self, name: str) -> None:
        self.turn += 1
        (body,) = self.bare.execute("SELECT body FROM twins WHERE id = ?", (name,)).fetchone()  # type: ignore[misc]  # it is there
        document: Any = msgspec.json.decode(body)
        document["submodelElements"][7]["value"] = str(self.turn)
        self.bare.execute("UPDATE twins SET body = ? WHERE id = ?", (msgspec.json.encode(document), name))

    async def bare_together(self) -> float:
        """The same in the bare table: decoded, changed, encoded, stored; no revision, no index, nothing judged."""
        begun = time.perf_counter()
        for _ in range(GROUPS):
            self.bare.execute("BEGIN IMMEDIATE")
            for name in self.names:
                self._bare_change(name)
            self.bare.execute("COMMIT")
        return GROUPS * GROUP / (time.perf_counter() - begun)

    async def bare_alone(self) -> float:
        """One transaction each."""
        begun = time.perf_counter()
        for name in self.names[:ALONE]:
            self.bare.execute("BEGIN IMMEDIATE")
            self._bare_change(name)
            self.bare.execute("COMMIT")
        return ALONE / (time.perf_counter() - begun)


async def _measured(folder: Path) -> list[Result]:
    shelves = {name: Shells(folder, count) for name, count in SIZES.items()}
    measures: dict[str, Any] = {}
    for name, one in shelves.items():
        measures |= {f"page {name}": one.pages, f"bare {name}": one.bare_pages}
    largest = shelves["1 M"]
    patches = Patches(folder)
    await patches.begin()
    measures |= {"get": largest.gets, "bare get": largest.bare_gets, "found": largest.found,
                 "together": patches.together, "bare together": patches.bare_together,
                 "alone": patches.alone, "bare alone": patches.bare_alone}
    best = await interleaved(measures, ROUNDS)
    for one in (*shelves.values(), patches):
        await one.store.close()
        one.bare.close()
    small = 1 / best["page 1 k"]
    flat = [Result(f"page of 100 of {name} twins", f"{1000 / best[f'page {name}']:.3f} ms",
                   f"{1000 * small:.3f} ms (1 k)", 1 / best[f"page {name}"] / small, f"<= {FLAT}",
                   1 / best[f"page {name}"] / small <= FLAT) for name in SIZES]
    return [
        *flat,
        rate("page of 100 of 1 M twins, to a bare table", best["page 1 M"], best["bare 1 M"], 0.5),
        rate("one twin of 1 M", best["get"], best["bare get"], 0.5),
        Result("one twin of 1 M by its asset", f"{best['found']:,.0f}/s"),
        rate("durable change of a value, 100 at once", best["together"], best["bare together"], 0.1),
        rate("durable change of a value, alone", best["alone"], best["bare alone"], 0.5),
    ]


def results() -> list[Result]:
    """All of it; the million takes a minute to lay down."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        return asyncio.run(_measured(Path(folder)))


if __name__ == "__main__":
    show(results())
