"""What a node keeps of audits: one file after the other is taken in, whatever it is, and each leads a step further."""

import re

import msgspec
import pytest
from msgspec.structs import replace

from tests.engine.pricelog.test_audit import OTHERS, answered, audit_world, followed
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable
from weft.cli import weft
from weft.engine.commands import run
from weft.engine.pricelog import auditing, audits, batches, results
from weft.engine.till import export as slips
from weft.engine.views import VIEWS
from weft.launch import Home
from weft.pricing import audit


async def begun(auditor, openings=20):
    return (await run(auditor, "price-audit-begin", {
        "seller": "Seller", "witnesses": list(OTHERS), "openings": openings})).facts["audit"]


async def row(node, name):
    return (await VIEWS["price-audit"](node, name=name)).row


async def drawn(seller, others, *nodes):
    for one in others:
        await batches.make(one)
    await followed(seller, *others, *nodes)


async def test_each_file_leads_its_reader_a_step_further_until_the_buyer_relies_on_it():
    async with audit_world(1) as (seller, buyer, auditor, others):
        name = await begun(auditor)
        assert ((await row(auditor, name)).state, (await row(auditor, name)).openings) == ("waits", 20)
        assert await audits.take_in(seller, await audits.plan_of(auditor.store, name)) == ("plan", name)
        assert (await row(seller, name)).state == "waits"
        with pytest.raises(Unavailable, match=r"pricing\.audit-too-early"):
            await audits.answer(seller, name, slips.export)
        await drawn(seller, others, auditor)
        assert [(await row(one, name)).state for one in (seller, auditor)] == ["ready", "ready"]
        file = await audits.answer(seller, name, slips.export)
        assert auditing.is_sealed(file)
        count = (await row(seller, name)).documents
        assert (await row(seller, name)).state == "opened"
        assert count >= 2
        with pytest.raises(NotFound, match=r"pricing\.audit-unknown"):
            await audits.sign(auditor, name)
        assert await audits.take_in(auditor, file + b"\n") == ("answer", name)
        told = await VIEWS["price-audit"](auditor, name=name)
        assert (told.row.state, told.row.verdict, told.row.documents, told.row.right) == (
            "found", "right", count, count)
        assert {"order", "quotation"} <= {one.kind for one in told.documents}
        assert all(one.number and one.at for one in told.documents)
        assert float(dict(told.missed)["10"]) > 50, "few documents show little, and that is said"
        signed = (await run(auditor, "price-audit-sign", {"audit": name})).facts["file"].encode()
        assert signed == await audits.result_of(auditor.store, name) == await audits.sign(auditor, name)
        assert [one.ours for one in (await VIEWS["price-audits"](auditor)).taken] == [True]
        assert await audits.take_in(buyer, signed) == ("result", name)
        assert [(one.seller, one.auditor, one.verdict) for one in (await VIEWS["price-audits"](buyer)).taken] == [
            ("Seller", "Auditor", "right")]


async def test_nothing_of_what_was_shown_stays_but_kinds_numbers_and_days():
    async with audit_world(1) as (seller, buyer, auditor, others):
        name = await begun(auditor)
        await audits.take_in(seller, await audits.plan_of(auditor.store, name))
        await drawn(seller, others)
        await audits.take_in(auditor, await audits.answer(seller, name, slips.export))
        kept = dict(await auditor.store.values(audits.PLANNED))[name]
        shown = auditing.unsealed(await audits.answer(seller, name, slips.export), auditor.identity.signer)
        # as words of their own: three letters also come about in hashes and signatures
        for secret in (buyer.organisation.encode(), b"V15", b"40"):
            word = re.compile(rb"(?<![\w:-])" + secret + rb"(?![\w-])")  # a colon: seconds of an instant
            assert word.search(shown) and not word.search(kept)


async def test_a_seller_that_shows_nothing_is_told_and_its_result_is_signed_as_it_is():
    async with audit_world(1) as (seller, _, auditor, others):
        name = await begun(auditor)
        plan = audit.parse(await audits.plan_of(auditor.store, name))
        file = auditing.parse(await answered(seller, others, plan))
        honest = results.encode(file)
        hidden = results.encode(results.sealed(replace(file, documents={}), seller.identity.signer))
        await audits.take_in(auditor, hidden)
        told = await VIEWS["price-audit"](auditor, name=name)
        assert told.row.verdict == "wrong"
        assert {(one.said, one.code) for one in told.documents} == {("wrong", "not-shown")}
        await audits.take_in(auditor, honest)
        assert (await row(auditor, name)).verdict == "right", "until it is signed, a second look replaces the first"
        await audits.take_in(auditor, hidden)
        signed = await audits.sign(auditor, name)
        assert results.parse_result(signed).wrong == len(told.documents)
        await audits.take_in(auditor, honest)
        assert await audits.sign(auditor, name) == signed
        assert (await row(auditor, name)).verdict == "wrong"


async def test_what_is_not_for_us_is_refused():
    async with audit_world(1) as (seller, buyer, auditor, others):
        name = await begun(auditor)
        plan = await audits.plan_of(auditor.store, name)
        for data in (b"", b"[]", b"{}", b'{"weft":"price-fork/1"}', b"\xff", plan[:-1]):
            with pytest.raises(Invalid, match=r"pricing\.audit-file"):
                await audits.take_in(seller, data)
        with pytest.raises(Refused, match=r"pricing\.audit-not-of-us"):
            await audits.take_in(buyer, plan)
        await audits.take_in(seller, plan)
        await drawn(seller, others)
        sealed = await audits.answer(seller, name, slips.export)
        with pytest.raises(Invalid, match=r"key\.sealed"):
            await audits.take_in(buyer, sealed)
        with pytest.raises(Refused, match=r"pricing\.audit-not-ours"):
            await audits.take_in(buyer, auditing.unsealed(sealed, auditor.identity.signer))


async def test_what_is_too_much_for_a_node_that_trades_beside_it_is_refused(monkeypatch):
    async with audit_world(1) as (seller, _, auditor, others):
        name = await begun(auditor)
        await audits.take_in(seller, await audits.plan_of(auditor.store, name))
        await drawn(seller, others)
        sealed = await audits.answer(seller, name, slips.export)
        monkeypatch.setattr(audits, "FILE_BYTES_MAX", 10_000)
        for data in (sealed, auditing.unsealed(sealed, auditor.identity.signer)):
            with pytest.raises(Invalid, match=r"pricing\.audit-file"):
                await audits.take_in(auditor, data)
        monkeypatch.undo()
        assert await audits.take_in(auditor, sealed) == ("answer", name)


async def test_the_oldest_go(monkeypatch):
    async with audit_world(1) as (_, _, auditor, _):
        monkeypatch.setattr(audits, "KEPT_MAX", 2)
        names = []
        for openings in (1, 2, 3):
            auditor.clock.ms += 1_000
            names.append(await begun(auditor, openings))
        assert [name for name, _ in await audits.planned(auditor.store)] == names[:0:-1]


def test_an_answer_sealed_to_a_home_is_opened_with_the_key_of_that_home(tmp_path, capsys):
    for name in ("a", "b"):
        weft.main(["init", str(tmp_path / name), "--name", name], standalone_mode=False)
    file = tmp_path / "audit.json"
    file.write_bytes(auditing.sealed_for(Home(tmp_path / "a").signer().public, msgspec.json.encode({}), bytes))
    sign = ["price", "audit", "sign", str(file), "--home"]
    for home, code in (("a", "pricing.audit-file"), ("b", "key.sealed")):
        assert weft.main([*sign, str(tmp_path / home)], standalone_mode=False) == 2
        assert code in capsys.readouterr().err
