"""``weft history timeline``: what a machine did and how its planned time was used, as a table or as a file.

Not here: the reckoning (``shopfloor/timeline.py``), tables (``engine/timeline_tables.py``).
"""

from pathlib import Path
from typing import Any

import msgspec

from weft.basis.errors import Refused
from weft.basis.zone import Zone, of
from weft.cli.client import Node
from weft.cli.printing import Paper
from weft.cli.words import say
from weft.engine import timeline_tables as tables
from weft.engine.value_tables import local
from weft.engine.views.machine_timeline import TimelineView

MINUTE_MS = 60_000


def told(node: Node, machine: str, span: tuple[int, int], by: str, paper: Paper) -> None:
    """Print how each part was used, and for what planned time was lost."""
    view = _view(node, machine, span, by)
    if paper.as_json:
        paper.value(msgspec.to_builtins(view))
        return
    rows = [{"from": f"{local(one.begin, of(view.zone)):%m-%d %H:%M}",
             "to": _end(one.until, of(view.zone)), "ran": _share(one.use.availability),
             **{name: str(round(getattr(one.use, f"{name}_ms") / MINUTE_MS)) for name in (
                 "running", "standing", "idle", "blind")},
             "good": one.use.good, "scrap": one.use.scrap, "oee": _share(one.use.oee)} for one in view.parts]
    paper.table(rows, "from to ran running standing idle blind good scrap oee", {})
    for one in view.causes:
        words = tables.cause(one, say) or say("timeline.no-job" if one.state == "idle" else "timeline.no-reason")
        paper.line("cli.history.cause", {}, minutes=round(one.ms / MINUTE_MS), cause=words, n=one.times)
    if not view.planned:
        paper.line("timeline.no-calendar", {})


def write(node: Node, machine: str, span: tuple[int, int], by: str, target: Path) -> int:
    """Write the same into ``target``: XLSX by its name, else CSV; how many parts."""
    if target.exists():
        raise Refused("cli.history.exists", path=str(target))
    view = _view(node, machine, span, by)
    made = tables.as_workbook(view, say) if target.suffix == ".xlsx" else tables.as_csv(tables.parts(view, say))
    target.write_bytes(made)
    return len(view.parts)


def _view(node: Node, machine: str, span: tuple[int, int], by: str) -> TimelineView:
    given: Any = node.view("machine-timeline", machine=machine, begin=str(span[0]), end=str(span[1]), by=by)
    return msgspec.convert(given, TimelineView)


def _end(at: int, zone: Zone) -> str:
    """When something ends: a day ends at 24:00."""
    told = local(at, zone)
    return f"{told:%m-%d %H:%M}" if told.hour or told.minute else f"{local(at - 1, zone):%m-%d} 24:00"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
