"""A machine is asked for something by a person: one value set, the job that is due loaded or started.

Rule 1: it goes the way of ``engine/ordering``; a refusal is raised, what is not known is told as such, never as done.
Rule 2: nothing happens unless whoever asks said that he means it.
Not here: the same for programs (``engine/twins/functions.py``), reading (``engine/views/operating.py``).
"""

import unicodedata
from typing import Literal

from weft.basis import quantity as q
from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.commands.params import Done, Params
from weft.engine.machine_orders import Orders
from weft.engine.node import Node
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import Property
from weft.shopfloor.reading import parse_text


class Operate(Params, frozen=True, kw_only=True):
    """``what`` to ask ``machine`` for; ``value`` as a person writes it. Under one ``name`` it is done once."""

    machine: str
    what: Literal["write", "call", "load", "start"]
    property: str = ""
    action: str = ""
    value: str = ""
    job: str = ""
    name: str = ""
    sure: bool = False


async def operate(node: Node, params: Operate, key: str) -> Done:
    """Ask the machine."""
    if not params.sure:
        raise Refused("twin.not-sure")
    orders: Orders | None = node.ordering
    if orders is None:
        raise Refused("machine.writing-stopped", machine=params.machine[:80])
    name = params.name or (b64(digest("operate/1", key.encode())) if key else "")
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
