"""The order's window: the curious buyer sees milestones and what was sent to it, and finds out nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.engine.dealing import dealt
from tests.engine.home import busy_node
from weft import locale
from weft.basis import instant
from weft.basis.errors import Invalid, NotFound
from weft.engine.commands import run
from weft.engine.twins import window
from weft.engine.twins.access import HOUSE, PROGRAMS, Access, program
from weft.engine.twins.ports import ALL, Where
from weft.engine.views import VIEWS
from weft.twin import access
from weft.twin import elements as e
from weft.twin.access import Subject, Target, World, decide
from weft.twin.access import parse as parse_rules
from weft.twin.names import shell_id, submodel_id
from weft.twin.query import index, parse, values
from weft.twin.templates import handover
from weft.twin.templates.parts import Party

KINDS = ("shell", "submodel", "concept", "shell-descriptor", "submodel-descriptor")


def buyer(node) -> Subject:
    return Subject({"organisation": (node,), "role": ("partner",)})


OWNER = Subject({"role": ("owner",)})


@pytest.fixture
async def deal() -> AsyncIterator[tuple]:
    async with dealt() as (shop, factory, thread):
        yield shop, factory, thread


async def everything(access: Access, who: Subject, kind: str, where: Where = ALL, limit: int = 2) -> list[dict]:
    rows, cursor = [], ""
    while True:
        page = await access.page(who, kind, cursor, limit, where)
        rows += [msgspec.json.decode(row.body) for row in page.rows]
        cursor = page.cursor
        if not cursor:
            return rows


async def all_ids(factory, kind: str) -> set[str]:
    return {one["id"] for one in await everything(Access(factory), OWNER, kind, limit=50)}


async def test_the_buyer_sees_what_was_sent_to_it_and_the_house_sees_all(deal):
    shop, factory, thread = deal
    opened = await factory.windows.of_order(thread)
    assert opened is not None
    assert opened.buyer == shop.organisation
    assert opened.lots
    shells = await everything(Access(factory), buyer(shop.organisation), "shell")
    wanted = {*opened.lots, *opened.orders}
    assert {one["id"].rsplit(":", 1)[1] for one in shells} == wanted
    assert await all_ids(factory, "shell") > {one["id"] for one in shells}
    submodels = await everything(Access(factory), buyer(shop.organisation), "submodel")
    names = {one["idShort"] for one in submodels}
    assert "LotData" in names
    assert names <= {"LotData", "Certificates", "ProductionOrder", "HandoverDocumentation", "Nameplate"}
    for one in submodels:
        shown = {node.path for node in index.nodes(one)}
        assert shown
        if one["idShort"] == "LotData":
            assert {"LotNumber", "ItemNumber"} <= shown <= set(window.OF_LOT)
    for one in shells:
        pointed = {key["value"] for reference in one["submodels"] for key in reference["keys"]}
        assert pointed <= {two["id"] for two in submodels}


async def test_the_curious_buyer_tries_every_id_and_every_question(deal):
    shop, factory, _ = deal
    access, who = Access(factory), buyer(shop.organisation)
    shown = {one["id"] for kind in KINDS for one in await everything(access, who, kind)}
    for kind in ("shell", "submodel"):
        for name in await all_ids(factory, kind) - shown:
            with pytest.raises(NotFound):
                await access.get(who, kind, name)
    for asked in (
        {"$eq": [{"$field": "$sme.Quantity#value"}, {"$numVal": 30}]},     # how much of the lot is left
        {"$not": {"$eq": [{"$field": "$sme.Quantity#value"}, {"$numVal": 30}]}},
        {"$contains": [{"$field": "$sme#value"}, {"$strVal": ""}]},
        {"$boolean": True},
    ):
        found = await everything(access, who, "submodel", Where(condition=parse({"$condition": asked}).condition))
        assert {one["id"] for one in found} <= shown
        assert not any(node.path == "Quantity" for one in found for node in index.nodes(one))
    left = {"$gt": [{"$field": "$sme.Quantity#value"}, {"$numVal": 0}]}
    hidden = Where(condition=parse({"$condition": left}).condition)
    assert await everything(access, who, "submodel", hidden) == []
    assert await everything(access, OWNER, "submodel", hidden)     # the control: there is something to find out


@pytest.mark.parametrize("who", [
    Subject(), Subject({"organisation": ("did:somebody-else",)}), Subject({"role": ("partner",)}),
    Subject({"role": ("operator",), "organisation": ()}),
])
async def test_others_see_nothing(deal, who):
    _, factory, _ = deal
    for kind in KINDS:
        assert await everything(Access(factory), who, kind) == []


async def test_the_window_lapses_and_the_control_without_it_stays_open(deal):
    shop, factory, thread = deal
    access, who = Access(factory), buyer(shop.organisation)
    opened = await factory.windows.of_order(thread)
    assert await everything(access, who, "shell")
    soon = instant.from_ms(factory.clock.now_ms() + 500)
    await factory.windows.keep_open(thread, soon)
    rules = await access.rules(shop.organisation)
    await asyncio.sleep(0.6)
    assert await everything(access, who, "shell") == []
    assert await factory.windows.of_order(thread) is None
    assert len((await access.rules(shop.organisation)).rules) < len(rules.rules)     # removed, not only asleep
    target = rules.rules[-1].objects[0]
    late = await access.world(rules)
    assert not decide(rules, who, "READ", Target(target.kind, target.id), late).allowed    # and it was asleep, too
    await factory.windows.keep_open(thread, opened.until)
    assert await everything(access, who, "shell")
    await factory.windows.shut(thread)
    assert await everything(access, who, "shell") == []


async def test_a_window_without_an_end_by_the_clock_would_be_seen_here(deal, monkeypatch):
    """The control: rules that forget the end still show what lapsed."""
    shop, factory, thread = deal
    opened = await factory.windows.of_order(thread)
    rule = window.rules_of(factory.organisation, opened)[0]
    rule["FORMULA"] = rule["FORMULA"]["$and"][0]
    await Access(factory).keep({"rules": [rule]})
    await factory.windows.shut(thread)
    assert await everything(Access(factory), buyer(shop.organisation), "shell")


async def test_milestones_are_shown_and_jobs_machines_and_materials_are_not():
    node = await busy_node()
    try:
        lots = sorted((await node.state(node.book("stock"))).lots)
        of = window.Window("order-thread", "did:buyer", "2999-01-01T00:00:00.000Z", ("MO1",), (lots[0],))
        await Access(node).keep({"rules": window.rules_of(node.organisation, of)})
        seen = await everything(Access(node), buyer("did:buyer"), "submodel")
        order = next(one for one in seen if one["idShort"] == "ProductionOrder")
        paths = {one.path for one in index.nodes(order)}
        assert {"Number", "State", "Quantity", "Made"} <= paths <= set(window.MILESTONES)
        whole = await Access(node).get(OWNER, "submodel", order["id"])
        assert {one.path for one in index.nodes(msgspec.json.decode(whole.body))} > paths     # the control
        shell = msgspec.json.decode((await Access(node).get(buyer("did:buyer"), "shell", order["id"][:-16])).body)
        assert [one["keys"][0]["value"] for one in shell["submodels"]] == [order["id"]]
        for hidden in ("Jobs", "Materials"):
            with pytest.raises(NotFound):
                await Access(node).get(buyer("did:buyer"), "submodel", f"{shell['id']}:{hidden}")
        machines = [one for one in await all_ids(node, "shell") if ":machine:" in one]
        assert machines
        assert not [one for one in seen if ":machine:" in one["id"]]
    finally:
        await node.stop()


def test_papers_are_shown_without_who_gave_them_to_us():
    of = window.Window("order-thread", "did:buyer", "2999-01-01T00:00:00.000Z", (), ("L1",))
    papers = handover.build(submodel_id(shell_id("us", "lot", "L1"), window.PAPERS), handover.Papers(
        lot="L1", item="V15", papers=("EN10204 https://papers.example/1.pdf",), issuer="Secret Mill", at="2026-05-04",
        keeper=Party(organisation="us", name="Us")))
    decision = decide(access.parse({"rules": window.rules_of("us", of)}), buyer("did:buyer"), "READ",
                      Target("submodel", papers["id"]), access.World("2026-05-04T12:00:00Z"), (papers, ()))
    shown = msgspec.json.encode(access.trimmed(papers, "submodel", decision.grants)).decode()
    assert "Secret Mill" in msgspec.json.encode(papers).decode()     # the control: there is something to hide
    assert "Secret Mill" not in shown
    assert "https://papers.example/1.pdf" in shown
    assert "02-04" in shown


async def test_only_the_seller_opens_a_window_and_only_until_a_day_to_come(deal):
    shop, factory, thread = deal
    assert await shop.windows.of_order(thread) is None
    for node, name in ((shop, thread), (factory, "no-such-thread")):
        with pytest.raises(NotFound, match=r"twin\.no-window"):
            await node.windows.shut(name)
    with pytest.raises(Invalid, match=r"twin\.window-past"):
        await factory.windows.keep_open(thread, "2020-01-01T00:00:00.000Z")


async def test_the_firms_own_clock_is_known_to_rules(deal):
    _, factory, _ = deal
    world = await Access(factory).world(parse_rules({"rules": []}))
    local, utc = values.moment(world.local), values.moment(world.utc)
    assert local and utc and local[0] == utc[0]     # the same instant
    assert local[1] == factory.config.firm.zone.offset(0)


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_what_a_buyer_sees_is_told(deal, lang):
    shop, factory, _ = deal
    told = await Access(factory).sees(buyer(shop.organisation))
    sentences = [locale.text(lang, one.code, **one.facts) for one in told]
    assert len(sentences) >= 4
    assert any("20" in one and one.endswith(("。", ".")) for one in sentences)
    assert [one.code for one in await Access(factory).sees(Subject())] == ["access.sees.nothing"]


async def test_rules_that_the_firm_writes_are_kept_and_checked():
    node = await busy_node()
    try:
        access = Access(node)
        assert (await access.document())["AllAccessPermissionRules"]["rules"] == [HOUSE, PROGRAMS]
        with pytest.raises(Invalid, match=r"access\.object"):
            await access.keep({"rules": [{**HOUSE, "OBJECTS": [{"IDENTIFIABLE": "everything"}]}]})
        assert len(await everything(access, OWNER, "shell", limit=3)) > 3
        assert await everything(access, Subject(), "submodel") == []
        nameplates = {"ACL": {"ATTRIBUTES": [{"GLOBAL": "ANONYMOUS"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
                      "OBJECTS": [{"IDENTIFIABLE": "(Submodel)*"}],
                      "FORMULA": {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Nameplate"}]},
                      "FILTER": {"FRAGMENT": "$sme", "CONDITION": {
                          "$ne": [{"$field": "$sme#idShort"}, {"$strVal": "Kind"}]}}}
        await access.keep({"rules": [nameplates]})
        await node.twins.create("submodel", e.submodel("urn:x:plate", "Nameplate", [e.prop("Kind", "k"),
                                                                                   e.prop("Other", "o")]))
        await node.twins.create("submodel", e.submodel("urn:x:secret", "Secret", [e.prop("Kind", "k")]))
        seen = await everything(access, Subject(), "submodel")
        assert {one["idShort"] for one in seen} == {"Nameplate"}
        written = next(one for one in seen if one["id"] == "urn:x:plate")
        assert [one["idShort"] for one in written["submodelElements"]] == ["Other"]
        assert len(await everything(access, OWNER, "submodel", limit=5)) > len(seen)     # the house stays in
    finally:
        await node.stop()


async def test_the_window_is_seen_and_set_by_a_view_and_commands(deal):
    shop, factory, thread = deal
    seen = await VIEWS["twin-access"](factory, partner=shop.organisation)
    assert [(one.thread, one.partner) for one in seen.windows] == [(thread, shop.organisation)]
    assert seen.windows[0].lots
    assert [one.code for one in seen.everybody] == ["access.sees.nothing"]
    await run(factory, "window-open", {"thread": thread, "until": "2999-01-01T00:00:00.000Z"})
    assert (await VIEWS["twin-access"](factory)).windows[0].until == "2999-01-01T00:00:00.000Z"
    await run(factory, "window-shut", {"thread": thread})
    assert not (await VIEWS["twin-access"](factory)).windows
    await run(factory, "twin-rules", {"document": {"rules": [
        {**HOUSE, "ACL": {"ATTRIBUTES": [{"GLOBAL": "ANONYMOUS"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
         "FORMULA": {"$boolean": True}}]}})
    assert [one.code for one in (await VIEWS["twin-access"](factory)).everybody] == ["access.sees.everything"]
    with pytest.raises(Invalid, match=r"query\.list"):
        await run(factory, "twin-rules", {"document": {"rules": 5}})


@pytest.mark.parametrize("page", ["twin-access.md", "twin-access.zh-CN.md"])
def test_the_rule_that_the_documents_show_does_what_they_say(page):
    text = (Path(__file__).parents[3] / "docs" / "howto" / page).read_text(encoding="utf-8")
    rules = parse_rules(msgspec.json.decode(text.partition("```json\n")[2].partition("```")[0]))
    target = Target("submodel", "urn:x:line-1", "Temperature")
    for who, allowed in ((program("Gauge"), True), (program("Other"), False), (program("Gauge", "did:x"), False)):
        assert decide(rules, who, "UPDATE", target, World("2026-11-26T00:00:00.000Z")).allowed is allowed
    assert not decide(rules, program("Gauge"), "DELETE", target, World("2026-11-26T00:00:00.000Z")).allowed
