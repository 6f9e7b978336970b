"""Others' logs and witnesses over HTTP: small limits, no redirects, no address that a partner may not name."""

import asyncio
import contextlib

import pytest

from tests.engine.home import empty_node
from weft.basis.errors import NotFound, Unavailable
from weft.peers.guard import Guard, Reach
from weft.peers.witness import HttpPriceLogs
from weft.serving import bind

TILE = bytes(range(256)) * 4


@contextlib.asynccontextmanager
async def answering(*told: bytes):
    """A server that says ``told`` to whoever asks, and what it was asked."""
    asked: list[bytes] = []

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                       if line.startswith(b"content-length")), 0)
        asked.append(head + await reader.readexactly(length))
        writer.write(told[min(len(asked), len(told)) - 1])
        await writer.drain()
        writer.close()

    listener = bind("127.0.0.1", 0)
    server = await asyncio.start_server(answer, sock=listener)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        server.close()
        await server.wait_closed()


def said(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def logs_at(url: str, reach: Reach = Reach.HERE) -> HttpPriceLogs:
    return HttpPriceLogs(lambda _: url, Guard(reach), memory=await empty_node())


async def test_a_tile_comes_as_it_is_and_what_is_not_there_is_told():
    async with answering(said("200 OK", TILE), said("404 Not Found", b"")) as (url, asked):
        logs = await logs_at(url)
        assert await logs.fetch("A", "tile/0/000", len(TILE)) == TILE
        with pytest.raises(NotFound):
            await logs.fetch("A", "tile/0/001", len(TILE))
        await logs.close()
    assert asked[0].startswith(b"GET /pricelog/tile/0/000 ")
    assert b"weft-request" not in asked[0].lower()  # who reads a public log does not say who he is


async def test_more_than_the_limit_is_not_read_and_nobody_is_followed_elsewhere():
    moved = said("302 Found", b"", "location: http://127.0.0.1:1/elsewhere")
    async with answering(said("200 OK", TILE + b"x"), moved, said("500 Oh", b"")) as (url, asked):
        logs = await logs_at(url)
        for _ in range(3):
            with pytest.raises(Unavailable, match=r"peer\.answered-badly"):
                await logs.fetch("A", "checkpoint", len(TILE))
        await logs.close()
    assert len(asked) == 3


async def test_what_a_partner_names_in_our_own_network_is_not_called():
    async with answering(said("200 OK", TILE)) as (url, asked):
        logs = await logs_at(url, Reach.PUBLIC)
        with pytest.raises(Unavailable, match=r"peer\.private-address"):
            await logs.fetch("A", "checkpoint", 1_000)
        with pytest.raises(Unavailable, match=r"peer\.private-address"):
            await logs.add_checkpoint("A", "", b"old 0\n")
        typed = HttpPriceLogs(lambda _: url, Guard(Reach.PUBLIC), lambda _: True)  # the control: the owner's own word
        assert await typed.fetch("A", "checkpoint", 5_000) == TILE
        for one in (logs, typed):
            await one.close()
    assert len(asked) == 1


async def test_without_a_door_a_request_to_cosign_is_signed_with_one_it_is_plain():
    async with answering(said("200 OK", b"lines\n"), said("409 Conflict", b"5\n")) as (url, asked):
        logs = await logs_at(url)
        assert await logs.add_checkpoint("A", "", b"old 0\n") == (200, b"lines\n")
        assert await logs.add_checkpoint("A", "thedoor", b"old 0\n") == (409, b"5\n")
        await logs.close()
    assert asked[0].startswith(b"POST /pricelog/witness/add-checkpoint ")
    assert b"weft-request: " in asked[0].lower()
    assert asked[1].startswith(b"POST /pricelog/witness/thedoor/add-checkpoint ")
    assert b"weft-request" not in asked[1].lower()
    assert asked[1].endswith(b"old 0\n")


async def test_who_has_no_address_or_is_away_is_unavailable():
    away = "http://127.0.0.1:1"
    for url, code in (("", "peer.no-address"), ("ftp://x", "peer.no-address"), (away, "peer.unreachable")):
        logs = await logs_at(url)
        with pytest.raises(Unavailable) as caught:
            await logs.fetch("A", "checkpoint", 10)
        assert caught.value.code == code
        await logs.close()
