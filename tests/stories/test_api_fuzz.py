"""Whatever a program sends to the API: an answer or a refusal with a code, never an error of ours.

Parameters are made from the node's own OpenAPI document: right ones, wrong ones, and those of other commands, with
ids of things that exist so that more than the first check is reached.
"""

import http.client
import json
import os
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.stories.firms import Firm, eventually
from tests.stories.made import EXAMPLE, TABLES, WORDS, Maker

EXAMPLES = int(os.environ.get("WEFT_FUZZ", "500"))  # ``make release`` asks for more

pytestmark = pytest.mark.story

class Caller:
    """One kept connection to a node."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.headers = port, {"Authorization": f"Bearer {token}"}
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str):
        """(status, body)."""
        self.line.request(method, path, body, {**self.headers, **headers})
        answer = self.line.getresponse()
        return answer.status, answer.read()


@pytest.fixture(scope="module")
def trade(tmp_path_factory):
    """A maker with everything in it, an order that a buyer has placed, and what is called how there."""
    folder = tmp_path_factory.mktemp("fuzz")
    maker, buyer = Firm(folder / "maker", "Jinggong"), Firm(folder / "buyer", "Corner Shop", reachable=False)
    try:
        maker.up(), buyer.up()
        for table in TABLES:
            maker.weft("item", "import", str(EXAMPLE / f"{table}.csv"))
        buyer.weft("peer", "add", maker.weft("peer", "invite")["facts"]["link"])
        eventually(lambda: [one["state"] for one in buyer.weft("peer", "list")] == ["open"])
        threads = []
        for quantity in ("60", "5"):
            thread = buyer.weft("order", "request", "Jinggong", f"SHAFT-20={quantity}")["thread"]
            eventually(lambda: maker.knows(thread))  # noqa: B023 - asked at once
            threads.append(thread)
        maker.weft("order", "quote", threads[0])
        eventually(lambda: "Order" in buyer.order(threads[0])["may"])
        buyer.weft("order", "place", threads[0])
        eventually(lambda: maker.order(threads[0])["may"] == ["OrderResponse"])
        maker.weft("order", "accept", threads[0])
        jobs = eventually(lambda: [one for queue in maker.weft("job", "list")["queues"] for one in queue["jobs"]])
        token = (folder / "maker" / "keys" / "owner.token").read_text(encoding="utf-8").strip()
        caller = Caller(maker.port, token)
        relationship = json.loads(caller.ask("GET", "/api/weft/v1/threads?kind=relationship")[1])["threads"][0]
        known = [*threads, jobs[0]["id"], relationship["thread"], *relationship["members"], *relationship["heads"]]
        yield caller, known
        caller.line.close()
    finally:
        told = [firm.stop() for firm in (maker, buyer)]
    assert told == ["", ""], "what a caller sends leaves nothing on stderr"


def check(status: int, body: bytes) -> None:
    assert status < 500, body
    if status >= 400:
        told = json.loads(body)
        assert told["code"]
        assert "⟦" not in told["detail"], told
        assert "Traceback" not in told["detail"]


def test_no_parameters_of_any_command_are_an_error_of_ours(trade):
    caller, known = trade
    document = json.loads(caller.ask("GET", "/api/weft/v1/openapi.json")[1])
    commands = {path: one["post"]["requestBody"]["content"]["application/json"]["schema"]
                for path, one in document["paths"].items() if "/commands/" in path}
    assert len(commands) > 40
    done = set()

    @seed(20261125)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def each(number):
        path = sorted(commands)[number % len(commands)]
        params = Maker(number, known, document["components"]["schemas"]).of(commands[path])
        status, body = caller.ask("POST", path, json.dumps(params).encode(), **{"Content-Type": "application/json"})
        check(status, body)
        if status == 200:
            done.add(path)

    each()
    assert len(done) > 10, "commands get past the first check, or this proves nothing"


def test_no_view_and_no_address_is_an_error_of_ours(trade):
    caller, known = trade
    document = json.loads(caller.ask("GET", "/api/weft/v1/openapi.json")[1])
    views = {path: [one["name"] for one in found["get"]["parameters"]]
             for path, found in document["paths"].items() if "get" in found}
    words = st.one_of(st.sampled_from(known), st.sampled_from([word for word in WORDS if len(word) < 1000]),
                      st.text(max_size=20))

    @seed(20261125)
    @settings(max_examples=EXAMPLES // 2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(views)), words,
           st.dictionaries(st.sampled_from(["node", "thread"]), words, max_size=1))
    def each(path, word, more):
        asked = {**more, **dict.fromkeys(views[path][:1], word)}
        check(*caller.ask("GET", f"{path}?{urlencode(asked, errors='replace')}"))

    each()


@pytest.mark.parametrize("body", [
    b"", b"[]", b"null", b"{", b'{"a":1}{', b"\xff\xfe", b'{"note":"\\ud800"}', b'{"days":' + b"9" * 5000 + b"}",
    b'{"days":1e999}', b'{"note":' + b"[" * 100_000, b'{"note":"' + b"x" * 100_000 + b'"}', b'{"days":1.5}',
    b'{"days":1,"days":2}', b"{" + b'"a":{' * 40 + b"}" * 41,
], ids=range(14))
def test_no_body_is_an_error_of_ours(trade, body):
    caller, _ = trade
    check(*caller.ask("POST", "/api/weft/v1/commands/invite", body))


@pytest.mark.parametrize("headers", [
    {"Origin": "http://["}, {"Host": "["}, {"Host": "a:b:c"}, {"Cookie": 'weft_device="; weft_lang="'},
    {"Accept-Language": "zh;q=nan,en;q=1e999," * 50}, {"Authorization": "Basic \xff"}, {"Content-Encoding": "gzip"},
    {"Idempotency-Key": "\xff" * 200}, {"Idempotency-Key": "k" * 201}, {"Authorization": "Bearer " + "x" * 5000},
    {"X-Forwarded-For": "127.0.0.1, \0"[:14]}, {"Sec-Fetch-Site": "cross-site"},
], ids=range(12))
def test_no_header_is_an_error_of_ours(trade, headers):
    caller, _ = trade
    for method, path in (("GET", "/api/weft/v1/stock"), ("POST", "/api/weft/v1/commands/invite"), ("GET", "/"),
                         ("GET", "/.well-known/did.json"), ("POST", "/do/invite"), ("GET", "/api/v3/shells"),
                         ("GET", "/epcis/v2/events"), ("POST", "/peer/v1/sync"), ("POST", "/pair")):
        status, _ = caller.ask(method, path, b"a=b" if method == "POST" else None, **headers)
        assert status < 500, (method, path)
