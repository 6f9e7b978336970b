"""The till's page: whole without the firm, kept as a whole, and strict about what it may load."""

import json
import re
from types import SimpleNamespace

import pytest

from tests.doors.asking import Client
from weft.doors import till
from weft.locale import LANGUAGES, sentences

KEY = re.compile(r"""\bt\(\s*["'`]([a-z0-9.-]+)["'`]""")
CHOSEN = re.compile(r"`([a-z-]+\.)\$\{")
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function")


@pytest.fixture
def door():
    node = SimpleNamespace(config=SimpleNamespace(firm=SimpleNamespace(lang="zh", name="恒泰阀门")), dev_open=False,
                           devices=None, translate=lambda *_: "")
    return Client(till.routes(node))


def sources():
    return {path.relative_to(till.STATIC).as_posix(): path.read_text(encoding="utf-8")
            for path in till.STATIC.rglob("*.js")}


async def test_the_worker_keeps_every_file_that_the_page_needs(door):
    worker = (await door.ask("/till/worker.js")).body.decode()
    kept = json.loads(re.search(r"const KEPT = (\[.*\]);", worker)[1])
    for address in kept:
        assert (await door.ask(address)).status == 200, address
    for name, source in sources().items():
        for wanted in re.findall(r'from "(\.[^"]+)"', source):
            folder = (till.STATIC / name).parent
            assert f"/till/static/{(folder / wanted).resolve().relative_to(till.STATIC)}" in kept, (name, wanted)
    page = (await door.ask("/till/")).body.decode()
    assert set(re.findall(r'(?:src|href)="(/till/[^"]+)"', page)) <= set(kept)
    assert {f"/till/words/{lang}.json" for lang in LANGUAGES} <= set(kept)


async def test_other_bytes_anywhere_are_another_program(door, monkeypatch, tmp_path):
    before = till.version()
    for path in till.STATIC.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(till.STATIC)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(till, "STATIC", tmp_path)
    till.version.cache_clear()
    assert till.version() == before
    (tmp_path / "views" / "pad.js").write_text("//", encoding="utf-8")
    till.version.cache_clear()
    assert till.version() != before
    monkeypatch.undo()
    till.version.cache_clear()


@pytest.mark.parametrize("address", ["/till/", "/till/worker.js", "/till/static/app.js", "/till/words/zh.json",
                                     "/till/manifest.webmanifest"])
async def test_anybody_may_have_the_program_and_it_loads_nothing_from_elsewhere(door, address):
    answer = await door.ask(address)
    assert answer.status == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "恒泰" not in answer.body.decode(), "nothing of the firm stands in it"


async def test_the_address_without_a_slash_leads_to_the_page(door):
    answer = await door.ask("/till")
    assert (answer.status, answer.headers["location"]) == (307, "/till/")
    assert (await door.ask("/till/worker.js")).headers["service-worker-allowed"] == "/till"
    assert (await door.ask("/till/words/xx.json")).status == 404
    assert (await door.ask("/till/", "POST")).status == 405


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_word_that_the_till_says_is_there_and_none_is_left_over(lang):
    said = "".join(source for name, source in sources().items() if not name.startswith("core/"))
    words = till.words(lang)
    keys = set(KEY.findall(said))
    assert not {key for key in keys if key not in words}
    stems = tuple(CHOSEN.findall(said))
    others = {key.removeprefix("sell.") for key in sentences(lang) if key.startswith("sell.")}
    quoted = set(re.findall(r'"([a-z0-9.-]+)"', said))
    assert stems
    assert not {key for key in others if key.removesuffix(".next") not in keys | quoted and not key.startswith(stems)}


def test_no_script_takes_text_as_markup():
    for name, source in sources().items():
        if not name.startswith("core/"):
            assert not MARKUP.search(source), name


async def test_the_manifest_makes_it_an_app(door):
    told = (await door.ask("/till/manifest.webmanifest", headers={"accept-language": "en"})).json()
    assert (told["start_url"], told["scope"], told["display"]) == ("/till/", "/till", "standalone")
    assert {"192x192", "512x512"} <= {one["sizes"] for one in told["icons"]}
    assert told["name"] == "Till"
