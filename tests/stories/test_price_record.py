"""Real nodes: a shop's price record is seen by its partners, survives the shop's machine, and shows who lies."""

import json
import shutil

import pytest

from tests.stories.firms import Firm, eventually
from tests.stories.test_mailbox import BOOK

pytestmark = pytest.mark.story


@pytest.fixture
def three(tmp_path, monkeypatch):
    """A seller and two buyers, one of which cannot be reached from outside."""
    monkeypatch.setenv("WEFT_PEERS_COMPARE_EVERY_S", "2")  # an hour
    firms = [Firm(tmp_path / "seller", "Seller"), Firm(tmp_path / "first", "First"),
             Firm(tmp_path / "second", "Second", reachable=False)]
    try:
        yield [firm.up() for firm in firms]
    finally:
        told = [firm.stop() for firm in firms]
    assert told == [""] * 3, "a node that is well says nothing on stderr"


def seen(firm: Firm, state: str = "seen"):
    found = firm.weft("price", "log")
    return found if found["state"] == state else None


def test_a_price_record_is_seen_and_comes_back_after_a_fire(three, tmp_path):
    seller, first, second = three
    book = tmp_path / "book.json"
    book.write_text(json.dumps(BOOK), encoding="utf-8")
    for buyer in (first, second):
        buyer.weft("peer", "add", seller.weft("peer", "invite")["facts"]["link"])
    eventually(lambda: [one["state"] for one in seller.weft("peer", "list")] == ["open", "open"], "all are partners")
    assert seller.weft("price", "log")["state"] == "none"
    seller.weft("backup", str(seller.home), str(tmp_path / "backup.zip"), "--json", home=False)
    seller.weft("price", "publish", str(book))
    told = eventually(lambda: seen(seller), "the first buyer has seen the record")
    assert [one["name"] for one in told["partners"] if one["newest"]] == ["First"]
    record = eventually(lambda: first.weft("price", "witnesses")["logs"], "the buyer shows it")[0]
    assert (record["name"], record["books"], record["forked"]) == ("Seller", 1, False)
    eventually(lambda: second.weft("price", "witnesses")["logs"], "so does who reads it from behind a closed door")

    # The machine burns down; the backup knows nothing of the record.
    seller.kill()
    shutil.rmtree(seller.home)
    seller.weft("restore", str(tmp_path / "backup.zip"), str(seller.home), "--json", home=False)
    seller.up()
    back = eventually(lambda: seen(seller), "it has come back from those that had seen it")
    assert back["size"] >= told["size"]
    for buyer in (first, second):
        assert not any(one["forked"] for one in buyer.weft("price", "witnesses")["logs"])
