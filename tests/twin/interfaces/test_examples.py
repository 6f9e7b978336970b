"""Every machine of the examples as an Asset Interfaces Description: what the published template asks for, and back."""

from pathlib import Path

import pytest

from tests.twin.templates.published import template
from weft.shopfloor.adopting import adopt
from weft.shopfloor.reading import fill, parse, parse_text
from weft.twin.interfaces.reading import read
from weft.twin.templates import interfaces, mapping
from weft.twin.templates.check import deviations

MACHINES = sorted((Path(__file__).parents[3] / "examples" / "demo" / "machines").glob("*.td.json"))
SCHEMES = {"mqtt": "mqtt", "lamps": "mqtt", "http": "http", "mtconnect": "mtconnect+http", "modbus": "modbus+tcp"}


def described(path):
    endpoint = f"{SCHEMES.get(path.name.partition('.')[0], 'opc.tcp')}://127.0.0.1:1883"
    return interfaces.described("L1", fill(path.read_text(encoding="utf-8"), {"NAME": "L1", "ENDPOINT": endpoint}))


@pytest.mark.parametrize("path", MACHINES, ids=lambda one: one.name)
def test_an_example_has_no_deviation(path):
    made = described(path)
    if template("AssetInterfacesDescription") is None:
        pytest.skip("TEMPLATE OF AID NOT FOUND: set WEFT_TEMPLATES to a folder with IDTA's files")
    places = {name: mapping.Place("urn:x:data", (short,)) for name, short in made.names.items()}
    mapped = mapping.Mapped(shell="urn:x:shell", described=made, places=places)
    assert deviations(template("AssetInterfacesDescription"), interfaces.build("urn:x:aid", made)) == []
    assert deviations(template("AssetInterfacesMappingConfiguration"), mapping.build("urn:x:aimc", mapped)) == []


@pytest.mark.parametrize("path", MACHINES, ids=lambda one: one.name)
def test_an_example_comes_back_with_all_that_aid_holds(path):
    made = described(path)
    wanted = parse_text(made.text)
    (interface,) = read(interfaces.build("urn:x:aid", made))
    assert [one for one in interface.noticed if one.grade == "lost"] == []
    found = parse(adopt(interface.thing, "L1").thing)
    assert found.base == wanted.base and found.properties.keys() == wanted.properties.keys()
    for name, one in wanted.properties.items():
        back = found.properties[name]
        assert (back.title, back.type, back.observe, back.enum) == (one.title, one.type, one.observe, one.enum)
        if one.scale == "1" and one.offset == "0":
            assert (back.unit, back.minimum, back.maximum) == (one.unit, one.minimum, one.maximum)
