"""Queries as JSON: what the schema of IDTA-01002 v3.1 takes, what it refuses, and where the refusal points."""

import pytest

from weft.basis.errors import Invalid
from weft.twin.query import parse, parse_condition
from weft.twin.query.names import field
from weft.twin.query.reading import DEPTH_MAX, NODES_MAX
from weft.twin.query.tree import And, Attribute, Boolean, Compare, Constant, Match, Or, written

ID = {"$field": "$sm#id"}
TEXT = {"$strVal": "x"}


@pytest.mark.parametrize(("text", "root", "path", "attribute"), [
    ("$aas#id", "aas", "", "id"),
    ("$aas#assetInformation.specificAssetIds[2].externalSubjectId", "aas", "",
     "assetInformation.specificAssetIds[2].externalSubjectId.keys[0].value"),
    ("$aas#submodels", "aas", "", "submodels[].keys[0].value"),
    ("$aas#submodels[].keys[].type", "aas", "", "submodels[].keys[].type"),
    ("$sm#semanticId", "sm", "", "semanticId.keys[0].value"),
    ("$sm#semanticId.type", "sm", "", "semanticId.type"),
    ("$sm#supplementalSemanticIds", "sm", "", "supplementalSemanticIds[].keys[0].value"),
    ("$sme#value", "sme", "", "value"),
    ("$sme.Documents[].Version[0][].Title#language", "sme", "Documents[].Version[0][].Title", "language"),
    ("$cd#idShort", "cd", "", "idShort"),
    ("$aasdesc#submodelDescriptors[].endpoints[0].protocolinformation.href", "aasdesc", "",
     "submodelDescriptors[].endpoints[0].protocolInformation.href"),
    ("$smdesc#endpoints[].interface", "smdesc", "", "endpoints[].interface"),
])
def test_every_field_of_the_specification_is_known(text, root, path, attribute):
    found = field(text)
    assert (found.root, written(found.path), written(found.attribute)) == (root, path, attribute)


@pytest.mark.parametrize("text", [
    "$aas#", "$aas", "id", "$aas#assetInformation", "$aas.idShort#id", "$sm#value", "$sm#kind", "$cd#semanticId",
    "$sme.#value", "$sme.a..b#value", "$sme.1a#value", "$sme.a[-1]#value", "$sme#statements", "$sme#semanticId.keys",
    "$sme.a[99999999999]#value", "$smdesc#assetKind", "$aas#id[0]", "$sm#semanticId[0]", "$x#id", "$aas#submodels[]x",
])
def test_what_is_no_field_is_refused_with_its_place(text):
    with pytest.raises(Invalid) as refused:
        parse({"$condition": {"$eq": [{"$field": text}, TEXT]}})
    assert (refused.value.code, refused.value.facts["at"]) == ("query.field", "/$condition/$eq/0/$field")


@pytest.mark.parametrize(("document", "code", "at"), [
    ([], "query.object", "/"),
    ({}, "query.object", "/"),
    ({"$condition": {"$boolean": True}, "$order": 1}, "query.operator", "/$order"),
    ({"$condition": {"$boolean": True}, "$select": "idShort"}, "query.value", "/$select"),
    ({"$condition": {"$boolean": 1}}, "query.value", "/$condition/$boolean"),
    ({"$condition": {"$and": [{"$boolean": True}]}}, "query.list", "/$condition/$and"),
    ({"$condition": {"$or": []}}, "query.list", "/$condition/$or"),
    ({"$condition": {"$and": [{"$boolean": True}, {"$xor": []}]}}, "query.operator", "/$condition/$and/1/$xor"),
    ({"$condition": {"$eq": [ID, TEXT], "$ne": [ID, TEXT]}}, "query.object", "/$condition"),
    ({"$condition": {"$eq": [ID]}}, "query.list", "/$condition/$eq"),
    ({"$condition": {"$eq": [ID, {"$strVal": 5}]}}, "query.value", "/$condition/$eq/1/$strVal"),
    ({"$condition": {"$eq": [ID, {"$strVal": "$sm#id"}]}}, "query.value", "/$condition/$eq/1/$strVal"),
    ({"$condition": {"$eq": [ID, {"$strVal": "\ud800"}]}}, "query.value", "/$condition/$eq/1/$strVal"),
    ({"$condition": {"$eq": [ID, {"$numVal": True}]}}, "query.value", "/$condition/$eq/1/$numVal"),
    ({"$condition": {"$eq": [ID, {"$numVal": float("nan")}]}}, "query.value", "/$condition/$eq/1/$numVal"),
    ({"$condition": {"$eq": [ID, {"$numVal": 10**400}]}}, "query.value", "/$condition/$eq/1/$numVal"),
    ({"$condition": {"$eq": [ID, {"$hexVal": "0A"}]}}, "query.value", "/$condition/$eq/1/$hexVal"),
    ({"$condition": {"$eq": [ID, {"$timeVal": "25:00"}]}}, "query.value", "/$condition/$eq/1/$timeVal"),
    ({"$condition": {"$eq": [ID, {"$dateTimeVal": "2026-02-30T00:00:00Z"}]}}, "query.value",
     "/$condition/$eq/1/$dateTimeVal"),
    ({"$condition": {"$contains": [ID, {"$numVal": 5}]}}, "query.operator", "/$condition/$contains/1/$numVal"),
    ({"$condition": {"$eq": [ID, {"$attribute": {"CLAIM": "x"}}]}}, "query.operator",
     "/$condition/$eq/1/$attribute"),
    ({"$condition": {"$regex": [ID, {"$strVal": "(a"}]}}, "query.regex", "/$condition/$regex/1"),
    ({"$condition": {"$match": [{"$and": []}]}}, "query.operator", "/$condition/$match/0/$and"),
    ({"$condition": {"$match": [{"$eq": [{"$field": "$sme.A[].B#value"}, TEXT]},
                                {"$eq": [{"$field": "$sme.C[].B#value"}, TEXT]}]}}, "query.match",
     "/$condition/$match/1/$eq/0"),
    ({"$condition": {"$match": [{"$eq": [{"$field": "$aas#submodels[].type"}, TEXT]},
                                {"$match": [{"$eq": [TEXT, {"$field": "$aas#assetInformation.specificAssetIds[].name"}
                                                     ]}]}]}}, "query.match", "/$condition/$match/1/$match/0/$eq/1"),
])
def test_every_mistake_is_refused_with_the_pointer_of_its_place(document, code, at):
    with pytest.raises(Invalid) as refused:
        parse(document)
    assert (refused.value.code, refused.value.facts["at"]) == (code, at)


@pytest.mark.parametrize("time", ["08:15", "08:15:30", "08:15:30.250"])
def test_a_time_has_three_forms(time):
    condition = parse({"$condition": {"$ge": [{"$timeCast": ID}, {"$timeVal": time}]}}).condition
    assert isinstance(condition, Compare)
    assert isinstance(condition.right, Constant)
    assert condition.right.value // 60_000_000 == 8 * 60 + 15


def test_parts_of_a_date_take_a_literal_or_any_value():
    for of in ("2026-01-31T00:00:00Z", {"$field": "$sme.Due#value"}, {"$dateTimeVal": "2026-01-31T00:00:00Z"}):
        assert parse({"$condition": {"$eq": [{"$dayOfWeek": of}, {"$numVal": 6}]}})


def test_select_id_is_known():
    assert parse({"$select": "id", "$condition": {"$boolean": True}}).select_id
    assert not parse({"$condition": {"$boolean": True}}).select_id


def test_depth_and_size_are_bounded():
    deep = {"$boolean": True}
    for _ in range(DEPTH_MAX + 1):
        deep = {"$not": deep}
    for condition in (deep, {"$or": [{"$boolean": True}] * NODES_MAX}):
        with pytest.raises(Invalid, match=r"query\.size"):
            parse({"$condition": condition})
    assert parse({"$condition": deep["$not"]["$not"]})
    assert parse({"$condition": {"$or": [{"$boolean": True}] * (NODES_MAX - 1)}})


def test_attributes_stand_in_access_rules_only():
    document = {"$eq": [{"$attribute": {"CLAIM": "email"}}, TEXT]}
    found = parse_condition(document, attributes=True)
    assert isinstance(found, Compare)
    assert found.left == Attribute("CLAIM", "email")
    with pytest.raises(Invalid, match=r"query\.operator"):
        parse_condition(document)


def test_a_text_beside_the_clock_of_the_world_is_a_time():
    found = parse_condition({"$ge": [{"$attribute": {"GLOBAL": "UTCNOW"}}, {"$strVal": "09:00"}]}, attributes=True)
    assert isinstance(found, Compare)
    assert found.right == Constant("time", 9 * 3600 * 1_000_000)


def test_nested_logic_keeps_its_order():
    found = parse({"$condition": {"$or": [{"$and": [{"$boolean": True}, {"$boolean": False}]}, {"$match": [
        {"$boolean": True}]}]}}).condition
    assert found == Or((And((Boolean(value=True), Boolean(value=False))), Match((Boolean(value=True),))))
