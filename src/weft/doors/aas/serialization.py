"""The whole of it, or a part by ids, in one answer: JSON, XML, or an AASX package.

IDTA-01002 v3.1.2 §12.12 (serialization). ``Accept`` says which; JSON goes for anything. The metamodel is 3.0 unless
the parameter ``version`` of the media type says 3.1.
Rule 1: what is larger than an answer may be is refused: who wants more goes page by page, or uses ``weft twin export``.
Not here: how a package is put together (``twin/aasx``), what an environment holds (``engine/twins/exchange.py``).
"""

from typing import Final

from starlette.responses import Response, StreamingResponse

from weft.basis.errors import Invalid, NotFound
from weft.doors.aas import asked
from weft.doors.aas.attachments import named
from weft.doors.aas.call import Call, raw
from weft.doors.aas.shells import id_of as shell_of
from weft.doors.aas.shells import submodels_of
from weft.doors.aas.submodels import id_of as submodel_of
from weft.engine.twins import exchange

JSON: Final = "application/json"
XML: Final = ("application/xml", "text/xml", "application/aas+xml")
AASX: Final = ("application/asset-administration-shell-package+xml", "application/asset-administration-shell-package",
               "application/aas+zip")


async def serialize(call: Call) -> Response:
    """GenerateSerializationByIds."""
    concepts = asked.truth(call.request, "includeConceptDescriptions", default=True)
    shells, submodels = asked.id_list(call.request, "aasIds"), asked.id_list(call.request, "submodelIds")
    if shells is None and submodels is None:
        shells, submodels = await _only(call)
    kind, version = _wanted(call.request.headers.get("accept", "*/*"))
    if shells is not None or submodels is not None:  # what is named, and nothing beside it
        shells, submodels = shells or [], submodels or []
    told = await exchange.environment(call.twins, shells, submodels, concepts)
    if kind == JSON:
        return raw(exchange.to_json(told, version))
    if kind in XML:
        return Response(exchange.to_xml(told, version), 200, {"Cache-Control": "no-store"}, kind)
    chunks = exchange.to_package(call.twins, told, version)
    return StreamingResponse(chunks, 200, {"Cache-Control": "no-store", **named("export.aasx")}, kind)


async def _only(call: Call) -> tuple[list[str] | None, list[str] | None]:
    """The thing whose own address was asked; (None, None) for the whole node."""
    if "submodel" in call.parts or call.parts.get("alone") == "submodel":
        return None, [await submodel_of(call)]
    if "shell" in call.parts or call.parts.get("alone") == "aas":
        row, shell = await call.twins.document("shell", await shell_of(call))
        return [row.id], [one for one in submodels_of(shell) if await _is_here(call, one)]
    return None, None


async def _is_here(call: Call, submodel: str) -> bool:
    try:
        await call.twins.get("submodel", submodel)
    except NotFound:
        return False
    return True


def _wanted(accept: str) -> tuple[str, str]:
    """(media type, version of the metamodel) by RFC 9110 §12.5.1; raises ``Invalid('twin.not-acceptable')``."""
    best, weight, version = "", 0.0, "3.0"
    for part in accept[:1000].split(","):
        kind, *parameters = (one.strip() for one in part.split(";"))
        given = dict(one.split("=", 1) for one in parameters if "=" in one)
        try:
            liking = float(given.get("q", "1"))
        except ValueError:
            continue
        name = JSON if kind in ("*/*", "application/*", "") else kind.lower()
        if name in (JSON, *XML, *AASX) and liking > weight:
            best, weight = name, liking
            version = "3.1" if given.get("version", "").strip('"').startswith("3.1") else "3.0"
    if not best:
        raise Invalid("twin.not-acceptable", value=accept[:80])
    return best, version
