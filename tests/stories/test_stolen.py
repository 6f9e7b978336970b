"""A home is copied and its thief orders; the owner recovers with the sheet, and the order counts nowhere. Real nodes.

Control: until then the thief's order stands, at the partner's as at the owner's.
"""

import json
import shutil
import subprocess
import sys
import urllib.request

import pytest

from tests.stories.firms import Firm, eventually, free_port

GONE = "event.revoked-device"


@pytest.fixture
def firms(tmp_path):
    shop, factory = Firm(tmp_path / "shop", "Shop").up(), Firm(tmp_path / "factory", "Factory").up()
    link = factory.weft("peer", "invite")["facts"]["link"]
    shop.weft("peer", "add", link)
    yield shop, factory
    for one in (shop, factory):
        one.stop()


class Thief(Firm):
    """Whoever has a copy of a home."""

    def __init__(self, of, folder):
        self.home, self.name, self.port, self.process = folder, of.name, free_port(), None
        shutil.copytree(of.home, folder)


def asked(firm):
    """A request for quotation to the factory; its thread."""
    return firm.weft("order", "request", "Factory", "BV-15=500")["thread"]


def void(firm, thread):
    request = urllib.request.Request(f"http://127.0.0.1:{firm.port}/api/weft/v1/threads/{thread}", headers={
        "Authorization": "Bearer " + (firm.home / "keys" / "owner.token").read_text().strip()})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return set(json.loads(answer.read())["void"].values())


@pytest.mark.release
def test_a_thief_with_a_copy_of_the_home_is_shut_out_by_the_sheet_and_the_firm_trades_on(firms, tmp_path):
    shop, factory = firms
    sheet = tmp_path / "print.txt"
    shutil.copy(shop.home / "recovery-sheet.txt", sheet)
    mine = asked(shop)
    eventually(lambda: factory.knows(mine), "the shop's own request arrives")
    shop.stop()
    thief = Thief(shop, tmp_path / "thief").up()
    stolen = asked(thief)
    eventually(lambda: factory.knows(stolen), "the thief's request arrives")
    thief.stop()
    assert void(factory, stolen) == set(), "control: without a recovery it stands"
    token = (shop.home / "keys" / "owner.token").read_text()
    done = json.loads(subprocess.run(
        [sys.executable, "-m", "weft", "key", "recover", str(shop.home), "--sheet", str(sheet), "--json"],
        capture_output=True, text=True, timeout=60, check=True).stdout)
    assert done["chains"] >= 2
    assert (shop.home / "keys" / "owner.token").read_text() != token
    assert (shop.home / "recovery-sheet.txt").read_text() != sheet.read_text()
    shop.up()
    eventually(lambda: void(factory, stolen) == {GONE}, "the partner learns of it")
    eventually(lambda: shop.knows(stolen) and void(shop, stolen) == {GONE}, "and the shop sees it too")
    assert void(factory, mine) == set(), "what the shop itself had said stays"
    told = page(factory, f"/orders/{stolen}")
    assert "It was signed with a device that its firm has withdrawn." in told
    again = asked(shop)
    eventually(lambda: factory.knows(again), "the firm trades on")
    thief.up()
    late = asked(thief)
    assert not factory.knows(late), "and nobody listens to the thief"
    thief.stop()
    shop.stop()
    factory.stop()
    for firm in firms:
        assert firm.weft("log", "verify", str(firm.home), "--json", home=False)["faults"] == []


def page(firm, path):
    request = urllib.request.Request(f"http://127.0.0.1:{firm.port}{path}", headers={
        "Authorization": "Bearer " + (firm.home / "keys" / "owner.token").read_text().strip(), "Accept-Language": "en"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()
