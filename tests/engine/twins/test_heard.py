"""Who sees one element by itself hears of it, and of nothing else in its submodel."""

import pytest

from tests.engine.world import Wires, found
from weft.engine.twins.access import Access, program
from weft.engine.twins.hearing import Hearing
from weft.engine.twins.sight import Sight
from weft.twin import elements as e

NAME = "urn:x:m"
READS = {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"}


def rule(*objects, **more):
    return {"ACL": READS, "OBJECTS": list(objects), "FORMULA": {"$boolean": True}} | more


def prop(value):
    return {"modelType": "Property", "valueType": "xs:string", "value": value}


def submodel(secret, *rows):
    listed = {"modelType": "SubmodelElementList", "idShort": "Rows", "typeValueListElement": "Property",
              "valueTypeListElement": "xs:string", "value": [prop(one) for one in rows]}
    return {**e.submodel(NAME, "M", []), "submodelElements": [e.prop("Secret", secret), *([listed] if rows else [])]}


@pytest.fixture
async def node():
    made = await found(Wires(), "Shop")
    yield made
    await made.stop()


async def heard(node, *rules, before, after):
    """(type, path) of what a program hears of a change from one submodel to another ("": it goes)."""
    await Access(node).keep({"rules": list(rules)})
    await node.twins.create("submodel", before)
    number = await node.twin_changes.newest()
    if after == "":
        await node.twins.delete("submodel", NAME)
    else:
        await node.twins.replace("submodel", NAME, after)
    hearing = Hearing(node.twin_changes, lambda: Access(node).sight(program("ERP")), b"k" * 32, "ERP")
    told, _ = await hearing.after(number, 10)
    return [(one.type, one.path) for one in told]


ONE = rule({"REFERABLE": f'$sme("{NAME}").Rows[1]'})
EACH = rule({"FRAGMENT": "$sme.Rows[]"})


@pytest.mark.parametrize(("rules", "after", "told"), [
    ([ONE], submodel("b", "1", "2"), []),
    ([ONE], submodel("a", "9", "2"), []),
    ([ONE], submodel("a", "1", "9"), [("updated", "Rows[1]")]),
    ([EACH], submodel("b", "9", "2"), [("updated", "Rows[0]")]),
    ([EACH], submodel("b", "1", "2"), []),
    ([ONE], submodel("a", "1"), [("deleted", "Rows[1]")]),
    ([ONE], "", [("deleted", "Rows[1]")]),
    ([ONE], submodel("a", "1", "2", "3"), []),
    ([EACH], submodel("a", "1", "2", "3"), [("created", "Rows[2]")]),
    ([rule({"REFERABLE": f'$sme("{NAME}").Rows'}, FILTER={
        "FRAGMENT": "$sme.Rows[0]", "CONDITION": {"$boolean": False}})], submodel("a", "9", "2"), []),
    ([], submodel("b", "9", "9"), []),
], ids=["a neighbour", "another in the list", "it", "each, one", "each, a neighbour", "it goes", "all goes", "one more",
        "each, one more", "what a filter hides", "no rule"])
async def test_of_an_element_shown_by_itself(node, rules, after, told):
    assert await heard(node, *rules, before=submodel("a", "1", "2"), after=after) == told


async def test_one_who_hears_of_the_whole_submodel_would_be_seen_here(node, monkeypatch):
    """The control."""

    async def all_of(_self, told):
        return told

    monkeypatch.setattr(Sight, "_of_elements", all_of)
    assert await heard(node, ONE, before=submodel("a", "1", "2"), after=submodel("b", "1", "2")) != []
