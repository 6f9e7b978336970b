"""The linter: everything that keeps a price book from being published, found before it binds.

Rule 1: a draft is told all its faults at once; only a book with none may be published.
Rule 2: notice binds by the version that is in force, so it cannot be shortened to slip an increase through,
        and by every other book that sells the same item, so that a new name for a book slips none through either.
Rule 3: what is refused here and not in ``form.py`` never makes a book void that was published before.
Not here: the single checks of a book alone (``form.py``), of rules together (``together.py``), publishing
(``publish.py``).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.basis.rows import plain
from weft.pricing import form, together
from weft.pricing.book import shape
from weft.pricing.compare import rises
from weft.pricing.form import found
from weft.pricing.schema import Finding, PriceBook

DAY_MS: Final = 86_400_000
VERSIONS_PER_DAY_MAX: Final = 4
RISES_TOLD_MAX: Final = 20
BYTES_MAX: Final = 240 * 1024  # with a little around it, it is the content of one event (``thread/event.py``)


def lint(
    value: bytes | Mapping[str, Any] | PriceBook,
    *,
    previous: PriceBook | None = None,
    at: str = "",
    published: Sequence[str] = (),
    others: Sequence[PriceBook] = (),
    names: Collection[str] = (),
) -> tuple[Finding, ...]:
    """All findings on a draft; empty when it may be published at instant ``at``.

    ``previous`` is the version in force now; ``published`` the instants of earlier versions of this book, ``others``
    the other books in force, ``names`` what partners are called. Without ``at`` only the draft itself is looked at.
    JSON bytes need not be canonical here.
    """
    try:
        book = value if isinstance(value, PriceBook) else shape(_parsed(value))
    except Invalid as error:
        return (Finding(code=error.code, facts=error.facts),)
    faults = list(form.findings(book))
    if not faults:
        try:
            size = len(book.canonical)
        except Invalid as error:
            faults.append(Finding(code=error.code, facts=error.facts))
        else:
            faults += [found("too-large", "lines", size=size // 1024, limit=BYTES_MAX // 1024)] * (size > BYTES_MAX)
    faults += _named(book, names)
    if not faults:
        faults += together.findings(book)
    if not faults and at:
        now_ms = instant.to_ms(at)
        faults += _too_often(published, now_ms)
        for before in (*(() if previous is None else (previous,)), *_selling_the_same(book, others)):
            faults += _without_notice(before, book, now_ms)
    return tuple(faults)


def earliest(book: PriceBook, before: Iterable[PriceBook], at: str) -> str:
    """The instant from which ``book`` may be dearer than the books ``before``, or ``at`` if no notice is promised."""
    days = [one.notice_days for one in _selling_the_same(book, before)]
    return instant.from_ms(instant.to_ms(at) + max(days, default=0) * DAY_MS)


def _selling_the_same(book: PriceBook, others: Iterable[PriceBook]) -> Iterator[PriceBook]:
    """Those of ``others`` that sell something that ``book`` sells by the same unit, or are the same book."""
    sold = frozenset(book.sold)
    return (one for one in others if one.id == book.id or not sold.isdisjoint(one.sold))


def _named(book: PriceBook, names: Collection[str]) -> Iterator[Finding]:
    """Values that are what a partner is called: they would be a price for that partner."""
    partners = {plain(name) for name in names} - {""}
    for attribute, values in book.attributes.items():
        for value in values:
            if plain(value) in partners:
                yield found("identity-value", f"attributes.{attribute}", attribute=attribute, value=value)
    for at, card in enumerate(book.cards):
        for where in ("materials", "minutes", "finishes"):
            for n, rate in enumerate(getattr(card, where)):
                if plain(rate.name) in partners:
                    yield found("rate-identity", f"cards.{at}.{where}.{n}.name", item=card.item, name=rate.name)


def _parsed(value: bytes | Mapping[str, Any]) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise Invalid("pricing.shape", where="book", detail=str(error)[:120]) from error


def _too_often(published: Sequence[str], now_ms: int) -> Iterator[Finding]:
    recent = sum(1 for moment in published if 0 <= now_ms - instant.to_ms(moment) < DAY_MS)
    if recent >= VERSIONS_PER_DAY_MAX:
        yield found("too-many-versions", "", count=recent, limit=VERSIONS_PER_DAY_MAX)


def _without_notice(previous: PriceBook, book: PriceBook, now_ms: int) -> Iterator[Finding]:
    earliest_ms = now_ms + previous.notice_days * DAY_MS
    if previous.notice_days == 0 or instant.to_ms(book.valid_from) >= earliest_ms:
        return
    first = instant.from_ms(earliest_ms)
    if book.notice_days < previous.notice_days:
        yield found("notice-shortened", "notice_days", before=previous.notice_days, after=book.notice_days,
                    earliest=first)
    for rise in islice(rises(previous, book), RISES_TOLD_MAX):
        if rise.item == "*":
            yield found("increase-unclear", "valid_from", days=previous.notice_days, earliest=first)
        else:
            yield found(
                "increase-without-notice",
                "valid_from",
                item=rise.item,
                start=rise.start,
                before=rise.before,
                after=rise.after,
                earliest=first,
            )
