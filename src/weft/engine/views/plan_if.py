"""What if: the plan as it would become if a person fixed a job, or let it go; nothing is written for it.

Rule 1: it is the same rules and the same planner that would follow: what is shown is what comes of it.
Not here: doing it (``commands/planning.py``), the comparison (``production/supposing.py``).
"""

from typing import Any, Final

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.planner import present
from weft.engine.views.plan import PlanView, Window, drawn, slack_ms
from weft.engine.views.shape import View
from weft.production.messages import JobLocked, JobUnlocked
from weft.production.supposing import Shifted, shifted, supposed

MINUTE: Final = 60_000


class PlanIf(View, frozen=True, kw_only=True):
    """The plan as it would become; ``orders`` would end at another instant, ``moved`` other jobs would move.

    The job itself: its place ("" when it would have none), and what would stand against it there.
    """

    job: str
    start: str = ""
    work_centre: str = ""
    hold: str = "at"
    begins: str = ""
    ends: str = ""
    centre: str = ""
    conflict: str = ""
    conflict_by: str = ""
    orders: tuple[Shifted, ...] = ()
    moved: tuple[str, ...] = ()
    plan: PlanView


async def plan_if(node: Any, job: str, start: str = "", work_centre: str = "", hold: str = "at") -> PlanIf:
    """As if ``job`` were fixed at the instant ``start``; "": as if it were let go. Raises what the book would say."""
    return await supposing(node, (job, start, work_centre, hold), Window())


async def supposing(node: Any, asked: tuple[str, str, str, str], shown: Window) -> PlanIf:
    """The same, drawn in the window ``shown``."""
    job, start, work_centre, hold = asked
    if hold not in ("at", "not-before"):
        raise Invalid("view.params", name="plan-if", detail="hold")
    state, problem, before = await present(node)
    message = JobLocked(job=job, start=start, work_centre=work_centre, hold=hold) if start else JobUnlocked(job=job)  # type: ignore[arg-type]  # one of the two words above
    then = supposed(state, message, before.now_ms)
    placed = then.plan.jobs.get(job)
    begin = (placed.begin_ms or placed.start_ms) if placed else 0
    return PlanIf(
        job=job, start=start, work_centre=work_centre, hold=hold, centre=placed.centre if placed else "",
        begins=instant.from_ms(begin) if placed else "", ends=instant.from_ms(placed.end_ms) if placed else "",
        conflict=placed.conflict if placed else then.plan.unplaced.get(job, ""),
        conflict_by=placed.conflict_by if placed else "",
        orders=shifted(problem, before, then.plan, slack_ms(node)),
        moved=tuple(sorted(name for name, one in then.plan.jobs.items()
                           if name != job and name in before.jobs and abs(one.start_ms - before.jobs[name].start_ms)
                           >= MINUTE)),
        plan=drawn(node, (then.state, then.problem, then.plan), shown, {}, ()))
