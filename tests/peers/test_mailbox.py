"""Questions to keepers over real sockets: whatever answers there, it becomes one of our own refusals."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from weft.basis.errors import Invalid, NotFound, Refused, Unavailable
from weft.engine.mail import mailbox
from weft.peers.guard import Guard, Reach
from weft.peers.mailbox import REPLY_MAX, HttpKeepers


@asynccontextmanager
async def answering(answer: bytes):
    """An address at which every question gets ``answer``; and what was asked there."""
    asked = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        await server.wait_closed()


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def ask(url, reach=Reach.HERE):
    keepers = HttpKeepers(Guard(reach))
    try:
        return await keepers.ask(url, mailbox.LIST_PATH, "key.1.nonce.sig", b"{}")
    finally:
        await keepers.close()


async def test_an_answer_comes_back_with_its_signature_and_nothing_of_us_was_said():
    async with answering(http("200 OK", b"body", "weft-mail-reply: signed")) as (url, asked):
        assert await ask(url) == (b"body", "signed")
    head = asked[0].decode().lower()
    assert head.startswith("post /mailbox/v1/list ")
    names = {line.partition(":")[0] for line in head.split("\r\n")[1:] if line}
    assert names == {"host", "weft-mail", "content-type", "content-length", "accept-encoding", "user-agent", "accept"}
    assert "user-agent: weft\r\n" in head


@pytest.mark.parametrize(("answer", "error", "code"), [
    (http("404 Not Found", b'{"code":"mailbox.unknown"}'), NotFound, "mailbox.unknown"),
    (http("404 Not Found", b"<html>"), NotFound, "mailbox.unknown"),
    (http("404 Not Found", b'{"code":"mailbox.no-letter"}'), NotFound, "mailbox.no-letter"),
    (http("409 Conflict", b'{"code":"mailbox.full"}'), Refused, "mailbox.full"),
    (http("409 Conflict", b'{"code":"something.else"}'), Unavailable, "mailbox.answered-badly"),
    (http("403 Forbidden", b'{"code":"mailbox.request-time"}'), Unavailable, "mailbox.request-time"),
    (http("503 Busy", b'{"code":"mailbox.too-often"}'), Unavailable, "mailbox.too-often"),
    (http("302 Found", b"", "location: http://127.0.0.1:1/"), Unavailable, "mailbox.answered-badly"),
    (http("200 OK", bytes(REPLY_MAX + 1)), Unavailable, "mailbox.answered-badly"),
    (b"no http at all\r\n\r\n", Unavailable, "mailbox.unreachable"),
    (b"", Unavailable, "mailbox.unreachable"),
])
async def test_whatever_answers_becomes_a_refusal_of_ours(answer, error, code):
    async with answering(answer) as (url, _):
        with pytest.raises(error) as refused:
            await ask(url)
    assert refused.value.code == code


async def test_where_nobody_listens_it_is_unreachable():
    async with answering(b"") as (url, _):
        pass
    with pytest.raises(Unavailable, match=r"mailbox\.unreachable"):
        await ask(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://10.0.0.1", "http://localhost:1", "http://[::1]:1"])
async def test_addresses_of_our_own_network_are_not_called_where_the_owner_forbids_it(url):
    with pytest.raises(Unavailable, match=r"peer\.private-address"):
        await ask(url, Reach.PUBLIC)


async def test_what_is_no_address_is_not_called():
    with pytest.raises(Invalid, match=r"mailbox\.link"):
        await ask("ftp://keeper.example")
