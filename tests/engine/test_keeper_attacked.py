"""A keeper and those who do it harm: they harm themselves and their own pair, and the keeper counts no partners."""

import asyncio
import itertools

import msgspec
import pytest

from tests.engine.home import empty_node
from tests.engine.test_mailbox import World, key_of
from tests.engine.world import quiet, until
from weft.basis.canonical import b64
from weft.basis.errors import Denied, Invalid, Refused, Unavailable
from weft.config import Mailbox
from weft.engine.mail import keeper as keeping
from weft.engine.mail import mailbox
from weft.engine.mail.keeper import Keeper
from weft.identity.keys import Signer

NOW = 700 * mailbox.FORTNIGHT_MS
SEED, KEEPER = b"s" * 32, Signer(b"k" * 32).public
DAY_MS = 86_400_000
_NONCES = itertools.count()


class Kept:
    """A keeper by itself, at a time that stands; ``ask`` signs as whoever asks."""

    async def begin(self, **limits):
        self.node = await empty_node()
        self.node.config = msgspec.structs.replace(self.node.config, mailbox=Mailbox(**limits))
        self.keeper = Keeper(self.node, self.node.config)
        self.at(NOW)
        return self

    def at(self, now_ms) -> None:
        self.node.clock.now_ms = lambda: now_ms

    async def place(self) -> mailbox.Place:
        return mailbox.read_link((await self.keeper.offer("https://keeper.example", "Keeper", ""))[1])

    async def ask(self, signer, path, body, kind=mailbox.Ids):
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        nonce = next(_NONCES).to_bytes(12, "big")
        header, _ = mailbox.sign(signer, self.keeper._signer.public, path, raw, (self.node.clock.now_ms(), nonce))
        key, _ = self.keeper.admit(header, path, raw)
        return msgspec.json.decode(await self.keeper.answer(key, path, raw), type=kind)

    async def open(self, place, names) -> list[str]:
        """Those that were not opened."""
        return (await self.ask(place.signer(), mailbox.BOXES_PATH, mailbox.Boxes(list(names)))).ids

    def opened(self, place) -> list[str]:
        return self.keeper.places[place.signer().public].boxes

    async def leave(self, box, number=0) -> str:
        letter = number.to_bytes(8, "big") + bytes(mailbox.CLASSES[0] - 8)
        return (await self.ask(box, mailbox.PUT_PATH, letter)).ids[0]

    async def listed(self, place, done=()) -> list[str]:
        told = await self.ask(place.signer(), mailbox.LIST_PATH, mailbox.Asked(list(done)), mailbox.Listed)
        return [one.id for one in told.letters]


@pytest.fixture
async def kept():
    return await Kept().begin()


def secrets(count, begin=0) -> list[str]:
    return [b64(bytes([number + 1]) * 32) for number in range(begin, begin + count)]


def names(count) -> list[str]:
    return sorted(Signer(number.to_bytes(32, "big")).public for number in range(count))


# ---- boxes that somebody opened beforehand -------------------------------------------------------


async def test_who_opens_a_pairs_next_box_first_shuts_that_pair_out_and_no_other(kept):
    firm, partner = await kept.place(), await kept.place()
    pairs, later = secrets(3), NOW + mailbox.FORTNIGHT_MS
    assert await kept.open(firm, mailbox.open_boxes(pairs, SEED, firm.key, NOW)) == []
    taken = mailbox.box(pairs[0], firm.key, mailbox.fortnight(NOW) + 4)
    assert await kept.open(partner, [taken.public]) == []
    kept.at(later)
    wanted = mailbox.open_boxes(pairs, SEED, firm.key, later)
    assert await kept.open(firm, wanted) == [taken.public]
    assert kept.opened(firm) == sorted(set(wanted) - {taken.public})
    name = await kept.leave(mailbox.box(pairs[1], firm.key, mailbox.fortnight(later)))
    assert await kept.listed(firm) == [name]
    await kept.leave(taken)
    assert len(await kept.listed(partner)) == len(await kept.listed(firm)) == 1, "its own letters come back to it"


async def test_what_was_another_s_is_open_as_soon_as_it_is_free_and_asked_for_again(kept):
    firm, partner = await kept.place(), await kept.place()
    one, two = names(2)
    await kept.open(partner, [one])
    assert await kept.open(firm, [one, two]) == [one]
    await kept.open(partner, [])
    assert await kept.open(firm, [one, two]) == []
    assert kept.opened(firm) == [one, two]


async def test_where_nothing_at_all_can_be_opened_that_is_refused_and_what_was_open_stays(kept):
    firm, partner = await kept.place(), await kept.place()
    one, two, three = names(3)
    await kept.open(partner, [one, two])
    await kept.open(firm, [three])
    with pytest.raises(Invalid, match=r"mailbox\.boxes"):
        await kept.open(firm, [one, two])
    assert kept.opened(firm) == [three]
    assert await kept.open(firm, []) == []  # the control: nothing was asked for
    assert kept.opened(firm) == []


async def test_a_firm_goes_on_with_its_keeper_though_a_partner_took_a_box_of_theirs(monkeypatch):
    world = World()
    try:
        shop, factory, kiln = await world.pair("Kiln")
        await quiet(shop, factory)
        key, real = key_of(kiln), mailbox.fortnight
        secret = shop.mail.post.routes[factory.organisation].secret
        keeper, own = kiln.mail.keeper, factory.mail.fetch.places[key].signer().public
        thief, _ = await keeper.offer("http://kiln.example", "Kiln", "the shop's, too")
        taken = mailbox.box(secret, key, real(factory.clock.now_ms()) + 4).public
        await keeper.answer(thief, mailbox.BOXES_PATH, msgspec.json.encode(mailbox.Boxes([taken])))
        monkeypatch.setattr(mailbox, "fortnight", lambda now_ms: real(now_ms) + 1)
        await until(lambda: len(keeper.places[own].boxes) == mailbox.DECOYS_TO - 1)
        assert taken not in keeper.places[own].boxes
        assert not factory.mail.fetch.faults.get(key)
    finally:
        for node in world.nodes:
            await node.stop()
            await node.mail.end()


# ---- lists that cost much ------------------------------------------------------------------------


async def test_the_list_that_is_held_is_neither_checked_nor_written_again(kept, monkeypatch):
    place, many = await kept.place(), names(300)
    await kept.open(place, many)
    checked, written, commit, sound = [], [], kept.node.store.commit, keeping.sound

    async def commits(batch):
        written.append(batch)
        await commit(batch)

    monkeypatch.setattr(keeping, "sound", lambda name: not checked.append(name) and sound(name))
    monkeypatch.setattr(kept.node.store, "commit", commits)
    await kept.open(place, [*reversed(many), many[0]])
    assert (checked, written) == ([], [])
    one = Signer(b"1" * 32).public
    await kept.open(place, [*many, one])  # the control
    assert (checked, len(written)) == ([one], 1)


async def test_others_have_their_turn_while_a_long_list_is_checked(kept, monkeypatch):
    place, other, box = await kept.place(), await kept.place(), Signer(b"b" * 32)
    await kept.open(other, [box.public])
    checked, sound = [], keeping.sound
    monkeypatch.setattr(keeping, "sound", lambda name: not checked.append(name) and sound(name))
    opening = asyncio.create_task(kept.open(place, names(1_000)))
    await asyncio.sleep(0)
    assert 0 < len(checked) <= keeping.AT_ONCE
    name = await kept.leave(box)
    assert await kept.listed(other) == [name]
    assert len(checked) < 1_000, "a letter was left and listed meanwhile"
    assert await opening == []


async def test_of_two_lists_at_once_the_one_asked_for_last_stays(kept):
    place, many = await kept.place(), names(500)
    await asyncio.gather(kept.open(place, many), kept.open(place, many[:1]))
    assert kept.opened(place) == many[:1]


async def test_a_box_that_two_ask_for_at_once_is_one_s_alone(kept):
    one, two = await kept.place(), await kept.place()
    many = names(200)
    left_out = await asyncio.gather(kept.open(one, many), kept.open(two, [*many[:100], Signer(b"t" * 32).public]))
    assert not set(kept.opened(one)) & set(kept.opened(two))
    assert sorted(map(len, left_out)) == [0, 100]


async def test_a_place_taken_back_while_its_list_is_checked_opens_nothing(kept):
    place, many = await kept.place(), names(200)
    opening = asyncio.create_task(kept.open(place, many))
    await asyncio.sleep(0)
    await kept.keeper.withdraw(place.signer().public)
    with pytest.raises(Exception, match=r"mailbox\.unknown"):
        await opening
    assert not kept.keeper._places_of


async def test_new_names_count_as_questions_of_who_asks(kept, monkeypatch):
    monkeypatch.setattr(keeping, "EACH_MINUTE", 12)
    place, other = await kept.place(), await kept.place()
    many = names(440)
    await kept.open(place, many[:200])  # one question, and ten more
    with pytest.raises(Unavailable, match="too-often"):
        await kept.open(place, many[200:])
    assert kept.opened(place) == many[:200]
    assert await kept.open(other, many[200:400]) == []  # nobody else's
    kept.at(NOW + 60_000)
    assert await kept.open(place, [*many[:200], *many[400:]]) == []


async def test_the_longest_list_fits_into_a_minute():
    assert 1 + mailbox.BOXES_MAX // keeping.NEW_BOXES < keeping.EACH_MINUTE


@pytest.mark.parametrize("bad", ["", "A" * 43, "~"])  # "~": the last one of all
async def test_a_list_with_what_is_no_key_opens_nothing(kept, bad):
    place, many = await kept.place(), [*names(100), bad]
    with pytest.raises(Invalid, match=r"mailbox\.boxes"):
        await kept.open(place, many)
    assert kept.opened(place) == []


async def test_a_list_that_is_too_long_opens_nothing_even_of_one_name(kept):
    place = await kept.place()
    with pytest.raises(Invalid, match=r"mailbox\.boxes"):
        await kept.open(place, names(1) * (mailbox.BOXES_MAX + 1))


# ---- letters let go of ---------------------------------------------------------------------------


async def test_a_letter_told_done_twice_goes_once(kept):
    place, box = await kept.place(), Signer(b"b" * 32)
    await kept.open(place, [box.public])
    gone, stays = [await kept.leave(box, number) for number in range(2)]
    written, commit = [], kept.node.store.commit

    async def commits(batch):
        written.append(batch)
        await commit(batch)

    kept.node.store.commit = commits
    assert await kept.listed(place, [gone, gone, "x", gone]) == [stays]
    assert [[name for _, name, _ in batch.values] for batch in written] == [[gone, gone]]  # what it is, what it holds
    assert kept.keeper._bytes == mailbox.CLASSES[0]


async def test_a_letter_that_is_gone_is_let_go_of_without_harm(kept):
    place, box = await kept.place(), Signer(b"b" * 32)
    await kept.open(place, [box.public])
    name = await kept.leave(box)
    async with kept.keeper._lock:
        await kept.keeper._drop([name, name, "x"], place.signer().public)
    assert kept.keeper._bytes == 0


# ---- what the keeper could count -----------------------------------------------------------------


def at_turn(count) -> tuple[set[str], set[str]]:
    """The boxes of ``count`` pairs before and after the turn of a fortnight."""
    before, after = (mailbox.open_boxes(secrets(count), SEED, KEEPER, NOW + turn * mailbox.FORTNIGHT_MS)
                     for turn in range(2))
    return set(before), set(after)


@pytest.mark.parametrize("count", [0, 1, 3, 7, 8, 9, 16])
def test_at_the_turn_of_a_fortnight_each_pair_and_each_decoy_moves_on_by_one_box(count):
    before, after = at_turn(count)
    pairs = max(1, -(-count // mailbox.PAIRS_TO)) * mailbox.PAIRS_TO
    assert len(before) == len(after) == pairs * mailbox.OPEN
    assert len(after - before) == len(before - after) == pairs


@pytest.mark.parametrize("count", [0, 3, 6])
def test_a_pair_that_comes_takes_the_place_of_one_decoy_and_all_else_stays(count):
    before, after = (set(mailbox.open_boxes(secrets(number), SEED, KEEPER, NOW)) for number in (count, count + 1))
    assert len(before - after) == len(after - before) == mailbox.OPEN


def test_a_decoy_that_gave_its_place_to_a_partner_comes_not_back_when_there_are_more():
    few, many = ({*mailbox.open_boxes(secrets(count), SEED, KEEPER, NOW)} for count in (1, 9))
    assert len(few & many) == mailbox.OPEN  # the partner who was there
    first = mailbox.box(secrets(1)[0], KEEPER, mailbox.fortnight(NOW)).public
    assert first in few & many


def test_decoys_are_another_firm_s_nowhere_and_this_one_s_at_no_other_keeper():
    here = set(mailbox.open_boxes([], SEED, KEEPER, NOW))
    assert not here & set(mailbox.open_boxes([], b"t" * 32, KEEPER, NOW))
    assert not here & set(mailbox.open_boxes([], SEED, Signer(b"d" * 32).public, NOW))


@pytest.mark.parametrize("now_ms", [0, 60_000, mailbox.FORTNIGHT_MS - 1, mailbox.FORTNIGHT_MS])
def test_a_clock_that_was_never_set_opens_boxes_too(now_ms):
    opened = mailbox.open_boxes(secrets(1), SEED, KEEPER, now_ms)
    assert mailbox.box(secrets(1)[0], KEEPER, mailbox.fortnight(now_ms)).public in opened


# ---- what is kept in memory, and what happens at once --------------------------------------------


async def test_questions_are_forgotten_when_they_could_not_be_asked_again_anyhow(kept):
    place, idle = await kept.place(), await kept.place()
    one, two = place.signer().public, idle.signer().public
    for _ in range(5):
        await kept.open(place, [])
        await kept.open(idle, [])
    kept.at(NOW + 2 * keeping.WINDOW_MS)
    await kept.open(place, [])
    assert len(kept.keeper._used[one]) == 6, "a question of a clock ten minutes ahead is good for so long"
    kept.at(NOW + 2 * keeping.WINDOW_MS + 1)
    await kept.open(place, [])
    assert len(kept.keeper._used[one]) == 2
    assert len(kept.keeper._used[two]) == 5
    await kept.keeper.sweep()
    assert len(kept.keeper._used[two]) == 0, "who asks nothing any more takes no room either"


async def test_a_question_by_a_clock_ahead_counts_once_as_long_as_it_is_good(kept):
    place = await kept.place()
    ahead = NOW + keeping.WINDOW_MS
    header, _ = mailbox.sign(place.signer(), place.key, mailbox.LIST_PATH, b"{}", (ahead, b"n" * 12))
    kept.keeper.admit(header, mailbox.LIST_PATH, b"{}")
    kept.at(ahead + keeping.WINDOW_MS)
    await kept.open(place, [])
    with pytest.raises(Denied, match="replayed"):
        kept.keeper.admit(header, mailbox.LIST_PATH, b"{}")


def slowly(kept) -> None:
    """The store gives others their turn."""
    commit = kept.node.store.commit

    async def commits(batch):
        await asyncio.sleep(0.01)
        await commit(batch)

    kept.node.store.commit = commits


async def test_a_place_may_be_given_out_while_old_letters_go(kept):
    boxes = [Signer(bytes([number + 1]) * 32) for number in range(3)]
    for box in boxes:
        await kept.open(await kept.place(), [box.public])
        await kept.leave(box)
    kept.at(NOW + 29 * DAY_MS)
    slowly(kept)
    await asyncio.gather(kept.keeper.sweep(), kept.place(), kept.place())
    assert [room.letters for room in kept.keeper.rooms()] == [0] * 5


async def test_two_first_places_at_once_are_places_of_one_keeper(kept):
    slowly(kept)
    one, two = await asyncio.gather(kept.place(), kept.place())
    again = Keeper(kept.node, kept.node.config)
    await again.load()
    assert one.key == two.key == again._signer.public


async def test_of_places_given_out_at_once_none_is_too_many(kept, monkeypatch):
    monkeypatch.setattr(keeping, "PLACES_MAX", 2)
    slowly(kept)
    done = await asyncio.gather(*(kept.place() for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, Refused) for one in done) == 2
    assert len(kept.keeper.places) == 2
