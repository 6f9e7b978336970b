"""A machine is added from a file of its maker: first what the file says and what does not fit, then, by a button, it.

Rule 1: nothing is added before that was shown; of several ways to reach the machine a person presses the button of one.
Rule 2: the button that stands out adds the machine to be read alone; allowing writes is another, beside what it allows.
Not here: what is in a file (``engine/describing.py``), adding (``engine/commands/floor.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import Invalid, WeftError
from weft.basis.noticed import Grade, Noticed
from weft.doors.console import forms
from weft.doors.console.visit import Failed, Visit
from weft.engine import describing
from weft.engine.describing import FILE_MAX, Offer

GRADES: Final[Sequence[Grade]] = ("lost", "kept", "fixed")
SHOWN: Final = 6  # of each grade at once; further ones open


class Way(NamedTuple):
    """One way to reach the machine; ``allowed``: the same with what the file would allow, "" where that is nothing."""

    offer: Offer
    allowed: str
    noticed: list[tuple[str, list[tuple[str, str]]]]  # grade, (sentence, place)
    refused: str


async def page(visit: Visit) -> Response:
    """Where to drop a file."""
    return await visit.page("machine_file.html", tab="machines", own_errors=True, mega=FILE_MAX >> 20, ways=None,
                            machine=visit.failed.typed.get("name", "") if visit.failed else "", shown=SHOWN)


async def look(visit: Visit) -> Response:
    """What the file that was dropped says; nothing is kept of it."""
    typed = await forms.read(visit.request, FILE_MAX + forms.STRANGERS_BYTES_MAX)
    machine = typed.shown.get("machine", "").strip()[:120]
    data = next((value for name, value in typed.fields if name == "content@file" and isinstance(value, bytes)), b"")
    scope = {**visit.request.scope, "path": "/machine-file", "raw_path": b"/machine-file", "query_string": b""}
    visit.request = Request(scope)  # a refusal of what is asked from here is shown there
    try:
        if not data or not machine:
            raise Invalid("machine.no-file")
        found = await asyncio.to_thread(describing.offers, data, machine)
        allowed = await asyncio.to_thread(describing.offers, data, machine, writing=True)
    except WeftError as error:
        visit.failed, visit.status = Failed("machine-file", error, {"name": machine}), web.status_of(error)
        return await page(visit)
    ways = [Way(offer, more.description if offer.writes else "", _graded(visit, offer.noticed),
                visit.error(Invalid(offer.refused, **offer.facts)) if offer.refused else "")
            for offer, more in zip(found, allowed, strict=True)]
    return await visit.page("machine_file.html", tab="machines", own_errors=True, ways=ways, machine=machine,
                            mega=FILE_MAX >> 20, shown=SHOWN)


def _graded(visit: Visit, noticed: Sequence[Noticed]) -> list[tuple[str, list[tuple[str, str]]]]:
    told = [(grade, [(_sentence(visit, one), one.where) for one in noticed if one.grade == grade]) for grade in GRADES]
    return [(grade, rows) for grade, rows in told if rows]


def _sentence(visit: Visit, one: Noticed) -> str:
    facts = dict(one.facts)
    if "reason" in facts:
        facts["reason"] = visit.text(f"error.{facts['reason']}", where=one.where, **facts)
    return visit.text(f"noticed.{one.code}", **facts)
