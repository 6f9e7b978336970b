"""Named statements and numbered migrations, read from the ``.sql`` files of a dialect.

Rule 1: migrations only go forward; a released one never changes (its checksum is stored beside its number).
Not here: running them (``sqlite.py``).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its number, file name, SQL and checksum."""

    number: int
    name: str
    sql: str
    checksum: str


@cache
def queries(dialect: str) -> Mapping[str, str]:
    """Statements of ``dialect`` by name, without their comments."""
    text = files("weft.stores.sql").joinpath(dialect, "queries.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    bodies = (re.sub(r"^--.*\n", "", body, flags=re.MULTILINE).strip() for body in parts[2::2])
    return dict(zip(parts[1::2], bodies, strict=True))


@cache
def migrations(dialect: str) -> Sequence[Migration]:
    """Migrations of ``dialect`` by number."""
    found = []
    for entry in files("weft.stores.sql").joinpath(dialect, "migrations").iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            sql = entry.read_text(encoding="utf-8")
            checksum = hashlib.sha256(sql.encode()).hexdigest()
            found.append(Migration(int(match[1]), entry.name, sql, checksum))
    return tuple(sorted(found, key=lambda step: step.number))
