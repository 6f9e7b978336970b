"""A query of as many operators as are allowed is answered, whatever they are; of no more than these."""

import msgspec
import pytest

from tests.doors.aas.test_paging import JSON, laid_down, opened
from weft.stores.twins import asking, predicates
from weft.twin.query.reading import NODES_MAX

NOTHING = "nothing"


def compared(op, field, value):
    return {op: [{"$field": field}, {"$strVal": value}]}


async def told(tmp_path, condition, count=10):
    tmp_path.mkdir(exist_ok=True)
    asker = await opened(tmp_path)
    laid_down(asker.store, "submodel", count)
    answer = await asker.client.ask("/api/v3/query/submodels", "POST", JSON, msgspec.json.encode(
        {"$condition": condition}))
    await asker.store.close()
    return answer


@pytest.mark.parametrize(("op", "field", "word"), [
    ("$eq", "$sm#idShort", "$or"), ("$contains", "$sme#value", "$or"), ("$lt", "$sme#value", "$or"),
    ("$eq", "$aas#idShort", "$or"), ("$starts-with", "$sm#idShort", "$and"), ("$eq", "$sme#value", "$and"),
    ("$eq", "$sme#value", "$match"), ("$regex", "$sm#idShort", "$match")])
async def test_as_many_as_are_allowed_are_answered(tmp_path, op, field, word):
    parts = [compared(op, field, f"x{one}") for one in range(NODES_MAX - 1)]
    answer = await told(tmp_path, {word: parts})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("number", [100, 333, 334, NODES_MAX - 1])
async def test_the_one_that_holds_is_found_among_all(tmp_path, number):
    parts = [compared("$eq", "$sm#idShort", NOTHING)] * (number - 1)
    found = (await told(tmp_path, {"$or": [*parts, compared("$eq", "$sm#idShort", "Alike")]})).json()
    assert len(found["result"]) == 10
    found = (await told(tmp_path / "none", {"$or": [*parts, compared("$eq", "$sm#idShort", NOTHING)]})).json()
    assert found["result"] == []


async def test_deep_and_broad_together_are_answered(tmp_path):
    condition = compared("$eq", "$sm#idShort", "Alike")
    for _ in range(29):
        condition = {"$or": [*[compared("$eq", "$sm#idShort", NOTHING)] * 31, condition]}
    assert len((await told(tmp_path, condition)).json()["result"]) == 10


async def test_one_more_is_refused_with_its_place(tmp_path):
    answer = await told(tmp_path, {"$or": [compared("$eq", "$sm#idShort", "x")] * NODES_MAX})
    [message] = answer.json()["messages"]
    assert (answer.status, message["correlationId"]) == (400, "query.size")
    assert f"/$condition/$or/{NODES_MAX - 1}" in message["text"]


async def test_control_as_one_expression_it_is_more_than_the_store_can_read(tmp_path, monkeypatch):
    monkeypatch.setattr(predicates, "GROUP", 10_000)
    monkeypatch.setattr(asking, "BRANCHES_MAX", 10_000)
    answer = await told(tmp_path, {"$or": [compared("$eq", "$sm#idShort", f"x{one}") for one in range(NODES_MAX - 1)]})
    assert answer.status == 503
