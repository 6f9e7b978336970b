"""A file that describes a machine, for ``weft machine add``: what ``machine-add`` takes, and what was noticed in it.

Rule 1: a Thing Description in our own words, or one with blanks to fill, is its owner's and goes as it is.
Rule 2: of anything else the node says first what it offers; of several ways to reach the machine a person chooses.
Not here: what a file may be (``engine/describing.py``).
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from weft.basis.errors import Invalid
from weft.cli.client import Node
from weft.cli.words import say


def described(node: Node, name: str, file: Path, *, interface: str = "", as_described: bool = False) -> dict[str, Any]:
    """The offer of ``file`` (as ``engine/describing.Offer`` has it) that counts for the machine ``name``.

    Raises ``Invalid`` where the file cannot be used, or several ways are in it and none is chosen.
    """
    data = file.read_bytes()
    own = _own(data)
    if own:
        return {"description": own, "noticed": []}
    from weft.engine.describing import FILE_MAX, Offer, chosen

    if len(data) > FILE_MAX:
        raise Invalid("describing.too-large", limit=FILE_MAX >> 20)
    told = node.do("machine-read", name=name, content=base64.b64encode(data).decode(), writing=as_described)
    offers = msgspec.convert(told["facts"]["offers"], list[Offer])
    found: dict[str, Any] = msgspec.to_builtins(chosen(offers, interface))
    return found


def _own(data: bytes) -> str:
    """``data`` as text if it is a Thing Description in our own words or with blanks, else ""."""
    try:
        text = data.decode()
        thing = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    foreign = not isinstance(thing, dict) or thing.keys() & {"modelType", "submodels", "assetAdministrationShells"}
    return text if not foreign and ('"weft:' in text or "{{" in text) else ""


def noticed(offer: Mapping[str, Any]) -> list[dict[str, str]]:
    """What was noticed, in the reader's language, what is lost first."""
    order = {"lost": 0, "kept": 1, "fixed": 2}
    told = sorted(offer["noticed"], key=lambda one: order[one["grade"]])
    return [{"grade": say(f"noticed.grade.{one['grade']}"), "where": one["where"], "text": sentence(one)}
            for one in told]


def sentence(one: Mapping[str, Any]) -> str:
    """What was noticed, as a sentence."""
    facts = dict(one["facts"])
    if "reason" in facts:
        facts["reason"] = say(f"error.{facts['reason']}", where=one["where"], **facts)
    return say(f"noticed.{one['code']}", **facts)
