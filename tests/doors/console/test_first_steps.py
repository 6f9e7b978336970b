"""The first steps of a firm that makes things: pages say what to do next, and a machine gets its work centre."""

import json

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import Stepping, alone, at_work, table
from tests.doors.console.test_machine_page import CALENDAR, shown, thing
from tests.engine.home import AT, JOB, busy_node
from weft.basis.errors import NotFound, Refused
from weft.engine.commands import run
from weft.engine.live import Live
from weft.engine.views import VIEWS
from weft.engine.views.today import AWAY_MS
from weft.launch import application
from weft.locale import text
from weft.production.messages import JobReleased
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Link
from weft.shopfloor.remedies import own_word

BENCH = "id,zh,en,calendar,start\nMILL,铣床,Mill,day,\nBENCH,钳工台,Bench,day,\n"


@pytest.fixture
async def maker():
    """A firm with two work centres, and a machine that none of them has."""
    sample = await alone()
    for kind, content in (("calendars", CALENDAR), ("work-centres", BENCH)):
        await run(sample.node, "import", {"kind": kind, "content": table(content)})
    await sample.node.record("floor", MachineAdded(machine="VMC2", description=json.dumps(thing())))
    yield sample.node
    await sample.stop()


async def bind(node, machine, centre="MILL"):
    return await run(node, "work-centre-machine", {"work_centre": centre, "machine": machine})


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_a_machine_without_a_work_centre_says_so_and_gets_one_on_its_page(maker, lang):
    none = text(lang, "machine.centre.none")
    page = await shown(maker, "/machines/VMC2", lang)
    assert none in page
    assert {"zh": ">钳工台<", "en": ">Bench<"}[lang] in page
    await bind(maker, "VMC2")
    page = await shown(maker, "/machines/VMC2", lang)
    assert none not in page  # the control
    assert {"zh": '<span class="chip">铣床<', "en": '<span class="chip">Mill<'}[lang] in page
    assert text(lang, "machine.centre.free") in page
    assert (await VIEWS["machine"](maker, name="VMC2")).row.work_centre == "MILL"
    await bind(maker, "")
    assert none in await shown(maker, "/machines/VMC2", lang)


async def test_without_any_work_centre_the_way_to_one_is_shown():
    sample = await alone()
    await sample.node.record("floor", MachineAdded(machine="VMC2", description=json.dumps(thing())))
    page = await shown(sample.node, "/machines/VMC2")
    assert 'href="/import?kind=work-centres"' in page
    assert 'name="work_centre"' not in page
    await sample.stop()


async def test_only_what_is_there_can_be_joined(maker):
    with pytest.raises(NotFound, match=r"floor\.machine-unknown"):
        await bind(maker, "VMC3")
    with pytest.raises(NotFound, match=r"production\.no-work-centre"):
        await bind(maker, "VMC2", "LATHE")


async def test_a_work_centre_keeps_its_machine_while_a_job_has_begun_there():
    node = await busy_node()
    await node.record("production", JobReleased(job=JOB, at=AT))
    await run(node, "job-start", {"job": JOB, "work_centre": "LATHE", "operator": "Li"})
    with pytest.raises(Refused, match=r"production\.machine-in-use"):
        await bind(node, "", "LATHE")
    await run(node, "job-end", {"job": JOB, "good": "40"})
    await bind(node, "", "LATHE")  # the control: the job has ended
    assert not (await node.book_state("production")).master.work_centres["LATHE"].machine


async def test_an_empty_queue_says_what_comes_next(maker):
    page = await shown(maker, "/jobs")
    assert page.count(text("zh", "empty.queue.phone")) == 1, "once is enough"
    assert page.count(text("zh", "empty.queue")) == 2
    assert 'href="/machines"' in page
    await bind(maker, "VMC2")
    page = await shown(maker, "/jobs")
    assert text("zh", "empty.queue.machine") in page
    await bind(maker, "VMC2", "BENCH")
    assert text("zh", "empty.queue.phone") not in await shown(maker, "/jobs")  # the control: no bench is left


async def test_a_new_firm_that_makes_things_is_told_that_machines_can_be_connected(maker):
    steps = {one.code: one.done for one in (await VIEWS["today"](maker)).start}
    assert list(steps) == ["items", "prices", "making", "machine", "partner", "order"]
    assert not steps["machine"]
    assert text("zh", "start.machine.title") in await shown(maker, "/")
    await bind(maker, "VMC2")
    assert {one.code: one.done for one in (await VIEWS["today"](maker)).start}["machine"]


async def test_a_shop_that_only_trades_is_not_told_of_machines():
    sample = await alone()
    assert "machine" not in [one.code for one in (await VIEWS["today"](sample.node)).start]
    assert text("zh", "start.machine.title") not in await shown(sample.node, "/")
    await sample.stop()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_phones_that_may_be_paired_have_names_of_their_own(lang):
    names = [text(lang, f"settings.{one}") for one in ("pair", "pair-operator", "pair-worker")]
    assert not [(one, other) for one in names for other in names if one != other and one in other]


async def test_a_machine_that_a_job_waits_for_and_that_is_away_is_told_on_the_first_page():
    node = await busy_node()
    node.live = Live(Stepping(node.clock.now_ms() - AWAY_MS - 60_000))
    node.live.link("L1", Link(up=False))
    assert not [one for one in (await VIEWS["today"](node)).answer if one.kind == "machine-away"], "nothing waits"
    await node.record("production", JobReleased(job=JOB, at=AT))
    told = [one for one in (await VIEWS["today"](node)).answer if one.kind == "machine-away"]
    assert [(one.id, one.number) for one in told] == [("L1", JOB)]
    assert JOB in await shown(node, "/")
    node.live.link("L1", Link(up=True))  # the control
    assert not [one for one in (await VIEWS["today"](node)).answer if one.kind == "machine-away"]


@pytest.mark.parametrize(("detail", "shown_as"), [
    ("Connection refused", ""), ("timeout", ""), ("No route to host", ""), ("silent", ""), ("something new", ""),
    ("BadIdentityTokenRejected", "BadIdentityTokenRejected"), ("illegal address (2)", "illegal address (2)")])
def test_a_word_of_the_network_does_not_stand_beside_ours(detail, shown_as):
    assert own_word(detail) == shown_as


async def test_a_seller_is_not_told_of_itself_as_of_a_stranger():
    sample = await at_work()
    thread = sample.orders["quoted"]
    seller, buyer = await shown(sample.node, f"/orders/{thread}"), await shown(sample.shop, f"/orders/{thread}")
    said = (await VIEWS["order"](sample.node, thread=thread)).proof.said
    assert text("zh", f"price.own.{said}").partition("。")[0] in seller
    assert "只有卖方自己说" not in seller
    assert text("zh", f"price.own.{said}").partition("。")[0] not in buyer  # the control
    await sample.stop()


async def test_a_wrong_address_is_told_as_a_page_to_people_and_as_a_problem_to_programs():
    node = await busy_node()
    client = Client([])
    client.application = application(node)
    for address in ("/no-such-page", "/machines/x/y/z"):
        page = await client.ask(address, headers={"accept": "text/html,*/*;q=0.8", "cookie": "weft_lang=zh"}, token="")
        assert page.status == 404
        assert page.headers["content-type"].startswith("text/html"), address
        told = await client.ask(address, headers={"accept": "*/*"}, token="")
        assert told.headers["content-type"].startswith("application/problem+json"), address
    page = await client.ask("/no-such-page", headers={"accept": "text/html", "cookie": "weft_lang=zh"}, token="")
    assert 'href="/"' in page.body.decode()
