"""Stock that is kept for somebody and is not there any more is shown to the owner, never lost in silence."""

from tests.engine.home import busy_node
from weft.engine.commands import run
from weft.engine.views.today import today, waiting
from weft.stock.messages import Reserved


async def test_what_is_kept_and_was_counted_away_is_a_task_until_it_is_there_again():
    node = await busy_node()
    await node.record("stock", Reserved(id="kept", item="BV-15", quantity="10"))

    async def short() -> list[tuple[str, str]]:
        return [(task.item, task.quantity) for task in (await today(node)).answer if task.kind == "shortage"]

    try:
        assert await short() == []
        before = await waiting(node)
        await run(node, "stock-count", {"item": "BV-15", "quantity": "4", "reason": "counted"})
        assert await short() == [("BV-15", "6")]
        assert await waiting(node) > before
        await run(node, "stock-receive", {"item": "BV-15", "quantity": "6"})
        assert await short() == []
    finally:
        await node.stop()
