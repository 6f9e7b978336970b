"""A node that takes a missing answer for a missing start, and repeats it: the control of the story of broken lines."""

import sys
from typing import Any

from weft.__main__ import main
from weft.basis.errors import Unavailable
from weft.machines.commanding import Commanding
from weft.shopfloor.jobcontrol import Starting

_give_start = Commanding._give_start


async def _repeatedly(self: Commanding, how: Starting) -> Any:
    for _ in range(200):
        try:
            return await _give_start(self, how)
        except Unavailable:
            await self._connection.wait_up(1)
    return ""


Commanding._give_start = _repeatedly  # type: ignore[method-assign] # that is the point

if __name__ == "__main__":
    sys.exit(main())
