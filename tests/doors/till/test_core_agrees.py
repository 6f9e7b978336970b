"""Whatever is asked, the node and a till in a real Chromium say the same: fresh books, bent slips, made-up days."""

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pricing.books import asks, books
from tests.vectors import prices, slips
from tests.vectors.test_till_vectors import load
from weft.basis import canonical
from weft.basis.errors import WeftError
from weft.pricing import book as price_books
from weft.pricing.evaluate import Attributes
from weft.till import qr, slip, verify

pytestmark = pytest.mark.browser
TRIED = settings(deadline=None, max_examples=40)
EACH = slips.EACH
SEEDS = st.integers(0, 2**32)
PRICE = """async (core, { book, asks }) => {
  const known = await core.price.load(new TextEncoder().encode(book)), told = [];
  for (const ask of asks) told.push(await core.refusal(() => core.canonical.text(core.price.price(known, ask))));
  return told;
}"""
JUDGE = """async (core, { text, signature }) => {
  const told = await core.refusal(() => core.slip.parse(new TextEncoder().encode(text)));
  if (told.error) return told.error;
  return (await core.verify.verify({ slip: told.value, signature })).map(({ code, facts }) => [code, facts]);
}"""
DAY = """async (core, { chain }) => {
  const told = [];
  let before = null, day = [], last = null;
  for (const text of chain) {
    const { slip, signature } = JSON.parse(text);
    const faults = [...await core.verify.verify({ slip, signature }), ...await core.verify.follows(slip, before)];
    if (slip.kind === "close") {
      faults.push(...core.closing.check(slip, day, last));
      [day, last] = [[], slip];
    } else day.push(slip);
    const held = await core.slip.fromQr(await core.slip.qrText({ slip, signature }));
    told.push({ faults, hash: await core.slip.hashOf(held.slip), qr: await core.slip.qrText(held) });
    before = slip;
  }
  return told;
}"""


def agreed(core, book, given: list[Attributes]) -> None:
    told = core.ask(PRICE, {"book": book.canonical.decode(), "asks": [msgspec.to_builtins(one) for one in given]})
    for one, theirs in zip(given, told, strict=True):
        ours = prices.told(book, one)
        if "priced" in ours:
            assert theirs == {"value": canonical.encode(ours["priced"]).decode()}, one
        else:
            assert theirs == ours, one


@TRIED
@given(SEEDS)
def test_prices_of_fresh_books(core, seed):
    random = Random(seed)
    book = prices.sound(random, seed)
    agreed(core, book, [prices.ask(random, book) for _ in range(25)])


@TRIED
@given(books(), st.lists(asks, min_size=1, max_size=20))
def test_prices_of_books_that_shrink(core, book, given):
    agreed(core, book, given)


@TRIED
@given(st.text(max_size=40), st.text(max_size=40))
def test_prices_of_any_text(core, item, count):
    """Also what is no number, no item, or lies outside the plain (letters of two units, controls)."""
    try:
        book = price_books.load({**prices.EDGE, "lines": [
            {"item": item, "unit": "C62", "tiers": [{"from": "0", "price": "1"}]}]})
        _ = book.canonical
    except WeftError:
        return
    other = Attributes(item=count, unit=item, quantity="1")
    agreed(core, book, [Attributes(item=item, unit="C62", quantity=count), other])


def ours(text: str, signature: str) -> Any:
    try:
        one = slip.parse(text.encode())
    except WeftError as error:
        return error.code
    return [[told.code, told.facts] for told in verify.verify(slip.Signed(slip=one, signature=signature))]


def leaves(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, one in inner for leaf in leaves(one, (*path, key)))]


def bent(value: Any, path: tuple, to: Any) -> Any:
    """``value`` with what stands at ``path`` made ``to``, or taken out where that is ``...``."""
    if not path:
        return to
    made = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and to is ...:
        del made[path[0]]
    else:
        made[path[0]] = bent(value[path[0]], path[1:], to)
    return made


REPLACED = st.one_of(
    st.just(...), st.none(), st.booleans(), st.integers(-2, 300), st.text(max_size=12), st.just([]), st.just({}),
    st.sampled_from(["", "0", "1", "0.00", "1.00", "-1.00", "cash", "close", "return", "gross", "slip/1", " \x1c"]))


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 223), st.lists(st.tuples(st.integers(0, 10_000), REPLACED), min_size=1, max_size=3))
def test_a_bent_slip_is_told_the_same_by_both_and_held_by_neither(core, which, changes):
    signed = json.loads(load("slip.json")["slips"][which]["text"])
    made = signed["slip"]
    for where, to in changes:
        paths = leaves(made)[1:]
        made = bent(made, paths[where % len(paths)], to)
    try:
        text = canonical.encode(made).decode()
    except WeftError:
        return
    theirs = core.ask(JUDGE, {"text": text, "signature": signed["signature"]})
    assert theirs == ours(text, signed["signature"])
    same = text == canonical.encode(signed["slip"]).decode()  # in Python 0 is False
    assert theirs == [] if same else theirs


@settings(deadline=None, max_examples=8)
@given(SEEDS, st.integers(0, 4))
def test_the_days_of_a_till(core, seed, number):
    made = slips.till(number, Random(seed))
    chain = [slips.signed(made, one) for one in made.chain if len(one.lines) < 20][:EACH]
    told = core.ask(DAY, {"chain": [one.canonical.decode() for one in chain]})
    for one, theirs in zip(chain, told, strict=True):
        assert theirs["faults"] == []
        assert theirs["hash"] == one.slip.hash
        assert qr.decode(theirs["qr"]) == one


