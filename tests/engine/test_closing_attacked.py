"""A partner's confirmations cost one look, a thief's word prunes nothing, and no half of a fork begins a log."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from weft.basis import canonical
from weft.basis.canonical import b64
from weft.engine import closed, retention
from weft.engine.machines import MACHINES
from weft.engine.threads import Entry, Loaded, entry_of
from weft.thread import closing, seals
from weft.thread.audit import audit
from weft.thread.closing import ThreadPruned
from weft.thread.event import compose

PACKS = Path(__file__).parents[1] / "vectors" / "packs.json"
EVIL, ME, THREAD, KEYS = (b64(bytes([k]) * 32) for k in (1, 2, 3, 4))
NAME = next(name for name in MACHINES if name.startswith("order/"))


def says(kind, content, life):
    header = {"v": 1, "t": THREAD, "a": EVIL, "d": EVIL, "i": b64(life.to_bytes(8, "big")), "n": 0, "p": None,
              "x": [THREAD], "ks": KEYS, "h": "0" * 16, "y": kind, "s": 1, "m": NAME}
    return compose(header, [("*", canonical.encode(content))], [os.urandom(32)])


def loaded() -> Loaded:
    return Loaded(thread=THREAD, machine=MACHINES[NAME], machine_name=NAME, members={EVIL: "seller", ME: "buyer"},
                  state=MACHINES[NAME].conversation.INITIAL)


async def nobody(_event):
    raise AssertionError("nothing here is to be verified")


async def test_a_long_proposal_is_digested_once_however_often_it_is_confirmed(monkeypatch):
    digests, source = [], closing._digest
    monkeypatch.setattr(closing, "_digest", lambda lasting: (digests.append(1), source(lasting))[1])
    proposal = says("CloseProposed", {"state": "s", "lasting": {"k": [[]] * 5_000}}, 1)
    other = says("CloseProposed", {"state": "s", "lasting": {"k": [[]] * 5_000}}, 2)
    acceptance = says("CloseAccepted", {"state": "s", "proposal": proposal.id}, 3)
    confirmed = [says("ThreadClosed", {"state": "s", "acceptance": acceptance.id}, 4 + k) for k in range(20)]
    events = [proposal, other, acceptance, *confirmed]
    assert await closed.attested(SimpleNamespace(organisation=ME), loaded(), events, [], nobody) is None
    assert not digests, "who accepts his own proposal is not even asked what it says"
    entries = [entry_of(event, MACHINES[NAME]) for event in events]
    mine = [Entry(id=one.id, author=ME if one.id == acceptance.id else EVIL, kind=one.kind, message=one.message,
                  hlc=one.hlc, parents=one.parents, chain=one.chain, n=one.n) for one in entries]
    assert closing.seals(mine) == []
    assert len(digests) == 1


async def test_what_closes_now_is_found_once_however_many_confirmations_there_are(monkeypatch):
    calls = []
    monkeypatch.setattr(seals, "closings", lambda _entries: calls.append(1) or [])
    now = closed._Closing(loaded(), {event.id: event for event in (says("ThreadClosed", {
        "state": "s", "acceptance": THREAD}, k) for k in range(5))})
    for name in now.said:
        assert not now.by(SimpleNamespace(closed=name))
    assert len(calls) == 1


@pytest.mark.parametrize(("void", "late", "gone"), [
    ("event.out-of-scope", True, False), ("", False, False), ("", True, True)])
async def test_no_void_word_in_our_name_prunes_a_thread_nor_any_before_its_time(monkeypatch, void, late, gone):
    word = Entry(id="x", author="me", kind="ThreadPruned", message=ThreadPruned(), hlc="0" * 16, parents=(),
                 chain=("me", "stolen", "i"), n=0)
    let_go = []

    async def held(_thread):
        return SimpleNamespace(entries={"x": word}, void={"x": void} if void else {})

    async def until(_node, _thread):
        return 10

    async def lets_go(_node, thread):
        let_go.append(thread)

    monkeypatch.setattr(retention, "_let_go", lets_go)
    monkeypatch.setattr(retention, "kept_until", until)
    node = SimpleNamespace(organisation="me", loaded=held, clock=SimpleNamespace(now_ms=lambda: 20 if late else 5),
                           config=SimpleNamespace(retention=SimpleNamespace(prune="never")))
    await retention._prune_if_due(node, "thread")
    assert bool(let_go) is gone


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 2)])
def test_two_words_of_a_key_log_that_follow_each_other_are_no_fork(order):
    vectors = json.loads(PACKS.read_text(encoding="utf-8"))
    case = next(one for one in vectors["cases"] if one["name"] == "as it is")
    lines = [vectors["base"][line] if isinstance(line, int) else line for line in case["lines"]][:-1]
    keys = [json.loads(line)["key"] for line in lines if line.startswith('{"key"')]
    assert audit(("\n".join(lines) + "\n").encode()).sound
    manifest = json.loads(lines[0])
    manifest["forks"] += 1
    fork = canonical.encode({"fork": [keys[place] for place in order]}).decode()
    bent = "\n".join([canonical.encode(manifest).decode(), *lines[1:], fork]) + "\n"
    assert not audit(bent.encode()).sound
