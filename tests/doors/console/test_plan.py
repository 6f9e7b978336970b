"""The page of the plan: late orders and why, what if by a form, fixing a job and letting it go, in both languages."""

import re
from urllib.parse import urlencode

import msgspec
import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work
from weft.basis import instant
from weft.engine import moves
from weft.engine.views import plan as node_plan
from weft.locale import text
from weft.production import messages as m

HOUR = 3_600_000
BOTH = pytest.mark.parametrize("lang", ["zh", "en"])


@pytest.fixture
async def work():
    """The factory at work; besides, an order that may be made at two work centres, promised for too soon."""
    sample = await at_work()
    now = sample.node.clock.now_ms()
    demand = m.DemandRef(thread="", line="9")
    sheet = m.JobSheet(number=10, zh="精车", en="Finish", work_centres=("CELL", "LATHE"), setup_s="600", run_s="600",
                       family="brass")
    draft = m.Draft(id="X1", item="BV-15", quantity="90", operations=(sheet,))
    await sample.node.record(
        "production", m.ProductionOrderCreated(demand=demand, order=draft),
        m.PromiseMade(demand=demand, at=instant.from_ms(now + HOUR)))
    yield sample
    await sample.stop()


async def shown(sample, lang="en", **asked):
    answer = await Client(sample.routes).ask(
        f"/plan?{urlencode(asked)}", headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
    assert answer.status == 200
    page = answer.body.decode()
    assert "⟦" not in page
    return page


async def sent(sample, page, command):
    """Press the button of the form ``command`` on ``page``."""
    form = re.search(rf'<form[^>]*action="/do/{command}">(.*?)</form>', page, re.DOTALL)[1]
    fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', form))
    answer = await Client(sample.routes).ask(
        f"/do/{command}", "POST", body=urlencode(fields).encode(), token="", headers={
            "cookie": f"weft_device={TOKEN}", "origin": "http://weft.test",
            "content-length": str(len(urlencode(fields))), "content-type": "application/x-www-form-urlencoded"})
    assert answer.status == 303
    return answer.headers["location"].replace("&amp;", "&")


def at(sample, hours):
    return instant.from_ms(sample.node.clock.now_ms() + hours * HOUR)


@BOTH
async def test_late_orders_are_listed_with_how_much_and_why(work, lang):
    page = await shown(work, lang)
    assert text(lang, "plan.late.title") in page and text(lang, "plan.late.none") not in page
    assert "X1" in page and 'class="promise late"' in page
    assert text(lang, "plan.late.by", by="").strip() in page


@BOTH
async def test_a_delay_that_customers_are_not_told_of_is_told_to_the_owner_all_the_same(work, lang):
    late = (await node_plan.plan(work.node)).late_orders
    most = max(one.minutes for one in late if one.minutes is not None)
    rules = msgspec.structs.replace(work.node.config.rules, promise_move_minutes=most + 1)
    work.node.config = msgspec.structs.replace(work.node.config, rules=rules)
    page = await shown(work, lang)
    assert text(lang, "plan.late.none") not in page and 'class="promise late"' not in page
    assert {"zh": "才会告诉客户", "en": "Your customer is told"}[lang] in page
    assert {one.order for one in (await node_plan.plan(work.node)).late_orders} >= {one.order for one in late}


@BOTH
async def test_what_would_become_of_it_is_shown_and_nothing_is_written(work, lang):
    before = (await work.node.book_state("production")).sequence
    page = await shown(work, lang, job="X1-10", start=at(work, 6), work_centre="CELL")
    assert text(lang, "plan.if.title") in page and text(lang, "plan.if.nothing-yet") in page
    assert 'action="/do/job-lock"' in page
    plain = await shown(work, lang, job="X1-10")
    assert text(lang, "plan.if.title") not in plain
    assert f"<dt>{text(lang, 'plan.job.family')}</dt><dd>brass</dd>" in plain
    assert (await work.node.book_state("production")).sequence == before


async def test_local_time_of_the_form_is_understood_and_nonsense_is_told(work):
    local = instant.from_ms(work.node.config.firm.zone.wall(work.node.clock.now_ms() + 6 * HOUR))[:16]
    assert text("en", "plan.if.title") in await shown(work, job="X1-10", start=local)
    for wrong in ({"start": "soon"}, {"start": local, "work_centre": "BENCH"}, {"start": local, "hold": "ever"},
                  {"free": "1"}):
        page = await shown(work, job="X1-10", **wrong)
        assert 'role="alert"' in page and text("en", "plan.if.title") not in page
    assert text("en", "plan.if.title") not in await shown(work, job="nobody", start=local)


@BOTH
async def test_a_job_is_fixed_and_let_go_by_buttons(work, lang):
    start = at(work, 6)
    back = await sent(work, await shown(work, lang, job="X1-10", start=start, work_centre="LATHE"), "job-lock")
    state = await work.node.book_state("production")
    assert (state.locks["X1-10"].start, state.locks["X1-10"].work_centre) == (start, "LATHE")
    assert "job=X1-10" in back
    page = await shown(work, lang, job="X1-10")
    assert text(lang, "plan.locks.title") in page and text(lang, "plan.job.unlock") in page
    free = await shown(work, lang, job="X1-10", free="1")
    assert text(lang, "plan.if.apply-free") in free
    await sent(work, free, "job-unlock")
    assert (await work.node.book_state("production")).locks == {}
    assert text(lang, "plan.locks.title") not in await shown(work, lang, job="X1-10")


@BOTH
async def test_a_lock_that_cannot_be_kept_says_why(work, lang):
    await work.node.record("production", m.JobLocked(job="X1-10", start=at(work, -3), work_centre="LATHE"))
    lathe = {"zh": "数控车床", "en": "CNC lathe"}[lang]  # it has an alarm
    assert text(lang, "plan.conflict.outage", by=lathe) in await shown(work, lang)
    first = await Client(work.routes).ask("/", token="", headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"})
    assert text(lang, "today.lock-conflict", name="X1-10") in first.body.decode()


@BOTH
async def test_a_job_says_why_it_moved(work, lang):
    await moves.watch(work.node)
    assert 'id="moved"' not in await shown(work, lang, job="X1-10")
    await work.node.record("production", m.JobLocked(job="X1-10", start=at(work, 6), hold="not-before"))
    await moves.watch(work.node)
    page = await shown(work, lang, job="X1-10")
    assert 'id="moved"' in page
    answer = await Client(work.routes).ask("/jobs/X1-10", token="", headers={
        "cookie": f"weft_device={TOKEN}; weft_lang={lang}"})
    assert 'id="moved"' in answer.body.decode() and "⟦" not in answer.body.decode()


async def test_a_worker_has_no_plan_to_move_things_in(work):
    code = await work.node.devices.new_code("operator")
    token = await work.node.devices.pair(code, "phone", "127.0.0.1")
    answer = await Client(work.routes).ask("/plan", headers={"cookie": f"weft_device={token}"}, token="")
    assert answer.status == 403
