"""What the plan has told is remembered: a job says why it moved, also after a restart."""

import msgspec

from tests.engine.test_improving import at, late_shop, searched
from weft.basis import instant
from weft.engine import moves
from weft.engine.commands import run
from weft.engine.improving import Improving
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.views import VIEWS
from weft.engine.views.plan_if import plan_if


async def again(node: Node) -> Node:
    other = Node(identity=node.identity, store=node.store, clock=node.clock, random=node.random, config=node.config,
                 peers=node.peers)
    await other.start()
    return other


async def test_a_job_says_after_a_restart_why_it_moved():
    node = await late_shop()
    await moves.watch(node)
    assert await moves.moves(node) == {}
    await Improving(node, searched).once()
    await moves.watch(node)
    told = await moves.moves(node)
    assert told["A-10"].why.code == "moved-better-plan"
    other = await again(node)
    assert await moves.moves(other) == told
    await run(other, "job-lock", {"job": "A-10", "start": at(50)})
    await moves.watch(other)
    assert (await moves.moves(other))["A-10"].why.code == "moved-lock"


async def test_what_cannot_be_read_is_begun_anew():
    node = await late_shop()
    await node.store.commit(Batch(values=[(moves.BUCKET, "told", b"nonsense")]))
    assert await moves.moves(node) == {}
    await moves.watch(node)
    assert msgspec.json.decode(await node.store.value(moves.BUCKET, "told"))["jobs"]


async def test_asking_what_if_writes_nothing_and_doing_it_does():
    node = await late_shop()
    before = await node.store.value(moves.BUCKET, "told"), (await node.book_state("production")).sequence
    asked = await plan_if(node, "LONG-10", start=at(60), work_centre="W")
    assert {one.order for one in asked.orders} >= {"LONG", "A", "B", "C"}
    assert (await node.store.value(moves.BUCKET, "told"), (await node.book_state("production")).sequence) == before
    await run(node, "job-lock", {"job": "LONG-10", "start": asked.start, "work_centre": "W"})
    assert (await node.book_state("production")).sequence == before[1] + 1


async def test_a_job_s_last_move_ends_where_the_job_is_planned_now():
    node = await late_shop()
    await moves.watch(node)
    await Improving(node, searched).once()
    await moves.watch(node)
    await run(node, "job-lock", {"job": "A-10", "start": at(50)})
    view = await VIEWS["job"](node, job="A-10")
    assert view.moved.to_ms == instant.to_ms(view.row.start)
    assert (await moves.moves(node))["A-10"].to_ms != view.moved.to_ms  # the control: what was noticed is older
