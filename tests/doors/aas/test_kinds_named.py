"""A rule that says of what kind an element is lets nobody make another kind of it, nor change one of another kind."""

import msgspec
import pytest

from tests.doors.aas.test_shown_exactly import House
from tests.engine.world import Wires, found
from weft.engine.twins.access import Access
from weft.twin import elements as e
from weft.twin.names import encode_id

SM = "urn:sm"
AT = f"submodels/{encode_id(SM)}/submodel-elements"
FLAG, BOX = e.prop("Flag", "1"), e.collection("Flag", [e.prop("Q", "1")])
RANGE = {"modelType": "Range", "idShort": "Flag", "valueType": "xs:int"}


def rule(literal, *rights):
    objects = [{"ROUTE": "*"}] if not literal else [{"REFERABLE": literal}]
    return {"ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": list(rights), "ACCESS": "ALLOW"}, "OBJECTS": objects,
            "FORMULA": {"$boolean": True}}


@pytest.fixture
async def house():
    made = House(await found(Wires(), "Shop"))
    made.program = await made.node.devices.pair(await made.node.devices.new_code("client"), "ERP")
    yield made
    await made.node.stop()


async def put(house, literal, given, there=FLAG, rights=("CREATE", "UPDATE"), method="PUT", tail=""):
    elements = [one for one in (there, e.prop("Other", "1")) if one]
    await house.filled({"submodel": [e.submodel(SM, "S", elements)]})
    await Access(house.node).keep({"rules": [rule("", "READ"), rule(literal, *rights)]})
    told = await house.ask(house.program, f"{AT}/Flag{tail}", method, msgspec.json.encode(given))
    return told.status


@pytest.mark.parametrize("literal", [f"(Submodel){SM}, (Property)Flag", "(Submodel)*, (Property)Flag",
                                     f"(Submodel){SM},(property)Flag"])
async def test_a_property_stays_one(house, literal):
    assert await put(house, literal, e.prop("Flag", "2")) == 204
    for other in (BOX, RANGE):
        assert await put(house, literal, other) == 403
        assert await put(house, literal, other, method="PATCH") in (400, 403)
        assert await put(house, literal, other, there=None) == 403
    assert (await house.ask(house.program, f"{AT}/Flag")).status == 404
    assert await put(house, literal, e.prop("Flag", "2"), there=None) == 201


@pytest.mark.parametrize("literal", [f"(Submodel){SM}, (Property)Flag"])
async def test_what_is_of_another_kind_is_not_changed_by_it(house, literal):
    assert await put(house, literal, e.prop("Flag", "2"), there=BOX) == 403
    assert await put(house, literal, {}, there=RANGE, rights=("DELETE",), method="DELETE") == 403
    assert await put(house, literal, {}, there=FLAG, rights=("DELETE",), method="DELETE") == 204


@pytest.mark.parametrize(("kind", "status"), [
    ("SubmodelElement", (204, 204)), ("DataElement", (403, 204)), ("RelationshipElement", (403, 403)),
    ("SubmodelElementCollection", (403, 403))])
async def test_a_general_kind_lets_all_that_are_of_it(house, kind, status):
    literal = f"(Submodel){SM}, ({kind})Flag"
    assert (await put(house, literal, BOX), await put(house, literal, RANGE)) == status


@pytest.mark.parametrize("literal", [f'$sme("{SM}").Flag', f"(Submodel){SM}, (Thing)Flag"])
async def test_control_where_no_kind_is_said_the_place_alone_counts(house, literal):
    assert await put(house, literal, BOX) == 204


async def test_two_rules_let_it_be_of_either_kind(house):
    await house.filled({"submodel": [e.submodel(SM, "S", [FLAG])]})
    await Access(house.node).keep({"rules": [rule("", "READ"), rule(f"(Submodel){SM}, (Property)Flag", "UPDATE"),
                                            rule(f"(Submodel){SM}, (Range)Flag", "UPDATE")]})
    for given, status in ((BOX, 403), (RANGE, 204)):
        told = await house.ask(house.program, f"{AT}/Flag", "PUT", msgspec.json.encode(given))
        assert told.status == status


async def test_what_lies_within_a_collection_that_is_named_may_be_anything(house):
    box = {**BOX, "idShort": "Flag"}
    literal = f"(Submodel){SM}, (SubmodelElementCollection)Flag"
    assert await put(house, literal, {**RANGE, "idShort": "Q"}, there=box, tail=".Q") == 204
    assert await put(house, literal, FLAG, there=box) == 403
