"""Asset Interfaces Mapping Configurations (IDTA 02027-2-0): how often values are asked for, and how they are scaled.

Rule 1: of a script only one that scales one value is understood; any other is told.
Rule 2: where values go is not taken over: they go into the shell of the machine here.
Not here: making one (``twin/templates/mapping.py``).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from weft.basis.noticed import Noticed, noticed
from weft.twin.interfaces.parts import Opened, children, semantics, text
from weft.twin.interfaces.reading import Interface
from weft.twin.interfaces.schema import number

_SUBMODEL: Final = re.compile(r"https?://admin-shell\.io/idta/AssetInterfacesMappingConfiguration/2/\d+/Submodel/?")
_NUMBER: Final = r"\(?([+-]?[0-9.]{1,40})\)?"
_SCALE: Final = re.compile(
    r"\s*function\s+aimc_main\s*\(\s*sources\s*\)\s*return\s*\{\s*[^={}]{1,300}=\s*sources\s*\[[^\]]{1,300}\]\s*"
    rf"\*\s*{_NUMBER}\s*(?:\+\s*{_NUMBER})?\s*,?\s*\}}\s*end\s*")
_SCRIPT_MAX: Final = 2_000
_SPEAKS: Final = ("opc.tcp:", "mqtt")  # by itself: nobody asks


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How one value of an interface is asked for: ``keys`` of the reference to it; ``seconds`` 0 for not said."""

    keys: tuple[str, ...]
    seconds: float = 0
    scale: str = ""
    offset: str = ""
    script: bool = False  # one that is not understood


def is_aimc(submodel: Any) -> bool:
    """Whether ``submodel`` is a mapping configuration of version 2."""
    return isinstance(submodel, Mapping) and any(map(_SUBMODEL.fullmatch, semantics(submodel)))


def read(submodel: Mapping[str, Any]) -> Iterator[Asked]:
    """What is said of each source."""
    for one in children(Opened(submodel).take("MappingConfigurations") or {}):
        opened = Opened(one)
        default = number(opened.told("DefaultPollingInterval")) or 0
        script = text(opened.told("Transformation"))
        sources = list(children(opened.take("Sources") or {}))
        scale = _scale(script) if script and len(sources) == 1 else None
        for each in sources:
            inside = Opened(each)
            seconds = number(inside.told("PollingInterval")) or default
            yield Asked(keys=_keys(inside.take("Source") or {}), seconds=seconds if 0 < seconds <= 86_400 else 0,
                        scale=scale[0] if scale else "", offset=scale[1] if scale else "",
                        script=bool(script) and scale is None)


def _keys(element: Mapping[str, Any]) -> tuple[str, ...]:
    reference = element.get("value")
    keys = reference.get("keys") if isinstance(reference, Mapping) else None
    return tuple(text(one.get("value")) for one in keys if isinstance(one, Mapping)) if isinstance(keys, list) else ()


def _scale(script: str) -> tuple[str, str] | None:
    """(factor, summand) of a script that only scales one value."""
    try:
        told = base64.b64decode(script, validate=True)[:_SCRIPT_MAX].decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    found = _SCALE.fullmatch(told)
    if not found or number(found[1]) is None or (found[2] and number(found[2]) is None):
        return None
    return found[1], found[2] or "0"


def applied(interface: Interface, asked: Sequence[Asked]) -> Interface:
    """``interface`` with what is said of its values."""
    properties = dict(interface.thing["properties"])
    told: list[Noticed] = []
    for one in asked:
        name = _name(interface, one.keys)
        if name not in properties:
            continue
        where = f"properties/{name}"
        single = properties[name].get("type") != "object" or _leaves(properties[name]) == 1
        if one.script or (one.scale and not single):
            told.append(noticed("lost", "transformation", where))
        elif one.scale:
            properties[name] = {**properties[name], "weft:scale": number(one.scale), "weft:offset": number(one.offset)}
            told.append(noticed("fixed", "scaled", where, scale=one.scale, offset=one.offset))
        if one.seconds and not str(interface.thing.get("base", "")).startswith(_SPEAKS):
            form = {**properties[name]["forms"][0], "weft:pollingMs": round(one.seconds * 1000)}
            properties[name] = {**properties[name], "forms": [form]}
    return replace(interface, thing={**interface.thing, "properties": properties},
                   noticed=(*interface.noticed, *told))


def _name(interface: Interface, keys: tuple[str, ...]) -> str:
    """The property of ``interface`` that a reference leads to, or into."""
    if len(keys) < 5 or keys[:2] != (interface.submodel, interface.name) or keys[3] != "properties":
        return ""
    return interface.names.get(keys[4], "")


def _leaves(schema: Mapping[str, Any]) -> int:
    inner = schema.get("properties")
    return sum(map(_leaves, inner.values())) if isinstance(inner, Mapping) else 1
