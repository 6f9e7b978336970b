"""The hash of a folded state: of whatever people call their things, and another for another state."""

from tests.engine.home import LATHE, busy_node
from weft.engine import packs
from weft.engine.machines import state_hash
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.reading import fill


async def test_a_machine_may_be_called_by_a_name_in_any_script():
    node = await busy_node()
    before = state_hash(await node.book_state("floor"))
    thing = fill(LATHE.read_text(), {"NAME": "L7", "ENDPOINT": "opc.tcp://127.0.0.1:4841"})
    await node.say(node.book("floor"), MachineAdded(machine="车床一", description=thing))
    state = await node.book_state("floor")
    assert "车床一" in state.machines
    assert state_hash(state) == state_hash(await node.book_state("floor")) != before
    assert len(await packs.pack(node.store, node.book("floor"), lambda _type, _slot: False)) > 1_000
    await node.twins.close()
