"""Packets of MQTT come out of a stream whole, whatever pieces it comes in, and nothing too large is ever kept."""

import contextlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.machines.mqtt_packets import (
    CONNACK,
    DISCONNECT,
    LARGEST,
    PUBACK,
    RECEIVE_MAXIMUM,
    SUBACK,
    V5,
    V311,
    Broken,
    Login,
    Message,
    Reader,
    Will,
    acknowledge,
    connect,
    publish,
    subscribe,
)

topics = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="+#"), min_size=1, max_size=40)
messages = st.builds(Message, topic=topics, payload=st.binary(max_size=300), packet=st.integers(0, 65_535),
                     retained=st.booleans())


@given(st.lists(messages, max_size=8), st.sampled_from([V5, V311]), st.lists(st.integers(1, 60), min_size=1))
def test_what_is_published_is_read_again_in_any_pieces(sent: list[Message], version: int, cuts: list[int]) -> None:
    stream = b"".join(publish(one, version) for one in sent)
    reader, heard, at = Reader(version), [], 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        heard += reader.feed(stream[at:at + size])[0]
        at += size
    assert heard == sent


@given(st.binary(max_size=400), st.sampled_from([V5, V311]))
def test_no_bytes_of_a_broker_do_more_than_end_the_stream(noise: bytes, version: int) -> None:
    with contextlib.suppress(Broken):
        Reader(version).feed(noise)


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_what_is_too_large_is_passed_over_by_its_topic_and_what_follows_is_read(piece: int) -> None:
    small = publish(Message("after", b"ok"), V5)
    stream = publish(Message("big/one", bytes(5000), 9), V5) + small
    reader, heard = Reader(V5, largest=1000), []
    kept = 0
    for at in range(0, len(stream), piece):
        heard += reader.feed(stream[at:at + piece])[0]
        kept = max(kept, len(reader._left))
    assert [(one.topic, one.packet, one.passed_over > 5000) for one in heard] == [("big/one", 9, True),
                                                                                  ("after", 0, False)]
    assert kept < 1000


def test_control_without_the_bound_it_would_be_kept() -> None:
    heard, _ = Reader(V5, largest=10_000).feed(publish(Message("big/one", bytes(5000)), V5))
    assert len(heard[0].payload) == 5000


def test_connect_says_what_the_standard_asks_for() -> None:
    made = connect("c", V5, 30, Login("u", "p"), Will("w", b"bye"))
    assert made == (b"\x10\x22\x00\x04MQTT\x05\xee\x00\x1e\x05\x11\x00\x00\x00\x00\x00\x01c"
                    b"\x00\x00\x01w\x00\x03bye\x00\x01u\x00\x01p")
    assert connect("c", V311, 30, Login()) == b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01c"


def test_our_own_messages_are_not_asked_for() -> None:
    assert subscribe(1, {"a": 1}, V5)[-1] == 0x05
    assert subscribe(1, {"a": 2}, V311)[-1] == 0x01


def test_answers_are_read_with_their_reasons_and_limits() -> None:
    reader = Reader(V5)
    _, answers = reader.feed(
        b"\x20\x06\x00\x00\x03\x21\x00\x0a" + b"\x90\x06\x00\x05\x00\x00\x01\x87" + b"\x40\x03\x00\x07\x10"
        + acknowledge([8]) + b"\xd0\x00" + b"\xe0\x01\x8b")
    assert [(one.kind, one.packet, one.reasons) for one in answers] == [
        (CONNACK, 0, (0,)), (SUBACK, 5, (0, 1, 0x87)), (PUBACK, 7, (0x10,)),
        (PUBACK, 8, (0,)), (13, 0, ()), (DISCONNECT, 0, (0x8B,))]
    assert answers[0].properties == {RECEIVE_MAXIMUM: 10}


def test_refusals_of_311_are_told_in_the_codes_of_5() -> None:
    assert Reader(V311).feed(b"\x20\x02\x00\x05")[1][0].reasons == (0x87,)


@pytest.mark.parametrize("stream", [
    b"\x30\xff\xff\xff\xff\x01",  # a length that never ends
    b"\x36\x05\x00\x01a\x00\x01",  # QoS 3
    b"\x34\x05\x00\x01a\x00\x01",  # QoS 2, which nobody asked for
    b"\x10\x02\x00\x00",  # a broker that connects
    b"\x30\x03\x00\x05a",  # a topic longer than its packet
    b"\x30\x04\x00\x02\xff\xfe",  # a topic that is not UTF-8
    b"\x20" + b"\x80\x80\x80\x01" + b"\x00\x00",  # a CONNACK above every limit
])
def test_what_no_broker_may_say_ends_the_stream(stream: bytes) -> None:
    with pytest.raises(Broken):
        Reader(V5).feed(stream)


def test_the_largest_packet_that_is_kept_is_a_mebibyte() -> None:
    body = struct.pack(">H", 1) + b"t\x00"
    fits = Message("t", bytes(LARGEST - len(body)))
    assert len(Reader(V5).feed(publish(fits, V5))[0][0].payload) == LARGEST - len(body)
    assert Reader(V5).feed(publish(Message("t", bytes(LARGEST)), V5))[0][0].passed_over > LARGEST


def test_a_large_packet_in_small_pieces_is_put_together_once() -> None:
    """Control: where it is put together at each piece, a broker that sends byte by byte keeps the node busy."""
    stream = publish(Message("a", bytes(500_000)), V5)
    reader, walks = Reader(V5), 0
    walk = reader._walk

    def counted(*given: Any) -> int:
        nonlocal walks
        walks += 1
        return walk(*given)

    reader._walk = counted  # type: ignore[method-assign]  # to count how often it is looked through
    heard = [one for at in range(0, len(stream), 100) for one in reader.feed(stream[at:at + 100])[0]]
    assert [len(one.payload) for one in heard] == [500_000]
    assert walks == 2
