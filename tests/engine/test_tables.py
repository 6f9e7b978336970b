"""Values of one thread share their tables: none sees what the store does not have, and each keeps what it has."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.canonical import b64
from weft.engine import memory as memory_module
from weft.engine.machines import MACHINES
from weft.engine.memory import Identity, Memory
from weft.engine.threads import Entry, Loaded
from weft.identity.keys import Signer
from weft.stores.memory import MemoryStore

MACHINE = MACHINES["relationship/1"]
US, THEM = b64(bytes(31) + b"u"), b64(bytes(31) + b"t")


def begun(thread="T"):
    return Loaded(thread=thread, machine=MACHINE, machine_name=MACHINE.name, members={US: "inviter", THEM: "invitee"},
                  state=MACHINE.conversation.INITIAL)


def entry(n, above=None, author=US):
    parents = (() if n == 0 else (f"e{n - 1}",)) if above is None else above
    return Entry(id=f"e{n}", author=author, kind="Ack", message=None, hlc=format(n, "016x"), parents=parents,
                 chain=(author, "d", "i"), n=n)


def grown(count):
    return begun().extended([entry(n) for n in range(count)])


def names(loaded):
    return list(loaded.entries), list(loaded.order)


def test_what_is_new_is_seen_in_the_new_value_only_until_it_is_settled():
    first = grown(3)
    first.settle()
    after = first.extended([entry(3)])
    assert first.held == 3
    assert names(first) == (["e0", "e1", "e2"], ["e0", "e1", "e2"])
    assert names(after) == (["e0", "e1", "e2", "e3"], ["e0", "e1", "e2", "e3"])
    assert names(first) == (["e0", "e1", "e2"], ["e0", "e1", "e2"])  # looking at the one does not change the other


def test_a_value_that_is_never_stored_leaves_no_trace():
    first = grown(2)
    first.settle()
    lost, kept = first.extended([entry(2, author=THEM)]), first.extended([entry(2)])
    assert lost.held == kept.held == 3
    kept.settle()
    assert kept.entries["e2"].author == US
    assert len(kept.entries) == len(kept.order) == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans(), st.booleans()), max_size=12))
def test_however_it_grew_it_holds_what_a_thread_held_whole_does(steps):
    """Each step: how many words, whether somebody looks before the commit, whether it is stored, whether beside."""
    present, said = grown(1), [entry(0)]
    present.settle()
    for count, looked, stored, beside in steps:
        new = [entry(len(said) + k) for k in range(count)]
        if beside and len(said) > 1:
            new[0] = entry(len(said), above=(said[-2].id,))
        after = present.extended(new)
        if looked:
            assert list(after.entries) == [one.id for one in (*said, *new)]
        assert list(present.entries) == [one.id for one in said]
        if stored:
            after.settle()
            present, said = after, [*said, *new]
    whole = begun().extended(said)
    assert (list(present.entries), present.order, present.heads) == (list(whole.entries), whole.order, whole.heads)


@pytest.fixture
def memory():
    return Memory(Identity(US, Signer(bytes(32)), "i"), MemoryStore(), None, bytes)


def test_memory_holds_no_more_threads_than_it_may(memory, monkeypatch):
    monkeypatch.setattr(memory_module, "LOADED_MAX", 3)
    for number in range(10):
        one = begun(f"T{number}").extended([entry(0)])
        one.settle()
        memory._keep(one)
        assert len(memory._loaded) <= 3
    assert list(memory._loaded) == ["T7", "T8", "T9"]
    assert memory._weight == 3


def test_memory_holds_no_more_events_than_it_may_however_threads_grew(memory, monkeypatch):
    monkeypatch.setattr(memory_module, "ENTRIES_MAX", 20)
    for number in range(4):
        present = begun(f"T{number}").extended([entry(0)])
        for n in range(1, 9):
            memory.swap(present, (), ())
            present = present.extended([entry(n)])
        memory.swap(present, (), ())
        assert memory._weight == sum(one.held for one in memory._loaded.values()) <= 20
    memory.forget("T3")
    assert memory._weight == sum(one.held for one in memory._loaded.values())
