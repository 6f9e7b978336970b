"""The firms of the demo have what their twins' templates ask for."""

import json
from pathlib import Path

import pytest
from aas_test_engines import file as engine

from tests.engine.dealing import table
from tests.engine.home import empty_node
from tests.twin.templates.published import template
from weft.config import Config, Firm
from weft.engine.commands import run
from weft.engine.twins import Twins
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.reading import fill
from weft.twin.names import read_submodel
from weft.twin.templates import BUILDERS
from weft.twin.templates.check import deviations

DEMO = Path(__file__).parents[3] / "examples" / "demo"
TABLES = ("items", "stock", "calendars", "work-centres", "bills", "routings")
FIRM = {"ContactInformations", "ProductionCalendar"}
REACHED = {"AssetInterfacesDescription", "AssetInterfacesMappingConfiguration", "AssetInterfacesMappingRelations"}
ITEM = {"BillOfMaterial", "CarbonFootprint", "Nameplate", "ProcessParameters", "TechnicalData"}
CLAIMED = {
    "hengtai": {"firm": FIRM, "item": ITEM,
                "lot": {"HandoverDocumentation"},
                "machine": {*REACHED, "CapabilityDescription", "ProductionCalendar", "TimeSeries"}},
    "jinggong": {"firm": FIRM, "item": ITEM,
                 "machine": {*REACHED, "CapabilityDescription", "ProductionCalendar", "TimeSeries"}},
    "haichuan": {"firm": FIRM, "item": ITEM,
                 "lot": {"HandoverDocumentation"},
                 "machine": {*REACHED, "CapabilityDescription", "ProductionCalendar", "TimeSeries"}},
}


async def furnished(key):
    """A firm of the demo with its tables and its machines."""
    folder = DEMO / "firms" / key
    given = json.loads((folder / "firm.json").read_text(encoding="utf-8"))
    node = await empty_node()
    node.config = Config(firm=Firm(name=given["name"], lang=given["lang"], **given["firm"]))
    for kind in TABLES:
        if (folder / f"{kind}.csv").is_file():
            content = table((folder / f"{kind}.csv").read_text(encoding="utf-8"))
            done = await run(node, "import", {"kind": kind, "content": content})
            assert not done.facts.get("problems"), (kind, done)
    things = [(one["name"], (DEMO / one["description"]).read_text()) for one in given["machines"]]
    await node.say_many(node.book("floor"), [
        MachineAdded(machine=name, description=fill(thing, {"NAME": name, "ENDPOINT": "opc.tcp://127.0.0.1:4840"}))
        for name, thing in things])
    return node


@pytest.mark.parametrize("key", sorted(CLAIMED))
async def test_a_firm_of_the_demo_fills_its_templates(key):
    node = await furnished(key)
    semantics = {one.SEMANTIC: one.ID_SHORT for one in BUILDERS.values()}
    claimed, submodels = {}, []
    async for one in Twins(node).submodels():
        name = semantics.get(one["semanticId"]["keys"][0]["value"])
        if name:
            claimed.setdefault(read_submodel(node.organisation, one["id"])[0], set()).add(name)
            submodels.append((name, one))
    assert claimed == CLAIMED[key]
    assert engine.check_json_data({"submodels": [one for _, one in submodels]}).ok()
    checked = [(name, template(name), one) for name, one in submodels]
    assert not [(name, told) for name, found, one in checked if found for told in deviations(found, one)]
    assert any(found for _, found, _ in checked)


async def test_the_makers_of_the_demo_have_nothing_left_to_enter_for_what_they_sell():
    node = await furnished("hengtai")
    assert await Twins(node).gaps(f"urn:weft:{node.organisation}:item:BV-DN15") == []
    assert await Twins(node).gaps(f"urn:weft:{node.organisation}:machine:Cell1") == []
