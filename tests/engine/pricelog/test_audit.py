"""An audit over real nodes: planned, drawn, opened, checked from the file alone, signed, and believed by a buyer."""

from contextlib import asynccontextmanager

import msgspec
import pytest
from msgspec.structs import replace

from tests.engine.dealing import table
from tests.engine.pricelog.firms_of_the_log import firms, stop
from tests.engine.world import befriend, quiet, until
from weft.basis import canonical
from weft.basis.errors import Invalid, Refused, Unavailable
from weft.cli import price
from weft.engine.commands import run
from weft.engine.pricelog import auditing, batches, checking, evidence, log, monitor, results, sampling, showing
from weft.engine.till import export as slips
from weft.engine.views import VIEWS
from weft.pricing import audit
from weft.trade.order_state import Phase

BOOK = {"id": "valves", "name": "Valves", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "40"}]}],
        "valid_from": "2020-01-01T00:00:00Z"}
OTHERS = ("Ash", "Birch", "Cedar")


async def followed(*nodes):
    """Everybody follows everybody's record as far as it has come."""
    for node in nodes:
        for other in nodes:
            if other.organisation in node.partners and await log.head(other.store) is not None:
                await monitor.follow(node, node.witnessing.logs, other.organisation)


@asynccontextmanager
async def audit_world(deals: int = 3):
    """(seller, buyer, auditor, others): some deals are made and committed, all partners of one another."""
    _, nodes = await firms("Seller", "Buyer", "Auditor", *OTHERS)
    seller, buyer, auditor, *others = nodes
    try:
        await befriend(auditor, buyer)
        for one in others:
            await befriend(auditor, one)
            await batches.make(one)
        await run(seller, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        await run(seller, "import", {"kind": "stock", "content": table("item,quantity\nV15,5000\n")})
        await run(buyer, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        await run(seller, "publish-prices", {"book": BOOK})
        for number in range(deals):
            await deal(seller, buyer, 10 + number)
        await quiet(*nodes)
        await batches.make(seller)
        await batches.make(seller)
        for one in (buyer, auditor):
            await seller.witnessing.asking.ask(one.organisation, await log.head(seller.store))
        await showing.tell(seller)
        await quiet(*nodes)
        await followed(*nodes)
        yield seller, buyer, auditor, others
    finally:
        await stop(*nodes)


async def deal(seller, buyer, quantity, **terms):
    thread = (await run(buyer, "request-quotation", {
        "supplier": "Seller", "lines": [{"item": "V15", "quantity": str(quantity)}]})).thread

    async def quoted():
        return (await buyer.state(thread)).phase is Phase.QUOTED

    await until(quoted)
    await run(buyer, "order", {"thread": thread})
    return thread


async def planned(auditor, seller, others, openings=300):
    return await sampling.plan(auditor, seller.organisation, [one.organisation for one in others], "", openings)


async def answered(seller, others, plan):
    """Time goes on: the three write on, and the seller opens what is drawn by that."""
    for one in others:
        await batches.make(one)
    await followed(seller, *others)
    return await sampling.opened(seller, audit.encode(plan), slips.export)


async def test_an_honest_seller_is_found_right_and_its_buyer_has_the_last_level():
    async with audit_world() as (seller, buyer, auditor, others):
        plan = await planned(auditor, seller, others)
        with pytest.raises(Unavailable, match=r"pricing\.audit-too-early"):
            await sampling.opened(seller, audit.encode(plan), slips.export)
        data = await answered(seller, others, plan)
        told = auditing.verify_file(data)
        assert told.faults == [] and told.wrong == []
        assert told.result.documents == told.result.right >= 6  # quotations and orders of three deals
        signed = await sampling.sign(auditor, told.result)
        assert results.parse_result(signed).is_clean
        thread = buyer.threads("order")[0]
        state = await buyer.state(thread)
        before = await checking.judge(buyer, thread, state.quotation_id)
        await sampling.take(buyer, signed)
        after = await checking.judge(buyer, thread, state.quotation_id)
        assert (before.colour, before.level, after.colour, after.level) == ("green", 3, "green", 4)
        await as_a_file(buyer, seller, thread, state.quotation_id)


async def as_a_file(buyer, seller, thread, document):
    """The level goes along in the buyer's file; bent it is caught, and of the seller's own choice nothing counts."""
    file = evidence.parse(await checking.export(buyer, thread, document))

    def level(signer=buyer.identity.signer, **fields):
        told = evidence.verify_file(evidence.sealed(replace(file, **fields), signer)).verdict
        return told.level, told.colour

    assert level() == (4, "green")
    assert level(audits=()) == (3, "green")
    bent = file.audits[0].replace('"right":', '"right":1')
    assert bent != file.audits[0] and level(audits=(bent,)) == (0, "red")
    assert level(seller.identity.signer, by=seller.organisation) == (3, "green")


async def test_no_byte_of_the_draw_can_be_bent_by_the_seller():
    async with audit_world(1) as (seller, _, auditor, others):
        plan = await planned(auditor, seller, others)
        file = auditing.parse(await answered(seller, others, plan))
        opened = [n for n, one in enumerate(file.shown) if one.opening is not None]

        def resealed(**fields):
            return results.encode(results.sealed(replace(file, **fields), seller.identity.signer))

        assert auditing.verify_file(resealed()).faults == []
        fewer = auditing.verify_file(resealed(shown=tuple(
            one for n, one in enumerate(file.shown) if n != opened[0])))
        assert fewer.faults and not fewer.result.is_clean
        hidden = auditing.verify_file(resealed(documents={}))
        assert [one.code for one in hidden.wrong] == ["not-shown"] * len(opened)
        other = auditing.parse(await answered(seller, others, plan))
        for fields in ({"beacons": (file.beacons[1], file.beacons[0], file.beacons[2])}, {"beacons": file.beacons[:2]},
                       {"entries": file.entries[:-1]}, {"entries": (file.entries[-1], *file.entries[1:])},
                       {"plan": audit.encode(replace(plan, openings=1)).decode()}):
            with pytest.raises(Invalid):
                auditing.verify_file(resealed(**fields))
        assert [one.place for one in other.shown] == [one.place for one in file.shown]  # later states change nothing
        with pytest.raises(Invalid):
            auditing.verify_file(results.encode(results.sealed(file, auditor.identity.signer)))


async def test_a_price_off_the_book_that_is_not_said_to_be_one_is_found():
    async with audit_world(1) as (seller, buyer, auditor, others):
        thread = await deal(seller, buyer, 7)
        state = await seller.state(thread)
        line = state.quotation.lines[0]
        line = replace(line, unit_price="44", net="308.00", tax="40.04", gross="348.04")
        cheat = (await run(buyer, "request-quotation", {
            "supplier": "Seller", "lines": [{"item": "V15", "quantity": "7"}]})).thread

        async def quoted():
            return (await buyer.state(cheat)).phase is Phase.QUOTED

        await until(quoted)
        await seller.speak(cheat, replace(state.quotation, number="Q-X", lines=(line,), net=line.net, tax=line.tax,
                                          gross=line.gross, in_reply_to=""))
        await quiet(seller, buyer)
        await batches.make(seller)
        await followed(auditor, seller)
        told = auditing.verify_file(await answered(seller, others, await planned(auditor, seller, others)))
        assert [one.code for one in told.wrong] == ["price-differs"]
        assert not told.result.is_clean
        honest = auditing.verify_file(await answered(seller, others, await planned(auditor, seller, others, 1)))
        assert honest.result.documents == 1  # with one opening it may be missed: P = (1 - m)^k


async def test_only_a_partner_that_planned_it_signs_and_no_result_is_changed():
    async with audit_world(1) as (seller, buyer, auditor, others):
        told = auditing.verify_file(await answered(seller, others, await planned(auditor, seller, others)))
        with pytest.raises(Refused, match=r"pricing\.audit-not-ours"):
            await sampling.sign(seller, told.result)
        signed = await sampling.sign(auditor, told.result)
        for bent in ({"wrong": 1}, {"right": 5}, {"seller": buyer.organisation}, {"size": 10**6},
                     {"by": others[0].organisation}):
            with pytest.raises(Invalid):
                results.parse_result(canonical.encode({**msgspec.json.decode(signed), **bent}))
        with pytest.raises(Refused, match=r"pricing\.audit-stranger"):
            await stranger(buyer, signed)


async def stranger(buyer, signed):
    """The same result, were its auditor nobody that the buyer knows."""
    buyer.partners.pop(results.parse_result(signed).by)
    await sampling.take(buyer, signed)


async def test_people_plan_open_check_sign_and_believe_an_audit(tmp_path, capsys):
    """As views, commands and the command line do it, sealed for the auditor on the way."""
    async with audit_world(1) as (seller, buyer, auditor, others):
        names = ",".join(OTHERS)
        made = await VIEWS["price-audit-plan"](auditor, "Seller", names, openings="20")
        assert dict(made.missed)["10"] == "12.2"
        for one in others:
            await batches.make(one)
        await followed(seller, *others)
        given = await VIEWS["price-audit-open"](seller, made.file, "1")
        assert '"shown"' not in given.file and auditing.is_sealed(given.file.encode())
        with pytest.raises(Invalid, match=r"key\.sealed"):
            auditing.unsealed(given.file.encode(), buyer.identity.signer)
        data = auditing.unsealed(given.file.encode(), auditor.identity.signer)
        file = tmp_path / "audit.json"
        file.write_bytes(data)
        code = price.command.main(["audit", "verify", str(file)], standalone_mode=False)
        assert (code, "All right" in capsys.readouterr().out) == (0, True)
        result = msgspec.to_builtins(auditing.verify_file(data).result)
        done = await run(auditor, "price-audit-sign", {"result": result})
        assert (await run(buyer, "price-audit-take", {"file": done.facts["file"]})).facts["clean"] is True
        bent = auditing.parse(data)
        hidden = results.encode(results.sealed(replace(bent, documents={}), seller.identity.signer))
        file.write_bytes(hidden)
        assert price.command.main(["audit", "verify", str(file)], standalone_mode=False) == 1
        assert "was not shown" in capsys.readouterr().out
