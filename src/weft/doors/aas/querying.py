"""Search: pages of what a query in the language of the specification holds of.

IDTA-01002 v3.1.2 §10 (query language), §12 (query profiles).
Not here: the language (``twin/query``), how a store answers it (``stores/twins/asking.py``).
"""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from weft.doors.aas import asked
from weft.doors.aas.call import Call, answer, paged
from weft.engine.twins.ports import Kind, Where
from weft.twin.query import parse

KINDS: Final[dict[str, tuple[Kind, str]]] = {
    "shells": ("shell", "AssetAdministrationShell"), "submodels": ("submodel", "Submodel"),
    "concept-descriptions": ("concept", "ConceptDescription"),
    "shell-descriptors": ("shell-descriptor", "AssetAdministrationShellDescriptor"),
    "submodel-descriptors": ("submodel-descriptor", "SubmodelDescriptor"),
}


async def query(call: Call) -> Response:
    """QueryAssetAdministrationShells and its siblings."""
    kind, name = KINDS[call.parts["what"]]
    asking = parse(await call.json(Any))
    wanted = Where(condition=asking.condition)
    found = await call.twins.page(kind, asked.cursor(call.request), asked.page_size(call.request), wanted)
    ids = asking.select_id and not kind.endswith("-descriptor")  # of those the specification knows whole ones only
    told: list[Any] = [row.id if ids else msgspec.Raw(row.body) for row in found.rows]
    page = paged(told, found.cursor)
    page["paging_metadata"]["resultType"] = "Identifier" if ids else name
    return answer(page)
