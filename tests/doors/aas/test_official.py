"""The official test engine's read suites against a node at work."""

import asyncio
import threading

import pytest
import uvicorn
from aas_test_engines import api, config, http
from starlette.applications import Starlette

from tests.engine.home import busy_node
from weft.doors import aas

SUITES = ("AssetAdministrationShellRepositoryServiceSpecification", "SubmodelRepositoryServiceSpecification")
# Engine 1.0.3 takes only objects and lists for JSON, but the value of a Property is a string, number or truth
# value (IDTA-01002 v3.1.2, PropertyValue in the OpenAPI).
ENGINE_FAULT = "Expected JSON, got <class "


@pytest.fixture(scope="module")
def address():
    node = asyncio.run(busy_node(dev_open=True))
    application = Starlette(routes=aas.routes(node))
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/api/v3.0"
    server.should_exit = True
    thread.join()


def faults(result):
    """What the engine holds for an error, from the innermost."""
    within = [one for one in result["s"] if one["l"] >= 2]
    if not within:
        return [result["m"]] if result["l"] >= 2 else []
    return [fault for one in within for fault in faults(one)]


@pytest.mark.parametrize("suite", SUITES)
def test_every_valid_request_is_answered_and_every_invalid_one_refused(address, suite):
    wanted = f"https://admin-shell.io/aas/API/3/0/{suite}/SSP-002"
    result, counts = api.execute_tests(http.HttpClient(address), config.CheckApiConfig(suite=wanted))
    assert counts.invalid_accepted == 0 and counts.invalid_rejected > 30 and counts.valid_accepted > 60
    assert [one for one in faults(result.to_dict()) if not one.startswith(ENGINE_FAULT)] == []
