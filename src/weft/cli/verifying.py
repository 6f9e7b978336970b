"""Every event of a home checked again, offline, with nothing but the database.

Steps for each thread: 1. header and payloads are what their hashes say (``event.parse``); 2. the id in the store is
the header's own; 3. every parent is there, and chains have no gap; 4. who signed might sign; in a book a signed tip
binds what is unsigned below it.
Not here: packs (``thread/audit.py``), what events mean (the fold is the node's affair).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.basis.errors import WeftError
from weft.cli.words import refusal, say
from weft.engine.memory import PRUNED
from weft.identity.keylog import KeyState
from weft.thread import graph
from weft.thread.event import Event, Payload, parse
from weft.thread.key_log import KEYLOG, KeyLog
from weft.thread.verify import check_event

Read = list[tuple[str, Event | WeftError]]


async def verified(store: Any, told: Callable[[int], None] = lambda _read: None) -> dict[str, Any]:
    """What is wrong in all threads of ``store``; ``told`` gets how many events were read."""
    held: dict[str, tuple[str, Read]] = {}
    for row in await store.threads():
        held[row.thread] = (row.machine, await _events(store, row.thread))
        told(sum(len(events) for _, events in held.values()))
    faults: list[dict[str, str]] = []
    keys = {thread: _keys(thread, events, faults) for thread, (machine, events) in held.items() if machine == KEYLOG}
    for thread, (machine, events) in held.items():
        if machine != KEYLOG:
            pruned = await store.value(PRUNED, thread) is not None
            faults += [{"thread": thread, "event": one, "problem": said}
                       for one, said in _faults(events, keys, whole=not pruned)]
    return {"threads": len(held), "events": sum(len(events) for _, events in held.values()), "faults": faults}


async def _events(store: Any, thread: str) -> Read:
    """(id in the store, event or why it is none) by arrival; steps 1 and 2 are the reader's."""
    found_here: Read = []
    for row in await store.events(thread):
        payloads = {one.slot: Payload(one.salt, one.content) for one in await store.payloads(thread, [row.id])}
        try:
            found_here.append((row.id, parse(row.header, row.signature, payloads)))
        except WeftError as error:
            found_here.append((row.id, error))
    return found_here


def _keys(organisation: str, events: Read, faults: list[dict[str, str]]) -> KeyState:
    """The key state that the valid events give; what is not valid is told in ``faults``."""
    held = KeyLog(organisation)
    for name, one in events:
        try:
            if isinstance(one, WeftError):
                raise one
            held.take(one)
        except WeftError as error:
            faults.append({"thread": "keys", "event": name, "problem": refusal(error)})
    return held.state


def _faults(events: Read, keys: Mapping[str, KeyState], *, whole: bool) -> list[tuple[str, str]]:
    """(event, what is wrong) for steps 1 to 4; a thread that was pruned is not ``whole``: parents are gone."""
    good = {name: one for name, one in events if isinstance(one, Event)}
    faults = [(name, refusal(one)) for name, one in events if isinstance(one, WeftError)]
    faults += [(name, say("cli.log.other-id")) for name, one in good.items() if one.id != name]
    parents: dict[str, Sequence[str]] = {name: one.parents for name, one in good.items()}
    faults += [(name, say("cli.log.no-parent")) for name, above in parents.items()
               if whole and not set(above) <= set(good)]
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
