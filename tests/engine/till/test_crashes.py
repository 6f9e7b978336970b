"""A till's slips count once and whole, whichever commit of its node was the last before the power went.

The story of a day at two tills is compared with the same day undisturbed: stock, sums, shortages, bills, events.
"""

import random
from collections import Counter as Tally
from functools import cache
from typing import Any

import pytest

from tests.engine import crash_world
from tests.engine.crash_world import Crashing, World
from tests.engine.till.selling import BOOK, ITEMS, STOCK
from tests.simulation.loop import run
from tests.simulation.network import Network
from tests.simulation.stores import MemoryDisk
from tests.till.counter import Counter
from weft.basis import instant
from weft.config import Rules
from weft.engine.effects import Reaction
from weft.engine.node import Node
from weft.engine.reactions import TABLE, selling
from weft.engine.till import intake, pairing
from weft.identity import sheet
from weft.pricing.book import shape
from weft.stock import levels
from weft.stock import messages as sm
from weft.till.slip import Signed, parse

SAMPLE = 8
EVENTS = ("stock", "till", "trace")


class Day(World):
    """A shop with two tills and a partner that buys on account; the shop may die after any commit."""

    def __post_init__(self) -> None:
        network = Network(self.luck, delay_s=0.002)
        for name, rules in (("shop", Rules(receive="auto")), ("factory", Rules())):
            firm = Crashing(name=name.title(), url=f"http://{name}", disk=MemoryDisk(""), network=network,
                            loop=self.loop, luck=random.Random(f"{name} 1"), table=TABLE, rules=rules)
            setattr(self, name, firm)

    @property
    def firms(self) -> tuple[Crashing, ...]:
        return self.shop, self.factory

    async def run(self) -> dict[str, Any]:
        peek = random.Random()
        peek.setstate(self.shop.luck.getstate())
        paper = "\n".join(sheet.rows(peek.randbytes(32)))
        for firm in self.firms:
            await firm.found()
            firm.start()
        await self._meet(self.shop, self.factory)
        for kind, text in (("items", ITEMS), ("stock", STOCK)):
            await self.do(self.shop, "import", kind=kind, content=crash_world.table(text))
        await self.do(self.shop, "publish-prices", book=BOOK)
        self.shop.commits[0] = 0
        self.shop.last = self.shop.line.last = self.deaths.get("Shop", ())
        one, other = [await self._let_in(seed, paper) for seed in (1, 2)]
        await self._sell(one, other)
        await self._quiet()
        since = instant.from_ms(self.shop.clock.now_ms())
        await self._send(other, other.sale(("TAPE", "5"), pay="account", partner=self.factory.organisation))
        await self._still_soon()
        await self.do(self.shop, "till-let-go", till=other.key, sheet=paper, reason="lost", since=since)
        await self._send(other, other.sale(("TAPE", "1")))
        await self._quiet()
        return await self._result(())

    async def _let_in(self, seed: int, paper: str) -> Counter:
        till = Counter(firm=self.shop.organisation, book=shape(BOOK), seed=seed, at_ms=self.shop.clock.now_ms())
        while True:
            asked = await self.insist(self.shop, lambda node: pairing.ask(node, till.key, f"Till {seed}", str(seed)))
            if asked.state == "open":
                return till
            try:
                await self.do(self.shop, "till-let-in", code=asked.code, sheet=paper)
            except crash_world.WeftError as error:  # it died, and forgot who waits: the till asks again
                assert error.code == "till.code"

    async def _send(self, till: Counter, *slips: Signed) -> None:
        self.steps.append((f"{till.seed} sends", {"Shop": self.shop.commits[0]}))
        sent = [intake.Sent(intake.written(one), one.signature) for one in slips]
        has = await self.insist(self.shop, lambda node: intake.receive(node, till.key, intake.Delivery(sent)))
        assert (has.n, has.refused) == (slips[-1].slip.n, [])

    async def _sell(self, one: Counter, other: Counter) -> None:
        sale = one.sale(("V15", "9"), ("TAPE", "2"))
        await self._send(one, sale, one.sale(("V15", "2"), pay="account", partner=self.factory.organisation))
        await self._send(other, other.sale(("V15", "4")), other.sale(("TAPE", "1"), unit_price="1.2"))
        await self._still_soon()
        await self._send(one, one.take_back(sale.slip, (1, "1")))
        await self.do(self.shop, "stock-receive", item="V15", quantity="1")
        await self._still_soon()
        await self._send(one, *one.slips, one.close(opening="50.00"))

    async def _still_soon(self) -> None:
        await self._quiet()

    async def _result(self, orders: tuple[str, ...]) -> dict[str, Any]:
        node = self.shop.node
        assert node is not None
        stock, book = await node.book_state("stock"), await node.book_state("till")
        kinds: Tally[str] = Tally()
        sold: dict[str, float] = {}
        for name in EVENTS:
            for logged in await node.log(node.book(name)):
                kinds[f"{name} {logged.kind}"] += 1
                if logged.kind == "SlipTaken":
                    for line in parse(logged.message.slip.encode()).lines:
                        sold[line.item] = sold.get(line.item, 0) + float(line.quantity)
        return {
            "troubles": await self.told(), "events": dict(kinds), "sold": sold,
            "here": {item: str(levels.on_hand(stock, item)) for item in stock.items},
            "days": sorted(repr(one) for one in book.days.values()),
            "short": sorted((one.item, one.missing) for one in book.short.values()),
            "closings": [(one.booked, one.expected) for one in book.closings],
            "doubts": sorted(one.why for one in book.doubts.values()),
            "exceptions": sum(book.exceptions.values()),
            "bills": [await self._thread(node, one) for node in (self.shop.node, self.factory.node) if node
                      for one in node.threads("relationship")],
        }


def told(last: tuple[int, ...] = ()) -> tuple[dict[str, Any], Day]:
    async def story(loop: Any, luck: random.Random) -> tuple[dict[str, Any], Day]:
        day = Day(loop, luck, {"Shop": last})
        return await day.run(), day

    return run(1, story)


@cache
def undisturbed() -> tuple[dict[str, Any], Day]:
    return told()


def check(*last: int) -> None:
    result, day = told(last)
    assert result == undisturbed()[0], f"after commits {last}"
    assert day.shop.crashes == len([one for one in last if one <= day.shop.commits[0]])


def test_undisturbed_the_day_adds_up():
    result, _ = undisturbed()
    assert result["troubles"] == ""
    assert result["doubts"] == ["let-go", "since"]
    assert result["closings"][0][0] == result["closings"][0][1]
    assert result["here"] == {"V15": "0", "TAPE": "97"}
    assert result["short"] == [("V15", "1")]  # 15 sold, 1 came back, 12 + 1 were there
    assert result["exceptions"] == 1


def test_a_crash_after_a_sampled_commit_changes_nothing():
    count = undisturbed()[1].shop.commits[0]
    for last in random.Random("tills").sample(range(1, count + 1), SAMPLE):
        check(last)


def test_several_crashes_change_nothing():
    chance = random.Random("several tills")
    count = undisturbed()[1].shop.commits[0]
    for _ in range(4):
        first = chance.randint(1, count * 3 // 4)
        check(first, first + chance.randint(1, 5), first + chance.randint(6, 30))


@pytest.mark.release
def test_a_crash_after_any_commit_changes_nothing():
    for last in range(1, undisturbed()[1].shop.commits[0] + 1):
        check(last)


async def _keyless(node: Node, cause: Any) -> None:
    """Takes goods out under a number of chance, as a hasty programmer would."""
    slip = parse(cause.message.slip.encode())
    if slip.kind != "sale":
        await selling.book_slip(node, cause)
        return
    for line in slip.lines:
        there = levels.on_hand(await node.book_state("stock"), line.item)
        if there >= selling.Decimal(line.quantity):
            await node.record("stock", sm.Issued(ref=node.random(8).hex(), item=line.item, quantity=line.quantity,
                                                 gone=True))


def test_control_a_booking_without_a_key_is_found_out(monkeypatch):
    row = ("till", "SlipTaken")
    table = {**TABLE, row: [Reaction("book-slip", _keyless) if one.name == "book-slip" else one for one in TABLE[row]]}
    monkeypatch.setattr(crash_world, "TABLE", table)
    calm, day = told()
    for last in range(1, day.shop.commits[0] + 1):
        try:
            result, _ = told((last,))
        except crash_world.Broken:
            return
        if result != calm:
            return
    raise AssertionError("nobody noticed")
