"""What a PATCH makes of an element: other values, other metadata, other content."""

import copy

import pytest
from hypothesis import given, settings

from tests.twin.metamodel.documents import NAMES, SEEDS, SUBMODELS, VALUES, Maker
from tests.twin.samples import EVERY_KIND, REFERENCE
from weft.basis.errors import Invalid
from weft.twin import elements as e
from weft.twin import paths, values
from weft.twin.metamodel import canonical, findings, findings_of_element


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
            "value": [{**one, "value": text} for one, text in zip(EVERY_KIND["submodelElements"][-1]["value"], "cb",
                                                                  strict=True)]}),
]


@pytest.mark.parametrize(("name", "value", "fields"), CHANGES)
def test_each_kind_of_element_takes_its_value(name, value, fields):
    before = paths.resolve(EVERY_KIND, name)
    after = paths.resolve(values.with_value(EVERY_KIND, {name: value}), name)
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
        values.with_value(EVERY_KIND, value)
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
    assert values.with_metadata(EVERY_KIND, {"idShort": "New"})["idShort"] == "New"
    with pytest.raises(Invalid):
        values.with_metadata(EVERY_KIND, {"id": "urn:z"})


def test_content_is_replaced_where_it_stands_and_nowhere_else():
    given = {"modelType": "Submodel", "submodelElements": [{**e.prop("Pp", 5), "category": "VARIABLE"}]}
    after = values.with_content(EVERY_KIND, given)
    assert paths.resolve(after, "Pp") == {**e.prop("Pp", 5), "category": "VARIABLE"}
    assert after["submodelElements"][1:] == EVERY_KIND["submodelElements"][1:]
    for wrong, code in (([e.prop("Zz", 1)], "twin.value-unknown"), ([e.range_("Pp", "1", "2")], "twin.value-misfit"), (
            [3], "twin.value-unknown"), (3, "twin.value-misfit"), ([e.texts("Ls", "abc")], "twin.value-more")):
        with pytest.raises(Invalid) as caught:
            values.with_content(EVERY_KIND, {"submodelElements": wrong})
        assert caught.value.code == code, wrong


# ---- whatever is sent ---------------------------------------------------------------------------------

SENT = [None, True, 0, 1.5, "", "x", [], {}, [1], {"a": 1}, {"keys": []}, [{"zh": "a"}], [{"zh": 1}], {"min": 1},
        {"value": "YQ==", "contentType": "a/b"}, {"statements": {}}, {"Ab": 1}, [[[]]], [None, None], {"first": None},
        {"modelType": "Property"}, {"idShort": 3}, {"semanticId": {"keys": [3]}}, {"submodelElements": [{}]}]


def sent(maker, told):
    """What somebody sends who means well, who errs in one place, or who does not care."""
    return maker.lot.choice([told, maker.bent({"": told}).get(""), copy.deepcopy(maker.lot.choice(SENT)),
                             {maker.lot.choice(NAMES): copy.deepcopy(maker.lot.choice(SENT))}])


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_whatever_is_sent_is_refused_or_can_be_judged(seed):
    maker = Maker(seed)
    document = maker.submodel()
    own_value, own_metadata = values.value_of(document), values.metadata(document)
    for patch, own in ((values.with_value, own_value), (values.with_metadata, own_metadata),
                       (values.with_content, document)):
        try:
            changed = patch(document, sent(maker, own))
        except Invalid:
            continue
        if not findings("Submodel", changed):
            assert canonical("Submodel", changed) and values.value_json(changed)
    for path, element in paths.walk(document, ""):
        try:
            changed = values.with_value(element, sent(maker, {}), path)
        except Invalid:
            continue
        found = findings_of_element(paths.placed(document, path, changed), path)
        assert not found or found[0].where
