"""Written submodels are held against the templates that they claim, carried ones and their own; all of it is told."""

import json

import pytest

from tests.engine.home import empty_node
from tests.twin.templates import mutants
from tests.twin.templates.outlines import OUTLINES
from tests.twin.templates.published import published
from tests.twin.templates.records import ORG, RECORDS
from tests.twin.templates.shipping import FOLDER, carried
from weft import locale
from weft.engine.twins.judging import against
from weft.engine.twins.judging import carried as held
from weft.engine.views.twin_check import twin_check
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins
from weft.twin import templates
from weft.twin.names import shell_id
from weft.twin.templates.slots import joined


def made(id_short, name="urn:x:sm"):
    """Ours, as if it had come in a file."""
    built = templates.build(shell_id(ORG, "item", "BV-15"), [RECORDS[id_short]], id_short)
    return {**json.loads(json.dumps(built)), "id": name}


@pytest.fixture
async def node():
    node = await empty_node()
    node.twins.opening = lambda: SqliteTwins(MEMORY, node.clock)
    yield node
    await node.twins.close()


@pytest.mark.parametrize("id_short", sorted(RECORDS))
def test_what_is_carried_is_what_is_published(id_short):
    shipped = json.loads((FOLDER / f"{id_short}.json").read_text(encoding="utf-8"))
    assert joined(shipped["submodels"][0]["semanticId"]) in held()
    if id_short not in OUTLINES and published(id_short) is None:
        pytest.skip(f"TEMPLATE OF {id_short} NOT PUBLISHED HERE: set WEFT_TEMPLATES to a folder with IDTA's files")
    assert shipped == carried(id_short), "python -m tests.twin.templates.shipping"


@pytest.mark.parametrize("id_short", sorted(RECORDS))
def test_each_mandatory_element_that_is_bent_is_told_by_what_is_carried(id_short):
    document = made(id_short)
    found = held()[joined(document["semanticId"])]
    assert against(found, document).deviations == []
    wanted = mutants.mandatory_ids(found["submodels"][0])
    count, missed = mutants.unreported(
        found, document, lambda one, _: mutants.semantics_of(one)[0] in wanted, step=3)
    assert count >= 4 and missed == []


async def test_the_deviations_of_written_twins_are_told_with_their_places(node):
    less, whole = made("Nameplate", "urn:x:less"), made("Nameplate", "urn:x:whole")
    gone = less["submodelElements"].pop(0)["idShort"]
    other = {"modelType": "Submodel", "id": "urn:x:other", "idShort": "Other"}
    await node.twins.put_all("submodel", [less, whole, other])
    told = {one.id: one.judged for one in (await twin_check(node)).submodels}
    assert set(told) == {"urn:x:less", "urn:x:whole"}
    assert told["urn:x:whole"].count == 0
    assert [(one.path, one.code) for one in told["urn:x:less"].deviations] == [(gone, "missing")]
    assert [one.id for one in (await twin_check(node, "urn:x:less")).submodels] == ["urn:x:less"]


async def test_a_template_that_lies_among_the_twins_counts_and_is_not_judged_itself(node):
    one = {"type": "SMT/Cardinality", "valueType": "xs:string", "value": "One"}
    asked = {"modelType": "Submodel", "kind": "Template", "id": "urn:x:t", "idShort": "Gearbox",
             "semanticId": {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "urn:g/1/0"}]},
             "submodelElements": [{"modelType": "Property", "idShort": "Ratio", "valueType": "xs:double",
                                   "qualifiers": [one]}]}
    bare = {**asked, "kind": "Instance", "id": "urn:x:g", "submodelElements": []}
    del bare["submodelElements"]
    await node.twins.put_all("submodel", [asked, bare])
    (one,) = (await twin_check(node)).submodels
    assert (one.id, one.judged.template) == ("urn:x:g", "Gearbox")
    assert [(told.path, told.code) for told in one.judged.deviations] == [("Ratio", "missing")]


async def test_whatever_stands_in_a_written_submodel_it_is_judged_or_left(node):
    odd = {**made("Nameplate", "urn:x:odd"), "supplementalSemanticIds": 7}
    assert against(held()[joined(odd["semanticId"])], odd) is None


def test_what_is_told_has_words_in_both_languages():
    for lang in locale.LANGUAGES:
        assert "3" in locale.text(lang, "twin.judged", template="X", n=3)
