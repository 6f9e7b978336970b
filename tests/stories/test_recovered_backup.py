"""A disk dies after a recovery, and the only backup is from before it: the firm still comes back. Real nodes.

The only partner has no address, so it calls, and calls in vain: it listens to the old key no more, nor can it say so.
Control: with the sheet of before, and before partners have shown what they know, nothing is done.
"""

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.stories.firms import Firm, eventually

ITEMS = Path(__file__).parents[2] / "examples" / "first-order" / "items.csv"


@pytest.fixture
def firms(tmp_path):
    shop, factory = Firm(tmp_path / "shop", "Shop").up(), Firm(tmp_path / "factory", "Factory", reachable=False).up()
    factory.weft("peer", "add", shop.weft("peer", "invite")["facts"]["link"])
    yield shop, factory
    for one in (shop, factory):
        one.stop()


def recover(home, sheet):
    return subprocess.run([sys.executable, "-m", "weft", "key", "recover", str(home), "--sheet", str(sheet), "--json"],
                          capture_output=True, text=True, timeout=60, check=False,
                          env={"WEFT_LANG": "en", "PATH": "/usr/bin:/bin"})


def today(firm):
    request = urllib.request.Request(f"http://127.0.0.1:{firm.port}/", headers={
        "Authorization": "Bearer " + (firm.home / "keys" / "owner.token").read_text().strip(), "Accept-Language": "en"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()


def asked(firm):
    return firm.weft("order", "request", "Factory", "BV-15=500")["thread"]


def test_a_firm_comes_back_from_a_backup_that_is_older_than_its_keys(firms, tmp_path):
    shop, factory = firms
    first, second, file = tmp_path / "first.txt", tmp_path / "second.txt", tmp_path / "b.zip"
    shutil.copy(shop.home / "recovery-sheet.txt", first)
    shop.weft("item", "import", str(ITEMS))
    before = asked(shop)
    eventually(lambda: factory.knows(before), "it arrives")
    shop.weft("backup", str(shop.home), str(file), "--json", home=False)
    shop.stop()
    assert recover(shop.home, first).returncode == 0
    shutil.copy(shop.home / "recovery-sheet.txt", second)
    shop.up()
    since = asked(shop)
    eventually(lambda: factory.knows(since), "the recovered machine is listened to")
    shop.stop()
    shutil.rmtree(shop.home)  # the disk dies

    shop.weft("restore", str(file), str(shop.home), "--json", home=False)
    assert "paper.other" in recover(shop.home, second).stderr
    shop.up()
    assert "set-address" in shop.attempt("doctor", str(shop.home), home=False).stdout
    assert "Your keys were renewed" not in today(shop)
    shop.weft("do", "set-address", "partner=Factory", f"url=http://127.0.0.1:{factory.port}")
    eventually(lambda: "Your keys were renewed, and this computer" in today(shop), "the partner shows the keys")
    assert "Go on without it" not in today(shop), "the partner has shown all it knows"
    told = shop.attempt("doctor", str(shop.home), home=False)
    assert "The keys of this firm were renewed" in told.stdout, told.stdout
    shop.weft("stock", "receive", "ST-304", "7")
    shop.stop()
    assert "paper.other" in recover(shop.home, first).stderr, "the old sheet is worth nothing"
    done = recover(shop.home, second)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["recovery_sheet"] == ""
    assert len(told["others"]) == 1, "the machine that died"
    assert not (shop.home / "recovery-sheet.txt").exists(), "the sheet stays good"
    shop.up()
    eventually(lambda: shop.knows(since), "what was said since the backup is back")
    eventually(lambda: "Your keys were renewed" not in today(shop), "and nothing waits any more")
    shop.weft("stock", "receive", "ST-304", "1")
    held = {one["id"]: one["on_hand"] for one in shop.weft("stock", "list")["items"]}
    assert held["ST-304"] == "8", "what the firm said to itself in between counts"
    again = asked(shop)
    eventually(lambda: factory.knows(again), "the firm trades on")
    for firm in firms:
        firm.stop()
        assert firm.weft("log", "verify", str(firm.home), "--json", home=False)["faults"] == []
