"""How a machine is reached is served live with its twin: the submodels, the description beside them, the references."""

import json

import pytest

from tests.doors.asking import Client
from tests.engine.home import TOKEN, empty_node
from tests.twin.interfaces.things import MODBUS, OPC_UA
from weft.doors import aas
from weft.engine.devices import Devices
from weft.shopfloor.book import MachineAdded
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins
from weft.twin.names import encode_id

BASE = "/api/v3"


@pytest.fixture
async def machine():
    """(ask, its shell's id, change its description)."""
    node = await empty_node()
    node.twins.opening = lambda: SqliteTwins(MEMORY, node.clock)
    node.devices = Devices(node.store, node.clock, node.random, TOKEN)
    client = Client(aas.routes(node), TOKEN)

    async def described(thing):
        await node.say_many(node.book("floor"), [MachineAdded(machine="L1", description=json.dumps(thing))])

    async def ask(path):
        answer = await client.ask(f"{BASE}{path}")
        assert answer.status == 200, answer.body[:300]
        return answer

    await described(OPC_UA)
    yield ask, f"urn:weft:{node.organisation}:machine:L1", described
    await node.twins.close()


async def test_every_reference_of_the_mapping_leads_to_an_element_that_is_served(machine):
    ask, shell, _ = machine
    mapping = (await ask(f"/submodels/{encode_id(f'{shell}:AssetInterfacesMappingConfiguration')}")).json()
    references = [one["value"] for configuration in mapping["submodelElements"][0]["value"]
                  for part in configuration["value"] if part["idShort"] in ("Sources", "Sinks")
                  for entry in part["value"] for one in entry["value"] if one["modelType"] == "ReferenceElement"]
    assert len(references) == 4
    for reference in references:
        submodel, *inner = reference["keys"]
        path = ".".join(one["value"] for one in inner)
        element = (await ask(f"/submodels/{encode_id(submodel['value'])}/submodel-elements/{path}")).json()
        assert element["modelType"] == inner[-1]["type"]


async def test_the_description_is_an_attachment(machine):
    ask, shell, _ = machine
    path = f"/submodels/{encode_id(f'{shell}:AssetInterfacesDescription')}/submodel-elements/InterfaceOPCUA"
    answer = await ask(f"{path}.ExternalDescriptor.fileName/attachment")
    assert json.loads(answer.body) == OPC_UA
    assert answer.headers["content-type"].startswith("application/td+json")


async def test_what_is_served_follows_the_description_at_once(machine):
    ask, shell, described = machine
    address = f"/submodels/{encode_id(f'{shell}:AssetInterfacesDescription')}"
    assert (await ask(address)).json()["submodelElements"][0]["idShort"] == "InterfaceOPCUA"
    await described(MODBUS)
    (interface,) = (await ask(address)).json()["submodelElements"]
    assert interface["idShort"] == "InterfaceMODBUS"
    listed = (await ask(f"/shells/{encode_id(shell)}/submodel-refs")).json()["result"]
    names = {one["keys"][0]["value"].rpartition(":")[2] for one in listed}
    assert {"AssetInterfacesDescription", "AssetInterfacesMappingConfiguration", "Connection"} <= names
