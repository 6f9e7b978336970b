"""Other views of elements, and the way to one."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.metamodel.documents import SEEDS, SUBMODELS, VALUES, Maker
from tests.twin.samples import FULL
from weft.basis.errors import Invalid, NotFound, Refused
from weft.twin import elements as e
from weft.twin import paths, values
from weft.twin.metamodel import findings

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


@pytest.mark.parametrize(("path", "steps"), [("a", ["a"]), ("A.b[0].c", ["A", "b", 0, "c"]), ("a[1][2]", ["a", 1, 2])])
def test_a_path_is_read(path, steps):
    assert paths.steps(path) == steps


@pytest.mark.parametrize("path", ["", ".", "a.", "a..b", "[0]", "a[x]", "a[-1]", "a[", "1a", "a b", "a" * 3000, "a[1]b",
                                  "a[" + "9" * 10 + "]"])
def test_a_wrong_path_is_refused(path):
    with pytest.raises(Invalid):
        paths.steps(path)


@given(st.text(max_size=30))
def test_no_path_does_anything_but_be_refused_or_not_found(path):
    root = e.submodel("urn:x", "S", [e.texts("L", ["a"])])
    with pytest.raises((Invalid, NotFound)):
        paths.resolve(root, path if path != "L" else "")


def test_what_is_not_there_is_not_found():
    root = e.submodel("urn:x", "S", [e.texts("L", ["a"]), e.prop("P", 1)])
    assert paths.resolve(root, "L[0]")["value"] == "a"
    for path in ("X", "L[1]", "P[0]", "P.x", "L.a"):
        with pytest.raises(NotFound):
            paths.resolve(root, path)


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


LONG, WHOLE = "126789672374892739424.543233", "126789675432332938792837429837429837429"
DIGITS = [("xs:decimal", "0.10", "0.10"), ("xs:decimal", LONG, LONG), ("xs:integer", WHOLE, WHOLE),
          ("xs:int", "+7", "7"), ("xs:int", "007", "7"), ("xs:int", "-0", "-0"), ("xs:decimal", ".5", "0.5"),
          ("xs:double", "1.50E+03", "1.50e+03"), ("xs:double", "INF", '"INF"'), ("xs:double", "NaN", '"NaN"'),
          ("xs:boolean", "1", "true"), ("xs:string", "1", '"1"'), ("xs:int", "many", '"many"'),
          ("xs:double", ".", '"."')]


@pytest.mark.parametrize(("kind", "stored", "told"), DIGITS)
def test_every_digit_is_told(kind, stored, told):
    assert values.value_json(e.prop("P", stored, type_=kind)) == told.encode()


def test_numbers_of_the_language_would_lose_digits():
    for text in (LONG, "0.10"):
        told = json.dumps(values.value_of(e.prop("P", text, type_="xs:decimal")))
        assert told != text == values.value_json(e.prop("P", text, type_="xs:decimal")).decode()


@pytest.mark.parametrize(("kind", "sent", "stored"), [
    ("xs:decimal", b"0.10", "0.10"), ("xs:decimal", b"1e3", "1000"), ("xs:decimal", b"1.5E-3", "0.0015"),
    ("xs:int", b"7", "7"), ("xs:int", b"7.0", "7"), ("xs:integer", b"1e3", "1000"),
    ("xs:integer", WHOLE.encode(), WHOLE), ("xs:decimal", LONG.encode(), LONG),
    ("xs:double", b"0.000", "0.000"), ("xs:double", b"-1e5", "-1e5"), ("xs:double", b'"INF"', "INF"),
    ("xs:boolean", b"true", "true"), ("xs:string", b'"1"', "1"), ("xs:decimal", b'"0.10"', "0.10"),
    ("xs:dateTime", b'"2026-11-25T08:00:00+08:00"', "2026-11-25T08:00:00+08:00"),
])
def test_digits_are_kept_as_they_were_sent(kind, sent, stored):
    before = e.prop("P", "9", type_=kind)
    assert values.with_value(before, values.parse_value(sent))["value"] == stored
    assert before["value"] == "9"


@pytest.mark.parametrize(("kind", "sent"), [
    ("xs:int", "7.5"), ("xs:int", "true"), ("xs:string", "7"), ("xs:boolean", "1"), ("xs:decimal", "1e999"),
    ("xs:int", "1e999999999999"), ("xs:dateTime", "2026"), ("xs:int", "{}"), ("xs:string", "[]"),
])
def test_a_value_of_another_type_is_refused_with_its_path(kind, sent):
    root = e.submodel("urn:x", "S", [e.collection("C", [e.listing("L", [e.prop("", "9", type_=kind)], of="Property")])])
    with pytest.raises(Invalid) as caught:
        values.with_value(root, values.parse_value(f'{{"C": {{"L": [{sent}]}}}}'.encode()))
    assert (caught.value.code, caught.value.facts["path"]) == ("twin.value-misfit", "C.L[0]")


@pytest.mark.parametrize("body", [b"", b"NaN", b"{", b"[Infinity]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(Invalid) as caught:
        values.parse_value(body)
    assert caught.value.code == "twin.value-json"


@settings(max_examples=200, deadline=None)
@given(SUBMODELS)
def test_its_own_value_changes_nothing(document):
    """value -> with_value -> the same; and of every element alone."""
    again = values.with_value(document, values.parse_value(values.value_json(document)))
    assert again == document and list(again) == list(document)
    for path, element in paths.walk(document, ""):
        if element["modelType"] not in ("Capability", "Operation"):
            try:
                told = values.value_json(element)
            except Invalid:
                continue    # a list of what has no value
            if told != b"null":
                assert values.with_value(element, values.parse_value(told), path) == element


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_the_value_that_was_set_is_the_value_that_is_told(seed):
    """Two submodels of one structure: the one gets the values of the other."""
    maker = Maker(seed)
    document = maker.submodel()
    other = revalued(document, maker)
    told = values.value_json(other)
    changed = values.with_value(document, values.parse_value(told))
    assert values.value_json(changed) == told
    assert findings("Submodel", changed, "3.1") == []
    assert [path for path, _ in paths.walk(changed, "")] == [path for path, _ in paths.walk(document, "")]


def revalued(value, maker):
    if isinstance(value, list):
        return [revalued(one, maker) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: revalued(one, maker) for key, one in value.items()}
    if made.get("modelType") == "Property" and "value" in made:
        made["value"] = maker.lot.choice(VALUES[made["valueType"]])
    return made


@settings(max_examples=100, deadline=None)
@given(SUBMODELS)
def test_its_own_metadata_and_content_change_nothing(document):
    for path, element in [("", document), *paths.walk(document, "")]:
        if element["modelType"] not in ("Capability", "Operation"):
            told = values.metadata(element)
            assert values.with_metadata(element, told) == element
            assert not set(told) & {"value", "min", "submodelElements", "first", "statements", "observed"}
        assert values.with_content(element, element, path) == element


SOME = e.submodel("urn:x", "Sm", [
    e.prop("Pp", 1), e.range_("Rr", "0", "9"), e.multi("Mm", {"zh": "球阀"}), e.file("Ff", "/a.pdf", "application/pdf"),
    e.blob("Bb", b"a", "text/plain"), e.reference("Re", REFERENCE), e.relationship("Rl", REFERENCE, REFERENCE),
    e.element("AnnotatedRelationshipElement", "Ar", first=REFERENCE, second=REFERENCE, annotations=[e.prop("Pp", 1)]),
    e.entity("En", "urn:a", [e.prop("Pp", 1)]), e.element("Operation", "Op"), e.element("Capability", "Ca"),
    e.element("BasicEventElement", "Ev", observed=REFERENCE, direction="output", state="on"), e.texts("Ls", ["a", "b"]),
])
OTHER = e.model(("Submodel", "urn:y"))
CHANGES = [
    ("Pp", 2, {"value": "2"}), ("Pp", None, {"value": None}), ("Rr", {"min": 1}, {"min": "1", "max": "9"}),
    ("Rr", {"min": None, "max": 8.5}, {"min": None, "max": "8.5"}), ("Mm", [{"en": "v"}, {"zh": "阀"}], {
        "value": [{"language": "en", "text": "v"}, {"language": "zh", "text": "阀"}]}),
    ("Mm", {"en": "v"}, {"value": [{"language": "en", "text": "v"}]}), ("Mm", [], {"value": None}),
    ("Ff", {"contentType": "a/b", "value": "/b"}, {"contentType": "a/b", "value": "/b"}),
    ("Re", OTHER, {"value": OTHER}),
    ("Bb", {"value": "Yg=="}, {"value": "Yg==", "contentType": "text/plain"}), ("Rl", {"second": OTHER}, {
        "first": REFERENCE, "second": OTHER}), ("Ev", {"observed": OTHER}, {"observed": OTHER}),
    ("Ar", {"annotations": {"Pp": 3}}, {"annotations": [e.prop("Pp", 3)]}),
    ("Ar", {"annotations": [{"Pp": 3}]}, {"annotations": [e.prop("Pp", 3)]}),
    ("En", {"statements": {"Pp": 3}, "globalAssetId": "urn:b"}, {"statements": [e.prop("Pp", 3)],
                                                               "globalAssetId": "urn:b"}),
    ("En", {"globalAssetId": None, "specificAssetIds": [{"n": "v"}]}, {
        "globalAssetId": None, "specificAssetIds": [{"name": "n", "value": "v"}]}), ("Ls", ["c"], {
            "value": [{**one, "value": text} for one, text in zip(SOME["submodelElements"][-1]["value"], "cb",
                                                                  strict=True)]}),
]


@pytest.mark.parametrize(("name", "value", "fields"), CHANGES)
def test_each_kind_of_element_takes_its_value(name, value, fields):
    before = paths.resolve(SOME, name)
    after = paths.resolve(values.with_value(SOME, {name: value}), name)
    assert after == values.with_value(before, value)
    assert after == {key: one for key, one in {**before, **fields}.items() if one is not None}


@pytest.mark.parametrize(("value", "code", "path"), [
    ({"Nope": 1}, "twin.value-unknown", "Nope"), ({"En": {"statements": {"Zz": 1}}}, "twin.value-unknown", "En.Zz"),
    ({"Ls": ["a", "b", "c"]}, "twin.value-more", "Ls"), ({"Ls": {}}, "twin.value-misfit", "Ls"),
    ({"Rr": {"from": 1}}, "twin.value-unknown", "Rr.from"), ({"Rr": {"min": {}}}, "twin.value-misfit", "Rr.min"),
    ({"Mm": [{"zh": 1}]}, "twin.value-misfit", "Mm"), ({"Ff": {"value": 1}}, "twin.value-misfit", "Ff.value"),
    ({"Re": {"keys": []}}, "twin.value-misfit", "Re"), ({"Rl": {"first": {}}}, "twin.value-misfit", "Rl.first"),
    ({"En": {"entityType": 1}}, "twin.value-misfit", "En.entityType"), ({"Ev": {}}, "twin.value-misfit", "Ev"),
    ({"En": {"specificAssetIds": [{"name": "a"}, 3]}}, "twin.value-misfit", "En.specificAssetIds"),
    ({"Ev": {"observed": 1}}, "twin.value-misfit", "Ev.observed"), ([], "twin.value-misfit", "·"),
    ({"Op": {}}, "twin.no-value", None), ({"Ca": None}, "twin.no-value", None),
    ({"En": None}, "twin.value-misfit", "En"),
    ({"Ar": {"annotations": 3}}, "twin.value-misfit", "Ar.annotations"), ({"Bb": 3}, "twin.value-misfit", "Bb"),
])
def test_what_cannot_be_set_is_refused_by_its_path(value, code, path):
    with pytest.raises(Invalid) as caught:
        values.with_value(SOME, value)
    assert (caught.value.code, caught.value.facts.get("path")) == (code, path)


def test_metadata_is_merged_and_holds_neither_values_nor_addresses():
    before = e.prop("Pp", 1, "Speed", title={"en": "a"})
    after = values.with_metadata(before, {"category": "VARIABLE", "displayName": None})
    assert after == {**{key: one for key, one in before.items() if key != "displayName"}, "category": "VARIABLE"}
    for wrong, code in (({"value": "2"}, "twin.metadata-value"), ({"idShort": "Q"}, "twin.address-fixed"), (
            {"modelType": "Range"}, "twin.address-fixed"), (3, "twin.value-misfit")):
        with pytest.raises(Invalid) as caught:
            values.with_metadata(before, wrong)
        assert caught.value.code == code
    assert values.with_metadata(SOME, {"idShort": "New"})["idShort"] == "New"
    with pytest.raises(Invalid):
        values.with_metadata(SOME, {"id": "urn:z"})


def test_content_is_replaced_where_it_stands_and_nowhere_else():
    given = {"modelType": "Submodel", "submodelElements": [{**e.prop("Pp", 5), "category": "VARIABLE"}]}
    after = values.with_content(SOME, given)
    assert paths.resolve(after, "Pp") == {**e.prop("Pp", 5), "category": "VARIABLE"}
    assert after["submodelElements"][1:] == SOME["submodelElements"][1:]
    for wrong, code in (([e.prop("Zz", 1)], "twin.value-unknown"), ([e.range_("Pp", "1", "2")], "twin.value-misfit"), (
            [3], "twin.value-unknown"), (3, "twin.value-misfit"), ([e.texts("Ls", "abc")], "twin.value-more")):
        with pytest.raises(Invalid) as caught:
            values.with_content(SOME, {"submodelElements": wrong})
        assert caught.value.code == code, wrong


# ---- copies with a change -----------------------------------------------------------------------------

def test_an_element_is_placed_added_and_removed_without_touching_the_rest():
    new = e.prop("Pp", 9)
    assert paths.resolve(paths.placed(SOME, "En.Pp", new), "En.Pp") == new
    grown, path = paths.added(SOME, "En", e.prop("Qq", 1))
    assert path == "En.Qq" and [one["idShort"] for one in paths.resolve(grown, "En")["statements"]] == ["Pp", "Qq"]
    grown, path = paths.added(SOME, "Ls", e.prop("", "c"), place=1)
    assert path == "Ls[1]" and values.value_of(paths.resolve(grown, "Ls")) == ["a", "c", "b"]
    assert "statements" not in paths.resolve(paths.removed(SOME, "En.Pp"), "En")
    assert values.value_of(paths.resolve(paths.removed(SOME, "Ls[0]"), "Ls")) == ["b"]
    assert paths.added(e.submodel("urn:x", "Sm", []), "", new)[0]["submodelElements"] == [new]
    for refused in (lambda: paths.added(SOME, "", new), lambda: paths.added(SOME, "Pp", new),
                    lambda: paths.placed(SOME, "Zz", new), lambda: paths.removed(SOME, "Ls[7]")):
        with pytest.raises((Invalid, Refused, NotFound)):
            refused()


def test_an_idshort_may_hold_a_hyphen_and_an_index_no_leading_zero():
    assert paths.steps("A-b[0].C-1") == ["A-b", 0, "C-1"]
    for wrong in ("A[01]", "-A", "A[1", "A[-1]"):
        with pytest.raises(Invalid):
            paths.steps(wrong)


def test_an_element_of_a_list_is_named_by_its_place_alone():
    root = e.submodel("urn:x", "Sm", [{**e.texts("Ls", ["a"]), "value": [e.prop("Named", "a")]}])
    assert [path for path, _ in paths.walk(root, "")] == ["Ls", "Ls[0]"]
    with pytest.raises(NotFound):
        paths.resolve(root, "Ls.Named")
