"""What people do in their own house in a simulated world: count, sell at the till, use and scrap, run jobs at a bench.

Rule 1: what is drawn is drawn once, so that asked again after a crash the same is done with the same key.
Not here: what they say to partners (``words.py``, ``money.py``), the simulated machine (``lathe.py``).
"""

import random
from decimal import Decimal
from typing import Any

from tests.simulation.money import Asked
from weft.engine.node import Node
from weft.production.state import Job, JobState
from weft.stock import levels
from weft.stock import messages as sm

BENCH = "bench"


async def something(node: Node, luck: random.Random) -> Asked | None:
    """A command about stock or jobs that makes sense now; None when there is none."""
    jobs = await _bench(node, luck)
    if jobs and luck.random() < 0.8:
        return luck.choice(jobs)
    stock = await node.book_state("stock")
    here = [one for one in levels.levels(stock) if Decimal(one.on_hand) >= 1]
    if not here:
        return None
    one = luck.choice(here)
    counted = max(Decimal(0), Decimal(one.on_hand) + luck.randint(-6, 2))
    return luck.choice([
        ("stock-count", {"item": one.item, "quantity": f"{counted}", "reason": "counted"}),
        ("stock-issue", {"item": one.item, "quantity": f"{luck.randint(1, 3)}", "why": "sale"}),
        ("stock-receive", {"item": one.item, "quantity": f"{luck.randint(1, 9)}"}),
    ])


async def _bench(node: Node, luck: random.Random) -> list[Asked]:
    """What the traveller says may be reported of the jobs of work centres that no machine is connected to."""
    production = await node.book_state("production")
    found: list[Asked] = []
    for job in production.jobs.values():
        if any(production.master.work_centres[name].machine for name in job.work_centres):
            continue
        previous = production.jobs[job.previous] if job.previous else None
        found += _reports(job, previous, luck)
    return found


def _reports(job: Job, previous: Job | None, luck: random.Random) -> list[Asked]:
    name: dict[str, Any] = {"job": job.id}
    if job.state is JobState.ALLOWED and (previous is None or Decimal(previous.good) > 0):
        return [("job-start", {**name, "operator": "Li"})]
    if job.state is JobState.INTERRUPTED:
        return [("job-resume", name)]
    if job.state is not JobState.RUNNING:
        return []
    most = int(min(Decimal(job.quantity), Decimal(previous.good) if previous else Decimal(job.quantity)))
    good = luck.randint(int(Decimal(job.good)), max(most, int(Decimal(job.good))))
    found: list[Asked] = [("job-count", {**name, "good": f"{good}"}), ("job-end", {**name, "good": f"{most}"}),
                          ("job-end", {**name, "good": f"{most}"})]
    if most > good:
        found.append(("job-scrap", {**name, "quantity": "1", "reason": luck.choice(["material", "work"])}))
    return [*found, ("job-pause", {**name, "reason": "tea"})]


async def partner_material(node: Node, luck: random.Random, ref: str) -> Any:
    """A booking of material that a partner owns and that lies here: used for its order, or scrapped; None without."""
    stock = await node.book_state("stock")
    parcels = [one for one in levels.of_partners(stock) if Decimal(one.quantity) >= 1]
    if not parcels:
        return None
    one = luck.choice(parcels)
    amount = f"{luck.randint(1, int(Decimal(one.quantity)))}"
    if luck.random() < 0.2:
        return sm.Scrapped(ref=ref, item=one.item, quantity=amount, owner=one.owner, reason="cracked")
    return sm.Consumed(ref=ref, item=one.item, quantity=amount, owner=one.owner, order="by hand")
