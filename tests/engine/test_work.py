"""Workers report from their phones, again and out of order; wages, reasons and drawings as the node shows them."""

import asyncio
import base64
from decimal import Decimal

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.shop_floor import Hand, floor
from weft.basis import instant
from weft.basis.errors import WeftError
from weft.engine.commands import Caller, run
from weft.engine.drawings import FILES, drawing
from weft.engine.export import write
from weft.engine.views import VIEWS
from weft.engine.work_log import WorkLog

DAY = 86_400_000
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
FIRST = instant.to_ms("2026-11-10T01:00:00.000Z")


@pytest_asyncio.fixture
async def work():
    one = await floor(Hand(FIRST))
    yield one
    await one.stop()


async def refused(coroutine):
    with pytest.raises(WeftError) as caught:
        await coroutine
    return caught.value.code


async def wages(work, **asked):
    return await VIEWS["wages"](work.node, **asked)


async def rates(work, price="0.35", since="2026-11-01", **more):
    for operation in (10, 20):
        await run(work.node, "piece-rate", {"item": "FLG-50", "operation": operation, "price": price, "since": since,
                                            **more})


async def test_a_worker_is_paid_for_what_he_reports_and_sees_his_own_alone(work):
    await rates(work, material="0.1")
    job = work.jobs[0]
    await work.say("李", job, "start")
    await work.say("王", job, "start")
    await work.say("李", job, "count", good=30)
    await work.say("王", job, "count", good=20)
    await work.say("李", job, "scrap", scrap=4, reason="material")
    await work.say("李", job, "scrap", scrap=1, reason="work")
    view = await wages(work)
    assert [(one.worker, one.pieces, one.good, one.material, one.work, one.amount, one.pay) for one in view.sums] == [
        ("李", "35", "30", "4", "1", "10.9", "10.90"), ("王", "20", "20", "0", "0", "7", "7.00")]
    own = await VIEWS["my-work"](work.node, worker="王")
    assert (own.total.pay, {line.worker for line in own.lines}) == ("7.00", {"王"})
    assert (await VIEWS["my-work"](work.node, worker="")).total is None
    seen = await VIEWS["job-work"](work.node, job=job, worker="王")
    assert (seen.mine, seen.good, {row.worker for row in seen.entries}) == ("working", "20", {"王"})


async def test_a_line_is_traced_to_its_entries_and_they_add_up(work):
    await rates(work)
    await work.say("李", work.jobs[0], "start")
    for pieces in (7, 11, 13):
        await work.say("李", work.jobs[0], "count", good=pieces)
    (line,) = (await wages(work, worker="李")).lines
    assert [entry.good for entry in line.entries] == ["7", "11", "13"]
    assert sum(Decimal(entry.amount) for entry in line.entries) == Decimal(line.amount) == Decimal("10.85")


async def test_the_same_entry_sent_again_counts_once_and_a_key_for_two_things_is_refused(work):
    await work.say("李", work.jobs[0], "start")
    first = await work.say("李", work.jobs[0], "count", key="same", good=5)
    again = await asyncio.gather(*(work.say("李", work.jobs[0], "count", key="same", good=5) for _ in range(3)))
    assert {tuple(one.events) for one in again} == {tuple(first.events)}
    assert (await work.node.book_state("production")).jobs[work.jobs[0]].good == "5"
    assert await refused(work.say("李", work.jobs[0], "count", key="same", good=6)) == "command.key-reused"


SENT = st.lists(st.tuples(st.sampled_from(["李", "王"]), st.integers(1, 9), st.sampled_from(["good", "scrap"])),
                min_size=1, max_size=8)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(SENT, st.randoms(use_true_random=False))
def test_what_is_paid_is_the_sum_of_the_entries_whatever_order_and_however_often_phones_send_them(sent, random):
    async def story():
        work = await floor(Hand(FIRST))
        await rates(work, material="0.1")
        await work.say("李", work.jobs[0], "start")
        came = [(f"e{number}", one) for number, one in enumerate(sent)] * 2
        random.shuffle(came)
        for key, (worker, pieces, kind) in came:
            more = {"good": pieces} if kind == "good" else {"scrap": pieces, "reason": "material"}
            await work.say(worker, work.jobs[0], "count" if kind == "good" else "scrap", key=key, **more)
        view = await wages(work)
        job = (await work.node.book_state("production")).jobs[work.jobs[0]]
        await work.stop()
        return view, job, came

    view, job, came = asyncio.run(story())
    due = {worker: sum((pieces * Decimal("0.35" if kind == "good" else "0.1") for name, pieces, kind in sent
                        if name == worker), Decimal(0)) for worker, _, _ in sent}
    assert {one.worker: Decimal(one.amount) for one in view.sums} == due
    assert int(job.good) == sum(pieces for _, pieces, kind in sent if kind == "good")
    twice = sum(pieces for _, (_, pieces, kind) in came if kind == "good")  # the control: what arrived, added up
    assert not twice or twice == 2 * int(job.good) != int(job.good)


async def test_a_wrong_count_is_taken_back_in_its_own_period_at_the_price_of_its_day(work):
    await rates(work)
    await work.say("李", work.jobs[0], "start")
    await work.say("李", work.jobs[0], "count", key="wrong", good=21)
    await run(work.node, "piece-rate", {"item": "FLG-50", "operation": 10, "price": "0.5", "since": "2026-12-01"})
    work.node.clock.ms += 30 * DAY
    assert await refused(work.say("王", work.jobs[0], "correct", corrects="wrong", good=-9)) == "work.not-yours"
    await work.say("李", work.jobs[0], "correct", key="back", corrects="wrong", right=12)
    await work.say("李", work.jobs[0], "correct", key="back", corrects="wrong", right=12)  # sent again: once
    assert await refused(work.say("李", work.jobs[0], "correct", corrects="wrong", good=-13)) == "work.correct-too-much"
    assert await refused(work.say("李", work.jobs[0], "correct", corrects="wrong", right=12)) == "work.correct-nothing"
    november, december = await wages(work, begin="2026-11-01"), await wages(work, begin="2026-12-01")
    assert (november.sums[0].pay, december.sums[0].pay, december.sums[0].good) == ("7.35", "-3.15", "-9")
    assert (await work.node.book_state("production")).jobs[work.jobs[0]].good == "12"


async def test_pieces_that_come_after_another_has_ended_the_job_wait_for_the_owner(work):
    await rates(work)
    job = work.jobs[0]
    await work.say("李", job, "start")
    away = instant.from_ms(work.node.clock.ms)
    work.node.clock.ms += 3_600_000
    await work.say("王", job, "done", good=60)
    done = await work.say("李", job, "count", key="late", good=12, at=away)
    assert (done.facts["kept"], done.facts["by"], done.facts["good"]) == ("aside", "王", "60")
    view = await wages(work)
    assert ([one.entry for one in view.waiting], [one.worker for one in view.sums]) == (["late"], ["李", "王"])
    assert view.sums[0].pay == "0.00"
    await run(work.node, "work-settle", {"entry": "late", "counts": True})
    assert await refused(run(work.node, "work-settle", {"entry": "late", "counts": False})) == "work.settled"
    view = await wages(work)
    assert (view.waiting, view.sums[0].pay) == ((), "4.20")


async def test_a_closed_period_does_not_change_any_more(work):
    await rates(work)
    await work.say("李", work.jobs[0], "start")
    before = instant.from_ms(work.node.clock.ms)
    await work.say("李", work.jobs[0], "count", good=10)
    assert await refused(run(work.node, "wages-close", {"until": "2026-11-10"})) == "wages.not-over"
    work.node.clock.ms += DAY
    await run(work.node, "wages-close", {"until": "2026-11-10"})
    await work.say("李", work.jobs[0], "count", good=5, at=before)
    first, second = await wages(work, begin="2026-11-01", end="2026-11-10"), await wages(
        work, begin="2026-11-11", end="2026-11-30")
    assert (first.sums[0].good, second.sums[0].good, second.closed_until) == ("10", "5", "2026-11-10")


async def test_reasons_are_counted_with_pieces_and_hours(work):
    job = work.jobs[0]
    await work.say("李", job, "start")
    await work.say("李", job, "scrap", scrap=6, reason="work")
    await work.say("李", job, "scrap", scrap=2, reason="other")
    await work.say("李", job, "pause", reason="tool")
    work.node.clock.ms += 5_400_000
    await work.say("李", job, "resume")
    view = await wages(work)
    assert [(one.kind, one.reason, one.times, one.pieces, one.hours, one.share, one.sum) for one in view.reasons] == [
        ("scrap", "work", 1, "6", "0", 750, 750), ("scrap", "other", 1, "2", "0", 250, 1000),
        ("rest", "tool", 1, "0", "1.5", 1000, 1000)]


async def test_pieces_without_a_price_are_told_and_paid_nothing(work):
    await work.say("李", work.jobs[0], "start")
    await work.say("李", work.jobs[0], "count", good=3)
    (one,) = (await wages(work)).sums
    assert (one.unpriced, one.pay) == ("3", "0.00")


async def test_a_workers_phone_can_report_and_nothing_else(work):
    for name, params in (("job-end", {"job": work.jobs[0]}), ("piece-rate", {}), ("work-settle", {}), ("import", {}),
                         ("stock-issue", {}), ("stop-writing", {}), ("new-code", {})):
        assert await refused(run(work.node, name, params, "", Caller("worker", "李"))) == "command.scope"
    assert await refused(run(work.node, "work-report", {"job": work.jobs[0], "what": "start"}, "",
                             Caller("worker"))) == "work.nobody"
    await run(work.node, "work-report", {"job": work.jobs[0], "what": "start", "worker": "王"}, "",
              Caller("worker", "李"))  # whatever the phone says, it is 李's
    assert (await work.node.book_state("production")).jobs[work.jobs[0]].present == ("李",)
    assert await refused(work.node.devices.new_code("worker")) == "device.person"
    token = await work.node.devices.pair(await work.node.devices.new_code("worker", person=" 李  明 "))
    assert (await work.node.devices.authenticate(token)).person == "李 明"


async def test_a_job_is_found_by_its_short_number(work):
    number = (await VIEWS["job-work"](work.node, job=work.jobs[0])).number
    assert len(number) == 6
    (found,) = (await VIEWS["job-find"](work.node, number=f"{number[:3]} {number[3:]}")).jobs
    assert found.job == work.jobs[0]
    assert await refused(VIEWS["job-find"](work.node, number="nothing")) == "work.number-unknown"


async def test_a_drawing_lies_here_once_and_is_shown_to_who_works_by_it(work):
    content = base64.b64encode(PNG).decode()
    for operation in (10, 20):
        await run(work.node, "instruction-set", {"item": "FLG-50", "operation": operation, "note": "R0.5",
                                                 "content": content, "name": "flange.png"})
    seen = await VIEWS["job-work"](work.node, job=work.jobs[0])
    (held,) = seen.drawings
    assert (seen.notes, held.media, held.name) == (("R0.5",), "image/png", "flange.png")
    assert [name for name, _ in await work.node.store.values(FILES)] == [held.file]
    assert (await drawing(work.node, held.file, worker=True))[1] == PNG
    await run(work.node, "instruction-set", {"item": "FLG-50", "operation": 10, "drop": True})
    assert (await drawing(work.node, held.file))[1] == PNG
    for job in work.jobs:
        await run(work.node, "job-abort", {"job": job})
    assert await refused(drawing(work.node, held.file, worker=True)) == "work.drawing-unknown"
    await run(work.node, "instruction-set", {"item": "FLG-50", "operation": 20, "drop": True})
    assert not await work.node.store.values(FILES)


@pytest.mark.parametrize(("data", "code"), [
    (b"<svg onload='x'/>", "work.drawing-kind"), (b"MZ" + b"\0" * 99, "work.drawing-kind"),
    (PNG + b"\0" * (6 * 1024 * 1024), "work.drawing-size"), (b"", "")])
async def test_only_pictures_and_pdf_of_a_bounded_size_are_kept(work, data, code):
    given = {"item": "FLG-50", "operation": 10, "content": base64.b64encode(data).decode()}
    if code:
        assert await refused(run(work.node, "instruction-set", given)) == code
    else:
        await run(work.node, "instruction-set", given)
    assert not await work.node.store.values(FILES)


async def test_a_log_that_forgot_reads_the_book_anew_for_an_old_period(work):
    await rates(work)
    await work.say("李", work.jobs[0], "start")
    for _ in range(5):
        work.node.clock.ms += 1000
        await work.say("李", work.jobs[0], "count", good=1)
    work.node.work_log = WorkLog(most=2)
    assert (await wages(work)).sums[0].good == "5"
    assert len(work.node.work_log.entries) == 2


async def test_entries_and_drawings_are_among_what_the_firm_takes_along(work, tmp_path):
    await work.say("李", work.jobs[0], "start")
    await work.say("李", work.jobs[0], "count", key="mine", good=7)
    await run(work.node, "instruction-set", {
        "item": "FLG-50", "operation": 10, "content": base64.b64encode(PNG).decode(), "name": "flange.png"})
    await write(work.node, tmp_path / "all")
    (file,) = (tmp_path / "all" / "drawings").iterdir()
    assert (file.suffix, file.read_bytes()) == (".png", PNG)
    rows = (tmp_path / "all" / "tables" / "work.csv").read_text("utf-8-sig")
    assert "asked:" not in rows
    assert "mine" in rows
