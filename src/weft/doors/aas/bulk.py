"""Many descriptors at once: all of them or none, with a handle under which the outcome is asked for.

IDTA-01002 v3.1.2 §12.7, §12.8 (asynchronous bulk operations of the registries).
Rule 1: what was asked for is written before the handle is told: whoever sees the handle may ask for the outcome.
Not here: single descriptors (``registry.py``), handles of operations (``invoking.py``).
"""

from typing import Any, Final, Literal

from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.doors.aas.call import Call, answer
from weft.engine.twins.handles import Handles

MANY_MAX: Final = 1000
Must = Literal["", "absent", "present"]


def _kind(call: Call) -> Any:
    return f"{call.parts['registry']}-descriptor"


async def create(call: Call) -> Response:
    """BulkPost…Descriptors: none of them may be there."""
    return await _written(call, await _documents(call), [], "absent")


async def replace(call: Call) -> Response:
    """BulkPut…DescriptorById: makes them or replaces them."""
    return await _written(call, await _documents(call), [], "")


async def delete(call: Call) -> Response:
    """BulkDelete…DescriptorById: all of them must be there."""
    return await _written(call, [], await call.json(list[str]), "present")


async def _documents(call: Call) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await call.json(list[dict[str, Any]])
    return found


async def _written(call: Call, documents: list[dict[str, Any]], deletes: list[str], must: Must) -> Response:
    if not 0 < len(documents) + len(deletes) <= MANY_MAX:
        raise Invalid("twin.bulk-size", limit=MANY_MAX)
    refused: WeftError | None = None
    try:
        await call.twins.put_all(_kind(call), documents, deletes, must)
    except WeftError as error:
        refused = error
    handle = handles(call).keep(refused, call.asker)
    return Response(None, 202, {"Location": call.href("bulk", "status", handle)})


def handles(call: Call) -> Handles:
    """The outcomes that may still be asked for."""
    return call.twins.outcomes


def _outcome(call: Call) -> Any:
    found = handles(call).get(call.parts["handle"], call.asker)
    if found is None:
        raise NotFound("twin.handle", handle=call.parts["handle"][:80])
    return found[0]


async def status(call: Call) -> Response:
    """BulkGetAsyncStatus: what was asked for is over by now."""
    _outcome(call)
    return Response(None, 302, {"Location": call.href("bulk", "result", call.parts["handle"])})


async def result(call: Call) -> Response:
    """BulkGetAsyncResult: 204, or why nothing of it was written."""
    refused = _outcome(call)
    if refused is None:
        return Response(None, 204)
    return answer({"executionState": "Failed", "success": False,
                   "messages": [call.told(refused, 400)]}, 400)
