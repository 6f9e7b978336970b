"""A part made to a drawing, over real nodes: quoted from the rate card, checked by the buyer, proved by a file."""

from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.engine.dealing import table
from tests.engine.pricelog.firms_of_the_log import firms, stop
from tests.engine.world import quiet, until
from tests.pricing.test_rates import CARD
from weft.basis.errors import Invalid
from weft.cli.ordering import inputs_of
from weft.config import Rules
from weft.engine.commands import run
from weft.engine.pricelog import checking, evidence, log
from weft.pricing import evaluate
from weft.trade.messages import QuotationLine
from weft.trade.order_state import Phase

BOOK = {"id": "shop", "name": "Job shop", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "40"}]}], "cards": [CARD],
        "rules": [{"id": "many", "when": [{"attribute": "quantity", "at_least": "50"}], "multiply": "9/10"}],
        "valid_from": "2020-01-01T00:00:00Z"}
INPUTS = {"1/kg": "1.2", "1/minutes.turning": "14", "1/setups": "1"}


@asynccontextmanager
async def asked(**book):
    """(maker, buyer, thread): the buyer has asked for fifty of a part that is no item of the price book."""
    _, (maker, buyer) = await firms("Maker", "Buyer")
    maker.config = msgspec.structs.replace(maker.config, rules=Rules(order="auto"))
    try:
        await run(maker, "import", {"kind": "items", "content": table("item,name,unit\nP-1034,Shaft,C62\n")})
        await run(maker, "import", {"kind": "stock", "content": table("item,quantity\nP-1034,500\n")})
        await run(maker, "publish-prices", {"book": {**BOOK, **book}})
        await quiet(maker, buyer)
        await maker.witnessing.asking.ask(buyer.organisation, await log.head(maker.store))
        thread = (await run(buyer, "request-quotation", {
            "supplier": "Maker", "lines": [{"item": "P-1034", "quantity": "50"}]})).thread

        async def there():
            return await maker.find(thread)

        await until(there)
        yield maker, buyer, thread
    finally:
        await stop(maker, buyer)


async def offered(buyer, thread):
    async def quoted():
        return (await buyer.state(thread)).phase is Phase.QUOTED

    await until(quoted)
    state = await buyer.state(thread)
    return state.quotation_id, state.quotation


async def test_a_part_is_quoted_from_the_card_and_its_buyer_sees_every_step_proved():
    async with asked() as (maker, buyer, thread):
        await run(maker, "quote", {"thread": thread, "terms": {"inputs": INPUTS}})
        name, offer = await offered(buyer, thread)
        line = offer.lines[0]
        assert (line.item, line.net, line.unit_price) == ("P-1034", "2208.00", "41.76")  # 46.4 × 0.9 × 50 + 120
        assert line.inputs == {"material": "C45", "kg": "1.2", "minutes.turning": "14", "setups": "1"}
        assert [step[:3] for step in line.trace][:5] == [
            ("item", "turned-part", ""), ("material", "C45", "1.2 × 9.5"), ("minutes", "turning", "14 × 2.5"),
            ("piece", "", "11.4 + 35"), ("setups", "", "1 × 120")]
        await quiet(maker, buyer)
        verdict = await checking.judge(buyer, thread, name)
        assert (verdict.colour, verdict.follows) == ("green", True), verdict
        file = await checking.export(buyer, thread, name)
        told = evidence.verify_file(file)
        assert told.verdict.follows is True
        assert told.document.lines[0].inputs["minutes.turning"] == "14"


async def test_an_older_node_reads_the_offer_as_it_always_did():
    async with asked() as (maker, buyer, thread):
        await run(maker, "quote", {"thread": thread, "terms": {"inputs": INPUTS}})
        _, offer = await offered(buyer, thread)

        class Older(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
            __annotations__ = {name: QuotationLine.__annotations__[name] for name in QuotationLine.__struct_fields__
                               if name in {"line", "item", "quantity", "net", "gross"}}

        assert msgspec.convert(msgspec.to_builtins(offer.lines[0]), Older).net == offer.lines[0].net


@pytest.mark.parametrize("bent", [{"minutes.turning": "13"}, {"setups": "0"}, {"kg": "1.1"}, {"minutes.gold": "1"}, {}])
async def test_inputs_that_do_not_give_the_price_are_seen(bent):
    """What is billed and what is said to have been reckoned with must be one."""
    async with asked() as (maker, buyer, thread):
        await run(maker, "quote", {"thread": thread, "terms": {"inputs": INPUTS}})
        _, offer = await offered(buyer, thread)
        line = msgspec.structs.replace(offer.lines[0], inputs={**offer.lines[0].inputs, **bent} if bent else {})
        (name,) = await maker.speak(thread, msgspec.structs.replace(offer, number="Q-2", lines=(line,)))
        await quiet(maker, buyer)
        verdict = await checking.judge(buyer, thread, name)
        assert (verdict.colour, verdict.follows) == ("red", False)
        assert verdict.said in {"price-differs", "not-in-rule"}


async def test_without_inputs_nothing_is_invented():
    async with asked() as (maker, _, thread):
        with pytest.raises(Exception, match=r"pricing\.no-book"):
            await run(maker, "quote", {"thread": thread})


async def test_of_several_cards_one_is_named():
    async with asked(cards=[CARD, {**CARD, "item": "milled-part", "minimum": "900"}]) as (maker, buyer, thread):
        with pytest.raises(Invalid, match=r"pricing\.which-card"):
            await run(maker, "quote", {"thread": thread, "terms": {"inputs": INPUTS}})
        await run(maker, "quote", {"thread": thread, "terms": {"inputs": {**INPUTS, "1/card": "milled-part"}}})
        _, offer = await offered(buyer, thread)
        assert offer.lines[0].trace[0] == ("item", "milled-part", "", "")
        book = next(iter((await maker.book_state("pricing")).books.values())).book
        asked_for = evaluate.Attributes(item="milled-part", quantity="50", unit="C62", inputs=offer.lines[0].inputs)
        assert evaluate.price(book, asked_for).net == offer.lines[0].net


def test_inputs_are_said_on_the_command_line_by_line_and_name():
    assert inputs_of(("kg=1.2,minutes.turning=14,setups=1",)) == INPUTS
    second = inputs_of(("2:card=turned-part, kg=3", "setups=1"))
    assert second == {"2/card": "turned-part", "2/kg": "3", "1/setups": "1"}
    assert inputs_of(()) == {}
