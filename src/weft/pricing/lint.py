"""The linter: everything that keeps a price book from being published, found before it binds.

Rule 1: a draft is told all its faults at once; only a book with none may be published.
Rule 2: notice binds by the version that is in force, so it cannot be shortened to slip an increase through.
Not here: the single checks of a book alone (``form.py``), publishing (``publish.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.pricing import form
from weft.pricing.book import shape
from weft.pricing.compare import rises
from weft.pricing.form import found
from weft.pricing.schema import Finding, PriceBook

DAY_MS: Final = 86_400_000
VERSIONS_PER_DAY_MAX: Final = 4
RISES_TOLD_MAX: Final = 20


def lint(
    value: bytes | Mapping[str, Any] | PriceBook,
    *,
    previous: PriceBook | None = None,
    at: str = "",
    published: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """All findings on a draft; empty when it may be published at instant ``at``.

    ``previous`` is the version in force now; ``published`` the instants of earlier versions of this book.
    Without ``at`` only the draft itself is looked at. JSON bytes need not be canonical here.
    """
    try:
        book = value if isinstance(value, PriceBook) else shape(_parsed(value))
    except Invalid as error:
        return (Finding(code=error.code, facts=error.facts),)
    faults = list(form.findings(book))
    if not faults:
        try:
            _ = book.canonical
        except Invalid as error:
            faults.append(Finding(code=error.code, facts=error.facts))
    if not faults and at:
        now_ms = instant.to_ms(at)
        faults += _too_often(published, now_ms)
        if previous is not None:
            faults += _without_notice(previous, book, now_ms)
    return tuple(faults)


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
        yield found("too-many-versions", count=recent, limit=VERSIONS_PER_DAY_MAX)


def _without_notice(previous: PriceBook, book: PriceBook, now_ms: int) -> Iterator[Finding]:
    earliest_ms = now_ms + previous.notice_days * DAY_MS
    if previous.notice_days == 0 or instant.to_ms(book.valid_from) >= earliest_ms:
        return
    earliest = instant.from_ms(earliest_ms)
    if book.notice_days < previous.notice_days:
        yield found("notice-shortened", before=previous.notice_days, after=book.notice_days, earliest=earliest)
    for rise in islice(rises(previous, book), RISES_TOLD_MAX):
        if rise.item == "*":
            yield found("increase-unclear", days=previous.notice_days, earliest=earliest)
        else:
            yield found(
                "increase-without-notice",
                item=rise.item,
                start=rise.start,
                before=rise.before,
                after=rise.after,
                earliest=earliest,
            )
