"""Two honest holders of the same words agree, whoever lies: in every order of arrival, revocations, closings and all.

A thread is grown in memory as a node grows it, in some order of arrival, cut and read again now and then; beside it
the same words are read at once. States and what is void must be the same. The liar is a member with two devices that
revokes either of them at any place, writes beside what is long past, and closes.
"""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.thread.test_closing import Add, Adding
from weft.basis.canonical import b64, digest
from weft.basis.decider import Said
from weft.engine.acks import Ack
from weft.engine.machines import Machine
from weft.engine.threads import Entry, Loaded
from weft.identity.keylog import Device, End, KeyState
from weft.thread import closing, fold, graph
from weft.thread.closing import CloseAccepted, ThreadClosed

LIAR, HONEST = "L", "H"
ACK = Ack(state="")
MACHINE = Machine(closing.closable(Adding), shared=True)
MEMBERS = {LIAR: "seller", HONEST: "buyer"}


def keys_of(firm, ends):
    """A key log: devices one and two are delegated; then ``ends``: (device, last number that counts), in order."""
    devices = {f"{firm}{number}": Device("node") for number in (1, 2)}
    events = [f"{firm}k0", f"{firm}k1", f"{firm}k2"]
    for device, last in ends:
        at = len(events)
        events.append(f"{firm}k{at}")
        valid = {f"t/i{device}": last} if last >= 0 else {}
        held = devices[device]
        devices[device] = msgspec.structs.replace(held, ends=[*held.ends, End(at, valid)])
    return KeyState(keys=["x"], next="y", devices=devices, event=events[-1], events=events)


class Thread:
    """Words as their authors write them, each above the parents that are given."""

    def __init__(self, salt=0):
        self.entries = {}
        self.tips = {}
        self.salt = salt

    def say(self, device, message, parents=(), key_event="", seen=None):
        author = device[0]
        n, previous = self.tips.get(device, (-1, None))
        above = tuple(dict.fromkeys([*([previous] if previous else []), *parents]))
        name = b64(digest("word", f"{self.salt}/{len(self.entries)}/{device}".encode()))
        self.entries[name] = Entry(
            id=name, author=author, kind=type(message).__name__, message=message,
            hlc=f"{len(self.entries):016x}", parents=above, chain=(author, device, f"i{device}"), n=n + 1,
            key_event=key_event or f"{author}k2", seen=seen or {})
        self.tips[device] = (n + 1, name)
        return name

    def heads(self):
        named = {parent for entry in self.entries.values() for parent in entry.parents}
        return tuple(sorted(set(self.entries) - named))


def fresh(keys):
    return Loaded(thread="t", machine=MACHINE, machine_name=MACHINE.name, members=MEMBERS,
                  state=Adding.INITIAL, keys=keys)


def at_once(entries, keys):
    """What one reads who reads all of ``entries`` (parents first) from the store."""
    loaded = fresh(keys)
    for entry in entries:
        loaded.take(entry, refold_later=True)
    loaded.refold()
    return loaded


def one_by_one(entries, keys, most=10_000):
    """The same taken in word by word, as they arrive, cut to ``most``."""
    loaded = fresh(keys)
    for entry in entries:
        loaded = loaded.extended([entry])
        loaded.settle()
        loaded.trim(most)
    return loaded


def verdicts(loaded):
    return closing.is_done(loaded.state), closing.lasting(loaded.state), loaded.void


def state_now(thread, keys):
    return at_once(list(thread.entries.values()), keys).state


def closed(thread, keys, by="L1", other="H1"):
    """The three words that close, above all heads."""
    proposal = closing.proposed(state_now(thread, keys), {})
    first = thread.say(by, proposal, thread.heads())
    second = thread.say(other, CloseAccepted(proposal=first, state=proposal.state), [first])
    third = thread.say(by, ThreadClosed(acceptance=second, state=proposal.state), [second])
    return first, second, third


def begun(salt=0):
    thread = Thread(salt)
    first = thread.say("L1", Add())
    thread.say("H1", Add(), [first])
    return thread


def test_a_revocation_after_closing_opens_nothing_again():
    keys = {LIAR: keys_of(LIAR, [("L1", 0)]), HONEST: keys_of(HONEST, [])}
    thread = begun()
    names = closed(thread, keys)
    thread.say("L2", Add(n=100), [names[2]], key_event="Lk3")
    whole = at_once(list(thread.entries.values()), keys)
    assert closing.is_done(whole.state)
    bare = [msgspec.structs.replace(one, message=None) if one.kind == "Add" else one
            for one in thread.entries.values()]
    assert verdicts(at_once(bare, keys))[:2] == verdicts(whole)[:2]


def test_control_a_fold_that_judges_all_by_what_was_told_since_is_opened_by_a_revocation():
    keys = {LIAR: keys_of(LIAR, [("L1", 0)]), HONEST: keys_of(HONEST, [])}
    thread = begun()
    names = closed(thread, keys)
    thread.say("L2", Add(n=100), [names[2]], key_event="Lk3")
    loaded = at_once(list(thread.entries.values()), keys)
    words = list(thread.entries.values())
    faults = loaded._faults(words)
    nodes = [fold.Node(loaded.said(one, counts=one.id not in faults), one.parents) for one in words]
    assert not closing.is_done(fold.fold(MACHINE.conversation, nodes).state)


def test_two_proposals_side_by_side_close_or_do_not_but_no_late_word_decides_it():
    keys = {LIAR: keys_of(LIAR, []), HONEST: keys_of(HONEST, [])}
    for accepted, salt in itertools.product((0, 1), range(30)):
        thread = begun(salt)
        base = thread.heads()
        proposal = closing.proposed(state_now(thread, keys), {})
        both = thread.say("L1", proposal, base), thread.say("L2", proposal, base)
        second = thread.say("H1", CloseAccepted(proposal=both[accepted], state=proposal.state), both)
        thread.say("L1", ThreadClosed(acceptance=second, state=proposal.state), [second])
        before = at_once(list(thread.entries.values()), keys)
        thread.say("L2", Add(n=100))
        grown = one_by_one(list(thread.entries.values()), keys)
        after = at_once(list(thread.entries.values()), keys)
        assert verdicts(grown) == verdicts(after)
        assert closing.is_done(before.state) == closing.is_done(after.state)


@pytest.mark.parametrize("most", [10_000, 24])
@pytest.mark.parametrize("salt", range(6))
def test_a_thread_cut_between_the_words_that_close_is_as_closed(most, salt):
    keys = {LIAR: keys_of(LIAR, []), HONEST: keys_of(HONEST, [])}
    thread = begun(salt)
    for _ in range(10):
        thread.say("L1", Add(), thread.heads())
        thread.say("H1", Add(), thread.heads())
    proposal = closing.proposed(state_now(thread, keys), {})
    first = thread.say("L1", proposal, thread.heads())
    for _ in range(40):
        thread.say("L1", ACK, thread.heads())
    low = thread.heads()
    second = thread.say("H1", CloseAccepted(proposal=first, state=proposal.state), thread.heads())
    thread.say("L1", ThreadClosed(acceptance=second, state=proposal.state), [second])
    thread.say("H1", ACK, thread.heads())
    loaded = one_by_one(list(thread.entries.values()), keys, most)
    assert closing.is_done(loaded.state)
    late = thread.say("L2", Add(n=100), low)
    loaded = loaded.extended([thread.entries[late]])
    assert verdicts(loaded)[0]
    again = loaded.copied()
    again.refold()
    assert verdicts(again)[:2] == verdicts(at_once(list(thread.entries.values()), keys))[:2]


def test_what_was_accepted_first_and_confirmed_in_secret_does_not_replace_what_was_closed_later():
    """L proposes, H accepts, L goes on talking and proposes anew, H accepts: the first confirmation comes too late."""
    keys = {LIAR: keys_of(LIAR, []), HONEST: keys_of(HONEST, [])}
    for salt, secret_first in itertools.product(range(12), (False, True)):
        thread = begun(salt)
        proposal = closing.proposed(state_now(thread, keys), {})
        first = thread.say("L1", proposal, thread.heads())
        second = thread.say("H1", CloseAccepted(proposal=first, state=proposal.state), [first])
        thread.say("L1", Add(n=5), [second])
        closed(thread, keys)
        open_words = list(thread.entries.values())
        before = at_once(open_words, keys)
        assert before.state.total == 7
        secret = thread.say("L2", ThreadClosed(acceptance=second, state=proposal.state), [second])
        loaded = one_by_one(open_words, keys).extended([thread.entries[secret]])
        words = [*open_words[:5], thread.entries[secret], *open_words[5:]] if secret_first else open_words
        whole = at_once([*words, thread.entries[secret]][:len(thread.entries)], keys)
        assert verdicts(loaded)[:2] == verdicts(whole)[:2] == verdicts(before)[:2]
        assert loaded.void.keys() == whole.void.keys() == {secret}


class Firm:
    """The honest one: it reads what arrives, and closes as a node does (``engine/closing.py``)."""

    def __init__(self, thread, keys, most):
        self.thread, self.keys, self.most = thread, keys, most
        self.loaded, self.held, self.done = fresh(keys), set(), None

    def take(self, names):
        """Take in ``names`` as far as their parents are there; words beside what was cut read the whole again."""
        moved = True
        while moved:
            ready = [name for name in names if name not in self.held
                     and self.held.issuperset(self.thread.entries[name].parents)]
            moved = bool(ready)
            for name in ready[:1]:
                self.held.add(name)
                entry = self.thread.entries[name]
                if self.loaded.below and (self.loaded.revocable or not set(entry.parents) <= set(self.loaded.entries)):
                    self.loaded = at_once(self.in_order(), self.keys)
                else:
                    self.loaded = self.loaded.extended([entry])
                    self.loaded.settle()
                self.loaded.trim(self.most)
                self.look()

    def in_order(self):
        return [entry for name, entry in self.thread.entries.items() if name in self.held]

    def look(self):
        if self.done is None and closing.is_done(self.loaded.state):
            self.done = closing.lasting(self.loaded.state)

    def say(self, message):
        """Say ``message`` unless the rules deny it."""
        code = MACHINE.conversation.judge(self.loaded.state, Said(id="", by=HONEST, role="buyer", message=message))
        if code is None:
            name = self.thread.say("H1", message, self.loaded.heads, f"{HONEST}k2", self.seen())
            self.take([name])

    def seen(self):
        return {LIAR: self.keys[LIAR].event} if self.keys[LIAR].ended and len(self.held) % 3 == 0 else {}

    def act(self, wish):
        standing = self.loaded.state.closing
        if closing.is_done(self.loaded.state):
            return
        if wish == "talk":
            self.say(Add())
        elif standing is None and wish == "propose":
            self.say(closing.proposed(self.loaded.state, {}))
        elif standing is not None and self.quiet(standing):
            if standing.by == LIAR and not standing.acceptance:
                self.say(CloseAccepted(proposal=standing.proposal, state=standing.state))
            elif standing.by == HONEST and standing.acceptance:
                self.say(ThreadClosed(acceptance=standing.acceptance, state=standing.state))

    def quiet(self, standing):
        words = self.in_order()
        past = graph.past({one.id: one.parents for one in words}, [standing.proposal])
        return all(one.kind in closing.QUIET for one in words if one.id not in past)


STEP = st.tuples(st.sampled_from(["L1", "L2"]), st.sampled_from(["talk", "propose", "accept", "close", "ack", "late"]),
                 st.integers(0, 99), st.integers(2, 5), st.sampled_from(["close", "talk", "propose", "", "close"]),
                 st.booleans())


def lie(thread, keys, step):
    """One word of the liar: above all there is, or beside much of it."""
    device, wish, place, told, _, withheld = step
    names = list(thread.entries)
    above = thread.heads() if wish != "late" and place % 3 else (names[place % len(names)],)
    said = [one for one in thread.entries.values() if isinstance(one.message, closing.CLOSING)]
    message = Add(n=place)
    if wish == "ack":
        message = ACK
    elif wish == "propose":
        past = graph.past({one.id: one.parents for one in thread.entries.values()}, above)
        message = closing.proposed(at_once([thread.entries[one] for one in names if one in past], keys).state, {})
    elif wish in ("accept", "close") and said:
        named = said[place % len(said)]
        message = CloseAccepted(proposal=named.id, state=named.message.state) if wish == "accept" else ThreadClosed(
            acceptance=named.id, state=named.message.state)
        above = (*above, named.id) if place % 2 else (named.id,)
    event = keys[LIAR].events[min(told, len(keys[LIAR].events) - 1)]
    return thread.say(device, message, above, event), withheld


@settings(max_examples=250, deadline=None)
@given(st.lists(STEP, min_size=4, max_size=24), st.lists(st.tuples(st.sampled_from(["L1", "L2"]), st.integers(-1, 6)),
       max_size=3), st.integers(0, 99), st.sampled_from([12, 10_000]), st.randoms(use_true_random=False))
def test_whoever_lies_and_revokes_all_who_hold_the_same_words_agree(steps, ends, salt, most, source):
    keys = {LIAR: keys_of(LIAR, ends), HONEST: keys_of(HONEST, [])}
    thread = begun(salt)
    firm = Firm(thread, keys, most)
    firm.take(thread.entries)
    held_back = set()
    for step in steps:
        name, withheld = lie(thread, keys, step)
        if withheld:
            held_back.add(name)
        firm.take([one for one in thread.entries if one not in held_back])
        firm.act(step[4])
        if source.random() < 0.2:
            held_back.clear()
    late = list(thread.entries)
    source.shuffle(late)
    firm.take(late)
    words = firm.in_order()
    assert len(words) == len(thread.entries)
    whole = at_once(words, keys)
    shuffled = fresh(keys)
    for entry in topological(words, source):
        shuffled = shuffled.extended([entry])
    here = {name: code for name, code in whole.void.items() if name in firm.loaded.entries}
    assert verdicts(shuffled)[:2] == verdicts(whole)[:2] == verdicts(firm.loaded)[:2]
    assert shuffled.void.keys() == whole.void.keys()
    assert firm.loaded.void.keys() == here.keys()
    if firm.done is not None:
        assert closing.is_done(whole.state)
        assert closing.lasting(whole.state) == firm.done
        bare = at_once([msgspec.structs.replace(one, message=None) if one.kind == "Add" else one for one in words],
                       keys)
        assert verdicts(bare)[:2] == verdicts(whole)[:2]


def topological(words, source):
    """``words`` in some order of arrival, parents first."""
    left, order, held = list(words), [], set()
    while left:
        ready = [one for one in left if held.issuperset(one.parents)]
        one = source.choice(ready)
        left.remove(one)
        order.append(one)
        held.add(one.id)
    return order
