"""The plan: who runs where and when, what is late and why, and what would become of it if a job were moved.

A bar that is dragged asks for this page with the job, the work centre and the time; the page shows the plan as it would
become, and a button does it. Without scripts a form asks the same.
Rule 1: asking changes nothing; only the button does.
Not here: drawing (``gantt.py``), dragging (``static/plan.js``), the machines' own page (``making.py``).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from weft.basis import instant
from weft.basis.errors import WeftError
from weft.basis.zone import Zone
from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine.views.plan import places, window
from weft.engine.views.plan_if import supposing
from weft.locale import formats
from weft.production.messages import Why
from weft.production.supposing import Shifted
from weft.production.views import movable

_NAMED: Final = frozenset({"job", "by", "order", "work_centre", "item"})
SPANS: Final = (1, 3, 10)  # days that may be looked at
_HOURS_BEFORE: Final = 2 * 3_600_000
_DAY_MINUTES: Final = 1_440
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


async def page(visit: Visit) -> Response:
    """The plan; with ``job`` that job beside it; with ``start`` (or ``free``) what would become of it."""
    asked = {name: visit.asked(name) for name in ("job", "work_centre", "hold", "begin", "days", "start", "free")}
    asked["days"] = asked["days"] or await _days(visit)
    state = await visit.node.book_state("production")
    words = _Words(state, await item_names(visit), visit.lang)
    job = state.jobs.get(asked["job"])
    if job is not None and not asked["begin"]:
        asked["begin"] = await _in_sight(visit, job.id, int(asked["days"]) if asked["days"].isdecimal() else 3)
    what_if, refused = await _what_if(visit, asked) if job is not None else (None, None)
    view = what_if.plan if what_if is not None else await visit.view("plan", begin=asked["begin"], days=asked["days"])
    now = await visit.view("plan", begin=asked["begin"], days=asked["days"]) if what_if is not None else view
    shown = {"begin": asked["begin"], "days": asked["days"]}
    moved = frozenset(what_if.moved if what_if is not None else ())
    return await visit.page(
        "plan.html", tab="machines", live="production", own_errors=True, view=view, now=now, what_if=what_if,
        refused=refused, asked=asked, job=job, lock=state.locks.get(job.id) if job else None, moved=moved,
        shifts=_shifts, lateness=lambda minutes: _lateness(visit, minutes), local=lambda ms: _local(ms, visit.zone),
        bar=_bar(view, asked["job"]), names=words.item, orders=state.orders, spans=SPANS,
        centres=[(name, words.of(name)) for name in (movable(job) if job else ())],
        centre_name=words.of, job_name=words.of, named=words.of, why=lambda one: visit.why(words.told(one)),
        link=lambda name: _address(shown, job=name), here=_address(shown, job=asked["job"]), plain=_address(shown),
        earlier=_address(shown, begin=instant.from_ms(view.from_ms - (view.until_ms - view.from_ms) // 2)),
        later=_address(shown, begin=instant.from_ms(view.from_ms + (view.until_ms - view.from_ms) // 2)),
        span=lambda days: _address({"days": str(days)}, begin=asked["begin"]))


async def _what_if(visit: Visit, asked: dict[str, str]) -> tuple[Any, WeftError | None]:
    """What would become of it, or why that cannot be."""
    if not asked["start"] and not asked["free"]:
        return None, None
    try:
        start = "" if asked["free"] else _instant(asked["start"], visit.zone)
        word = asked["job"], start, asked["work_centre"], asked["hold"] or "at"
        return await supposing(visit.node, word, window(asked["begin"], asked["days"])), None
    except WeftError as error:
        return None, error


def _shifts(orders: Sequence[Shifted], kind: str) -> list[Shifted]:
    """Those of ``orders`` that are broken, mended, or only later or earlier."""
    def of(one: Shifted) -> str:
        if one.broken or one.mended:
            return "broken" if one.broken else "mended"
        return "later" if one.after_ms is None or (one.before_ms or 0) < one.after_ms else "earlier"

    return [one for one in orders if of(one) == kind]


def _lateness(visit: Visit, minutes: int) -> str:
    """``minutes`` in words: days, when it is several."""
    if minutes >= 2 * _DAY_MINUTES:
        return visit.text("plan.n-days", n=minutes // _DAY_MINUTES)
    return formats.seconds(visit.lang, str(minutes * 60))


def _instant(told: str, zone: Zone) -> str:
    """``told`` as an instant: one as we write it, or local time as a form field has it; raises ``Invalid``."""
    if _LOCAL.fullmatch(told):
        return instant.from_ms(zone.utc(instant.to_ms(f"{told}:00.000Z", "start")))
    return instant.from_ms(instant.to_ms(told, "start"))


def _local(ms: int, zone: Zone) -> str:
    """As a form field has it."""
    return instant.from_ms(zone.wall(ms))[:16]


async def _in_sight(visit: Visit, job: str, days: int) -> str:
    """From when on the plan is shown so that ``job`` is to be seen; "": as ever."""
    place = (await places(visit.node)).get(job)
    if place is None:
        return ""
    start = instant.to_ms(place.start)
    return "" if start < visit.now_ms + days * 20 * 3_600_000 else instant.from_ms(start - _HOURS_BEFORE)


def _bar(view: Any, job: str) -> Any:
    """The bar of ``job`` with the row that it is in, if it is drawn."""
    return next(((row, bar) for row in view.rows for bar in row.bars if bar.job == job), None)


async def _days(visit: Visit) -> str:
    """A day where all is done by tomorrow, else three."""
    ends = [instant.to_ms(one.end) for one in (await places(visit.node)).values()]
    return str(SPANS[0] if max(ends, default=0) < visit.now_ms + 20 * 3_600_000 else SPANS[1])


@dataclass(frozen=True, slots=True)
class _Words:
    """What people call jobs, orders, work centres and items; ids are the computer's."""

    state: Any
    item: Callable[[str], str]
    lang: str

    def of(self, name: str) -> str:
        """The name of whatever has the id ``name``."""
        state = self.state
        if name in state.master.work_centres:
            return self._said(state.master.work_centres[name]) or name
        if name in state.jobs:
            job = state.jobs[name]
            return f"{self.item(job.item)} {self._said(job)} ({name})".replace("  ", " ")
        return f"{self.item(state.orders[name].item)} ({name})" if name in state.orders else self.item(name)

    def told(self, why: Why) -> Why:
        """``why`` with names in place of ids."""
        return msgspec.structs.replace(why, facts={
            key: self.of(fact) if key in _NAMED else fact for key, fact in why.facts.items()})

    def _said(self, thing: Any) -> str:
        first, second = (thing.zh, thing.en) if self.lang == "zh" else (thing.en, thing.zh)
        return str(first or second)


def _address(shown: dict[str, str], **more: str) -> str:
    told = {name: value for name, value in {**shown, **more}.items() if value}
    return "/plan" + (f"?{urlencode(told)}" if told else "")
