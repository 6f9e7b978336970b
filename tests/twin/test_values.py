"""Other views of elements: values, metadata, paths, references, depth and blobs."""

import pytest

from tests.twin.samples import FULL
from weft.basis.errors import Invalid
from weft.twin import elements as e
from weft.twin import paths, values

REFERENCE = e.model(("Submodel", "urn:x"))
ELEMENTS = [
    (e.prop("P", "a"), "a"), (e.prop("P", 3), 3), (e.prop("P", 2.5), 2.5), (e.prop("P", True), True),
    (e.prop("P", False), False), (e.prop("P", None), None), (e.decimal("P", "0.10"), 0.1), (e.decimal("P", "40"), 40),
    (e.prop("P", float("inf")), "INF"), (e.instant("P", "2026-11-25T08:15:30.250Z"), "2026-11-25T08:15:30.250Z"),
    (e.range_("R", "0", "12.5"), {"min": 0, "max": 12.5}), (e.range_("R", "", "3", "xs:int"), {"max": 3}),
    (e.multi("M", {"zh": "球阀", "en": "valve"}), [{"zh": "球阀"}, {"en": "valve"}]),
    (e.collection("C", [e.prop("P", 1)]), {"P": 1}), (e.collection("C", []), {}),
    (e.listing("L", [e.collection("x", [e.prop("P", 1)])]), [{"P": 1}]), (e.texts("L", ["a", "", "b"]), ["a", "b"]),
    (e.reference("R", REFERENCE), REFERENCE),
    (e.file("F", "/a.pdf", "application/pdf"), {"contentType": "application/pdf", "value": "/a.pdf"}),
    (e.blob("B", b"ab", "text/plain"), {"contentType": "text/plain", "value": "YWI="}),
    (e.entity("E", "urn:a", [e.prop("P", 1)]),
     {"statements": {"P": 1}, "entityType": "SelfManagedEntity", "globalAssetId": "urn:a"}),
    (e.relationship("R", REFERENCE, REFERENCE), {"first": REFERENCE, "second": REFERENCE}),
]


@pytest.mark.parametrize(("element", "value"), ELEMENTS)
def test_each_kind_of_element_has_its_value(element, value):
    told = values.value_of(element)
    assert told == value and type(told) is type(value)


def test_no_list_is_ever_empty_in_the_full_form():
    assert "value" not in e.collection("C", []) and "value" not in e.texts("L", [])


@pytest.mark.parametrize(("kind", "thing"), FULL)
def test_every_path_of_a_twin_leads_to_its_element(kind, thing):
    for name in kind.submodel_names(thing):
        root = kind.submodel(thing, name)
        for path, element in paths.walk(root, ""):
            assert paths.resolve(root, path) is element
            assert values.reference_to(root["id"], root, path)["keys"][-1]["type"] == element["modelType"]
        assert values.paths(root) == [path for path, _ in paths.walk(root, "")]
        assert all("." not in path and "[" not in path for path in values.paths(root, deep=False))


def test_metadata_holds_no_values():
    for element, _ in ELEMENTS:
        assert not {"value", "min", "max", "statements", "first"} & set(values.metadata(element))


def test_only_what_contains_others_has_paths():
    assert values.paths(e.collection("C", [e.prop("P", 1)]), "C") == ["C", "C.P"]
    with pytest.raises(Invalid):
        values.paths(e.prop("P", 1), "P")


def test_depth_and_blobs_are_given_only_when_asked_for():
    inner = e.collection("C", [e.collection("D", [e.prop("P", 1)]), e.blob("B", b"a", "text/plain")])
    assert "value" not in values.shaped(inner)["value"][1]
    assert values.shaped(inner, blobs=True)["value"][1]["value"] == "YQ=="
    assert "value" not in values.shaped(inner, deep=False)["value"][0]
    assert values.value_of(inner, deep=False) == {"D": {}, "B": {"contentType": "text/plain", "value": "YQ=="}}
    assert inner["value"][1]["value"] == "YQ=="


@pytest.mark.parametrize("kind", ["Capability", "Operation"])
def test_what_has_no_value_says_so(kind):
    with pytest.raises(Invalid):
        values.value_of(e.element(kind, "X"))
    with pytest.raises(Invalid):
        values.metadata(e.element(kind, "X"))
    assert values.value_of(e.collection("C", [e.element(kind, "X")])) == {}
    listed = e.listing("L", [e.element(kind, "")] * 2, of=kind)
    assert values.value_of(e.collection("C", [e.prop("P", 1), listed])) == {"P": 1}


EMPTY_ONES = [e.prop("P", None), e.multi("M", {}), e.range_("R", "", ""), e.reference("R", {}) | {"value": None},
              {"modelType": "File", "idShort": "F"}, {"modelType": "RelationshipElement", "idShort": "R"}]


@pytest.mark.parametrize("empty", EMPTY_ONES)
def test_what_has_no_value_now_is_left_out_and_keeps_its_place_in_a_list(empty):
    empty = {key: value for key, value in empty.items() if value is not None}
    assert values.value_of(empty) is None
    assert values.value_of(e.collection("C", [e.prop("A", 1), empty])) == {"A": 1}
    mixed = e.listing("L", [e.prop("", 1), empty, e.prop("", 2)], of="SubmodelElement")
    assert values.value_of(mixed) == [1, None, 2]
