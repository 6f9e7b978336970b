"""A machine is connected: an address, how to speak with it, what is picked and named, a trial, and then it is added.

Rule 1: a trial write is a write: the guard of what its owner set, intent, write, read-back, one outcome in the floor
        book; nothing while all writing is stopped; and only when who asks says that he means it.
Rule 2: a machine that is set up like another is looked at first: it is added when its values were read.
Not here: drafts (``engine/machine_drafts.py``), looking (``views/connecting.py``), logins (``reaching.py``).
"""

import asyncio
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable, WeftError
from weft.engine import machine_drafts as drafts
from weft.engine import sheets
from weft.engine.commands.operating import still, typed
from weft.engine.commands.params import Done, Params, content_of
from weft.engine.discovery import DEPTH, Discovery
from weft.engine.machine_drafts import MachineDraft
from weft.engine.node import Node
from weft.shopfloor import book as floor
from weft.shopfloor.book import CommandConfirmed, CommandIntended, CommandRefused, CommandUnknown, MachineAdded, Written
from weft.shopfloor.connection import Value
from weft.shopfloor.description import Description, Role, Security
from weft.shopfloor.jobcontrol import Outcome
from weft.shopfloor.mapping import NAME_MAX, TEXT_MAX, Row, Target, again, read_table, states_meant, states_of
from weft.shopfloor.propose import Finding, machine_at, missing, suggest
from weft.shopfloor.reading import parse_text
from weft.shopfloor.typed import readable, spelled

PICKED_MAX: Final = 50  # values that are added at once
COPIES_MAX: Final = 50
CONTENT_MAX: Final = 1024 * 1024


class LookBegin(Params, frozen=True, kw_only=True):
    """A machine called ``name`` at ``address`` (``opc.tcp://…``, ``modbus+tcp://…``, …)."""

    name: str
    address: str
    title: str = ""


async def begin(node: Node, params: LookBegin, _key: str) -> Done:
    """Begin to connect a machine."""
    made = await drafts.begin(node, params.name.strip(), params.address.strip(), params.title.strip())
    return Done(facts={"draft": made.id, "name": made.name})


class DraftOf(Params, frozen=True, kw_only=True):
    """A machine that is connected already."""

    machine: str


async def begin_of(node: Node, params: DraftOf, _key: str) -> Done:
    """Begin to change how a machine is connected: further values, other limits."""
    made = await drafts.begin_of(node, params.machine)
    return Done(facts={"draft": made.id, "name": made.name})


class LookNamed(Params, frozen=True, kw_only=True):
    """A machine that is being connected."""

    draft: str


async def drop(node: Node, params: LookNamed, _key: str) -> Done:
    """Leave off connecting a machine."""
    await drafts.drop(node, params.draft)
    return Done()


class DraftAddress(Params, frozen=True, kw_only=True):
    """``address``: where the machine is after all; what was chosen of it stays."""

    draft: str
    address: str


async def move(node: Node, params: DraftAddress, _key: str) -> Done:
    """Give the machine another address."""
    address = params.address.strip()
    drafts.checked(node, address)

    def made(held: MachineDraft) -> MachineDraft:
        told = msgspec.structs.replace(held, address=address, tried={})
        return told if told.scheme == held.scheme else msgspec.structs.replace(told, security=Security())

    return _told(await drafts.change(node, params.draft, made))


class DraftSecurity(Params, frozen=True, kw_only=True):
    """``way``: ``none``, or mode and policy (``signAndEncrypt Basic256Sha256``); ``user``: we log in."""

    draft: str
    way: str = "none"
    user: bool = False


async def secure(node: Node, params: DraftSecurity, _key: str) -> Done:
    """Say how the machine is spoken with."""
    mode, _, policy = params.way.partition(" ")
    security = Security(mode=mode, policy=policy, user=params.user)

    def made(held: MachineDraft) -> MachineDraft:
        told = msgspec.structs.replace(held, security=security)
        told.described(())
        return told

    return _told(await drafts.change(node, params.draft, made))


class DraftPick(Params, frozen=True, kw_only=True):
    """Take ``nodes`` (by href), or ``all`` of what lies below ``under`` or is found by ``find``; at most 50 at once.

    ``within``: what people call the place where they lie.
    """

    draft: str
    under: str = ""
    within: str = ""
    find: str = ""
    nodes: tuple[str, ...] = ()
    all: bool = False


async def pick(node: Node, params: DraftPick, _key: str) -> Done:
    """Take values of a device."""
    held = await drafts.get(node, params.draft)
    looked = await discovery(node).look(held.name, held.described(()), "" if params.find else params.under,
                                        DEPTH if params.find else 1)
    present = {one.address for one in held.rows}
    wanted = set(params.nodes)
    words = params.find.strip().lower()
    chosen = [one for one in looked.nodes if one.href not in present and suggest([one])[0]
              and (one.href in wanted or (params.all and (not words or words in one.path.lower())))][:PICKED_MAX]
    if not chosen:
        raise Invalid("connect.nothing-picked")
    findings: list[Finding] = []

    def made(now: MachineDraft) -> MachineDraft:
        rows, told = suggest(chosen, before=now.rows, within=params.within[:NAME_MAX])
        findings[:] = told
        return msgspec.structs.replace(now, rows=(*now.rows, *rows))

    return _told(await drafts.change(node, params.draft, made), added=len(chosen), findings=_plain(findings))


class DraftPropose(Params, frozen=True, kw_only=True):
    """Take all below ``under`` (a path; "": the most telling object), beside what was chosen before.

    ``limits``: name -> ``low..high``; ``roles``: name -> what it is for (``count``, ``state``, …).
    """

    draft: str
    under: str = ""
    limits: dict[str, str] = {}
    roles: dict[str, str] = {}


async def propose(node: Node, params: DraftPropose, _key: str) -> Done:
    """Look through a device and take what looks like a machine."""
    held = await drafts.get(node, params.draft)
    looked = await discovery(node).look(held.name, held.described(()), "", DEPTH)
    if not looked.nodes or not looked.browses:
        raise Invalid("propose.silent", endpoint=held.address)
    under, others = (params.under, ()) if params.under else machine_at(looked.nodes)
    nodes = [one for one in looked.nodes if not under or one.path.startswith(f"{under}/")]
    if not nodes:
        raise Invalid("propose.nothing", endpoint=held.address)
    told = [Finding(code="several-machines", facts={"taken": under, "others": ", ".join(others)[:200]})] * bool(others)
    findings, added = list[Finding](), 0

    def made(now: MachineDraft) -> MachineDraft:
        nonlocal added
        present = {one.address for one in now.rows}
        rows, said = suggest([one for one in nodes if one.href not in present], _limits(params.limits),
                             before=now.rows, under=under, roles=_roles(params.roles))
        added = len(rows)
        findings[:] = [*told, *said]
        return msgspec.structs.replace(now, rows=(*now.rows, *rows), said=tuple(findings))

    draft = await drafts.change(node, params.draft, made)
    return _told(draft, added=added, findings=_plain([*findings, *missing(draft.rows)]))


def _roles(given: dict[str, str]) -> dict[str, Role]:
    wrong = next((name for name, role in given.items() if role not in frozenset(Role)), None)
    if wrong is not None:
        raise Invalid("connect.role", property=wrong[:80], value=given[wrong][:40], allowed=", ".join(Role))
    return {name: Role(role) for name, role in given.items()}


def _limits(given: dict[str, str]) -> dict[str, tuple[str, str]]:
    found = {name: text.partition("..") for name, text in given.items()}
    wrong = next((name for name, (low, sign, high) in found.items() if not (low and sign and high)), None)
    if wrong is not None:
        raise Invalid("connect.limits", property=wrong[:80], value=given[wrong][:40])
    return {name: (low.strip(), high.strip()) for name, (low, _, high) in found.items()}


class DraftRow(Params, frozen=True, kw_only=True):
    """One value; ``at`` is what it was called so far ("": a new one, whose address its owner types).

    ``states``: ``0=Idle; 2=Running``; ``meanings``: the same from a state to the machine's values (``2, 3``).
    """

    draft: str
    name: str
    address: str = ""
    at: str = ""
    title: str = ""
    type: str = ""
    unit: str = ""
    scale: str = "1"
    offset: str = "0"
    minimum: str = ""
    maximum: str = ""
    role: str = "signal"
    write: bool = False
    states: str = ""
    meanings: dict[str, str] = {}
    write_address: str = ""


async def row(node: Node, params: DraftRow, _key: str) -> Done:
    """Set what a value is called, its unit, its limits and what it is for."""

    def made(held: MachineDraft) -> MachineDraft:
        place = next((n for n, one in enumerate(held.rows) if one.name == params.at), None)
        if params.at and place is None:
            raise NotFound("connect.row-unknown", name=params.at[:80])
        if any(one.name == params.name for n, one in enumerate(held.rows) if n != place):
            raise Refused("connect.row-twice", name=params.name[:80], row=1 + [
                one.name for one in held.rows].index(params.name))
        before = held.rows[place] if place is not None else Row(name=params.name, address=params.address)
        fresh = _row(params, before, held.scheme)
        rows = (*held.rows[:place], fresh, *held.rows[place + 1:]) if place is not None else (*held.rows, fresh)
        told = msgspec.structs.replace(held, rows=rows, tried={
            name: what for name, what in held.tried.items() if name != params.at})
        told.described()
        return told

    return _told(await drafts.change(node, params.draft, made), property=params.name)


def _row(params: DraftRow, before: Row, scheme: str) -> Row:
    if not params.name.strip() or len(params.name) > NAME_MAX or len(params.address) > TEXT_MAX:
        raise Invalid("connect.row-name", limit=NAME_MAX)
    fresh = msgspec.structs.replace(
        before, name=params.name.strip(), address=params.address.strip() or before.address, title=params.title.strip(),
        type=params.type or before.type, unit=params.unit.strip()[:20], scale=params.scale or "1",
        offset=params.offset or "0", minimum=params.minimum, maximum=params.maximum, role=params.role,
        write=params.write and params.role != Role.SAFETY,
        states=states_of(params.states) | states_meant(params.meanings),
        write_address=params.write_address.strip()[:TEXT_MAX])
    if fresh.write and fresh.role == Role.SIGNAL:
        fresh = msgspec.structs.replace(fresh, role=Role.SETPOINT.value)
    if fresh.address == before.address and before.form:
        return fresh
    made = spelled(fresh, scheme)
    if not readable(made.address, scheme):
        raise Invalid("connect.register", value=made.address[:40])
    return made


class DraftUnpick(Params, frozen=True, kw_only=True):
    """Values that are not wanted after all, by what they are called."""

    draft: str
    names: tuple[str, ...] = ()


async def unpick(node: Node, params: DraftUnpick, _key: str) -> Done:
    """Leave values out."""
    unwanted = set(params.names)
    return _told(await drafts.change(node, params.draft, lambda held: msgspec.structs.replace(
        held, rows=tuple(one for one in held.rows if one.name not in unwanted))))


class LookImport(Params, frozen=True, kw_only=True):
    """A table of values (CSV or XLSX, base64); ``replace``: those that were there go."""

    draft: str
    content: str
    name: str = ""
    replace: bool = False


async def take_in(node: Node, params: LookImport, _key: str) -> Done:
    """Take values from a table; nothing happens when there are problems: they come back in ``facts``."""
    scheme = (await drafts.get(node, params.draft)).scheme
    grid = await asyncio.to_thread(sheets.read, content_of(params.content, CONTENT_MAX))
    told, problems = read_table(grid, lambda one: readable(spelled(one, scheme).address, scheme))
    if problems:
        return Done(facts={"draft": params.draft, "problems": [msgspec.to_builtins(one) for one in problems]})

    def made(held: MachineDraft) -> MachineDraft:
        before = {one.name: one for one in held.rows}
        fresh = [_joined(before.get(one.name), one, held.scheme) for one in told]
        names = {one.name for one in fresh}
        kept = [one for one in held.rows if one.name not in names and (one.action or not params.replace)]
        draft = msgspec.structs.replace(held, rows=(*kept, *fresh), tried={})
        draft.described()  # what is wrong in a row alone was told by its row; this is about two of them
        return draft

    return _told(await drafts.change(node, params.draft, made), added=len(told), problems=[])


def _joined(before: Row | None, told: Row, scheme: str) -> Row:
    """``told``, with what a table does not hold and was known of the same value."""
    if before is not None and before.address == told.address:
        told = msgspec.structs.replace(told, form=told.form or before.form, writable=before.writable)
    return spelled(told, scheme)


class DraftWrite(Params, frozen=True, kw_only=True):
    """A trial: bring ``property`` to ``value`` (in its unit), as its owner let it be written, and read it back."""

    draft: str
    property: str
    value: str
    sure: bool = False
    seen: str = ""


async def trial(node: Node, params: DraftWrite, key: str) -> Done:
    """Write one value of a device that is being connected."""
    if not params.sure:
        raise Refused("twin.not-sure")
    held = await drafts.get(node, params.draft)
    prop = (described := held.described()).properties.get(params.property)
    if prop is None:
        raise NotFound("machine.no-property", machine=held.name, property=params.property[:80])
    if node.floor is None or node.floor.machines.stop_writing:
        raise Refused("machine.writing-stopped", machine=held.name)
    wanted = typed(prop, params.value)
    command = f"{floor.TRIAL}{held.name}/{prop.name}/{key or node.random(8).hex()}"
    before = (await node.book_state("floor")).commands.get(command)
    if before is not None and before.status == "refused":
        raise Refused("machine.refused-before", machine=held.name, reason=before.reason, detail=before.detail)
    if before is not None:  # asked again: said again, never sent again
        return _told(held, outcome="confirmed" if before.status == "confirmed" else "unknown", property=prop.name)
    still(node, params.seen, held.thing())
    await _settle_left(node, held.name)
    await node.record("floor", CommandIntended(  # without the key: what was intended is no answer to who asked
        command=command, machine=held.name, job="", kind="write", at=_now(node),
        writes=(Written(property=prop.name, value=str(wanted)),)))
    task = asyncio.create_task(_tried(node, held, described, (command, prop.name, wanted)))
    outcome = await asyncio.shield(task)  # who waits no longer ends nothing
    if outcome.status == "refused":
        raise Refused(outcome.reason, **_refusal(held, prop.name, outcome))
    return _told(await drafts.get(node, params.draft), outcome=outcome.status, property=prop.name)


async def _tried(node: Node, held: MachineDraft, described: Description, what: tuple[str, str, Any]) -> Outcome:
    """What became of a trial, said in the floor book."""
    command, name, wanted = what
    try:
        outcome = await discovery(node).trial(held.name, described, name, wanted)
    except WeftError as error:  # raised by the guard, or while the device was looked at: before anything was sent
        outcome = Outcome(command="", status="refused", reason=error.code, facts=error.facts)
    except Exception:  # noqa: BLE001 - whatever a library raises in the middle: nobody knows what it did
        outcome = Outcome(command="", status="unknown", reason="no-answer")
    await node.record("floor", _ended(command, held.name, outcome, _now(node)))

    def made(now: MachineDraft) -> MachineDraft:
        why = drafts.Why(code=outcome.reason, facts=_refusal(held, name, outcome))
        return msgspec.structs.replace(now, tried={**now.tried, name: outcome.status}, why={**now.why, name: why})

    await drafts.change(node, held.id, made)
    return outcome


def _refusal(held: MachineDraft, name: str, outcome: Outcome) -> dict[str, str | int]:
    return {"machine": held.name, "property": name, "detail": outcome.detail, **outcome.facts}


def _ended(command: str, machine: str, outcome: Outcome, at: str) -> Any:
    if outcome.status == "confirmed":
        return CommandConfirmed(command=command, machine=machine, job="", at=at)
    if outcome.status == "refused":
        return CommandRefused(command=command, machine=machine, job="", kind="write", reason=outcome.reason,
                              detail=outcome.detail, at=at)
    return CommandUnknown(command=command, machine=machine, job="", reason=outcome.reason, detail=outcome.detail, at=at)


async def _settle_left(node: Node, machine: str) -> None:
    """A trial whose outcome a crash has swallowed is unknown."""
    for intent in floor.open_commands(await node.book_state("floor"), machine):
        if intent.command.startswith(floor.TRIAL):
            await node.record("floor", CommandUnknown(command=intent.command, machine=machine, job="",
                                                      reason="no-answer", at=_now(node)))


async def add(node: Node, params: LookNamed, key: str) -> Done:
    """The machine is connected from now on; the draft is gone."""
    held = await drafts.get(node, params.draft)
    if not held.rows:
        raise Refused("connect.no-rows", machine=held.name)
    held.described()
    text = msgspec.json.format(msgspec.json.encode(held.thing())).decode()
    said = await node.record("floor", MachineAdded(machine=held.name, description=text), key=key)
    await drafts.drop(node, held.id)
    return Done(thread=node.book("floor"), events=said, facts={"machine": held.name})


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One further machine: its name, and its address ("": the same)."""

    name: str
    address: str = ""


class MachineCopy(Params, frozen=True, kw_only=True):
    """Set up further machines like ``machine``; in the addresses of their values ``old`` becomes ``new``.

    ``{name}`` in ``new``: their name. ``check``: only look. ``anyway``: those that do not answer now are added, too.
    """

    machine: str
    to: tuple[Copy, ...]
    old: str = ""
    new: str = ""
    check: bool = False
    anyway: bool = False


async def copy(node: Node, params: MachineCopy, key: str) -> Done:
    """Add machines that are set up alike, each looked at first; nothing happens when there are problems."""
    known = (await node.book_state("floor")).machines.get(params.machine)
    if known is None or known.removed:
        raise NotFound("floor.machine-unknown", machine=params.machine[:80])
    if not params.to or len(params.to) > COPIES_MAX:
        raise Invalid("connect.copies", limit=COPIES_MAX)
    present = {name for name, one in (await node.book_state("floor")).machines.items() if not one.removed}
    texts = [_alike(node, known, one, params) for one in params.to]
    checked = await asyncio.gather(*(_answers(node, one, text, present) for one, text in zip(
        params.to, texts, strict=True)))
    problems = [{"row": n, "column": one.name, "code": error.code, "facts": dict(error.facts)}
                for n, (one, (error, _)) in enumerate(zip(params.to, checked, strict=True), 1) if error is not None]
    grave = [one for one in problems if not params.anyway or not str(one["code"]).startswith("machine.")]
    facts: dict[str, Any] = {"machine": params.machine, "problems": grave, "count": len(params.to) - len(problems),
                             "values": [sum(1 for value in values.values() if value.good) for _, values in checked]}
    if grave or params.check:
        return Done(facts=facts)
    said: list[str] = []
    for n, (one, text) in enumerate(zip(params.to, texts, strict=True)):
        said += await node.record("floor", MachineAdded(machine=one.name.strip(), description=text),
                                  key=f"{key}:{n}" if key else "")
    return Done(thread=node.book("floor"), events=said, facts={**facts, "added": len(params.to)})


def _alike(node: Node, known: floor.Machine, one: Copy, params: MachineCopy) -> str:
    address = one.address.strip() or parse_text(known.description).base
    drafts.checked(node, address)
    target = Target(name=one.name.strip(), endpoint=address)
    return again(known.description, target, (params.old, params.new.replace("{name}", one.name.strip())))


async def _answers(
    node: Node, one: Copy, text: str, present: set[str]
) -> tuple[WeftError | None, dict[str, Value]]:
    """Why ``one`` cannot be set up so, and what it says."""
    if not (name := one.name.strip()) or len(name) > drafts.NAME_MAX:
        return Invalid("floor.machine-name", machine=name[:80]), {}
    if name in present:
        return Refused("connect.name-taken", machine=name), {}
    try:
        described = parse_text(text)
        values = dict(await discovery(node).read(name, described, tuple(described.properties)))
    except WeftError as error:
        return error, {}
    bad = next((prop for prop, value in values.items() if not value.good), None)
    if values and not any(value.good for value in values.values()):
        return Unavailable("machine.no-reading", machine=name, property=bad or ""), values
    return None, values


def discovery(node: Node) -> Discovery:
    """How devices are looked at; raises ``Unavailable``."""
    if node.discovery is None:
        raise Unavailable("connect.nowhere")
    found: Discovery = node.discovery
    return found


def _told(draft: MachineDraft, **facts: Any) -> Done:
    return Done(facts={"draft": draft.id, "name": draft.name, "count": len(draft.rows), **facts})


def _plain(findings: Any) -> list[Any]:
    return [msgspec.to_builtins(one) for one in findings]


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())
