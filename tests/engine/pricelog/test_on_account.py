"""What a partner bought at the counter on account: its bill is checked by the slip, as a bill of an order is."""

from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.engine.pricelog.firms_of_the_log import with_prices
from tests.engine.pricelog.test_binding import said
from tests.engine.till.selling import shop
from tests.engine.world import befriend, found, quiet, until
from weft.engine.pricelog import batches, checking, evidence, gathering, log, showing
from weft.engine.reactions import selling
from weft.pricing import check
from weft.trade.messages import Invoice
from weft.trade.shown import SlipShown


@asynccontextmanager
async def billed(*, pay="account", unit_price=""):
    """(shop, customer's node, relationship, bill): two valves were taken on account, and the record was seen."""
    async with shop() as firm:
        customer = await with_prices(await found(firm.wires, "Customer"), firm.wires)
        await with_prices(firm.node, firm.wires)
        try:
            await befriend(firm.node, customer)
            till = await firm.till()
            till.sale(("V15", "2"), ("TAPE", "3"), pay=pay, partner=customer.organisation, unit_price=unit_price)
            await firm.send(till)
            bond = customer.partner(firm.node.organisation)
            await until(lambda: said(customer, bond, Invoice))
            await batches.make(firm.node)
            head = await log.head(firm.node.store)
            await firm.node.witnessing.asking.ask(customer.organisation, head)
            await showing.tell(firm.node)
            await quiet(firm.node, customer)
            (bill,) = await said(customer, bond, Invoice)
            yield firm.node, customer, bond, bill
        finally:
            await customer.stop()


async def test_a_bill_on_account_is_green_at_the_customer_and_as_a_file():
    async with billed() as (node, customer, bond, bill):
        assert bill.message.number.startswith("T-")
        verdict = await checking.judge(customer, bond, bill.id)
        assert (verdict.colour, verdict.said, verdict.level) == ("green", "follows", 3), verdict
        told = evidence.verify_file(await checking.export(customer, bond, bill.id))
        assert (told.verdict.follows, told.verdict.steps) == (True, verdict.steps)
        (line, tape) = told.document.lines
        assert (line.item, line.agreed[0].quantity, tape.item) == ("V15", "2", "TAPE")
        ours = await checking.judge(node, node.partner(customer.organisation), bill.id)
        assert (ours.colour, ours.follows) == ("green", True)


async def test_control_without_the_slip_no_rule_is_named_for_such_a_bill(monkeypatch):
    async def nothing(*_):
        return None

    monkeypatch.setattr(selling, "_show", nothing)
    async with billed() as (_, customer, bond, bill):
        verdict = await checking.judge(customer, bond, bill.id)
        assert (verdict.colour, verdict.said) == ("amber", "no-book")


async def test_a_price_that_was_made_at_the_counter_is_told_as_an_exception():
    async with billed(unit_price="41") as (_, customer, bond, bill):
        verdict = await checking.judge(customer, bond, bill.id)
        assert (verdict.colour, verdict.said, verdict.follows) == ("amber", "off-book", False)


async def bent(customer, bond, bill, change):
    """What the check says when the bill is ``change`` of what was sent."""
    held = await gathering.gather(customer, bond, bill.id)
    document = msgspec.structs.replace(held.document, lines=tuple(change(one) for one in held.document.lines))
    return check.check(document, held.evidence, held.trust)


@pytest.mark.parametrize(("change", "code"), [
    (lambda one: msgspec.structs.replace(one, gross="1000.00"), "bill-differs"),
    (lambda one: msgspec.structs.replace(one, quantity="9"), "bill-more"),
], ids=["amount", "quantity"])
async def test_a_bill_of_more_than_the_slip_says_is_told(change, code):
    async with billed() as (_, customer, bond, bill):
        verdict = await bent(customer, bond, bill, change)
        assert code in {one.code for one in verdict.findings}
        assert verdict.colour != "green"


async def test_a_slip_that_is_bent_in_the_file_is_caught():
    async with billed() as (_, customer, bond, bill):
        file = evidence.parse(await checking.export(customer, bond, bill.id))
        place = next(k for k, one in enumerate(file.events) if "SlipShown" in one)
        without = msgspec.structs.replace(file, events=file.events[:place] + file.events[place + 1:])
        told = evidence.verify_file(evidence.sealed(without, customer.identity.signer))
        assert (told.verdict.follows, told.verdict.said) == (None, "no-book")
        assert await said(customer, bond, SlipShown)
        with pytest.raises(checking.WeftError):
            evidence.verify_file(evidence.encode(msgspec.structs.replace(
                file, events=tuple(one.replace("V15", "V16") for one in file.events))))


async def test_the_slip_comes_before_the_bill_and_once():
    async with billed() as (node, customer, bond, _):
        words = [one for one in await customer.log(bond) if one.kind in {"PriceBookShown", "SlipShown", "Invoice"}]
        assert [one.kind for one in words] == ["PriceBookShown", "SlipShown", "Invoice"]
        assert (await node.state(bond)) == (await customer.state(bond))
