"""The page that adds a machine from a file: seen first, one way chosen, only read unless another button is pressed."""

import json
import re
from html import unescape

import pytest

from tests.cli.test_machine_files import WRITES
from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work
from tests.engine.test_describing import both
from tests.twin.interfaces.things import HTTP
from weft.shopfloor.reading import parse_text

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


async def looked(work, value, machine="M1", lang="en"):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    body = b"".join((
        b'--b\r\nContent-Disposition: form-data; name="machine"\r\n\r\n', machine.encode(),
        b'\r\n--b\r\nContent-Disposition: form-data; name="content@file"; filename="m.json"\r\n'
        b"Content-Type: application/json\r\n\r\n", data, b"\r\n--b--\r\n"))
    return await Client(work.routes, TOKEN).ask("/machine-files/look", "POST", {
        "content-type": "multipart/form-data; boundary=b", "content-length": str(len(body)),
        "cookie": f"weft_lang={lang}"}, body)


def forms(page):
    """What each form of the page would send to ``machine-add``."""
    return [{name: unescape(value) for name, value in re.findall(r'name="([a-z]+)" value="([^"]*)"', form)}
            for form in re.findall(r'action="/do/machine-add".*?</form>', page, re.DOTALL)]


async def pressed(work, form):
    from urllib.parse import urlencode

    body = urlencode(form).encode()
    return await Client(work.routes, TOKEN).ask("/do/machine-add", "POST", {
        "content-type": FORM, "content-length": str(len(body)), "origin": "http://weft.test"}, body)


async def of(work, machine):
    floor = await work.node.state(work.node.book("floor"))
    return parse_text(floor.machines[machine].description) if machine in floor.machines else None


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_the_page_asks_for_a_name_and_a_file(work, lang):
    answer = await Client(work.routes, TOKEN).ask("/machine-file", headers={"cookie": f"weft_lang={lang}"})
    page = answer.body.decode()
    assert answer.status == 200 and 'name="machine"' in page and 'name="content@file"' in page and "⟦" not in page
    machines = (await Client(work.routes, TOKEN).ask("/machines")).body.decode()
    assert 'href="/machine-file"' in machines


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_each_way_is_shown_and_nothing_is_added_by_looking(work, lang):
    answer = await looked(work, both(), lang=lang)
    page = answer.body.decode()
    assert answer.status == 200 and "⟦" not in page
    assert [parse_text(one["description"]).scheme for one in forms(page)] == ["opc.tcp", "modbus+tcp"]
    assert await of(work, "M1") is None


async def test_a_button_adds_the_machine(work):
    _, modbus = forms((await looked(work, both())).body.decode())
    answer = await pressed(work, modbus)
    assert (answer.status, answer.headers["location"]) == (303, "/machines/M1")
    assert list((await of(work, "M1")).properties) == ["Force", "Closed"]


async def test_to_allow_writing_is_another_button_beside_what_it_allows(work):
    page = (await looked(work, WRITES)).body.decode()
    plain, allowing = forms(page)
    assert not parse_text(plain["description"]).properties["SpindleSpeed"].write
    assert parse_text(allowing["description"]).properties["SpindleSpeed"].write
    assert "SpindleSpeed" in page[page.index("would also allow"):]
    assert len(forms((await looked(work, HTTP)).body.decode())) == 1


@pytest.mark.parametrize(("value", "machine", "words"), [
    (b"{", "M1", "cannot be read"), ({"a": 1}, "M1", "says how a machine is reached"), (b"", "M1", "Choose a file"),
    (HTTP, " ", "Choose a file"),
])
async def test_what_is_refused_is_said_on_the_page_and_the_name_stays(work, value, machine, words):
    answer = await looked(work, value, machine)
    page = answer.body.decode()
    assert answer.status == 422 and words in page and 'action="/machine-files/look"' in page
    assert f'value="{machine.strip()}"' in page


async def test_a_way_that_cannot_be_used_says_why_and_has_no_button(work):
    answer = await looked(work, {**HTTP, "security": ["x"], "securityDefinitions": {"x": {"scheme": "digest"}}})
    page = answer.body.decode()
    assert answer.status == 200 and "This way cannot be used." in page and forms(page) == []


async def test_a_name_that_is_refused_comes_back_to_the_page(work):
    (form,) = forms((await looked(work, HTTP, machine="a" * 110)).body.decode())
    answer = await pressed(work, {**form, "description": "{}"})
    assert answer.status == 422 and 'role="alert"' in answer.body.decode()
