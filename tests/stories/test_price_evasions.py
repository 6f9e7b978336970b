"""Ways around a public price: a rule that is kept by the letter, and what the buyer's node and its file say of it.

    evasion                            said to the buyer
    a dearer version without notice    no-notice, by its node and by its file
    the same under another book's name no-notice
    two books at different prices      two-rules: nobody can tell which holds for whom
    a version every few minutes        too-many-versions
    another choice than was asked for  asked-other
"""

import msgspec
import pytest

from tests.engine.world import quiet
from tests.stories import test_price_cheats as cheats
from tests.stories.test_price_cheats import DEAR, LIST, now, quoted, seen
from weft.basis.canonical import b64
from weft.engine.commands import run
from weft.engine.pricelog import checking, evidence, log, showing
from weft.pricing import book as books
from weft.pricing import evaluate, leaf
from weft.trade.messages import PriceEvidence
from weft.trade.shown import PriceBookShown

firms = cheats.firms
HOUR_MS = 3_600_000
PROMISED = {**LIST, "notice_days": 30}


async def entered(seller, book, number: int):
    """``book`` is written into the record without asking the linter: its place and its entry."""
    entry = leaf.encode(leaf.book_leaf(book, number, now(seller)))
    async with seller.lock(log.LOCK):
        return await log.append(seller, [entry]), entry


async def offered(seller, buyer, book, number: int):
    """An offer by ``book``, which has just been written: thread, document and finding."""
    index, entry = await entered(seller, book, number)
    await seen(seller, buyer)
    cheats.later(2 * HOUR_MS, seller, buyer)
    return await settled(seller, buyer, await quoted(
        seller, buyer, book, await showing.proof_of(seller.store, index), entry))


async def settled(seller, buyer, made):
    """What the buyer finds once all has come that the seller said."""
    thread, name, _ = made
    await quiet(seller, buyer)
    return thread, name, await checking.judge(buyer, thread, name)


async def of_record(seller, buyer, book):
    """An offer by a book that the program itself has published."""
    index = await showing.book_index(seller.store, book.hash)
    return await settled(seller, buyer, await quoted(
        seller, buyer, book, await showing.proof_of(seller.store, index), await log.entry(seller.store, index)))


def codes(verdict) -> set[str]:
    return {one.code for one in verdict.findings}


async def in_file(buyer, thread, name):
    """What the file that the buyer would give to others says by itself."""
    return evidence.verify_file(await checking.export(buyer, thread, name)).verdict


async def promised(seller, *buyers) -> None:
    """The seller promises 30 days of notice, and offers by that."""
    cheats.later(60_000, seller, *buyers)
    await run(seller, "publish-prices", {"book": PROMISED})
    await quiet(seller, *buyers)
    await seen(seller, *buyers)
    for buyer in buyers:
        assert (await of_record(seller, buyer, books.load(PROMISED)))[2].colour == "green"
    cheats.later(3 * HOUR_MS, seller, *buyers)


async def test_a_file_says_of_a_rise_without_notice_what_the_node_says(firms):
    seller, _, bruno = firms
    await promised(seller, bruno)
    dear = books.load({**DEAR, "notice_days": 30, "valid_from": now(seller)})
    thread, name, found = await offered(seller, bruno, dear, 3)
    assert (found.colour, found.said) == ("red", "no-notice")
    shown = await in_file(bruno, thread, name)
    assert (shown.follows, shown.said) == (False, "no-notice")
    # The control: one that is no dearer needs no notice, in the file neither.
    same = books.load({**DEAR, "notice_days": 30, "name": "Valves and more", "valid_from": now(seller)})
    thread, name, found = await offered(seller, bruno, same, 4)
    assert (found.said, (await in_file(bruno, thread, name)).said) == ("follows", "follows")


async def test_a_dearer_book_under_another_name_owes_the_notice_that_the_first_one_promised(firms):
    seller, _, bruno = firms
    await promised(seller, bruno)
    other = {"id": "valves-new", "notice_days": 30, "valid_from": now(seller)}
    thread, name, found = await offered(seller, bruno, books.load({**DEAR, **other}), 3)
    assert (found.colour, found.said) == ("red", "no-notice")
    shown = await in_file(bruno, thread, name)
    assert (shown.follows, shown.said) == (False, "no-notice")
    # The control: one that is no dearer owes none.
    same = books.load({**PROMISED, **other, "id": "valves-same", "valid_from": now(seller)})
    assert codes((await offered(seller, bruno, same, 4))[2]).isdisjoint({"no-notice", "notice-other"})


async def test_two_books_in_force_at_different_prices_are_no_rule_for_everybody(firms):
    seller, anna, bruno = firms
    await of_record(seller, anna, books.load(LIST))
    await of_record(seller, bruno, books.load(LIST))
    dear = books.load({**DEAR, "id": "valves-b"})
    thread, name, found = await offered(seller, bruno, dear, 2)
    assert (found.colour, found.said, found.follows) == ("amber", "two-rules", None)
    shown = await in_file(bruno, thread, name)
    assert (shown.follows, shown.said) == (None, "two-rules")
    # The control: two books that say the same are one rule.
    same = books.load({**LIST, "id": "valves-c"})
    assert (await offered(seller, anna, same, 3))[2].colour == "green"


async def test_a_book_that_flips_every_few_minutes_is_no_rule_for_everybody(firms):
    seller, _, bruno = firms
    said = []
    for k in range(5):
        cheats.later(60_000, seller, bruno)
        book = books.load({**(LIST if k % 2 else DEAR), "valid_from": now(seller)})
        index, entry = await entered(seller, book, k + 2)
        await seen(seller, bruno)
        thread, name, found = await settled(seller, bruno, await quoted(
            seller, bruno, book, await showing.proof_of(seller.store, index), entry))
        said.append(found.said)
    assert said == ["follows"] * 3 + ["too-many-versions"] * 2  # the program itself refuses the fifth of a day
    assert (await in_file(bruno, thread, name)).said == "too-many-versions"


ZONES = {**LIST, "id": "zoned", "attributes": {"zone": ["east", "west"]}, "rules": [
    {"id": "west", "when": [{"attribute": "zone", "one_of": ["west"]}], "multiply": "6/5"}]}


@pytest.mark.parametrize(("wanted", "given", "colour"), [
    ("east", "west", "red"), ("west", "east", "amber"), ("east", "east", "green")])  # the last is the control
async def test_who_asks_for_one_choice_and_is_offered_another_is_told(firms, wanted, given, colour):
    seller, _, bruno = firms
    book = books.load({**ZONES, "lines": [{"item": "V16", "unit": "C62", "tiers": [{"from": "1", "price": "40"}]}]})
    index, entry = await entered(seller, book, 2)
    await seen(seller, bruno)
    thread = (await run(bruno, "request-quotation", {"supplier": "Seller", "attributes": {"zone": wanted}, "lines": [
        {"item": "V16", "quantity": "10"}]})).thread
    await quiet(seller, bruno)
    text = await showing.proof_of(seller.store, index)
    await seller.speak(seller.partner(bruno.organisation), PriceBookShown(
        hash=book.hash, deflated=b64(showing.deflate(book.canonical)), leaf=entry.decode(), proof=text))
    priced = evaluate.price(book, evaluate.Attributes(item="V16", quantity="10", unit="C62", zone=given))
    plain = cheats.offer(books.load(LIST), text)
    sums = {"net": priced.net, "tax": priced.tax, "gross": priced.gross}
    line = msgspec.structs.replace(plain.lines[0], item="V16", unit_price=priced.unit_price, **sums)
    (name,) = await seller.speak(thread, msgspec.structs.replace(plain, lines=(line,), **sums, price=PriceEvidence(
        book=book.hash, attributes={"zone": given}, proof=text)))
    _, _, found = await settled(seller, bruno, (thread, name, None))
    told = "follows" if colour == "green" else "asked-other"
    assert (found.colour, found.said) == (colour, told)
    shown = await in_file(bruno, thread, name)
    assert (shown.colour, shown.said) == (colour, told)


@pytest.mark.parametrize("called", ["V15-B", "V15"])  # the second is the control
async def test_the_buyer_is_told_under_which_other_name_its_item_was_priced(firms, called):
    seller, _, bruno = firms
    book = books.load({**LIST, "id": "alias", "lines": [{**LIST["lines"][0], "item": called}]})
    index, entry = await entered(seller, book, 2)
    await seen(seller, bruno)
    thread = await cheats.asked(bruno, seller)
    text = await showing.proof_of(seller.store, index)
    await seller.speak(seller.partner(bruno.organisation), PriceBookShown(
        hash=book.hash, deflated=b64(showing.deflate(book.canonical)), leaf=entry.decode(), proof=text))
    plain = cheats.offer(books.load(LIST), text)
    line = msgspec.structs.replace(plain.lines[0], trace=(("item", called, "", ""),))
    (name,) = await seller.speak(thread, msgspec.structs.replace(
        plain, lines=(line,), price=PriceEvidence(book=book.hash, proof=text)))
    _, _, found = await settled(seller, bruno, (thread, name, None))
    assert ("called-otherwise" in codes(found)) == (called != "V15")
    assert ("called-otherwise" in codes(await in_file(bruno, thread, name))) == (called != "V15")
