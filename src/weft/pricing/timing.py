"""Which version of a book was in force at an instant, and since when it was really public.

Rule 1: what the seller writes as the time of a publication is believed until somebody else's record contradicts it: who
        saw the price record without that entry later than that has seen it backdated.
Rule 2: clocks of honest firms differ; ``SKEW_MS`` is borne.
Rule 3: a withdrawal stands in no record: a book that may have been withdrawn meanwhile accuses nobody, it only doubts.
Not here: prices (``worth.py``), signatures and proofs (``check.py``).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from weft.basis import instant
from weft.pricing.compare import rises
from weft.pricing.leaf import BookLeaf
from weft.pricing.schema import PriceBook
from weft.pricing.worth import Told

SKEW_MS: Final = 3_600_000
A_DAY_MAX: Final = 4  # versions of a book that may be published within a day (``lint.py``)
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


def begun(known: Iterable[BookLeaf], at_ms: int) -> list[BookLeaf]:
    """Of each book the newest version that had begun at ``at_ms``."""
    found: dict[str, BookLeaf] = {}
    for one in known:
        if _from_ms(one) <= at_ms and (one.id not in found or found[one.id].number < one.number):
            found[one.id] = one
    return list(found.values())


def resting(ours: BookLeaf, uses: Iterable[str], known: Sequence[BookLeaf]) -> set[str]:
    """Hashes of the other versions of which the check of ``ours``, used at ``uses``, makes anything."""
    said_ms, same = instant.to_ms(ours.at), [one for one in known if one.id == ours.id]
    before = max((one for one in same if one.number < ours.number), key=lambda one: one.number, default=ours)
    found = {one.hash for one in same if one.number >= ours.number or abs(instant.to_ms(one.at) - said_ms) < _DAY_MS}
    rivals = [one for at_ms in {said_ms, *map(instant.to_ms, uses)} for one in begun(known, at_ms)
              if one.id != ours.id]
    return {before.hash, *found, *(one.hash for one in rivals)} - {ours.hash}


def often(ours: BookLeaf, known: Iterable[BookLeaf]) -> Iterator[Told]:
    """That more versions were published around ``ours`` within a day than may be."""
    same = {one.hash: instant.to_ms(one.at) for one in (*known, ours) if one.id == ours.id}
    times, said_ms = sorted(same.values()), instant.to_ms(ours.at)
    most = max((sum(1 for one in times if first <= one < first + _DAY_MS) for first in times
                if first <= said_ms < first + _DAY_MS), default=0)
    if most > A_DAY_MAX:
        yield Told("amber", "too-many-versions", {"count": most, "limit": A_DAY_MAX})


def elsewhere(
    ours: BookLeaf, at: str, book: PriceBook, rival: tuple[BookLeaf, PriceBook], items: frozenset[str]
) -> Iterator[Told]:
    """That ``book``, used at ``at``, is dearer than the seller's other book ``rival``, which promised notice."""
    (leaf, other), said_ms = rival, instant.to_ms(ours.at)
    days, until = other.notice_days, other.valid_until
    bound = days and said_ms < (instant.to_ms(until) + days * _DAY_MS if until else said_ms + 1)
    if not bound or instant.to_ms(at) + SKEW_MS >= said_ms + days * _DAY_MS:
        return
    shared = items & {item for item, _ in other.sold}
    if shared and other.currency == book.currency and _is_dearer(other, book, shared):
        sure = said_ms < instant.to_ms(leaf.at) + days * _DAY_MS  # withdrawn or not, it bound that long at least
        yield Told("red" if sure else "amber", "no-notice" if sure else "notice-other", {"days": days, "day": ours.at})


def _is_dearer(other: PriceBook, book: PriceBook, items: frozenset[str]) -> bool:
    return any(rise.item in items for rise in rises(other, book, items, STEPS_MAX))


def _from_ms(one: BookLeaf) -> int:
    return max(instant.to_ms(one.valid_from), instant.to_ms(one.at))
