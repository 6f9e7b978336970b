"""A Thing Description goes to an Asset Interfaces Description and back: what comes back, and what exactly does not."""

import copy
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.interfaces.things import ALL, NOSEC
from tests.twin.templates.records import MAPPED, THING
from weft.shopfloor.adopting import adopt
from weft.shopfloor.description import Description, Property, Role
from weft.shopfloor.reading import parse
from weft.twin.interfaces import mappings
from weft.twin.interfaces.reading import is_aid, read
from weft.twin.templates import interfaces, mapping

SHELL = "urn:x:shell"


def there_and_back(thing):
    """``thing`` by way of AID alone."""
    submodel = interfaces.build("urn:x:aid", interfaces.described("L1", json.dumps(thing)))
    assert is_aid(submodel)
    (interface,) = read(json.loads(json.dumps(submodel)))
    return interface


# ---- what AID holds ----------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ALL)
def test_what_says_no_more_than_aid_can_hold_comes_back_as_it_was(protocol):
    interface = there_and_back(ALL[protocol])
    assert interface.noticed == ()
    found, wanted = parse(adopt(interface.thing, "L1").thing), parse(ALL[protocol])
    assert found.properties.keys() == wanted.properties.keys()
    for name, one in wanted.properties.items():
        form = {key: told for key, told in found.properties[name].form.items() if key == "contentType"} | one.form
        assert found.properties[name] == msgspec.structs.replace(one, form=form)
    assert (found.base, found.title, found.security) == (wanted.base, wanted.title, wanted.security)


def test_what_aid_cannot_hold_is_lost_and_nothing_else():
    thing = json.loads(THING)
    thing["properties"]["SpindleSpeed"]["forms"].append({"href": "/?id=ns=2;i=1", "op": "writeproperty"})
    thing |= {"weft:kind": "lathe", "weft:startMode": "operator"}
    del thing["properties"]["Tool"]  # a value within a document, which OPC UA does not send
    found, wanted = parse(adopt(there_and_back(thing).thing, "L1").thing), parse(adopt(thing, "L1").thing)
    asked = adopt(thing, "L1").thing["properties"]["SpindleSpeed"]
    assert asked["weft:role"] == "setpoint" and "weft:write" not in asked
    differ = {name for name in Description.__struct_fields__ if getattr(found, name) != getattr(wanted, name)}
    assert differ == {"id", "titles", "polling_ms", "terms", "kind", "actions", "properties"}
    lost = {name: {field for field in Property.__struct_fields__
                   if getattr(found.properties[name], field) != getattr(one, field)}
            for name, one in wanted.properties.items()}
    assert lost == {"SpindleSpeed": {"role", "write_form"}, "Temperature": {"scale", "offset", "form"},
                    "主轴 state": set()}
    assert found.properties["SpindleSpeed"].role is Role.SIGNAL
    assert wanted.properties["Temperature"].form == {"weft:pollingMs": 2000}  # that is in the mapping beside it


def test_with_the_mapping_beside_it_scale_and_polling_come_back():
    thing = {**json.loads(THING), "base": "modbus+tcp://192.168.0.10:502", **NOSEC}
    described = interfaces.described("L1", json.dumps(thing))
    mapped = mapping.Mapped(shell=SHELL, described=described, places=MAPPED.places)
    (alone,) = read(interfaces.build(f"{SHELL}:AssetInterfacesDescription", described))
    asked = list(mappings.read(json.loads(json.dumps(mapping.build("urn:x:aimc", mapped)))))
    found = parse(adopt(mappings.applied(alone, asked).thing, "L1").thing).properties
    assert (found["Temperature"].scale, found["Temperature"].offset) == ("0.1", "-273.15")
    assert found["Temperature"].form["weft:pollingMs"] == 2000
    assert found["SpindleSpeed"].form["weft:pollingMs"] == 250
    without = parse(adopt(alone.thing, "L1").thing).properties["Temperature"]
    assert (without.scale, without.unit, without.minimum) == ("1", "", "")  # of the scaled value, and hence not told


def test_a_script_that_does_more_than_scale_is_told():
    (alone,) = read(interfaces.build(f"{SHELL}:AssetInterfacesDescription", interfaces.described("L1", THING)))
    written = mapping.build("urn:x:aimc", msgspec.structs.replace(MAPPED, shell=SHELL))
    (blob,) = [one for each in written["submodelElements"][0]["value"] for one in each["value"]
               if one["idShort"] == "Transformation"]
    blob["value"] = "ZnVuY3Rpb24gYWltY19tYWluKHMpIHJldHVybiB7fSBlbmQ="
    found = mappings.applied(alone, list(mappings.read(written)))
    assert [(one.grade, one.code, one.where) for one in found.noticed] == [
        ("lost", "transformation", "properties/Temperature")]


def test_a_value_within_a_document_keeps_its_place():
    thing = copy.deepcopy(ALL["mqtt"])
    thing["properties"]["Current"]["forms"][0]["weft:pointer"] = "/data/l-1~1x"
    submodel = interfaces.build("urn:x:aid", interfaces.described("L1", json.dumps(thing)))
    outer = submodel["submodelElements"][0]["value"]
    (properties,) = [one["value"] for one in outer if one["idShort"] == "InteractionMetadata"]
    (current,) = properties[0]["value"]
    assert [one["value"] for one in current["value"] if one["idShort"] == "type"] == ["object"]
    adopted = adopt(read(submodel)[0].thing, "L1")
    found = parse(adopted.thing).properties["Current"]
    assert (found.unit, found.type, found.href) == ("AMP", "number", "shop/meter/1")
    assert found.form["weft:pointer"] == "/data/l-1~1x"
    assert [(one.grade, one.code) for one in adopted.noticed] == [("fixed", "no-id"), ("fixed", "taken-apart")]


def test_the_mapping_leads_to_the_value_within_a_document():
    thing = copy.deepcopy(ALL["mqtt"])
    thing["properties"]["Current"]["forms"][0]["weft:pointer"] = "/data/amps"
    described = interfaces.described("L1", json.dumps(thing))
    place = mapping.Place("urn:x:OperationalData", ("Current",))
    built = mapping.build("urn:x:aimc", mapping.Mapped(shell=SHELL, described=described, places={"Current": place}))
    (configuration,) = built["submodelElements"][0]["value"]
    sources = next(one for one in configuration["value"] if one["idShort"] == "Sources")["value"]
    keys = [one["value"] for one in sources[0]["value"][0]["value"]["keys"]]
    assert keys == [f"{SHELL}:AssetInterfacesDescription", "InterfaceMQTT", "InteractionMetadata", "properties",
                    "Current", "properties", "data", "properties", "amps"]


def test_names_that_no_idshort_can_be_are_told_apart():
    thing = copy.deepcopy(ALL["http"])
    thing["properties"] = dict.fromkeys(("a.b", "a_b", "温度", "Tempé rature", "7"), thing["properties"]["Mode"])
    assert list(there_and_back(thing).thing["properties"]) == ["a.b", "a_b", "温度", "Tempé rature", "7"]


# ---- any description ---------------------------------------------------------------------------------


letters = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs"))
texts = st.text(letters, min_size=1, max_size=12)
bounds = st.tuples(st.integers(-1000, 1000), st.integers(0, 1000)).map(
    lambda one: {"minimum": one[0], "maximum": one[0] + one[1]})
numbers = st.builds(lambda kind, unit, limits: {"type": kind, "unit": unit, **limits},
                    st.sampled_from(["integer", "number"]), texts, bounds | st.just({}))
words = st.fixed_dictionaries({"type": st.just("string")}, optional={
    "maxLength": st.integers(1, 500), "enum": st.lists(texts, min_size=1, max_size=3, unique=True)})
shapes = numbers | words | st.just({"type": "boolean"})
forms = st.fixed_dictionaries({"href": st.integers(1, 65536).map(lambda at: f"/1/{at}?quantity=2")}, optional={
    "modv:entity": st.sampled_from(["HoldingRegister", "Coil"]), "modv:timeout": st.integers(1, 10_000),
    "modv:mostSignificantByte": st.booleans(), "modv:type": st.sampled_from(["xsd:float", "xsd:int"]),
    "contentType": st.just("application/octet-stream")})
properties = st.builds(lambda shape, title, form, observable: {**shape, "title": title, "observable": observable,
                                                               "forms": [form]}, shapes, texts, forms, st.booleans())


@given(st.dictionaries(texts, properties, min_size=1, max_size=6))
def test_whatever_is_described_comes_back(described):
    thing = {**ALL["modbus"], "properties": described}
    interface = there_and_back(thing)
    assert [one for one in interface.noticed if one.grade == "lost"] == []
    found, wanted = parse(adopt(interface.thing, "L1").thing), parse(thing)
    for name, one in wanted.properties.items():
        assert found.properties[name] == one
    assert len(found.properties) == len(wanted.properties)
