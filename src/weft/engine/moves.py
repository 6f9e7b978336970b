"""What the plan has told of each job, kept between one plan and the next, so that a job can say why it moved.

Rule 1: the comparison is pure (``production/moves.py``); here it is only made once a second and remembered.
Rule 2: it is remembered over a restart; what cannot be read any more is begun anew.
Not here: the plan (``planner.py``), the words (``locale``).
"""

from typing import Final

import msgspec

from weft.engine.node import Node
from weft.engine.planner import present
from weft.engine.ports import Batch
from weft.production.moves import Move, Told, told

BUCKET: Final = "plan-told"
_KEY: Final = "told"


async def watch(node: Node) -> None:
    """Look at the present plan once more, and remember what moved."""
    _, problem, plan = await present(node)
    before = await _kept(node)
    after = told(before, problem, plan)
    if after is not before:
        await node.store.commit(Batch(values=[(BUCKET, _KEY, msgspec.json.encode(after))]))
        node.kept_told = after


async def moves(node: Node) -> dict[str, Move]:
    """The last move of each open job that moved."""
    return (await _kept(node)).moves


async def _kept(node: Node) -> Told:
    if node.kept_told is None:
        data = await node.store.value(BUCKET, _KEY)
        try:
            node.kept_told = Told() if data is None else msgspec.json.decode(data, type=Told)
        except msgspec.DecodeError:
            node.kept_told = Told()
    found: Told = node.kept_told
    return found
