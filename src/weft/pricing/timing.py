"""Which version of a book was in force at an instant, and since when it was really public.

Rule 1: what the seller writes as the time of a publication is believed until somebody else's record contradicts it: who
        saw the price record without that entry later than that has seen it backdated.
Rule 2: clocks of honest firms differ; ``SKEW_MS`` is borne.
Not here: prices (``worth.py``), signatures and proofs (``check.py``).
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from weft.basis import instant
from weft.pricing.compare import rises
from weft.pricing.leaf import BookLeaf
from weft.pricing.schema import PriceBook
from weft.pricing.worth import Told

SKEW_MS: Final = 3_600_000
STEPS_MAX: Final = 1_000_000  # others' books: a second of work at most
_DAY_MS: Final = 86_400_000


class Public(NamedTuple):
    """The entry ``leaf`` at place ``index``; ``sightings`` are (leaves, ms) of the record as others saw it.

    ``witnessed``: when each saw the checkpoint of its proof (seconds); ``with_document``: that proof was signed with
    the document.
    """

    place: int
    leaf: BookLeaf
    sightings: tuple[tuple[int, int], ...]
    witnessed: tuple[int, ...]
    with_document: bool


def version(book: PriceBook, ours: BookLeaf, at: str, known: Sequence[BookLeaf]) -> Iterator[Told]:
    """Why ``ours`` was not the version of ``book`` to use at ``at``, as far as ``known`` entries tell."""
    now_ms = instant.to_ms(at)
    if now_ms < instant.to_ms(book.valid_from):
        yield Told("red", "before-in-force", {"day": book.valid_from})
    if book.valid_until and now_ms >= instant.to_ms(book.valid_until):
        yield Told("red", "out-of-date", {"day": book.valid_until})
    newer = [one for one in known if one.id == ours.id and one.number > ours.number
             and max(instant.to_ms(one.valid_from), instant.to_ms(one.at)) <= now_ms]
    if newer:
        yield Told("red", "newer-in-force", {"day": max(newer, key=lambda one: one.number).at})
    if any(one.id == ours.id and one.number == ours.number and one.hash != ours.hash for one in known):
        yield Told("red", "two-of-one-number", {"number": ours.number})


def public(
    entry: Public, at: str, book: PriceBook, before: PriceBook | None, items: frozenset[str]
) -> Iterator[Told]:
    """Why the rule was not public when it was used at ``at``, or not as long before as was promised."""
    said_ms, used_ms = instant.to_ms(entry.leaf.at), instant.to_ms(at)
    absent_ms = max((ms for size, ms in entry.sightings if size <= entry.place), default=0)
    since_ms = max(said_ms, absent_ms)
    if absent_ms > said_ms + SKEW_MS:
        yield Told("red", "backdated", {"day": entry.leaf.at, "seen": instant.from_ms(absent_ms)})
    if since_ms > used_ms + SKEW_MS:
        yield Told("red", "published-after", {"day": instant.from_ms(since_ms), "used": at})
    if entry.with_document and entry.witnessed and min(entry.witnessed) * 1000 > used_ms + SKEW_MS:
        yield Told("amber", "document-backdated", {"day": at, "seen": instant.from_ms(min(entry.witnessed) * 1000)})
    days = before.notice_days if before is not None else 0
    if before is not None and used_ms + SKEW_MS < since_ms + days * _DAY_MS:
        dearer = {rise.item for rise in rises(before, book, items, STEPS_MAX)}
        if dearer & items:
            yield Told("red", "no-notice", {"days": days, "day": instant.from_ms(since_ms)})
        elif dearer:  # too much to compare, or another currency
            yield Told("amber", "notice-unknown", {"days": days, "day": instant.from_ms(since_ms)})
