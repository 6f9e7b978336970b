"""A machine is asked for something by a person: one value set, the job that is due loaded or started.

Rule 1: it goes the way of ``engine/ordering``; a refusal is raised, what is not known is told as such, never as done.
Rule 2: nothing happens unless whoever asks said that he means it.
Rule 3: a page on which he says so holds for ``SURE_MS``, and for the machine as it was described then: what is pressed
        an hour later, or after a value got another address, sends nothing. What was sent already is told, however old.
Not here: the same for programs (``engine/twins/functions.py``), reading (``engine/views/operating.py``).
"""

import unicodedata
from typing import Any, Final, Literal

import msgspec

from weft.basis import quantity as q
from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.commands.params import Done, Params
from weft.engine.machine_orders import Orders
from weft.engine.node import Node
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import Property
from weft.shopfloor.earlier import KEYED
from weft.shopfloor.reading import parse_text

SURE_MS: Final = 5 * 60_000


class Operate(Params, frozen=True, kw_only=True):
    """``what`` to ask ``machine`` for; ``value`` as a person writes it. Under one ``name`` it is done once.

    ``seen``: of the page on which a person says that he means it (``seen_of``).
    """

    machine: str
    what: Literal["write", "call", "load", "start"]
    property: str = ""
    action: str = ""
    value: str = ""
    job: str = ""
    name: str = ""
    sure: bool = False
    seen: str = ""


def seen_of(node: Node, described: Any) -> str:
    """What a page carries that asks whether one is sure: when it was made, and of which description (text or JSON)."""
    return f"{node.clock.now_ms()}:{b64(digest('sure/1', msgspec.json.encode(described)))}"


def still(node: Node, seen: str, described: Any) -> None:
    """Raise ``Refused('twin.sure-old')`` where the page of ``seen`` holds no more (Rule 3); "": there was none."""
    at, _, of = seen.partition(":")
    age = node.clock.now_ms() - int(at) if at.isdecimal() and at.isascii() and len(at) < 16 else -1
    if seen and not (0 <= age <= SURE_MS and of == seen_of(node, described).partition(":")[2]):
        raise Refused("twin.sure-old", minutes=SURE_MS // 60_000)


async def operate(node: Node, params: Operate, key: str) -> Done:
    """Ask the machine."""
    if not params.sure:
        raise Refused("twin.not-sure")
    orders: Orders | None = node.ordering
    if orders is None:
        raise Refused("machine.writing-stopped", machine=params.machine[:80])
    name = params.name or (b64(digest("operate/1", key.encode())) if key else "")
    await _still_meant(node, params, name)
    if params.what == "write":
        prop = await property_of(node, params.machine, params.property)
        answer = await orders.write(params.machine, prop.name, typed(prop, params.value), name)
    elif params.what == "call":
        answer = await orders.call(params.machine, params.action, name)
    elif params.what == "load":
        answer = await orders.load(params.machine, params.job)
    else:
        if not params.job:
            raise Invalid("twin.argument-missing", name="job")
        answer = await orders.start(params.machine, params.job)
    if answer.error is not None and answer.status == "refused":
        raise Refused(answer.error.code, **answer.error.facts) from answer.error
    return Done(facts={"outcome": answer.status, "reason": answer.reason, "command": answer.command,
                       "machine": params.machine})


async def _still_meant(node: Node, params: Operate, name: str) -> None:
    """Rule 3, unless what is asked for under ``name`` was sent already."""
    floor = await node.book_state("floor")
    known = floor.machines.get(params.machine)
    if known is not None and not any(one.machine == params.machine and one.id.endswith(f"/{KEYED}{name}")
                                     for one in floor.commands.values()):
        still(node, params.seen, known.description)


async def property_of(node: Node, machine: str, name: str) -> Property:
    """The property ``name`` of ``machine``, as its description has it; raises ``NotFound``."""
    known = (await node.book_state("floor")).machines.get(machine)
    found = None if known is None or known.removed else parse_text(known.description).properties.get(name)
    if found is None:
        raise NotFound("machine.no-property", machine=machine[:80], property=name[:80])
    return found


def typed(prop: Property, text: str) -> Scalar:
    """``text`` as the machine's guard takes it; digits in any spelling. What is no value of its kind stays text."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if prop.type == "boolean":
        return {"true": True, "false": False}.get(plain, plain)
    if not prop.numeric:
        return text
    try:
        return q.text(q.decimal(plain.replace(",", "").replace(" ", "")))
    except Invalid:
        return plain
