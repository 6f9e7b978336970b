"""Machines, the dispatch lists, one job on a phone (报工), and the paper that travels with it (流转卡)."""

from starlette.responses import Response

from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit


async def machines(visit: Visit) -> Response:
    """All machines, the benches without one, and the plan."""
    queues = (await visit.view("jobs")).queues
    return await visit.page(
        "machines.html", tab="machines", live="floor production values", view=await visit.view("machines"),
        plan=await visit.view("plan"), benches=[queue for queue in queues if not queue.machine])


async def machine(visit: Visit) -> Response:
    """One machine."""
    view = await visit.view("machine", name=visit.named("name"))
    return await visit.page("machine.html", tab="machines", live="floor production values", view=view, row=view.row)


async def jobs(visit: Visit) -> Response:
    """What is to be done at each work centre, in order."""
    return await visit.page("jobs.html", tab="jobs", live="production", view=await visit.view("jobs"),
                            names=await item_names(visit))


async def job(visit: Visit) -> Response:
    """One job: start, pause, count, scrap, done."""
    view = await visit.view("job", job=visit.named("job"))
    master = (await visit.node.book_state("production")).master
    centres = [(name, master.work_centres[name].zh if visit.lang == "zh" else master.work_centres[name].en)
               for name in view.centres if name in master.work_centres]
    return await visit.page("job.html", tab="jobs", live="production", view=view, own_errors=True,
                            centre_names=[(name, words or name) for name, words in centres],
                            names=await item_names(visit))


async def traveller(visit: Visit) -> Response:
    """The paper that travels with a production order, a QR code at each step."""
    view = await visit.view("job", job=visit.named("job"))
    return await visit.page("traveller.html", tab="jobs", view=view, base=visit.base, names=await item_names(visit))
