"""Operations of twins: what is sent is judged before it reaches a function, and numbers keep their digits."""

import asyncio

import msgspec
import pytest

from weft.basis.errors import Invalid, Refused
from weft.engine.twins.operations import Function, Operations, Said
from weft.twin import elements as e
from weft.twin.values import parse_value


def number(value=None, name="In"):
    return {"modelType": "Property", "idShort": name, "valueType": "xs:decimal"} | (
        {} if value is None else {"value": value})


INNER = {"modelType": "SubmodelElementCollection", "idShort": "Box", "value": [number(name="Deep")]}
OPERATION = {"modelType": "Operation", "idShort": "Scale", "inputVariables": [{"value": number()}, {"value": INNER}],
             "inoutputVariables": [{"value": number(name="Both")}], "outputVariables": [{"value": number(name="Out")}]}
SUBMODEL = e.submodel("urn:x:s", "S", [OPERATION])
BOX = {**INNER, "value": [number("1", "Deep")]}
seen: list = []


async def scale(asked):
    seen.append(asked)
    return Said({"Out": asked.given["In"]["value"]})


OPERATIONS = Operations(lambda _submodel, _path: Function(scale))


def request(*inputs, both="7", **more):
    return {"inputArguments": [{"value": one} for one in inputs],
            "inoutputArguments": [{"value": number(both, "Both")}], **more}


async def invoke(asked, *, values=False):
    seen.clear()
    ended = await OPERATIONS.invoke(SUBMODEL, "Scale", asked, values=values)
    return ended.valued if values else ended.result


@pytest.mark.parametrize("asked", [
    request(number(5), BOX), request(number("five"), BOX), request(number(["5"]), BOX), request(number({}), BOX),
    request(number("5"), {**INNER, "value": [{"idShort": "Deep", "valueType": "xs:decimal", "value": "1"}]}),
    request(number("5"), {**INNER, "value": {"Deep": "1"}}), request(number("5"), {**INNER, "value": [5]}),
    request(number("5"), BOX, both=True), {"inputArguments": {"In": 5}}, {"inputArguments": [{"value": None}]},
    {"inputArguments": [5]}, {"inputArguments": "x"}, {"inoutputArguments": [{"val": 1}]}, request(number("5")),
    request(number("5"), BOX, clientTimeoutDuration=5), request(number("5", "Other"), BOX),
])
async def test_an_argument_that_is_none_is_told_and_no_function_hears_of_it(asked):
    with pytest.raises(Invalid):
        await invoke(asked)
    with pytest.raises(Invalid):
        await OPERATIONS.begin(SUBMODEL, "Scale", {"clientTimeoutDuration": 5, **asked}, values=False)
    assert seen == []


@pytest.mark.parametrize("digits", ["0.10", "100000000000000000000000000000000.25", "3"])
async def test_numbers_keep_every_digit(digits):
    told = await invoke(request(number(digits), BOX, both=digits))
    assert seen     # the control: what is right is heard
    assert told["outputArguments"][0]["value"]["value"] == digits
    assert told["inoutputArguments"][0]["value"]["value"] == digits
    asked = {"inputArguments": {"In": msgspec.Raw(digits.encode()), "Box": {"Deep": 1}},
             "inoutputArguments": {"Both": 2}}
    told = await invoke(parse_value(msgspec.json.encode(asked)), values=True)
    assert f'"outputArguments":{{"Out":{digits}}}' in msgspec.json.encode(told).decode()


async def test_an_argument_without_a_value_is_as_it_was_declared():
    given = {**request(number(), BOX), "inoutputArguments": [{"value": number(name="Both")}]}
    with pytest.raises(KeyError):     # the function of this test reads a value that is not there: it was called
        await invoke(given)
    assert "value" not in seen[0].given["In"]


async def test_an_argument_that_may_be_left_out_is_and_any_other_is_missed():
    optional = {**number(name="Name"), "qualifiers": [
        {"type": "Cardinality", "valueType": "xs:string", "value": "ZeroToOne"}]}
    operation = {**OPERATION, "inputVariables": [{"value": number()}, {"value": optional}], "inoutputVariables": []}
    asked = {"inputArguments": [{"value": number("5")}]}
    submodel = e.submodel("urn:x:s", "S", [operation])
    assert (await OPERATIONS.invoke(submodel, "Scale", asked, values=False)).result["success"] is True
    with pytest.raises(Invalid):     # the control: what is not marked so
        await OPERATIONS.invoke(submodel, "Scale", {"inputArguments": [{"value": number("5", "Name")}]}, values=False)


@pytest.mark.parametrize(("said", "state"), [
    (Said({"Out": "1"}), "Completed"), (Said({}, Refused("machine.by-job")), "Failed"),
    (Said({}, Refused("machine.write-unknown"), known=False), "Timeout")])
async def test_only_what_was_done_is_told_as_done(said, state):
    async def ends(_asked):
        return said

    ended = await Operations(lambda _submodel, _path: Function(ends)).invoke(
        SUBMODEL, "Scale", request(number("5"), BOX), values=False)
    assert (ended.result["executionState"], ended.result["success"]) == (state, state == "Completed")
    assert ended.error is said.error


async def test_who_gives_no_time_is_told_that_nothing_is_known_yet():
    async def never(_asked):
        await asyncio.Event().wait()

    late = Operations(lambda _submodel, _path: Function(never, {"Out": "7"}))
    ended = await late.invoke(SUBMODEL, "Scale", request(number("5"), BOX, clientTimeoutDuration="PT0.05S"),
                              values=False)
    assert ended.result["executionState"] == "Timeout" and ended.result["success"] is False
    assert ended.result["outputArguments"][0]["value"]["value"] == "7"
    assert ended.error.code == "twin.operation-late"
