"""A firm whose disk has died goes on from an old backup: what it had said comes back, and its history has no fork."""

import asyncio
import contextlib
import copy
import random
from typing import Any

import pytest

from tests.engine.test_trade import fill_factory, table
from tests.engine.world import AUTO, DirectPeers, Ticking, Wires, befriend, found, quiet, randomness, until
from weft.basis.errors import Invalid, NotFound, Refused
from weft.config import Config, Firm, Peers
from weft.engine import handle, restored
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.engine.memory import Identity, Memory, new_incarnation
from weft.engine.node import Node
from weft.engine.reactions import TABLE, TICKS
from weft.engine.receive import receive
from weft.identity.keylog import DeviceDelegation
from weft.identity.keys import Signer
from weft.stores.memory import MemoryStore
from weft.trade.messages import Party, PartyUpdated
from weft.trade.order_state import Phase
from weft.trade.say import Say

SEEDS = 12
URL = "http://127.0.0.1:1"
WAITING = r"restored\.waiting"


def backup_of(store: MemoryStore) -> MemoryStore:
    """The store as it is now, as a backup has it."""
    kept = MemoryStore()
    for name, value in vars(store).items():
        if isinstance(value, dict):
            setattr(kept, name, copy.deepcopy(value))
    return kept


async def again(node: Node, wires: Wires, store: MemoryStore, *, by_hand: bool = False, url: str = URL) -> Node:
    """The firm of ``node`` from ``store``; ``by_hand``: somebody has only copied the database."""
    node.closing()
    await node.stop()
    wires.nodes.pop(node.organisation, None)
    seed = random.Random(f"{node.organisation}{node.identity.incarnation}")
    incarnation = node.identity.incarnation if by_hand else new_incarnation(seed.randbytes)
    if not by_hand:
        await restored.begin_anew(store, node.organisation, [])
    config = Config(firm=Firm(name=node.config.firm.name, lang="en", url=url), rules=AUTO,
                    peers=Peers(retry_s_min=0.01, retry_s_max=0.1, poll_wait_s=0.2))
    identity = Identity(node.organisation, node.identity.signer, incarnation)
    once_more = Node(identity=identity, store=store, clock=Ticking(node.clock.now_ms()), random=seed.randbytes,
                     config=config, peers=DirectPeers(node.organisation, wires), table=TABLE, ticks=TICKS, tick_s=0.5)
    keys = await once_more.keys(node.organisation)
    once_more.identity.key_event = keys.event
    wires.nodes[node.organisation] = once_more
    await once_more.begin()
    return once_more


async def histories(node: Node) -> dict[str, Any]:
    """Heads and state of every thread with others."""
    return {thread: (sorted(loaded.heads), state_hash(loaded.state))
            for name in ("order", "relationship") for thread in node.threads(name)
            for loaded in [await node.loaded(thread)]}


async def level(*nodes: Node) -> None:
    async def same() -> bool:
        told = [await histories(node) for node in nodes]
        return all(one == told[0] for one in told) and not any(node.unheard for node in nodes)

    await until(same)
    await quiet(*nodes)
    assert await same()


async def nothing_wrong(*nodes: Node, crossed: bool = False) -> None:
    """No alarm and no fork; nor anything void, unless words may have ``crossed``."""
    for node in nodes:
        assert not await node.store.values("alarm")
        assert not await node.store.forks()
        for thread in node.threads("order"):
            assert crossed or not (await node.loaded(thread)).void


async def bought(shop: Node, quantity: str = "3") -> str:
    """A stock order from request to receipt, by rules that do it all; its thread."""
    thread = await asked(shop, quantity)
    await run(shop, "order", {"thread": thread})
    await phase(shop, thread, Phase.CLOSED)
    return thread


async def asked(shop: Node, quantity: str) -> str:
    lines = [{"item": "V15", "quantity": quantity}]
    done = await run(shop, "request-quotation", {"supplier": "Factory", "lines": lines})
    await phase(shop, done.thread, Phase.QUOTED)
    return done.thread


async def phase(node: Node, thread: str, wanted: Phase) -> None:
    async def there() -> bool:
        try:
            return (await node.state(thread)).phase is wanted
        except NotFound:
            return False

    await until(there)


@pytest.fixture
async def firms():
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    await befriend(factory, shop)
    await fill_factory(factory)
    await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
    living = [shop, factory]
    yield wires, living
    for node in list(wires.nodes.values()):
        await node.stop()


# ---- one thing at a time ------------------------------------------------------------------------


async def test_what_was_said_since_the_backup_comes_back_before_anything_new_is_said(firms):
    wires, (shop, factory) = firms
    thread = await asked(shop, "4")
    await quiet(shop, factory)
    kept = backup_of(shop.store)
    await run(shop, "order", {"thread": thread})
    await phase(shop, thread, Phase.CLOSED)
    later = await bought(shop)
    await quiet(shop, factory)
    before = await histories(factory)
    wires.cut.add(frozenset((shop.organisation, factory.organisation)))
    shop = await again(shop, wires, kept)
    assert (await shop.state(thread)).phase is Phase.QUOTED, "the control: the backup is old"
    for command, params in (("order", {"thread": thread}), ("counter-offer", {"thread": thread, "lines": [
            {"line": "1", "quantity": "5"}]}), ("request-quotation", {"supplier": "Factory", "lines": [
                {"item": "V15", "quantity": "1"}]})):
        with pytest.raises(Refused, match=WAITING):
            await run(shop, command, params)
    wires.cut.clear()
    await level(shop, factory)
    assert (await shop.state(thread)).phase is Phase.CLOSED
    assert (await shop.state(later)).phase is Phase.CLOSED
    assert before.keys() == (await histories(shop)).keys()
    await bought(shop)
    await level(shop, factory)
    await nothing_wrong(shop, factory)


async def test_control_a_database_copied_by_hand_forks_honest_history(firms):
    wires, (shop, factory) = firms
    thread = await asked(shop, "4")
    await quiet(shop, factory)
    kept = backup_of(shop.store)
    await run(shop, "counter-offer", {"thread": thread, "lines": [{"line": "1", "quantity": "6"}]})
    await phase(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    shop = await again(shop, wires, kept, by_hand=True)
    await run(shop, "order", {"thread": thread})
    await run(shop, "update-party", {})

    async def found_out() -> bool:
        return bool(await factory.store.values("alarm")) or bool(await factory.store.forks())

    await until(found_out)


async def test_control_the_same_with_a_new_incarnation_forks_nothing(firms):
    wires, (shop, factory) = firms
    thread = await asked(shop, "4")
    await quiet(shop, factory)
    kept = backup_of(shop.store)
    await run(shop, "counter-offer", {"thread": thread, "lines": [{"line": "1", "quantity": "6"}]})
    await phase(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    shop = await again(shop, wires, kept)
    await level(shop, factory)
    await run(shop, "update-party", {})
    await run(shop, "order", {"thread": thread})
    await phase(shop, thread, Phase.CLOSED)
    await level(shop, factory)
    await nothing_wrong(shop, factory)


async def test_who_goes_on_beside_a_restored_node_is_a_second_one_as_soon_as_he_has_heard_of_it(firms):
    wires, (shop, factory) = firms
    relation, lost = shop.partner(factory.organisation), shop.identity
    kept = backup_of(shop.store)
    await shop.speak(relation, PartyUpdated(party=Party(name="Lost", lang="en", url=URL)))
    await level(shop, factory)
    again_ = await again(shop, wires, kept)
    await level(again_, factory)
    await again_.speak(relation, PartyUpdated(party=Party(name="Restored", lang="en", url=URL)))
    await quiet(again_, factory)
    assert again_.alarms == {}, "what the life that is lost had said is no second one's"
    second = Memory(Identity(lost.organisation, lost.signer, lost.incarnation, lost.key_event),
                    backup_of(again_.store), Ticking(), randomness(5))
    role = (await second.members(relation))[lost.organisation]
    said = await handle.say(second, relation, [Say(role, lost.organisation, PartyUpdated(
        party=Party(name="Second", lang="en", url=URL), key_log=()))])
    words = [await second.event(relation, name) for name in said]
    assert (await receive(factory, shop.organisation, relation, words)).stored == said
    await until(lambda: again_.alarms == {relation: "stolen"})


async def test_an_acceptance_that_the_backup_has_lost_still_becomes_work(firms):
    wires, (shop, factory) = firms
    thread = await asked(shop, "80")  # more than there is in stock
    await quiet(shop, factory)
    kept = backup_of(factory.store)
    await to_work(shop, factory, thread)
    await quiet(shop, factory)
    factory = await again(factory, wires, kept)
    await level(shop, factory)
    assert await jobs(factory, thread) == ["30"]
    await made_and_sent(shop, factory, thread)
    await level(shop, factory)
    await nothing_wrong(shop, factory)
    assert not await factory.store.values("trouble")


async def test_work_is_begun_also_when_the_offer_that_held_it_is_lost_with_the_books(firms):
    wires, (shop, factory) = firms
    await quiet(shop, factory)
    kept = backup_of(factory.store)
    thread = await asked(shop, "80")
    await to_work(shop, factory, thread)
    await quiet(shop, factory)
    factory = await again(factory, wires, kept)
    await level(shop, factory)
    assert await jobs(factory, thread) == ["30"]
    await made_and_sent(shop, factory, thread)
    await level(shop, factory)
    assert not await factory.store.values("trouble")


@pytest.mark.parametrize(("first", "second", "made"), [("60", "80", "30"), ("90", "60", "10")])
async def test_what_the_backup_holds_for_an_earlier_offer_makes_way_for_what_was_ordered(firms, first, second, made):
    wires, (shop, factory) = firms
    thread = await asked(shop, first)
    await quiet(shop, factory)
    kept = backup_of(factory.store)
    await run(shop, "counter-offer", {"thread": thread, "lines": [{"line": "1", "quantity": second}]})
    await phase(shop, thread, Phase.QUOTED)
    await to_work(shop, factory, thread)
    await quiet(shop, factory)
    factory = await again(factory, wires, kept)
    await level(shop, factory)
    assert await jobs(factory, thread) == [made]
    await made_and_sent(shop, factory, thread, made)
    await level(shop, factory)
    assert not await factory.store.values("trouble")


async def test_what_was_made_and_delivered_is_not_made_again_and_not_billed_again(firms):
    wires, (shop, factory) = firms
    thread = await asked(shop, "80")
    await quiet(shop, factory)
    kept = backup_of(factory.store)
    await to_work(shop, factory, thread)
    await made_and_sent(shop, factory, thread)
    await quiet(shop, factory)
    relationship = shop.partner(factory.organisation)
    bills = len((await shop.state(relationship)).documents)
    factory = await again(factory, wires, kept)
    await level(shop, factory)
    assert await jobs(factory, thread) == []
    assert len((await factory.state(relationship)).documents) == bills == 1


async def test_a_partner_that_nobody_can_reach_gives_back_by_its_next_poll(firms):
    wires, (shop, factory) = firms
    wires.unreachable.add(shop.organisation)
    shop = await again(shop, wires, backup_of(shop.store), by_hand=True, url="")
    thread = await asked(shop, "4")
    await quiet(shop, factory)
    kept = backup_of(factory.store)
    await run(shop, "order", {"thread": thread})
    await phase(shop, thread, Phase.CLOSED)
    later = await bought(shop)
    await quiet(shop, factory)
    assert not factory._pollers, "the control: it cannot ask the shop, nor does it poll anybody"
    factory = await again(factory, wires, kept)
    assert factory.unheard == {shop.organisation}
    await level(shop, factory)
    assert (await factory.state(later)).phase is Phase.CLOSED
    assert state_hash(await factory.state(thread)) == state_hash(await shop.state(thread))


async def test_both_lose_their_disks_and_each_gives_back_what_it_has(firms):
    wires, (shop, factory) = firms
    old = backup_of(shop.store)
    first = await bought(shop)
    await quiet(shop, factory)
    kept = backup_of(factory.store)
    second = await bought(shop)
    await quiet(shop, factory)
    wires.cut.add(frozenset((shop.organisation, factory.organisation)))
    shop, factory = await again(shop, wires, old), await again(factory, wires, kept)
    wires.cut.clear()
    await level(shop, factory)
    assert shop.threads("order") == [first], "the second is in neither backup"
    assert second not in factory.threads("order")
    await bought(shop)
    await level(shop, factory)
    await nothing_wrong(shop, factory)


@pytest.mark.parametrize("lost", ["inviter", "invitee"])
async def test_a_partner_met_after_the_backup_comes_back_as_soon_as_it_speaks(lost):
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    try:
        kept = backup_of((factory if lost == "inviter" else shop).store)
        await befriend(factory, shop)
        await quiet(shop, factory)
        if lost == "inviter":
            factory = await again(factory, wires, kept)
        else:
            shop = await again(shop, wires, kept)
        loser, keeper = (factory, shop) if lost == "inviter" else (shop, factory)
        assert not loser.partners
        await run(keeper, "update-party", {})

        def known() -> bool:
            keeper.clock.ms += 100  # time for another attempt
            return loser.partner(keeper.organisation) is not None

        await until(known)
        await level(shop, factory)
        await nothing_wrong(shop, factory)
    finally:
        await shop.stop()
        await factory.stop()


async def test_a_stranger_cannot_begin_in_our_name(firms):
    """The control of the former: without a word that our own key has signed, a thread is unknown as before."""
    wires, (shop, factory) = firms
    stranger = await found(wires, "Stranger")
    relationship = await factory.loaded(factory.partner(shop.organisation))
    events = await factory.with_payloads(relationship.thread, await factory.store.events(relationship.thread))
    with pytest.raises(NotFound):
        await receive(stranger, factory.organisation, relationship.thread, events)
    with pytest.raises(NotFound):
        await receive(factory, stranger.organisation, relationship.thread, events)


async def test_the_owner_goes_on_without_a_partner_that_is_gone(firms):
    wires, (shop, factory) = firms
    await quiet(shop, factory)
    kept = backup_of(shop.store)
    wires.cut.add(frozenset((shop.organisation, factory.organisation)))
    shop = await again(shop, wires, kept)
    with pytest.raises(Refused, match=WAITING):
        await run(shop, "update-party", {})
    with pytest.raises(NotFound):
        await run(shop, "restored-go-on", {"partner": "Nobody"})
    await run(shop, "restored-go-on", {"partner": "Factory"})
    with pytest.raises(NotFound, match=r"restored\.nobody"):
        await run(shop, "restored-go-on", {"partner": "Factory"})
    await run(shop, "update-party", {})
    assert not await shop.store.values("restored")


async def test_a_restored_node_that_is_stopped_still_waits_when_it_starts(firms):
    wires, (shop, factory) = firms
    await quiet(shop, factory)
    kept = backup_of(shop.store)
    wires.cut.add(frozenset((shop.organisation, factory.organisation)))
    shop = await again(shop, wires, kept)
    shop = await again(shop, wires, backup_of(shop.store), by_hand=True)  # the same life goes on
    assert shop.unheard == {factory.organisation}
    wires.cut.clear()
    await level(shop, factory)


async def test_keys_that_were_added_after_the_backup_come_back_too(firms):
    wires, (shop, factory) = firms
    await quiet(shop, factory)
    kept = backup_of(shop.store)
    keys = await shop.keys(shop.organisation)
    founder = next(one for seed in range(10_000) if (one := Signer(randomness(seed)(32))).public in keys.keys)
    phone = Signer(b"p" * 32).public
    await handle.append_key_events(shop, founder, [DeviceDelegation(device=phone, scope="node")], shop.organisation)
    shop.identity.key_event = (await shop.keys(shop.organisation)).event
    await run(shop, "update-party", {})
    await bought(shop)
    await quiet(shop, factory)
    shop = await again(shop, wires, kept)
    assert phone not in (await shop.keys(shop.organisation)).devices, "the control"
    await level(shop, factory)
    keys = await shop.keys(shop.organisation)
    assert phone in keys.devices
    assert shop.identity.key_event == keys.event
    await bought(shop)
    await level(shop, factory)
    await nothing_wrong(shop, factory)


async def test_an_invitation_that_may_be_used_up_lets_nobody_in_any_more(firms):
    wires, (shop, factory) = firms
    link = (await run(shop, "invite", {})).facts["link"]
    kept = backup_of(shop.store)
    shop = await again(shop, wires, kept)
    await level(shop, factory)
    assert not await shop.store.values("invitation")
    stranger = await found(wires, "Stranger")
    await run(stranger, "join", {"link": link})
    with pytest.raises(AssertionError, match="in vain"):
        await until(lambda: shop.partner(stranger.organisation), 0.3)


# ---- any moment ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_moment_the_backup_is_of_both_come_to_the_same(firms, seed):
    wires, (shop, factory) = firms
    luck = random.Random(seed)
    loses_shop = luck.random() < 0.5
    steps = luck.randint(3, 6)
    at = luck.randrange(steps)
    kept = None
    for step in range(steps):
        if step == at:
            await anything(luck, shop)
            await asyncio.sleep(luck.random() * 0.05)  # in the middle of something
            kept = backup_of((shop if loses_shop else factory).store)
        await anything(luck, shop)
        await asyncio.sleep(luck.random() * 0.05)
    if luck.random() < 0.5:
        await quiet(shop, factory)
    assert kept is not None
    lost = shop if loses_shop else factory
    held = await histories(factory if loses_shop else shop)
    if loses_shop:
        shop = await again(lost, wires, kept)
    else:
        factory = await again(lost, wires, kept)
    await anything(luck, factory if loses_shop else shop)
    await level(shop, factory)
    assert held.keys() <= (await histories(shop)).keys(), "nothing that the peer had is lost"
    await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,500\n")})
    await bought(shop)
    await level(shop, factory)
    await nothing_wrong(shop, factory, crossed=True)


async def anything(luck: random.Random, node: Node) -> None:
    """One thing that an owner may do now; what is refused is refused."""
    threads = [one for one in node.threads("order") if (await node.state(one)).phase is Phase.QUOTED]
    with contextlib.suppress(Refused, Invalid):
        match luck.randrange(4) if threads else 0:
            case 0:
                supplier = "Factory" if node.config.firm.name == "Shop" else "Shop"
                lines = [{"item": "V15", "quantity": str(luck.randint(1, 4))}]
                await run(node, "request-quotation", {"supplier": supplier, "lines": lines})
            case 1:
                line = {"line": "1", "quantity": str(luck.randint(1, 4))}
                await run(node, "counter-offer", {"thread": luck.choice(threads), "lines": [line]})
            case _:
                await run(node, "order", {"thread": luck.choice(threads)})


async def jobs(factory: Node, thread: str) -> list[str]:
    production = await factory.book_state("production")
    return [one.quantity for one in production.orders.values() if one.demand.thread == thread and not one.closed]


async def to_work(shop: Node, factory: Node, thread: str) -> None:
    await run(shop, "order", {"thread": thread})

    async def work() -> bool:
        return bool(await jobs(factory, thread))

    await until(work)


async def made_and_sent(shop: Node, factory: Node, thread: str, good: str = "30") -> None:
    async def ready() -> list[str]:
        production = await factory.book_state("production")
        return [one.id for one in production.jobs.values() if one.state == "AllowedToStart"]

    await until(ready)
    for job in await ready():
        await run(factory, "job-start", {"job": job})
        await run(factory, "job-end", {"job": job, "good": good})
    await phase(shop, thread, Phase.CLOSED)
