"""Machines, the dispatch lists, and the paper that travels with a job (流转卡); the job itself is in ``work.py``."""

from starlette.responses import Response

from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine.views.work import number_of


async def machines(visit: Visit) -> Response:
    """All machines, the benches without one, and the plan."""
    queues = (await visit.view("jobs")).queues
    return await visit.page(
        "machines.html", tab="machines", live="floor production values", view=await visit.view("machines"),
        plan=await visit.view("plan"), benches=[queue for queue in queues if not queue.machine])


async def machine(visit: Visit) -> Response:
    """One machine."""
    view = await visit.view("machine", name=visit.named("name"))
    queues = (await visit.view("jobs")).queues
    centre = next((queue.centre for queue in queues if queue.centre.id == view.row.work_centre), None)
    return await visit.page("machine.html", tab="machines", live="floor production values", view=view, row=view.row,
                            centres=[queue.centre for queue in queues if not queue.machine], centre=centre)


async def jobs(visit: Visit) -> Response:
    """What is to be done at each work centre, in order."""
    return await visit.page("jobs.html", tab="jobs", live="production", view=await visit.view("jobs"),
                            names=await item_names(visit))


async def traveller(visit: Visit) -> Response:
    """The paper that travels with a production order, a QR code at each step."""
    view = await visit.view("job", job=visit.named("job"))
    return await visit.page("traveller.html", tab="jobs", view=view, base=visit.base, names=await item_names(visit),
                            number_of=number_of)
