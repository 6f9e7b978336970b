"""A slip as a file: anybody can check its price without a node, and what was changed is seen."""

import msgspec
import pytest

from tests.engine.till.selling import shop
from tests.engine.world import befriend, found, quiet
from weft.basis.errors import Invalid, NotFound
from weft.engine.commands import run
from weft.engine.pricelog import batches, evidence
from weft.engine.till.export import export
from weft.engine.till.intake import day_of


async def exported(firm, *, batch=True):
    till = await firm.till()
    sale = till.sale(("V15", "12"), ("TAPE", "2"))
    await firm.send(till)
    if batch:
        await batches.make(firm.node)
    return sale, await export(firm.node, sale.slip.hash)


def codes(told):
    return {one.code for one in told.verdict.findings}


async def test_the_file_of_a_slip_is_true_by_itself():
    async with shop() as firm:
        sale, data = await exported(firm)
        told = evidence.verify_file(data)
        assert (told.document.kind, told.document.gross) == ("slip", sale.slip.gross)
        assert told.verdict.colour != "red", told.verdict
        assert told.verdict.level >= 1
        with pytest.raises(NotFound):
            await export(firm.node, firm.node.organisation)


async def test_a_slip_that_is_bound_and_seen_by_a_partner_stands_higher_than_one_that_is_not():
    async with shop() as firm:
        other = await found(firm.wires, "Other")
        try:
            await befriend(firm.node, other)
            _, early = await exported(firm, batch=False)
            sale = evidence.parse(early).document
            await batches.make(firm.node)
            await quiet(firm.node, other)
            before = evidence.verify_file(early).verdict
            after = evidence.verify_file(await export(firm.node, sale)).verdict
            assert after.level >= before.level
            assert after.colour != "red"
        finally:
            await other.stop()


async def test_any_changed_amount_is_seen():
    async with shop() as firm:
        sale, data = await exported(firm)
        for old, new in ((f'"gross":"{sale.slip.gross}"', f'"gross":"1{sale.slip.gross}"'),
                         ('"quantity":"12"', '"quantity":"11"'), ('"unit_price":"40"', '"unit_price":"39"'),
                         (sale.signature[:20], "A" * 20)):
            file = evidence.parse(data)
            assert old in file.slip, old
            bent = evidence.encode(msgspec.structs.replace(file, slip=file.slip.replace(old, new)))
            try:
                assert evidence.verify_file(bent).verdict.colour == "red", old
            except Invalid:
                continue


async def test_a_slip_of_a_till_that_was_let_go_counts_up_to_its_place():
    async with shop() as firm:
        sale, _ = await exported(firm)
        till = firm.tills[sale.slip.till]
        later = till.sale(("V15", "1"))
        await run(firm.node, "till-let-go", {"till": till.key, "sheet": firm.sheet, "reason": "stolen"})
        await firm.send(till, later)
        assert evidence.verify_file(await export(firm.node, sale.slip.hash)).verdict.colour != "red"
        assert evidence.verify_file(await export(firm.node, later.slip.hash)).verdict.colour == "red"


async def test_the_day_of_a_slip_is_the_firm_s():
    async with shop() as firm:
        assert day_of(firm.node, "2026-11-25T17:30:00.000Z") == "2026-11-26"
