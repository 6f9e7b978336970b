"""The conformance corpus of IDTA-01002 (annex, informative) by its numbers, as far as it is about the language.

Where it wants another answer of HTTP than 3.1 does (422 instead of 400), that it is refused is what counts here.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.twin import access
from weft.twin import elements as e
from weft.twin.query import holds, parse
from weft.twin.query.tree import And, Or

SHELL = {"modelType": "AssetAdministrationShell", "id": "urn:a", "assetInformation": {"assetKind": "Instance"}}
SUBMODEL = {**e.submodel("urn:s", "S", [e.collection("C", [e.prop("P", "abc")])], "urn:sem"),
            "supplementalSemanticIds": [e.external("urn:x"), e.external("urn:y")]}


def f(name):
    return {"$field": name}


def s(text):
    return {"$strVal": text}


TAKEN = [
    ("QL.parse.001", {"$boolean": True}, SUBMODEL, True),
    ("QL.field.001", {"$eq": [f("$aas#id"), s("urn:a")]}, SHELL, True),
    ("QL.field.002", {"$eq": [f("$sm#semanticId.keys[0].value"), s("urn:sem")]}, SUBMODEL, True),
    ("QL.field.002", {"$eq": [f("$sm#semanticId.keys[1].value"), s("urn:sem")]}, SUBMODEL, False),
    ("QL.field.003", {"$eq": [f("$sme#value"), s("abc")]}, SUBMODEL, True),
    ("QL.field.004", {"$eq": [f("$aasdesc#id"), s("urn:s")]}, SUBMODEL, False),
    ("QL.cast.001", {"$lt": [{"$numCast": f("$sm#idShort")}, {"$numVal": 1}]}, SUBMODEL, False),
    ("QL.cast.001", {"$not": {"$lt": [{"$numCast": f("$sm#idShort")}, {"$numVal": 1}]}}, SUBMODEL, False),
    ("QL.cast.002", {"$lt": [{"$dateTimeCast": f("$sm#id")}, {"$dateTimeVal": "2026-01-01T00:00:00Z"}]}, SUBMODEL,
     False),
    ("QL.time.001", {"$le": [{"$timeVal": "08:00"}, {"$timeVal": "08:00:00"}]}, SUBMODEL, True),
    ("QL.time.001", {"$lt": [{"$timeVal": "08:00:00"}, {"$timeVal": "08:00:00.001"}]}, SUBMODEL, True),
    ("QL.dt.001", {"$eq": [{"$dayOfWeek": f("$sme.C.P#value")}, {"$numVal": 1}]}, SUBMODEL, False),
    ("QL.supp.001", {"$eq": [f("$sm#supplementalSemanticIds[].keys[0].value"), s("urn:y")]}, SUBMODEL, True),
    ("ERR.cast.001", {"$gt": [{"$numCast": s("abc")}, {"$numVal": 0}]}, SUBMODEL, False),
    ("ERR.profile.001", {"$eq": [f("$smdesc#id"), s("urn:s")]}, SUBMODEL, False),
]
REFUSED = [
    ("QL.parse.002", {"$condition": {"$boolean": True}, "$orderBy": "id"}),
    ("QL.parse.003", {"$condition": {"$eq": [f("$sm#id")]}}),
    ("QL.time.002", {"$condition": {"$eq": [f("$sm#id"), {"$timeVal": "25:00"}]}}),
    ("HTTP.query.001", {"condition": {}}),
    ("ERR.schema.001", {"$condition": []}),
    ("ERR.field.001", {"$condition": {"$eq": [f("$sm#colour"), s("x")]}}),
]


@pytest.mark.parametrize(("number", "condition", "document", "result"), TAKEN)
def test_what_the_corpus_takes(number, condition, document, result):
    kind = "shell" if document is SHELL else "submodel"
    assert holds(parse({"$condition": condition}).condition, document, kind) is result, number


@pytest.mark.parametrize(("number", "query"), REFUSED)
def test_what_the_corpus_refuses(number, query):
    with pytest.raises(Invalid) as refused:
        parse(query)
    assert refused.value.facts["at"], number


def test_ql_logic_001_and_002():
    assert holds(And(()), SUBMODEL, "submodel")
    assert not holds(Or(()), SUBMODEL, "submodel")


NAMES = st.sampled_from("""
    $condition $select $and $or $not $match $eq $lt $contains $regex $field $strVal $numVal $boolean $numCast $timeVal
    $attribute CLAIM rules ACL OBJECTS FORMULA FILTER FRAGMENT CONDITION ATTRIBUTES RIGHTS ACCESS ROUTE IDENTIFIABLE
    REFERABLE DEFOBJECTS USEOBJECTS name objects DEFACLS acl AllAccessPermissionRules DEFATTRIBUTES attributes
    USEATTRIBUTES""".split())
ATOMS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from((
    "$sme.A[].B#value", "$sm#id", "READ", "ALLOW", "(Submodel)*", '$sme("x").y', "$aas#submodels[]", "*", "(a+)+$",
    "id")))
ANYTHING = st.recursive(ATOMS, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)), max_leaves=20)


@settings(max_examples=300, deadline=None)
@given(ANYTHING)
def test_whatever_json_comes_it_is_taken_or_refused_with_a_place(document):
    for read in (parse, access.parse):
        for one in (document, {"$condition": document}, {"rules": [document]}, {"rules": [], "DEFOBJECTS": document}):
            try:
                read(one)
            except Invalid as error:
                assert "at" in error.facts
