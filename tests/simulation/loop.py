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
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

STEPS_MAX = 5_000_000
REGISTER = "_all_tasks" if sys.version_info < (3, 12) else "_scheduled_tasks"  # where asyncio notes all tasks


class Household:
    """The tasks that belong to one life of a node: they all end with it. ``name``: that of the firm, and which life."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.firm = name.partition(" ")[0]
        self.tasks: dict[asyncio.Task[Any], None] = {}  # in the order of their birth: a seed replays


OWNER: ContextVar[Household | None] = ContextVar("OWNER", default=None)


class _Step:
    """What asyncio calls a handle, as much of it as callbacks and timers of this loop need."""

    __slots__ = ("args", "callback", "cancelled_", "context")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None) -> None:
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.cancelled_ = False

    def __lt__(self, other: "_Step") -> bool:
        """Of two timers of one moment neither comes first: the heap decides."""
        return False

    def cancel(self) -> None:
        """It will not run."""
        self.cancelled_ = True
        self.callback, self.args = _nothing, ()

    def cancelled(self) -> bool:
        """Whether it will not."""
        return self.cancelled_


def _nothing(_task: Any = None) -> None:
    """What a step does that was cancelled."""


class _Lottery:
    """Stands for the loop's deque of ready callbacks: ``ready``, of which ``draw`` says which is next."""

    def __init__(self, luck: random.Random) -> None:
        self.draw = luck.random
        self.ready: list[_Step] = []
        self.append = self.ready.append
        self.clear = self.ready.clear
        self.steps = 0
        self.alarms: list[tuple[int, Callable[[], None]]] = []

    def look_up(self) -> None:
        if self.steps > STEPS_MAX:
            raise RuntimeError("the world never becomes quiet")
        for alarm in [alarm for alarm in self.alarms if alarm[0] <= self.steps]:
            self.alarms.remove(alarm)
            alarm[1]()

    def __len__(self) -> int:
        return len(self.ready)


class _VirtualSelector(selectors.SelectSelector):
    """Never waits, and holds the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """See the module's first lines. ``after_steps`` does something between two steps of whatever runs."""

    def __init__(self, luck: random.Random) -> None:
        self.clock = _VirtualSelector()
        super().__init__(self.clock)
        self._ready = self._lottery = _Lottery(luck)
        self._timers: list[tuple[float, _Step]] = []
        self.born: list[asyncio.Task[Any]] = []
        self.set_task_factory(_owned)

    def time(self) -> float:
        return self.clock.now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        step = _Step(callback, args, context)
        self._lottery.append(step)
        return step

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        step = _Step(callback, args, context)
        heapq.heappush(self._timers, (when, step))
        return step

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self.clock.now + delay, callback, *args, context=context)

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """At once: a world has one thread, and what happens in it does not depend on that of the machine."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits it is told
            done.set_exception(error)
        return done

    def _run_once(self) -> None:
        """Rounds as asyncio's own, without a look at files and without a clock, until somebody stops the loop."""
        lottery, ready, draw = self._lottery, self._lottery.ready, self._lottery.draw
        while True:
            self._ring()
            for _ in range(len(ready)):
                lottery.steps += 1
                if lottery.alarms or lottery.steps > STEPS_MAX:
                    lottery.look_up()
                place = int(draw() * len(ready))
                step, last = ready[place], ready.pop()
                if step is not last:
                    ready[place] = last
                if not step.cancelled_:
                    try:
                        step.context.run(step.callback, *step.args)
                    except Exception as error:  # noqa: BLE001 - as asyncio does
                        self.call_exception_handler({"message": f"{step.callback} failed", "exception": error})
            if self._stopping:
                return

    def _ring(self) -> None:
        """What is due becomes ready; when nothing is, the clock jumps."""
        timers, ready = self._timers, self._lottery.ready
        while timers and timers[0][1].cancelled_:
            heapq.heappop(timers)
        if not ready and not self._stopping:
            if not timers:
                raise RuntimeError("everybody waits for somebody else")
            self.clock.now = max(self.clock.now, timers[0][0])
        now = self.clock.now
        while timers and timers[0][0] <= now:
            ready.append(heapq.heappop(timers)[1])

    @property
    def steps(self) -> int:
        return self._lottery.steps

    def after_steps(self, count: int, action: Callable[[], None]) -> None:
        self._lottery.alarms.append((self.steps + count, action))


def _owned(loop: Any, coro: Coroutine[Any, Any, Any], **more: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(coro, loop=loop, **more)
    loop.born.append(task)
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
    register: Any = vars(asyncio.tasks)[REGISTER]  # of weak references, which cost much: here no task is let go of
    register.add = _nothing
    try:
        return loop.run_until_complete(story(loop, luck))
    finally:
        while left := {task for task in loop.born if not task.done()}:
            for task in left:
                task.cancel()  # a wait with a timeout may swallow one cancellation as it ends
            loop.run_until_complete(asyncio.wait(left, timeout=1))
        del register.add
        asyncio.set_event_loop(None)
        loop.close()
