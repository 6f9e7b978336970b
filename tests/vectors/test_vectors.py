"""The conformance vectors: they are what the seeded script makes, and the node accepts and refuses as they say."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.vectors import make
from weft.basis import canonical
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid
from weft.engine.machines import state_hash
from weft.identity import keylog
from weft.identity.keys import sound, verify
from weft.thread import event, fold
from weft.thread.audit import audit
from weft.thread.standing import voided

HERE = Path(__file__).parent
FILES = sorted(one.name for one in HERE.glob("*.json"))


def load(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def test_the_files_are_what_the_script_makes():
    """If not: ``python -m tests.vectors.make``."""
    made = make.everything()
    assert FILES == sorted(made)
    stale = [name for name, content in made.items() if make.text(content) != (HERE / name).read_text(encoding="utf-8")]
    assert not stale


def test_they_are_small():
    assert sum((HERE / name).stat().st_size for name in FILES) < 2_000 * 1024


def taken(check, *given) -> bool:
    try:
        check(*given)
    except Invalid:
        return False
    return True


def test_base64url():
    for case in load("text.json")["base64url"]:
        assert taken(canonical.unb64, case["text"], case["length"]) is case["accept"], case
        if case["accept"]:
            assert canonical.b64(canonical.unb64(case["text"])) == case["text"]


def test_canonical_json():
    for case in load("text.json")["canonical"]:
        assert taken(canonical.decode, bytes.fromhex(case["hex"])) is case["accept"], bytes.fromhex(case["hex"])[:80]


def test_digests():
    digests = load("digests.json")
    for one in digests["events"]:
        raw = one["header"].encode()
        assert (event.event_id(raw), event.thread_id(raw)) == (one["id"], one["thread"])
    for one in digests["commitments"]:
        salted = event.Payload(canonical.unb64(one["salt"]), one["content"].encode())
        assert salted.commitment() == one["commitment"]
    for one in digests["next"]:
        assert keylog.commitment(one["keys"]) == one["commitment"]
    for one in digests["states"]:
        assert state_hash(json.loads(one["state"])) == one["hash"]


def test_keys_and_signatures():
    vectors = load("signatures.json")
    for one in vectors["keys"]:
        assert sound(one["key"]) is one["sound"], one
    for one in vectors["signatures"]:
        signature = canonical.unb64(one["signature"])
        assert verify(one["key"], event.signed_bytes(one["event"]), signature) is one["accept"], one["name"]


def test_headers():
    vectors = load("headers.json")
    for case in vectors["cases"]:
        base = vectors["bases"][case["base"]]
        header = base[:case["head"]] + case["put"] + base[len(base) - case["tail"]:]
        assert taken(event.parse, header.encode(), b"") is case["accept"], header[:700]


@pytest.mark.parametrize("file", ["keylogs.json", "chains.json", "packs.json", "standing.json", "closing.json"])
def test_packs(file):
    vectors = load(file)
    for case in vectors["cases"]:
        lines = [one if isinstance(one, str) else vectors["base"][one] for one in case["lines"]]
        found = audit("\n".join(lines).encode())
        faults = [(one.step, one.where, str(one.error)) for one in found.faults]
        assert min((step for step, _, _ in faults), default=0) == case["step"], (case["name"], faults)
        assert found.sound is (case["step"] == 0)
        if "void" in case and found.sound and found.manifest:
            void = voided(found.manifest.thread, found.manifest.machine, found.events, found.keys)
            assert void == case["void"], case["name"]


def test_the_name_of_a_case_is_its_own():
    for file in ("keylogs.json", "chains.json", "packs.json", "standing.json", "closing.json"):
        names = [case["name"] for case in load(file)["cases"]]
        assert len(names) == len(set(names))


# ---- the till


class Add(Message):
    amount: int


class Take(Message):
    amount: int


class Set(Message):
    note: str


class Close(Message):
    pass


class Till(msgspec.Struct, frozen=True):
    closed: bool = False
    note: str = ""
    sum: int = 0


KINDS: dict[str, type[Message]] = {one.__name__: one for one in (Add, Take, Set, Close)}


def judge(state: Till, said: Said) -> str | None:
    if state.closed:
        return "closed"
    return "short" if isinstance(said.message, Take) and said.message.amount > state.sum else None


def evolve(state: Till, said: Said) -> Till:
    match said.message:
        case Add(amount=amount):
            return msgspec.structs.replace(state, sum=state.sum + amount)
        case Take(amount=amount):
            return msgspec.structs.replace(state, sum=state.sum - amount)
        case Set(note=note):
            return msgspec.structs.replace(state, note=note)
    return msgspec.structs.replace(state, closed=True)


def till(vectors: Any) -> Any:
    by_type = {(KINDS[one], KINDS[two]): Crossing(which) for one, two, which in vectors["crossings"]}
    by_role = {((role, KINDS[one]), (other, KINDS[two])): Crossing(which)
               for role, one, other, two, which in vectors["crossings_by_role"]}
    return SimpleNamespace(INITIAL=Till(), CROSSINGS=by_type, CROSSINGS_BY_ROLE=by_role, judge=judge, evolve=evolve)


def node(one: Any) -> fold.Node:
    kind = KINDS.get(one["kind"])
    message = msgspec.convert(one["content"], kind) if kind else None
    return fold.Node(Said(one["id"], one["by"], one["role"], message), tuple(one["parents"]))


FOLDS = load("folds.json")


@pytest.mark.parametrize("case", FOLDS["cases"], ids=lambda case: case["name"])
def test_folds(case):
    for given in (case["events"], case["events"][::-1]):
        folded = fold.fold(till(FOLDS), [node(one) for one in given])
        assert folded.order == case["order"]
        assert folded.void == case["void"]
        assert msgspec.to_builtins(folded.state) == case["state"]
        assert state_hash(folded.state) == case["hash"]
