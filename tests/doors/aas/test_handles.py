"""What came of something that was begun is told to who began it; for all others there is no such handle."""

import msgspec
import pytest

from tests.doors.aas.test_shown_exactly import House
from tests.engine.twins.test_operations import BOX, OPERATIONS, SUBMODEL, number, request
from tests.engine.world import Wires, found
from weft.engine.twins.access import Access

ALL = {"ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": ["ALL"], "ACCESS": "ALLOW"}, "OBJECTS": [{"ROUTE": "*"}],
       "FORMULA": {"$boolean": True}}
DESCRIPTORS = msgspec.json.encode([{"id": "urn:d", "endpoints": [
    {"interface": "AAS-3.0", "protocolInformation": {"href": "https://example.com/x"}}]}])


@pytest.fixture
async def house():
    made = House(await found(Wires(), "Shop"))
    await made.filled({})
    await Access(made.node).keep({"rules": [ALL]})
    devices = made.node.devices
    made.programs = [await devices.pair(await devices.new_code("client"), name) for name in ("ERP", "MES")]
    made.owners = [made.client.token, await devices.pair(await devices.new_code("owner"), "Phone")]
    yield made
    await made.node.stop()


async def begun(house, who):
    told = await house.ask(who, "bulk/shell-descriptors", "PUT", DESCRIPTORS)
    assert told.status == 202, told.body
    return told.headers["location"].partition("/api/v3/")[2]


async def outcomes(house, where, who):
    return [(await house.ask(who, one)).status for one in (where, where.replace("/status/", "/result/"))]


async def test_another_program_does_not_hear_what_came_of_many_descriptors(house):
    first, second = house.programs
    where = await begun(house, first)
    assert await outcomes(house, where, first) == [302, 204]
    assert await outcomes(house, where, second) == [404, 404]
    assert await outcomes(house, where, house.owners[0]) == [404, 404]
    absent = await house.ask(second, "bulk/status/AAAAAAAAAAAAAAAAAAAAAA")
    other = await house.ask(second, where)
    codes = [one.json()["messages"][0]["correlationId"] for one in (absent, other)]
    assert codes == ["twin.handle", "twin.handle"] and absent.headers.keys() == other.headers.keys()


async def test_whoever_runs_the_house_hears_what_the_house_began(house):
    where = await begun(house, house.owners[0])
    assert await outcomes(house, where, house.owners[1]) == [302, 204]
    assert await outcomes(house, where, house.programs[0]) == [404, 404]


async def test_an_operation_that_was_begun_belongs_to_who_began_it():
    asked = {"clientTimeoutDuration": "PT5S", **request(number("5"), BOX)}
    handle = await OPERATIONS.begin(SUBMODEL, "Scale", asked, values=False, who="one")
    assert OPERATIONS.run(handle, SUBMODEL, "Scale", "two") is None
    mine = OPERATIONS.run(handle, SUBMODEL, "Scale", "one")
    assert (await mine.task).error is None
