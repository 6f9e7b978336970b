"""Points in few bytes: all of them come back bit for bit, and what we did not write is refused."""

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.shopfloor.series import BAD, GOOD, MISSING, UNCERTAIN
from weft.stores.series_coding import CHUNK_MAX, decode, decode_batch, encode, encode_batch, points_of

VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0),
    st.integers(-(1 << 53), 1 << 53).map(float), st.integers(-10_000, 10_000).map(lambda whole: whole / 10))
POINT = st.tuples(st.integers(0, 1 << 31), VALUES, st.sampled_from([GOOD, UNCERTAIN, BAD, MISSING]))
POINTS = st.lists(POINT, min_size=1, max_size=50).map(sorted).map(
    lambda points: [(at, None if quality >= BAD else value, quality) for at, value, quality in points])


@given(POINTS)
def test_a_chunk_gives_back_what_was_put_in(points):
    assert points_of(decode(encode(points))) == points


@given(POINTS)
def test_a_batch_gives_back_what_was_put_in(points):
    numbers = [place % 7 + 1 for place in range(len(points))]
    assert decode_batch(encode_batch(numbers, points)) == (numbers, points)


@given(st.lists(st.sampled_from([0.1, 1e300, 3.0, 1 / 3, 5e-324, -2.5]), min_size=1, max_size=30))
def test_numbers_of_every_size_keep_every_bit(values):
    chunk = decode(encode([(at, value, GOOD) for at, value in enumerate(values)]))
    assert array("d", chunk.values).tobytes() == array("d", values).tobytes()


def test_an_ordinary_machine_costs_less_than_two_bytes_a_value():
    luck, at, points = random.Random(1), 1_764_000_000_000, []
    for step in range(1_024):
        at += 1_000 + luck.randint(-30, 30)
        points.append((at, round(40 + (step % 50) / 10 + luck.gauss(0, 0.2), 1), GOOD))
    assert len(encode(points)) < 2 * len(points)


def test_a_float_without_decimals_is_found_out_to_cost_more():
    """The control: the bound above measures something."""
    luck = random.Random(1)
    assert len(encode([(1_000 * step, luck.gauss(0, 1), GOOD) for step in range(1_024)])) > 6 * 1_024


@given(st.binary(max_size=200))
def test_bytes_that_we_did_not_write_are_refused(data):
    for read in (decode, decode_batch):
        with pytest.raises(Invalid, match=r"store\.corrupt"):
            read(data)


@given(POINTS, st.data())
def test_a_bent_chunk_is_refused_or_read_within_its_bounds(points, data):
    whole = bytearray(encode(points))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        chunk = decode(bytes(whole))
    except Invalid:
        return
    assert len(chunk.times) == len(chunk.values) <= CHUNK_MAX
    assert all(place < len(chunk.times) for place, _ in chunk.marks)
