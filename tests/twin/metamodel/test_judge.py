"""What stands against a document, beside what aas-core3.1 says of it."""

import ast
import inspect

import msgspec
import pytest
from aas_core3_1 import jsonization, verification
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twin.metamodel.documents import BENT_SUBMODELS, NAMES, SEEDS, SUBMODELS, Maker
from tests.twin.samples import EMPTY, FULL, environment
from weft.locale import LANGUAGES, sentences, text
from weft.twin import elements as e
from weft.twin.metamodel import (
    Faulty,
    against_3_0,
    canonical,
    check,
    check_element,
    findings,
    findings_of_element,
    plain,
    read,
    written,
)
from weft.twin.metamodel import shape as shapes
from weft.twin.metamodel.rules import told
from weft.twin.metamodel.siblings import among_siblings
from weft.twin.paths import placed, resolve, trail, walk

SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def core(document, kind="submodel"):
    """What aas-core3.1 says: its faults, or that it cannot read the document at all."""
    try:
        instance = getattr(jsonization, f"{kind}_from_jsonable")(document)
        return [error.cause for error in verification.verify(instance)]
    except (jsonization.DeserializationException, ValueError) as error:
        return [str(error) or "unreadable"]


@SLOW
@given(SUBMODELS)
def test_a_sound_document_has_no_findings(document):
    assert core(document) == [] and findings("Submodel", document, "3.1") == []
    assert findings("Submodel", document) == [] and findings("Submodel", document, "3.0") == []


@SLOW
@given(BENT_SUBMODELS)
def test_a_bent_document_is_judged_as_aas_core_judges_it(document):
    found = findings("Submodel", document, "3.1")
    seen = [one for one in found if one.code != "twin.aasd-022" or "submodelElements" not in one.path]
    assert bool(found) if core(document) else not seen


def test_statements_and_annotations_have_different_names_too():
    """aas-core3.1 looks for this in submodels and collections alone."""
    document = e.submodel("urn:x", "Sm", [e.entity("En", "urn:x", [e.prop("Ab", 1), e.prop("Ab", 2)])])
    assert core(document) == []
    assert [(one.path, one.constraint) for one in findings("Submodel", document)] == [
        ("submodelElements[0]", "AASd-022")]


@SLOW
@given(BENT_SUBMODELS)
def test_shape_is_wrong_exactly_when_the_decoder_refuses(document):
    try:
        msgspec.convert(document, shapes.KINDS["Submodel"])
        refused = False
    except msgspec.ValidationError:
        refused = True
    assert bool(shapes.misshapen("Submodel", document)) == refused
    assert not [one for one in shapes.misshapen("Submodel", document) if one.code == "twin.shape-other"]


@SLOW
@given(st.one_of(SUBMODELS, BENT_SUBMODELS))
def test_canonical_bytes_lose_nothing_and_stay_as_they_are(document):
    try:
        body = canonical("Submodel", document)
    except msgspec.ValidationError:
        return
    assert msgspec.json.decode(body) == document | {"modelType": "Submodel"}
    assert canonical("Submodel", body) == body == written(read("Submodel", body))
    assert list(plain(read("Submodel", body))) == list(msgspec.json.decode(body))


def at(document, steps):
    for step in steps:
        document = document[step]
    return document


def differs(seed, judge):
    """Put anything sound or bent anywhere: what the whole is said to be, and its one element, where they differ."""
    maker = Maker(seed)
    document = maker.submodel()
    ways = [path for path, _ in walk(document, "")]
    if not ways:
        return None
    path = maker.lot.choice(ways)
    old = resolve(document, path)
    new = maker.lot.choice([maker.element(old.get("idShort")), maker.element(maker.lot.choice(NAMES)),
                            maker.bent(maker.element("New")), maker.bent(old)])
    changed, steps = placed(document, path, new), trail(document, path)
    whole, own = findings("Submodel", changed, "3.1"), judge(changed, steps)
    return None if bool(whole) == bool(own) else (whole, own)


@SLOW
@given(SEEDS)
def test_one_element_is_judged_as_the_whole_would_be(seed):
    assert differs(seed, lambda document, steps: findings_of_element(document, steps, "3.1")) is None


def test_a_judge_that_does_not_look_at_siblings_would_be_noticed():
    assert any(differs(seed, lambda document, steps: findings("SubmodelElement", at(document, steps), "3.1"))
               for seed in range(400))


DATA = {
    "AASd-107": ("semanticIdListElement", e.external("urn:x:other")),
    "AASd-108": ("typeValueListElement", "Range"),
    "AASd-109": ("valueTypeListElement", "xs:int"),
}


@pytest.mark.parametrize("constraint", DATA)
def test_an_element_must_fit_its_list(constraint):
    inner = {**e.prop("", "a"), "semanticId": e.external("urn:x:a")}
    document = e.submodel("urn:x", "Sm", [e.listing("Ls", [inner, inner], of="Property")])
    assert findings_of_element(document, "Ls[1]") == [] == findings("Submodel", document)
    key, value = DATA[constraint]
    document["submodelElements"][0][key] = value
    found = findings_of_element(document, "Ls[1]")
    assert constraint in {one.constraint for one in found} <= {one.constraint for one in findings("Submodel", document)}
    with pytest.raises(Faulty) as caught:
        check_element(document, "Ls[1]")
    assert constraint in {one.constraint for one in caught.value.findings}


def test_elements_of_a_list_mean_the_same():
    inner = [{**e.prop("", "a"), "semanticId": e.external(name)} for name in ("urn:x:a", "urn:x:b")]
    document = e.submodel("urn:x", "Sm", [e.listing("Ls", inner, of="Property")])
    assert [one.constraint for one in findings_of_element(document, "Ls[1]")] == ["AASd-114"]


@pytest.mark.parametrize(("change", "constraint"), [
    ({"idShort": "Other"}, "AASd-022"), ({"idShort": None}, "AASd-117"),
    ({"qualifiers": [{"type": "T", "valueType": "xs:int", "kind": "TemplateQualifier"}]}, "AASd-129"),
    ({"supplementalSemanticIds": [e.external("urn:x")]}, "AASd-118"), ({"idShort": "A-"}, "AASd-002"),
])
def test_an_element_must_fit_its_siblings(change, constraint):
    one = {key: value for key, value in ({**e.prop("New", "a")} | change).items() if value is not None}
    document = e.submodel("urn:x", "Sm", [e.prop("Other", 1), one])
    steps = ("submodelElements", 1)
    found = among_siblings(document, steps) + findings("SubmodelElement", one)
    assert [each.constraint for each in found] == [constraint]
    assert constraint in {each.constraint for each in findings("Submodel", document)}


# ---- versions -----------------------------------------------------------------------------------------

NEWER = [
    ("Submodel", e.submodel("urn:x", "A-b", []), "twin.aasd-002-hyphen"),
    ("File", {"modelType": "File", "idShort": "Fi"}, "twin.shape-required"),
    ("Blob", {"modelType": "Blob", "idShort": "Bl"}, "twin.shape-required"),
    ("Entity", {"modelType": "Entity", "idShort": "En"}, "twin.shape-required"),
    ("RelationshipElement", {"modelType": "RelationshipElement", "idShort": "Re"}, "twin.shape-required"),
    ("Property", {**e.prop("Pr", 1), "category": "own"}, "twin.aasd-090"),
    ("Entity", {**e.entity("En", "urn:x", []), "entityType": "CoManagedEntity"}, "twin.aasd-014"),
    ("SubmodelElementList", {**e.listing("Ls", [e.prop("", 1)], of="Property"), "value": [e.prop("Pr", 1)]},
     "twin.aasd-120"),
    ("AssetInformation", {"assetKind": "Role", "globalAssetId": "urn:x"}, "twin.shape-word"),
    ("Submodel", e.submodel("urn:" + "x" * 2020, "Sm", []), "twin.too-long"),
]


@pytest.mark.parametrize(("kind", "document", "code"), NEWER)
def test_what_is_new_in_3_1_is_known_as_such(kind, document, code):
    if kind == "SubmodelElementList":
        document = {**document, "valueTypeListElement": "xs:long"}
    assert findings(kind, document, "3.1") == [] == findings(kind, document)
    assert code in {one.code for one in against_3_0(kind, document)}
    assert {one.allowed for one in findings(kind, document, "3.0")} == {"3.1"}


@pytest.mark.parametrize("document", [
    e.prop("P", 1), {**e.prop("Pr", "urn:炉:7", type_="xs:anyURI")}, e.range_("R", "0", "1"),
])
def test_what_3_0_alone_permits_is_taken_too(document):
    assert findings("SubmodelElement", document) == [] == findings("SubmodelElement", document, "3.0")
    assert {one.allowed for one in findings("SubmodelElement", document, "3.1")} == {"3.0"}


@pytest.mark.parametrize(("kind", "thing"), [*FULL, *EMPTY])
def test_our_own_twins_are_sound_in_both_versions(kind, thing):
    assert findings("Environment", environment(kind, thing), "3.0") == []


# ---- what is told -------------------------------------------------------------------------------------

def messages():
    """Every message in the source of aas-core3.1's verifier."""
    def joined(node):
        return node.value if isinstance(node, ast.Constant) else joined(node.left) + joined(node.right)

    calls = [node for node in ast.walk(ast.parse(inspect.getsource(verification))) if isinstance(node, ast.Call)]
    return {joined(one.args[0]) for one in calls if getattr(one.func, "id", "") == "Error"}


def test_every_fault_can_be_said_in_every_language():
    assert len(messages()) > 90
    for message in messages():
        code, constraint, facts = told(message)
        assert code != "other", message
        assert constraint or not message.startswith("Constraint")
        for lang in LANGUAGES:
            said = text(lang, f"error.twin.{code}", where="X", constraint=constraint, words="a", **facts)
            assert "⟦" not in said and f"error.twin.{code}" in sentences(lang), said


def test_a_finding_names_its_element_as_people_do():
    inner = [e.collection("", [e.prop("Good", "1", type_="xs:int")])]
    document = e.submodel("urn:x", "Sm", [e.listing("Lines", inner)])
    document["submodelElements"][0]["value"][0]["value"][0]["value"] = "many"
    found = findings("Submodel", document)
    assert [(one.path, one.where, one.code) for one in found] == [
        ("submodelElements[0].value[0].value[0].value", "urn:x › Lines[0].Good › value", "twin.value-type")]
    assert [(one.path, one.where) for one in findings_of_element(document, "Lines[0].Good")] == [
        (found[0].path, found[0].where)]
    assert "Lines[0].Good" in text("en", f"error.{found[0].code}", **found[0].told)
    assert "Lines[0].Good" in text("zh", f"error.{found[0].code}", **found[0].told)


def test_an_idshort_that_no_path_leads_to_is_refused():
    """aas-core3.1 takes a line feed at the end, which Python's $ does not see."""
    document = e.submodel("urn:x", "Sm", [{**e.prop("Ab", 1), "idShort": "Ab\n"}])
    assert core(document) == []
    assert [(one.code, one.constraint) for one in findings("Submodel", document)] == [("twin.aasd-002", "AASd-002")]


def test_all_faults_are_told_at_once():
    document = e.submodel("urn:x", "Sm", [e.prop("Ab", 1), e.prop("Ab", 1), {"modelType": "Nope"}])
    assert [one.code for one in findings("Submodel", document)] == ["twin.shape-word"]
    with pytest.raises(Faulty) as caught:
        check("Submodel", e.submodel("urn:x", "S-", [e.prop("Ab", 1), e.prop("Ab", 1)]))
    assert {one.code for one in caught.value.findings} == {"twin.aasd-002", "twin.aasd-022"}
    assert caught.value.code in {one.code for one in caught.value.findings}


@pytest.mark.parametrize("document", [
    e.submodel("urn:x", "a" * 100_000 + "-", []), [], None, 3, "x", {"modelType": []}, {"id": {}},
])
def test_nothing_is_too_strange_to_be_judged(document):
    assert findings("Submodel", document) and findings("SubmodelElement", document)


def test_what_lies_too_deep_is_refused():
    inner = e.collection("Cc", [])
    for _ in range(shapes.DEPTH_MAX - 2):
        inner = e.collection("Cc", [inner])
    assert findings("Submodel", e.submodel("urn:x", "Sm", [inner])) == []
    for _ in range(500):
        inner = e.collection("Cc", [inner])
    assert [one.code for one in findings("Submodel", e.submodel("urn:x", "Sm", [inner]))] == ["twin.too-deep"]


# ---- what registries know -----------------------------------------------------------------------------

ENDPOINT = {"interface": "SUBMODEL-3.0", "protocolInformation": {"href": "https://example.com"}}
DESCRIBED = {"id": "urn:x:s", "idShort": "Sm", "semanticId": e.external("urn:x"), "endpoints": [ENDPOINT]}


def test_descriptors_are_judged_as_what_they_describe():
    shell = {"id": "urn:x:a", "globalAssetId": "urn:x", "submodelDescriptors": [DESCRIBED], "endpoints": [ENDPOINT]}
    assert findings("AssetAdministrationShellDescriptor", shell) == [] == findings("SubmodelDescriptor", DESCRIBED)
    assert findings("AssetAdministrationShellDescriptor", {"id": "urn:x:a"}) == []
    bad = {**shell, "submodelDescriptors": [{**DESCRIBED, "idShort": "9"}], "specificAssetIds": [
        {"name": "globalAssetId", "value": "urn:y"}]}
    found = findings("AssetAdministrationShellDescriptor", bad)
    assert {one.code for one in found} == {"twin.aasd-002", "twin.aasd-116"}
    assert {"submodelDescriptors[0].idShort", ""} == {one.path for one in found}
    assert [one.code for one in findings("SubmodelDescriptor", {"id": "urn:x"})] == ["twin.shape-required"]


def test_arguments_of_an_operation_are_judged_as_elements():
    good = {"inputArguments": [{"value": e.prop("In", 1)}], "clientTimeoutDuration": "PT30S"}
    assert findings("OperationRequest", good) == []
    good["inputArguments"][0]["value"]["value"] = "x"
    assert [one.path for one in findings("OperationRequest", good)] == ["inputArguments[0].value.value"]
