"""A document of rules is taken, and then decides without a fault; or it is refused with a place, and nothing changes.

Documents are made from a number, so that hypothesis finds, shrinks and repeats them.
"""

import copy
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doors.aas import oracle
from tests.doors.aas.bodies import bent
from tests.engine.home import busy_node
from weft.basis.errors import Invalid
from weft.engine.twins.access import Access, program
from weft.twin.access import Subject, Target, World, decide, parse, permit, told, trimmed
from weft.twin.access.deciding import settled

NOW = World("2026-05-04T12:00:00Z")
SUBJECTS = (Subject(), program("ERP"), program("ERP", "did:x"), Subject({"role": ("owner",)}))
KINDS = {"shell": "shell", "submodel": "submodel", "concept": "concept"}


def document(luck: random.Random, made):
    """A document of a few rules, some of which use what is defined for all."""
    rules = [oracle.rule(luck, made) for _ in range(luck.randrange(4))]
    found = {"rules": rules}
    if rules and luck.random() < 0.5:
        one = luck.choice(rules)
        found["DEFACLS"] = [{"name": "acl", "acl": one.pop("ACL")}]
        found["DEFOBJECTS"] = [{"name": "things", "objects": one.pop("OBJECTS")},
                               {"name": "more", "USEOBJECTS": ["things"]}]
        found["DEFFORMULAS"] = [{"name": "when", "formula": one.pop("FORMULA")}]
        one |= {"USEACL": "acl", "USEOBJECTS": [luck.choice(("things", "more"))], "USEFORMULA": "when"}
        found["DEFATTRIBUTES"] = [{"name": "who", "attributes": [{"CLAIM": "role"}]}]
    return {"AllAccessPermissionRules": found} if luck.random() < 0.5 else found


def judged(number: int) -> str:
    """What comes of the document of this number; raises where something is amiss."""
    luck = random.Random(number)
    made = oracle.world(luck)
    given_ = document(luck, made)
    right = copy.deepcopy(given_)
    for _ in range(luck.choice((0, 1, 1, 2, 4))):
        given_ = bent(copy.deepcopy(given_), luck)     # what is put in is not bent for others too
    try:
        rules = parse(given_)
    except Invalid as refused:
        assert refused.facts["at"].startswith("/"), refused
        assert given_ != right, refused
        return "refused"
    for who in SUBJECTS:
        assert told(rules, who, NOW)
        mine = settled(rules, who, NOW)
        for kind in KINDS:
            permit(rules, who, "READ", Target(kind, route=f"/{kind}s"), NOW)
            for one in made[kind]:
                of = Target(kind, one["id"], route=f"/{kind}s/x")
                whole, quick = [decide(each, who, "READ", of, NOW, (one, ())) for each in (rules, mine)]
                assert whole.allowed is quick.allowed
                shown = trimmed(one, kind, whole.grants) if whole.allowed else {}
                assert shown == (trimmed(one, kind, quick.grants) if quick.allowed else {})
                assert not shown or shown["id"] == one["id"]
                assert msgspec.json.decode(msgspec.json.encode(shown)) == shown
    return "taken"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**40))
def test_a_document_is_taken_or_refused_with_its_place(number):
    assert judged(number) in ("taken", "refused")


@pytest.mark.release
@settings(max_examples=10_000, deadline=None)
@given(st.integers(0, 2**40))
def test_ten_thousand_documents_are_taken_or_refused_with_their_place(number):
    assert judged(number) in ("taken", "refused")


def test_both_happen():
    """The control."""
    found = [judged(number) for number in range(60)]
    assert min(found.count("taken"), found.count("refused")) > 8


async def test_what_is_refused_changes_nothing_and_opens_nothing():
    node = await busy_node()
    try:
        access = Access(node)
        made = oracle.world(random.Random(1))
        await access.keep({"rules": [oracle.rule(random.Random(1), made)]})
        before, seen = await access.document(), await access.rules()
        refused = 0
        for number in range(60):
            luck = random.Random(number)
            try:
                parse(given_ := bent(document(luck, made), luck))
            except Invalid:
                with pytest.raises(Invalid):
                    await access.keep(given_)
                refused += 1
                assert await access.document() == before
                assert await access.rules() == seen
        assert refused > 10
    finally:
        await node.stop()
