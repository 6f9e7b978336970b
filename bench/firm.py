"""A firm's threads over a real database in a folder of their own: the engine without doors, for measuring."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from weft.engine import handle
from weft.engine.clock import SystemClock, system_random
from weft.engine.machines import MACHINES
from weft.engine.memory import Identity, Memory, new_incarnation
from weft.identity.keylog import SCOPE_NODE, DeviceDelegation, KeyInception, commitment
from weft.identity.keys import SEED_BYTES, Signer
from weft.stores.sqlite import SqliteStore
from weft.trade.messages import Party, RelationshipProposed


async def found(folder: Path, name: str) -> Memory:
    """A new firm: keys, key log, and a database."""
    root, following, device = (Signer(system_random(SEED_BYTES)) for _ in range(3))
    store = SqliteStore(str(folder / f"{name}.db"))
    memory = Memory(Identity("", device, new_incarnation(system_random)), store, SystemClock(), system_random)
    memory.identity.organisation = await handle.append_key_events(memory, root, [
        KeyInception(keys=[root.public], next=commitment([following.public])),
        DeviceDelegation(device=device.public, scope=SCOPE_NODE),
    ])
    memory.identity.key_event = (await memory.state(memory.organisation)).event
    return memory


def machine_named(name: str) -> Any:
    """The machine of a conversation."""
    return next(one for one in MACHINES.values() if name == one.conversation.NAME)


async def propose(memory: Memory, other: str, key_log: tuple[str, ...], token: str = "") -> str:
    """Begin a relationship thread with ``other``; its id."""
    said = RelationshipProposed(party=Party(name="Firm"), key_log=key_log, token=token)
    members = {memory.organisation: "invitee", other: "inviter"}
    return await handle.open_thread(memory, machine_named("relationship"), members, said)


def measured(work: Callable[[Path], Awaitable[Any]]) -> Any:
    """The result of ``work`` in a folder that is gone afterwards, on the loop that nodes use."""
    import uvloop

    with (
        tempfile.TemporaryDirectory(prefix="weft-bench-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(work(Path(folder)))
