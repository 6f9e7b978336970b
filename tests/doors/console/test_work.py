"""The worker's page and the owner's wages: who may open what, what works without scripts, what the files say."""

import csv
import io
import json
import re
from decimal import Decimal
from urllib.parse import quote

import openpyxl
import pytest
import pytest_asyncio

from tests.doors.asking import Client
from tests.doors.console.test_forms import post
from tests.engine.shop_floor import TOKEN, Hand, floor
from weft.basis import instant
from weft.doors import console
from weft.doors.api import routes as api_routes
from weft.doors.console.pages import PAGES, WORKER_PAGES
from weft.engine.commands import run
from weft.engine.drawings import drawing
from weft.engine.views import VIEWS
from weft.locale import text
from weft.production import messages as m

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
FIRST = instant.to_ms("2026-11-10T01:00:00.000Z")
JOB = "/jobs/PO1-10"


@pytest_asyncio.fixture
async def work():
    one = await floor(Hand(FIRST))
    yield one
    await one.stop()


async def phone(work, person="李明", scope="worker"):
    return await work.node.devices.pair(await work.node.devices.new_code(scope, person=person))


async def page(work, address, token=TOKEN, lang="zh"):
    headers = {"cookie": f"weft_device={token}; weft_lang={lang}"}
    return await Client(console.routes(work.node)).ask(address, headers=headers, token="")


async def say(work, token, key, **params):
    answer = await Client(console.routes(work.node)).ask(
        "/report/say", method="POST", body=json.dumps({"key": key, "params": params}).encode(), token="",
        headers={"cookie": f"weft_device={token}; weft_lang=zh", "content-type": "application/json"})
    return answer.status, json.loads(answer.body)


async def test_a_worker_s_phone_opens_its_own_pages_and_no_other(work):
    token = await phone(work)
    await run(work.node, "instruction-set", {"item": "FLG-50", "operation": 10, "content": "iVBORw0KGgo="})
    for path in PAGES:
        address = path.replace("{job}", "PO1-10").replace("{kind}", "csv").replace("{item:path}", "FLG-50")
        answer = await page(work, address.replace("{file}", "nothing"), token)
        if path in WORKER_PAGES:
            assert answer.status == (404 if "{file}" in path else 200), path
        else:
            assert answer.status == (303 if path == "/" else 403), (path, answer.status)
    for view in VIEWS:
        answer = await Client(api_routes(work.node)).ask(f"/api/weft/v1/{view}", token=token)
        assert answer.status == 403, view
    foreman = await phone(work, "班长", "operator")
    assert (await page(work, "/wages", foreman)).status == 403


async def test_what_a_phone_says_is_the_work_of_its_person(work):
    token = await phone(work)
    assert await say(work, token, "k1", job="PO1-10", what="start") == (
        200, {"kept": "counted", "told": "", "now": FIRST})
    assert (await say(work, token, "k2", job="PO1-10", what="count", good="4", worker="王强"))[0] == 200
    assert (await say(work, token, "k2", job="PO1-10", what="count", good="4", worker="王强"))[0] == 200
    (one,) = (await VIEWS["wages"](work.node)).sums
    assert (one.worker, one.good) == ("李明", "4")
    status, told = await say(work, token, "k3", job="PO1-10", what="count", good="400")
    assert (status, told["code"]) == (409, "production.over-count")
    assert "404" in told["detail"]
    assert (await say(work, "nobody", "k4", job="PO1-10", what="start"))[0] == 401
    client = await phone(work, "", "client")
    assert (await say(work, client, "k5", job="PO1-10", what="start"))[0] == 403


async def test_who_comes_after_the_end_is_told_by_whom_and_that_nothing_is_lost(work):
    token, other = await phone(work), await phone(work, "王强")
    await say(work, token, "k1", job="PO1-10", what="start")
    await say(work, other, "k2", job="PO1-10", what="done", good="60")
    status, told = await say(work, token, "k3", job="PO1-10", what="count", good="7")
    assert (status, told["kept"]) == (200, "aside")
    assert "王强" in told["told"]
    assert "60" in told["told"]
    mine = (await page(work, "/my-work", token)).body.decode()
    assert text("zh", "work.kept.aside") in mine
    assert "王强" not in mine
    owner = (await page(work, "/wages")).body.decode()
    assert text("zh", "wages.waiting") in owner


async def test_all_of_it_works_without_scripts(work):
    token, client = await phone(work), Client(console.routes(work.node))
    number = (await VIEWS["job-work"](work.node, job="PO1-10")).number
    assert (await page(work, f"/scan?number={number}", token)).headers["location"] == JOB
    for key, fields in (("a", {"what": "start"}), ("b", {"what": "count", "good": "5"}),
                        ("c", {"what": "count", "good@number": "１２"}),
                        ("d", {"what": "scrap", "scrap@number": "1", "reason": "work", "note": "划伤"}),
                        ("e", {"what": "pause", "reason": "tool"}), ("f", {"what": "resume"}),
                        ("g", {"what": "correct", "corrects": "c", "right@number": "10"}), ("h", {"what": "done"})):
        answer = await post(client, "work-report", {"job": "PO1-10", "key": key, "back": JOB, **fields},
                            cookie=f"weft_device={token}")
        assert answer.status == 303, (fields, answer.body.decode())
    job = (await work.node.book_state("production")).jobs["PO1-10"]
    assert (job.state.value, job.good, job.scrapped) == ("Ended", "15", {"work": "1"})
    shown = (await page(work, JOB, token)).body.decode()
    assert text("zh", "work.over") in shown


async def test_a_drawing_is_put_in_where_the_operation_is_and_shown_beside_its_job(work):
    client = Client(console.routes(work.node))
    form = {"item": "FLG-50", "operation": "10", "note": "孔口倒角", "key": "up", "back": "/routings/FLG-50"}
    boundary = "x7d1"
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in form.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="content@file"; filename="法兰.png"\r\n'
                 f'Content-Type: text/html\r\n\r\n'.encode() + PNG + b"\r\n")
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    answer = await client.ask("/do/instruction-set", method="POST", body=body, token="", headers={
        "cookie": f"weft_device={TOKEN}", "content-type": f"multipart/form-data; boundary={boundary}",
        "content-length": str(len(body))})
    assert answer.status == 303, answer.body.decode()
    (held,) = (await work.node.book_state("production")).instructions.values()
    assert (held.name, (await drawing(work.node, held.file))[1]) == ("法兰.png", PNG)
    token = await phone(work)
    shown = (await page(work, JOB, token)).body.decode()
    assert f'src="/drawings/{held.file}"' in shown
    assert "孔口倒角" in shown
    file = await page(work, f"/drawings/{held.file}", token)
    assert (file.body, file.headers["content-type"]) == (PNG, "image/png")
    assert "default-src 'none'" in file.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in file.headers["content-security-policy"]
    stranger = await Client(console.routes(work.node)).ask(f"/drawings/{held.file}", token="")
    assert stranger.status == 303


async def made(work):
    """Two workers with pieces at a price with a third of a cent."""
    await run(work.node, "piece-rate", {"item": "FLG-50", "operation": 10, "price": "0.333", "material": "0.1",
                                        "since": "2026-11-01"})
    await work.say("=李", "PO1-10", "start")
    await work.say("=李", "PO1-10", "count", good=31)
    await work.say("=李", "PO1-10", "scrap", scrap=2, reason="material")
    await work.say("王", "PO1-10", "count", good=10)


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_files_say_the_same_figures_in_the_reader_s_language(work, lang):
    await made(work)
    period = "begin=2026-11-01&end=2026-11-30"
    rows = list(csv.DictReader(io.StringIO((await page(work, f"/wages/wages.csv?{period}", lang=lang)).body.decode(
        "utf-8-sig"))))
    worker, amount = text(lang, "wages.column.worker"), text(lang, "wages.column.amount")
    assert [(row[worker], row[amount]) for row in rows] == [("'=李", "10.523"), ("王", "3.33")]
    book = openpyxl.load_workbook(io.BytesIO((await page(work, f"/wages/wages.xlsx?{period}", lang=lang)).body))
    assert book.sheetnames == [text(lang, f"wages.sheet.{one}") for one in ("sums", "lines", "reasons")]
    sums = list(book.worksheets[0].values)
    assert sums[0][0] == worker
    assert [(row[0], Decimal(str(row[sums[0].index(text(lang, "wages.column.pay"))]))) for row in sums[1:]] == [
        ("=李", Decimal("10.52")), ("王", Decimal("3.33"))]
    assert all(cell.data_type != "f" for sheet in book for line in sheet.iter_rows() for cell in line)


async def test_the_owner_goes_from_the_sum_to_the_single_entry(work):
    await made(work)
    sums = (await page(work, "/wages", lang="en")).body.decode()
    assert "¥10.52" in sums or "CN¥10.52" in sums
    address = f"/wages/of/{quote('=李')}?begin=2026-11-01&end=2026-11-30"
    assert address.replace("&", "&amp;") in sums
    lines = (await page(work, address, lang="en")).body.decode()
    for told in ("10.523", text("en", "wages.entries", n=2), "PO1-10", text("en", "work.reason.material")):
        assert told in lines, told
    assert "王" not in lines


async def test_the_service_script_is_given_to_anybody_and_holds_nothing(work):
    answer = await Client(console.routes(work.node)).ask("/work-sw.js", token="")
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/javascript")


async def test_a_job_that_is_not_free_yet_says_for_what_it_waits(work):
    token = await phone(work)
    seen = (await page(work, "/jobs/PO1-20", token)).body.decode()
    assert "上道工序 10 钻孔 还没有合格件" in seen
    assert "缺料或上道工序" not in seen
    draft = m.Draft(id="PO9", item="FLG-50", quantity="5", operations=(m.JobSheet(
        number=10, work_centres=("BENCH",), run_s="60"),),
                    materials=(m.Material(item="BAR", quantity="5", source="buy"), m.Material(
                        item="ROD", quantity="5", source="buy", at="2026-11-12T02:00:00.000Z"), m.Material(
                        item="NUT", quantity="5", source="buy", arrived=True)))
    await work.node.record("production", m.ProductionOrderCreated(
        order=draft, demand=m.DemandRef(), due="2026-11-14T03:30:00.000Z"))
    seen = (await page(work, "/jobs/PO9-10", token)).body.decode()
    (told,) = re.findall("暂不能开工：[^<]*", seen)
    assert re.fullmatch("暂不能开工：缺 BAR、ROD 预计 11月12日.{2,3} 10:00 到。", told), told
    assert re.search("交期</dt><dd[^>]*>11月14日.{2,3} 11:30", seen)  # with the time of day


async def test_rest_for_want_of_material_is_not_called_a_fault_of_it_and_the_steps_are_as_fresh_as_the_rest(work):
    token = await phone(work)
    seen = (await page(work, JOB, token)).body.decode()
    assert 'name="reason" value="material">缺料</button>' in seen
    assert 'value="material" required>料废</label>' in seen  # of scrap it is one
    assert "&#34;pause.material&#34;: &#34;" in seen or "pause.material" in seen
    assert re.search('id="steps" data-fresh', seen)
    await say(work, token, "r1", job="PO1-10", what="start")
    await say(work, token, "r2", job="PO1-10", what="pause", reason="material")
    assert "缺料" in (await page(work, JOB, token)).body.decode().split('id="entries"')[1]
    work.node.clock.ms += 3_600_000
    await say(work, token, "r3", job="PO1-10", what="resume")
    assert "缺料" in (await page(work, "/wages?month=2026-11")).body.decode()
