"""Receive, verify, store: a peer pushes thread events (each signed) in groups of 128.

Ours is the path of the peers' door below HTTP: decode, verify, look for forks, fold, one transaction.
Books do not travel yet, so there is no tip-signed line here.
"""

from pathlib import Path
from typing import Any

import msgspec

from bench.bare import BareLoop
from bench.firm import found, measured, propose
from bench.rounds import Result, interleaved, rate, show, stopwatch
from weft.engine import handle, sync
from weft.engine.memory import Memory
from weft.engine.ports import Batch
from weft.engine.receive import INVITATIONS, key_log_of, token_name
from weft.thread.event import to_envelope
from weft.trade.messages import Party, PartyUpdated
from weft.trade.say import Say

GROUP = 128
GROUPS = 6
ROUNDS = 7
SHARE = 0.8
TOKEN = "bench"
INVITATION = b'{"note":"","until":"2100-01-01T00:00:00.000Z"}'


def _update(turn: int) -> PartyUpdated:
    return PartyUpdated(party=Party(name="Jinggong Machining", url="http://127.0.0.1:8440", address=f"Hall {turn}"))


async def _pushes(sender: Memory, receiver: str) -> list[bytes]:
    """Request bodies about a new thread: the first brings its genesis, each other ``GROUP`` events."""
    keys = await key_log_of(sender, sender.organisation)
    thread = await propose(sender, receiver, keys, TOKEN)
    turns = [Say(role="invitee", by=sender.organisation, message=_update(turn)) for turn in range(GROUP)]
    for _ in range(GROUPS):
        await handle.say(sender, thread, turns)
    events = await sender.with_payloads(thread, await sender.store.events(thread))
    groups = [events[:1], *(events[1 + k : 1 + k + GROUP] for k in range(0, GROUP * GROUPS, GROUP))]
    return [
        msgspec.json.encode(
            sync.SyncRequest(thread=thread, heads=[group[-1].id], events=[to_envelope(event) for event in group])
        )
        for group in groups
    ]


async def _ours(folder: Path) -> Any:
    sender, receiver = await found(folder, "sender"), await found(folder, "receiver")

    async def thread_events() -> float:
        await receiver.store.commit(Batch(values=[(INVITATIONS, token_name(TOKEN), INVITATION)]))
        first, *groups = await _pushes(sender, receiver.organisation)
        await sync.answer(receiver, sender.organisation, sync.read_request(first))
        watch = stopwatch()
        for body in groups:
            reply = await sync.answer(receiver, sender.organisation, sync.read_request(body))
            if reply.invalid or reply.heads != sync.read_request(body).heads:
                raise RuntimeError("the receiver did not take every event")
        return GROUP * GROUPS / watch()

    return thread_events


def _bare(folder: Path) -> Any:
    content = msgspec.json.encode(_update(1))
    sender = BareLoop(str(folder / "bare-sender.db"), ROUNDS + 1, content, state=b"")
    receiver = BareLoop(str(folder / "bare-receiver.db"), 1, content, state=b"s" * 600)
    chains = iter(range(ROUNDS + 1))

    async def thread_events() -> float:
        chain = next(chains)
        groups = [sender.wire(chain, GROUP) for _ in range(GROUPS)]
        watch = stopwatch()
        for body in groups:
            receiver.receive(body)
        return GROUP * GROUPS / watch()

    return thread_events


async def work(folder: Path) -> list[Result]:
    """The line of DESIGN §13."""
    told = await interleaved({"ours": await _ours(folder), "bare": _bare(folder)}, ROUNDS)
    return [rate("receive, verify, store, thread, each signed", told["ours"], told["bare"], SHARE)]


def results() -> list[Result]:
    """All lines of this file."""
    return measured(work)


if __name__ == "__main__":
    show(results())
