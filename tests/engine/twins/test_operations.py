"""Operations of twins: what is sent is judged before it reaches a function, and numbers keep their digits."""

import msgspec
import pytest

from weft.basis.errors import Invalid
from weft.engine.twins.operations import Operations
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
    return {"Out": asked.given["In"]["value"]}


OPERATIONS = Operations(lambda _submodel, _operation: scale)


def request(*inputs, both="7", **more):
    return {"inputArguments": [{"value": one} for one in inputs],
            "inoutputArguments": [{"value": number(both, "Both")}], **more}


async def invoke(asked, *, values=False):
    seen.clear()
    return await OPERATIONS.invoke(SUBMODEL, OPERATION, asked, values=values)


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
        await OPERATIONS.begin(SUBMODEL, OPERATION, {"clientTimeoutDuration": 5, **asked}, "", values=False)
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
