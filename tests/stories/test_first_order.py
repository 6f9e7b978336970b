"""A newcomer's first order by command line alone, as the tutorial tells it, with and without power cuts."""

from pathlib import Path

import pytest

from tests.stories.firms import Firm, eventually

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "first-order"
TABLES = ("items", "calendars", "work-centres", "bills", "routings", "supply-rules", "stock", "prices")

pytestmark = pytest.mark.story


@pytest.fixture
def two(tmp_path):
    """A maker and a buyer; the buyer cannot be reached from outside, as most offices cannot."""
    maker, buyer = Firm(tmp_path / "maker", "Jinggong"), Firm(tmp_path / "buyer", "Corner Shop", reachable=False)
    try:
        yield maker.up(), buyer.up()
    finally:
        told = [firm.stop() for firm in (maker, buyer)]
    assert told == ["", ""], "a node that is well says nothing on stderr"


def meet(maker: Firm, buyer: Firm) -> None:
    for table in TABLES:
        maker.weft("item", "import", str(EXAMPLE / f"{table}.csv"))
    link = maker.weft("peer", "invite", "--note", "the shop")["facts"]["link"]
    buyer.weft("peer", "add", link)
    eventually(lambda: [one["state"] for one in buyer.weft("peer", "list")] == ["open"], "partners")


def to_order(maker: Firm, buyer: Firm, after=lambda: None) -> str:
    """Ask, quote, counter, quote again, order, accept; ``after`` is called after each step."""
    thread = buyer.weft("order", "request", "Jinggong", "SHAFT-20=60")["thread"]
    after()
    eventually(lambda: maker.knows(thread), "the request arrived")
    maker.weft("order", "quote", thread)
    after()
    eventually(lambda: "CounterOffer" in buyer.order(thread)["may"], "the quotation arrived")
    assert buyer.order(thread)["gross"] == "1166.16"  # 60 × 17.20 with 13 % tax
    buyer.weft("order", "counter", thread, "1=80")
    after()
    eventually(lambda: maker.order(thread)["phase"] == "countered", "the counter-offer arrived")
    maker.weft("order", "quote", thread)
    after()
    eventually(lambda: buyer.order(thread)["gross"] == "1554.88", "the second quotation arrived")
    buyer.weft("order", "place", thread)
    after()
    eventually(lambda: maker.order(thread)["may"] == ["OrderResponse"], "the order arrived")
    maker.weft("order", "accept", thread)
    after()
    return thread


def to_settled(maker: Firm, buyer: Firm, thread: str, after=lambda: None) -> None:
    """Make, send, receive, bill, pay."""
    jobs = eventually(lambda: [one for queue in maker.weft("job", "list")["queues"] for one in queue["jobs"]], "a job")
    assert [job["quantity"] for job in jobs] == ["80"]
    maker.weft("job", "start", jobs[0]["id"], "--operator", "Li")
    after()
    maker.weft("job", "count", jobs[0]["id"], "40")
    maker.weft("job", "end", jobs[0]["id"], "--good", "80")
    after()
    eventually(lambda: "DespatchAdvice" in maker.order(thread)["may"], "made")
    maker.weft("order", "send", thread)
    after()
    eventually(lambda: buyer.order(thread)["to_receive"], "the despatch arrived")
    buyer.weft("order", "receive", thread)
    after()
    eventually(lambda: maker.order(thread)["phase"] == "closed", "the receipt arrived")
    maker.weft("billing", "invoice", thread)
    after()
    eventually(lambda: owed(buyer) == "1554.88", "the bill arrived")
    assert "news-Invoice" in [one["kind"] for one in buyer.weft("view", "today")["arrived"]]
    buyer.weft("billing", "remit", "Jinggong")
    after()
    eventually(lambda: maker.weft("billing", "show", "Corner Shop")["remittances"], "the payment was announced")
    maker.weft("billing", "paid", "Corner Shop")
    after()
    eventually(lambda: owed(buyer) in {"", "0", "0.00"}, "settled")


def owed(buyer: Firm) -> str:
    return str(buyer.weft("peer", "list")[0]["owed_by_us"])


def same_on_both_sides(maker: Firm, buyer: Firm, thread: str) -> None:
    def side(firm: Firm):
        told = firm.weft("view", f"threads/{thread}")
        return told["heads"], told["state_hash"], told["void"]

    eventually(lambda: side(maker) == side(buyer), "both sides hold the same")
    documents = [one["kind"] for one in buyer.order(thread)["documents"] if one["kind"] != "ProgressNotice"]
    assert documents == ["RequestForQuotation", "Quotation", "CounterOffer", "Quotation", "Order", "OrderResponse",
                         "DespatchAdvice", "ReceiptAdvice"]
    shaft = next(one for one in maker.weft("item", "list") if one["id"] == "SHAFT-20")
    assert (shaft["on_hand"], shaft["reserved"]) == ("0", "0")
    bar = next(one for one in maker.weft("item", "list") if one["id"] == "ST-304")
    assert bar["on_hand"] == "160"


def test_two_firms_come_from_nothing_to_a_settled_order(two):
    maker, buyer = two
    meet(maker, buyer)
    thread = to_order(maker, buyer)
    to_settled(maker, buyer, thread)
    same_on_both_sides(maker, buyer, thread)
    for firm in two:
        firm.stop()
        assert firm.weft("log", "verify", str(firm.home), "--json", home=False)["faults"] == []


@pytest.mark.release  # every day the demo is told with kills after every step
def test_a_power_cut_after_any_step_changes_nothing(tmp_path):
    maker, buyer = Firm(tmp_path / "maker", "Jinggong"), Firm(tmp_path / "buyer", "Corner Shop", reachable=False)
    cut = 0

    def power_cut():
        """Now this one, now that one, now both."""
        nonlocal cut
        cut += 1
        for firm in ((maker,), (buyer,), (maker, buyer))[cut % 3]:
            firm.kill()
            firm.up()

    try:
        maker.up()
        buyer.up()
        meet(maker, buyer)
        thread = to_order(maker, buyer, power_cut)
        to_settled(maker, buyer, thread, power_cut)
        same_on_both_sides(maker, buyer, thread)
        assert cut > 10
    finally:
        maker.stop()
        buyer.stop()


def test_a_table_with_faults_names_row_and_column_and_changes_nothing(two, tmp_path):
    maker, _ = two
    table = tmp_path / "items.csv"
    table.write_text("item,en,unit\nA-1,Good,C62\nA-2,Odd unit,stone\nA-1,Twice,C62\n", encoding="utf-8")
    refused = maker.attempt("item", "import", str(table))
    assert refused.returncode == 2
    assert '"row": 3' in refused.stdout
    assert '"row": 4' in refused.stdout
    assert maker.weft("item", "list") == []
