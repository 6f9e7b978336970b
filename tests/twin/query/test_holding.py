"""What a condition says of a document: the tables of IDTA-01002 v3.1 and its conformance corpus, case by case."""

import pytest

from weft.basis.errors import Unavailable
from weft.twin import elements as e
from weft.twin.query import holds, parse, parse_condition
from weft.twin.query.tree import And, Match, Or

SHELL = {
    "modelType": "AssetAdministrationShell", "id": "https://example.com/shell-1",
    "assetInformation": {"assetKind": "Instance", "globalAssetId": "urn:shell-1", "specificAssetIds": [
        {"name": "supplierId", "value": "aas-1", "externalSubjectId": e.external("PUBLIC")},
        {"name": "customerId", "value": "aas-2"}]},
    "submodels": [e.model(("Submodel", "urn:sm-1")), e.model(("Submodel", "urn:sm-2"))],
}


def document(title, language, *classes):
    return e.collection("", [
        e.prop("Title", title),
        e.listing("Classes", [e.collection("", [e.prop("Id", one), e.prop("System", system)])
                              for one, system in classes]),
        e.multi("Text", {language: title}),
    ])


SUBMODEL = {
    **e.submodel("urn:sm-1", "TechnicalData", [
        e.prop("Width", "95.50", "0173-1#02-BAF016#006", type_="xs:decimal"),
        e.prop("Note", "n/a", "0173-1#02-BAF016#006"),
        e.prop("Due", "2026-03-01T08:00:00+08:00", type_="xs:dateTime"),
        e.prop("On", True),
        e.prop("Code", "0A", type_="xs:hexBinary"),
        e.range_("Speed", "10", "20"),
        e.listing("Documents", [
            document("Manual", "de", ("03-01", "VDI"), ("X", "ECLASS")),
            document("Drawing", "zh", ("02-02", "VDI"), ("03-01", "ECLASS"))]),
        e.multi("Names", {"de": "Pumpe", "en": "pump"}),
        e.collection("Deep", [e.collection("Deeper", [e.prop("Width", "7"), e.reference("See", e.external("urn:x"))])]),
        e.entity("Part", "", [e.prop("Hidden", "hidden")]),
        {"modelType": "Operation", "idShort": "Run", "inputVariables": [{"value": e.prop("Hidden", "hidden")}]},
    ], "urn:sem:technical"),
    "supplementalSemanticIds": [e.external("urn:other"), e.external("urn:more")],
}


def f(name):
    return {"$field": name}


def s(text):
    return {"$strVal": text}


def n(number):
    return {"$numVal": number}


def held(condition, of=SUBMODEL, kind="submodel", around=()):
    return holds(parse({"$condition": condition}).condition, of, kind, around)


KIND, ABSENT = f("$aas#assetInformation.assetKind"), f("$aas#assetInformation.assetType")
SUBMODELS = f("$aas#submodels")
TRUE = {"$boolCast": s("true")}


@pytest.mark.parametrize(("op", "left", "right", "result"), [
    ("$eq", f("$aas#idShort"), ABSENT, True), ("$le", f("$aas#idShort"), ABSENT, True),
    ("$ne", f("$aas#idShort"), ABSENT, False), ("$le", n(1), n(2), True), ("$gt", n(1), n(2), False),
    ("$eq", n(13), s("13"), False), ("$lt", s("a"), s("b"), True), ("$gt", s("1"), s("2"), False),
    ("$gt", s("11"), s("2"), False), ("$eq", KIND, SUBMODELS, False), ("$ne", KIND, SUBMODELS, True),
    ("$eq", KIND, KIND, True), ("$ne", KIND, KIND, False), ("$eq", SUBMODELS, SUBMODELS, True),
    ("$eq", KIND, n(17), False), ("$ne", KIND, n(17), True), ("$le", KIND, KIND, True), ("$ge", TRUE, TRUE, True),
    ("$gt", TRUE, TRUE, False), ("$contains", f("$aas#id"), s("example.com/shell"), True),
])
def test_the_table_of_comparisons(op, left, right, result):
    assert held({op: [left, right]}, SHELL, "shell") is result


NAME, VALUE = f("$aas#assetInformation.specificAssetIds[].name"), f("$aas#assetInformation.specificAssetIds[].value")


@pytest.mark.parametrize(("op", "value", "result"), [("$match", "aas-1", True), ("$match", "aas-2", False),
                                                     ("$and", "aas-2", True)])
def test_the_table_of_matches(op, value, result):
    assert held({op: [{"$eq": [NAME, s("supplierId")]}, {"$eq": [VALUE, s(value)]}]}, SHELL, "shell") is result


SME = f("$sme#value")


@pytest.mark.parametrize(("condition", "result"), [
    ({"$eq": [f("$sm#semanticId.keys[0].value"), s("urn:sem:technical")]}, True),
    ({"$eq": [f("$sm#semanticId.keys[1].value"), s("urn:sem:technical")]}, False),
    ({"$eq": [f("$sm#semanticId.type"), s("ExternalReference")]}, True),
    ({"$eq": [f("$sm#supplementalSemanticIds[].keys[0].value"), s("urn:more")]}, True),   # QL.supp.001
    ({"$eq": [f("$sm#supplementalSemanticIds[0].keys[0].value"), s("urn:more")]}, False),
    ({"$eq": [SME, s("03-01")]}, True),                                                   # QL.field.003
    ({"$eq": [SME, s("hidden")]}, False),                                                 # not traversable
    ({"$eq": [f("$sme#idShort"), s("Hidden")]}, False),
    ({"$eq": [f("$sme.Width#value"), n(7)]}, True),          # a path may begin at any element
    ({"$eq": [f("$sme.Deeper.Width#value"), n(7)]}, True),
    ({"$eq": [f("$sme.eeper.Width#value"), n(7)]}, False),
    ({"$eq": [f("$sme.Documents[0].Title#value"), s("Manual")]}, True),
    ({"$eq": [f("$sme.Documents[1].Title#value"), s("Manual")]}, False),
    ({"$eq": [f("$sme.Documents[].Classes[1].Id#value"), s("X")]}, True),
    ({"$eq": [f("$sme.Documents[1].Classes[].Id#value"), s("X")]}, False),
    ({"$eq": [f("$sme.Names#language"), s("en")]}, True),
    ({"$eq": [f("$sme.Speed#valueType"), s("xs:decimal")]}, True),
    ({"$eq": [f("$sme.Speed#value"), n(10)]}, False),        # a range has no value
    ({"$eq": [f("$sme.See#value"), s("urn:x")]}, True),      # a reference stands for its first key
    ({"$lt": [f("$sme.Width#value"), n(100)]}, True),
    ({"$eq": [f("$sme.Width#value"), s("95.5")]}, False),    # texts are not numbers
    ({"$eq": [f("$sme.Width#value"), n(95.5)]}, True),
    ({"$eq": [f("$sme.On#value"), {"$boolean": True}]}, True),
    ({"$eq": [f("$sme.Code#value"), {"$hexVal": "16#A"}]}, True),
    ({"$eq": [f("$sme.Due#value"), {"$dateTimeVal": "2026-03-01T00:00:00Z"}]}, True),
    ({"$eq": [f("$sme.Due#value"), {"$timeVal": "08:00"}]}, True),
    ({"$eq": [{"$dayOfWeek": {"$dateTimeCast": f("$sme.Due#value")}}, n(0)]}, True),
    ({"$eq": [{"$strCast": n(5)}, s("5")]}, True),
    ({"$starts-with": [f("$sm#id"), s("urn:")]}, True),
    ({"$ends-with": [f("$sm#id"), s("urn:")]}, False),
    ({"$regex": [f("$sm#id"), s("^urn:sm-[0-9]$")]}, True),
    ({"$eq": [f("$aasdesc#id"), s("urn:sm-1")]}, False),     # QL.field.004, ERR.profile.001
    ({"$eq": [f("$aas#id"), s("urn:sm-1")]}, False),
    ({"$match": [{"$eq": [f("$sm#idShort"), s("TechnicalData")]},
                 {"$eq": [f("$sme#semanticId"), s("0173-1#02-BAF016#006")]}, {"$lt": [SME, n(100)]}]}, True),
    ({"$match": [{"$eq": [f("$sme#semanticId"), s("0173-1#02-BAF016#006")]}, {"$lt": [SME, n(50)]}]}, False),
    ({"$match": [{"$eq": [f("$sme#value"), s("Pumpe")]}, {"$eq": [f("$sme#language"), s("en")]}]}, False),
    ({"$match": [{"$eq": [f("$sme.Documents[].Title#value"), s("Manual")]},
                 {"$eq": [f("$sme.Documents[].Text#language"), s("de")]}]}, True),
    ({"$match": [{"$eq": [f("$sme.Documents[].Title#value"), s("Manual")]},
                 {"$eq": [f("$sme.Documents[].Text#language"), s("zh")]}]}, False),
    ({"$match": [{"$eq": [f("$sme.Documents[].Classes[].Id#value"), s("03-01")]},
                 {"$eq": [f("$sme.Documents[].Classes[].System#value"), s("ECLASS")]},
                 {"$eq": [f("$sme.Documents[].Title#value"), s("Manual")]}]}, False),
    ({"$match": [{"$eq": [f("$sme.Documents[].Classes[].Id#value"), s("03-01")]},
                 {"$eq": [f("$sme.Documents[].Classes[].System#value"), s("ECLASS")]},
                 {"$eq": [f("$sme.Documents[].Title#value"), s("Drawing")]}]}, True),
    # two inner matches, each with a class of its own, both in the same document
    ({"$match": [{"$match": [{"$eq": [f("$sme.Documents[].Classes[].Id#value"), s("02-02")]},
                             {"$eq": [f("$sme.Documents[].Classes[].System#value"), s("VDI")]}]},
                 {"$match": [{"$eq": [f("$sme.Documents[].Classes[].Id#value"), s("03-01")]},
                             {"$eq": [f("$sme.Documents[].Classes[].System#value"), s("ECLASS")]}]}]}, True),
    ({"$match": [{"$match": [{"$eq": [f("$sme.Documents[].Classes[].Id#value"), s("02-02")]},
                             {"$eq": [f("$sme.Documents[].Classes[].System#value"), s("VDI")]}]},
                 {"$match": [{"$eq": [f("$sme.Documents[].Classes[].Id#value"), s("X")]},
                             {"$eq": [f("$sme.Documents[].Classes[].System#value"), s("ECLASS")]}]}]}, False),
])
def test_fields_paths_casts_and_matches(condition, result):
    assert held(condition) is result


@pytest.mark.parametrize("condition", [
    {"$lt": [{"$numCast": f("$sm#idShort")}, n(5)]},                             # QL.cast.001, ERR.cast.001
    {"$gt": [{"$dateTimeCast": f("$sm#idShort")}, {"$dateTimeVal": "2026-01-01T00:00:00Z"}]},   # QL.cast.002
    {"$lt": [f("$sm#idShort"), n(5)]},
    {"$lt": [{"$numCast": s("abc")}, n(5)]},
])
def test_a_cast_that_fails_leaves_the_twin_out_whatever_stands_around_it(condition):
    assert not held(condition)
    assert not held({"$not": condition})
    assert not held({"$or": [{"$boolean": True}, condition]})
    assert not held({"$not": {"$and": [{"$boolean": False}, condition]}})


def test_an_element_that_cannot_be_cast_does_not_spoil_the_others():
    assert held({"$lt": [SME, n(8)]})
    assert held({"$not": {"$lt": [SME, n(1)]}})


def test_logic_of_nothing():
    """QL.logic.001 and 002: the identities of both; as JSON the schema wants two parts at least."""
    assert holds(And(()), SUBMODEL, "submodel")
    assert not holds(Or(()), SUBMODEL, "submodel")
    assert holds(Match(()), SUBMODEL, "submodel")


def test_shells_and_their_submodels_are_asked_together():
    both = {"$and": [{"$eq": [f("$aas#id"), s("https://example.com/shell-1")]},
                     {"$eq": [f("$sm#idShort"), s("TechnicalData")]}]}
    assert held(both, SHELL, "shell", [SUBMODEL])
    assert held(both, SUBMODEL, "submodel", [SHELL])
    assert not held(both, SHELL, "shell", [{**SUBMODEL, "idShort": "Other"}])
    assert not held(both, SHELL, "shell")


def test_a_query_that_compares_everything_with_everything_is_stopped():
    many = e.submodel("urn:m", "Many", [e.prop(f"P{one}", str(one)) for one in range(600)])
    with pytest.raises(Unavailable, match=r"query\.cost"):
        held({"$lt": [SME, SME]}, many)
    assert held({"$lt": [f("$sme.P1#value"), SME]}, many)


def test_formulas_of_rules_read_the_same_way():
    assert holds(parse_condition({"$eq": [f("$sm#idShort"), s("TechnicalData")]}), SUBMODEL, "submodel")
