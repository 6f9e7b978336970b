"""Who may come in, from where, and what a page shows of words that others chose: against a real node."""

import http.client
import json
import re
import socket
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import pytest

from tests.stories.firms import Firm, eventually
from tests.stories.stranger import RELATIONSHIP, Stranger
from tests.stories.test_hostile_peer import link, thread_of
from weft.cli.client import Node as Client
from weft.trade.messages import Party, PartyUpdated

pytestmark = pytest.mark.story
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'
PAGES = ("/", "/more", "/orders", "/orders/new", "/machines", "/jobs", "/stock", "/import", "/partners", "/prices",
         "/settings")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    firm = Firm(tmp_path_factory.mktemp("doors") / "home", "Hengtai").up()
    yield firm
    assert firm.stop() == ""


@pytest.fixture(scope="module")
def owner(node):
    return (node.home / "keys" / "owner.token").read_text(encoding="utf-8").strip()


def ask(node, method, path, body=None, **headers):
    """(status, headers, text)."""
    line = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
    try:
        line.request(method, path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        line.close()


class Handlers(HTMLParser):
    """Attributes of a page that a browser would run."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found += [name for name, _ in attrs if name.startswith("on")]


def paired(node, scope):
    """The cookie of a newly paired device of a kind."""
    code = Client(node.home).do("new-code", scope=scope)["facts"]["code"]
    status, headers, _ = ask(node, "POST", "/pair", urlencode({"code": code}),
                             **{"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 303
    return headers["Set-Cookie"]


def token_of(cookie):
    return re.match(r"weft_device=([^;]+)", cookie)[1]


@pytest.fixture(scope="module")
def names(node, owner):
    """Every command and view by its address."""
    _, _, told = ask(node, "GET", "/api/weft/v1/openapi.json", Authorization=f"Bearer {owner}")
    paths = json.loads(told)["paths"]
    return [[path for path, one in paths.items() if method in one] for method in ("post", "get")]


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "Basic d2VmdDp3ZWZ0"},
    {"Cookie": "weft_device=wrong"}, {"Authorization": "Bearer " + "x" * 5000}, {"X-Forwarded-For": "127.0.0.1"},
])
def test_without_a_known_token_nobody_comes_in_anywhere(node, names, headers):
    commands, views = names
    for method, paths in (("POST", commands), ("GET", [*views, "/api/weft/v1/threads", "/metrics", "/api/v3/shells",
                                                       "/epcis/v2/events"])):
        for path in paths:
            status, _, told = ask(node, method, path, b"{}" if method == "POST" else None, **headers)
            assert status in (401, 403), (path, told)
    for path in (*PAGES, "/live"):
        status, found, _ = ask(node, "GET", path, **headers)
        assert (status, found["Location"]) == (303, "/pair")


def test_a_worker_sees_and_does_the_shop_floor_only(node, names):
    from weft.doors.api import OPERATOR_VIEWS
    from weft.engine.commands import COMMANDS

    commands, views = names
    bearer = {"Authorization": f"Bearer {token_of(paired(node, 'operator'))}"}
    for path in commands:
        status, _, told = ask(node, "POST", path, b'{"wrong":1}', **bearer)
        command = COMMANDS.get(path.rpartition("/")[2]) if "/commands/" in path else None
        if command is None:  # what is no command is the owner's alone
            assert status == 403, path
            continue
        expected = {"operator": (422, "command.params"), "worker": (409, "work.nobody")}  # whose phone is it?
        assert (status, json.loads(told)["code"]) == expected.get(command.scope, (403, "command.scope"))
    for path in views:
        status, _, _ = ask(node, "GET", path, **bearer)
        assert (status != 403) == (path.rpartition("/")[2] in OPERATOR_VIEWS), path
    assert ask(node, "GET", "/api/weft/v1/threads", **bearer)[0] == 403
    for page in ("/orders", "/partners", "/prices", "/settings"):
        assert ask(node, "GET", page, **bearer)[0] == 403
    status, _, _ = ask(node, "POST", "/do/invite", "x=1", **bearer, **FORM)
    assert status == 403


def test_a_program_reads_twins_and_nothing_else(node, names):
    bearer = {"Authorization": f"Bearer {token_of(paired(node, 'client'))}"}
    for path in names[1]:
        assert ask(node, "GET", path, **bearer)[0] == 403
    assert ask(node, "GET", "/api/v3/shells", **bearer)[0] == 200


def test_another_site_cannot_press_a_button(node):
    cookie = paired(node, "owner")
    for flag in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert flag in cookie
    device = {"Cookie": f"weft_device={token_of(cookie)}", "Content-Type": "application/x-www-form-urlencoded"}
    host = f"127.0.0.1:{node.port}"
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": f"http://{host}.evil.example"},
                    {"Origin": "http://["}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert ask(node, "POST", "/do/invite", "days=3", **device, **foreign)[0] == 403
        assert ask(node, "POST", "/api/weft/v1/commands/invite", "{}", **device, **foreign)[0] == 403
    assert ask(node, "POST", "/do/invite", "days=3&back=/partners", **device, Origin=f"http://{host}")[0] == 303


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x=1",
                                  "\t//evil.example", "javascript:alert(1)"])
def test_a_form_leads_nowhere_else(node, owner, back):
    status, headers, _ = ask(node, "POST", "/do/invite", urlencode({"days": "3", "back": back, "then": back}),
                             Authorization=f"Bearer {owner}", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 303
    assert headers["Location"].startswith("/")
    assert not headers["Location"].startswith(("//", "/\\"))
    assert "x=1" not in str(headers.get_all("Set-Cookie"))


@pytest.mark.parametrize(("body", "kind"), [
    ("--x\r\nbroken", "multipart/form-data; boundary=x"), ("broken", "multipart/form-data"), ("a" * 100, "text/plain"),
    ("&".join(f"f{n}=1" for n in range(3000)), "application/x-www-form-urlencoded"),
    ("lines." + "9" * 5000 + ".item=1", "application/x-www-form-urlencoded"),
    ("a" + ".a" * 500 + "=1", "application/x-www-form-urlencoded"),
    ("days=%ff%00", "application/x-www-form-urlencoded"),
    ("quantities~1@number=" + "9" * 5000, "application/x-www-form-urlencoded"),
    ("wanted_by@day=99999-99-99", "application/x-www-form-urlencoded"),
], ids=range(9))
def test_no_form_is_an_error_of_ours(node, owner, body, kind):
    for command in ("invite", "despatch", "request-quotation", "import", "nothing"):
        status, headers, told = ask(node, "POST", f"/do/{command}", body, Authorization=f"Bearer {owner}",
                                    **{"Content-Type": kind})
        assert status < 500
        assert "Traceback" not in told
        assert headers["Content-Security-Policy"]


def test_names_that_partners_choose_are_words_on_every_page(node, owner):
    stranger = Stranger(node.port, link(node)["firm"])
    stranger.meet(link(node)["secret"])
    eventually(lambda: thread_of(node, stranger.thread)["state"]["phase"] == "active")
    update = PartyUpdated(party=Party(name=HOSTILE[:80], contact=HOSTILE, address=HOSTILE))
    stranger.push(stranger.thread, stranger.message(stranger.thread, update, RELATIONSHIP, n=1, p=stranger.last))
    order = stranger.request(mark=HOSTILE[:30])
    assert stranger.push(order.thread, order)[0] == 200
    bearer = {"Authorization": f"Bearer {owner}"}
    seen = 0
    for page in (*PAGES, f"/orders/{order.thread}", f"/partners/{stranger.thread}", f"/orders/{order.thread}/paper",
                 "/nothing", "/orders/nothing", "/stock/%3Cscript%3E"):
        status, headers, told = ask(node, "GET", page, **bearer)
        assert status in (200, 404), page
        assert "<script>alert" not in told
        assert "<img src=x" not in told
        assert not Handlers(told).found, "no page has handlers in it"
        assert not re.search(r'(href|src|action)="(javascript|data:text)', told)
        seen += "&lt;script&gt;alert" in told
        if headers.get_content_type() == "text/html":
            policy = headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
    assert seen > 3, "the name is shown, as a name"


@pytest.mark.parametrize("path", ["/nothing", "/api/weft/v1/a/b", "/peer", "/api/v9/shells", "/.well-known/x", "/i/é"])
def test_where_nothing_is_the_answer_has_a_code(node, path):
    for method in ("GET", "POST", "DELETE"):
        status, _, told = ask(node, method, quote(path))
        assert status in (401, 404, 405)
        assert json.loads(told)["code"] in ("web.not-found", "web.method", "web.token-missing")


def test_who_dawdles_or_never_ends_its_head_is_let_go(node):
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                line.sendall(b"X-More: " + b"x" * 4000 + b"\r\n")
            line.recv(1)
    assert ask(node, "GET", "/health")[0] == 200


def test_guessing_codes_shuts_out_the_guesser_only(node):
    code = Client(node.home).do("new-code")["facts"]["code"]
    for _ in range(25):
        assert ask(node, "POST", "/pair", urlencode({"code": "AAAA-AAAA"}), **FORM)[0] == 403
    assert ask(node, "POST", "/pair", urlencode({"code": code}), **FORM)[0] == 403
    assert "weft_device" not in str(ask(node, "POST", "/pair", urlencode({"code": code}), **FORM)[1])


def test_nonsense_from_strangers_writes_nothing_into_the_log_of_the_node(tmp_path):
    firm = Firm(tmp_path / "home", "Hengtai").up()
    for body in (b"{", b"--x\r\n\xff", b"--x\r\nContent-Disposition: form-data; name=\r\n\r\n"):
        for path in ("/pair", "/language"):
            status, _, _ = ask(firm, "POST", path, body, **{"Content-Type": "multipart/form-data; boundary=x"})
            assert 200 <= status < 500
    assert firm.stop() == ""


@pytest.mark.parametrize("path", ["/pair", "/language"])
def test_a_stranger_s_form_of_megabytes_is_not_even_read(node, path):
    status, _, told = ask(node, "POST", path, b"a=" + b"&" * 2_000_000, **FORM)
    assert (status, "4096" in told) == (400, True) or status == 413, told
    assert ask(node, "POST", path, "code=x&lang=zh&back=/", **FORM)[0] in (303, 403)  # the control

