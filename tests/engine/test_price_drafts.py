"""Drafts of price books: kept over a restart, overwritten by nobody unseen, published whole or not at all."""

import asyncio
import base64

import msgspec
import pytest

from tests.engine.world import Wires, found
from tests.pricing.books import DRAFT
from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.engine import drafts
from weft.engine.commands import run
from weft.engine.ports import Batch
from weft.engine.views import VIEWS

SHEET = "料号,单位,起订量,单价\nV15,个,1,40\nV15,个,100,36.5\nNUT,个,1,0.8\n"


@pytest.fixture
async def node():
    made = await found(Wires(), "factory")
    yield made
    await made.stop()


async def do(node, command, **params):
    return (await run(node, command, params)).facts


async def seen(node, draft, place):
    return (await VIEWS["price-draft"](node, draft=draft, place=place)).seen[place]


async def change(node, command, draft, place, **params):
    if command in {"line", "rule"}:
        params["place"] = place
    return await do(node, f"price-draft-{command}", draft=draft, seen=await seen(node, draft, place), **params)


async def written(node, **fields) -> str:
    """A draft with one item, ready to be published."""
    draft = (await do(node, "price-draft", name="Ball valves"))["draft"]
    await change(node, "head", draft, "head", **{
        "name": "Ball valves", "currency": "CNY", "percent": "13", "notice_days": 14, **fields})
    await change(node, "line", draft, "lines.new", item="V15", tiers=[
        {"from": "100", "price": "36.5"}, {"price": "40"}])
    return draft


async def publish(node, draft):
    view = await VIEWS["price-draft"](node, draft=draft)
    return await run(node, "price-draft-publish", {"draft": draft, "rev": view.rev, "valid_from": view.begins})


async def books(node):
    return (await node.book_state("pricing")).books


async def test_a_book_is_written_part_by_part_and_published_whole(node):
    draft = await written(node)
    await change(node, "attributes", draft, "attributes", values={"zone": "华东，华西", "payment_term": "30d prepaid"})
    await change(node, "rule", draft, "rules.new", name="预付款", values=["payment_term=prepaid"], amount="2")
    await change(node, "rule", draft, "rules.new", name="小单", below="10", how="line", way="more", amount="25")
    view = await VIEWS["price-draft"](node, draft=draft)
    assert view.findings == () and view.begins == "" and await books(node) == {}
    await change(node, "rule", draft, "rules.new", name="last", amount="1", how="each")
    await change(node, "rule", draft, "rules.2", up=True)
    assert [one.name for one in (await drafts.get(node, draft)).book.rules] == ["预付款", "last", "小单"]
    await change(node, "rule", draft, "rules.1", remove=True)
    await change(node, "rule", draft, "rules.new", name="nothing")
    assert [one.code for one in (await VIEWS["price-draft"](node, draft=draft)).findings] == ["pricing.rule-effect"]
    await change(node, "rule", draft, "rules.2", remove=True)
    view = await VIEWS["price-draft"](node, draft=draft)
    assert [(tier.quantity, tier.price) for tier in view.book.lines[0].tiers] == [("1", "40"), ("100", "36.5")]
    assert [(rule.id, rule.percent, rule.add, rule.per) for rule in view.book.rules] == [
        ("预付款", "-2", "", "unit"), ("小单", "", "25", "line")]
    done = await publish(node, draft)
    (version,) = (await books(node)).values()
    assert version.book.attributes["zone"] == ("华东", "华西") and version.book.id == "ball-valves"
    assert await drafts.every(node) == []
    again = await run(node, "price-draft-publish", {"draft": draft, "rev": view.rev})
    assert again.events == done.events and len(await books(node)) == 1


async def test_two_open_pages_overwrite_nothing_of_each_other_unseen(node):
    draft = await written(node)
    first = await seen(node, draft, "lines.0")
    head = await seen(node, draft, "head")
    tiers = [{"from": "1", "price": "41"}]
    await do(node, "price-draft-line", draft=draft, seen=first, place="lines.0", item="V15", tiers=tiers)
    with pytest.raises(Refused) as refused:
        await do(node, "price-draft-line", draft=draft, seen=first, place="lines.0", item="V15",
                 tiers=[{"from": "1", "price": "39"}])
    assert refused.value.code == "pricing.draft-changed"
    assert (await drafts.get(node, draft)).book.lines[0].tiers[0].price == "41"
    await do(node, "price-draft-head", draft=draft, seen=head, name="Another part", currency="CNY", percent="13")


async def test_of_two_changes_at_one_moment_one_is_kept_and_the_other_refused(node):
    draft = await written(node)
    mark = await seen(node, draft, "lines.0")
    told = await asyncio.gather(*(
        do(node, "price-draft-line", draft=draft, seen=mark, place="lines.0", item=f"V{n}", tiers=[{"price": "1"}])
        for n in range(5)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["Refused"] * 4 + ["dict"]


async def test_the_control_without_a_lock_the_second_change_would_win_unseen(node, monkeypatch):
    """What the lock is for: both read, then both write."""
    draft = await written(node)
    monkeypatch.setattr(type(node), "lock", lambda *_: Open())
    mark, held = await seen(node, draft, "lines.0"), node.store.commit

    async def slowly(batch):
        await asyncio.sleep(0.01)
        await held(batch)

    node.store.commit = slowly
    told = await asyncio.gather(*(
        do(node, "price-draft-line", draft=draft, seen=mark, place="lines.0", item=f"V{n}", tiers=[{"price": "1"}])
        for n in range(2)), return_exceptions=True)
    assert [type(one).__name__ for one in told] == ["dict", "dict"], "one of them is lost, and nobody was told"


class Open:
    """A lock that locks nothing."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


async def test_a_draft_outlives_a_restart_and_one_that_died_while_publishing_is_published_once(node):
    draft = await written(node)
    kept = await node.store.value(drafts.BUCKET, draft)
    done = await publish(node, draft)
    await node.store.commit(Batch(values=[(drafts.BUCKET, draft, kept)]))  # as a crash between both would leave it
    assert await drafts.every(node) == []
    with pytest.raises(NotFound):
        await drafts.get(node, draft)
    again = await run(node, "price-draft-publish", {"draft": draft, "rev": 3})
    assert again.events == done.events
    assert await node.store.value(drafts.BUCKET, draft) is None


async def test_nothing_is_published_but_what_its_summary_showed(node):
    draft = await written(node)
    view = await VIEWS["price-draft"](node, draft=draft)
    await change(node, "line", draft, "lines.0", item="V15", tiers=[{"price": "44"}])
    for rev, day in ((view.rev, ""), (view.rev + 1, "2027-01-01T00:00:00.000Z")):
        with pytest.raises(Refused) as refused:
            await do(node, "price-draft-publish", draft=draft, rev=rev, valid_from=day)
        assert refused.value.code == "pricing.draft-moved"
    assert await books(node) == {}
    unsound = (await do(node, "price-draft", name="Empty"))["draft"]
    with pytest.raises(Refused) as refused:
        await do(node, "price-draft-publish", draft=unsound, rev=1)
    assert refused.value.code.startswith("pricing.") and await books(node) == {}
    assert len(await drafts.every(node)) == 2


async def test_a_dearer_next_version_waits_for_the_promised_day_by_default(node):
    await publish(node, await written(node))
    (name,) = await books(node)
    draft = (await do(node, "price-draft", of=name))["draft"]
    view = await VIEWS["price-draft"](node, draft=draft)
    assert (view.starts, view.begins, view.notice, view.current) == ("", "", 14, name)
    await change(node, "line", draft, "lines.0", item="V15", tiers=[{"price": "44"}])
    view = await VIEWS["price-draft"](node, draft=draft)
    assert view.begins == view.first != "" and view.findings == ()
    days = (instant.to_ms(view.begins) - node.clock.now_ms()) / 86_400_000
    assert 14 <= days < 15
    today = instant.from_ms(node.clock.now_ms())[:10]
    head = {"name": "Ball valves", "currency": "CNY", "percent": "13", "notice_days": 14}
    await change(node, "head", draft, "head", **head, valid_from=today)
    view = await VIEWS["price-draft"](node, draft=draft)
    assert [(one.code, one.place) for one in view.findings] == [("pricing.increase-without-notice", "valid_from")]
    diff = await VIEWS["price-diff"](node, old=name, new=draft)
    assert diff.differences.items[0].kind == "dearer"
    await change(node, "head", draft, "head", **head)
    await publish(node, draft)
    assert [one.state for one in (await VIEWS["prices"](node)).books] == ["coming", "in-force"]
    told = await VIEWS["price-test"](node, item="V15", quantity="10")
    assert [(one.which, one.net) for one in told.sides] == [("in-force", "400.00"), ("coming", "440.00")]


async def test_what_an_order_would_cost_is_told_step_by_step_for_the_draft_and_the_version_in_force(node):
    await publish(node, await written(node))
    (name,) = await books(node)
    draft = (await do(node, "price-draft", of=name))["draft"]
    await change(node, "rule", draft, "rules.new", name="larger", at_least="10", amount="5")
    await change(node, "line", draft, "lines.new", item="WRONG", unit="C62")
    told = await VIEWS["price-test"](node, item="V15", quantity="12", draft=draft)
    assert [(one.which, one.net, one.gross) for one in told.sides] == [
        ("draft", "456.00", "515.28"), ("in-force", "480.00", "542.40")]
    steps = [(one.kind, one.before, one.by, one.percent, one.result) for one in told.sides[0].steps]
    assert steps == [("tier", "", "40 / 1", "", "40"), ("multiply", "40", "19/20", "-5", "38"),
                     ("amount", "", "38 × 12", "", "456.00"), ("tax", "456.00", "13 %", "", "59.28")]
    for asked, code in (({"item": "WRONG"}, "pricing.tiers"), ({"item": "V15", "quantity": "0.5"},
                                                             "pricing.below-first-tier"),
                        ({"item": "V15", "quantity": "x"}, "quantity.malformed")):
        side = (await VIEWS["price-test"](node, **{"quantity": "1", **asked}, draft=draft)).sides[0]
        assert side.code == code


async def test_lines_come_from_a_spreadsheet_all_or_none(node):
    content = base64.b64encode(SHEET.encode()).decode()
    made = await do(node, "price-draft", content=content, file="阀门 2026.xlsx")
    view = await VIEWS["price-draft"](node, draft=made["draft"])
    assert (view.book.name, len(view.book.lines), view.book.lines[0].item) == ("阀门 2026", 2, "V15")
    headed = base64.b64encode(f"名称,阀门\n税率,13\n{SHEET}".encode()).decode()
    made = await do(node, "price-draft", content=headed, file="x.csv")
    held = (await drafts.get(node, made["draft"])).book
    assert (held.name, held.id, held.tax.percent) == ("阀门", "阀门", "13")
    draft = await written(node)
    told = await change(node, "import", draft, "lines", content=content)
    assert told["count"] == 2 and len((await drafts.get(node, draft)).book.lines) == 2
    told = await change(node, "import", draft, "lines", how="replace",
                        content=base64.b64encode(b"item,price\nA,1\n").decode())
    assert [line.item for line in (await drafts.get(node, draft)).book.lines] == ["A"]
    bad = base64.b64encode(b"item,price\nB,one\n").decode()
    assert (await change(node, "import", draft, "lines", content=bad))["problems"][0]["code"] == "table.number"
    assert (await do(node, "price-draft", content=bad, file="x.csv"))["problems"]
    assert [line.item for line in (await drafts.get(node, draft)).book.lines] == ["A"]
    whole = base64.b64encode(msgspec.json.encode(DRAFT)).decode()
    await change(node, "import", draft, "lines", content=whole)
    assert len((await drafts.get(node, draft)).book.lines) == 3


async def test_a_partner_s_name_is_no_class_of_customers(node):
    draft = await written(node)
    node.names["x"] = ("明记五金",)
    await change(node, "attributes", draft, "attributes", values={"published_class": "a 明记五金"})
    view = await VIEWS["price-draft"](node, draft=draft)
    assert [(one.code, one.place) for one in view.findings] == [
        ("pricing.identity-value", "attributes.published_class")]
    with pytest.raises(WeftError):
        await publish(node, draft)


async def test_what_is_no_place_no_draft_and_no_version_is_told(node):
    draft = await written(node)
    for command, params, code in (
        ("price-draft-line", {"draft": draft, "seen": "x", "place": "rules.0"}, "pricing.draft-place"),
        ("price-draft-rule", {"draft": draft, "seen": "x", "amount": "-100"}, "pricing.draft-changed"),
        ("price-draft-drop", {"draft": "none"}, "pricing.draft-unknown"),
        ("price-draft", {"of": "none"}, "pricing.version-unknown"),
        ("price-draft", {"name": " "}, "pricing.text"),
        ("price-draft", {"content": "%%"}, "import.content"),
    ):
        with pytest.raises(WeftError) as refused:
            await do(node, command, **params)
        assert refused.value.code == code, command
    with pytest.raises(Invalid):
        await change(node, "rule", draft, "rules.new", name="x", amount="100")
    await do(node, "price-draft-drop", draft=draft)
    assert await drafts.every(node) == []


async def test_a_book_that_no_event_could_hold_is_refused_before_anything_is_kept(node):
    """Said once, it could never be read again, and with it no price of the firm."""
    lines = [{"item": f"I{n}", "unit": "C62", "tiers": [{"from": "1", "price": "1"}]} for n in range(6000)]
    with pytest.raises(Refused) as refused:
        await do(node, "publish-prices", book={**DRAFT, "lines": lines, "rules": []})
    assert refused.value.code == "pricing.too-large"
    most = {**DRAFT, "lines": lines[:3500], "rules": []}
    await do(node, "publish-prices", book=most)
    node.forget(node.book("pricing"))  # as after a restart
    assert len(await books(node)) == 1


async def test_the_control_an_event_that_is_too_large_is_refused_by_who_says_it(node, monkeypatch):
    monkeypatch.setattr("weft.pricing.lint.BYTES_MAX", 10**9)
    lines = [{"item": f"I{n}", "unit": "C62", "tiers": [{"from": "1", "price": "1"}]} for n in range(6000)]
    with pytest.raises(Invalid) as refused:
        await do(node, "publish-prices", book={**DRAFT, "lines": lines, "rules": []})
    assert refused.value.code == "event.payload-too-large"
    node.forget(node.book("pricing"))
    assert await books(node) == {}
