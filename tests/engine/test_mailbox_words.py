"""Letters and boxes: what is sealed opens for the pair alone, says nothing by its size, and links of places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.canonical import b64
from weft.basis.errors import Invalid
from weft.engine.mail import mailbox
from weft.identity.keys import Signer

SECRET, OTHER = b64(b"p" * 32), b64(b"q" * 32)
KEEPER, DOCK = Signer(b"k" * 32).public, Signer(b"d" * 32).public
NONCE = b"n" * 24


@given(st.binary(max_size=5_000))
def test_what_was_sealed_is_opened_and_its_size_is_one_of_a_few(content):
    letter = mailbox.seal(SECRET, KEEPER, 7, content, NONCE)
    assert len(letter) in mailbox.CLASSES
    assert mailbox.unseal(SECRET, KEEPER, 7, letter) == content


@pytest.mark.parametrize("size", [one - mailbox.OVERHEAD for one in mailbox.CLASSES])
def test_each_class_holds_as_much_as_it_can(size):
    assert len(mailbox.seal(SECRET, KEEPER, 7, bytes(size), NONCE)) == size + mailbox.OVERHEAD
    if size + mailbox.OVERHEAD == mailbox.CLASSES[-1]:
        with pytest.raises(Invalid, match="too-large"):
            mailbox.seal(SECRET, KEEPER, 7, bytes(size + 1), NONCE)
    else:
        assert len(mailbox.seal(SECRET, KEEPER, 7, bytes(size + 1), NONCE)) > size + mailbox.OVERHEAD


@pytest.mark.parametrize("how", [(OTHER, KEEPER, 7), (SECRET, DOCK, 7), (SECRET, KEEPER, 8)])
def test_it_opens_for_nobody_else_nowhere_else_and_at_no_other_time(how):
    letter = mailbox.seal(SECRET, KEEPER, 7, b"words", NONCE)
    with pytest.raises(Invalid, match="damaged"):
        mailbox.unseal(*how, letter)


@given(st.integers(0, mailbox.CLASSES[0] - 1), st.integers(1, 255))
def test_a_changed_byte_is_seen(at, change):
    letter = bytearray(mailbox.seal(SECRET, KEEPER, 7, b"words", NONCE))
    letter[at] ^= change
    with pytest.raises(Invalid, match="damaged"):
        mailbox.unseal(SECRET, KEEPER, 7, bytes(letter))


@given(st.binary(max_size=200))
def test_rubbish_is_no_letter(rubbish):
    with pytest.raises(Invalid, match="damaged"):
        mailbox.unseal(SECRET, KEEPER, 7, rubbish)


def test_boxes_have_nothing_in_common_and_their_number_says_little():
    now = 100 * mailbox.FORTNIGHT_MS
    one = mailbox.open_boxes([SECRET], b"s" * 32, KEEPER, now)
    two = mailbox.open_boxes([SECRET, OTHER], b"s" * 32, KEEPER, now)
    assert len(one) == len(two) == len(mailbox.open_boxes([], b"s" * 32, KEEPER, now)) == mailbox.DECOYS_TO
    assert len(set(one)) == len(one)
    assert not set(one) & set(mailbox.open_boxes([SECRET], b"s" * 32, DOCK, now))  # two keepers cannot compare
    later = mailbox.open_boxes([SECRET], b"s" * 32, KEEPER, now + mailbox.FORTNIGHT_MS)
    real = {mailbox.box(SECRET, KEEPER, when).public for when in range(99, 105)}
    assert len(real & set(one)) == len(real & set(later)) == mailbox.AHEAD + 2
    many = [b64(bytes([number]) * 32) for number in range(9)]
    assert len(mailbox.open_boxes(many, b"s" * 32, KEEPER, now)) == 2 * mailbox.DECOYS_TO


def test_who_writes_by_a_clock_two_weeks_off_still_finds_an_open_box():
    now = 100 * mailbox.FORTNIGHT_MS + 5
    opened = set(mailbox.open_boxes([SECRET], b"s" * 32, KEEPER, now))
    for skew in (-mailbox.FORTNIGHT_MS, 0, mailbox.FORTNIGHT_MS, mailbox.AHEAD * mailbox.FORTNIGHT_MS):
        assert mailbox.box(SECRET, KEEPER, mailbox.fortnight(now + skew)).public in opened


PLACE = mailbox.Place(key=KEEPER, url="https://keeper.example:8440/weft", seed=b64(b"s" * 32), name="恒泰 & 阀门")


def test_a_link_hands_over_the_place():
    assert mailbox.read_link(f"  {mailbox.link_of(PLACE)}\n") == PLACE


@pytest.mark.parametrize("link", [
    "", "weft:mailbox", "weft:join?at=x", mailbox.link_of(PLACE)[:60], mailbox.link_of(PLACE).replace("weft:", "http:"),
    mailbox.link_of(PLACE).replace("https", "ftp"), mailbox.link_of(PLACE).replace(KEEPER, "A" * 43),
    mailbox.link_of(PLACE) + "x" * 2_000, "weft:mailbox?" + "&".join("a=b" for _ in range(30)), "http://[",
])
def test_what_is_no_link_of_a_place_is_told(link):
    with pytest.raises(Invalid, match=r"mailbox\.link"):
        mailbox.read_link(link)
