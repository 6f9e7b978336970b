"""What a quotation, an order, a bill or a slip says about its price, in one form that a check can read.

Rule 1: amounts are kept as the document writes them; nothing is corrected and nothing is left out.
Rule 2: a bill's line names what was agreed: its price is a share of that, and that must follow the rule.
Not here: reading documents (``engine/pricelog/evidence.py``), judging them (``check.py``).
"""

from functools import cached_property
from typing import Literal

import msgspec

Kind = Literal["quotation", "order", "invoice", "slip"]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One priced line. ``book``: hash of its price book, "" none; ``item`` is the book's number for it.

    ``priced_at``: the instant at which the rule was applied. ``inputs``: what a cost model was given. ``off_book``:
    said to be an exception. ``changed``: both have agreed to a change since. ``agreed``: whole lines of which this one
    bills a share; ``percent``: it bills so much of their sum (a deposit, what was held back), not goods. ``order``: the
    thread of the order that a bill's line is about. ``asked``: the attributes that the buyer asked for, if others.
    """

    line: str = ""
    item: str
    name: str = ""
    quantity: str
    unit: str
    unit_price: str = ""
    base: str = "1"
    net: str
    tax: str
    gross: str
    tax_category: str = "S"
    tax_percent: str = "0"
    book: str = ""
    attributes: dict[str, str] = {}
    inputs: dict[str, str] = {}
    priced_at: str = ""
    off_book: bool = False
    changed: bool = False
    agreed: tuple["Line", ...] = ()
    percent: str = ""
    order: str = ""
    asked: dict[str, str] | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """A document of the firm ``seller``. ``id``: what is committed to, 32 bytes in base64url."""

    kind: Kind
    id: str
    seller: str
    number: str
    at: str
    currency: str
    net: str
    tax: str
    gross: str
    lines: tuple[Line, ...]

    @cached_property
    def priced(self) -> tuple[Line, ...]:
        """The lines to which a rule was applied: this document's own, or those that were agreed before."""
        found = [whole for line in self.lines for whole in (line.agreed or (line,))]
        return tuple({repr(one): one for one in found}.values())

    @cached_property
    def books(self) -> tuple[str, ...]:
        """Hashes of the price books that it names, each once."""
        return tuple(dict.fromkeys(line.book for line in self.priced if line.book))

    @property
    def off_book(self) -> bool:
        """Whether it says itself that a price of it is an exception."""
        return any(line.off_book for line in self.priced)
