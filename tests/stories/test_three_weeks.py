"""The line is down for three weeks by the nodes' own clocks; both firms work on; then everything is one again."""

import http.client
import shutil
import subprocess
import sys
import time

import pytest

from tests.stories.almanac import DAY_MS
from tests.stories.firms import Firm, Line, eventually, free_port
from tests.stories.test_backup import history
from tests.stories.test_first_order import meet, to_order

pytestmark = pytest.mark.story
SKEW_MS = 5 * 3_600_000  # the buyer's clock is five hours fast


class Calendar:
    """Moves the clocks of both nodes."""

    def __init__(self, folder):
        self.files = {"maker": folder / "maker.ms", "buyer": folder / "buyer.ms"}
        self.days = 0
        self.pass_days(0)

    def pass_days(self, days):
        self.days += days
        for name, file in self.files.items():
            new = file.with_suffix(".new")
            new.write_text(str(self.days * DAY_MS + SKEW_MS * (name == "buyer")))
            new.replace(file)


@pytest.fixture
def far_apart(tmp_path):
    """A maker behind a line, a buyer that nobody can reach, and their calendar."""
    calendar = Calendar(tmp_path)
    maker = Firm(tmp_path / "maker", "Jinggong", url=f"http://127.0.0.1:{(near := free_port())}")
    buyer = Firm(tmp_path / "buyer", "Corner Shop", reachable=False)
    for firm, name in ((maker, "maker"), (buyer, "buyer")):
        firm.program = ("tests.stories.almanac", str(calendar.files[name]))
    line = Line(maker.port)
    line.near = near
    line.mend()
    try:
        yield maker.up(), buyer.up(), line, calendar
    finally:
        line.cut()
        told = [firm.stop() for firm in (maker, buyer)]
    assert told == ["", ""], "a node that is well says nothing on stderr"


def jobs(maker):
    return [one for queue in maker.weft("job", "list")["queues"] for one in queue["jobs"]]


def confirmed(maker, buyer):
    """An order of 80 that both hold as confirmed, and its job."""
    thread = to_order(maker, buyer)
    eventually(lambda: buyer.order(thread)["phase"] == "confirmed", "confirmed")
    return thread, eventually(lambda: jobs(maker), "a job")[0]["id"]


def paired(firm):
    """A telephone of the firm: what it asks, and how it is answered."""
    code = firm.weft("device", "add")["facts"]["code"]
    cookie = ""

    def ask(method, path, body=""):
        line = http.client.HTTPConnection("127.0.0.1", firm.port, timeout=20)
        line.request(method, path, body, {"cookie": cookie, "content-type": "application/x-www-form-urlencoded"})
        answer = line.getresponse()
        answer.read()
        line.close()
        return answer

    cookie = ask("POST", "/pair", f"code={code}&name=Wang").headers["set-cookie"].partition(";")[0]
    return ask


def test_three_weeks_without_a_line_a_stick_taken_in_by_halves_and_all_is_one_again(far_apart, tmp_path):
    maker, buyer, line, calendar = far_apart
    meet(maker, buyer)
    thread, job = confirmed(maker, buyer)
    eventually(lambda: history(maker) == history(buyer), "level before the line goes")

    phone, sheet = paired(buyer), tmp_path / "sheet.txt"
    shutil.copy(buyer.home / "recovery-sheet.txt", sheet)
    line.cut()
    maker.weft("job", "start", job, "--operator", "Li")
    calendar.pass_days(3)
    maker.weft("job", "count", job, "40")
    buyer.weft("order", "change", thread, "1=70", "--note", "ten fewer")  # what nobody at the maker's can know
    second = buyer.weft("order", "request", "Jinggong", "SHAFT-20=10")["thread"]
    calendar.pass_days(7)
    maker.weft("job", "end", job, "--good", "80")
    eventually(lambda: "DespatchAdvice" in maker.order(thread)["may"], "made")
    maker.weft("order", "send", thread, "1=50")
    calendar.pass_days(5)
    assert phone("GET", "/orders").status == 200, "the control: the phone is let in"
    buyer.weft("device", "revoke", "Wang")  # left in a taxi
    assert phone("GET", "/orders").status in {303, 401}
    buyer.weft("key", "rotate", "--sheet", str(sheet))  # the sheet lay beside it: new keys, and nobody can be told
    buyer.weft("order", "cancel", thread, "--reason", "we heard nothing for two weeks")  # crosses the despatch
    assert history(maker)[thread] != history(buyer)[thread], "the control: they do differ"
    assert not maker.knows(second)

    stick = tmp_path / "stick.weft"
    buyer.weft("bundle", "export", str(stick), "--for", "Jinggong")
    half = tmp_path / "half.weft"
    half.write_bytes(stick.read_bytes()[: stick.stat().st_size // 2])
    assert maker.attempt("bundle", "import", str(half)).returncode == 2  # the stick was pulled out
    torn = subprocess.Popen([sys.executable, "-m", "weft", "bundle", "import", str(stick), "--home", str(maker.home)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.45)  # the node dies somewhere in the middle of it, or before, or after
    maker.kill()
    torn.wait(60)
    maker.up()
    first, again = (maker.weft("bundle", "import", str(stick)) for _ in range(2))
    assert (again["new"], again["refused"]) == (0, 0)
    assert first["refused"] == 0
    assert maker.knows(second), "the request came by hand"
    maker.weft("order", "quote", second)
    calendar.pass_days(6)
    assert calendar.days == 21

    line.mend()
    eventually(lambda: history(maker) == history(buyer), "both hold the same")
    goods = buyer.order(thread)
    assert goods["phase"] == maker.order(thread)["phase"]
    for firm in (maker, buyer):
        health = firm.weft("view", "health")
        assert (health["forks"], health["stopped"], health["troubles"]) == (0, {}, [])
        firm.stop()
        assert firm.weft("log", "verify", str(firm.home), "--json", home=False)["faults"] == []
