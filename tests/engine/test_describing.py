"""Files that describe a machine are offered, never added: packages, submodels, descriptions, and anything bent."""

import copy
import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.home import empty_node
from tests.twin.interfaces.things import ALL, HTTP, MODBUS, OPC_UA
from tests.twin.templates.published import by_semantic
from tests.twin.templates.records import THING
from weft import locale
from weft.basis.errors import Invalid, WeftError
from weft.engine.commands import run
from weft.engine.describing import FILE_MAX, chosen, offers
from weft.engine.twins import exchange
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.reading import parse
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins
from weft.twin.templates import interfaces


def aid(thing, name="urn:x:aid"):
    return interfaces.build(name, interfaces.described("L1", json.dumps(thing)))


def both():
    """An AID with two interfaces, as a maker would write it who offers OPC UA and Modbus."""
    made, other = aid(OPC_UA), aid(MODBUS)
    made["submodelElements"] += other["submodelElements"]
    return made


def read(document, **more):
    return offers(json.dumps(document).encode(), "L1", **more)


async def shop(thing=THING):
    """A node with one machine that is described by ``thing``."""
    node = await empty_node()
    node.twins.opening = lambda: SqliteTwins(MEMORY, node.clock)
    await node.say_many(node.book("floor"), [MachineAdded(machine="L1", description=thing)])
    return node


READABLE = json.dumps({**json.loads(THING), "properties": {
    name: one for name, one in json.loads(THING)["properties"].items() if one["type"] != "array"}}, ensure_ascii=False)


async def package(node, form="aasx"):
    """The shell of the machine with its submodels, as ``weft twin export`` writes it."""
    shell = f"urn:weft:{node.organisation}:machine:L1"
    made = io.BytesIO()
    await exchange.export(node.twins, made, [shell], form=form)
    return made.getvalue()


# ---- through the shell -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["aasx", "json", "xml"])
async def test_through_the_shell_the_very_description_comes_back(form):
    node = await shop(READABLE)
    (offer,) = offers(await package(node, form), "L2", writing=True)
    assert offer.whole and offer.description == READABLE and offer.noticed == ()
    await node.twins.close()


async def test_through_the_shell_nothing_becomes_writable_unless_the_owner_says_so():
    node = await shop(READABLE)
    (offer,) = offers(await package(node), "L2")
    assert offer.whole and offer.writes == ("SpindleSpeed",)
    assert not any(one.write for one in parse(json.loads(offer.description)).properties.values())
    assert [(one.grade, one.code) for one in offer.noticed] == [("kept", "write-off")]
    await node.twins.close()


async def test_the_file_of_the_description_is_served_with_the_submodel():
    node = await shop(READABLE)
    name = f"urn:weft:{node.organisation}:machine:L1:AssetInterfacesDescription"
    file = await node.twins.attachment(name, "InterfaceOPCUA.ExternalDescriptor.fileName")
    assert b"".join([piece async for piece in file.chunks()]).decode() == READABLE
    assert (file.content_type, file.name) == ("application/td+json", "Thing_L1.td.json")
    await node.twins.close()


async def test_without_the_description_beside_it_aid_alone_counts_and_that_is_told():
    node = await shop(READABLE)
    packed = zipfile.ZipFile(io.BytesIO(await package(node)))
    less = io.BytesIO()
    with zipfile.ZipFile(less, "w") as made:
        for one in packed.infolist():
            data = packed.read(one)
            if b"ThingDescription" in data:
                data = data.replace(b"application/td+json", b"application/x-other")
            if not one.filename.endswith(".td.json"):
                made.writestr(one.filename, data)
    (offer,) = offers(less.getvalue(), "L2", writing=True)
    assert not offer.whole and offer.writes == ()
    assert set(offer.properties) == {"SpindleSpeed", "Temperature", "主轴 state"}
    found = parse(json.loads(offer.description)).properties["Temperature"]
    assert (found.scale, found.offset) == ("0.1", "-273.15")  # of the mapping beside it
    await node.twins.close()


# ---- choosing ----------------------------------------------------------------------------------------


def test_of_several_interfaces_one_is_chosen_by_a_person():
    found = read(both())
    assert [(one.interface, one.protocol) for one in found] == [
        ("InterfaceOPCUA", "opc.tcp"), ("InterfaceMODBUS", "modbus+tcp")]
    with pytest.raises(Invalid, match=r"describing\.choose"):
        chosen(found, "")
    with pytest.raises(Invalid, match=r"describing\.interface-unknown"):
        chosen(found, "InterfaceHTTP")
    assert chosen(found, "InterfaceMODBUS").address == MODBUS["base"]


def test_an_interface_that_cannot_be_used_says_why_and_keeps_out_no_other():
    made = both()
    bent = json.loads(json.dumps(made["submodelElements"][0]).replace('"nosec"', '"digest"').replace("nosec_sc", "x"))
    bent = json.loads(json.dumps(bent).replace("#NoSecurityScheme", "#Other"))
    found = read({**made, "submodelElements": [bent, made["submodelElements"][1]]})
    assert [(one.interface, one.refused) for one in found] == [
        ("InterfaceOPCUA", "description.security"), ("InterfaceMODBUS", "")]
    with pytest.raises(Invalid, match=r"description\.security"):
        chosen(found, "InterfaceOPCUA")


@pytest.mark.parametrize("version", ["1/0", "1/1", "1/2", "2/0"])
def test_all_versions_are_read_and_a_newer_one_is_told(version):
    made = json.loads(json.dumps(aid(HTTP)).replace("AssetInterfacesDescription/1/1/Submodel",
                                                    f"AssetInterfacesDescription/{version}/Submodel"))
    (offer,) = read(made)
    assert offer.properties == ("Mode",)
    assert ("aid-version" in [one.code for one in offer.noticed]) == (version == "2/0")


def test_ids_that_are_spelt_in_another_way_are_read_all_the_same():
    text = json.dumps(aid(HTTP)).replace("AssetInterfacesDescription/1/0/", "AssetInterfaceDescription/1/0/")
    assert offers(text.replace("td#baseURI", "td#base").encode(), "L1")[0].properties == ("Mode",)
    named = json.loads(text)
    del named["semanticId"]
    assert read(named)[0].properties == ("Mode",)


def test_a_list_an_environment_and_a_submodel_are_read_alike():
    one = aid(HTTP)
    (alone,), (listed,), (within,) = read(one), read([one]), read({"submodels": [one]})
    assert alone == listed == within


@pytest.mark.parametrize("version", ["1/0", "1/1"])
def test_what_a_template_of_idta_gives_as_examples_is_read_without_a_stumble(version):
    found = by_semantic().get(f"https://admin-shell.io/idta/AssetInterfacesDescription/{version}/Submodel")
    if found is None:
        pytest.skip(f"TEMPLATE OF AID {version} NOT FOUND: set WEFT_TEMPLATES to a folder with IDTA's files")
    for one in read(found[0]):
        assert one.refused == "description.base"  # a template has no address
    text = json.dumps(found[0])
    for kind, base in (("HTTP", "http://192.168.0.9"), ("MODBUS", "modbus+tcp://192.168.0.9:502/1/"),
                       ("MQTT", "mqtt://192.168.0.9:1883")):
        filled = json.loads(text)
        (interface,) = [one for one in filled["submodelElements"] if one["idShort"] == f"InterfaceTemplateFor{kind}"]
        endpoint = next(one for one in interface["value"] if one["idShort"] == "EndpointMetadata")
        for one in endpoint["value"]:
            if one["idShort"] == "base":
                one["value"] = base
            if one["idShort"] == "security":
                one["value"] = [{"modelType": "ReferenceElement", "value": {"keys": [{"value": "nosec_sc"}]}}]
        (offer,) = read({**filled, "submodelElements": [interface]})
        assert (offer.refused, offer.address) == ("", base)


# ---- a Thing Description by itself -------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ALL)
def test_a_thing_description_is_offered(protocol):
    (offer,) = read(ALL[protocol])
    assert offer.whole and offer.interface == "" and offer.address == ALL[protocol]["base"] and not offer.noticed


async def test_what_was_read_is_what_machine_add_takes():
    node = await empty_node()
    done = await run(node, "machine-read", {"name": "M1", "content": json.dumps(both()).encode(),
                                            "interface": "InterfaceMODBUS"})
    (offer,) = done.facts["offers"]
    await run(node, "machine-add", {"name": "M1", "description": offer["description"]})
    floor = await node.state(node.book("floor"))
    assert list(parse(json.loads(floor.machines["M1"].description)).properties) == ["Force", "Closed"]


# ---- anything ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "code"), [
    (b"", "describing.not-readable"), (b"{", "describing.not-readable"), (b"\xff\xfe{}", "describing.not-readable"),
    (b"7", "describing.nothing"), (b"[]", "describing.nothing"), (b"{}", "describing.nothing"),
    (b'{"submodels": [7, {}]}', "describing.nothing"), (b"PK\x03\x04nothing", "aasx.not-zip"),
    (b"<x/>", "xml.not-aas"), (b"[" * 5_000 + b"]" * 5_000, "describing.not-readable"),
    (b'{"a":' * 300 + b"1" + b"}" * 300, "describing.not-readable"), (b" " * (FILE_MAX + 1), "describing.too-large"),
    (b'{"modelType": "Submodel", "id": "urn:x", "idShort": "AssetInterfacesDescription"}', "describing.nothing"),
])
def test_what_describes_no_machine_is_refused_with_a_sentence(content, code):
    with pytest.raises(Invalid) as caught:
        offers(content, "L1")
    assert caught.value.code == code
    for lang in locale.LANGUAGES:
        assert locale.text(lang, f"error.{code}", **caught.value.facts)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(one, (*path, key))


def bent(document, path, value):
    made = copy.deepcopy(document)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return made


DOCUMENTS = [both(), aid(json.loads(THING)), *ALL.values(), json.loads(THING)]
PLACES = [(document, path) for document in DOCUMENTS for path in places(document) if path]
DEEP = {"value": {"value": {"value": []}}}
for _ in range(60):
    DEEP = {"idShort": "properties", "modelType": "SubmodelElementCollection", "value": [DEEP]}
CIRCLE = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": "urn:x:aid"},
                                             {"type": "ReferenceElement", "value": "security"}]}
ODD = st.sampled_from([None, True, 0, -1, 1e400, float("nan"), "", "x" * 100_000, "\ud800", [], {}, [[]], [None], [7],
                       DEEP, CIRCLE, {"keys": 7}, {"keys": [7]}, [DEEP] * 30, "http://[", "javascript:alert(1)",
                       "9" * 400, {"modelType": "Property", "value": {}}])


@settings(max_examples=300)
@given(st.sampled_from(PLACES), ODD)
def test_whatever_is_bent_is_offered_or_refused_with_a_code(place, odd):
    document, path = place
    content = json.dumps(bent(document, path, odd)).encode()
    try:
        found = offers(content, "L1")
    except WeftError as error:
        assert f"error.{error.code}" in locale.sentences("en")
        return
    for one in found:
        assert one.refused or parse(json.loads(one.description)).properties
        assert not one.refused or f"error.{one.refused}" in locale.sentences("zh")
        assert not any(each.write for each in (parse(json.loads(one.description)).properties.values()
                                               if one.description else ()))


def test_references_in_a_circle_do_no_harm():
    made = aid(OPC_UA)
    endpoint = next(one for one in made["submodelElements"][0]["value"] if one["idShort"] == "EndpointMetadata")
    security = next(one for one in endpoint["value"] if one["idShort"] == "security")
    security["value"] = [{"modelType": "ReferenceElement", "value": CIRCLE}]
    (offer,) = read(made)
    assert {"aid-security-unknown", "aid-security"} <= {one.code for one in offer.noticed}


def test_a_huge_one_is_read_as_far_as_it_goes():
    simple = {"type": "string", "forms": [{"href": "/x"}]}
    (offer,) = read(aid({**HTTP, "properties": {f"P{number}": simple for number in range(2_100)}}))
    assert (len(offer.properties), offer.refused) in ((2_000, ""), (0, "description.too-large"))
    assert "aid-too-many" in [one.code for one in offer.noticed]
