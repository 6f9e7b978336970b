"""Twins that were written are changed and taken away; a value of a machine goes to it through its guard.

Rule 1: what was read at one revision is not written over another: the same as If-Match at the AAS door.
Rule 2: nothing happens unless whoever asks said that he means it.
Not here: checks before a write (``engine/twins/writing.py``), files that come in (``engine/twins/importing.py``).
"""

import unicodedata
from typing import Any

import msgspec

from weft.basis.errors import NotFound, Refused
from weft.engine.commands.operating import Operate, operate
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.twins import erasing, writing
from weft.engine.twins.authors import HOUSE
from weft.engine.twins.ports import Change, Kind, Where
from weft.twin.elements import Json
from weft.twin.lexical import REAL, WHOLE
from weft.twin.names import read_submodel
from weft.twin.query import parse_condition
from weft.twin.values import parse_value


class Value(Params, frozen=True, kw_only=True):
    """The value of the element at ``path`` as a person writes it.

    ``value``: of a property; ``low``, ``high``: of a range; ``texts``: by language. ``revision``: at which the
    submodel was read (0: of a twin of the books); ``seen``: of the page on which a machine's value is set
    (``operating.seen_of``).
    """

    submodel: str
    path: str
    value: str = ""
    low: str = ""
    high: str = ""
    texts: dict[str, str] = {}
    revision: int = 0
    sure: bool = False
    seen: str = ""


async def value(node: Node, params: Value, key: str) -> Done:
    """Change one value of a twin."""
    if not params.sure:
        raise Refused("twin.not-sure")
    element = await node.twins.element(params.submodel, params.path)
    machine = read_submodel(node.organisation, params.submodel)
    if machine is not None and machine[0] == "machine":
        return await _to_machine(node, params, machine[1], key)
    twins, given = node.twins.signed(HOUSE), _given(element, params)
    row = await twins.set_value(params.submodel, params.path, given, params.revision or None)
    return Done(facts={"revision": row.revision, "name": params.path})


async def _to_machine(node: Node, params: Value, machine: str, key: str) -> Done:
    """Set the value at the machine; raises ``Refused`` unless it was read back. With ``key`` it is sent once."""
    name = await node.twins.derived.property_at(params.submodel, params.path)
    if not name:
        writing.refuse_kept(node.organisation, "submodel", params.submodel)
    asked = Operate(machine=machine, what="write", property=name, value=params.value, sure=True, seen=params.seen)
    done = await operate(node, asked, key)
    if done.facts["outcome"] != "confirmed":
        raise Refused("machine.write-unknown", machine=machine, property=name)
    return Done(facts={"revision": 0, "name": params.path})


def _given(element: Json, params: Value) -> Any:
    """What was typed, in the value-only form of its kind."""
    kind = element["modelType"]
    if kind == "MultiLanguageProperty":
        return [{lang: text} for lang, text in params.texts.items() if text] or None
    if kind == "Range":
        ends = {"min": params.low, "max": params.high}
        return {name: _typed(text, element["valueType"]) for name, text in ends.items()}
    return _typed(params.value, element.get("valueType", ""))


def _typed(text: str, kind: str) -> Any:
    """``text`` as JSON has it; what is no number stays text, and is refused with its place."""
    if not text:
        return None
    if kind == "xs:boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind not in WHOLE and kind not in REAL:
        return text
    plain = unicodedata.normalize("NFKC", text).strip()
    number = plain.removeprefix("-").replace(".", "", 1)
    return parse_value(plain.encode()) if number.isdecimal() and number.isascii() and plain[-1] != "." else plain


class Delete(Params, frozen=True, kw_only=True):
    """A twin by its id; ``revision``: at which it was read."""

    id: str
    revision: int = 0
    sure: bool = False


async def delete(node: Node, params: Delete, _key: str) -> Done:
    """Take a twin away with its submodels, save those that another one refers to; they stay in the history."""
    if not params.sure:
        raise Refused("twin.not-sure")
    kind, document = await _found(node, params.id)
    writing.refuse_kept(node.organisation, kind, params.id)
    changes = [Change(kind, params.id, edit=writing.gone(kind, params.id), expected=params.revision or None)]
    below = [one for one in dict.fromkeys(_referred(document)) if not node.twins.owns(one) and await _own(node, one)]
    changes += [Change("submodel", one, edit=writing.gone("submodel", one)) for one in below]
    await node.twins.signed(HOUSE).commit(changes)
    return Done(facts={"n": len(changes)})


async def _found(node: Node, name: str) -> tuple[Kind, Json]:
    try:
        return "shell", (await node.twins.document("shell", name))[1]
    except NotFound:
        return "submodel", (await node.twins.document("submodel", name))[1]


def _referred(shell: Json) -> list[str]:
    """Ids of the submodels of a shell; none for a submodel itself."""
    return [keys[0]["value"] for one in shell.get("submodels", ()) if (keys := one.get("keys"))]


async def _own(node: Node, submodel: str) -> bool:
    """Whether the submodel is there, and only one shell refers to it."""
    if await node.twins.store.get("submodel", submodel) is None:
        return False
    condition = parse_condition({"$eq": [{"$field": "$aas#submodels[].keys[].value"}, {"$strVal": submodel}]})
    return len(await node.twins.store.page("shell", "", 2, Where(condition=condition))) < 2


class Stop(Params, frozen=True, kw_only=True):
    """An import that is under way, by its number in the view ``twin-imports``."""

    id: str


async def stop(node: Node, params: Stop, _key: str) -> Done:
    """Leave off with an import: nothing of its file is there afterwards."""
    node.twins.imports.stop(params.id)
    return Done()


class EraseTwin(Params, frozen=True, kw_only=True):
    """All that the twin with this id was before; of one that is deleted, everything."""

    id: str
    sure: bool = False


async def erase(node: Node, params: EraseTwin, _key: str) -> Done:
    """Erase former states of a twin for good; the receipt is in ``facts``."""
    if not params.sure:
        raise Refused("twin.not-sure")
    receipt = await erasing.erase(node, node.twins.store, params.id)
    return Done(facts={"receipt": msgspec.to_builtins(receipt), "n": receipt.states})
