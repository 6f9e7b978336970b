"""Operations over HTTP: invoked and waited for, or begun and asked for later.

IDTA-01002 v3.1.2 §12.5 (invoke, invoke-async, operation-status, operation-results).
Rule 1: what was asked for in good form is answered with an OperationResult, whatever came of it: what was not done has
        ``success`` false and says why, in ``messages`` and in its outputs.
Not here: what an operation does (``engine/twins/operations.py``).
"""

from typing import Any

from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.doors.aas.call import Call, answer
from weft.doors.aas.problems import status_of
from weft.doors.aas.submodels import read
from weft.engine.twins.operations import Ended, Run
from weft.twin.elements import Json


async def invoke(call: Call) -> Response:
    """InvokeOperationSync."""
    return await _invoke(call, values=False)


async def invoke_value(call: Call) -> Response:
    """InvokeOperationSync-ValueOnly."""
    return await _invoke(call, values=True)


async def _invoke(call: Call, *, values: bool) -> Response:
    _, submodel = await read(call)
    operations = await call.operations(submodel["id"])
    return answer(_told(call, await operations.invoke(
        submodel, call.path, await _request(call, values=values), values=values), values=values))


def _told(call: Call, ended: Ended, *, values: bool) -> dict[str, Any]:
    """The OperationResult, with why it was not done in the reader's language."""
    result: dict[str, Any] = ended.valued if values else ended.result
    return result if ended.error is None else {**result, "messages": [call.told(ended.error, status_of(ended.error))]}


async def _request(call: Call, *, values: bool) -> Json:
    """What is asked for; of values, numbers keep the digits that were sent."""
    given = await (call.value() if values else call.json())
    if not isinstance(given, dict):
        raise Invalid("twin.arguments")
    return given


async def begin(call: Call) -> Response:
    """InvokeOperationAsync."""
    return await _begin(call, values=False)


async def begin_value(call: Call) -> Response:
    """InvokeOperationAsync-ValueOnly."""
    return await _begin(call, values=True)


async def _begin(call: Call, *, values: bool) -> Response:
    _, submodel = await read(call)
    operations, request = await call.operations(submodel["id"]), await _request(call, values=values)
    handle = await operations.begin(submodel, call.path, request, values=values, who=call.asker)
    return Response(None, 202, {"Location": f"../operation-status/{handle}"})


async def _run(call: Call) -> Run:
    _, submodel = await read(call)
    handle = call.parts["handle"]
    found = (await call.operations(submodel["id"])).run(handle, submodel, call.path, call.asker)
    if found is None:
        raise NotFound("twin.handle", handle=handle[:80])
    return found


async def status(call: Call) -> Response:
    """GetOperationAsyncStatus: running, or where the outcome is."""
    if not (await _run(call)).task.done():
        return answer({"executionState": "Running", "success": True}, headers={"Retry-After": "1"})
    return Response(None, 302, {"Location": f"../operation-results/{call.parts['handle']}"})


async def outcome(call: Call) -> Response:
    """GetOperationAsyncResult: in the form that is asked for, whichever it was begun in."""
    return await _outcome(call, values=False)


async def outcome_value(call: Call) -> Response:
    """GetOperationAsyncResult-ValueOnly."""
    return await _outcome(call, values=True)


async def _outcome(call: Call, *, values: bool) -> Response:
    run = await _run(call)
    if not run.task.done():
        return answer({"executionState": "Running", "success": True})
    error = run.task.exception()
    if error is None:
        return answer(_told(call, run.task.result(), values=values))
    told = call.told(error if isinstance(error, WeftError) else None, 400)
    return answer({"executionState": "Failed", "success": False, "messages": [told]})
