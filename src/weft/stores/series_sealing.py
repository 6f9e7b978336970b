"""Sealing: values that have grown old leave the chunks for a Parquet file of one machine and one span.

A span is a day (UTC); an hour, ten minutes or one where a day would be too much for one file.
Rule 1: the file is whole, synced and in its place before the one transaction that lists it and takes its points out
        of the chunks: whatever dies in between neither loses a point nor doubles one.
Rule 2: a file that no list names is either such a one, whose points are still in the chunks: then it goes; or it came
        from a backup: then it is listed, if it holds what it says that it holds.
Rule 3: where a life ended within the span, each series of the file says so: from there on the node did not listen.
Not here: reading files (``series_sealed.py``), when it is time (``engine/series.py``).
"""

import hashlib
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from weft.basis.errors import Invalid, WeftError
from weft.engine.series_ports import Segment
from weft.shopfloor import sealing
from weft.shopfloor.series import BAD
from weft.stores.series_coding import encode
from weft.stores.series_file import ValuesFile
from weft.stores.series_files import About, Columns, Files, digest
from weft.stores.series_packed import SEGMENT_POINTS, STEPS, Packed, segment_of

MUCH: Final = 500_000  # so many do not wait for the end of their day
AT_ONCE: Final = 4  # files, before others write
ADOPTED: Final = 50
FOLDER: Final = "values"
_LOG: Final = logging.getLogger("weft.values")


class Sealing:
    """Makes, lists and lets go of the files beside ``file``; belongs to the thread that writes."""

    def __init__(self, file: ValuesFile, folder: Path) -> None:
        self._file, self._folder, self._files = file, folder, Files()
        self.packed = Packed(file.rows, folder, self._files)
        self.strays = self._strays()

    def _strays(self) -> list[Path]:
        """Files that no list names; what was never finished goes."""
        listed = {one.file for one in self.all()}
        if not self._folder.is_dir():
            return []
        for left in self._folder.glob("*/.*.partial"):
            left.unlink(missing_ok=True)
        return sorted(path for path in self._folder.glob("*/*.parquet")
                      if path.relative_to(self._folder).as_posix() not in listed)

    # ---- sealing -------------------------------------------------------------------------------------

    def seal(self, before_ms: int) -> bool:
        """Seal some of what is older than ``before_ms``; whether there is more."""
        for _ in range(AT_ONCE):
            span = next((found for machine, first in self._file.rows("hot_spans", before_ms)
                         if (found := self._span(machine, first, before_ms))), None)
            if span is None:
                return False
            self._seal_one(*span)
        return True

    def _span(self, machine: str, first: int, before_ms: int) -> tuple[str, int, int] | None:
        """What of a machine is sealed next; None while there is nothing that has ended."""
        ((sealed,),) = self._file.rows("sealed_until", machine, first)
        for step in STEPS:
            begin = max(first // step * step, int(sealed))
            until = first // step * step + step
            ((count,),) = self._file.rows("hot_count", machine, begin, until)
            if until <= before_ms and (count <= SEGMENT_POINTS or step == STEPS[-1]):
                return machine, begin, until
            if until > before_ms and count < MUCH:
                return None
        return None

    def _seal_one(self, machine: str, begin: int, until: int) -> None:
        columns, rests = self.packed.gathered(machine, begin, until)
        told = {name: digest(one) for name, one in columns.items()}
        file = self._name(machine, begin, until)
        about = About(machine=machine, begin=begin, until=until, count=sum(one.count for one in told.values()),
                      digest=sealing.whole(machine, (begin, until), told), lives=tuple(self.packed.lives(begin, until)))
        size = self._files.write(self._folder / file, about, columns)
        with self._file.writing():
            self._list(about, columns, file, size)
            for number, rest in rests:
                if rest:
                    self._file.write("cut_chunk", rest[0][0], rest[-1][0], len(rest), encode(rest), number)
                else:
                    self._file.write("drop_chunk", number)

    def _name(self, machine: str, begin: int, until: int) -> str:
        """A place that no file on the list has."""
        taken = {one.file for one in self.packed.files(machine, begin, until)}
        stem = f"{folder_of(machine)}/{_moment(begin)}-{_moment(until)}"
        names = [f"{stem}.parquet", *(f"{stem}-{turn}.parquet" for turn in range(2, len(taken) + 3))]
        return next(name for name in names if name not in taken)

    def _list(self, about: About, columns: dict[str, Columns], file: str, size: int) -> None:
        """Within a transaction."""
        first = min(int(one.times[0]) for one in columns.values())
        last = max(int(one.times[-1]) for one in columns.values())
        self._file.write("add_segment", about.machine, about.begin, about.until, first, last, about.count, size, file,
                         about.digest, "")
        segment = self._file.added
        for name, (times, values, qualities) in columns.items():
            quality = int(qualities[-1])
            self._file.write("add_sealed", segment, self._file.number(about.machine, name), int(times[0]),
                             int(times[-1]), len(times), None if quality >= BAD else float(values[-1]), quality)

    # ---- the list ------------------------------------------------------------------------------------

    def all(self) -> list[Segment]:
        """All files on the list."""
        return [segment_of(row) for row in self._file.rows("segments")]

    def unsaid(self, after: int, most: int) -> list[tuple[Segment, tuple[str, ...]]]:
        """Files for which nobody signs yet, with their properties."""
        found = [segment_of(row) for row in self._file.rows("segments_unsaid", after, most)]
        return [(one, tuple(name for (name,) in self._file.rows("segment_names", one.number))) for one in found]

    def adopt(self) -> int:
        """Rule 2, for some of the files that no list names; how many were listed."""
        taken = 0
        some, self.strays = self.strays[:ADOPTED], self.strays[ADOPTED:]
        for path in some:
            try:
                taken += self._adopt_one(path)
            except WeftError as error:
                _LOG.warning("the file %s of machine values is left aside: %s", path.name, error)
        return taken

    def _adopt_one(self, path: Path) -> bool:
        about = self._files.about(path)
        if not about.digest or self.packed.files(about.machine, about.begin, about.until):
            return False
        ((hot,),) = self._file.rows("hot_count", about.machine, about.begin, about.until)
        if hot:
            path.unlink(missing_ok=True)
            return False
        columns = self._files.read(path, self._files.names(path), about.machine)
        told = {name: digest(one) for name, one in columns.items()}
        if about.digest != sealing.whole(about.machine, (about.begin, about.until), told):
            raise Invalid("history.file", file=path.name)
        with self._file.writing():
            self._list(about, columns, path.relative_to(self._folder).as_posix(), path.stat().st_size)
            for ended in about.lives:
                self._file.write("add_life", ended - 1)
        return True

    def forget(self, before_ms: int) -> int:
        """Let go of files that end before; how many went."""
        gone = self._file.rows("segments_ended", before_ms)
        for number, file in gone:
            with self._file.writing():
                self._file.write("drop_segment", number)
                self._file.write("drop_sealed", number)
            (self._folder / file).unlink(missing_ok=True)
        return len(gone)

    def close(self) -> None:
        """Let go of DuckDB."""
        self._files.close()


def folder_of(machine: str) -> str:
    """A name for a folder: what can be read of the machine's, and eight digits that are its own."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", machine).strip(".-")[:40]
    return f"{plain or 'machine'}-{hashlib.sha256(machine.encode()).hexdigest()[:8]}"


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%dT%H%M")
