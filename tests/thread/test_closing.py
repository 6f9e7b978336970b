"""Laws of closing: agreed by both or not at all, and once it is done no set of later words opens it again."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.decider import Crossing, Message, Said
from weft.thread import closed_fold, closing, fold, seals
from weft.thread.closing import CloseAccepted, CloseProposed, Closing, ThreadClosed


class Add(Message):
    """Add ``n`` to the sum."""

    n: int = 1
    note: str = ""


class Sum(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was added, and the last note."""

    total: int = 0
    note: str = ""
    closing: Closing | None = None


class Adding:
    """A conversation of two, as short as can be."""

    NAME, VERSION, INITIAL = "adding", 1, Sum()
    MESSAGES = {"Add": Add}
    CROSSINGS = {(Add, Add): Crossing.EITHER}

    @staticmethod
    def judge(state, said):
        return None

    @staticmethod
    def decide(state, command):
        return (command,)

    @staticmethod
    def evolve(state, said):
        if isinstance(said.message, Add):
            return msgspec.structs.replace(state, total=state.total + said.message.n, note=said.message.note)
        return state


CONVERSATION = closing.closable(Adding)


class Entry(msgspec.Struct, frozen=True):
    """An event, as far as closing looks."""

    id: str
    author: str
    message: object
    parents: tuple[str, ...]

    @property
    def kind(self):
        return type(self.message).__name__


def folded(entries, **flags):
    nodes = [fold.Node(Said(id=one.id, by=one.author, role=one.author, message=one.message), one.parents)
             for one in entries]
    return closed_fold.folded(closed_fold.Fit(CONVERSATION, Adding.INITIAL, **flags), entries, nodes)


def closed_thread(between=()):
    """Two words, a proposal of a, ``between``, an acceptance of b, a confirmation of a."""
    began = [Entry("w1", "a", Add(note="private"), ()), Entry("w2", "b", Add(), ("w1",))]
    proposal = closing.proposed(folded(began).state, {})
    entries = [*began, Entry("p", "a", proposal, ("w2",)), *between]
    last = entries[-1].id
    entries.append(Entry("q", "b", CloseAccepted(proposal="p", state=proposal.state), (last,)))
    entries.append(Entry("r", "a", ThreadClosed(acceptance="q", state=proposal.state), ("q",)))
    return entries


def test_three_words_close():
    result = folded(closed_thread())
    assert closing.is_done(result.state)
    assert result.state.total == 2
    assert not result.void


@pytest.mark.parametrize("by", ["a", "b"])
def test_who_goes_on_talking_takes_the_closing_back(by):
    result = folded(closed_thread([Entry("w3", by, Add(), ("p",))]))
    assert not closing.is_done(result.state)
    assert {"q", "r"} <= result.void.keys()
    assert result.state.total == 3


PLACES = ["w1", "w2", "p", "q", "r"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 4), st.booleans()), max_size=6), st.randoms())
def test_no_set_of_later_words_opens_it_again(late, source):
    """Whoever lies, from whatever device: what the third word had not seen is void, in whatever order it arrives."""
    entries = closed_thread()
    plain = folded(entries).state
    for number, (by, place, other) in enumerate(late):
        message = Add(n=100) if other else closing.proposed(plain, {})
        entries.append(Entry(f"x{number}", by, message, (PLACES[place],)))
    tail = entries[5:]
    source.shuffle(tail)
    result = folded([*entries[:5], *tail])
    assert closing.is_done(result.state)
    assert result.state == plain
    assert {one.id for one in tail} <= result.void.keys()


def test_control_a_fold_that_does_not_look_for_the_seal_is_opened_by_a_late_word():
    """Read in the ordinary order, some late word beside the closing undoes it: this is what the seal is for."""
    undone = 0
    for by, place, name in itertools.product("ab", PLACES, ("0", "x")):
        entries = [*closed_thread(), Entry(name, by, Add(n=100), (place,))]
        nodes = [fold.Node(Said(id=one.id, by=one.author, role=one.author, message=one.message), one.parents)
                 for one in entries]
        undone += not closing.is_done(fold.fold(CONVERSATION, nodes).state)
    assert undone


def test_erased_and_whole_come_to_the_same_hash_and_hold_no_free_words():
    entries = closed_thread()
    bare = [msgspec.structs.replace(one, message=None) if one.id in {"w1", "w2"} else one for one in entries]
    whole, less = folded(entries), folded(bare, bare=True)
    assert closing.digest_of(whole.state) == closing.digest_of(less.state)
    assert less.state.total == 2
    assert less.state.note == ""
    pruned = folded([one for one in bare if one.id != "w2"], bare=True, pruned=True)
    assert pruned.state.total == 2


def test_nobody_closes_alone_or_with_another_state():
    entries = closed_thread()
    alone = [msgspec.structs.replace(one, author="a") for one in entries]
    assert not closing.is_done(folded(alone).state)
    proposal = entries[2].message
    other = CloseProposed(state=proposal.state, lasting={**proposal.lasting, "total": 7})
    lied = [msgspec.structs.replace(one, message=other) if one.id == "p" else one for one in entries]
    assert not closing.is_done(folded(lied).state)
    assert not closing.seals(lied)


@pytest.mark.parametrize("fault", ["", "event.revoked-device"])
def test_an_erasure_asked_for_too_early_or_by_a_thief_does_not_count_when_something_was_erased(fault):
    """What may be said in a closed thread only stays void when the words that showed it are gone."""
    began = closed_thread()[:2]
    asked = Entry("e", "b", closing.ErasureRequested(reason="mistake"), ("w2",))
    proposal = closing.proposed(folded(began).state, {})
    entries = [*began, asked, Entry("p", "a", proposal, ("e",)),
               Entry("q", "b", CloseAccepted(proposal="p", state=proposal.state), ("p",)),
               Entry("r", "a", ThreadClosed(acceptance="q", state=proposal.state), ("q",))]
    faults = (lambda _words: {"e": fault}) if fault else (lambda _words: {})
    bare = [msgspec.structs.replace(one, message=None) if one.id in {"w1", "w2"} else one for one in entries]
    whole, less = folded(entries, faults=faults), folded(bare, bare=True, faults=faults)
    assert closing.is_done(whole.state)
    assert whole.void == less.void == {"e": fault or "thread.open"}
    by_id = {one.id: one for one in entries}
    seal = next(seals.closings(by_id))[0]
    kept = [one if one.id in closing.spoken(by_id, seal) else msgspec.structs.replace(one, message=None)
            for one in bare if one.id in closing.stays(by_id, seal, ["e", "q", "r"])]  # the end of another chain of b
    assert "e" in [one.id for one in kept]
    assert [one for one in kept if isinstance(one.message, closing.ErasureRequested)] == []


def test_an_erasure_asked_for_beside_the_closing_counts_also_in_a_pruned_thread_but_not_of_a_thief():
    asked = Entry("e", "b", closing.ErasureRequested(reason="mistake"), ("w2",))
    entries = [*closed_thread(), asked]
    by_id = {one.id: one for one in entries}
    seal = next(seals.closings(by_id))[0]
    left = closing.stays(by_id, seal, ["e", "q", "r"]) & closing.spoken(by_id, seal)
    kept = [one for one in entries if one.id in left]
    for faults in ({}, {"e": "event.revoked-device"}):
        whole = folded(entries, faults=lambda _words, faults=faults: faults)
        pruned = folded(kept, bare=True, pruned=True, faults=lambda _words, faults=faults: faults)
        assert whole.void == pruned.void == faults


def another(entries, late):
    """``entries`` with an older closing that its proposer took back by talking, and confirms when all is over."""
    first = closing.proposed(Sum(total=2), {})
    old = [Entry("p0", "a", first, ("w2",)), Entry("q0", "b", CloseAccepted(proposal="p0", state=first.state), ("p0",)),
           Entry("w3", "a", Add(), ("q0",))]
    last = closing.proposed(Sum(total=3), {})
    new = [Entry("p", "a", last, ("w3",)), Entry("q", "b", CloseAccepted(proposal="p", state=last.state), ("p",)),
           Entry("r", "a", ThreadClosed(acceptance="q", state=last.state), ("q",))]
    return [*entries[:2], *old, *new, Entry(late, "a", ThreadClosed(acceptance="q0", state=first.state), ("q0",))]


@pytest.mark.parametrize("late", ["0", "z"])
def test_a_pruned_thread_is_closed_by_what_closed_the_whole_one(late):
    entries = another(closed_thread(), late)
    whole = folded(entries)
    assert whole.state.total == 3
    by_id = {one.id: one for one in entries}
    seal = next(seals.closings(by_id))[0]
    assert seal.closed == "r"
    kept = closing.stays(by_id, seal, [late, "q", "q0", "p0"])  # p0: another device of a
    spoken = closing.spoken(by_id, seal)
    left = [one if one.id in spoken else msgspec.structs.replace(one, message=None) for one in entries
            if one.id in kept]
    pruned = folded(left, bare=True, pruned=True)
    assert pruned.state.total == 3
    assert closing.left({one.id: one for one in left}) == seal
    if late == "0":  # control: with their payloads, the words that were taken back would win by their name
        assert folded([one for one in entries if one.id in kept], bare=True, pruned=True).state.total == 2


@pytest.mark.parametrize("void", [0, 7])
def test_what_was_read_of_closings_that_came_to_nothing_is_counted(void):
    """From seven places that do not count it is confirmed, beside each other; who says so pays for each look."""
    entries = closed_thread()
    last = entries.pop()
    thieves = [msgspec.structs.replace(last, id=f"r{number}") for number in range(void)]
    faults = {one.id: "event.revoked-device" for one in thieves}
    result = folded([*entries, *thieves], faults=lambda words: {one.id: faults[one.id] for one in words
                                                                if one.id in faults})
    assert not closing.is_done(result.state)
    assert result.read == len(entries) + void + void * (len(entries) + 1)
    assert folded(closed_thread()).read == len(closed_thread()), "what does close costs nothing more"
