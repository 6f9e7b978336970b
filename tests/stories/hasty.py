"""A node that notes changes as told before they are: the control of the story of those who are told of changes."""

import sys
from collections.abc import Sequence

from weft.__main__ import main
from weft.engine.twins import delivering
from weft.engine.twins.subscriptions import Message

_deliver = delivering.Deliveries._deliver


async def _hastily(self: delivering.Deliveries, one: delivering.Worker, events: Sequence[tuple[int, Message]]) -> None:
    one.progress.place = max([one.progress.place, *(number for number, _ in events)])
    await self.save(one)
    await _deliver(self, one, events)


delivering.Deliveries._deliver = _hastily  # type: ignore[method-assign]  # that is the point

if __name__ == "__main__":
    sys.exit(main())
