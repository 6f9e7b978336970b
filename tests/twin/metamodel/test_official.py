"""What the official test engine (metamodel 3.0.1) says of the same documents; where it differs is named here."""

import pytest
from aas_test_engines import file as engine
from hypothesis import HealthCheck, given, settings

from tests.twin.metamodel.documents import BENT_SUBMODELS, SUBMODELS
from tests.twin.samples import FULL, environment
from weft.twin import elements as e
from weft.twin.metamodel import findings

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
# What engine 1.0.3 does not look for: a language twice, qualifiers and extensions of one name, statements of one name,
# characters that XML lacks in texts of languages, broken base64.
OVERLOOKED = {"twin.languages", "twin.aasd-021", "twin.aasd-022", "twin.aasd-077", "twin.aasd-130", "twin.form-base64"}
CRASHES = {"twin.aasd-117"}     # an argument of an operation without idShort: AttributeError


def judged(document):
    """(what the engine says, our codes): True, False, or None where it crashed."""
    whole = {"submodels": [document]}
    codes = {one.code for one in findings("Environment", whole, "3.0")}
    try:
        return engine.check_json_data(whole).ok(), codes
    except AttributeError:
        return None, codes


@SLOW
@given(SUBMODELS)
def test_the_official_engine_takes_what_is_sound(document):
    assert judged(document) == (True, set())


@SLOW
@given(BENT_SUBMODELS)
def test_the_official_engine_refuses_what_is_not_but_for_what_it_overlooks(document):
    said, codes = judged(document)
    assert said == (not codes) or (said is True and codes <= OVERLOOKED) or (said is None and codes & CRASHES)


OVERSEEN = [
    (e.multi("Mm", {"en": "a"}) | {"value": [{"language": "en", "text": "a"}] * 2}, "twin.languages"),
    (e.prop("Pp", 1) | {"qualifiers": [{"type": "T", "valueType": "xs:int"}] * 2}, "twin.aasd-021"),
    (e.prop("Pp", 1) | {"extensions": [{"name": "T"}] * 2}, "twin.aasd-077"),
    (e.entity("En", "urn:x", [e.prop("Pp", 1)] * 2), "twin.aasd-022"),
    (e.blob("Bb", b"a", "text/plain") | {"value": "?"}, "twin.form-base64"),
]


@pytest.mark.parametrize(("element", "code"), OVERSEEN)
def test_what_the_engine_overlooks_is_still_overlooked(element, code):
    """When a newer engine sees it, this list gets shorter."""
    assert judged(e.submodel("urn:x", "Sm", [element])) == (True, {code})


NEWER = [
    {**e.prop("A-b", 1)}, {"modelType": "File", "idShort": "Fi"}, {"modelType": "Blob", "idShort": "Bl"},
    {"modelType": "Entity", "idShort": "En"}, {"modelType": "RelationshipElement", "idShort": "Re"},
    {**e.prop("Pr", 1), "category": "own"}, {**e.entity("En", "urn:x", []), "entityType": "CoManagedEntity"},
    {**e.texts("Ls", ["a"]), "value": [e.prop("Named", "a")]}, e.file("Fi", "/a", "a/" + "b" * 110),
]


@pytest.mark.parametrize("element", NEWER)
def test_what_is_new_in_3_1_is_refused_by_the_engine_of_3_0_too(element):
    document = e.submodel("urn:x", "Sm", [element])
    said, codes = judged(document)
    assert said is False and codes and findings("Submodel", document) == [] == findings("Submodel", document, "3.1")


def test_our_own_twins_and_a_fault_in_them_are_seen_alike():
    for kind, thing in FULL:
        whole = environment(kind, thing)
        assert engine.check_json_data(whole).ok() and findings("Environment", whole, "3.0") == []
        whole["submodels"][0]["submodelElements"][0]["idShort"] = "9"
        assert not engine.check_json_data(whole).ok() and findings("Environment", whole, "3.0")
