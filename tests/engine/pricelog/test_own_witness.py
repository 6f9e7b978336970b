"""A buyer that nobody can reach is a witness for itself: it follows the seller's record and cosigns what it saw."""

import pytest

from tests.engine.pricelog.firms_of_the_log import append, batch, book, branch, firms, stop, with_prices
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.canonical import b64
from weft.config import Rules
from weft.engine.commands import run
from weft.engine.pricelog import forks, gathering, known, log, monitor, showing, witness, witnesses
from weft.engine.pricelog.gossip import statements
from weft.pricing import book as books
from weft.pricing import evaluate
from weft.tlog import merkle
from weft.trade.messages import PriceEvidence, Quotation, QuotationLine
from weft.trade.shown import PriceBookShown

LIST = {"id": "valves", "name": "Valves", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "40"}]}],
        "valid_from": "2020-01-01T00:00:00Z"}


@pytest.fixture
async def pair():
    """A seller with a record, and a buyer without an address: it asks the seller, never the other way round."""
    wires, (seller, buyer) = await firms("Seller", "Buyer")
    wires.unreachable.add(buyer.organisation)
    await append(seller, book(1), *(batch(k) for k in range(20)))
    yield seller, buyer
    await stop(seller, buyer)


async def confirmed(node, seller) -> int:
    held = await witness.witnessed(node.store, seller.organisation)
    return held.size if held else 0


async def offered(seller, buyer):
    """What the buyer's node says of an offer by the seller's published book."""
    data = books.load(LIST)
    index = await showing.book_index(seller.store, data.hash)
    text = await showing.proof_of(seller.store, index)
    thread = (await run(buyer, "request-quotation", {
        "supplier": "Seller", "lines": [{"item": "V15", "quantity": "10"}]})).thread

    async def there():
        return await seller.find(thread)

    await until(there)
    await seller.speak(seller.partner(buyer.organisation), PriceBookShown(
        hash=data.hash, deflated=b64(showing.deflate(data.canonical)),
        leaf=(await log.entry(seller.store, index)).decode(), proof=text))
    priced = evaluate.price(data, evaluate.Attributes(item="V15", quantity="10", unit="C62"))
    line = QuotationLine(line="1", item="V15", quantity="10", unit_price=priced.unit_price, net=priced.net,
                         tax=priced.tax, gross=priced.gross, tax_percent="13", promise="2027-01-20T08:00:00.000Z")
    (name,) = await seller.speak(thread, Quotation(
        number="Q-1", lines=(line,), currency="CNY", net=priced.net, tax=priced.tax, gross=priced.gross,
        price=PriceEvidence(book=data.hash, proof=text)))

    async def came():
        return await buyer.event(thread, name)

    await until(came)
    return thread, name


async def test_a_buyer_without_an_address_gets_a_true_price_by_what_it_has_seen_itself(monkeypatch):
    wires = Wires()
    seller, buyer = [await with_prices(await found(wires, name, rules=Rules()), wires) for name in ("Seller", "Buyer")]
    await befriend(seller, buyer)
    await run(seller, "publish-prices", {"book": LIST})
    await quiet(seller, buyer)
    thread, name = await offered(seller, buyer)
    wires.unreachable.add(buyer.organisation)
    await seller.witnessing.asking.round()
    assert await witnesses.seen_by(seller.witnessing.asking) == []  # nobody can ask it

    async def verdict():
        buyer.witnessing.following.now(seller.organisation)
        await buyer.witnessing.follow_due()
        return gathering.verdict_of(await gathering.gather(buyer, thread, name))

    with monkeypatch.context() as control:  # who only follows never knows
        control.setattr(monitor, "_cosigned", _nothing)
        told = await verdict()
        assert (told.follows, told.colour, told.said) == (None, "amber", "too-few")
    told = await verdict()
    assert told.follows is True and told.colour == "green", told
    assert await confirmed(buyer, seller) == (await log.head(seller.store)).size
    await stop(seller, buyer)


async def _nothing(*_: object) -> None:
    pass


async def test_it_goes_forward_with_the_record_and_tells_nobody_but_who_asks(pair):
    seller, buyer = pair
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    assert await confirmed(buyer, seller) == 21
    await append(seller, *(batch(k) for k in range(20, 700)))
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    assert await confirmed(buyer, seller) == 701
    held = await witness.witnessed(buyer.store, seller.organisation)
    assert held.root == (await log.head(seller.store)).root
    assert len(await statements(buyer, seller.organisation)) == 1
    older = branch(seller, [book(1), *(batch(k) for k in range(20))])
    buyer.witnessing.logs.instead[seller.organisation] = older
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    assert await confirmed(buyer, seller) == 701  # never backwards


async def test_of_two_stories_of_one_size_it_signs_one_and_of_a_red_record_nothing(pair):
    seller, buyer = pair
    entries = [book(1), *(batch(k) for k in range(20))]
    lie = branch(seller, [*entries, batch(90)])
    await witness.add_checkpoint(buyer, seller.organisation, lie.request(0))  # what it was asked for before it looked
    await append(seller, batch(91))
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    held = await witness.witnessed(buyer.store, seller.organisation)
    assert (held.size, held.root) == (22, lie.root())
    assert forks.verify(await known.red(buyer.store, seller.organisation)).code == "same-size"
    await append(seller, batch(92))
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    assert await witness.witnessed(buyer.store, seller.organisation) == held  # it is red


async def test_a_record_that_does_not_go_on_from_what_was_signed_is_not_signed_and_caught(pair):
    seller, buyer = pair
    lie = branch(seller, [book(1), *(batch(k) for k in range(20)), batch(90)])
    await witness.add_checkpoint(buyer, seller.organisation, lie.request(0))
    await append(seller, batch(91), batch(92))
    with pytest.raises(monitor.WeftError):
        await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    assert (await witness.witnessed(buyer.store, seller.organisation)).root == lie.root()
    assert forks.verify(await known.red(buyer.store, seller.organisation)).code == "rewritten"


async def test_what_was_signed_before_the_oldest_leaf_held_is_proved_by_the_record_s_own_tiles(pair, monkeypatch):
    seller, buyer = pair
    monkeypatch.setattr(monitor, "KEPT_MAX", 256)
    monkeypatch.setattr(monitor, "CHUNK", 256)
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    await append(seller, *(batch(k) for k in range(20, 3_000)))
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    assert (await known.followed(buyer.store, seller.organisation)).first > 21
    assert await confirmed(buyer, seller) == 3_001
    assert (await witness.witnessed(buyer.store, seller.organisation)).root != merkle.EMPTY_ROOT


async def test_a_seller_whose_record_grew_while_it_asked_has_lost_nothing():
    _, (seller, buyer) = await firms("Seller", "Buyer")
    await append(seller, *(batch(k) for k in range(5)))
    stale = await log.head(seller.store)
    await append(seller, batch(5))
    await monitor.follow(buyer, buyer.witnessing.logs, seller.organisation)
    with pytest.raises(monitor.WeftError):
        await seller.witnessing.asking.ask(buyer.organisation, stale)
    assert await log.waits(seller.store) is False
    await seller.witnessing.asking.round()
    assert await witnesses.seen_by(seller.witnessing.asking) == [buyer.organisation]
    await stop(seller, buyer)
