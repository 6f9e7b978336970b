"""Search: pages of what a query in the language of the specification holds of.

IDTA-01002 v3.1.2 §10 (query language), §12 (query profiles).
Not here: the language (``twin/query``), how a store answers it (``stores/twins/asking.py``).
"""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from weft.doors.aas import asked, registry
from weft.doors.aas.call import Call, joined
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
    if (kinds := registry.KINDS.get(kind)) is not None:  # the specification knows whole descriptors only
        descriptors, cursor = await registry.listed(call, kinds, wanted)
        return joined([msgspec.json.encode(one) for one in descriptors], cursor, resultType=name)
    found = await call.twins.page(kind, asked.cursor(call.request), asked.page_size(call.request), wanted)
    told = [msgspec.json.encode(row.id) if asking.select_id else row.body for row in found.rows]
    return joined(told, found.cursor, resultType="Identifier" if asking.select_id else name)
