"""Addresses by their first segment: the same answers as a plain list of routes, in the same order within a segment."""

import asyncio

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.doors.asking import Client
from weft.shelves import Doors, Shelves
from weft.web import Everything


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


def answering(application):
    client = Client([])
    client.application = application
    return client


BELOW = [*ROUTES[:3], Everything("/a/", told("never: /a/{x} stands before")), Everything("/deep/", told("below"))]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("address", ["/deep/", "/deep/1", "/deep/1/2/", "/deep/%0A", "/deep", "/deeper", "/", "/zzz"])
def test_what_a_door_has_to_itself_is_answered_at_once_as_it_would_be_by_the_long_way(address, method):
    long, straight = Client(BELOW), answering(Doors([*ROUTES[:2], BELOW[-1]]))
    one, other = (asyncio.run(client.ask(address, method)) for client in (long, straight))
    assert (one.status, one.body, one.headers) == (other.status, other.body, other.headers)
    assert (one.body == b"below {}") is address.startswith("/deep/")


def test_a_query_that_is_not_there_is_empty_and_one_that_is_there_is_read():
    async def endpoint(request):
        return PlainTextResponse(str(request.query_params.getlist("a")))

    client = answering(Doors([Everything("/x/", endpoint)]))
    assert [asyncio.run(client.ask(f"/x/y{query}")).body for query in ("", "?", "?a=1&a=2")] == [
        b"[]", b"[]", b"['1', '2']"]
