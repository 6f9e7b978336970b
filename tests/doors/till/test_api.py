"""The till's own addresses: they open to its cookie alone, its cookie opens nothing else, and everything is bounded."""

import random
from email.utils import parsedate_to_datetime

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.till.selling import shop
from tests.till.counter import Counter
from weft.basis.canonical import b64
from weft.basis.errors import Refused
from weft.doors import api, console
from weft.doors.till import api as till_api
from weft.engine import knocking
from weft.engine.commands import run
from weft.engine.till import intake
from weft.till import returns

OWNER = "owner-token"


@pytest.fixture
async def firm():
    async with shop() as made:
        yield made


class Tablet:
    """A till as its browser asks: cookies, no bearer."""

    def __init__(self, firm, counter, routes=None):
        self.firm, self.counter, self.cookie = firm, counter, ""
        self.client = Client(routes or till_api.routes(firm.node))

    async def ask(self, name, body=None, **more):
        headers = {"cookie": self.cookie} if self.cookie else {}
        if body is not None:
            more = {"method": "POST", "body": msgspec.json.encode(body), **more}
            headers["content-type"] = "application/json"
        return await self.client.ask(f"/till/api/{name}", headers={**headers, **more.pop("headers", {})}, **more)

    async def open(self):
        asked = (await self.ask("ask", {"key": self.counter.key, "name": "T"})).json()
        signed = self.counter.signer.sign(knocking.signed(asked["firm"]["id"], asked["challenge"]))
        answer = await self.ask("open", {"key": self.counter.key, "challenge": asked["challenge"],
                                         "signature": b64(signed)})
        if answer.status == 200:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer


def sent(*slips):
    return {"slips": [{"bytes": intake.written(one), "signature": one.signature} for one in slips]}


async def test_a_till_asks_opens_learns_and_brings(firm):
    till = await firm.till()
    tablet = Tablet(firm, till)
    assert (await tablet.ask("snapshot")).status == 401
    answer = await tablet.open()
    assert (answer.status, answer.json()) == (200, {"state": "open"})
    for word in ("HttpOnly", "SameSite=strict", "Path=/till"):
        assert word.lower() in answer.headers["set-cookie"].lower()
    first = await tablet.ask("snapshot")
    told = first.json()
    assert [one["id"] for one in told["items"]] == ["TAPE", "V15"]
    assert told["items"][1]["lots"] == [{"lot": "A1", "on_hand": "8"}, {"lot": "A2", "on_hand": "4"}]
    same = await tablet.ask("snapshot", headers={"if-none-match": first.headers["etag"]})
    assert (same.status, same.body) == (304, b"")
    slip = till.sale(("V15", "1"))
    has = (await tablet.ask("slips", sent(slip))).json()
    assert (has["n"], has["hash"], has["doubted"], has["refused"]) == (1, slip.slip.hash, [], [])
    assert (await tablet.ask("slips", sent(slip))).json() == has
    kept = (await tablet.ask(f"slip?hash={slip.slip.hash}")).json()
    assert kept == {"bytes": intake.written(slip), "signature": slip.signature, "returns": []}
    changed = await tablet.ask("snapshot", headers={"if-none-match": first.headers["etag"]})
    assert changed.json()["till"]["lives"] == {till.life: {"n": 1, "hash": slip.slip.hash}}


async def test_what_came_back_at_one_till_is_told_to_another_that_asks(firm):
    till, other = await firm.till(), await firm.till(2)
    sale = till.sale(("V15", "3"))
    back = till.take_back(sale.slip, (1, "1"))
    await firm.send(till)
    tablet = Tablet(firm, other)
    await tablet.open()
    told = (await tablet.ask(f"slip?hash={sale.slip.hash}")).json()
    assert told["returns"] == [{"bytes": intake.written(back), "signature": back.signature}]
    known = [intake.read(intake.Sent(one["bytes"], one["signature"])).slip for one in told["returns"]]
    assert returns.left(sale.slip, known) == ("2",)
    with pytest.raises(Refused, match="return-too-much"):
        returns.lines(sale.slip, known, [(1, "3")])
    assert returns.lines(sale.slip, [], [(1, "3")]), "without what the node told, all of it would come back"


async def test_a_sale_of_another_till_is_found_by_its_number(firm):
    till, other = await firm.till(), await firm.till(2)
    sale = till.sale(("V15", "3"))
    back = till.take_back(sale.slip, (1, "1"))
    await firm.send(till)
    tablet = Tablet(firm, other)
    await tablet.open()
    for number in (sale.slip.number, sale.slip.number.lower()):
        told = (await tablet.ask(f"slip?number={number}")).json()
        assert (told["bytes"], len(told["returns"])) == (intake.written(sale), 1)
    for number in (back.slip.number, sale.slip.number[:-1] + "9", "0000-1", "-1", "1", "", "%C2%B2-%C2%B2", "9" * 90):
        answer = await tablet.ask(f"slip?number={number}")
        assert (answer.status, answer.json()["code"]) == (404, "till.no-slip"), number


async def test_the_till_s_cookie_opens_nothing_else_and_no_other_opens_the_till(firm):
    till = await firm.till()
    routes = [*till_api.routes(firm.node), *api.routes(firm.node), *console.routes(firm.node)]
    tablet = Tablet(firm, till, routes)
    await tablet.open()
    token = tablet.cookie.partition("=")[2]
    for address in ("/api/weft/v1/orders", "/api/weft/v1/stock", "/api/weft/v1/openapi.json", "/tills", "/orders", "/"):
        for headers in ({"cookie": tablet.cookie}, {"cookie": f"weft_device={token}"},
                        {"authorization": f"Bearer {token}"}):
            answer = await tablet.client.ask(address, headers=headers)
            assert answer.status in (303, 401, 403), (address, headers, answer.status)
    for headers in ({"authorization": f"Bearer {OWNER}"}, {"cookie": f"weft_till={OWNER}"}):
        assert (await tablet.client.ask("/till/api/snapshot", headers=headers)).status == 403


async def test_a_developer_s_open_door_is_no_till(firm):
    firm.node.dev_open = True
    client = Client(till_api.routes(firm.node))
    assert (await client.ask("/till/api/snapshot", headers={"host": "127.0.0.1"})).status == 401


async def test_another_site_cannot_bring_slips_with_the_till_s_cookie(firm):
    tablet = Tablet(firm, await firm.till())
    await tablet.open()
    slips = sent(tablet.counter.sale(("V15", "1")))
    answer = await tablet.ask("slips", slips, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status, answer.json()["code"]) == (403, "web.cross-site")


async def test_who_was_not_let_in_or_signs_wrongly_gets_no_cookie(firm):
    stranger = Tablet(firm, Counter(seed=5))
    answer = await stranger.open()
    assert (answer.status, answer.json()["code"]) == (403, "till.not-let-in")
    asked = (await stranger.ask("ask", {"key": stranger.counter.key})).json()
    assert asked["code"] == knocking.code_of(stranger.counter.key)
    other = await firm.till()
    wrong = await stranger.ask("open", {"key": other.key, "challenge": asked["challenge"], "signature": b64(bytes(64))})
    assert wrong.json()["code"] == "till.signature"
    assert (await stranger.ask("ask", {"key": "x" * 43})).status == 422


async def test_only_so_many_wait_and_not_all_from_one_place(firm):
    codes = []
    for seed in range(5):
        told = await Tablet(firm, Counter(seed=100 + seed)).ask("ask", {"key": Counter(seed=100 + seed).key})
        codes.append(told.status)
    assert codes == [200, 200, 200, 409, 409]
    assert (await Tablet(firm, Counter(seed=101)).ask("ask", {"key": Counter(seed=101).key})).status == 200
    firm.node.clock.ms += knocking.WAITING_MS + 1
    assert (await Tablet(firm, Counter(seed=200)).ask("ask", {"key": Counter(seed=200).key})).status == 200
    firm.node.clock.ms -= knocking.WAITING_MS + 1


async def test_what_is_too_much_is_refused(firm):
    tablet = Tablet(firm, await firm.till())
    await tablet.open()
    one = tablet.counter.sale(("V15", "1"))
    many = await tablet.ask("slips", sent(*[one] * (intake.SLIPS_MAX + 1)))
    assert (many.status, many.json()["code"]) == (422, "till.too-many-slips")
    assert (await tablet.ask("slips", body=b"x", method="POST")).status in (400, 422)
    huge = await tablet.client.ask("/till/api/ask", "POST", body=b" " * (till_api.ASK_MAX + 1))
    assert huge.status == 413


async def test_bent_slips_are_refused_and_never_a_fault_of_ours(firm):
    tablet = Tablet(firm, await firm.till())
    await tablet.open()
    till = tablet.counter
    sale = till.sale(("V15", "3"), ("TAPE", "1.5"))
    till.take_back(sale.slip, (1, "1"))
    till.close(opening="10.00")
    chance = random.Random(20261125)
    whole = msgspec.json.encode(sent(*till.slips))
    good = [one.slip.canonical for one in till.slips]
    for _ in range(300):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(32, 127)
        if bytes(data) in good:
            continue  # chance has put there what stood there
        bent = {"slips": [{"bytes": b64(bytes(data)), "signature": chance.choice(till.slips).signature}]}
        answer = await tablet.ask("slips", bent)
        assert answer.status == 200, answer.body
        assert len(answer.json()["refused"]) == 1
        body = bytearray(whole)
        body[chance.randrange(len(body))] = chance.randrange(256)
        assert (await tablet.client.ask("/till/api/slips", "POST", {"cookie": tablet.cookie}, bytes(body))).status in (
            200, 400, 409, 422)
    book = await firm.book()
    assert all(one.n <= 3 for one in book.tills[till.key].lives.values())
    assert (await tablet.ask("slips", sent(*till.slips))).json()["n"] == 3


async def test_a_till_that_was_let_go_learns_nothing_more_and_may_bring_what_it_has(firm):
    tablet = Tablet(firm, await firm.till())
    await tablet.open()
    await run(firm.node, "till-let-go", {"till": tablet.counter.key, "sheet": firm.sheet})
    told = (await tablet.ask("snapshot")).json()
    assert (told["state"], told["books"], told["items"], told["partners"]) == ("gone", [], [], [])
    has = (await tablet.ask("slips", sent(tablet.counter.sale(("V15", "1"))))).json()
    assert [one["why"] for one in has["doubted"]] == ["let-go"]


async def test_for_what_a_thief_signs_with_a_till_that_was_let_go_nobody_vouches(firm):
    stolen, other = Tablet(firm, await firm.till()), Tablet(firm, await firm.till(2))
    await stolen.open()
    await other.open()
    before, after = stolen.counter.sale(("V15", "1")), stolen.counter.sale(("V15", "1"))
    await stolen.ask("slips", sent(before))
    assert not any(one.get("gone") for one in (await other.ask("snapshot")).json()["tills"])
    await run(firm.node, "till-let-go", {"till": stolen.counter.key, "sheet": firm.sheet})
    await stolen.ask("slips", sent(after))
    tills = {one["key"]: one.get("gone", False) for one in (await other.ask("snapshot")).json()["tills"]}
    assert tills == {stolen.counter.key: True, other.counter.key: False}, "so the till asks the node"
    assert (await other.ask(f"slip?hash={before.slip.hash}")).status == 200, "the control: what was sold can come back"
    assert (await other.ask(f"slip?hash={after.slip.hash}")).status == 404


async def test_every_answer_bears_our_time_by_which_a_till_tells_that_its_own_is_wrong(firm):
    tablet = Tablet(firm, await firm.till())
    await tablet.open()
    for answer in (await tablet.ask("snapshot"), await tablet.ask("slips", sent(tablet.counter.sale(("V15", "1"))))):
        told = parsedate_to_datetime(answer.headers["date"]).timestamp() * 1000
        assert 0 <= firm.node.clock.now_ms() - told < 60_000
