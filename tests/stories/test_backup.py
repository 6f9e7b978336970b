"""A firm's machine burns down; the backup is old. Real nodes: what it had said comes back, and trade goes on."""

import shutil

import pytest

from tests.stories.firms import Firm, eventually
from tests.stories.test_first_order import meet, same_on_both_sides, to_order, to_settled

pytestmark = pytest.mark.story


@pytest.fixture
def two(tmp_path):
    """A maker, and a buyer that cannot be reached from outside."""
    maker, buyer = Firm(tmp_path / "maker", "Jinggong"), Firm(tmp_path / "buyer", "Corner Shop", reachable=False)
    try:
        yield maker.up(), buyer.up()
    finally:
        told = [firm.stop() for firm in (maker, buyer)]
    assert told == ["", ""], "a node that is well says nothing on stderr"


def history(firm: Firm):
    told = {thread["thread"]: firm.weft("view", f"threads/{thread['thread']}") for thread in
            firm.weft("view", "threads")["threads"]}
    return {name: (sorted(one["heads"]), one["state_hash"], one["void"]) for name, one in told.items()}


def level(maker: Firm, buyer: Firm) -> None:
    eventually(lambda: history(maker) == history(buyer), "both hold the same")


def unheard(firm: Firm):
    return firm.weft("view", "health")["unheard"]


def backup(firm: Firm, file) -> None:
    firm.weft("backup", str(firm.home), str(file), "--json", home=False)


def burn_down(firm: Firm, file) -> None:
    """The machine is gone; a new one is set up from the backup."""
    firm.kill()
    shutil.rmtree(firm.home)
    done = firm.weft("restore", str(file), str(firm.home), "--json", home=False)
    assert len(done["unheard"]) == 1


@pytest.mark.parametrize("who", [pytest.param("maker", marks=pytest.mark.release), "buyer"])
def test_a_node_restored_from_an_old_backup_gets_back_what_it_said_and_goes_on(two, tmp_path, who):
    maker, buyer = two
    loser, keeper = (maker, buyer) if who == "maker" else (buyer, maker)
    file = tmp_path / "backup.zip"
    meet(maker, buyer)
    steps = []

    def after_the_second_step():
        steps.append(len(steps))
        if len(steps) == 2:  # 60 are quoted, 80 will be ordered; the node runs
            backup(loser, file)

    thread = to_order(maker, buyer, after_the_second_step)
    eventually(lambda: [job for queue in maker.weft("job", "list")["queues"] for job in queue["jobs"]], "a job")
    level(maker, buyer)
    before = history(keeper)
    keeper.stop()
    burn_down(loser, file)
    loser.up()
    assert loser.order(thread)["phase"] not in {"ordered", "confirmed"}, "the control: the backup is old"
    assert unheard(loser) == ["Jinggong" if who == "buyer" else "Corner Shop"]
    assert next(task["kind"] for task in loser.weft("view", "today")["answer"]) == "restored"
    refused = loser.attempt("order", "decline", thread) if who == "maker" else loser.attempt(
        "order", "request", "Jinggong", "SHAFT-20=1")
    assert "restored.waiting" in refused.stderr
    keeper.up()
    eventually(lambda: not unheard(loser), "heard")
    level(maker, buyer)
    assert history(loser).keys() == before.keys()
    assert loser.order(thread)["phase"] == "confirmed"
    to_settled(maker, buyer, thread)
    same_on_both_sides(maker, buyer, thread)
    for firm in two:
        health = firm.weft("view", "health")
        assert (health["forks"], health["stopped"]) == (0, {})
        assert {one["code"] for one in health["troubles"]} <= ({"stock.item-unknown"} if firm is buyer else set())
        firm.stop()
        assert firm.weft("log", "verify", str(firm.home), "--json", home=False)["faults"] == []


def test_control_a_database_put_back_by_hand_forks_honest_history(two, tmp_path):
    maker, buyer = two
    meet(maker, buyer)
    thread = buyer.weft("order", "request", "Jinggong", "SHAFT-20=60")["thread"]
    eventually(lambda: maker.knows(thread), "the request arrived")
    maker.weft("order", "quote", thread)
    eventually(lambda: "CounterOffer" in buyer.order(thread)["may"], "the quotation arrived")
    buyer.stop()
    shutil.copytree(buyer.home, tmp_path / "copy")
    buyer.up()
    buyer.weft("order", "counter", thread, "1=80")
    eventually(lambda: maker.order(thread)["phase"] == "countered", "the counter-offer arrived")
    level(maker, buyer)
    buyer.kill()
    shutil.rmtree(buyer.home)
    shutil.move(tmp_path / "copy", buyer.home)
    buyer.up()
    buyer.attempt("order", "place", thread)
    eventually(lambda: maker.weft("view", "health")["forks"], "the maker holds proof of a fork")


def test_the_owner_goes_on_without_a_partner_that_is_gone(two, tmp_path):
    maker, buyer = two
    meet(maker, buyer)
    backup(buyer, tmp_path / "b.zip")
    maker.stop()
    burn_down(buyer, tmp_path / "b.zip")
    buyer.up()
    assert "restored.waiting" in buyer.attempt("order", "request", "Jinggong", "SHAFT-20=1").stderr
    buyer.weft("restore", "--go-on", "Jinggong", str(buyer.home), "--json", home=False)
    assert unheard(buyer) == []
    buyer.weft("order", "request", "Jinggong", "SHAFT-20=1")
