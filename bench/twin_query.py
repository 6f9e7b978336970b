"""A query over 100,000 submodels: the first page of 100 from the store, beside a scan that reads them one by one.

Baseline of the same run: every body in order of id, decoded and held against the condition, until the page is full;
it does what a server without an index of elements does. Both read the same database file.
``python -m bench twin_query``; WEFT_BENCH_SUBMODELS says another number of submodels.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.rounds import Result
from weft.engine.clock import SystemClock
from weft.engine.twins.ports import Change, Where
from weft.stores.twins.asking import ask
from weft.stores.twins.store import SqliteTwins
from weft.twin import elements as e
from weft.twin.query import Condition, holds, parse_text

COUNT: Final = int(os.environ.get("WEFT_BENCH_SUBMODELS", "100000"))
BATCH: Final = 50
PAGE: Final = 100
READ: Final = 1000
TURNS: Final = 5
MOST_MS: Final = 50.0
QUERIES: Final = {
    "one of all, by a path": '$sme.SerialNumber#value $eq "SN-054321"',
    "a meaning and a number (1 %)": '$match($sme#semanticId $eq "0173-1#02-BAF016#006", $sme#value $lt 10)',
    "two conditions, one inside a list": '$and($sm#idShort $eq "TechnicalData", $sme.Rows[].Width#value $gt 990)',
    "part of a text (1 of 1,000)": '$contains($sme.Note#value, "batch 77 ")',
    "a pattern (10 of all)": '$regex($sme.SerialNumber#value, "^SN-05432[0-9]$")',
    "everything but one kind": '$not($sme.Colour#value $eq "red")',
}


def submodel(number: int) -> bytes:
    """One of the submodels: ten elements, as technical data have them."""
    colour = ("red", "green", "blue", "grey")[number % 4]
    name = f"urn:weft:bench:sm:{number * 7919 % COUNT:06d}"
    made = e.submodel(name, "TechnicalData" if number % 2 else "Nameplate", [
        e.prop("SerialNumber", f"SN-{number:06d}", "0112/2///61987#ABA951#009"),
        e.prop("Width", str(number % 1000), "0173-1#02-BAF016#006", type_="xs:decimal"),
        e.prop("Height", str(number % 997), "0173-1#02-BAA020#008", type_="xs:decimal"),
        e.prop("Colour", colour), e.prop("Note", f"batch {number % 1000} of the year"),
        e.instant("Made", f"2026-01-{number % 28 + 1:02d}T08:00:00Z"),
        e.multi("Name", {"en": f"part {number}", "zh": f"零件 {number}"}),
        e.listing("Rows", [e.collection("", [e.prop("Width", str(number % 1000), type_="xs:int")])]),
    ], "0173-1#01-AHX837#002")
    return msgspec.json.encode(made)


async def _filled(path: str) -> SqliteTwins:
    store = SqliteTwins(path, SystemClock())
    begun = time.perf_counter()
    for first in range(0, COUNT, BATCH):
        bodies = [submodel(number) for number in range(first, min(first + BATCH, COUNT))]
        await store.commit([Change("submodel", msgspec.json.decode(body)["id"], body) for body in bodies])
    seconds = time.perf_counter() - begun
    print(f"{COUNT:,} submodels written in {seconds:,.0f} s", file=sys.stderr, flush=True)
    return store


async def _asked(store: SqliteTwins, condition: Condition) -> tuple[float, list[str]]:
    """Milliseconds of the fastest of several first pages, and the ids on it."""
    best, ids = float("inf"), []
    for _ in range(TURNS):
        begun = time.perf_counter()
        rows = await store.page("submodel", "", PAGE, Where(condition=condition))
        best = min(best, (time.perf_counter() - begun) * 1000)
        ids = [one.id for one in rows]
    return best, ids


async def _scanned(store: SqliteTwins, condition: Condition) -> tuple[float, list[str]]:
    """Milliseconds of one first page found by reading, and the ids on it."""
    begun = time.perf_counter()
    ids: list[str] = []
    after = ""
    while len(ids) < PAGE:
        rows = await store.page("submodel", after, READ)
        ids += [one.id for one in rows if holds(condition, msgspec.json.decode(one.body), "submodel")]
        if len(rows) < READ:
            break
        after = rows[-1].id
    return (time.perf_counter() - begun) * 1000, ids[:PAGE]


async def measured() -> list[Result]:
    """The table."""
    made: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        store = await _filled(str(Path(folder) / "twins.db"))
        for name, text in QUERIES.items():
            condition: Any = parse_text(text).condition
            ours, found = await _asked(store, condition)
            scan, wanted = await _scanned(store, condition)
            assert found == wanted, name
            exact = "SQL alone" if ask(condition, "submodel").exact else "SQL, then read"
            title = f"query {COUNT:,}: {name}, {len(found)} found, {exact}"
            made.append(Result(title, f"{ours:,.1f} ms", f"{scan:,.0f} ms", ours / scan, f"< {MOST_MS:g} ms",
                               ours < MOST_MS))
        await store.close()
    return made


def results() -> list[Result]:
    """The table."""
    return asyncio.run(measured())
