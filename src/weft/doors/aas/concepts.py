"""Concept descriptions: what the words of the submodels mean.

IDTA-01002 v3.1.2 §12.6 (concept description repository).
Not here: which concept means what (they are written or imported), submodels (``submodels.py``).
"""

from typing import Any

from starlette.responses import Response

from weft.doors.aas import asked
from weft.doors.aas.call import Call, done, joined, stored
from weft.engine.twins.ports import Where
from weft.twin.names import encode_id


async def page(call: Call) -> Response:
    """GetAllConceptDescriptions; ``isCaseOf`` and ``dataSpecificationRef`` are references as ``semanticId`` is."""
    query = call.request.query_params
    wanted = Where(id_short=query.get("idShort", ""), case_of=_reference(call, "isCaseOf"),
                   data_specification=_reference(call, "dataSpecificationRef"))
    found = await call.twins.page("concept", asked.cursor(call.request), asked.page_size(call.request), wanted)
    return joined([row.body for row in found.rows], found.cursor)


def _reference(call: Call, name: str) -> str:
    given: Any = call.request.query_params.get(name)
    return asked.semantic(given) if given is not None else ""


async def create(call: Call) -> Response:
    """PostConceptDescription."""
    row = await call.twins.create("concept", await call.json())
    return stored(row, status=201, location=call.href("concept-descriptions", encode_id(row.id)))


async def get(call: Call) -> Response:
    """GetConceptDescriptionById."""
    return stored(await call.twins.get("concept", call.id("concept")))


async def put(call: Call) -> Response:
    """PutConceptDescriptionById."""
    row, created = await call.twins.replace("concept", call.id("concept"), await call.json(), call.expected)
    location = call.href("concept-descriptions", encode_id(row.id))
    return stored(row, status=201, location=location) if created else done(row)


async def delete(call: Call) -> Response:
    """DeleteConceptDescriptionById."""
    await call.twins.delete("concept", call.id("concept"), call.expected)
    return done()
