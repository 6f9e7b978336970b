"""Queries as text: the examples of IDTA-01002, there and back, and where a text is wrong."""

import json
import re
from pathlib import Path

import pytest

from weft.basis.errors import Invalid
from weft.twin import access
from weft.twin.query import parse, parse_text, text_of
from weft.twin.query.reading import DEPTH_MAX, NODES_MAX, TEXT_MAX
from weft.twin.query.regex import PATTERN_MAX

ROOT = Path(__file__).resolve().parents[3]

EXAMPLES = [
    ("$aas#idShort $eq $aas#assetInformation.assetType",
     {"$eq": [{"$field": "$aas#idShort"}, {"$field": "$aas#assetInformation.assetType"}]}),
    ('$match( $sme.Documents[].DocumentClassification.Class#value $eq "03-01",\n'
     '        $sme.Documents[].DocumentVersion.SMLLanguages[]#language $eq "nl" )',
     {"$match": [
         {"$eq": [{"$field": "$sme.Documents[].DocumentClassification.Class#value"}, {"$strVal": "03-01"}]},
         {"$eq": [{"$field": "$sme.Documents[].DocumentVersion.SMLLanguages[]#language"}, {"$strVal": "nl"}]}]}),
    ('$and($match($sm#idShort $eq "TechnicalData", $sme#semanticId $eq "0173-1#02-BAF016#006", $sme#value $lt 100),'
     ' $not($regex($sm#id, "^urn:\\\\d+$")), ($or(true, 1.5 $le num($sme#value))))',
     {"$and": [
         {"$match": [{"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "TechnicalData"}]},
                     {"$eq": [{"$field": "$sme#semanticId"}, {"$strVal": "0173-1#02-BAF016#006"}]},
                     {"$lt": [{"$field": "$sme#value"}, {"$numVal": 100}]}]},
         {"$not": {"$regex": [{"$field": "$sm#id"}, {"$strVal": "^urn:\\d+$"}]}},
         {"$or": [{"$boolean": True}, {"$le": [{"$numVal": 1.5}, {"$numCast": {"$field": "$sme#value"}}]}]}]}),
    ("time($sme.Due#value) $ge 08:30:00",
     {"$ge": [{"$timeCast": {"$field": "$sme.Due#value"}}, {"$timeVal": "08:30"}]}),
    ("$dateTime($sme.Due#value) $lt 2026-03-01T00:00:00Z",
     {"$lt": [{"$dateTimeCast": {"$field": "$sme.Due#value"}}, {"$dateTimeVal": "2026-03-01T00:00:00Z"}]}),
    ("hex($sme.Code#value) $eq 16#0A", {"$eq": [{"$hexCast": {"$field": "$sme.Code#value"}}, {"$hexVal": "16#A"}]}),
    ("$year(dateTime($sme.Due#value)) $eq 2026",
     {"$eq": [{"$year": {"$dateTimeCast": {"$field": "$sme.Due#value"}}}, {"$numVal": 2026}]}),
]


@pytest.mark.parametrize(("text", "document"), EXAMPLES)
def test_text_and_json_say_the_same_and_text_can_be_written_again(text, document):
    asked = parse_text(text)
    assert asked == parse({"$condition": document})
    assert parse_text(text_of(asked.condition)) == asked


def test_only_ids_may_be_selected():
    assert parse_text('$select id $sm#id $eq "x"').select_id
    with pytest.raises(Invalid, match=r"query\.text"):
        parse_text('$select idShort $sm#id $eq "x"')


@pytest.mark.parametrize(("text", "place"), [
    ("", 1), ("$sm#id", 7), ("$contains($sm#id)", 17), ('$sm#id $eq "x', 11),
    ('$sm#id $eq "x" "y"', 16), ("$and(true, false", 17), ("$sm#id $eq ?", 11),
    ("(" * 50 + "true", 34), ("$sm#id $like 5", 8), ("5", 2), ('"$and"(true)', 7),
])
def test_a_text_that_cannot_be_read_is_refused_with_its_place(text, place):
    with pytest.raises(Invalid) as refused:
        parse_text(text)
    assert (refused.value.code, refused.value.facts["place"]) == ("query.text", place)


@pytest.mark.parametrize("page", ["twin-queries.md", "twin-queries.zh-CN.md"])
def test_what_the_reference_shows_is_right(page):
    shown = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    blocks = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", shown, re.DOTALL)]
    texts = re.findall(r"```text\n(.*?)```", shown, re.DOTALL)
    assert parse(blocks[0]) == parse_text(texts[0])
    assert len(access.parse(blocks[1]).rules) == 1
    for limit in (f"{NODES_MAX:,}", str(DEPTH_MAX), f"{TEXT_MAX:,}", f"{PATTERN_MAX:,}"):
        assert limit in shown
