"""``weft log``: packs out of a home and back, and homes whose key logs hold what nobody expected."""

import json
import tracemalloc

import msgspec
import pytest

from tests.engine.test_key_logs import DEVICE, ROOT
from weft import cli, launch
from weft.basis.canonical import b64
from weft.engine import handle
from weft.engine.clock import SystemClock, system_random
from weft.engine.memory import Identity, Memory
from weft.engine.receive import key_log_of, take_key_event
from weft.identity.keylog import DeviceDelegation, KeyInception, commitment
from weft.identity.keys import Signer
from weft.stores.memory import MemoryStore
from weft.thread import audit
from weft.thread.event import compose, signed_bytes, unwire
from weft.thread.key_log import KeyLog


@pytest.fixture
def home(tmp_path):
    place = tmp_path / "home"
    launch.run(launch.init(place, "恒泰阀门", lang="en"))
    return place


def threads(home):
    async def all_of():
        store = launch.open_store(launch.Home(home), reading=True)
        try:
            return {row.machine: row.thread for row in await store.threads()}
        finally:
            await store.close()

    return launch.run(all_of())


def test_a_book_goes_into_a_pack_and_the_pack_is_sound(home, tmp_path, capsys):
    thread = threads(home)["stock/1"]
    file = tmp_path / "stock.jsonl"
    assert cli.run(["log", "export", thread[:8], str(file), "--home", str(home)]) == 0
    assert str(file) in capsys.readouterr().out
    assert cli.run(["log", "verify", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sound"]
    assert told["thread"] == thread
    assert [one["number"] for one in told["steps"]] == list(range(1, 12))
    assert told["state"]
    assert cli.run(["log", "verify", str(file)]) == 0
    assert "⟦" not in capsys.readouterr().out


def test_a_pack_that_was_changed_is_not_sound(home, tmp_path, capsys):
    file = tmp_path / "stock.jsonl"
    assert cli.run(["log", "export", threads(home)["stock/1"], str(file), "--home", str(home)]) == 0
    file.write_bytes(file.read_bytes().replace(b"BookOpened", b"BookClosed"))
    capsys.readouterr()
    assert cli.run(["log", "verify", str(file)]) == 1
    out = capsys.readouterr().out
    assert "⟦" not in out
    assert "[pack.other-thread]" in out or "[event.signature]" in out
    assert cli.run(["log", "verify", str(file), "--json"]) == 1
    assert not json.loads(capsys.readouterr().out)["sound"]


def test_what_is_no_pack_at_all_is_told(tmp_path, capsys):
    file = tmp_path / "holiday.jpg"
    file.write_bytes(bytes(range(256)))
    assert cli.run(["log", "verify", str(file)]) == 1
    assert "[pack.line]" in capsys.readouterr().out


def test_a_pack_that_cannot_be_written_or_found_is_refused(home, tmp_path, capsys):
    thread = threads(home)["stock/1"]
    assert cli.run(["log", "export", thread, str(tmp_path / "no" / "x"), "--home", str(home)]) == 2
    assert "[cli.pack-unwritten]" in capsys.readouterr().err
    assert cli.run(["log", "export", "nothing", str(tmp_path / "x"), "--home", str(home)]) == 2
    assert "[thread.unknown]" in capsys.readouterr().err
    assert not list(tmp_path.glob("x*"))


async def take_strange_key_events(home):
    """What a partner may sign into its key log, and this home then holds."""
    memory = Memory(Identity("", DEVICE, b64(bytes(8))), MemoryStore(), SystemClock(), system_random)
    partner = await handle.append_key_events(memory, ROOT, [
        KeyInception(keys=[ROOT.public], next=commitment([DEVICE.public]))])
    log = [unwire(one.encode()) for one in await key_log_of(memory, partner)]
    header = msgspec.json.decode(log[0].raw) | {"t": partner, "a": partner, "ks": log[0].id}
    header = {name: value for name, value in header.items() if name not in {"b", "g", "mem"}}
    for n, (kind, content) in enumerate((("KeyParty", b"{}"), ("DeviceDelegation", b'{"device":1}')), 1):
        one = compose(header | {"n": n, "p": log[-1].id, "y": kind}, [("*", content)], [bytes(32)])
        log.append(msgspec.structs.replace(one, signature=ROOT.sign(signed_bytes(one.id))))
    store = launch.open_store(launch.Home(home))
    try:
        ours = Memory(Identity("us", DEVICE, b64(bytes(8))), store, SystemClock(), system_random)
        for event in log:
            await take_key_event(ours, partner, event)
    finally:
        await store.close()


def test_a_key_event_that_nobody_knows_is_no_reason_to_fall_over(home, capsys):
    launch.run(take_strange_key_events(home))
    assert cli.run(["log", "verify", str(home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["faults"] == []


def test_a_file_of_nothing_but_ends_of_lines_is_read_no_further_than_the_first(tmp_path, capsys):
    file = tmp_path / "lines"
    file.write_bytes(b"\n" * 10_000_000)
    tracemalloc.start()
    assert cli.run(["log", "verify", str(file)]) == 1
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
    assert "[pack.line]" in capsys.readouterr().out


def test_a_file_that_no_memory_holds_is_refused_unread(tmp_path, capsys):
    file = tmp_path / "film"
    with file.open("wb") as made:
        made.truncate(50 * 1024**3)  # a hole: it takes no room
    assert cli.run(["log", "verify", str(file)]) == 2
    assert "[pack.too-large]" in capsys.readouterr().err


def test_a_key_log_is_read_once_however_many_forks_of_it_are_shown(monkeypatch):
    memory = Memory(Identity("", DEVICE, b64(bytes(8))), MemoryStore(), SystemClock(), system_random)

    async def log_of():
        firm = await handle.append_key_events(memory, ROOT, [
            KeyInception(keys=[ROOT.public], next=commitment([DEVICE.public])),
            *(DeviceDelegation(device=Signer(bytes([number]) * 32).public, scope="node") for number in range(1, 11))])
        return firm, [unwire(one.encode()) for one in await key_log_of(memory, firm)]

    firm, log = launch.run(log_of())
    header = {name: value for name, value in msgspec.json.decode(log[-1].raw).items() if name != "b"}
    pairs = {}
    for number in range(40):
        halves = [compose(header, [("*", bytes([48 + half]))], [bytes([number]) * 32]) for half in (0, 1)]
        pairs[number] = tuple(msgspec.structs.replace(one, signature=ROOT.sign(signed_bytes(one.id))) for one in halves)
    taken, take = [], KeyLog.take
    monkeypatch.setattr(KeyLog, "take", lambda self, event: (taken.append(event), take(self, event))[1])
    assert audit._branches(pairs, {firm: log}) == dict.fromkeys(pairs)  # all of them are forks
    assert len(taken) == len(log)
    unsigned = {0: (pairs[0][0], msgspec.structs.replace(pairs[0][1], signature=bytes(64)))}
    assert audit._branches(unsigned, {firm: log})[0].code == "event.signature"
    assert audit._branches({0: (pairs[0][0], pairs[0][0])}, {firm: log}) == {}  # one event twice is none


def test_a_path_with_nothing_at_it_is_told_as_such(tmp_path, capsys):
    assert cli.run(["log", "verify", str(tmp_path / "order.weft-thread")]) == 2
    assert capsys.readouterr().err.endswith("[cli.nothing-there]\n")
