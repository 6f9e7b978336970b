"""The published JSON schema of queries as a judge: what it refuses we refuse, what it takes we take."""

import copy
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.twin.query import parse

WHERE = "aas-openapi/documentation/IDTA-01002-3/modules/ROOT/partials/query-json-schema.json"
FIELD = {"$field": "$sme.A[].B#value"}
SEEDS = (
    {"$condition": {"$and": [{"$eq": [FIELD, {"$strVal": "x"}]}, {"$not": {"$lt": [{"$numVal": 1}, FIELD]}}]}},
    {"$select": "id", "$condition": {"$match": [{"$contains": [{"$field": "$sm#idShort"}, {"$strVal": "x"}]}]}},
    {"$condition": {"$or": [{"$boolean": True}, {"$ge": [{"$timeCast": FIELD}, {"$timeVal": "08:00"}]}]}},
    {"$condition": {"$ne": [{"$hexVal": "16#0A"}, {"$boolCast": {"$strCast": {"$numVal": 5}}}]}},
    {"$condition": {"$le": [{"$field": "$aas#assetInformation.specificAssetIds[0].externalSubjectId.keys[].value"},
                            {"$dateTimeVal": "2026-01-01T00:00:00Z"}]}},
)
# What 3.2 mends, or the prose of 3.1 shows, and the schema of 3.1 does not know: we take it.
MORE = ("$aas#submodels", "$sm#supplementalSemanticIds[].keys[].value", "$aasdesc#submodelDescriptors.id")
NAMES = st.sampled_from((
    "$and", "$or", "$not", "$eq", "$lt", "$match", "$contains", "$regex", "$field", "$strVal", "$numVal", "$boolean",
    "$numCast", "$timeVal", "$hexVal", "$condition", "$select", "x"))
VALUES = st.sampled_from((
    None, 5, "x", "$sm#id", "$sm#value", "$cd#id", True, [], {}, "25:00", "08:00", "16#A", "16#a", [FIELD],
    [FIELD, FIELD], {"$boolean": True}, [{"$boolean": True}, {"$boolean": False}], "$x", "id", FIELD))
# What no schema sees: lists that differ, patterns, times of the day.
MEANT = {"query.match", "query.regex", "query.value"}


@pytest.fixture(scope="module")
def judge(published):
    schema = json.loads((published / WHERE).read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(schema)


def places(node, at=()):
    yield at
    for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield from places(node[key], (*at, key))


def bent(document, at, name, value):
    made = copy.deepcopy(document)
    if not at:
        return value
    holder = made
    for key in at[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and name:
        del holder[at[-1]]
        holder[name] = value
    else:
        holder[at[-1]] = value
    return made


def taken(document):
    try:
        parse(document)
    except Invalid as error:
        return error
    return None


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_is_bent_is_judged_as_the_schema_judges_it(judge, data):
    document = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.sampled_from(sorted(places(document), key=str)))
        document = bent(document, at, data.draw(st.one_of(st.just(""), NAMES)), data.draw(VALUES))
    refused = taken(document)
    if judge.is_valid(document):
        assert refused is None or refused.code in MEANT, (document, refused)
    else:
        assert refused is not None, document
        assert "at" in refused.facts


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seeds_are_right(judge, seed):
    assert judge.is_valid(seed)
    assert taken(seed) is None


@pytest.mark.parametrize("name", MORE)
def test_what_is_taken_beyond_the_schema_is_named_here(judge, name):
    document = {"$condition": {"$eq": [{"$field": name}, {"$strVal": "x"}]}}
    assert not judge.is_valid(document)
    assert taken(document) is None
