"""Bodies for requests to the AAS door: right ones of each kind, and such with something bent in them.

A body is a pure function of its kind and a number, so that hypothesis finds, shrinks and repeats it.
"""

import copy
import random
import uuid
from typing import Any

from tests.conformance import environment

Json = Any
_REFERENCE = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": environment.SUBMODEL}]}
_LINKS = [{"name": "serialNumber", "value": "L-1"}, {"name": "globalAssetId", "value": "https://example.com/lathe"}]
_ENDPOINT = {"interface": "AAS-3.0", "protocolInformation": {"href": "https://example.com/api/v3.0/shells/eA"}}
_REQUEST = {"inputArguments": [{"value": environment.elements()[11]["inputVariables"][0]["value"]}],
            "clientTimeoutDuration": "PT5S"}
_QUERY = {"$condition": {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Everything"}]}}
ODD: list[Json] = [None, "", " ", 0, -1, 1.5, 10**30, True, [], {}, [[]], [None], {"": ""}, "车床\x00", "a" * 3000,
                   "-INF", {"keys": []}, {"type": "ModelReference", "keys": [{"type": "Nothing", "value": ""}]}]


def _shell(new: str) -> Json:
    return {**environment.environment()["assetAdministrationShells"][0], "id": new}


def _submodel(new: str) -> Json:
    return {**environment.environment()["submodels"][0], "id": new}


def _descriptor(new: str) -> Json:
    return {"id": new, "idShort": "Lathe", "endpoints": [_ENDPOINT]}


def right(kind: str, luck: random.Random) -> Json:
    """A body as the specification has it; ids are new."""
    new = f"https://example.com/{uuid.UUID(int=luck.getrandbits(128))}"
    element = {**luck.choice(environment.elements()), "idShort": f"New{luck.randrange(10**6)}"}
    made: dict[str, Any] = {
        "AssetAdministrationShell": lambda: _shell(new), "Submodel": lambda: _submodel(new),
        "ConceptDescription": lambda: {"modelType": "ConceptDescription", "id": new},
        "SubmodelElement": lambda: element, "AssetInformation": lambda: _shell(new)["assetInformation"],
        "Reference": lambda: {**_REFERENCE, "keys": [{"type": "Submodel", "value": new}]},
        "AssetAdministrationShellDescriptor": lambda: _descriptor(new),
        "SubmodelDescriptor": lambda: _descriptor(new),
        "SubmodelMetadata": lambda: {"modelType": "Submodel", "id": environment.SUBMODEL, "idShort": "Everything"},
        "SubmodelElementMetadata": lambda: {"modelType": element["modelType"], "idShort": element["idShort"]},
        "SubmodelValue": lambda: {"Name": [{"de": "Maschine"}], "Limits": {"min": 1, "max": 2}},
        "SubmodelElementValue": lambda: luck.choice([1, "2", True, {"min": 0, "max": 9}, [{"de": "x"}], [1, 2, 3]]),
        "OperationRequest": lambda: _REQUEST, "OperationRequestAsync": lambda: _REQUEST,
        "OperationRequestValueOnly": lambda: {"inputArguments": {"Input": 4}, "clientTimeoutDuration": "PT5S"},
        "OperationRequestAsyncValueOnly": lambda: {"inputArguments": {"Input": 4}, "clientTimeoutDuration": "PT5S"},
        "Query": lambda: _QUERY, "SpecificAssetId": lambda: _LINKS[0], "AssetLink": lambda: _LINKS[0],
        "string": lambda: new,
    }
    body = made.get(kind, dict)()
    return copy.deepcopy(body)


def bent(body: Json, luck: random.Random) -> Json:
    """``body`` with one thing in it taken out, made something else, or put in."""
    places = list(_places(body))
    holder, key = luck.choice(places) if places else (None, None)
    if holder is None:
        return copy.deepcopy(luck.choice(ODD))
    match luck.randrange(4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = copy.deepcopy(luck.choice(ODD))
        case 2 if isinstance(holder, dict):
            holder[f"x{luck.randrange(100)}"] = copy.deepcopy(luck.choice(ODD))
        case _:
            holder[key] = [holder[key]] * luck.randrange(4)
    return body


def _places(value: Json) -> Any:
    """(container, key) of everything within ``value``."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(inner):
        yield value, key
        yield from _places(one)


def body(kind: str, many: bool, number: int) -> Json:
    """The body of this number: one in two is right, the others are bent once or more."""
    luck = random.Random(number)
    made = [right(kind, luck) for _ in range(luck.randrange(1, 4))] if many else right(kind, luck)
    for _ in range(luck.choice((0, 0, 0, 1, 1, 3))):
        made = bent(made, luck)
    return made
