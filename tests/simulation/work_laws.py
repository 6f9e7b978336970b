"""Laws of work: capacity is promised once, machines are started once, each consequence is drawn once and none is left.

Not here: what consequences do to stock (``stock_laws.py``) and to money (``money_laws.py``).
"""

from collections import Counter
from decimal import Decimal

from tests.simulation.scene import AMOUNT, Scene, undone
from tests.simulation.tables import HOLD
from weft.engine.node import Node
from weft.engine.planner import present
from weft.engine.reactions.offering import short
from weft.production.plan import Plan, PlannedJob, Problem
from weft.production.state import JobState, State
from weft.stock.messages import ReservationReleased, Reserved
from weft.trade.order_state import OrderState, Phase


async def capacity_promised_once(scene: Scene) -> list[str]:
    """At no instant run more jobs at a work centre than it has lanes; what is promised stands in the plan, once."""
    found = []
    for node in scene.nodes.values():
        state, problem, plan = await present(node)
        name = node.config.firm.name
        found += [f"{name}: {told}" for told in (*overlaps(problem, plan), *unplanned(state, problem, plan))]
        found += [f"{name}: {told}" for told in await _made_twice(scene, node, state)]
        scene.figures["planned"] += len(plan.jobs)
    return found


def overlaps(problem: Problem, plan: Plan) -> list[str]:
    """Work centres that are given more at once than they can do."""
    found = []
    for centre in problem.centres:
        jobs = [one for one in plan.jobs.values() if one.centre == centre.id]
        for one in jobs:
            at_once = [other.id for other in jobs if other.start_ms <= one.start_ms < other.end_ms]
            if len(at_once) > centre.parallel:
                found.append(f"{centre.id} is promised to {sorted(at_once)} at once")
        found += [f"lane {one.lane} of {centre.id} is promised to {one.id} and {other.id}" for one in jobs
                  for other in jobs if one.id < other.id and one.lane == other.lane and _meet(one, other)]
    return found


def _meet(one: PlannedJob, other: PlannedJob) -> bool:
    return one.start_ms < other.end_ms and other.start_ms < one.end_ms


def unplanned(state: State, problem: Problem, plan: Plan) -> list[str]:
    """Jobs of orders and offers that the plan neither places nor says why not; demands that are held twice."""
    found = [f"{job.id} is in no plan" for job in problem.jobs if job.id not in plan.jobs and
             job.id not in plan.unplaced]
    names = Counter(job.id for job in problem.jobs)
    found += [f"{name} is planned {count} times" for name, count in names.items() if count > 1]
    held = Counter(one.demand.key for one in state.reservations.values())
    found += [f"{demand} is held {count} times" for demand, count in held.items() if count > 1]
    running = Counter(job.work_centre for job in state.jobs.values() if job.state is JobState.RUNNING)
    found += [f"{count} jobs run at {centre}" for centre, count in running.items()
              if count > state.master.work_centres[centre].parallel]
    return found


async def _made_twice(scene: Scene, node: Node, state: State) -> list[str]:
    """Orders of which more is made, and not given up, than was ever ordered."""
    making: AMOUNT = Counter()
    for order in state.orders.values():
        if order.demand.thread and not order.parent and order.closed != "cancelled":
            making[order.demand.thread, order.demand.line] += Decimal(order.quantity)
    most: AMOUNT = Counter()
    for thread in {thread for thread, _ in making}:
        for one in await scene.said(node, thread):
            for line in _quantities(one.message):
                most[thread, line[0]] = max(most[thread, line[0]], line[1])
    return [f"{amount} are made for line {line} of {thread[:8]}, where at most {most[thread, line]} were asked for"
            for (thread, line), amount in making.items() if amount > most[thread, line]]


def _quantities(message: object) -> list[tuple[str, Decimal]]:
    """(line, quantity) of whatever ``message`` asks for, offers or changes; parts of a line together."""
    options = getattr(message, "options", None)
    groups = [getattr(message, "lines", ())] if options is None else [option.lines for option in options]
    found = []
    for group in groups:
        sums: AMOUNT = Counter()
        for line in group:
            if getattr(line, "line", "") and getattr(line, "quantity", ""):
                sums[line.line] += Decimal(line.quantity)
        found += list(sums.items())
    return found


async def started_once(scene: Scene) -> list[str]:
    """The machine itself began no job twice, and what it began is known as begun, or to be settled by its owner.

    Of an order that came back over and done after a backup had been restored, or with all of its line sent, nothing is
    made again: there it is enough that the book of the floor holds what the machine told; of a job after which it has
    begun another one, it tells nothing.
    """
    found = []
    for organisation, starts in scene.starts.items():
        node = scene.nodes.get(organisation)
        if node is None:
            continue
        production, floor = await node.book_state("production"), await node.book_state("floor")
        last = next(reversed(list(starts)), "")
        for job, count in starts.items():
            scene.figures["machine starts"] += count
            if count > 1:
                found.append(f"{job} was started {count} times at {node.config.firm.name}")
            known = production.jobs.get(job)
            unsettled = any(one.job == job and one.status in ("unknown", "open") for one in floor.commands.values())
            if (known is None or not known.started) and not unsettled \
                    and not await _told_and_over(scene, node, job, is_last=job == last):
                found.append(f"{job} was started at {node.config.firm.name}, and its book does not say so")
    return found


async def _told_and_over(scene: Scene, node: Node, job: str, *, is_last: bool) -> bool:
    """Whether the order that ``job`` was for needs nothing more of it, and the floor's book says that it began.

    Unless it is the last one that the machine began, nothing can have told so in this life.
    """
    told = {one.message.job for one in await scene.said(node, node.book("floor")) if one.kind == "JobStarted"}
    orders = [thread for thread in node.threads("order") if job.startswith(f"{short(thread)}-")]
    over = [served(await node.state(one), short(one), job) for one in orders]
    return (job in told or not is_last) and bool(over) and all(over)


def served(order: OrderState, name: str, job: str) -> bool:
    """Whether ``order``, whose jobs begin with ``name``, needs nothing more of ``job``."""
    return order.phase in (Phase.CLOSED, Phase.CANCELLED) or any(
        job.startswith(f"{name}-{line}-") and not one.open for line, one in order.lines.items())


async def nothing_forgotten(scene: Scene) -> list[str]:
    """No consequence waits; what a node answers by itself is answered, received and worked on; or it is shown."""
    found = []
    for node in scene.nodes.values():
        name, rules, troubles = node.config.firm.name, node.config.rules, await undone(node)
        causes = {cause for cause, _ in troubles}
        found += [f"{task.facts.get('reaction')} failed at {name}, by a fault of ours" for task in
                  (await scene.tasks(node) if troubles else ()) if task.number == "effect.failed"]
        found += [f"{row.reaction} of {row.cause[:8]} waits at {name}" for row in await node.store.effects()]
        for thread in node.threads("order"):
            state, mine = await node.state(thread), (await node.members(thread))[node.organisation]
            if mine == "seller" and rules.order == "auto" and state.phase is Phase.ORDERED and \
                    state.order_id not in causes:
                found.append(f"order {thread[:8]} is not answered by {name}")
            kind = "goods" if mine == "buyer" else "materials"
            found += [f"despatch {one[:8]} is not received by {name}" for one, sent in state.despatches.items()
                      if rules.receive == "auto" and sent.kind == kind and not sent.receipt and one not in causes]
    return found


async def compensated(scene: Scene) -> list[str]:
    """What was done for a word before it was final is undone where the word turned void, and stands where it counts."""
    found = []
    for node in scene.nodes.values():
        held, let_go = await _holds(scene, node)
        troubles = {cause for cause, reaction in await undone(node) if reaction == "hold"}
        offers = {one.id: one.void for thread in node.threads("order") for one in await scene.said(node, thread)
                  if one.kind == "Quotation" and one.author == node.organisation}
        for cause, void in offers.items() if held else ():
            scene.figures["compensations"] += bool(void) and cause in let_go
            if void and held[cause] > let_go[cause]:
                found.append(f"offer {cause[:8]} of {node.config.firm.name} is void, and holds what it held")
            if not void and (held[cause], let_go[cause]) != (1, 0) and cause not in troubles:
                found.append(f"offer {cause[:8]} of {node.config.firm.name} counts: held {held[cause]}, let go "
                             f"{let_go[cause]} times")
        found += await _offers_held(scene, node)
    return found


async def _holds(scene: Scene, node: Node) -> tuple[AMOUNT, AMOUNT]:
    held: AMOUNT = Counter()
    let_go: AMOUNT = Counter()
    for one in await scene.book(node, "stock"):
        match one.message:
            case Reserved(id=name) if name.startswith(HOLD):
                held[name.removeprefix(HOLD)] += 1
            case ReservationReleased(id=name) if name.startswith(HOLD):
                let_go[name.removeprefix(HOLD)] += 1
            case _:
                pass
    return held, let_go


async def _offers_held(scene: Scene, node: Node) -> list[str]:
    """Capacity that is held for a deal that is over."""
    del scene
    over = (Phase.DECLINED, Phase.REJECTED, Phase.CANCELLED, Phase.CLOSED)
    production: State = await node.book_state("production")
    causes = {thread for thread, _ in await undone(node)}
    return [f"{node.config.firm.name} holds capacity for {one.demand.thread[:8]}, which is over"
            for one in production.reservations.values()
            if one.demand.thread not in causes and (await node.state(one.demand.thread)).phase in over]

