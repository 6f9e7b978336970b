"""What must be true of the business of all honest firms once all is quiet: one table of laws, each a function by name.

Each law gives what breaks it, in words; an empty list is a law that holds.
Not here: what must be true of threads and stores (``checks.py``), the laws themselves (``*_laws.py``).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.simulation import money_laws, order_laws, stock_laws, work_laws
from tests.simulation.scene import Scene

Law = Callable[[Scene], Awaitable[list[str]]]

LAWS: dict[str, Law] = {
    "stock is never short unseen": stock_laws.never_short_unseen,
    "booked once": stock_laws.booked_once,
    "material keeps its owner": stock_laws.material_conserved,
    "capacity is promised once": work_laws.capacity_promised_once,
    "machines are started once": work_laws.started_once,
    "nothing is forgotten": work_laws.nothing_forgotten,
    "what ran ahead is compensated": work_laws.compensated,
    "lines add up": order_laws.lines_add_up,
    "both sides say the same": order_laws.both_sides_say_the_same,
    "money adds up": money_laws.money_adds_up,
    "billed once": money_laws.billed_once,
}


async def broken(scene: Scene) -> list[str]:
    """What breaks any of the laws, each with the law's name."""
    return [f"{name}: {told}" for name, law in LAWS.items() for told in await law(scene)]


async def check(world: Any) -> list[str]:
    """The same of the honest firms of ``world``; adds to its figures."""
    firms = [firm for firm in getattr(world, "honest", world.firms) if firm.node is not None]
    nodes = {firm.organisation: firm.node for firm in firms}
    starts = {firm.organisation: firm.lathe.starts for firm in firms if firm.lathe is not None}
    return await broken(Scene(nodes, starts, world.figures, frozenset(world.faults.lost)))
