"""The door of a keeper: what strangers get, what boxes and places may ask, quotas, and what survives."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doors.asking import Client
from tests.engine.home import empty_node
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Unavailable
from weft.config import Mailbox
from weft.doors import mailbox as door
from weft.engine.mail import mailbox
from weft.engine.mail.keeper import EACH_MINUTE, Keeper
from weft.engine.mail.office import Mail
from weft.identity.keys import Signer

SMALL = mailbox.CLASSES[0]
_NONCES = itertools.count()


class Kept:
    """A keeper's node and its door; ``ask`` signs as whoever asks."""

    def __init__(self, node):
        self.node, self.client = node, Client(door.routes(node))
        self.keeper = node.mail.keeper

    async def place(self) -> mailbox.Place:
        _, link = await self.keeper.offer("https://keeper.example", "Keeper", "for a test")
        return mailbox.read_link(link)

    def header(self, signer, path, body, *, at_ms=None, keeper=None) -> str:
        now = self.node.clock.now_ms() if at_ms is None else at_ms
        nonce = next(_NONCES).to_bytes(12, "big")
        return mailbox.sign(signer, keeper or self.keeper._signer.public, path, body, (now, nonce))[0]

    async def ask(self, signer, path, body, **how):
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.client.ask(path, "POST", {"weft-mail": self.header(signer, path, raw, **how)}, raw)

    async def opened(self, count=1):
        """(place, boxes) of a place with ``count`` open boxes."""
        place = await self.place()
        boxes = [Signer(bytes([number + 1]) * 32) for number in range(count)]
        answer = await self.ask(place.signer(), mailbox.BOXES_PATH, mailbox.Boxes([one.public for one in boxes]))
        assert answer.status == 200, answer.json()
        return place, boxes

    async def listed(self, place, done=()):
        answer = await self.ask(place.signer(), mailbox.LIST_PATH, mailbox.Asked(list(done)))
        return msgspec.json.decode(answer.body, type=mailbox.Listed).letters


async def keeping(**limits) -> Kept:
    node = await empty_node()
    node.config = msgspec.structs.replace(node.config, mailbox=Mailbox(**limits))
    node.mail = Mail(node, None)
    return Kept(node)


@pytest.fixture
async def kept():
    return await keeping()


def letter(number=0, size=SMALL) -> bytes:
    return number.to_bytes(8, "big") + bytes(size - 8)


async def test_a_letter_is_left_listed_taken_out_and_gone(kept):
    place, (box,) = await kept.opened()
    left = await kept.ask(box, mailbox.PUT_PATH, letter())
    assert left.status == 200
    (name,) = left.json()["ids"]
    assert (await kept.ask(box, mailbox.PUT_PATH, letter())).json() == left.json()  # once more is no second one
    (one,) = await kept.listed(place)
    assert (one.id, one.box, one.bytes) == (name, box.public, SMALL)
    assert (await kept.ask(box, mailbox.HELD_PATH, mailbox.Ids([name, "x"]))).json()["ids"] == [name]
    taken = await kept.ask(place.signer(), mailbox.TAKE_PATH, mailbox.Ids([name]))
    assert taken.body == letter()
    mailbox.check_reply(place.key, kept_nonce(), taken.body, taken.headers["weft-mail-reply"])
    assert await kept.listed(place, [name]) == []
    gone = await kept.ask(place.signer(), mailbox.TAKE_PATH, mailbox.Ids([name]))
    assert (gone.status, gone.json()["code"]) == (404, "mailbox.no-letter")
    assert (await kept.ask(box, mailbox.HELD_PATH, mailbox.Ids([name]))).json()["ids"] == []
    assert not await kept.node.store.values("mailbox-letter")


def kept_nonce() -> str:
    """The nonce of the last question."""
    return b64((next(_NONCES) - 1).to_bytes(12, "big"))


async def test_a_stranger_gets_the_same_404_whatever_he_sends_and_wherever(kept):
    _, (box,) = await kept.opened()
    stranger = Signer(b"s" * 32)
    said = set()
    for path in door.PATHS:
        for headers in ({}, {"weft-mail": "x"}, {"weft-mail": "a.b.c.d"}, {"weft-mail": "x" * 5000},
                        {"weft-mail": kept.header(stranger, path, b"{}")}):
            answer = await kept.client.ask(path, "POST", headers, b"{}")
            said.add((answer.status, answer.body))
        forged = kept.header(stranger, path, b"{}").replace(stranger.public, box.public)
        answer = await kept.client.ask(path, "POST", {"weft-mail": forged}, b"{}")
        said.add((answer.status, answer.body))
    assert said == {(404, b'{"code":"mailbox.unknown"}')}


async def test_a_node_that_keeps_nothing_knows_nobody(kept):
    answer = await kept.client.ask(mailbox.PUT_PATH, "POST", {"weft-mail": f"{'k' * 43}.1.n.{'s' * 86}"}, b"")
    assert (answer.status, answer.json()["code"]) == (404, "mailbox.unknown")


async def test_a_box_takes_nothing_out_and_a_place_leaves_nothing(kept):
    place, (box,) = await kept.opened()
    for path in (mailbox.LIST_PATH, mailbox.TAKE_PATH, mailbox.BOXES_PATH):
        assert (await kept.ask(box, path, mailbox.Asked())).status == 404
    for path in (mailbox.PUT_PATH, mailbox.HELD_PATH):
        assert (await kept.ask(place.signer(), path, letter())).status == 404


async def test_one_place_neither_sees_nor_takes_nor_closes_what_is_another_s(kept):
    place, (box,) = await kept.opened()
    other = await kept.place()
    name = (await kept.ask(box, mailbox.PUT_PATH, letter())).json()["ids"][0]
    assert await kept.listed(other, [name]) == []
    assert (await kept.ask(other.signer(), mailbox.TAKE_PATH, mailbox.Ids([name]))).status == 404
    stolen = await kept.ask(other.signer(), mailbox.BOXES_PATH, mailbox.Boxes([box.public]))
    assert (stolen.status, stolen.json()["code"]) == (422, "mailbox.boxes")
    assert len(await kept.listed(place)) == 1


async def test_a_question_counts_once_for_this_keeper_in_its_time_and_as_it_was_signed(kept):
    place, (box,) = await kept.opened()
    header = kept.header(box, mailbox.PUT_PATH, letter())
    assert (await kept.client.ask(mailbox.PUT_PATH, "POST", {"weft-mail": header}, letter(1))).status == 404
    assert (await kept.client.ask(mailbox.PUT_PATH, "POST", {"weft-mail": header}, letter())).status == 200
    assert (await kept.client.ask(mailbox.PUT_PATH, "POST", {"weft-mail": header}, letter())).status == 404  # replayed
    assert (await kept.client.ask(mailbox.HELD_PATH, "POST", {"weft-mail": header}, letter())).status == 404
    assert (await kept.ask(box, mailbox.PUT_PATH, letter(), keeper=Signer(b"o" * 32).public)).status == 404
    early = await kept.ask(box, mailbox.PUT_PATH, letter(), at_ms=kept.node.clock.now_ms() - 11 * 60_000)
    assert (early.status, early.json()["code"]) == (403, "mailbox.request-time")
    assert len(await kept.listed(place)) == 1


@pytest.mark.parametrize("size", [0, 1, SMALL - 1, SMALL + 1, mailbox.CLASSES[-1] - 1])
async def test_a_letter_of_no_class_is_refused(kept, size):
    _, (box,) = await kept.opened()
    answer = await kept.ask(box, mailbox.PUT_PATH, bytes(size))
    assert (answer.status, answer.json()["code"]) == (422, "mailbox.size-class")


async def test_more_than_the_largest_letter_is_not_even_read(kept):
    _, (box,) = await kept.opened()
    assert (await kept.ask(box, mailbox.PUT_PATH, bytes(mailbox.CLASSES[-1] + 1))).status == 413


async def fill(kept, box) -> int:
    """How many letters ``box`` takes."""
    taken = 0
    while (await kept.ask(box, mailbox.PUT_PATH, letter(taken))).status == 200:
        taken += 1
    return taken


async def test_all_boxes_that_a_partner_knows_fill_half_of_the_place_and_the_others_find_room():
    kept = await keeping(place_letters=40)
    _, boxes = await kept.opened(2 * mailbox.OPEN + 1)
    assert [await fill(kept, box) for box in boxes[:mailbox.OPEN]] == [4] * mailbox.OPEN  # of one pair, five at a time
    assert sum(room.letters for room in kept.node.mail.keeper.rooms()) == 20
    assert [await fill(kept, box) for box in boxes[mailbox.OPEN:]] == [4] * mailbox.OPEN + [0]  # another's
    full = await kept.ask(boxes[-1], mailbox.PUT_PATH, letter())
    assert (full.status, full.json()["code"]) == (409, "mailbox.full")


async def test_one_letter_finds_room_in_the_smallest_place():
    kept = await keeping(place_letters=2, place_megabytes=5)
    _, (one, two, three) = await kept.opened(3)
    assert (await kept.ask(one, mailbox.PUT_PATH, letter(0, mailbox.CLASSES[-1]))).status == 200
    assert [await fill(kept, box) for box in (one, two, three)] == [0, 1, 0]


async def test_bytes_count_too_for_each_place_and_for_all():
    kept = await keeping(place_megabytes=2, all_megabytes=2)
    _, (one, two) = await kept.opened(2)
    large = mailbox.CLASSES[4]
    assert (await kept.ask(one, mailbox.PUT_PATH, letter(0, large))).status == 200
    assert (await kept.ask(one, mailbox.PUT_PATH, letter(1, large))).status == 409  # its half
    assert (await kept.ask(two, mailbox.PUT_PATH, letter(2, large))).status == 200
    place = await kept.place()
    box = Signer(b"z" * 32)
    assert (await kept.ask(place.signer(), mailbox.BOXES_PATH, mailbox.Boxes([box.public]))).status == 200
    assert (await kept.ask(box, mailbox.PUT_PATH, letter(3))).status == 409  # all places together


async def test_who_asks_too_often_waits_and_nobody_else_does(kept):
    _, (one, two) = await kept.opened(2)
    now = kept.node.clock.now_ms()
    kept.node.clock.now_ms = lambda: now
    codes = {(await kept.ask(one, mailbox.HELD_PATH, mailbox.Ids([]))).status for _ in range(EACH_MINUTE)}
    assert codes == {200}
    assert (await kept.ask(one, mailbox.HELD_PATH, mailbox.Ids([]))).status == 503
    assert (await kept.ask(two, mailbox.HELD_PATH, mailbox.Ids([]))).status == 200


async def test_old_letters_go_and_young_ones_stay(kept):
    place, (box,) = await kept.opened()
    await kept.ask(box, mailbox.PUT_PATH, letter(1))
    day, begun = 86_400_000, kept.node.clock.now_ms()
    kept.node.clock.now_ms = lambda: begun + 20 * day
    await kept.ask(box, mailbox.PUT_PATH, letter(2))
    kept.node.clock.now_ms = lambda: begun + 29 * day
    await kept.keeper.sweep()
    assert [one.id for one in await kept.listed(place)] == [mailbox.letter_id(box.public, letter(2))]


async def test_a_closed_box_takes_no_more_and_its_letters_stay_to_be_fetched(kept):
    place, (box,) = await kept.opened()
    await kept.ask(box, mailbox.PUT_PATH, letter())
    await kept.ask(place.signer(), mailbox.BOXES_PATH, mailbox.Boxes([]))
    assert (await kept.ask(box, mailbox.PUT_PATH, letter(1))).status == 404
    assert len(await kept.listed(place)) == 1


async def test_a_place_taken_back_leaves_nothing(kept):
    place, (box,) = await kept.opened()
    await kept.ask(box, mailbox.PUT_PATH, letter())
    await kept.keeper.withdraw(place.signer().public)
    assert (await kept.ask(box, mailbox.PUT_PATH, letter(1))).status == 404
    assert (await kept.ask(place.signer(), mailbox.LIST_PATH, mailbox.Asked())).status == 404
    for bucket in ("mailbox-place", "mailbox-about", "mailbox-letter"):
        assert not await kept.node.store.values(bucket)


async def test_all_that_was_kept_is_there_after_a_restart_and_the_keeper_has_the_same_key(kept):
    place, (box,) = await kept.opened()
    names = [(await kept.ask(box, mailbox.PUT_PATH, letter(number))).json()["ids"][0] for number in range(3)]
    again = Keeper(kept.node, kept.node.config)
    await again.load()
    assert again._signer.public == place.key
    assert set(again._kept[place.signer().public]) == set(names)
    kept.node.mail.keeper = kept.keeper = again
    assert len(await kept.listed(place)) == 3
    assert again._bytes == 3 * SMALL


async def test_what_the_disk_did_not_take_was_not_taken(kept):
    place, (box,) = await kept.opened()
    commit = kept.node.store.commit

    async def failing(_batch):
        raise Unavailable("store.unavailable", path="p", reason="r")

    kept.node.store.commit = failing
    assert (await kept.ask(box, mailbox.PUT_PATH, letter())).status == 503
    kept.node.store.commit = commit
    assert await kept.listed(place) == []
    assert (await kept.ask(box, mailbox.PUT_PATH, letter())).status == 200


async def test_what_is_written_down_names_no_firm_thread_or_address(kept):
    place, (box,) = await kept.opened()
    await kept.ask(box, mailbox.PUT_PATH, letter())
    allowed = {place.signer().public, box.public, mailbox.letter_id(box.public, letter())}
    for bucket in ("mailbox-place", "mailbox-about"):
        for key, raw in await kept.node.store.values(bucket):
            told = msgspec.json.decode(raw)
            texts = [key, *(one for one in told.values() if isinstance(one, str)), *told.get("boxes", [])]
            assert {one for one in texts if one} - {"for a test"} <= allowed


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=300) | st.sampled_from([
    b"", b"null", b"[]", b"{}", b'{"ids":null}', b'{"ids":[1]}', b'{"boxes":["x"]}', b'{"wait_ms":-1}',
    b'{"wait_ms":1e9}', b'{"done":["' + b"x" * 100 + b'"]}', b"[" * 200, b'{"wait_ms":99999999999999999999}']),
    path=st.sampled_from(door.PATHS))
async def test_nothing_that_a_place_or_box_says_makes_an_error_of_ours(body, path):
    kept = await keeping()
    place, (box,) = await kept.opened()
    kept.keeper.close()  # nobody waits here for letters
    for who in (place.signer(), box):
        answer = await kept.ask(who, path, body)
        assert answer.status < 500, answer.body
    assert unb64(place.key, 32)


async def test_who_asks_much_makes_nobody_elses_questions_good_again(kept, monkeypatch):
    monkeypatch.setattr("weft.engine.mail.keeper.NONCES_MAX", 3)
    place, _ = await kept.opened()
    other = await kept.place()
    header = kept.header(place.signer(), mailbox.LIST_PATH, b"{}")

    async def again():
        return (await kept.client.ask(mailbox.LIST_PATH, "POST", {"weft-mail": header}, b"{}")).status

    assert await again() == 200
    for _ in range(9):
        await kept.listed(other)
    assert await again() == 404, "another place's questions do not push this one out"
    for _ in range(9):
        await kept.listed(place)
    assert await again() == 200, "the control: its own do"
