"""Nothing is lost and nothing happens twice, whichever commit of whichever firm was its last before the power went.

Each story of three firms is compared with the same story undisturbed: stock, jobs, money, traces, events by kind.
Not here: every single commit (``test_crash_commits.py``), and many more crashes (``test_crash_many.py``).
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.engine import crash_world
from tests.engine.crash_world import World
from tests.simulation.loop import run
from weft.engine.effects import Cause, Reaction
from weft.engine.node import Node
from weft.engine.reactions import TABLE, offering, sending
from weft.stock import messages as sm

SEEDS = (1, 2, 3)  # the order in which things happen that may happen in any order
SAMPLE = 15  # crashes a firm
SEVERAL = 4  # stories a seed with several crashes each
Deaths = Mapping[str, Sequence[int]]
FIRMS = ("Shop", "Factory", "Turner")


def told(deaths: Deaths | None = None, seed: int = SEEDS[0]) -> tuple[dict[str, Any], World]:
    """What the story comes to when firms die right after these commits."""
    async def story(loop, luck):
        world = World(loop, luck, deaths or {})
        return await world.run(), world

    return run(seed, story)


@cache
def undisturbed(seed: int = SEEDS[0]) -> tuple[dict[str, Any], World]:
    return told(seed=seed)


def commits(world: World, victim: str) -> int:
    return next(firm.commits[0] for firm in world.firms if firm.name == victim)


def check(deaths: Deaths, seed: int = SEEDS[0]) -> None:
    result, world = told(deaths, seed)
    assert result == undisturbed(seed)[0], f"{deaths} with seed {seed}"
    for firm in world.firms:
        assert firm.crashes == sum(one <= firm.commits[0] for one in deaths.get(firm.name, ()))
    assert any(firm.crashes for firm in world.firms)


def test_undisturbed_the_story_ends_well():
    result, world = undisturbed()
    assert result["troubles"] == ""
    assert result["differences"] == []
    assert result["links"] == [True]
    assert result["Shop"]["parcels"] == {"V15 of  at ": 11}
    assert result["Factory"]["reserved"] == result["Turner"]["reserved"] == []
    assert all(firm.commits[0] > 50 for firm in world.firms)


@pytest.mark.parametrize("victim", FIRMS)
def test_a_crash_after_a_sampled_commit_changes_nothing(victim):
    count = commits(undisturbed()[1], victim)
    for last in random.Random(f"sample {victim}").sample(range(1, count + 1), SAMPLE):
        check({victim: [last]})


@pytest.mark.parametrize("seed", SEEDS)
def test_several_crashes_of_all_firms_change_nothing(seed):
    several(seed, SEVERAL)


def several(seed: int, count: int) -> None:
    """Crashes anywhere, and again soon: in the middle of going on after the first."""
    chance = random.Random(f"several {seed}")
    for _ in range(count):
        deaths: dict[str, list[int]] = {}
        for victim in chance.sample(FIRMS, chance.randint(1, 3)):
            first = chance.randint(1, commits(undisturbed(seed)[1], victim) * 9 // 10)
            deaths[victim] = [first, first + chance.randint(1, 6), first + chance.randint(7, 60)]
        check(deaths, seed)


# ---- controls: reactions that cannot be begun again are found out -----------------------------------


def found_out(monkeypatch, row: tuple[str, str], reaction: Reaction, victim: str, last: Iterable[int]) -> int:
    """The first of ``last`` commits of ``victim`` whose crash is found out when ``reaction`` stands in the table."""
    table = {**TABLE, row: [reaction if one.name == reaction.name else one for one in TABLE[row]]}
    monkeypatch.setattr(crash_world, "TABLE", table)
    calm, _ = told()
    assert calm["troubles"] == "", "without a crash nobody would notice"
    for commit in last:
        try:
            result, _ = told({victim: [commit]})
        except crash_world.Broken:
            return commit
        if result != calm:
            return commit
    return 0


def instead(row: tuple[str, str], name: str, run_: Any) -> Reaction:
    return replace(next(one for one in TABLE[row] if one.name == name), run=run_)


async def _keyless(node: Node, cause: Cause) -> None:
    """Books what came with a number of chance, as a hasty programmer would."""
    state = await node.state(cause.thread)
    sent = state.despatches[cause.message.despatch]
    lots = tuple(sm.LotIn(id=line.lots[0], item=line.item, quantity=line.quantity) for line in sent.lines)
    if sent.kind == "goods" and lots[0].item == "V15":
        await node.record("stock", sm.Received(ref=node.random(8).hex(), lots=lots, why="purchase"))
        return
    await sending.book_receipt(node, cause)


async def _forgetful(node: Node, cause: Cause) -> None:
    """Closes the sourcing and believes that the offer is out when it is closed."""
    production = await node.book_state("production")
    sourcing = production.sourcings.get(cause.message.id)
    if sourcing is not None and not sourcing.closed:
        await offering.close_when_answered(node, cause)


def test_control_a_booking_without_a_key_is_found_out(monkeypatch):
    row = ("order", "ReceiptAdvice")
    count = commits(undisturbed()[1], "Shop")
    assert found_out(monkeypatch, row, instead(row, "book-receipt", _keyless), "Shop", range(count, 0, -1))


def test_control_a_reaction_that_trusts_its_own_first_half_is_found_out(monkeypatch):
    row = ("production", "SourcingAnswered")
    reaction = instead(row, "close-when-answered", _forgetful)
    assert found_out(monkeypatch, row, reaction, "Factory", range(1, commits(undisturbed()[1], "Factory")))
