"""Operations over HTTP: invoked and waited for, or begun and asked for later.

IDTA-01002 v3.1.2 §12.5 (invoke, invoke-async, operation-status, operation-results).
Not here: what an operation does (``engine/twins/operations.py``).
"""

from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.doors.aas.call import Call, answer
from weft.doors.aas.submodels import read
from weft.engine.twins.operations import Run
from weft.twin.elements import Json
from weft.twin.paths import resolve


async def _operation(call: Call) -> tuple[Json, Json]:
    _, submodel = await read(call)
    return submodel, resolve(submodel, call.path)


def _owner(submodel: Json, call: Call) -> str:
    return f"{submodel['id']}#{call.path}"


async def invoke(call: Call) -> Response:
    """InvokeOperationSync."""
    return await _invoke(call, values=False)


async def invoke_value(call: Call) -> Response:
    """InvokeOperationSync-ValueOnly."""
    return await _invoke(call, values=True)


async def _invoke(call: Call, *, values: bool) -> Response:
    submodel, operation = await _operation(call)
    operations = await call.operations(submodel["id"])
    return answer(await operations.invoke(submodel, operation, await _request(call, values=values), values=values))


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
    submodel, operation = await _operation(call)
    operations, request = await call.operations(submodel["id"]), await _request(call, values=values)
    handle = await operations.begin(submodel, operation, request, _owner(submodel, call), values=values)
    return Response(None, 202, {"Location": f"../operation-status/{handle}"})


async def _run(call: Call) -> Run:
    submodel, _ = await _operation(call)
    handle = call.parts["handle"]
    found = (await call.operations(submodel["id"])).run(handle, _owner(submodel, call))
    if found is None:
        raise NotFound("twin.handle", handle=handle[:80])
    return found


async def status(call: Call) -> Response:
    """GetOperationAsyncStatus: running, or where the outcome is."""
    if not (await _run(call)).task.done():
        return answer({"executionState": "Running", "success": True}, headers={"Retry-After": "1"})
    return Response(None, 302, {"Location": f"../operation-results/{call.parts['handle']}"})


async def outcome(call: Call) -> Response:
    """GetOperationAsyncResult, and its value-only form: each has the form that the operation was begun in."""
    run = await _run(call)
    if not run.task.done():
        return answer({"executionState": "Running", "success": True})
    error = run.task.exception()
    if error is None:
        return answer(run.task.result())
    told = call.told(error if isinstance(error, WeftError) else None, 400)
    return answer({"executionState": "Failed", "success": False, "messages": [told]})
