"""A person at the console: pair a phone, answer an order, watch a machine move, report work, invite a partner."""

import asyncio
import contextlib
import zipfile

import pytest

from tests.engine.test_alarms import hand, lie
from tests.engine.world import until
from weft.engine.acks import Ack
from weft.engine.commands import run
from weft.locale import text
from weft.shopfloor.connection import Value
from weft.thread.audit import audit
from weft.trade.order_state import Phase

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
BOTH = pytest.mark.parametrize("lang", ["zh", "en"])
EACH = pytest.mark.parametrize("size", ["phone", "desk"])


@BOTH
@EACH
async def test_an_order_is_opened_and_answered(look, lang, size):
    at = await look(lang, size)
    await at.pair()
    await at.sees(text(lang, "today.title.answer"))
    await at.fits()
    partner = "明记五金"
    await at.page.get_by_text(text(lang, "today.answer-order", partner=partner)).first.click()
    await at.sees(text(lang, "doc.Order"))
    await at.fits()
    await at.page.get_by_role("button", name=text(lang, "act.OrderResponse.AP"), exact=True).click()
    await at.sees(text(lang, "done.respond"))
    await at.sees(text(lang, "phase.confirmed"))
    thread = at.sample.orders["ordered"]

    async def confirmed():
        return (await at.sample.shop.state(thread)).phase is Phase.CONFIRMED

    await until(confirmed)


@BOTH
@EACH
async def test_a_machine_is_watched_as_it_moves(look, lang, size):
    at = await look(lang, size)
    await at.pair()
    await at.to("/machines")
    await at.page.locator("a[href='/machines/Cell1']").first.click()
    await at.sees(text(lang, "machine.state.running"))
    await at.fits()
    live = at.sample.node.live
    for count, load in ((33, 71.5), (34, 64.25)):
        live.take("Cell1", [("PieceCount", Value(count)), ("SpindleLoad", Value(load))])
        await at.page.locator("#machine .big", has_text=str(count)).wait_for(timeout=30_000)
        await at.sees(f"{load:.4g}")


@BOTH
async def test_a_customer_chooses_among_the_dates_he_is_offered(look, lang):
    at = await look(lang, "phone", shop=True)
    await at.pair()
    await at.page.get_by_text(text(lang, "today.answer-change", partner="恒泰阀门")).first.click()
    await at.sees(text(lang, "cause.machine-late"))
    await at.fits()
    await at.page.get_by_role("button", name=text(lang, "option.later.take"), exact=True).click()
    await at.sees(text(lang, "done.answer-change"))
    line = (await at.node.state(at.sample.orders["changed"])).lines["1"]
    assert line.promise == "2027-01-20T08:00:00.000Z" > line.first_promise


async def test_a_customer_says_what_arrived(look):
    at = await look("en", "phone", shop=True)
    await at.pair()
    await at.page.get_by_text(text("en", "today.receive", partner="恒泰阀门")).first.click()
    await at.page.locator("[id='receive-1-lines.0.received@number']").fill("3")
    await at.page.locator("[id='receive-1-lines.0.damaged@number']").fill("1")
    await at.page.get_by_role("button", name=text("en", "act.ReceiptAdvice.send")).click()
    await at.sees(text("en", "done.receive"))
    line = (await at.node.state(at.sample.orders["arriving"])).lines["1"]
    assert (line.received, line.damaged) == ("3", "1")


@EACH
async def test_what_a_partner_says_appears_without_a_reload(look, size):
    at = await look("en", size)
    await at.pair()
    await at.to(f"/orders/{at.sample.orders['quoted']}")
    await at.sees(text("en", "phase.quoted"))
    await run(at.sample.shop, "order", {"thread": at.sample.orders["quoted"]})
    await at.page.locator("#head", has_text=text("en", "phase.ordered")).wait_for(timeout=30_000)


async def test_everything_works_without_scripts(look):
    at = await look("en", "phone", scripts=False)
    await at.pair()
    await at.page.get_by_text(text("en", "today.quote", partner="明记五金")).first.click()
    await at.page.get_by_role("button", name=text("en", "act.Quotation.send")).click()
    await at.sees(text("en", "done.quote"))

    async def quoted():
        return (await at.sample.node.state(at.sample.orders["asked"])).phase is Phase.QUOTED

    await until(quoted)


@BOTH
async def test_a_worker_reports_with_his_phone(look, lang):
    at = await look(lang, "phone")
    await at.pair("worker", person="李明")
    job = next(name for name in at.sample.jobs if name.endswith("-10"))
    await at.to(f"/jobs/{job}")
    await at.page.get_by_role("button", name=text(lang, "act.job-start"), exact=True).click()
    await at.page.locator("#work-add-good").fill("13")
    await at.page.get_by_role("button", name=text(lang, "work.add"), exact=True).click()
    await at.page.locator("#state .big", has_text="44").wait_for()
    await at.page.locator("#work-scrap > summary").click()
    await at.page.locator("#work-scrap input[value='work']").check()
    await at.page.locator("#work-scrap-scrap\\@number").fill("2")
    await at.page.locator("#work-scrap button.wide").click()
    await at.sees(text(lang, "job.scrap", n="2"))
    await at.fits()


@BOTH
async def test_a_partner_is_invited_with_a_link_and_a_code(look, lang):
    at = await look(lang, "phone")
    await at.pair()
    await at.to("/partners")
    await at.page.locator("#invite > summary").click()
    await at.page.locator("#invite-note").fill("Shop")
    await at.page.locator("#invite button.main").click()
    await at.sees(text(lang, "partners.invitation"))
    assert await at.page.locator("svg.qr").count() == 1
    await at.fits()
    await at.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # a plain http address
    link = await at.page.locator("[data-copy]").get_attribute("data-copy")
    await at.page.locator("[data-copy]").click()
    await at.sees(text(lang, "word.copied"))
    await at.page.locator("#invite > summary").click()
    await at.page.locator("#invite-note").fill("")
    await at.page.locator("#invite-note").press("Control+V")
    assert await at.page.locator("#invite-note").input_value() == link


@BOTH
async def test_what_the_firm_holds_is_saved_as_one_file_and_an_old_order_erased(look, lang, tmp_path):
    at = await look(lang, "phone", shop=True)
    thread = at.sample.orders["quoted"]
    await run(at.node, "decline", {"thread": thread, "reason": "Frau Kanarienvogel"})
    at.node.snapshot = lambda: contextlib.nullcontext(at.node)
    await at.pair()
    await at.to("/data")
    await at.sees(text(lang, "data.ready"))
    await at.fits()
    async with at.page.expect_download() as coming:
        await at.page.get_by_role("button", name=text(lang, "data.export.do"), exact=True).click()
    await (await coming.value).save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert "manifest.json" in archive.namelist()
    await at.page.get_by_role("button", name=text(lang, "data.close"), exact=True).click()
    summary = at.page.locator(f"details[id='erase-{thread}'] > summary")
    await summary.wait_for(timeout=30_000)  # both have closed it, and the page shows it without being asked again
    await summary.click()
    await at.page.locator(f"[id='erase-{thread}'] select").select_option("subject-request")
    await at.page.locator(f"[id='erase-{thread}'] button.danger").click()
    await at.page.locator("#data-erased li").first.wait_for(timeout=30_000)
    await at.sees(text(lang, "data.reason.subject-request"))
    await at.fits()
    assert await at.node.store.payloads(thread, [(await at.node.state(thread)).request_id]) == []


@BOTH
async def test_an_alarm_is_understood_proved_and_let_go_in_two_steps(look, lang, tmp_path):
    at = await look(lang, "phone")
    thread = at.sample.orders["making"]
    lies = [await lie(at.sample.shop, thread, Ack(state=letter * 43)) for letter in "AB"]
    for one in lies:
        await hand(at.node, at.sample.shop, thread, one)
    await at.pair()
    await at.page.locator(f"a[href='/alarms/{thread}']").click()
    await at.sees(text(lang, "alarm.what"))
    await at.fits()
    async with at.page.expect_download() as coming:
        await at.page.get_by_role("button", name=text(lang, "alarm.evidence.do"), exact=True).click()
    await (await coming.value).save_as(tmp_path / "proof.weft-pack")
    assert audit((tmp_path / "proof.weft-pack").read_bytes()).forks
    await at.page.locator("#go-on summary").click()
    going = at.page.locator("#go-on button")
    await going.click()
    assert thread in at.node.alarms, "the question beside the button was not answered"
    await at.page.locator("#go-on input[type=checkbox]").check()
    await going.click()
    await at.sees(text(lang, "done.go-on"))
    assert thread not in at.node.alarms
    assert await at.page.locator(f"a[href='/alarms/{thread}']").count() == 0


@BOTH
@EACH
async def test_no_page_is_wider_than_its_screen_in_light_and_dark(look, lang, size):
    at = await look(lang, size, dark=size == "phone")
    await at.pair()
    orders = at.sample.orders
    for address in ("/", "/orders", f"/orders/{orders['making']}", f"/orders/{orders['sent']}", "/orders/new",
                    "/machines", "/machines/Lathe1", "/jobs", f"/jobs/{at.sample.jobs[0]}/traveller", "/stock",
                    "/stock/BV-15", "/import", "/partners", "/prices", "/settings", "/data", "/more"):
        await at.to(address)
        await at.fits()
        await asyncio.sleep(0)
