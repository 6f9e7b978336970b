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


def bundled(data: Path) -> dict[str, Any]:
    """The whole collection, with every reference within it; ``data`` is the folder of published schemas."""
    whole = _read(data / "aas-openapi/Entire-API-Collection/V3.1.yaml")
    components: dict[str, Any] = whole.setdefault("components", {})
    for path in _PARTS.values():
        for kind, named in _read(data / path).get("components", {}).items():
            components.setdefault(kind, {}).update(named)
    found: dict[str, Any] = _inside(whole)
    return found


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ADDRESS.sub("#/components/", inner) if key == "$ref" else
                _pattern(inner) if key == "pattern" and isinstance(inner, str) else _inside(inner)
                for key, inner in value.items()}
    return [_inside(one) for one in value] if isinstance(value, list) else value


def _pattern(text: str) -> str:
    """A pattern that allows all of Unicode says so by UTF-16 surrogates, which no engine of Python reads."""
    return r"^[\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*$" if "ud800[" in text else text
