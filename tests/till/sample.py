"""A till at work: slips that hold, made the way a till makes them."""

import hashlib

from weft.basis import instant
from weft.basis.canonical import b64
from weft.identity.keys import Signer
from weft.till import totals
from weft.till.slip import Line, Slip

SIGNER = Signer(hashlib.sha256(b"a till").digest())
FIRM = b64(hashlib.sha256(b"a firm").digest())
PARTNER = b64(hashlib.sha256(b"a partner").digest())
LIFE = b64(hashlib.sha256(b"a life").digest()[:8])
BOOK = b64(hashlib.sha256(b"a book").digest())


def line(quantity="2", unit_price="12.50", basis="gross", percent="13", currency="CNY", **fields) -> Line:
    amount = totals.minor(totals.amount(quantity, unit_price, fields.get("base", "1"), currency), currency)
    money = totals.taxed(amount, basis, percent)
    return Line(**{
        "item": "V15", "quantity": quantity, "unit": "C62", "unit_price": unit_price.rstrip("0").rstrip("."),
        "tax_category": "S", "tax_percent": percent,
        **{name: totals.written(units, currency) for name, units in money._asdict().items()}, **fields})


def say(before: Slip | None = None, *lines: Line, **fields) -> Slip:
    """The next slip after ``before``: a sale of ``lines`` for cash, unless ``fields`` say otherwise."""
    n = before.n + 1 if before else 1
    currency = fields.get("currency", "CNY")
    sums = totals.total(totals.read(one, currency) for one in lines)
    money = {name: totals.written(units, currency) for name, units in sums._asdict().items()} if lines else {}
    return Slip(**{
        "weft": "slip/1", "firm": FIRM, "till": SIGNER.public, "life": LIFE, "n": n,
        "prev": before.hash if before else "", "at": instant.from_ms(1_764_000_000_000 + n * 60_000), "kind": "sale",
        "currency": currency, "basis": "gross", "lines": lines, **money, "pay": "cash", "book": BOOK, **fields})
