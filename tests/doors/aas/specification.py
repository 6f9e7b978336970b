"""The OpenAPI of IDTA-01002 v3.1 in one document: what its files say of each other by address is put in place.

Not here: faults of the specification (``FAULTS`` in ``test_openapi.py`` names each, with what we do instead).
"""

import re
from pathlib import Path
from typing import Any

import yaml

_ADDRESS = re.compile(r"https://api\.swaggerhub\.com/domains/Plattform_i40/([A-Za-z0-9-]+)/V[0-9.]+#/components/")
_PARTS = {"Part1-MetaModel-Schemas": "aas-openapi/Part1-MetaModel-Schemas/openapi.yaml",
          "Part2-API-Schemas": "aas-openapi/Part2-API-Schemas/openapi.yaml"}

# A page of the values of many submodels is an object in the OpenAPI, in which two submodels of one name cannot stand
# beside each other; the text of the specification and the official engine have a list, and so has the node.
LISTS = {"/submodels/$value"}
# One of these is what a value or the metadata of an element is; which one its own members do not tell in the OpenAPI,
# so that a reference, a relationship or an event is several of them at once.
# What is kept as a file goes out under the media type under which it came in; the OpenAPI has one for all.
FILES = ("/attachment", "/thumbnail")
AMBIGUOUS = ("SubmodelElementValue", "SubmodelElementMetadata")
NUMBERED = {"type": "integer", "minimum": 0, "maximum": 2**40}


def bundled(data: Path) -> dict[str, Any]:
    """The whole collection, with every reference within it; ``data`` is the folder of published schemas."""
    whole = _read(data / "aas-openapi/Entire-API-Collection/V3.1.yaml")
    components: dict[str, Any] = whole.setdefault("components", {})
    for path in _PARTS.values():
        for kind, named in _read(data / path).get("components", {}).items():
            components.setdefault(kind, {}).update(named)
    found: dict[str, Any] = _inside(whole)
    for known in found["paths"].values():
        for operation in known.values():
            answers = operation.get("responses", {}) if isinstance(operation, dict) else {}
            answers |= {"204": {"description": "RFC 9110 §15.3.5: it has no content"}} if "204" in answers else {}
    for name in AMBIGUOUS:
        schema = found["components"]["schemas"][name]
        schema["anyOf"] = schema.pop("oneOf")
    return found


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ADDRESS.sub("#/components/", inner) if key == "$ref" else
                _pattern(inner) if key == "pattern" and isinstance(inner, str) else _inside(inner)
                for key, inner in value.items()}
    return [_inside(one) for one in value] if isinstance(value, list) else value


def _pattern(text: str) -> str:
    """A pattern that allows all of Unicode says so by UTF-16 surrogates, which no engine of Python reads."""
    return r"^[\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*$" if "ud800[" in text else text


def prepared(whole: dict[str, Any]) -> tuple[dict[str, Any], dict[tuple[str, str], tuple[str, bool]]]:
    """(the specification with a number for each JSON body, kind of body by method and address)."""
    kinds = {}
    for path, known in whole["paths"].items():
        for method, operation in known.items():
            for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
                if "/parameters/" in parameter.get("schema", {}).get("$ref", ""):  # a parameter is no schema
                    parameter["schema"] = {"type": "string", "minLength": 1}
            content = operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
            if "application/json" in content:
                kinds[method.upper(), path] = _kind(content["application/json"]["schema"])
                content["application/json"] = {"schema": NUMBERED}
    return whole, kinds


def _kind(schema: dict[str, Any]) -> tuple[str, bool]:
    """(name of the schema, whether a list of it is wanted)."""
    many = schema.get("type") == "array"
    inner = schema["items"] if many else schema
    return inner.get("$ref", "/" + inner.get("type", "object")).rpartition("/")[2].removesuffix("_choice"), many
