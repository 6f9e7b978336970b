"""The recovery sheet: what stands on it, where it waits to be printed, and whether its owner has locked it away.

Rule 1: it is in both languages, whoever finds it, and holds nothing that a printer cannot print.
Not here: keys as rows (``identity/sheet.py``), what is done with them (``keys.py``).
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from weft import locale
from weft.engine.memory import Memory
from weft.engine.ports import Batch
from weft.identity import sheet

KEPT: Final = "sheet"  # bucket: when the owner said that the sheet is printed and locked away


class Paper(Protocol):
    """Where a recovery sheet waits to be printed."""

    def read(self) -> str: ...
    def write(self, text: str) -> None: ...
    def remove(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """The keys on a sheet, as seeds: the one in force and the next one."""

    present: bytes
    following: bytes


def text(name: str, organisation: str, keys: Written) -> str:
    """The recovery sheet of the firm ``name`` as a file."""
    return "\n".join((
        f"Weft 经纬  ·  {name}", "",
        *(locale.text(lang, "paper.print") for lang in locale.LANGUAGES), "",
        f"{_both('paper.organisation')}   {organisation}", "",
        _both("paper.present"), *_lines(keys.present), "",
        _both("paper.following"), *_lines(keys.following)))


def _both(key: str) -> str:
    return " / ".join(locale.text(lang, key) for lang in locale.LANGUAGES)


def _lines(seed: bytes) -> list[str]:
    return [f"   {number}.  {row}" for number, row in enumerate(sheet.rows(seed), 1)]


async def state_of_sheet(memory: Memory, paper: Paper | None) -> dict[str, Any]:
    """``waiting``: a sheet lies on this machine; ``kept_ms``: when the owner said it is locked away (0: never)."""
    kept = await memory.store.value(KEPT, "")
    return {"waiting": bool(paper is not None and paper.read()), "kept_ms": int(kept) if kept else 0}


async def keep(memory: Memory, paper: Paper) -> None:
    """The owner has printed the sheet and locked it away: it is removed from this machine."""
    await memory.store.commit(Batch(values=[(KEPT, "", str(memory.clock.now_ms()).encode())]))
    paper.remove()
