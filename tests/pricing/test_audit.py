"""Audit sampling: nobody chooses the leaves, everything drawn is opened, and what a sample misses is as computed."""

import random
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weft.basis.canonical import b64
from weft.basis.errors import Invalid
from weft.pricing import audit, commitment
from weft.pricing.audit import Beacon, Padding, Plan, Shown

CHANCES = st.integers(0, 10**9).map(random.Random)


def firm(name: str) -> str:
    return b64(name.encode().ljust(32, b"."))


PLAN = Plan(weft=audit.PLAN, seller=firm("seller"), first=0, size=40, root=b64(bytes(32)), checkpoint="x", openings=5,
            beacons=tuple(Beacon(firm=firm(name), size=7) for name in "abc"), by=firm("auditor"),
            at="2026-11-25T00:00:00.000Z")


class Seller:
    """A seller with ``documents`` in batches of sixteen, of which the first ``cheats`` do not follow their book."""

    def __init__(self, documents: int, cheats: int, chance: random.Random, per_batch: int = 8) -> None:
        self.made: dict[int, commitment.Batch] = {}
        self.salts: dict[bytes, tuple[bytes, bytes]] = {}
        self.seeds: dict[int, bytes] = {}
        names = [chance.randbytes(32) for _ in range(documents)]
        self.cheats = set(names[:cheats])
        chance.shuffle(names)
        for leaf, start in enumerate(range(0, documents, per_batch)):
            salted = [(chance.randbytes(32), name) for name in names[start:start + per_batch]]
            commitments = [commitment.commit(*one) for one in salted]
            self.salts.update(zip(commitments, salted, strict=True))
            self.seeds[leaf] = chance.randbytes(32)
            self.made[leaf] = commitment.filled(commitments, self.seeds[leaf], 16)
        self.padding = {commitment.padding_leaf(one): one for seed in self.seeds.values()
                        for one in commitment.padding_of(seed, 16)}
        self.roots = {leaf: (batch.root, batch.n) for leaf, batch in self.made.items()}

    def at(self, leaf: int, place: int) -> Shown:
        batch = self.made[leaf]
        found = batch.leaves[place]
        (path,) = commitment.path_of(batch, [place])
        if found in self.salts:
            return Shown(batch=leaf, opening=commitment.opening(batch, *self.salts[found]))
        return Shown(batch=leaf, padding=Padding(made=b64(self.padding[found]), index=place, n=batch.n, path=path))

    def answer(self, plan: Plan, seed: bytes) -> list[Shown]:
        shown: list[Shown] = []
        for place in audit.drawn(seed, {leaf: n for leaf, (_, n) in self.roots.items()}):
            if sum(one.opening is not None for one in shown) == plan.openings:
                break
            shown.append(self.at(*place))
        return shown

    def is_caught(self, shown: list[Shown]) -> bool:
        """Whether a document that does not follow its book was opened."""
        return any(one.opening is not None and one.opening.document in {b64(name) for name in self.cheats}
                   for one in shown)


def seed_of(chance: random.Random, plan: Plan = PLAN) -> bytes:
    return audit.seed(plan, [chance.randbytes(32) for _ in plan.beacons])


@settings(max_examples=25)
@given(st.integers(0, 60), st.integers(1, 70), CHANCES)
def test_an_honest_answer_to_any_draw_has_no_fault(documents, openings, chance):
    seller, plan = Seller(documents, 0, chance), replace(PLAN, openings=openings)
    seed = seed_of(chance, plan)
    shown = seller.answer(plan, seed)
    assert audit.faults(plan, seed, seller.roots, shown) == []
    assert sum(one.opening is not None for one in shown) == min(openings, documents)


@settings(max_examples=40)
@given(CHANCES, st.sampled_from(["own-choice", "left-out", "short", "long", "padding", "swap"]))
def test_a_seller_that_chooses_its_own_leaves_is_caught(chance, how):
    seller = Seller(24, 12, chance)
    seed = seed_of(chance)
    shown = seller.answer(PLAN, seed)
    bent = list(shown)
    if how == "own-choice":  # honest documents only, whatever was drawn
        places = [(leaf, place) for leaf in seller.made for place in range(16)]
        honest = [one for one in (seller.at(*place) for place in places) if one.opening is not None
                  and not seller.is_caught([one])]
        bent = honest[:5]
    elif how == "left-out":  # one that was drawn is passed over
        bent.pop(next(n for n, one in enumerate(bent) if one.opening is not None))
    elif how == "short":
        bent.pop()
    elif how == "long":
        bent.append(bent[-1])
    elif how == "padding":  # a document is said to be padding
        at = next(n for n, one in enumerate(bent) if one.opening is not None)
        held = bent[at].opening
        bent[at] = Shown(batch=bent[at].batch, padding=Padding(
            made=b64(chance.randbytes(32)), index=held.index, n=held.n, path=held.path))
    else:  # another document under the same leaf
        at = next(n for n, one in enumerate(bent) if one.opening is not None)
        bent[at] = Shown(batch=bent[at].batch, opening=replace(bent[at].opening, document=b64(chance.randbytes(32))))
    assert audit.faults(PLAN, seed, seller.roots, bent)


def test_the_control_a_seller_that_may_choose_the_draw_shows_a_clean_sample():
    """With a draw of its own making a seller with half of its prices false shows a clean sample."""
    chance = random.Random(4)
    seller, best = Seller(64, 32, chance), 0
    for _ in range(400):  # it tries seeds until one suits it
        seed = seed_of(chance)
        best += not seller.is_caught(seller.answer(PLAN, seed))
    assert best > 0  # so the seed must not be the seller's choice


@settings(max_examples=4, deadline=None)
@given(st.sampled_from([(5, 20), (10, 10), (20, 6)]), st.integers(0, 10**6))
def test_cheats_are_found_as_often_as_is_said(case, number):
    """Over many draws, as often as 1 - (1 - m)^k says, or a little more: leaves are not put back."""
    percent, openings = case
    chance = random.Random(number)
    documents = 400
    seller = Seller(documents, documents * percent // 100, chance, per_batch=16)
    names = [seller.salts[one][1] for batch in seller.made.values() for one in batch.leaves if one in seller.salts]
    index = {(leaf, place): seller.salts[one][1] for leaf, batch in seller.made.items()
             for place, one in enumerate(batch.leaves) if one in seller.salts}
    assert len(names) == documents
    tries, found = 400, 0
    sizes = {leaf: n for leaf, (_, n) in seller.roots.items()}
    for _ in range(tries):
        opened = [index[place] for place in audit.drawn(seed_of(chance), sizes) if place in index][:openings]
        found += any(name in seller.cheats for name in opened)
    said = float(1 - audit.missed(Fraction(percent, 100), openings))
    spread = 4 * (said * (1 - said) / tries) ** 0.5
    assert said - spread < found / tries < said + spread + 0.05


def test_every_place_of_every_batch_is_drawn_once_and_the_seed_decides_the_order():
    sizes = {3: 16, 9: 32}
    one, other = list(audit.drawn(b"1" * 32, sizes)), list(audit.drawn(b"2" * 32, sizes))
    assert sorted(one) == sorted(other) == [(leaf, place) for leaf, n in sizes.items() for place in range(n)]
    assert one != other


def test_the_seed_hangs_on_each_of_the_three_and_on_every_word_of_the_plan():
    roots = [bytes([n]) * 32 for n in range(3)]
    first = audit.seed(PLAN, roots)
    others = [audit.seed(PLAN, [*roots[:n], b"x" * 32, *roots[n + 1:]]) for n in range(3)]
    plans = [replace(PLAN, openings=6), replace(PLAN, size=41), replace(PLAN, at="2026-11-26T00:00:00.000Z"),
             replace(PLAN, seller=firm("other")), replace(PLAN, first=1)]
    assert len({first, *others, *(audit.seed(plan, roots) for plan in plans)}) == 9


@pytest.mark.parametrize("bent", [
    {"beacons": PLAN.beacons[:2]}, {"beacons": (*PLAN.beacons[:2], PLAN.beacons[0])},
    {"beacons": (*PLAN.beacons[:2], Beacon(firm=PLAN.seller, size=7))},
    {"beacons": (*PLAN.beacons[:2], Beacon(firm=PLAN.by, size=7))}, {"openings": 0}, {"first": 40}, {"first": -1},
    {"by": PLAN.seller}, {"weft": "price-audit-plan/2"}, {"root": "short"},
])
def test_a_plan_that_leaves_the_draw_to_those_concerned_is_none(bent):
    assert audit.parse(audit.encode(PLAN)) == PLAN
    with pytest.raises(Invalid, match=r"pricing\.audit-plan"):
        audit.parse(audit.encode(replace(PLAN, **bent)))


def test_what_a_sample_may_miss():
    assert audit.percent(audit.missed(Fraction(1, 100), 300)) == "5.0"  # (99/100)^300 = 4.904 %
    assert audit.needed(Fraction(1, 100), Fraction(95, 100)) == 299
    assert audit.needed(Fraction(1, 2), Fraction(1, 2)) == 1
    assert audit.table((100, 300))[1] == ("1", ("36.7", "5.0"))


@given(st.integers(1, 99), st.integers(1, 99))
def test_as_many_openings_as_are_needed_and_not_one_more(share, wanted):
    m, p = Fraction(share, 100), Fraction(wanted, 100)
    count = audit.needed(m, p)
    assert 1 - audit.missed(m, count) >= p
    assert count == 1 or 1 - audit.missed(m, count - 1) < p


def test_padding_can_be_shown_and_looks_like_a_document_until_then():
    chance = random.Random(1)
    seller = Seller(3, 0, chance)
    assert len({len(leaf) for leaf in seller.made[0].leaves}) == 1
    again = commitment.filled(list(seller.salts), seller.seeds[0], 16)
    assert again == seller.made[0]
    made = commitment.padding_of(seller.seeds[0], 13)[0]
    place = seller.made[0].leaves.index(commitment.padding_leaf(made))
    (path,) = commitment.path_of(seller.made[0], [place])
    commitment.verify_padding(made, place, (16, path), seller.made[0].root)
    with pytest.raises(Invalid):
        commitment.verify_padding(chance.randbytes(32), place, (16, path), seller.made[0].root)


@pytest.mark.parametrize("page", ["audit.md", "audit.zh-CN.md"])
def test_the_pages_say_what_a_sample_may_miss(page):
    text = (Path(__file__).parents[2] / "docs" / "howto" / page).read_text(encoding="utf-8")
    for share, chances in audit.table():
        assert f"| {share} % | {' | '.join(chances)} |" in text
