"""``weft log verify``: checks every event of a home again, offline, with nothing but the database.

Steps for each thread: 1. header and payloads are what their hashes say (``event.parse``); 2. the id in the store is
the header's own; 3. every parent is there, and chains have no gap; 4. who signed might sign; in a book a signed tip
binds what is unsigned below it.
Not here: what events mean (the fold is the node's affair).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from weft.basis.decider import Said
from weft.basis.errors import WeftError
from weft.cli.options import found, home_argument, json_option
from weft.cli.printing import Paper
from weft.cli.words import refusal, say
from weft.identity import keylog
from weft.thread import graph
from weft.thread.event import Event, Payload, parse
from weft.thread.verify import check_event, check_key_event

KEYLOG = f"{keylog.NAME}/{keylog.VERSION}"


@click.group("log", help=say("cli.log"))
def command() -> None:
    """Histories."""


@command.command("verify", help=say("cli.log.verify"))
@home_argument
@json_option
def verify(home: Path | None, *, as_json: bool) -> int:
    """Verify all threads of a home that is not running."""
    from weft import launch

    place = launch.Home(found(home))
    result = launch.run(_verified(place))
    if as_json or result["faults"]:
        Paper(as_json=as_json).table(result["faults"], "thread event problem", result)
    if not as_json:
        click.echo(say("cli.log.verified", threads=result["threads"], events=result["events"], n=len(result["faults"])))
    return int(bool(result["faults"]))


async def _verified(place: Any) -> dict[str, Any]:
    from weft import launch

    store = launch.open_store(place, place.config().storage.database, reading=True)
    try:
        rows = await store.threads()
        held = {row.thread: (row.machine, await _events(store, row.thread)) for row in rows}
    finally:
        await store.close()
    faults: list[dict[str, str]] = []
    keys = {thread: _keys(events, faults) for thread, (machine, events) in held.items() if machine == KEYLOG}
    for thread, (machine, events) in held.items():
        if machine != KEYLOG:
            faults += [{"thread": thread, "event": one, "problem": said} for one, said in _faults(events, keys)]
    return {"threads": len(held), "events": sum(len(events) for _, events in held.values()), "faults": faults}


async def _events(store: Any, thread: str) -> list[tuple[str, Event | WeftError]]:
    """(id in the store, event or why it is none) by arrival; steps 1 and 2 are the reader's."""
    found_here: list[tuple[str, Event | WeftError]] = []
    for row in await store.events(thread):
        payloads = {one.slot: Payload(one.salt, one.content) for one in await store.payloads(thread, [row.id])}
        try:
            found_here.append((row.id, parse(row.header, row.signature, payloads)))
        except WeftError as error:
            found_here.append((row.id, error))
    return found_here


def _keys(events: Sequence[tuple[str, Event | WeftError]], faults: list[dict[str, str]]) -> keylog.KeyState:
    """The key state that the valid events give; what is not valid is told in ``faults``."""
    state = keylog.INITIAL
    for name, one in events:
        try:
            if isinstance(one, WeftError):
                raise one
            check_key_event(one, state)
            message = _message(one)
            if keylog.judge(state, Said(one.id, one.author, "", message)) is None:
                state = keylog.evolve(state, Said(one.id, one.author, "", message))
        except WeftError as error:
            faults.append({"thread": "keys", "event": name, "problem": refusal(error)})
    return state


def _message(one: Event) -> Any:
    import msgspec

    kind = keylog.MESSAGES[one.header.y]
    return msgspec.json.decode(one.payloads[0].content, type=kind)


def _faults(
    events: Sequence[tuple[str, Event | WeftError]], keys: Mapping[str, keylog.KeyState]
) -> list[tuple[str, str]]:
    """(event, what is wrong) for steps 1 to 4."""
    good = {name: one for name, one in events if isinstance(one, Event)}
    faults = [(name, refusal(one)) for name, one in events if isinstance(one, WeftError)]
    faults += [(name, say("cli.log.other-id")) for name, one in good.items() if one.id != name]
    parents = {name: one.parents for name, one in good.items()}
    faults += [(name, say("cli.log.no-parent")) for name, above in parents.items() if not set(above) <= set(good)]
    members: dict[str, str] = next((one.header.mem for one in good.values() if isinstance(one.header.mem, dict)), {})
    signed = [name for name, one in good.items() if one.signature]
    bound = graph.past(parents, signed) if len(members) == 1 else set(signed)
    faults += [(name, say("cli.log.unsigned")) for name in good if name not in bound]
    for name in signed:
        try:
            check_event(good[name], members, keys.get(good[name].author))
        except WeftError as error:
            faults.append((name, refusal(error)))
    return faults
