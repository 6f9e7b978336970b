"""Whether a slip is sound, signed by its till, and follows the one before.

Rule 1: all findings are told at once; none means that the slip holds by itself.
Rule 2: what needs other slips is told apart: ``follows`` the one before, ``returns.py`` the sale, ``closing.py`` a day.
Not here: whether the key was delegated to a till of the firm (its key log), whether the price is the book's.
"""

import re
from collections.abc import Iterator
from typing import Final

from weft.basis import instant, quantity
from weft.basis.canonical import INTEGER_MAX, named, unb64
from weft.basis.errors import Invalid
from weft.identity import keys
from weft.till import closing, totals
from weft.till.slip import LIFE_BYTES, SLIP_BYTES_MAX, Finding, Line, Signed, Slip, found
from weft.till.totals import Taxed

LINES_MAX: Final = 200
TEXT_MAX: Final = 120
ATTRIBUTES_MAX: Final = 8
PRICE_DECIMALS_MAX: Final = 6
PERCENT_MAX: Final = 100
_CATEGORY: Final = re.compile(r"[A-Z]{1,3}")
_OF_GOODS: Final = ("net", "tax", "gross", "partner", "book", "attributes", "off_book")
_UNREADABLE: Final = frozenset({"slip.not-canonical", "slip.too-large"})


def verify(signed: Signed) -> tuple[Finding, ...]:
    """Everything wrong with a signed slip taken alone; empty when it holds."""
    faults = findings(signed.slip)
    if any(one.code in _UNREADABLE for one in faults):
        return faults  # there are no bytes that could have been signed
    return faults + signature_findings(signed)


def signature_findings(signed: Signed) -> tuple[Finding, ...]:
    """``slip.key`` or ``slip.signature`` if the till's key did not sign this slip."""
    if not keys.sound(signed.slip.till):
        return (found("key"),)
    try:
        made = unb64(signed.signature, keys.SIGNATURE_BYTES)
    except Invalid:
        return (found("signature"),)
    return () if keys.verify(signed.slip.till, signed.slip.digest, made) else (found("signature"),)


def findings(slip: Slip) -> tuple[Finding, ...]:
    """Everything wrong with the form and the sums of ``slip`` taken alone."""
    try:
        if len(slip.canonical) > SLIP_BYTES_MAX:
            return (found("too-large", limit=SLIP_BYTES_MAX),)
    except Invalid:
        return (found("not-canonical"),)
    if slip.currency not in quantity.MINOR_UNITS:
        return (*_head(slip), found("currency", value=slip.currency))
    sums = _sums(slip) if slip.kind != "close" else _close(slip)
    return (*_head(slip), *_attributes(slip), *_kind(slip), *sums)


def follows(slip: Slip, before: Slip | None) -> tuple[Finding, ...]:
    """What keeps ``slip`` from being the next after ``before`` (None: from being the first of its life)."""
    if before is None:
        return () if slip.n == 1 and not slip.prev else (found("chain-gap", expected=1, n=slip.n),)
    faults = [
        found("chain-other", where=where)
        for where in ("till", "life", "firm")
        if getattr(slip, where) != getattr(before, where)
    ]
    if slip.n != before.n + 1:
        faults.append(found("chain-gap", expected=before.n + 1, n=slip.n))
    elif slip.prev != before.hash:
        faults.append(found("chain-broken", n=slip.n))
    return tuple(faults)


def contradicts(one: Slip, other: Slip) -> bool:
    """Whether both stand at one place and differ: each is kept, and both together prove it."""
    return one.place == other.place and one.hash != other.hash


def _head(slip: Slip) -> Iterator[Finding]:
    yield from _names(slip)
    if not 1 <= slip.n <= INTEGER_MAX or (slip.n == 1) != (not slip.prev):
        yield found("chain-start", n=slip.n)
    try:
        if instant.from_ms(instant.to_ms(slip.at)) != slip.at:
            yield found("instant", value=slip.at)
    except Invalid:
        yield found("instant", value=slip.at)


def _names(slip: Slip) -> Iterator[Finding]:
    sizes = {"firm": 32, "till": 32, "life": LIFE_BYTES, "prev": 32, "book": 32, "of": 32, "partner": 32}
    for where, size in sizes.items():
        name = getattr(slip, where)
        if not name and where not in {"firm", "till", "life"}:
            continue
        try:
            named(name, size)
        except Invalid:
            yield found("name", where=where)


def _attributes(slip: Slip) -> Iterator[Finding]:
    if len(slip.attributes) > ATTRIBUTES_MAX:
        yield found("too-many", what="attributes", limit=ATTRIBUTES_MAX)
    for name, value in sorted(slip.attributes.items()):
        if not 1 <= len(name) <= TEXT_MAX or not 1 <= len(value) <= TEXT_MAX:
            yield found("text", where=name or "attributes", limit=TEXT_MAX)


def _kind(slip: Slip) -> Iterator[Finding]:
    """Each kind has its own fields, and no others."""
    is_close = slip.kind == "close"
    wrong = {
        "close": is_close != (slip.close is not None),
        "lines": is_close == bool(slip.lines),
        "pay": is_close == bool(slip.pay),
        "of": (slip.kind == "return") != bool(slip.of),
        "partner": slip.pay == "account" and not slip.partner,
    }
    if is_close:
        wrong |= {where: bool(getattr(slip, where)) for where in _OF_GOODS}
        wrong["basis"] = slip.basis != "net"
    for where, fault in wrong.items():
        if fault:
            yield found("field", where=where, kind=slip.kind)


def _close(slip: Slip) -> Iterator[Finding]:
    if slip.close is not None:
        yield from closing.findings(slip.close, slip.n, slip.currency)


def _sums(slip: Slip) -> Iterator[Finding]:
    if len(slip.lines) > LINES_MAX:
        yield found("too-many", what="lines", limit=LINES_MAX)
        return
    parts: list[Taxed] = []
    for place, line in enumerate(slip.lines, 1):
        yield from _line(slip, place, line)
        for one in _money(slip, place, line):
            if isinstance(one, Taxed):
                parts.append(one)
            else:
                yield one
    try:
        told = totals.read(slip, slip.currency)
    except Invalid as error:
        yield Finding(code=error.code, facts=error.facts)
        return
    if told != totals.total(parts):
        yield found("total", told=slip.gross, expected=totals.written(totals.total(parts).gross, slip.currency))


def _line(slip: Slip, place: int, line: Line) -> Iterator[Finding]:
    for where, text in (("item", line.item), ("lot", line.lot)):
        if len(text) > TEXT_MAX or ((text or where == "item") and not text.strip()):
            yield found("text", where=where, limit=TEXT_MAX)
    if line.unit not in quantity.UNITS:
        yield found("unit", line=place, value=line.unit)
    if (slip.kind == "return") != (line.sold >= 1) or line.sold < 0 or line.sold > LINES_MAX:
        yield found("field", where="sold", kind=slip.kind)
    yield from _numbers(place, line)
    if not _CATEGORY.fullmatch(line.tax_category):
        yield found("tax", line=place, value=line.tax_category)


def _numbers(place: int, line: Line) -> Iterator[Finding]:
    for where, places in (("quantity", PRICE_DECIMALS_MAX), ("unit_price", PRICE_DECIMALS_MAX), ("tax_percent", 4)):
        if not _number(getattr(line, where), places, positive=where == "quantity"):
            yield found("number", where=where, line=place, value=getattr(line, where))
        elif where == "tax_percent" and quantity.decimal(line.tax_percent) > PERCENT_MAX:
            yield found("tax", line=place, value=line.tax_percent)


def _number(text: str, places: int, *, positive: bool) -> bool:
    """Whether ``text`` is the one spelling of a number that is not below zero, with at most ``places`` decimals."""
    try:
        value = quantity.decimal(text)
    except Invalid:
        return False
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return quantity.text(value) == text and value >= 0 and -exponent <= places and not (positive and value == 0)


def _money(slip: Slip, place: int, line: Line) -> Iterator[Finding | Taxed]:
    """The line's money last, before it what is wrong with it."""
    try:
        money = totals.read(line, slip.currency)
    except Invalid as error:
        yield Finding(code=error.code, facts={**error.facts, "line": place})
        return
    if min(money) < 0 or money.net + money.tax != money.gross:
        yield found("line-sum", line=place, net=line.net, tax=line.tax, gross=line.gross)
    elif slip.kind == "sale" and _number(line.tax_percent, 4, positive=False):
        due = totals.taxed(money.gross if slip.basis == "gross" else money.net, slip.basis, line.tax_percent)
        if due != money:
            told, expected = line.tax, totals.written(due.tax, slip.currency)
            yield found("line-tax", line=place, told=told, expected=expected)
    yield money
