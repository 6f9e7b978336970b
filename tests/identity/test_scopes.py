"""What tills and lines may say are words that there are."""

import pytest

from weft.engine.machines import MACHINES
from weft.identity.scopes import ALWAYS, MAY_SAY, SCOPES, may_say

KINDS = {machine.conversation.NAME: set(machine.kinds) for machine in MACHINES.values()}


def test_every_word_of_a_scope_is_one_of_its_conversation():
    for said in MAY_SAY.values():
        for machine, kinds in said.items():
            assert kinds <= KINDS[machine], machine
    assert set(MAY_SAY) | {"node"} == SCOPES
    assert all(kinds >= ALWAYS for kinds in KINDS.values())


@pytest.mark.parametrize("kind", ["Order", "OrderResponse", "OrderChange", "OrderCancellation", "Quotation"])
def test_a_stolen_till_binds_the_firm_to_nothing(kind):
    assert not may_say("till", "order/1", kind)
    assert not may_say("line", "order/1", kind)
    assert may_say("node", "order/1", kind)
    assert not may_say("king", "order/1", kind)
