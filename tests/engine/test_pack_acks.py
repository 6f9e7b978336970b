"""Acknowledgements in a pack are judged by what their authors had seen, and cost no more than they are worth."""

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.dealing import dealt
from tests.engine.test_packs import nothing
from weft.engine import packs
from weft.engine.acks import Ack
from weft.engine.machines import MACHINES, state_hash
from weft.engine.packs import pack
from weft.engine.threads import Entry, entry_of
from weft.thread import graph
from weft.thread.audit import audit

MEMBERS = {"a": "buyer", "b": "seller"}
NAME = next(name for name in MACHINES if name.startswith("order/"))


def begun():
    return packs._begun("t", NAME, MEMBERS, {})


def word(name, author, parents, message=None, chain=0):
    return Entry(id=name, author=author, kind="Ack" if message else "Note", message=message, hlc="0" * 16,
                 parents=tuple(parents), chain=(author, str(chain), "i"), n=int(name))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 30), max_size=3), st.booleans()), max_size=30))
def test_each_view_is_what_its_author_had_seen(drawn):
    entries = [word("0", "a", ())]
    views, parents, places = {}, {"0": ()}, {"0": 0}
    for number, (author, above, reads) in enumerate(drawn, 1):
        heads = sorted({str(place % number) for place in above}) or [str(number - 1)]
        if reads:
            view = views.setdefault(author, packs._View(begun()))
            view.read(heads, entries, places)
            assert view.seen == graph.past(parents, heads)
            assert set(view.now.entries) == view.seen
            assert set(view.now.heads) == set(graph.heads({name: parents[name] for name in view.seen}))
        entries.append(word(str(number), author, heads))
        parents[str(number)], places[str(number)] = tuple(heads), number


async def test_in_a_real_deal_each_is_judged_as_by_reading_all_anew():
    async with dealt() as (shop, _, thread):
        found = audit(await pack(shop.store, thread, nothing))
    manifest = found.manifest
    begins = packs._begun(manifest.thread, manifest.machine, dict(manifest.members), found.keys)
    entries = [entry_of(event, begins.machine) for event in found.events]
    parents = {entry.id: entry.parents for entry in entries}
    anew = []
    for entry in entries:
        if isinstance(entry.message, Ack):
            past = graph.past(parents, entry.parents)
            state = begins.extended([one for one in entries if one.id in past]).state
            anew.append(entry.message.state == state_hash(state))
    assert list(packs._acknowledged(begins, entries)) == anew
    assert len(anew) > 2
    assert all(anew)


def test_a_long_thread_half_of_acknowledgements_is_read_once_for_each_member(monkeypatch):
    said = (None, None, Ack(state=""), Ack(state=""))
    entries = [word(str(number), "ab"[number % 2], [str(number - 1)][:number], said[number % 4])
               for number in range(2_000)]
    cost, read = [], packs._View.read
    monkeypatch.setattr(packs._View, "read", lambda *given: cost.append(read(*given)) or cost[-1])
    assert len(list(packs._acknowledged(begun(), entries))) == 1_000
    assert sum(cost) <= len(MEMBERS) * len(entries)


def test_who_reads_in_a_thousand_places_at_once_is_not_judged_to_the_end(monkeypatch):
    """A member that acknowledges now this branch and now that one has all of it read again each time."""
    monkeypatch.setattr(packs, "WORK_MAX", 2_000)
    monkeypatch.setattr(packs, "WORK_MAX_EACH", 1)
    branches = [word(str(number), "a", [str(max(0, number - 2))], chain=number % 2) for number in range(1, 301)]
    acks = [word(str(number), "b", [str(299 + number % 2)], Ack(state=""), chain=number) for number in range(301, 601)]
    entries = [word("0", "a", ()), *branches, *acks]
    assert 0 < len(list(packs._acknowledged(begun(), entries))) < 300
    monkeypatch.setattr(packs, "WORK_MAX", 1_000_000)
    assert len(list(packs._acknowledged(begun(), entries))) == 300, "control"
