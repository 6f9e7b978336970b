"""Submodels held against the IDTA templates that they claim: those that we carry, and those that lie among the twins.

What is carried is ``idta/*.json``: of each template what a check asks for. IDTA submodel templates are published by the
Industrial Digital Twin Association under CC BY 4.0 (02002, 02003, 02004, 02006, 02008, 02011, 02020, 02023, 02031-1/-2,
02050, 02067); texts and examples were left out.
Rule 1: a submodel of the kind Template among the written twins counts as a template, too; of several the nearest does.
Rule 2: who claims no template that is known is not judged, and nothing is ever refused for what a template asks.
Not here: the check itself (``twin/templates/check.py``), templates in files (``cli/twin_check.py``).
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.engine.twins.ports import TwinStore, Where
from weft.twin.elements import Json
from weft.twin.templates.check import Deviation, deviations
from weft.twin.templates.slots import joined, semantics_of

OWN_MAX: Final = 20  # written submodels that are looked at for templates


class Judged(msgspec.Struct, frozen=True):
    """The template's idShort, and each deviation from it; none: the submodel is what the template asks for."""

    template: str
    deviations: Sequence[Deviation]


@cache
def carried() -> Mapping[str, Json]:
    """Semantic id -> the template that we carry for it, as a document with one submodel."""
    found = {}
    for one in files("weft.engine.twins").joinpath("idta").iterdir():
        if one.name.endswith(".json"):
            document = json.loads(one.read_text(encoding="utf-8"))
            found[joined(document["submodels"][0]["semanticId"])] = document
    return found


async def judged(store: TwinStore, submodel: Json) -> Judged | None:
    """What ``submodel`` is against the nearest template that it claims; None where it claims none that is known."""
    try:
        claimed = [one for one in semantics_of(submodel) if one]
    except (AttributeError, TypeError, KeyError):  # a written twin may hold any JSON in its references
        return None
    if submodel.get("kind") == "Template":
        return None
    known = [carried()[one] for one in claimed if one in carried()]
    for one in claimed:
        known += [{"submodels": [each]} for each in await _own(store, one)]
    told = [found for one in known if (found := against(one, submodel)) is not None]
    return min(told, key=lambda one: len(one.deviations), default=None)


def against(template: Json, submodel: Mapping[str, Any]) -> Judged | None:
    """What ``submodel`` is against one template; None where the template cannot be read."""
    try:
        return Judged(str(template["submodels"][0].get("idShort", "")), deviations(template, submodel))
    except Invalid:
        return None


async def _own(store: TwinStore, semantic: str) -> list[Json]:
    """Templates among the written submodels."""
    rows = await store.page("submodel", "", OWN_MAX, Where(semantic=semantic))
    found = [msgspec.json.decode(row.body) for row in rows if b'"Template"' in row.body]
    return [one for one in found if one.get("kind") == "Template"]
