"""Bad input, as acceptance names it: each a code, a sentence in both languages with its facts, and nothing half done.

Events that come from others are in ``test_hostile_peer.py``.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.stories.firms import Firm
from weft import locale

KINDS = ("relationship", "order", "stock", "production", "pricing", "floor")

pytestmark = pytest.mark.story

ITEMS = "item,en,unit\nVALVE,Valve,C62\nBODY,Body,C62\nBAR,Bar,KGM\n"
CALENDAR = "calendar,en,utc_offset,day,start,end\nday,Day,+00:00,Mon-Fri,8:00,17:00\n"
CENTRES = "id,en,capabilities,calendar,start\nlathe,Lathe,turning,day,operator\n"
BILLS = "parent,component,quantity\nVALVE,BODY,1\n"


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    one = Firm(tmp_path_factory.mktemp("bad") / "home", "Hengtai").up()
    try:
        caller = Caller(one)
        for kind, table in (("items", ITEMS), ("calendars", CALENDAR), ("work-centres", CENTRES), ("bills", BILLS)):
            status, told = caller.bring_in(kind, table)
            assert (status, told["facts"]["problems"]) == (200, []), kind
        yield one
    finally:
        said = one.stop()
    assert said == ""


@pytest.fixture
def caller(firm):
    return Caller(firm)


class Caller:
    """The API of a node, in a language."""

    def __init__(self, firm):
        self.base = f"http://127.0.0.1:{firm.port}"
        self.token = (firm.home / "keys" / "owner.token").read_text(encoding="utf-8").strip()

    def ask(self, path, body=None, **headers):
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        request = urllib.request.Request(self.base + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def do(self, command, lang="en", **params):
        return self.ask(f"/api/weft/v1/commands/{command}", json.dumps(params).encode(), **{"Accept-Language": lang})

    def bring_in(self, kind, table, **more):
        return self.do("import", kind=kind, content=base64.b64encode(table.encode()).decode(), **more)

    def everything(self):
        """Heads and lengths of all that this node holds of itself."""
        return [self.ask(f"/api/weft/v1/threads?kind={kind}") for kind in KINDS]

    def refused(self, status, code, command, **params):
        """``command`` is refused alike in both languages, and nothing has changed."""
        before, told = self.everything(), {}
        for lang in locale.LANGUAGES:
            found, told[lang] = self.do(command, lang, **params)
            assert (found, told[lang]["code"]) == (status, code)
            readable(lang, told[lang]["detail"])
        assert told["zh"]["detail"] != told["en"]["detail"]
        assert self.everything() == before
        return told["en"]["detail"]


def readable(lang, sentence):
    """A sentence in ``lang`` with all its facts."""
    assert "⟦" not in sentence
    assert "Traceback" not in sentence
    assert any("\u4e00" <= letter <= "\u9fff" for letter in sentence) == (lang == "zh"), sentence


def weft(*arguments, lang="en", **environ):
    return subprocess.run([sys.executable, "-m", "weft", *arguments], capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, "WEFT_LANG": lang, **environ})


def refused_in_both(code, *arguments, facts=()):
    """The command line refuses with one readable sentence and its code, in both languages."""
    for lang in locale.LANGUAGES:
        done = weft(*arguments, lang=lang)
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.rstrip().endswith(f"[{code}]"), done.stderr
        assert done.stderr.count("\n") == 1, "one line"
        readable(lang, done.stderr.rpartition(" [")[0].replace("weft.toml", ""))
        for fact in facts:
            assert fact in done.stderr


# ---- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "table", "row", "column", "code"), [
    ("items", "en,unit\nValve,C62\n", 1, "item", "table.column-missing"),
    ("items", "item,en,unit\nA-1,Good,C62\nA-2,Odd,stone\n", 3, "unit", "quantity.unit"),
    ("items", "item,en,unit\nA-1,Good,C62\nA-1,Twice,C62\n", 3, "item", "table.duplicate"),
    ("items", "物料编码,名称,单位\nA-1,好,个\nA-2,怪,石\n", 3, "单位", "quantity.unit"),
    ("stock", "item,quantity\nVALVE,-5\n", 2, "quantity", "quantity.not-positive"),
    ("stock", "item,quantity\nVALVE,0\n", 2, "quantity", "quantity.not-positive"),
    ("stock", 'item,quantity\nVALVE,"1,000"\n', 2, "quantity", "table.number"),
    ("stock", "item,quantity\nNOPE,1\n", 2, "item", None),
    ("bills", "parent,component,quantity\nBODY,VALVE,1\n", 2, "component", "production.bill-cycle"),
    ("bills", "parent,component,quantity\nBAR,BAR,1\n", 2, "component", "production.bill-cycle"),
    ("bills", "parent,component,quantity\nVALVE,BODY,0\n", 2, "quantity", "quantity.not-positive"),
    ("routings", "item,number,en,work_centre,setup,run\nBODY,10,Mill,mill,0,60\n", 2, "work_centre",
     "production.work-centre-unknown"),
    ("work-centres", "id,en,capabilities,calendar,start\nmill,Mill,milling,night,operator\n", 2, "calendar", None),
    ("items", "", 0, "", "table.empty"),
])
def test_a_fault_in_a_table_is_told_with_row_and_column_and_nothing_is_taken(caller, kind, table, row, column, code):
    before = caller.everything()
    status, told = caller.bring_in(kind, table)
    assert status == 200
    problems = told["facts"]["problems"]
    assert problems, told
    first = problems[0]
    assert (first["row"], first.get("column", "")) == (row, column)
    assert code in (None, first["code"])
    facts = {name: "x" if isinstance(fact, str) else fact for name, fact in first.get("facts", {}).items()}
    for lang in locale.LANGUAGES:
        readable(lang, locale.text(lang, f"error.{first['code']}", **facts))
    assert caller.everything() == before


def test_what_is_no_table_is_refused(caller):
    for content, code, status in (("%%%", "import.content", 422), (base64.b64encode(b"\xd0\xcf\x11\xe0x").decode(),
                                  "sheet.old-format", 422), (base64.b64encode(b"PK\x03\x04").decode(),
                                  "sheet.malformed", 422)):
        caller.refused(status, code, "import", kind="items", content=content)
    caller.refused(422, "import.kind", "import", kind="wishes", content="")


# ---- quantities, money, bodies --------------------------------------------------------------------


@pytest.mark.parametrize(("command", "params", "status", "code"), [
    ("stock-receive", {"item": "VALVE", "quantity": "-1"}, 422, "quantity.not-positive"),
    ("stock-receive", {"item": "VALVE", "quantity": "0"}, 422, "quantity.not-positive"),
    ("stock-receive", {"item": "VALVE", "quantity": "1e3"}, 422, "quantity.malformed"),
    ("stock-receive", {"item": "VALVE", "quantity": "1.5"}, 422, "stock.not-whole"),
    ("stock-receive", {"item": "NOPE", "quantity": "1"}, 404, "stock.item-unknown"),
    ("stock-receive", {"item": "VALVE", "quantity": 1}, 422, "command.params"),
    ("stock-receive", {"item": "VALVE"}, 422, "command.params"),
    ("stock-receive", {"item": "VALVE", "quantity": "1", "colour": "red"}, 422, "command.params"),
    ("stock-issue", {"item": "VALVE", "quantity": "7"}, 409, "stock.insufficient"),
    ("statement", {"partner": "Nobody", "currency": "CNY"}, 404, "partner.unknown"),
    ("invite", {"days": 0}, 422, "invitation.days"),
    ("join", {"link": "http://["}, 422, "invitation.link"),
    ("order", {"thread": "nowhere"}, 404, "order.unknown"),
    ("weave", {}, 404, "command.unknown"),
])
def test_a_wrong_command_is_refused_in_both_languages_and_changes_nothing(caller, command, params, status, code):
    caller.refused(status, code, command, **params)


@pytest.mark.parametrize(("body", "status", "code"), [
    (b"{", 400, "web.body-not-json"), (b"[]", 400, "web.body-shape"), (b"\xff", 400, "web.body-not-json"),
    (b'{"a":' * 40 + b"1" + b"}" * 40, 400, "web.body-too-deep"), (b"[" * 1_000_000, 400, "web.body-too-deep"),
    (b'{"days":1e999}', 400, "web.body-shape"),
    (b'{"days":' + b"9" * 5000 + b"}", 400, "web.body-shape"),
], ids=range(7))
def test_a_body_that_is_too_large_too_deep_or_no_json_has_a_code(caller, body, status, code):
    for lang in locale.LANGUAGES:
        found, told = caller.ask("/api/weft/v1/commands/invite", body, **{"Accept-Language": lang})
        assert (found, told["code"]) == (status, code)
        readable(lang, told["detail"])


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(caller, firm):
    for lang in locale.LANGUAGES:
        line = http.client.HTTPConnection("127.0.0.1", firm.port, timeout=20)
        line.putrequest("POST", "/api/weft/v1/commands/import")
        for name, value in (("Authorization", f"Bearer {caller.token}"), ("Content-Length", str(9 * 1024 * 1024)),
                            ("Accept-Language", lang)):
            line.putheader(name, value)
        line.endheaders()
        answer = line.getresponse()
        told = json.loads(answer.read())
        assert (answer.status, told["code"]) == (413, "web.body-too-large")
        readable(lang, told["detail"])
        line.close()


def test_one_key_means_one_request(caller):
    key = {"Idempotency-Key": "once"}
    one, other = (json.dumps({"item": "VALVE", "quantity": quantity}).encode() for quantity in ("1", "2"))
    path = "/api/weft/v1/commands/stock-receive"
    first = caller.ask(path, one, **key)
    assert first[0] == 200
    assert caller.ask(path, one, **key) == first, "a retry gives the first result"
    status, told = caller.ask(path, other, **key)
    assert (status, told["code"]) == (409, "command.key-reused")
    status, told = caller.ask("/api/weft/v1/commands/stock-issue", one, **key)
    assert (status, told["code"]) == (409, "command.key-reused")
    status, told = caller.ask("/api/weft/v1/stock")
    assert [one["on_hand"] for one in told["items"] if one["id"] == "VALVE"] == ["1"]


# ---- starting -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    path = tmp_path_factory.mktemp("start") / "home"
    assert weft("init", str(path), "--name", "Hengtai").returncode == 0
    return path


def test_a_port_in_use_is_told(home):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused_in_both("listen.port-in-use", "up", str(home), "--port", port, facts=[port])


def test_a_home_that_cannot_be_made_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    refused_in_both("home.not-writable", "init", str(tmp_path / "file" / "home"), "--name", "x")
    refused_in_both("home.not-writable", "init", "/proc/home", "--name", "x")
    refused_in_both("home.exists", "init", str(tmp_path), "--name", "x")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("text", "code", "fact"), [
    ("[firm", "config.not-toml", ""), ("[rules]\nqoute = 'auto'\n", "config.unknown", "rules.quote"),
    ("[listen]\nport = 70000\n", "config.value", "listen.port"), ("[firm]\ncurrency = 'QQQ'\n", "config.value", "CNY"),
    ("[firm]\nurl = 'ftp://x'\n", "config.value", "firm.url"), ("x = 1\n", "config.unknown", "x"),
    ("[rules]\norder = 'always'\n", "config.value", "rules.order"),
])
def test_a_corrupt_settings_file_is_told_with_its_place(home, text, code, fact):
    settings = home / "weft.toml"
    good = settings.read_bytes()
    try:
        settings.write_text(text, encoding="utf-8")
        refused_in_both(code, "up", str(home), facts=[fact])
        assert settings.read_text(encoding="utf-8") == text
    finally:
        settings.write_bytes(good)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\0" * 100])
def test_a_settings_file_that_is_no_text_is_told(home, content):
    settings = home / "weft.toml"
    good = settings.read_bytes()
    try:
        settings.write_bytes(content)
        assert weft("up", str(home)).returncode == 2
    finally:
        settings.write_bytes(good)


@pytest.mark.parametrize(("name", "content", "code"), [
    ("weft.db", b"this is no database, though it is long enough to be one" * 100, "store.corrupt"),
    ("keys/device.seed", b"zzz", "home.key-unreadable"), ("keys/device.seed", None, "home.key-unreadable"),
    ("keys/device.seed", b"\xff", "home.key-unreadable"), ("weft.toml", None, "home.missing"),
])
def test_a_damaged_home_is_told_and_left_as_it_is(home, name, content, code):
    path = home / name
    good = path.read_bytes()
    try:
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        refused_in_both(code, "up", str(home), "--port", "0")
        assert (path.read_bytes() if path.exists() else None) == content
    finally:
        path.write_bytes(good)


def test_a_database_of_a_newer_version_is_left_untouched(home):
    import apsw

    database = apsw.Connection(str(home / "weft.db"))
    database.execute("INSERT INTO migrations VALUES (9999, 'future', 'x')")
    database.close()
    before = (home / "weft.db").read_bytes()
    try:
        refused_in_both("store.newer", "up", str(home), "--port", "0", facts=["9999"])
        assert (home / "weft.db").read_bytes() == before
    finally:
        database = apsw.Connection(str(home / "weft.db"))
        database.execute("DELETE FROM migrations WHERE number = 9999")
        database.close()


def test_a_home_that_runs_already_does_not_run_twice(firm):
    refused_in_both("store.locked", "up", str(firm.home), "--port", "0")


def test_no_home_at_all_is_told(tmp_path):
    refused_in_both("home.missing", "up", str(tmp_path / "nothing"))
    refused_in_both("config.unreadable", "up", "/dev/null")
