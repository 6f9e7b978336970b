"""Level, content and extent for every kind of element, by the tables and examples of the standard.

IDTA-01002 v3.1.2 §11.4 with its annex, IDTA-01001 v3.1.2 §6 (formats "Value", "Metadata", "Path").
"""

import pytest

from tests.twin.samples import EVERY_KIND, REFERENCE
from weft.basis.errors import Invalid
from weft.twin import elements as e
from weft.twin import paths, values

# Table "Metadata Attributes": what is not available in the metadata representation.
METADATA = {
    "SubmodelElementCollection": {"value"}, "SubmodelElementList": {"value"}, "BasicEventElement": {"observed"},
    "Entity": {"statements", "globalAssetId", "specificAssetIds"}, "Property": {"value", "valueId"},
    "MultiLanguageProperty": {"value", "valueId"}, "Range": {"min", "max"}, "ReferenceElement": {"value"},
    "RelationshipElement": {"first", "second"}, "AnnotatedRelationshipElement": {"first", "second", "annotations"},
    "Blob": {"value", "contentType"}, "File": {"value", "contentType"},
}
# Table "Applicability of SerializationModifiers": where Content may be Path; the official engine agrees.
WITH_PATHS = {"SubmodelElementCollection", "SubmodelElementList", "Entity"}
WITHOUT_VALUE = {"Capability", "Operation"}
WHOLE = {**EVERY_KIND, "submodelElements": [
    *({**one, "valueId": REFERENCE} if "Property" in one["modelType"] else one
      for one in EVERY_KIND["submodelElements"]),
    e.collection("Co", [e.collection("Inner", [e.prop("Pp", 1)]), e.texts("Ls", ["a"]), e.prop("Pp", 2),
                        e.entity("En", "urn:a", [e.prop("Pp", 3)]), e.blob("Bb", b"a", "text/plain")])]}
EACH = {one["modelType"]: one for one in WHOLE["submodelElements"]}


def test_there_is_one_of_every_kind():
    assert set(METADATA) | WITHOUT_VALUE == set(EACH)


@pytest.mark.parametrize("kind", METADATA)
def test_metadata_lacks_exactly_what_the_table_says(kind):
    element = EACH[kind] | ({"specificAssetIds": [{"name": "n", "value": "v"}]} if kind == "Entity" else {})
    told = values.metadata(element)
    assert METADATA[kind] <= set(element) and set(element) - set(told) == METADATA[kind]
    assert told == {key: element[key] for key in told}


@pytest.mark.parametrize("kind", EACH)
def test_each_content_is_there_for_the_kinds_of_the_table(kind):
    element, name = EACH[kind], EACH[kind]["idShort"]
    assert values.reference_to("urn:x", WHOLE, name)["keys"] == [
        {"type": "Submodel", "value": "urn:x"}, {"type": kind, "value": name}]
    for tell, has in ((lambda: values.value_of(element), kind not in WITHOUT_VALUE),
                      (lambda: values.metadata(element), kind not in WITHOUT_VALUE),
                      (lambda: values.paths(element, name), kind in WITH_PATHS)):
        if has:
            assert tell() is not None
        else:
            with pytest.raises(Invalid):
                tell()


def test_core_shows_one_level_and_deep_all():
    assert values.value_of(EACH["SubmodelElementCollection"], deep=False) == {
        "Inner": {}, "Ls": [], "Pp": 2, "En": {}, "Bb": {"contentType": "text/plain", "value": "YQ=="}}
    shallow = values.shaped(EACH["SubmodelElementCollection"], deep=False)
    assert [set(one) & {"value", "statements"} for one in shallow["value"]] == [set(), set(), {"value"}, set(), set()]
    told = values.value_of(WHOLE, deep=False)
    assert told["Co"] == {} and told["Ls"] == [] and told["En"] == {} and told["Pp"] == 1
    assert told["Ar"] == {"first": REFERENCE, "second": REFERENCE} and "Op" not in told and "Ca" not in told
    assert values.paths(EACH["SubmodelElementCollection"], "Co", deep=False) == [
        "Co", "Co.Inner", "Co.Ls", "Co.Pp", "Co.En", "Co.Bb"]
    assert values.paths(EACH["SubmodelElementCollection"], "Co")[1:4] == ["Co.Inner", "Co.Inner.Pp", "Co.Ls"]


def test_blobs_are_left_out_unless_asked_for():
    assert values.value_of(values.shaped(EACH["Blob"])) == {"contentType": "text/plain"}
    assert values.value_of(values.shaped(EACH["Blob"], blobs=True)) == {"contentType": "text/plain", "value": "YQ=="}
    assert "value" not in values.shaped(WHOLE)["submodelElements"][4]


SPEED = e.prop("MaxRotationSpeed", "5000", "0173-1#02-BAA120#008", type_="xs:int")
ROTATION = e.collection("RotationSpeed", [SPEED], "http://purl.org/iot/vocab/iot-taxonomy-lite#RotationalSpeed")
TECHNICAL = e.submodel("http://i40.customer.com/type/1/1/7A7104BDAB57E184", "TechnicalData", [ROTATION],
                       "0173-1#01-AFZ615#016")


def test_the_examples_of_the_annex_come_out_as_printed():
    without = {key: value for key, value in TECHNICAL.items() if key != "submodelElements"}
    bare = {key: value for key, value in ROTATION.items() if key != "value"}
    assert values.shaped(TECHNICAL) == TECHNICAL
    assert values.shaped(TECHNICAL, deep=False) == {**without, "submodelElements": [bare]}
    assert (values.metadata(TECHNICAL), values.metadata(ROTATION)) == (without, bare)
    assert values.metadata(SPEED) == {key: value for key, value in SPEED.items() if key != "value"}
    assert values.value_json(TECHNICAL) == b'{"RotationSpeed":{"MaxRotationSpeed":5000}}'
    assert values.value_json(TECHNICAL, deep=False) == b'{"RotationSpeed":{}}'
    assert values.value_json(ROTATION) == values.value_json(ROTATION, deep=False) == b'{"MaxRotationSpeed":5000}'
    assert values.value_json(SPEED) == b"5000"
    path = "RotationSpeed.MaxRotationSpeed"
    assert [one["type"] for one in values.reference_to(TECHNICAL["id"], TECHNICAL, path)["keys"]] == [
        "Submodel", "SubmodelElementCollection", "Property"]
    assert values.paths(TECHNICAL) == values.paths(ROTATION, "RotationSpeed") == ["RotationSpeed", path]
    assert values.paths(TECHNICAL, deep=False) == ["RotationSpeed"]


def test_a_list_is_patched_by_at_most_as_many_as_it_has():
    """A list with five elements can be patched with fewer, not with more; the others stay."""
    five = e.texts("Ls", list("abcde"))
    assert values.value_of(values.with_value(five, ["x", "y"])) == ["x", "y", "c", "d", "e"]
    with pytest.raises(Invalid):
        values.with_value(five, list("abcdef"))


def test_paths_are_those_of_the_standard_s_example():
    inner = [e.listing("", [e.collection("", [e.prop("MySubTestValue3", "a")])]) for _ in range(2)]
    outer = e.collection("MySubmodelElementCollection", [
        e.prop("MySubProperty1", 1), e.texts("MySubSubmodelElementList1", ["a", "b"]),
        e.listing("MySubSubmodelElementList2", inner, of="SubmodelElementList")])
    at = "MySubmodelElementCollection"
    assert values.paths(outer, at) == [at, f"{at}.MySubProperty1", *(
        f"{at}.MySubSubmodelElementList{rest}" for rest in (
            "1", "1[0]", "1[1]", "2", "2[0]", "2[0][0]", "2[0][0].MySubTestValue3",
            "2[1]", "2[1][0]", "2[1][0].MySubTestValue3"))]
    root = e.submodel("urn:x", "Sm", [outer])
    assert all(paths.resolve(root, path) for path in values.paths(outer, at))
