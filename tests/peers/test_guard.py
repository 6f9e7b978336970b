"""Addresses that partners name: none leads into our own network unless we are in it too, however it is written."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.engine.world import Wires, befriend, found, until
from weft.basis.errors import Unavailable
from weft.engine import sync
from weft.engine.commands import run
from weft.engine.views import VIEWS
from weft.peers import guard
from weft.peers.guard import Guard, Reach, allowed, named, reach_of
from weft.peers.http import HttpPeers, opened

# this very machine, in every spelling that some library understands
HERE = (
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1",
    "0177.0.0.1", "017700000001", "0177.0x0.1", "127.0.0.1.", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "localhost",
    "LocalHost", "localhost.", "a.localhost", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2001:0:1:2:3:4:80ff:fffe]",
)
LAN = (
    "10.0.0.1", "10.1", "012.0.0.1", "167772161", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.168.257",
    "3232235777", "0xc0a80101", "100.64.0.1", "198.18.0.7", "[fd12:3456::1]", "[fc00::1]", "[::ffff:192.168.1.1]",
    "[2002:c0a8:101::1]", "[64:ff9b::a00:1]",
)
NOWHERE = (
    "169.254.169.254", "169.254.1.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:169.254.169.254]",
    "[fe80::1]", "[fe80::1%25eth0]", "[fd00:ec2::254]", "[fd20:ce::254]", "100.100.100.200", "168.63.129.16",
    "192.0.0.192", "[64:ff9b::a9fe:a9fe]", "0.0.0.0", "0", "[::]", "224.0.0.1", "255.255.255.255", "240.0.0.1",
    "[ff02::1]", "192.0.2.1",
)
PUBLIC = ("93.184.216.34", "1572395042", "[2606:4700::1111]", "weft.example", "[::ffff:93.184.216.34]")


def urls(hosts):
    return [f"http://{host}:8440" for host in hosts]


@pytest.mark.parametrize("url", urls(HERE + LAN))
def test_no_spelling_of_an_address_in_our_own_network_is_called_from_outside(url):
    with pytest.raises(Unavailable, match=r"peer\.private-address"):
        Guard(Reach.PUBLIC).check(url)
    Guard(Reach.HERE).check(url)  # the control: it is the reach that forbids it


@pytest.mark.parametrize("url", urls(NOWHERE))
def test_link_local_addresses_and_those_of_providers_are_never_called(url):
    for reach in (Reach.PUBLIC, Reach.LAN, Reach.HERE):
        with pytest.raises(Unavailable, match=r"peer\.forbidden-address"):
            Guard(reach).check(url)


@pytest.mark.parametrize("url", urls(PUBLIC))
def test_what_is_public_or_still_to_be_resolved_passes(url):
    Guard(Reach.PUBLIC).check(url)


def test_a_node_on_the_lan_calls_the_lan_but_not_its_own_machine():
    Guard(Reach.LAN).check("http://192.168.1.9:8440")
    with pytest.raises(Unavailable, match=r"peer\.private-address"):
        Guard(Reach.LAN).check("http://127.0.0.1:8440")


def test_reading_the_host_as_it_is_written_would_let_most_spellings_pass():
    """The control: what a look at the letters alone finds."""

    def naive(url):
        host = urlsplit(url).hostname
        try:
            return ipaddress.ip_address(host).is_global
        except ValueError:
            return host != "localhost"

    passed = [url for url in urls(HERE + LAN + NOWHERE) if naive(url)]
    assert len(passed) > 20, passed


@pytest.mark.parametrize(("rule", "url", "listen", "reach"), [
    ("auto", "https://weft.hengtai.example", "0.0.0.0", Reach.PUBLIC),
    ("auto", "https://93.184.216.34", "127.0.0.1", Reach.PUBLIC),
    ("auto", "http://127.0.0.1:8440", "127.0.0.1", Reach.HERE),
    ("auto", "http://localhost:8440", "127.0.0.1", Reach.HERE),
    ("auto", "http://192.168.1.5:8440", "0.0.0.0", Reach.LAN),
    ("auto", "http://[fd00::5]:8440", "::", Reach.LAN),
    ("auto", "http://factory:8440", "0.0.0.0", Reach.LAN),
    ("auto", "http://factory.local:8440", "0.0.0.0", Reach.LAN),
    ("auto", "", "127.0.0.1", Reach.HERE),
    ("auto", "", "0.0.0.0", Reach.LAN),
    ("auto", "", "192.168.1.5", Reach.LAN),
    ("always", "https://weft.hengtai.example", "0.0.0.0", Reach.HERE),
    ("never", "http://127.0.0.1:8440", "127.0.0.1", Reach.PUBLIC),
])
def test_who_is_in_the_network_may_call_into_it_unless_the_owner_says_otherwise(rule, url, listen, reach):
    assert allowed(rule, url, listen) is reach


def answers(*addresses):
    """A name server of a liar: each question gets the next of ``addresses``, the last for ever."""
    asked = []

    async def lookup(host, port, _family):
        told = addresses[min(len(asked), len(addresses) - 1)]
        asked.append(host)
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                for one in told]

    return lookup, asked


class Listening:
    """A service of this machine that is no node, and whoever came to it."""

    def __init__(self):
        self.came = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        self.came += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()


async def post(through, host, port):
    session = opened(through)
    try:
        async with session.post(f"http://{host}:{port}/peer/v1/sync", data=b"{}") as answer:
            return answer.status
    except (aiohttp.ClientError, OSError) as error:
        return guard.refusal(error).code
    finally:
        await session.close()


@pytest.mark.parametrize("told", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"]])
async def test_a_name_that_resolves_into_our_network_is_not_called(told):
    async with Listening() as service:
        for reach, expected in ((Reach.PUBLIC, "peer.private-address"), (Reach.LAN, "peer.private-address")):
            lookup, _ = answers(told)
            assert await post(Guard(reach, lookup), "innocent.example", service.port) == expected
        assert service.came == 0
        lookup, _ = answers(["127.0.0.1"])
        assert await post(Guard(Reach.HERE, lookup), "innocent.example", service.port) == 200, "the control"
        assert service.came == 1


async def test_a_name_of_the_provider_s_services_is_never_called():
    lookup, _ = answers(["169.254.169.254"])
    assert await post(Guard(Reach.HERE, lookup), "innocent.example", 80) == "peer.forbidden-address"


async def test_the_real_resolver_is_asked_and_its_answer_checked():
    async with Listening() as service:
        assert await post(Guard(), "localhost", service.port) == "peer.private-address"
        assert await post(Guard(Reach.HERE), "localhost", service.port) == 200, "the control"
    assert service.came == 1


async def test_a_name_that_changes_its_mind_is_called_where_it_was_checked_or_not_at_all():
    async with Listening() as service:
        lookup, asked = answers(["192.0.2.1"], ["127.0.0.1"])
        through = Guard(Reach.PUBLIC, lookup)
        assert await post(through, "rebinding.example", service.port) == "peer.forbidden-address"
        assert await post(through, "rebinding.example", service.port) == "peer.private-address"
        assert asked == ["rebinding.example"] * 2, "one question for each connection, none between check and call"
        assert service.came == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "[::ffff:127.0.0.1]"])
async def test_no_socket_is_opened_to_what_slipped_by_the_letters(host):
    """The last gate alone: no check of the letters comes before it here."""
    async with Listening() as service:
        assert await post(Guard(), host, service.port) == "peer.private-address"
        assert service.came == 0
        assert await post(Guard(Reach.HERE), host, service.port) == 200, "the control"


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_other_ways_to_write_numbers_open_no_socket_either(host):
    async with Listening() as service:
        assert await post(Guard(), host, service.port) != 200
        assert service.came == 0
        reader, writer = await asyncio.open_connection(host, service.port)  # the control: the system understands them
        writer.close()
        await writer.wait_closed()
        del reader
        assert named(host) is Reach.HERE


async def test_what_a_partner_names_is_refused_with_words_and_what_the_owner_typed_is_called():
    node = await found(Wires(), "Factory")
    try:
        async with Listening() as service:
            typed = set()
            peers = HttpPeers(lambda _: f"http://127.0.0.1:{service.port}", Guard(), typed=lambda one: one in typed)
            peers.memory = node
            with pytest.raises(Unavailable, match=r"peer\.private-address") as refused:
                await peers.request("A" * 43, sync.SYNC_PATH, b"{}")
            assert refused.value.facts == {"host": "127.0.0.1"}
            assert service.came == 0
            typed.add("A" * 43)
            with pytest.raises(Exception, match=r"peer\.|sync\.|request\."):  # it answers, but it is no node
                await peers.request("A" * 43, sync.SYNC_PATH, b"{}")
            assert service.came
            await peers.close()
    finally:
        await node.stop()


async def test_health_and_the_partner_s_page_say_why_a_partner_is_not_called():
    wires = Wires()
    shop, mill = await found(wires, "Shop"), await found(wires, "Mill")
    try:
        await befriend(shop, mill)
        assert all(one.barred is None for one in (await VIEWS["health"](shop)).peers), "the control"
        peers = HttpPeers(lambda _: "http://169.254.169.254", Guard(Reach.HERE))
        peers.memory = shop
        shop.outbox.peers = peers
        await run(shop, "request-quotation", {"supplier": "Mill", "lines": [{"item": "X", "quantity": "1"}]})
        await until(lambda: mill.organisation in shop.outbox.why)
        (peer,) = (await VIEWS["health"](shop)).peers
        assert peer.barred.code == "peer.forbidden-address"
        assert peer.barred.facts == {"host": "169.254.169.254"}
        page = await VIEWS["partner"](shop, thread=shop.partners[mill.organisation])
        assert page.barred == peer.barred
        shop.outbox.heard(mill.organisation)
        assert (await VIEWS["health"](shop)).peers[0].barred is None
    finally:
        await shop.stop()
        await mill.stop()


def test_what_is_no_number_is_no_address():
    with pytest.raises(ValueError, match="does not appear"):
        reach_of("weft.example")
