"""Forms: what is typed becomes a command, once; what is refused comes back with its reason and all that was typed."""

import base64
import re
from urllib.parse import urlencode

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, alone, at_work
from tests.engine.world import quiet, until
from weft.basis.errors import Invalid
from weft.basis.zone import fixed
from weft.doors import console
from weft.doors.console import forms
from weft.trade.order_state import Phase

OWNER = f"weft_device={TOKEN}; weft_lang=en"


@pytest.fixture
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


async def post(client, command, fields, *, cookie=OWNER, origin="http://weft.test"):
    body = urlencode(fields).encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": str(len(body)),
               "cookie": cookie, "origin": origin}
    return await client.ask(f"/do/{command}", "POST", headers, body, token="")


async def shown(client, address, cookie):
    return (await client.ask(address, headers={"cookie": cookie}, token="")).body.decode()


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}"[^>]*value="([^"]*)"', page) or re.search(
        rf'name="{re.escape(name)}"[^>]*>([^<]*)</textarea>', page)
    return found[1] if found else ""


def typed(*fields):
    return forms.Typed({}, list(fields))


def test_names_with_dots_make_lines_and_a_tilde_makes_a_key_of_the_data():
    found = forms.params(typed(
        ("thread", "t"), ("lines.1.item", "B"), ("lines.0.item", "A"), ("lines.0.quantity@number", "１,２00.50"),
        ("lines.2.line", "3"), ("lines.2.unit", "C62"), ("quantities~1@number", "8"), ("quantities~a.b", "9"),
        ("note", "  ")), fixed(480))
    assert found == {"thread": "t", "lines": [{"item": "A", "quantity": "1200.5"}, {"item": "B"}],
                     "quantities": {"1": "8", "a.b": "9"}}


def test_a_day_is_the_end_of_that_day_where_the_firm_is():
    assert forms.params(typed(("wanted_by@day", "2026-12-01")), fixed(480)) == {"wanted_by": "2026-12-01T15:59:00.000Z"}


def test_what_cannot_be_read_names_its_field():
    for name, value in (("lines.0.quantity@number", "many"), ("wanted_by@day", "tomorrow")):
        with pytest.raises(Invalid) as refused:
            forms.params(typed((name, value)), fixed(0))
        assert refused.value.facts["where"] == name.partition("@")[0]


async def test_an_order_is_answered_from_its_page(work):
    client, thread = Client(work.routes), work.orders["ordered"]
    answer = await post(client, "respond", {"thread": thread, "code": "AP", "key": "k1", "back": f"/orders/{thread}"})
    assert (answer.status, answer.headers["location"]) == (303, f"/orders/{thread}")
    assert (await work.node.state(thread)).phase is Phase.CONFIRMED
    await quiet(work.node, work.shop)
    assert (await work.shop.state(thread)).phase is Phase.CONFIRMED
    again = await post(client, "respond", {"thread": thread, "code": "AP", "key": "k1", "back": f"/orders/{thread}"})
    assert again.status == 303  # the same key is the same answer


async def test_a_request_is_quoted_and_the_page_says_so(work):
    client, thread = Client(work.routes), work.orders["asked"]
    answer = await post(client, "quote", {"thread": thread, "key": "q", "then": f"/orders/{thread}"})
    assert answer.status == 303
    flash = re.search(r"weft_flash=([^;]+)", answer.headers["set-cookie"])[1]
    page = await shown(client, f"/orders/{thread}", f"{OWNER}; weft_flash={flash}")
    assert 'role="status"' in page

    async def quoted():
        return (await work.node.state(thread)).phase is Phase.QUOTED

    await until(quoted)


async def test_a_refused_form_comes_back_with_its_reason_and_what_was_typed(work):
    client, thread = Client(work.routes), work.orders["making"]
    answer = await post(client, "despatch", {
        "thread": thread, "quantities~1@number": "9999", "key": "d", "form": "despatch", "back": f"/orders/{thread}"})
    page = answer.body.decode()
    assert answer.status == 409
    assert f'data-here="/orders/{thread}"' in answer.body.decode()  # where a reload and the live parts look
    assert 'role="alert"' in page
    assert "⟦" not in page
    assert field(page, "quantities~1@number") == "9999"
    assert re.search(r'id="despatch" open', page)  # the form that was refused stands open


async def test_a_new_request_opens_an_order_with_the_partner(work):
    client, before = Client(work.routes), set(work.node.threads("order"))
    answer = await post(client, "request-quotation", {
        "supplier": work.shop.organisation, "lines.0.item": "BAR-20", "lines.0.quantity@number": "5",
        "lines.0.unit": "KGM", "lines.1.item": "", "lines.1.quantity@number": "", "lines.1.unit": "C62",
        "wanted_by@day": "2027-01-10", "key": "n", "then": "/orders/{thread}"})
    (thread,) = set(work.node.threads("order")) - before
    assert answer.headers["location"] == f"/orders/{thread}"
    assert (await work.node.state(thread)).request.wanted_by == "2027-01-10T15:59:00.000Z"


async def test_a_request_without_any_line_is_told_beside_the_form(work):
    answer = await post(Client(work.routes), "request-quotation", {
        "supplier": work.shop.organisation, "form": "request-quotation", "key": "e", "back": "/orders/new",
        "note": "urgent"})
    page = answer.body.decode()
    assert 400 <= answer.status < 500
    assert 'role="alert"' in page
    assert field(page, "note") == "urgent"


async def test_work_is_reported_from_a_phone(work):
    client = Client(work.routes)
    job = next(name for name in work.jobs if name.endswith("-10"))
    for command, fields in (("job-count", {"good@number": "40", "scrap": "0"}),
                            ("job-scrap", {"quantity@number": "1", "reason": "work", "note": "slipped"}),
                            ("job-pause", {"reason": "lunch"}), ("job-resume", {}),
                            ("job-end", {"good@number": "49"})):
        answer = await post(client, command, {"job": job, "key": command, "back": f"/jobs/{job}", **fields})
        assert answer.status == 303, (command, answer.body.decode()[-2000:])
    held = (await work.node.book_state("production")).jobs[job]
    assert (held.state.value, held.good) == ("Ended", "49")


async def test_a_table_with_faults_comes_back_by_row_and_column(work):
    client = Client(work.routes)
    table = base64.b64encode(b"item,name,unit\nX1,One,C62\nX1,Twice,C62\nX2,Two,furlong\n").decode()
    answer = await post(client, "import", {
        "kind": "items", "content": table, "form": "import", "key": "i", "back": "/import"})
    page = answer.body.decode()
    assert answer.status == 422
    assert "⟦" not in page
    assert page.count('<td class="num">') >= 2
    assert "X1" not in (await work.node.book_state("stock")).items


async def test_a_file_is_taken_from_a_form(work):
    client, mark = Client(work.routes), "----mark"
    named = "Content-Disposition: form-data; name="
    body = "\r\n".join((
        f"--{mark}", f'{named}"kind"', "", "items", f"--{mark}", f'{named}"then"', "", "/import",
        f"--{mark}", f'{named}"content@file"; filename="items.csv"', "Content-Type: text/csv", "",
        "item,name,unit\nX9,Nine,C62\n", f"--{mark}--", "")).encode()
    headers = {"content-type": f"multipart/form-data; boundary={mark}", "content-length": str(len(body)),
               "cookie": OWNER}
    answer = await client.ask("/do/import", "POST", headers, body, token="")
    assert answer.status == 303, answer.body.decode()[-1500:]
    assert "X9" in (await work.node.book_state("stock")).items


async def test_a_table_is_typed_on_a_phone_without_a_file(work):
    client = Client(work.routes)
    page = (await client.ask("/import?kind=items", headers={"cookie": OWNER}, token="")).body.decode()
    assert 'name="content@rows"' in page
    assert "Shaft 20 mm" in page, "an example says what is meant"
    rows = "料号,名称,单位\r\nX7，七号,件\r\nX8,八号，公斤\r\n"
    answer = await post(client, "import", {"kind": "items", "content@rows": rows, "form": "typed", "key": "t",
                                           "back": "/import?kind=items", "then": "/import?kind=items"})
    assert answer.status == 303, answer.body.decode()[-1500:]
    items = (await work.node.book_state("stock")).items
    assert (items["X7"].zh, items["X8"].unit) == ("七号", "KGM")


async def test_a_typed_table_with_faults_comes_back_as_it_was_typed(work):
    answer = await post(Client(work.routes), "import", {
        "kind": "items", "content@rows": "料号,名称,单位\nX6,六号,弗隆\n", "form": "typed", "key": "f",
        "back": "/import?kind=items"})
    page = answer.body.decode()
    assert answer.status == 422
    assert "X6,六号,弗隆" in page
    assert page.count('<td class="num">') == 1


async def test_a_form_of_another_site_is_refused(work):
    order = {"thread": work.orders["making"]}
    answer = await post(Client(work.routes), "cancel", order, origin="https://elsewhere.example")
    assert answer.status == 403
    assert (await work.node.state(work.orders["making"])).phase is Phase.CONFIRMED


async def test_no_form_leads_away_from_this_console(work):
    for address in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:1"):
        answer = await post(Client(work.routes), "dismiss", {"trouble": "x", "then": address})
        assert answer.headers["location"] == "/", address


async def test_an_unknown_command_and_an_unknown_field_are_refused(work):
    client = Client(work.routes)
    for command, fields in (("nothing", {}), ("quote", {"thread": "x", "discount": "50"}), ("order", {"thread": "x"})):
        answer = await post(client, command, {**fields, "back": "/"})
        assert 400 <= answer.status < 500, command


async def test_an_invitation_shows_its_link_and_a_code_to_scan():
    sample = await alone()
    client = Client(sample.routes)
    answer = await post(client, "invite", {"note": "Shop", "then": "/partners"})
    flash = re.search(r"weft_flash=([^;]+)", answer.headers["set-cookie"])[1]
    page = await shown(client, "/partners", f"{OWNER}; weft_flash={flash}")
    link = re.search(r'data-copy="([^"]+)"', page)[1].replace("&amp;", "&")
    assert 'class="qr ' in page
    guest = Client(console.routes(sample.shop))
    joined = await post(guest, "join", {"link": link, "then": "/partners"})
    assert joined.status == 303
    word = re.search(r"weft_flash=([^;]+)", joined.headers["set-cookie"])[1]
    arrived = await guest.ask("/partners", headers={"cookie": f"{OWNER}; weft_flash={word}"}, token="")
    assert arrived.status == 200 and 'role="status"' in arrived.body.decode()
    await until(lambda: sample.node.partner(sample.shop.organisation))
    await sample.stop()

