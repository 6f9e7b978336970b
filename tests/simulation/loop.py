"""An asyncio loop without real time and without luck: virtual clock, seeded order of everything that is ready.

Of the callbacks that are ready, a seeded random one runs next, so every interleaving that asyncio allows between
awaits can happen; when none is ready, the clock jumps to the next timer.
Rule 1: the same seed gives the same run, step by step (with PYTHONHASHSEED fixed).
Rule 2: real input and output never wakes this loop; what needs it does not belong in a simulation.
"""

import asyncio
import heapq
import random
import selectors
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

STEPS_MAX = 5_000_000


class Household:
    """The tasks that belong to one life of a node: they all end with it. ``name``: that of the firm, and which life."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.firm = name.partition(" ")[0]
        self.tasks: dict[asyncio.Task[Any], None] = {}  # in the order of their birth: a seed replays


OWNER: ContextVar[Household | None] = ContextVar("OWNER", default=None)


class _Lottery:
    """Stands for the loop's deque of ready callbacks; ``popleft`` draws one by lot."""

    def __init__(self, luck: random.Random) -> None:
        self._draw = luck.random
        self._handles: list[asyncio.Handle] = []
        self.append = self._handles.append
        self.clear = self._handles.clear
        self.steps = 0
        self.alarms: list[tuple[int, Callable[[], None]]] = []

    def popleft(self) -> asyncio.Handle:
        self.steps += 1
        if self.alarms or self.steps > STEPS_MAX:
            self._look_up()
        handles = self._handles
        place = int(self._draw() * len(handles))
        drawn, last = handles[place], handles.pop()
        if drawn is not last:
            handles[place] = last
        return drawn

    def _look_up(self) -> None:
        if self.steps > STEPS_MAX:
            raise RuntimeError("the world never becomes quiet")
        for alarm in [alarm for alarm in self.alarms if alarm[0] <= self.steps]:
            self.alarms.remove(alarm)
            alarm[1]()

    def __len__(self) -> int:
        return len(self._handles)


class _VirtualSelector(selectors.SelectSelector):
    """Never waits, and holds the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """See the module's first lines. ``after_steps`` does something between two steps of whatever runs."""

    def __init__(self, luck: random.Random) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)
        self._ready = self._lottery = _Lottery(luck)
        self.set_task_factory(_owned)

    def time(self) -> float:
        return self._virtual.now

    def _run_once(self) -> None:
        """One round, as asyncio's own, without a look at files and without a clock: nothing real wakes this loop."""
        timers, ready = self._scheduled, self._lottery
        while timers and timers[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(timers)._scheduled = False
        if not len(ready) and not self._stopping:
            if not timers:
                raise RuntimeError("everybody waits for somebody else")
            self._virtual.now = max(self._virtual.now, timers[0]._when)
        now = self._virtual.now
        while timers and timers[0]._when <= now:
            due = heapq.heappop(timers)
            due._scheduled = False
            ready.append(due)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    @property
    def steps(self) -> int:
        return self._lottery.steps

    def after_steps(self, count: int, action: Callable[[], None]) -> None:
        self._lottery.alarms.append((self.steps + count, action))


def _owned(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **more: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(coro, loop=loop, **more)
    context = more.get("context")
    owner = OWNER.get() if context is None else context.get(OWNER)
    if owner is not None:
        owner.tasks[task] = None
        task.add_done_callback(lambda done: owner.tasks.pop(done, None))
    return task


def run(seed: int, story: Callable[[SimulatedLoop, random.Random], Coroutine[Any, Any, Any]]) -> Any:
    """The result of ``story`` in a world of its own that ``seed`` decides."""
    luck = random.Random(seed)
    loop = SimulatedLoop(random.Random(luck.random()))
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(story(loop, luck))
    finally:
        while left := asyncio.all_tasks(loop):  # a wait with a timeout may swallow one cancellation as it ends
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=1))
        asyncio.set_event_loop(None)
        loop.close()
