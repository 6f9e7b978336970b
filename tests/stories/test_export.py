"""A firm takes everything with it while its node is at work, or dies in the middle of it: whole or not at all."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile

import pytest

from tests.stories.firms import Firm, eventually
from weft.basis.canonical import unb64
from weft.engine.export import MANIFEST, SIGNATURE, signed_bytes
from weft.identity.keys import verify
from weft.launch import Home

pytestmark = pytest.mark.story
OUT = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("firms")
    maker, buyer = Firm(folder / "maker", "Jinggong"), Firm(folder / "buyer", "Corner Shop", reachable=False)
    try:
        maker.up(), buyer.up()
        buyer.weft("peer", "add", maker.weft("peer", "invite", "--note", "the shop")["facts"]["link"])
        eventually(lambda: [one["state"] for one in buyer.weft("peer", "list")] == ["open"], "partners")
        yield maker, buyer
    finally:
        told = [firm.stop() for firm in (maker, buyer)]
    assert told == ["", ""], "a node that is well says nothing on stderr"


class Writing:
    """A thread that asks for quotations without a pause, over the node's API."""

    def __init__(self, firm: Firm) -> None:
        self.firm, self.threads, self._over = firm, [], threading.Event()
        self.token = Home(firm.home).owner_token.read_text(encoding="utf-8").strip()
        self._thread = threading.Thread(target=self._run)

    def ask(self) -> str:
        body = {"supplier": "Jinggong", "lines": [{"item": "SHAFT-20", "quantity": "60"}]}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.firm.port}/api/weft/v1/commands/request-quotation", json.dumps(body).encode(),
            {"authorization": f"Bearer {self.token}", "content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["thread"]

    def _run(self) -> None:
        while not self._over.is_set():
            self.threads.append(self.ask())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_wrong):
        self._over.set()
        self._thread.join()


def exporting(firm: Firm, target) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "weft", "export", str(firm.home), "--to", str(target), "--json"],
                            env={**os.environ, "WEFT_LANG": "en"}, **OUT)


def saved(writing: Writing) -> bytes:
    """The export as a person saves it in the console."""
    base = f"http://127.0.0.1:{writing.firm.port}"
    request = urllib.request.Request(f"{base}/data/export", b"", {
        "cookie": f"weft_device={writing.token}", "origin": base, "content-type": "application/x-www-form-urlencoded"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def checked(place) -> list[str]:
    """Every file is the one that the signed manifest names, and no other is there; the packs."""
    manifest = (place / MANIFEST).read_bytes()
    signed = json.loads((place / SIGNATURE).read_bytes())
    assert verify(signed["device"], signed_bytes(manifest), unb64(signed["signature"]))
    files = json.loads(manifest)["files"]
    found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert found == {*files, MANIFEST, SIGNATURE}
    for name, told in files.items():
        assert hashlib.sha256((place / name).read_bytes()).hexdigest() == told["sha256"], name
    return sorted(name for name in files if name.endswith(".weft-thread"))


def test_an_export_beside_a_node_that_writes_is_of_one_moment_and_proves_itself(two, tmp_path):
    _maker, buyer = two
    with Writing(buyer) as writing:
        eventually(lambda: len(writing.threads) > 5, "it writes")
        before = len(writing.threads)
        place = tmp_path / "all"
        process = exporting(buyer, place)
        _, wrong = process.communicate(timeout=100)
        assert process.returncode == 0, wrong
        after = len(writing.threads)
        with zipfile.ZipFile(io.BytesIO(saved(writing))) as archive:
            assert archive.testzip() is None
            assert set(json.loads(archive.read(MANIFEST))["files"]) == set(archive.namelist()) - {MANIFEST, SIGNATURE}
    assert after > before + 3, "control: it was writing all the while"
    packs = checked(place)
    orders = [name for name in packs if "/order/" in name]
    assert before <= len(orders) <= after
    exported = {name.rpartition("/")[2].partition(".")[0] for name in orders}
    assert exported == set(writing.threads[:len(orders)]), "what is in it was said before what is not"
    assert buyer.weft("log", "verify", str(place / orders[0]), "--json", home=False)["sound"]
    verified = subprocess.run([sys.executable, "-c", VERIFY, str(place)], capture_output=True, text=True, timeout=100,
                              check=True)
    assert int(verified.stdout) == len(packs)


VERIFY = """
import pathlib, sys
from weft.cli.auditing import told
packs = [*pathlib.Path(sys.argv[1]).rglob("*.weft-thread")]
assert all(told(one.read_bytes())["sound"] for one in packs)
print(len(packs))
"""


def test_an_export_that_was_killed_leaves_nothing_that_looks_like_one_and_starts_anew(two, tmp_path):
    _maker, buyer = two
    with Writing(buyer) as writing:
        eventually(lambda: len(writing.threads) > 15, "there is something to be exported")
    place = tmp_path / "all"
    partial = tmp_path / "all.partial"
    middles = 0
    for files in (0, 12):
        process = exporting(buyer, place)
        while process.poll() is None and not (list(buyer.home.glob(".snapshot-*")) if not files
                                              else sum(one.is_file() for one in partial.rglob("*")) >= files):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        assert not place.exists()
        assert not (partial / MANIFEST).exists()
        middles += process.returncode == -signal.SIGKILL
        assert list(buyer.home.glob(".snapshot-*")), "control: who is killed cleans nothing up"
    assert middles == 2, "control: it was killed in the middle each time"
    process = exporting(buyer, place)
    _, wrong = process.communicate(timeout=100)
    assert process.returncode == 0, wrong
    assert len(checked(place)) > 20
    assert not partial.exists()
    assert not list(buyer.home.glob(".snapshot-*"))
    (buyer.home / ".snapshot-left").mkdir()  # and a node that starts clears up what an export has left for good
    buyer.kill()
    buyer.up()
    assert not list(buyer.home.glob(".snapshot-*"))
