"""Keeps its own books of what was given to a store and what it acknowledged, and compares them with what is there.

Rule 1: an acknowledged batch is there whole; one that was not acknowledged is there whole or not at all.
Rule 2: beyond that nothing is there, and nothing else is missing: every table is compared row by row.
Not here: whether the events themselves are sound (``weft.cli.verifying``, ``weft doctor --deep``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.engine.ports import Batch

Row = tuple[Any, ...]
Table = dict[Row, Row]

# Table: (columns of its key, all columns, what of a batch goes there)
TABLES: Mapping[str, tuple[int, str, Callable[[Batch], Iterable[Row]]]] = {
    "threads": (1, "thread, machine, members, heads, fold, length", lambda b: (
        (r.thread, r.machine, r.members, " ".join(r.heads), r.fold, r.length) for r in b.threads)),
    "events": (2, "thread, id, author, device, incarnation, n, position, header, signature", lambda b: (
        (r.thread, r.id, r.author, r.device, r.incarnation, r.n, r.position, r.header, r.signature)
        for r in b.events)),
    "payloads": (3, "thread, id, slot, salt, content", lambda b: (
        (r.thread, r.id, r.slot, r.salt, r.content) for r in b.payloads)),
    "pending": (2, "thread, id, author, device, incarnation, n, envelope", lambda b: (
        (r.thread, r.id, r.author, r.device, r.incarnation, r.n, r.envelope) for r in b.pending)),
    "effects": (3, "thread, cause, reaction, final, attempts, due_ms", lambda b: (
        (r.thread, r.cause, r.reaction, int(r.final), r.attempts, r.due_ms) for r in b.effects)),
    "outbox": (2, "peer, thread, attempts, due_ms", lambda b: (
        (r.peer, r.thread, r.attempts, r.due_ms) for r in b.outbox)),
    "done": (2, "thread, key, result", lambda b: ((r.thread, r.key, r.result) for r in b.done)),
    "kept": (2, "bucket, key, content", lambda b: (row for row in b.values if row[2] is not None)),
}  # fmt: skip


class Found(Exception):
    """What must be true is not; ``kind`` is lost, half or corrupt, ``many`` how often."""

    def __init__(self, kind: str, what: str, many: int = 1) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind, self.many = kind, many


def contents(connection: Any) -> dict[str, Table]:
    """All rows of the tables that a batch may change."""
    return {name: {row[:keys]: row for row in connection.execute(f"SELECT {columns} FROM {name}")}
            for name, (keys, columns, _) in TABLES.items()}


def applied(tables: dict[str, Table], batch: Batch) -> dict[str, Table]:
    """``tables`` after ``batch``; only what it changes is copied."""
    after = dict(tables)
    settled = {"pending": batch.pending_settled, "effects": batch.effects_settled, "outbox": batch.outbox_settled,
               "kept": [row[:2] for row in batch.values if row[2] is None]}
    for name, (keys, _, rows_of) in TABLES.items():
        new, gone = list(rows_of(batch)), settled.get(name, ())
        if not new and not gone:
            continue
        table = after[name] = dict(after[name])
        for row in new:
            if name in ("payloads", "pending"):
                table.setdefault(row[:keys], row)
            else:
                table[row[:keys]] = row
        for key in gone:
            table.pop(tuple(key), None)
    if batch.erased:
        gone = set(batch.erased)
        after["payloads"] = {key: row for key, row in after["payloads"].items() if key[:2] not in gone}
    return after


@dataclass(slots=True)
class Ledger:
    """What must be in the store: ``certain`` is acknowledged, ``open`` was given and not acknowledged, in order."""

    certain: dict[str, Table]
    open: list[Batch] = field(default_factory=list)
    acked: list[Batch] = field(default_factory=list)

    def recording(self, store: Any) -> "Recording":
        """``store`` with every batch written down here."""
        return Recording(store, self)

    def judge(self, held: dict[str, Table], figures: Counter[str]) -> None:
        """Compare with what is there, and count. Raises ``Found``; else ``held`` is certain now."""
        figures.update(acked=len(self.acked), unanswered=len(self.open))
        lost = sum(not _there(held, batch) for batch in self.acked)
        if lost:
            raise Found("lost", f"{lost} of {len(self.acked)} acknowledged batches", lost)
        expected = self.certain
        for batch in self.open:
            if _came_through(held, batch) and not _came_through(self.certain, batch):  # not again, after a refusal
                expected = applied(expected, batch)
                figures["there unanswered"] += 1
        for name, table in expected.items():
            if table != held[name]:
                raise Found("half", _difference(name, table, held[name]))
        self.certain, self.open, self.acked = held, [], []


def _came_through(held: dict[str, Table], batch: Batch) -> bool:
    """Whether an unanswered batch was stored: it was the last of its thread, so the thread's row is what it wrote.

    Of two that say the same, because the second tried again while the machine died, only one can have been.
    """
    rows = list(TABLES["threads"][2](batch))
    return all(held["threads"].get(row[:1]) == row for row in rows) if rows else _there(held, batch)


def _there(held: dict[str, Table], batch: Batch) -> bool:
    """Whether ``batch`` is there, by rows that only it can have written (last one wins for others)."""
    for name in ("events", "done", "pending", "payloads"):
        keys, _, rows_of = TABLES[name]
        settled = {tuple(key) for key in batch.pending_settled}
        for row in rows_of(batch):
            if name != "pending" or row[:keys] not in settled:
                return held[name].get(row[:keys]) == row or (name == "pending" and row[:2] in held["events"])
    rows = [row for row in batch.values if row[2] is not None]
    return all(_reached(held["kept"].get(row[:2]), row) for row in rows)


def _reached(held: Row | None, row: Row) -> bool:
    """A kept value is there if it, or a later one of the same kind (a rising number), is."""
    if held is None:
        return False
    return held == row or (held[2].isdigit() and row[2].isdigit() and int(held[2]) > int(row[2]))


def _difference(name: str, expected: Table, held: Table) -> str:
    missing = [key for key in expected if key not in held]
    extra = [key for key in held if key not in expected]
    other = [key for key in expected if key in held and held[key] != expected[key]]
    return f"{name}: missing {missing[:2]}, not expected {extra[:2]}, other {other[:2]}"


class Recording:
    """A store that tells the ledger what it was given and what it acknowledged."""

    def __init__(self, store: Any, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> None:
        """As the store's own."""
        ledger = self._ledger
        ledger.open.append(batch)
        await self._store.commit(batch)
        ledger.open = [one for one in ledger.open if one is not batch]
        ledger.acked.append(batch)
        ledger.certain = applied(ledger.certain, batch)
