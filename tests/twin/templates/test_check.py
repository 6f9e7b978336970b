"""The check against IDTA templates sees every mandatory element of all of them that is removed or mistyped."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.templates.mutants import cardinality, filled, mandatory, mandatory_ids, unreported
from tests.twin.templates.outlines import OUTLINES
from tests.twin.templates.outlines import template as outline
from tests.twin.templates.published import published, template
from tests.twin.templates.records import ORG, RECORDS
from weft import locale
from weft.basis.errors import Invalid
from weft.twin import templates
from weft.twin.names import shell_id
from weft.twin.templates.check import CODES, claims, deviations
from weft.twin.templates.slots import semantics_of

SHELL = shell_id(ORG, "item", "BV-15")


@pytest.fixture(params=sorted(RECORDS))
def asked(request):
    """(our submodel's idShort, the published template)."""
    found = template(request.param)
    if found is None:
        pytest.skip(f"TEMPLATE OF {request.param} NOT FOUND: set WEFT_TEMPLATES to a folder with IDTA's files")
    return request.param, found


def built(id_short):
    return templates.build(SHELL, [RECORDS[id_short]], id_short)


def by_meaning(found):
    wanted = mandatory_ids(found["submodels"][0])
    return lambda element, parent: semantics_of(element)[0] in wanted


def test_what_we_build_is_what_the_template_asks_for(asked):
    id_short, found = asked
    assert deviations(found, built(id_short)) == []
    assert claims(found, built(id_short))


def test_a_template_with_everything_filled_in_follows_itself(asked):
    _, found = asked
    assert deviations(found, filled(found["submodels"][0])) == []


def test_each_mandatory_element_of_the_template_is_missed_when_it_is_bent(asked):
    _, found = asked
    count, missed = unreported(found, _shorter(filled(found["submodels"][0])), mandatory)
    assert count >= 8 and missed == []


def _shorter(full):
    """Of the seventeen further parties that a purchase order may name, and the six protocols of AID, all alike, one."""
    if full["idShort"] == "AssetInterfacesDescription":
        full["submodelElements"] = [one for one in full["submodelElements"] if one["idShort"].endswith("OPCUA")]
    for one in full["submodelElements"]:
        if one["idShort"] == "InvolvedParties":
            one["value"] = [each for each in one["value"] if each["idShort"] in ("PartyBuyer", "PartySeller")]
    return full


@pytest.mark.parametrize("id_short", sorted(OUTLINES))
def test_an_outline_asks_for_what_the_published_template_makes_mandatory(id_short):
    found = published(id_short)
    if found is None:
        pytest.skip(f"TEMPLATE OF {id_short} NOT PUBLISHED HERE: set WEFT_TEMPLATES to a folder with IDTA's files")
    asked = outline(id_short)["submodels"][0]
    assert semantics_of(asked) == semantics_of(found["submodels"][0])[:1]
    assert deviations(found, filled(asked)) == []
    assert deviations(outline(id_short), filled(found["submodels"][0])) == []


@pytest.mark.release
def test_each_mandatory_element_is_missed_by_every_bend_of_it(asked):
    _, found = asked
    assert unreported(found, filled(found["submodels"][0]), mandatory)[1] == []


def test_each_mandatory_element_of_what_we_build_is_missed_when_it_is_bent(asked):
    id_short, found = asked
    count, missed = unreported(found, built(id_short), by_meaning(found))
    assert count >= 4 and missed == []


def test_a_check_that_asks_for_less_misses_what_was_bent(asked):
    """The control: without cardinalities, types and meanings nothing of it is told."""
    id_short, found = asked
    weak = copy.deepcopy(found)
    _weaken(weak["submodels"][0])
    count, missed = unreported(weak, built(id_short), by_meaning(found))
    removed = [one for one in missed if one[0] == "removed"]
    assert removed and len(missed) > count / 3


def _weaken(element):
    element.pop("valueType", None)
    if element["modelType"] != "Submodel":
        element.pop("semanticId", None)
        element["qualifiers"] = [{"type": "SMT/Cardinality", "valueType": "xs:string", "value": "ZeroToMany"}]
    for key in ("submodelElements", "value", "statements", "inputVariables", "outputVariables"):
        for one in element.get(key, ()) if isinstance(element.get(key), list) else ():
            inner = one.get("value", one) if key.endswith("Variables") else one
            if isinstance(inner, dict) and "modelType" in inner:
                _weaken(inner)


# ---- single rules, on small templates of our own -----------------------------------------------------


def small(*elements, **more):
    return {"submodels": [{"modelType": "Submodel", "kind": "Template", "id": "urn:t", "idShort": "T", **more,
                           "semanticId": ref("urn:example:t/1/0"), "submodelElements": list(elements)}]}


def ref(*values):
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": one} for one in values]}


def prop(id_short, semantic="", *, value_type="xs:string", value="", **qualifiers):
    made = {"modelType": "Property", "idShort": id_short, "valueType": value_type}
    if semantic:
        made["semanticId"] = ref(semantic)
    if value:
        made["value"] = value
    if qualifiers:
        made["qualifiers"] = [{"type": kind.replace("_", "/"), "valueType": "xs:string", "value": told}
                              for kind, told in qualifiers.items()]
    return made


def instance(*elements, **more):
    return {"modelType": "Submodel", "id": "urn:s", "idShort": "T", "semanticId": ref("urn:example:t/1/0"),
            "submodelElements": list(elements), **more}


def codes(found, *elements, **more):
    return [(one.path, one.code) for one in deviations(found, instance(*elements, **more))]


A = "urn:example:a/1/0"


@pytest.mark.parametrize("spelling", ["Cardinality", "SMT_Cardinality", "SMT_SMT_Cardinality", "Multiplicity"])
@pytest.mark.parametrize("word", ["One", "one", "OneToMany"])
def test_old_and_new_spellings_of_a_cardinality_are_read(spelling, word):
    assert codes(small(prop("A", A, **{spelling: word}))) == [("A", "missing")]
    assert codes(small(prop("A", A, **{spelling: "ZerotoOne"}))) == []


def test_what_the_template_does_not_name_is_allowed():
    assert codes(small(prop("A", A)), prop("A", A, value="1"), prop("B", "urn:b", value="2")) == []


def test_one_too_many_is_told():
    found = small(prop("A", A, SMT_Cardinality="ZeroToOne"))
    assert codes(found, prop("A", A, value="1"), prop("A1", A, value="2")) == [("A1", "id-short"), ("A", "too-many")]


@pytest.mark.parametrize("name", ["Process__01__", "Process00", "Process_7"])
def test_a_numbered_name_has_a_number(name):
    found = small(prop("Process__00__", A, SMT_Cardinality="OneToMany"))
    assert codes(found, prop(name, A, value="1")) == []
    assert codes(found, prop("Process", A, value="1")) == [("Process", "id-short")]
    assert codes(small(prop("Process{00}", A)), prop(name, A, value="1")) == []


def test_a_name_that_may_be_edited_is_free():
    found = small(prop("A", A, SMT_Cardinality="One", EditIdShort="True"))
    assert codes(found, prop("Anything", A, value="1")) == []


def test_an_id_of_another_version_is_told_apart_from_another_id():
    found = small(prop("A", "0173-1#02-AAO677#004"))
    assert codes(found, prop("A", "0173-1#02-AAO677#002", value="1")) == [("A", "semantic-version")]
    assert codes(found, prop("A", "0173-1#02-AAO999#004", value="1")) == [("A", "semantic")]
    assert codes(small(prop("A", A)), prop("A", "urn:example:a/2/0", value="1")) == [("A", "semantic-version")]


def test_a_supplemental_id_says_it_too():
    also = {**prop("A", "urn:mine", value="1"), "supplementalSemanticIds": [ref("urn:example:a/1/0 ")]}
    assert codes(small(prop("A", A)), also) == []
    told = {**prop("A", A), "supplementalSemanticIds": [ref("urn:equal")]}
    assert codes(small(told), prop("A", "urn:equal", value="1")) == []


def test_allowed_values_and_bounds_are_asked_for():
    found = small(prop("A", A, SMT_AllowedValue="[a-c]+"))
    assert codes(found, prop("A", A, value="abc")) == []
    assert codes(found, prop("A", A, value="abd")) == [("A", "allowed-value")]
    assert codes(small(prop("A", A, FormChoices="Full;OneUp")), prop("A", A, value="Up")) == [("A", "allowed-value")]
    bound = small(prop("A", A, value_type="xs:int", SMT_AllowedRange="[0,10)"))
    assert codes(bound, prop("A", A, value_type="xs:int", value="9")) == []
    assert codes(bound, prop("A", A, value_type="xs:int", value="10")) == [("A", "range")]


def test_examples_and_defaults_ask_for_nothing():
    found = small(prop("A", A, SMT_ExampleValue="x", SMT_DefaultValue="y", SMT_InitialValue="z"))
    assert codes(found, prop("A", A, value="anything")) == []


def test_languages_that_are_asked_for_must_be_there():
    asked = {"modelType": "MultiLanguageProperty", "idShort": "A", "semanticId": ref(A), "qualifiers": [
        {"type": "SMT/RequiredLang", "valueType": "xs:string", "value": "de"}]}
    told = {"modelType": "MultiLanguageProperty", "idShort": "A", "semanticId": ref(A)}
    assert codes(small(asked), {**told, "value": [{"language": "de-AT", "text": "Ja"}]}) == []
    assert codes(small(asked), {**told, "value": [{"language": "en", "text": "Yes"}]}) == [("A", "languages")]


def test_of_elements_that_exclude_each_other_one_is_enough_and_two_are_too_many():
    found = small(prop("A", A, SMT_EitherOr="g"), prop("B", "urn:b", SMT_EitherOr="g"))
    assert codes(found, prop("B", "urn:b", value="1")) == []
    assert ("B", "either-or") in codes(found, prop("A", A, value="1"), prop("B", "urn:b", value="1"))


@pytest.mark.parametrize(("kind", "good", "bad"), [
    ("xs:date", "2026-11-25", "25.11.2026"), ("xs:dateTime", "2026-11-25T08:15:30.250Z", "2026-11-25"),
    ("xs:duration", "PT60.5S", "60"), ("xs:duration", "P1DT2H", "P"), ("xs:double", "1e3", "1,5"),
    ("xs:decimal", "0.000", "1e3"), ("xs:boolean", "true", "yes"), ("xs:unsignedLong", "7", "-7"),
])
def test_a_value_has_the_form_of_its_type(kind, good, bad):
    found = small(prop("A", A, value_type=kind))
    assert codes(found, prop("A", A, value_type=kind, value=good)) == []
    assert codes(found, prop("A", A, value_type=kind, value=bad)) == [("A", "value-form")]


def test_a_list_is_of_what_the_template_says():
    entry = {"modelType": "Property", "valueType": "xs:string", "semanticId": ref(A)}
    listed = {"modelType": "SubmodelElementList", "idShort": "L", "semanticId": ref("urn:l"),
              "typeValueListElement": "Property", "valueTypeListElement": "xs:string", "value": [entry]}
    assert codes(small(listed), {**listed, "value": [{**entry, "value": "1"}] * 3}) == []
    assert codes(small(listed), {**listed, "value": []}) == [("L[0]", "missing")]
    file = {"modelType": "File", "contentType": "a/b", "value": "x", "semanticId": ref(A)}
    other = {**listed, "typeValueListElement": "File", "value": [file]}
    assert codes(small(listed), other) == [("L", "list-type"), ("L[0]", "model-type")]
    told = {"modelType": "Property", "valueType": "xs:string", "value": "1"}
    assert codes(small(listed), {**listed, "semanticIdListElement": ref(A), "value": [told]}) == []


def test_another_submodel_and_a_template_are_told():
    found = small(prop("A", A))
    assert codes(found, prop("A", A, value="1"), semanticId=ref("urn:other")) == [("", "semantic")]
    assert codes(found, prop("A", A, value="1"), semanticId=ref("urn:example:t/2/0")) == [("", "semantic-version")]
    assert codes(found, prop("A", A, value="1"), kind="Template") == [("", "kind")]
    assert deviations(found, {"modelType": "Property"})[0].code == "model-type"


@pytest.mark.parametrize("data", [{}, {"submodels": []}, {"submodels": [{}]}, {"submodels": [7]}, {"submodels": 7},
                                  {"submodels": [{"modelType": "Submodel", "submodelElements": [{}]}]}])
def test_what_is_no_template_is_refused(data):
    with pytest.raises(Invalid, match=r"twin\.template"):
        deviations(data, instance())


@pytest.mark.parametrize("inner", [7, [7], [{"modelType": "Property", "semanticId": 3}]])
def test_what_is_no_submodel_is_refused(inner):
    with pytest.raises(Invalid, match=r"twin\.no-submodel"):
        deviations(small(prop("A", A)), {"modelType": "Submodel", "submodelElements": inner})


ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["modelType", "idShort", "value", "keys", "semanticId", "qualifiers", "type", "language"]), inner, max_size=4)))


def nodes(value):
    """(container, key) of everything within ``value``."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from nodes(value[key])


@given(st.data())
def test_whatever_stands_in_a_document_it_is_judged_or_refused(data):
    """Nothing that somebody imports makes the check fail otherwise."""
    inner = {"modelType": "SubmodelElementCollection", "idShort": "C", "value": [prop("B", "urn:b")]}
    found = copy.deepcopy(small(prop("A", A, SMT_Cardinality="One"), {**inner, "semanticId": ref("urn:c")}))
    bent = copy.deepcopy(built("CarbonFootprint") if data.draw(st.booleans()) else instance(prop("A", A, value="1")))
    target = data.draw(st.sampled_from([found, bent]))
    container, key = data.draw(st.sampled_from(list(nodes(target))))
    container[key] = data.draw(ANYTHING)
    try:
        told = deviations(found, bent)
    except Invalid as error:
        assert error.code in ("twin.template", "twin.no-submodel")
    else:
        assert all(one.code in CODES and isinstance(one.path, str) for one in told)


def test_every_deviation_has_a_sentence_in_both_languages():
    for lang in locale.LANGUAGES:
        assert all(locale.known(lang, f"twin.deviation.{code}") for code in CODES)
    assert cardinality(prop("A", SMT_Cardinality="One")) == "One"
