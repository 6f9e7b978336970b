"""Addresses by their first segment: the same answers as a plain list of routes, in the same order within a segment."""

import asyncio

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.doors.asking import Client
from weft.shelves import Shelves


def told(text):
    async def endpoint(request):
        return PlainTextResponse(f"{text} {request.path_params}")

    return endpoint


ROUTES = [Route("/", told("home")), Route("/a", told("a")), Route("/a/{x}", told("ax"), methods=["GET"]),
          Route("/a/{x}", told("ax posted"), methods=["POST"]), Route("/b/{rest:path}", told("b")),
          Mount("/static", told("never")), Route("/{any}", told("any")), Route("/{any}/deep", told("deep"))]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("address", ["/", "/a", "/a/", "/a/1", "/a/1/2", "/b", "/b/", "/b/c/d", "/zzz", "/zzz/deep",
                                     "/a/deep", "//", "/%7Bany%7D"])
def test_every_address_is_answered_as_by_the_plain_list(address, method):
    plain, shelved = Client(ROUTES), Client([Shelves(ROUTES)])
    one, other = (asyncio.run(client.ask(address, method)) for client in (plain, shelved))
    assert (one.status, one.body) == (other.status, other.body)
    for name in ("location", "allow"):
        assert one.headers.get(name) == other.headers.get(name)
