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


@pytest.mark.parametrize("machine", sorted(KINDS))
def test_a_till_says_nothing_in_any_thread_while_a_line_says_that_it_has_read(machine):
    assert not [kind for kind in KINDS[machine] if may_say("till", f"{machine}/1", kind)]
    assert not [kind for kind in KINDS[machine] if may_say("king", f"{machine}/1", kind)]
    assert all(may_say("line", f"{machine}/1", kind) and may_say("node", f"{machine}/1", kind) for kind in ALWAYS)
