"""The second verifier, in Go: it sees all vectors as the node does, and a real history too, whatever is done to it."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.dealing import dealt
from tests.engine.test_erasure import YEAR_MS, closed_deal, erased_everywhere
from tests.engine.test_packs import nothing
from tests.engine.world import quiet, until
from tests.thread.firms import LIFE
from tests.vectors.packs import Keys
from weft.engine import erasure, retention
from weft.engine.packs import pack
from weft.identity import keylog
from weft.thread.audit import audit

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"


@pytest.fixture(scope="module")
def verifier(tmp_path_factory):
    go = shutil.which("go")
    if go is None:
        pytest.skip("NO GO: the second verifier of examples/verify was not run")
    program = tmp_path_factory.mktemp("verify") / "verify"
    alone = os.environ | {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    if "HOME" not in alone:
        alone["GOCACHE"] = str(program.parent / "cache")
    built = subprocess.run([go, "build", "-o", str(program), "."], cwd=ROOT / "examples" / "verify", env=alone,
                           capture_output=True, text=True, check=False, timeout=300)
    assert built.returncode == 0, built.stderr

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, check=False,
                              timeout=120)

    return run


def test_it_sees_every_vector_as_it_is_meant(verifier):
    done = verifier("vectors", VECTORS)
    assert done.returncode == 0, done.stdout
    assert "0 seen otherwise" in done.stdout
    assert int(done.stdout.split()[0]) > 600


def test_the_control_a_vector_that_says_the_opposite_is_seen(verifier, tmp_path):
    for file in VECTORS.glob("*.json"):
        turned = json.loads(file.read_text(encoding="utf-8"), object_hook=opposite)
        (tmp_path / file.name).write_text(json.dumps(turned), encoding="utf-8")
    done = verifier("vectors", tmp_path)
    assert done.returncode == 1
    ran, otherwise = (int(word) for word in done.stdout.splitlines()[-1].split() if word.isdigit())
    assert ran == otherwise


def opposite(case):
    """``case`` with what it expects turned round."""
    for name in ("accept", "sound"):
        if name in case:
            case[name] = not case[name]
    for name in ("id", "commitment", "hash"):
        if name in case and "by" not in case:
            case[name] = "A" * 43
    if "step" in case:
        case["step"] = 11
    return case


@pytest.fixture(scope="module")
def history():
    """A pack of a deal between two real nodes."""
    import asyncio

    async def made() -> bytes:
        async with dealt() as (shop, _, thread):
            return await pack(shop.store, thread, nothing)

    return asyncio.run(made())


def test_a_real_history_is_sound_to_both(verifier, history, tmp_path):
    file = tmp_path / "order.jsonl"
    file.write_bytes(history)
    done = verifier(file)
    assert done.returncode == 0, done.stdout
    assert f"{len(audit(history).events)} events" in done.stdout
    file.write_bytes(history.replace(b'"904.00', b'"804.00', 1))
    assert verifier(file).returncode == 1


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """Packs of a deal that was closed: (after its contents were erased, after it was pruned)."""
    import asyncio

    async def made() -> tuple[bytes, bytes]:
        async with closed_deal(tmp_path_factory.mktemp("closed")) as (shop, factory, thread, clock):
            await erasure.request(shop, thread, (), "subject-request")
            await until(lambda: erased_everywhere(shop, factory, thread))
            await quiet(shop, factory)
            bare = await pack(shop.store, thread, nothing)
            clock.ms += YEAR_MS
            await retention.prune(shop, thread)
            await quiet(shop, factory)
            return bare, await pack(shop.store, thread, nothing)

    return asyncio.run(made())


def test_what_is_erased_or_pruned_is_sound_to_both_and_not_without_its_closing(verifier, pruned, tmp_path):
    file = tmp_path / "order.jsonl"
    for data in pruned:
        file.write_bytes(data)
        done, found = verifier(file), audit(data)
        assert done.returncode == 0, done.stdout
        assert found.sound
        assert found.withheld > 0
        assert f" {found.withheld} contents withheld, {found.gone} events gone" in done.stdout
    first, *lines = pruned[1].splitlines(keepends=True)
    assert found.gone > 3
    for word in (b"CloseProposed", b"CloseAccepted", b"ThreadClosed"):
        left = [line for line in lines if word not in line]
        assert len(left) == len(lines) - 1
        count = b'"events":%d' % found.manifest.events
        fewer = b"".join([first.replace(count, b'"events":%d' % (found.manifest.events - 1)), *left])
        file.write_bytes(fewer)
        assert min(one.step for one in audit(fewer).faults) == 7
        assert "chains" in verifier(file).stdout.splitlines()[-2]


@pytest.mark.parametrize("seed", [11, 12])
def test_both_find_the_same_fault_wherever_a_byte_is_changed(verifier, history, pruned, seed, tmp_path):
    source = random.Random(seed)
    text = (history if seed == 11 else pruned[1]).decode()
    cases = []
    for place in source.sample(range(len(text)), 300):
        other = source.choice([chr(ord(text[place]) ^ 1), "A", "0", '"', "\\", "é", "", text[place] * 2])
        changed = text[:place] + other + text[place + 1:]
        faults = audit(changed.encode()).faults
        step = min((one.step for one in faults), default=0)
        cases.append({"name": f"{place}: {other!r}", "lines": changed.split("\n"), "step": step})
    assert {case["step"] for case in cases} >= {1, 2, 3, 6}
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"base": [], "cases": cases}), encoding="utf-8")
    done = verifier("cases", file)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(("events", "places", "sound"), [
    (1_000, 0, True), (1_001, 0, False), (20, 10_000, True), (23, 10_001, False)])
def test_neither_takes_a_key_log_that_is_longer_than_any_may_be(verifier, tmp_path, events, places, sound):
    keys = Keys()
    device, log = keys.firm.device.public, list(keys.firm.log)
    hidden = [keylog.hidden_place(keys.story.thread, device, LIFE, 9)] * places
    while len(log) < events:
        said = keylog.DeviceRevocation(device=device, hidden=hidden, adds=True)
        log.append(keys.more(said, log[-1].id, n=len(log), p=log[-1].id))
    if places:
        log.append(keys.more(keylog.DeviceRevocation(device=device, adds=True), log[-1].id, n=len(log), p=log[-1].id))
    data = keys.pack(log=log)
    (tmp_path / "pack.jsonl").write_bytes(data)
    assert audit(data).sound is sound
    assert (verifier(tmp_path / "pack.jsonl").returncode == 0) is sound
