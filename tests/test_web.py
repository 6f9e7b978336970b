"""What every HTTP door shares."""

import asyncio
import errno
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from weft import web
from weft.basis.errors import Denied, Invalid, NotFound, Refused, Unavailable, WeftError


@dataclass(frozen=True)
class Paired:
    id: str
    scope: str


class Book:
    async def authenticate(self, token: str) -> Paired | None:
        return {"own": Paired("d1", web.OWNER), "prog": Paired("d2", web.CLIENT)}.get(token)


class Home:
    devices = Book()

    def __init__(self, dev_open: bool = False) -> None:
        self.dev_open = dev_open

    def translate(self, lang: str, key: str, facts: object) -> str:
        return f"{lang}:{key}"


def request(method="GET", headers=None, body=b"", client="127.0.0.1", query=""):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": "/x", "headers": pairs, "client": (client, 1),
             "query_string": query.encode(), "scheme": "http", "server": ("127.0.0.1", 80)}
    return Request(scope, receive)


def call(asked, raising=None, home=None, **options):
    async def handler(inner: Request) -> Response:
        if raising:
            raise raising
        return PlainTextResponse(getattr(inner.state.device, "id", "nobody"))

    return asyncio.run(web.guard(home or Home(), handler, **options)(asked))


def told(response):
    return msgspec.json.decode(response.body)


def test_without_a_token_nobody_gets_in():
    answer = call(request())
    assert answer.status_code == 401 and told(answer)["code"] == "web.token-missing"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.media_type == "application/problem+json"


def test_a_known_token_gets_in_as_bearer_and_as_cookie():
    assert call(request(headers={"Authorization": "Bearer own"})).body == b"d1"
    assert call(request(headers={"Cookie": "weft_device=own"})).body == b"d1"


def test_a_foreign_or_endless_token_does_not():
    for token in ("other", "o" * 10_000):
        assert told(call(request(headers={"Authorization": f"Bearer {token}"})))["code"] == "web.token-unknown"


def test_a_programs_token_does_not_open_the_console():
    asked = request(headers={"Authorization": "Bearer prog"})
    assert told(call(asked))["code"] == "web.scope"
    assert call(asked, scopes=web.ANYONE_KNOWN).status_code == 200


def test_public_documents_need_no_token():
    assert call(request(), scopes=web.PUBLIC).body == b"nobody"


def test_the_developers_open_door_is_open_on_this_machine_only():
    home = Home(dev_open=True)
    here = {"Host": "127.0.0.1:8440"}
    assert call(request(headers=here), home=home).status_code == 200
    assert call(request(headers=here, client="192.168.1.9"), home=home).status_code == 401
    assert call(request(headers={"Host": "evil.example"}), home=home).status_code == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_cannot_use_the_cookie_to_change_things(headers):
    headers |= {"Cookie": "weft_device=own", "Host": "127.0.0.1:8440"}
    for home in (Home(), Home(dev_open=True)):
        answer = call(request("POST", headers), home=home, methods=("POST",))
        assert answer.status_code == 403 and told(answer)["code"] == "web.cross-site"
    same = headers | {"Origin": "http://127.0.0.1:8440", "Sec-Fetch-Site": "same-origin"}
    assert call(request("POST", same), methods=("POST",)).status_code == 200


@pytest.mark.parametrize(("error", "status"), [
    (Invalid("order.line"), 422), (Invalid("web.page-size"), 400), (Invalid("canonical.key"), 400),
    (Denied("x.y"), 403),
    (NotFound("x.y"), 404), (Refused("x.y"), 409), (Unavailable("x.y"), 503), (WeftError("x.y"), 500),
])
def test_every_class_of_error_has_its_status(error, status):
    answer = call(request(), raising=error, scopes=web.PUBLIC)
    assert answer.status_code == status == told(answer)["status"]
    assert told(answer)["type"] == f"urn:weft:problem:{error.code}"


def test_a_programmers_error_is_answered_without_details(caplog):
    answer = call(request(), raising=KeyError("secret"), scopes=web.PUBLIC)
    assert answer.status_code == 500 and b"secret" not in answer.body
    assert "failed" in caplog.text


@pytest.mark.parametrize(("error", "status"), [
    (OSError(errno.ENOSPC, "No space left on device"), 503), (OSError(errno.EDQUOT, "Quota"), 503),
    (OSError(errno.EACCES, "Permission denied"), 500)])
def test_where_no_room_is_left_the_owner_is_told_so(error, status):
    answer = call(request(headers={"authorization": "Bearer own"}), raising=error)
    assert answer.status_code == status
    assert (b"store.full" in answer.body) is (status == 503)


def test_a_wrong_method_is_told_which_are_right():
    answer = call(request("DELETE"), scopes=web.PUBLIC)
    assert answer.status_code == 405 and answer.headers["allow"] == "GET"
    assert call(request("HEAD"), scopes=web.PUBLIC).status_code == 200


@pytest.mark.parametrize(("accept", "lang"), [
    ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en;q=0.5, zh;q=0.1", "en"), ("fr, de", "en"), ("", "en"), ("zh;q=x", "en"),
])
def test_the_reader_chooses_the_language(accept, lang):
    assert web.language(request(headers={"Accept-Language": accept})) == lang
    assert told(call(request(headers={"Accept-Language": accept})))["detail"] == f"{lang}:error.web.token-missing"


def read(data, limit=web.BODY_MAX, headers=None):
    return asyncio.run(web.json_body(request("POST", headers, data), dict, limit))


def test_a_body_is_bounded_in_size_and_depth():
    assert read(b'{"a":1}') == {"a": 1}
    for data, code, headers in (
        (b'{"a":1}', "web.body-too-large", None), (b"", "web.body-too-large", {"Content-Length": "99"}),
    ):
        with pytest.raises(Invalid) as caught:
            read(data, 5, headers)
        assert caught.value.code == code
    assert read(b'{"a":' * 32 + b"1" + b"}" * 32)
    for data, code in ((b'{"a":' * 33 + b"1" + b"}" * 33, "web.body-too-deep"), (b"[1]", "web.body-shape"),
                       (b"{", "web.body-not-json"), (b'{"a":"\xff"}', "web.body-not-json")):
        with pytest.raises(Invalid) as caught:
            read(data)
        assert caught.value.code == code


@given(st.binary(max_size=200))
def test_no_body_makes_anything_but_a_value_or_invalid(data):
    try:
        web.from_json(data, dict)
    except Invalid as error:
        assert error.code.startswith("web.body")


def test_brackets_within_words_are_not_depth():
    assert web.from_json(b'{"a":"' + b"[" * 100 + b'\\""}', dict)


def test_a_page_size_is_a_number_above_zero():
    assert web.page_size(request()) == 100
    assert web.page_size(request(query="limit=5")) == 5
    assert web.page_size(request(query="limit=99999")) == 1000
    assert web.page_size(request(query=f"limit={'1' * 30}")) == 1000
    for bad in ("-1", "0", "0" * 30, "x", "", "%C2%B2"):
        with pytest.raises(Invalid):
            web.page_size(request(query=f"limit={bad}"))
