"""Rows of what machines did, between the database of values and the engine.

Not here: what a state is (``shopfloor/timeline.py``), reading the book (``engine/doings.py``).
"""

from collections.abc import Sequence
from typing import Any

from weft.engine.series_ports import Followed
from weft.shopfloor.timeline import Doing
from weft.stores.series_file import ValuesFile


def doing(row: Sequence[Any]) -> Doing:
    """A row as what it says."""
    at, phase, job, item, good, scrap, alarm, text, lost, known, run = row
    return Doing(at=at, phase=phase, job=job, item=item, good=good, scrap=scrap, alarm=alarm, text=text,
                 lost=bool(lost), known=bool(known), run_ms=run)


def followed(file: ValuesFile) -> Followed:
    """As the port says."""
    ((event, position),) = file.rows("followed") or [("", -1)]
    return Followed(event, position, {row[0]: doing(row[1:]) for row in file.rows("last_doings")})


def follow(file: ValuesFile, doings: Sequence[tuple[str, Doing]], event: str, position: int) -> None:
    """As the port says."""
    with file.writing():
        if not event:
            file.write("drop_doings")
        for machine, one in doings:
            file.write("add_doing", machine, one.at, one.phase, one.job, one.item, one.good, one.scrap, one.alarm,
                       one.text, int(one.lost), int(one.known), one.run_ms)
        file.write("forget_followed")
        if event:
            file.write("add_followed", event, position)
