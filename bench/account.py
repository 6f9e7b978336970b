"""Where the time of one event goes: ``python -m bench.account``, processor microseconds an event, step by step.

Steps are timed a few at a time, because a stopwatch costs as much as a small step; a step holds those that are
indented below it. Processor time of one thread, so that others on the machine distort it less than a clock would.
"""

import inspect
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import appends, receive
from bench.firm import machine_named, measured
from weft.basis import canonical
from weft.engine import handle, sync, threads
from weft.engine import receive as receiving
from weft.engine.memory import Memory
from weft.identity.keys import Signer
from weft.stores.group import GroupCommit
from weft.thread import event, verify

ROUNDS = 4
Step = tuple[Any, str, str]  # whose, which function, what it is

STORED: list[list[Step]] = [[(GroupCommit, "flush", "store: one transaction for all that waits")]]


def _said(conversation: Any) -> list[list[Step]]:
    return [
        *STORED,
        [(handle, "_decided", "decide, compose, sign, fold")],
        [(conversation, "decide", "  the rules decide")],
        [(handle, "_event", "  compose: message, salt, header, hashes")],
        [(canonical, "encode_struct", "    the message's bytes"), (handle, "written", "    the header's bytes and id")],
        [(Signer, "sign", "  sign")],
        [(threads.Loaded, "copied", "  a new value of the thread")],
        [(handle, "entry_of", "  read what was composed, as others will")],
        [(threads.Loaded, "take", "  fold")],
        [(conversation, "judge", "    the rules judge"), (conversation, "evolve", "    the state after it")],
        [(handle, "_rows", "rows and effects"), (Memory, "swap", "memory follows"), (Memory, "lock", "lock")],
    ]


TAKEN: list[list[Step]] = [
    *STORED,
    [(sync, "read_request", "read the request"), (sync, "_events", "read its events")],
    [(event, "_header", "  header: typed, and equal to its own encoding")],
    [(event, "_check_form", "  its form"), (event, "_check_payload", "  payloads match their commitments")],
    [(receiving, "_verified", "verify and look for forks")],
    [(verify, "verify", "  the signature")],
    [(receiving, "_append", "fold and store, all in all")],
    [(receiving, "entry_of", "  read the messages"), (threads.Loaded, "extended", "  fold")],
    [(sync, "lacking", "what the other lacks")],
]


class Watch:
    """Sums the time spent in functions while they are wrapped."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}

    def wrap(self, step: Step) -> Callable[[], None]:
        """Time ``step`` from now on; what is returned ends that."""
        owner, name, told = step
        action = getattr(owner, name)

        def add(begun: int) -> None:
            self.spent[told] = self.spent.get(told, 0) + time.thread_time_ns() - begun

        async def awaited(*values: Any, **named: Any) -> Any:
            begun = time.thread_time_ns()
            result = await action(*values, **named)
            add(begun)
            return result

        def called(*values: Any, **named: Any) -> Any:
            begun = time.thread_time_ns()
            result = action(*values, **named)
            add(begun)
            return result

        setattr(owner, name, awaited if inspect.iscoroutinefunction(action) else called)
        return lambda: setattr(owner, name, action)


async def account(title: str, loop: Callable[[], Any], events: int, groups: Sequence[Sequence[Step]]) -> None:
    """Print the steps of ``loop``, which handles ``events`` in one turn."""
    print(title)
    for group in groups:
        least: dict[str, int] = {}
        watch = Watch()
        undo = [watch.wrap(step) for step in group]
        for _ in range(ROUNDS):
            watch.spent.clear()
            await loop()
            for told, spent in watch.spent.items():
                least[told] = min(least.get(told, spent), spent)
        for end in undo:
            end()
        for told, spent in least.items():
            print(f"  {told:55} {spent / 1000 / events:6.1f}")


async def work(folder: Path) -> None:
    """All three loops."""
    for title, which, conversation in (("thread, each signed", 0, "relationship"), ("book, tip signed", 1, "floor")):
        place = folder / conversation
        place.mkdir()
        loop = (await appends._ours(place))[which]  # noqa: SLF001 - the very loop that is measured
        count = appends.GROUP * appends.GROUPS
        await account(title, loop, count, _said(machine_named(conversation).conversation))
    loop = await receive._ours(folder)  # noqa: SLF001
    await account("receive, verify, store", loop, receive.GROUP * receive.GROUPS, TAKEN)


if __name__ == "__main__":
    measured(work)
