"""Packed points as columns: all of a machine and a span, out of the chunks, to be sealed or taken along.

Rule 1: of all series of the span each says where a life ended within it.
Rule 2: what is taken along may be long: it goes by way of files, each of a bounded number of points.
Not here: who asks and what becomes of the chunks (``series_sealing.py``), the form of files (``series_files.py``).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from weft.engine.series_ports import Segment
from weft.shopfloor import sealing
from weft.shopfloor.series import Point
from weft.stores.series_coding import Chunk, decode, points_of
from weft.stores.series_files import About, Columns, Files, columns_of, digest, joined, ordered, within

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
STEPS: Final = (DAY_MS, 3_600_000, 10 * MINUTE_MS, MINUTE_MS)
SEGMENT_POINTS: Final = 1_000_000  # more make a file of less than a day


class Packed:
    """The chunks and the list of ``folder`` as ``rows`` sees them: what a named statement gives."""

    def __init__(self, rows: Callable[..., list[Any]], folder: Path, parquet: Files) -> None:
        self._rows, self.folder, self.parquet = rows, folder, parquet

    def gathered(self, machine: str, begin: int, until: int,
                 ) -> tuple[dict[str, Columns], list[tuple[int, list[Point]]]]:
        """Columns of all packed points of a span; and of each chunk that has some, what else it holds."""
        parts: dict[str, list[Columns]] = defaultdict(list)
        rests: list[tuple[int, list[Point]]] = []
        for number, _, name, data in self._rows("hot_chunks", machine, begin, until):
            chunk = decode(data)
            inside = within(columns_of(chunk.times, chunk.values, _qualities(chunk)), begin, until)
            if len(inside.times):
                parts[name].append(inside)
                rests.append((number, [one for one in points_of(chunk) if not begin <= one[0] < until]
                              if len(inside.times) < len(chunk.times) else []))
        ends = self.lives(begin, until)
        marks = [columns_of(ends, [0.0] * len(ends), [sealing.OFF] * len(ends))] if ends else []
        return {name: ordered(joined([*marks, *held])) for name, held in parts.items()}, rests

    def lives(self, begin: int, until: int) -> list[int]:
        """When nobody listened any more, within a span."""
        return [int(heard) + 1 for (heard,) in self._rows("lives_in", begin - 1, until - 1)]

    def files(self, machine: str, begin: int, until: int) -> list[Segment]:
        """Files of a machine that touch a span."""
        return [segment_of(row) for row in self._rows("segments_of", machine, begin, until)]

    def take_along(self, target: Path, machine: str, names: Sequence[str], span: tuple[int, int]) -> int:
        """All packed points of ``names`` in a span as the file ``target``; how many."""
        begin, until = span
        listed = [one for one in self.files(machine, begin, until) if (self.folder / one.file).exists()]
        for one in listed:
            self.parquet.check(self.folder / one.file, one)
        sealed = [self.folder / one.file for one in listed]
        made: list[Path] = []
        try:
            self._hot_files(target, machine, span, made)
            about = About(machine=machine, begin=begin, until=until, lives=tuple(self.lives(begin, until)))
            if not sealed and not made:
                self.parquet.write(target, about, {})
                return 0
            return self.parquet.join(target, about, [*sealed, *made], names)
        finally:
            for path in made:
                path.unlink(missing_ok=True)

    def _hot_files(self, target: Path, machine: str, span: tuple[int, int], made: list[Path]) -> None:
        """What is not sealed yet as files beside ``target``, each of a bounded number of points."""
        at = next((first for name, first in self._rows("hot_spans", span[1]) if name == machine), span[1])
        at = max(span[0], int(at))
        while at < span[1]:
            step, until = next((step, min(span[1], at // step * step + step)) for step in STEPS
                               if self._fits(machine, at, at // step * step + step) or step == STEPS[-1])
            columns, _ = self.gathered(machine, at, until)
            if columns:
                path = target.with_name(f"{target.name}.{len(made)}")
                self.parquet.write(path, About(machine=machine, begin=at, until=until), columns)
                made.append(path)
            at = until if columns or step < DAY_MS else self._later(machine, until, span[1])

    def _fits(self, machine: str, begin: int, until: int) -> bool:
        return int(self._rows("hot_count", machine, begin, until)[0][0]) <= SEGMENT_POINTS

    def _later(self, machine: str, at: int, until: int) -> int:
        """The next day in which there may be something."""
        return at if self._rows("hot_count", machine, at, until)[0][0] else until


def told(parquet: Files, path: Path, machine: str, span: tuple[int, int]) -> str:
    """The digest of what ``path`` says of a machine and a span; "" where it says nothing."""
    columns = parquet.read(path, parquet.names(path), machine, span)
    return sealing.whole(machine, span, {name: digest(one) for name, one in columns.items()}) if columns else ""


def segment_of(row: Sequence[Any]) -> Segment:
    """A file on the list."""
    return Segment(**dict(zip(Segment.__struct_fields__, row, strict=True)))


def _qualities(chunk: Chunk) -> list[int]:
    found = [0] * len(chunk.times)
    for place, quality in chunk.marks:
        found[place] = quality
    return found
