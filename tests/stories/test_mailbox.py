"""Two firms that nobody can reach trade through a third; it is killed, and they go on through a fourth.

Real processes, in network namespaces of their own where the machine allows: neither firm has a way to the other.
"""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.stories import closed_doors
from tests.stories.firms import Firm, eventually
from weft.basis.canonical import unb64

pytestmark = pytest.mark.story
QUICK = {"WEFT_PEERS_MAIL_AFTER_S": "1", "WEFT_PEERS_MAIL_CHECK_S": "0.5", "WEFT_PEERS_RETRY_S_MIN": "0.2",
         "WEFT_PEERS_RETRY_S_MAX": "1", "WEFT_PEERS_POLL_WAIT_S": "2",
         **{f"WEFT_RULES_{one}": "auto" for one in ("QUOTE", "ORDER", "DESPATCH", "RECEIVE")}}
ASKED = """
import http.client, sys
host, port, method, path, token = sys.argv[1:]
wire = http.client.HTTPConnection(host, int(port), timeout=30)
wire.request(method, path, sys.stdin.read() if method == "POST" else None,
             {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
answer = wire.getresponse()
said = answer.read().decode()
print(said if answer.status < 300 else "null")
"""
BOOK = {"id": "shafts", "name": "Shafts", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "SHAFT-20", "unit": "C62", "tiers": [{"from": "1", "price": "17.2"}]}],
        "valid_from": "2020-01-01T00:00:00Z"}


class Housed(Firm):
    """A firm whose node runs in a namespace; it is spoken to from inside."""

    def __init__(self, folder, name, house="", address="", *, reachable=False):
        self.house, self.address = house, address or "127.0.0.1"
        super().__init__(folder, name, reachable=False)
        if reachable:
            settings = self.home / "weft.toml"
            told = settings.read_text(encoding="utf-8")
            told = told.replace('url = ""', f'url = "http://{self.address}:{self.port}"')
            settings.write_text(told, encoding="utf-8")

    def attempt(self, *arguments, home=True):
        more = ["--home", str(self.home), "--json"] if home else []
        return subprocess.run([*closed_doors.inside(self.house), sys.executable, "-m", "weft", *arguments, *more],
                              capture_output=True, text=True, timeout=120, check=False, env=self._environ())

    def _environ(self):
        return {**os.environ, **QUICK, "WEFT_LANG": "en"}

    def up(self):
        self.process = subprocess.Popen(
            [*closed_doors.inside(self.house), sys.executable, "-m", "weft", "up", str(self.home), "--host",
             self.address, "--port", str(self.port), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environ())
        line = self.process.stdout.readline()
        assert line, f"{self.name} did not start: {self.process.stderr.read()}"
        assert json.loads(line)["ready"] is True
        return self

    def asked(self, method, path, body=None):
        """What its API answers, None where it refuses: asked from inside, by a process that costs little."""
        token = (self.home / "keys" / "owner.token").read_text(encoding="utf-8").strip()
        done = subprocess.run([*closed_doors.inside(self.house), sys.executable, "-S", "-c", ASKED, self.address,
                               str(self.port), method, f"/api/weft/v1{path}", token],
                              input=json.dumps(body), capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def do(self, command, **params):
        done = self.asked("POST", f"/commands/{command}", params)
        assert done is not None, f"{self.name} refused {command}"
        return done

    def view(self, path):
        found = self.asked("GET", f"/{path}")
        assert found is not None, f"{self.name} has no {path}"
        return found

    def order(self, thread):
        return self.view(f"order?thread={thread}")

    def knows(self, thread):
        return self.asked("GET", f"/order?thread={thread}") is not None


@pytest.fixture
def four(tmp_path):
    """(maker, buyer, kiln, dock): the firms with closed doors, and two that keep mail."""
    with ExitStack() as stack:
        houses, addresses = ["", "", ""], ["", ""]
        if closed_doors.available():
            town = stack.enter_context(closed_doors.Town())
            houses = [town.square, town.firm(1), town.firm(2)]
            addresses = ["10.78.0.1", "10.78.0.2"]
            for number in (1, 2):
                for address in addresses:
                    town.link(number, address)
        plans = (("maker", "Jinggong", houses[1], "", False), ("buyer", "Corner Shop", houses[2], "", False),
                 ("kiln", "Kiln", houses[0], addresses[0], True), ("dock", "Dock", houses[0], addresses[1], True))
        at_once = stack.enter_context(ThreadPoolExecutor())
        nodes = list(at_once.map(lambda plan: Housed(tmp_path / plan[0], *plan[1:4], reachable=plan[4]), plans))
        try:
            yield list(at_once.map(Housed.up, nodes))
        finally:
            told = list(at_once.map(Housed.stop, nodes))
        assert set(told) == {""}, "a node that is well says nothing on stderr"


def no_way_between(one, two) -> None:
    """Neither reaches the other's node: what the story rests on."""
    if one.house:
        asked = subprocess.run([*closed_doors.inside(one.house), sys.executable, "-c", (
            "import socket, sys\n"
            "for host in sys.argv[2:]:\n"
            "    try:\n"
            "        socket.create_connection((host, int(sys.argv[1])), 0.5)\n"
            "    except OSError:\n"
            "        continue\n"
            "    sys.exit(1)\n"), str(two.port), "127.0.0.1", "10.77.1.2", "10.77.2.2"],
            check=False, timeout=20)
        assert asked.returncode == 0


def use(firm, keeper) -> None:
    link = keeper.weft("mailbox", "offer", "--note", "a customer")["facts"]["link"]
    firm.weft("mailbox", "use", link)


def meet(maker, buyer) -> None:
    """By an invitation link alone: where mail for the maker may be left stands in it."""
    tables = {"items": "item,name,unit\nSHAFT-20,Canary shaft,C62\n", "stock": "item,quantity\nSHAFT-20,500\n"}
    for kind, text in tables.items():
        maker.do("import", kind=kind, content=base64.b64encode(text.encode()).decode())
    maker.do("publish-prices", book=BOOK)
    buyer.do("join", link=maker.do("invite")["facts"]["link"])
    eventually(lambda: [one["state"] for one in buyer.view("partners")["partners"]] == ["open"], "partners")


def ask(buyer, quantity) -> str:
    """The buyer has asked, and the quotation is there."""
    lines = [{"item": "SHAFT-20", "quantity": str(quantity)}]
    thread = buyer.do("request-quotation", supplier="Jinggong", lines=lines)["thread"]
    eventually(lambda: buyer.order(thread)["phase"] == "quoted", "the quotation arrived")
    return thread


def comes_to_its_end(maker, buyer, thread) -> None:
    eventually(lambda: maker.knows(thread) and maker.order(thread)["phase"] == "closed", "the receipt arrived")

    def side(firm):
        told = firm.view(f"threads/{thread}")
        return told["heads"], told["state_hash"], told["void"]

    eventually(lambda: side(maker) == side(buyer), "both sides hold the same")
    documents = [one["kind"] for one in buyer.order(thread)["documents"] if one["kind"] != "ProgressNotice"]
    assert documents == ["RequestForQuotation", "Quotation", "Order", "OrderResponse", "DespatchAdvice",
                         "ReceiptAdvice"]


def on_hand(firm) -> str:
    return next(one["on_hand"] for one in firm.view("stock")["items"] if one["id"] == "SHAFT-20")


def lying(keeper) -> int:
    """How many letters a keeper that runs says that it holds."""
    return sum(one["letters"] for one in keeper.view("mailbox")["places"])


def letters(keeper) -> int:
    """How many letters lie in the store of a keeper that does not run."""
    connection = sqlite3.connect(keeper.home / "weft.db")
    try:
        return connection.execute("SELECT count(*) FROM kept WHERE bucket = 'mailbox-letter'").fetchone()[0]
    finally:
        connection.close()


def told_of(words, folder) -> set[str]:
    """Which of ``words`` (or the bytes that they name) stand anywhere in the files of ``folder``."""
    content = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    forms = {word: [word.encode(), *([unb64(word, 32)] if len(word) == 43 else [])] for word in words}
    return {word for word, raw in forms.items() if any(one in content for one in raw)}


def test_two_firms_behind_closed_doors_trade_through_a_third_and_when_it_is_killed_through_a_fourth(four):
    maker, buyer, kiln, dock = four
    no_way_between(maker, buyer)
    for firm in (maker, buyer):
        use(firm, kiln)
        use(firm, dock)
    meet(maker, buyer)
    thread = ask(buyer, 60)
    firms = [one.view("partners")["partners"][0]["organisation"] for one in (maker, buyer)]
    maker.kill()
    before = lying(kiln)
    buyer.do("order", thread=thread)
    eventually(lambda: lying(kiln) > before, "the order lies at Kiln, and nobody is there to fetch it")
    kiln.kill()  # with the order in it
    assert letters(kiln) >= 1
    words = {thread, *firms, "Jinggong", "Corner Shop", "Canary shaft", "SHAFT-20", "RequestForQuotation"}
    assert told_of(words, kiln.home) == set()
    assert told_of(words, buyer.home) | told_of(words, maker.home) == words  # control: in plain words it is found
    maker.up()
    comes_to_its_end(maker, buyer, thread)
    assert on_hand(maker) == "440"
    assert on_hand(buyer) == "60"
    kiln.up()  # what had died with it comes back to life, and changes nothing
    eventually(lambda: not any(one["letters"] for one in kiln.view("mailbox")["places"]), "old letters go")
    assert on_hand(maker) == "440"
    for firm in four:
        firm.stop()
    for firm in (maker, buyer):
        assert firm.weft("log", "verify", str(firm.home), "--json", home=False)["faults"] == []
    assert told_of(words, dock.home) == set()


def left(firm):
    return firm.view("mailbox")["partners"][0]


@pytest.mark.release
def test_without_a_fourth_trade_stops_until_the_third_is_back_and_the_owner_is_told(four):
    """The control of the story above; and what a keeper had taken is still there after kill -9."""
    maker, buyer, kiln, _dock = four
    for firm in (maker, buyer):
        use(firm, kiln)
    meet(maker, buyer)
    thread = ask(buyer, 60)
    kiln.kill()
    buyer.do("order", thread=thread)
    told = eventually(lambda: left(buyer)["state"] == "stuck" and left(buyer), "the owner is told")
    assert (told["name"], told["named"], told["code"]) == ("Jinggong", ["Kiln"], "mailbox.unreachable")
    time.sleep(3)
    assert maker.order(thread)["phase"] == "quoted"
    kiln.up()
    comes_to_its_end(maker, buyer, thread)
