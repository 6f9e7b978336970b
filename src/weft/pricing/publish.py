"""The `pricing/1` book: which versions of which price books a firm has published, and which is in force.

Rule 1: a version is in force from its ``valid_from``, but never before it was published.
Rule 2: withdrawing the newest version in force leaves no price; an older one does not come back by it.
Rule 3: our own draft is published only when the linter finds nothing.
Not here: the price itself (``evaluate.py``), the log that proves the time of publishing (``tlog/``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, assert_never

import msgspec

from weft.basis import instant
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid, NotFound, Refused
from weft.pricing import form
from weft.pricing.book import shape
from weft.pricing.compare import rises
from weft.pricing.form import found
from weft.pricing.lint import DAY_MS, lint
from weft.pricing.schema import Finding, PriceBook

NAME: Final = "pricing"
VERSION: Final = 1


class BookPublished(Message):
    """From instant ``at`` on the firm's prices may be quoted from ``book``, whose hash is ``hash``."""

    book: PriceBook
    hash: str
    at: str


class BookWithdrawn(Message):
    """From instant ``at`` on nothing more is quoted from the version ``hash``."""

    hash: str
    at: str
    reason: str = ""


class Publish(msgspec.Struct, frozen=True, kw_only=True):
    """Command: publish a draft as its owner wrote it; ``names`` are what our partners are called."""

    book: PriceBook | Mapping[str, Any]
    at: str
    names: tuple[str, ...] = ()


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    """Command: stop quoting from a version."""

    hash: str
    at: str
    reason: str = ""


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published version; ``number`` counts publications from 1."""

    book: PriceBook
    number: int
    published_at: str
    withdrawn_at: str = ""
    reason: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All versions by hash."""

    books: dict[str, Version] = {}


MESSAGES: Final[Mapping[str, type[Message]]] = {
    "BookPublished": BookPublished,
    "BookWithdrawn": BookWithdrawn,
}
INITIAL: Final = State()
CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {}  # one author

Command = Publish | Withdraw


def judge(state: State, said: Said, /) -> str | None:
    """The code for which ``said`` is void, or None."""
    message = said.message
    try:
        instant.to_ms(message.at, "at")
        if isinstance(message, BookPublished):
            for finding in form.findings(message.book):
                return finding.code
            if message.book.hash != message.hash:
                return "pricing.hash"
            return "pricing.already-published" if message.hash in state.books else None
    except Invalid as error:
        return error.code
    version = state.books.get(message.hash)
    if version is None:
        return "pricing.unknown-book"
    return "pricing.already-withdrawn" if version.withdrawn_at else None


def decide(state: State, command: Command, /) -> Sequence[Message]:
    """What to say; raises ``Invalid`` or ``Refused`` with the first finding, ``NotFound`` for a book unknown."""
    instant.to_ms(command.at, "at")
    match command:
        case Publish():
            return (_published(state, command),)
        case Withdraw():
            version = state.books.get(command.hash)
            if version is None:
                raise NotFound("pricing.unknown-book", hash=command.hash[:43])
            if version.withdrawn_at:
                raise Refused("pricing.already-withdrawn", hash=command.hash, at=version.withdrawn_at)
            return (BookWithdrawn(hash=command.hash, at=command.at, reason=command.reason),)
        case _:
            assert_never(command)


def _published(state: State, command: Publish) -> BookPublished:
    book = command.book if isinstance(command.book, PriceBook) else shape(command.book)
    findings = checked(state, book, command.at, command.names)
    for finding in findings:
        raise Refused(finding.code, **{**finding.facts, "findings": len(findings)})
    if book.hash in state.books:
        raise Refused("pricing.already-published", hash=book.hash)
    return BookPublished(book=book, hash=book.hash, at=command.at)


def checked(state: State, book: PriceBook, at: str, names: Collection[str] = ()) -> tuple[Finding, ...]:
    """All that keeps ``book`` from being published at instant ``at`` after what ``state`` holds."""
    sold = frozenset(book.sold)
    same = [version for version in state.books.values() if version.book.id == book.id
            or not sold.isdisjoint(version.book.sold)]
    findings = lint(book, previous=lately(state, book.id, at), at=at, published=[one.published_at for one in same],
                    others=binding(state, book.id, at), names=names)
    return findings or tuple(_beside(book, (*current(state, at), *coming(state, at))))


def _beside(book: PriceBook, others: Sequence[PriceBook]) -> Iterator[Finding]:
    """That another book in force at the same time has another price for an item: nobody could tell which one holds."""
    begins = instant.to_ms(book.valid_from)
    for other in others:
        since = instant.to_ms(other.valid_from)
        next_ones = [next_ms for one in others if one.id == other.id
                     and (next_ms := instant.to_ms(one.valid_from)) > since]
        ends = min([*next_ones, *([instant.to_ms(other.valid_until)] if other.valid_until else [])], default=None)
        apart = (ends is not None and ends <= begins) or (
            bool(book.valid_until) and instant.to_ms(book.valid_until) <= since)
        shared = frozenset(item for item, _ in set(book.sold) & set(other.sold))
        if apart or other.id == book.id or not shared or other.currency != book.currency:
            continue
        rise = next((one for pair in ((other, book), (book, other)) for one in rises(*pair, shared)), None)
        if rise is not None and rise.item != "*":
            yield found("two-rules", "lines", item=rise.item, book=other.name)
            return


def binding(state: State, book: str, at: str) -> list[PriceBook]:
    """Other books whose promised notice still binds: in force, or out of force for less than those days."""
    now_ms = instant.to_ms(at)
    others = dict.fromkeys(version.book.id for version in state.books.values() if version.book.id != book)
    last = (_newest([one for one in state.books.values() if one.book.id == other], now_ms) for other in others)
    return [one.book for one in last if one is not None and now_ms < _out_ms(one) + one.book.notice_days * DAY_MS]


def lately(state: State, book: str, at: str) -> PriceBook | None:
    """What an increase of the book with this id is measured against: the version in force, else the last that was."""
    return _lately([version for version in state.books.values() if version.book.id == book], at)


def evolve(state: State, said: Said, /) -> State:
    """``state`` after ``said``, which ``judge`` allows."""
    match said.message:
        case BookPublished(book=book, hash=name, at=at):
            version = Version(book=book, number=len(state.books) + 1, published_at=at)
        case BookWithdrawn(hash=name, at=at, reason=reason):
            version = msgspec.structs.replace(state.books[name], withdrawn_at=at, reason=reason)
        case _:
            raise AssertionError(said.message)
    return State(books={**state.books, name: version})


def current(state: State, at: str) -> tuple[PriceBook, ...]:
    """The version in force at instant ``at`` of each book, newest publication first."""
    now_ms = instant.to_ms(at)
    newest: dict[str, Version] = {}
    for version in sorted(state.books.values(), key=lambda version: version.number):
        if _begun(version, now_ms) and not _ended(version, now_ms):
            newest[version.book.id] = version
    found = sorted(newest.values(), key=lambda version: -version.number)
    return tuple(version.book for version in found if not version.withdrawn_at)


def coming(state: State, at: str) -> tuple[PriceBook, ...]:
    """The versions that are published and begin after instant ``at``, the first to begin first."""
    now_ms = instant.to_ms(at)
    later = [one.book for one in state.books.values()
             if not one.withdrawn_at and instant.to_ms(one.book.valid_from) > now_ms]
    return tuple(sorted(later, key=lambda book: instant.to_ms(book.valid_from)))


def selling(state: State, item: str, unit: str, at: str) -> PriceBook:
    """The book in force that prices ``item``, by ``unit`` if it can; raises ``NotFound('pricing.no-book')``."""
    books = [book for book in current(state, at) if any(sold == item for sold, _ in book.sold)]
    if not books:
        raise NotFound("pricing.no-book", item=item[:60], at=at)
    exact = [book for book in books if (item, unit) in book.sold]
    return (exact or books)[0]


def _lately(versions: Sequence[Version], at: str) -> PriceBook | None:
    """What an increase is measured against: the version in force, else the last that was."""
    found = _newest(versions, instant.to_ms(at))
    return None if found is None else found.book


def _newest(versions: Sequence[Version], now_ms: int) -> Version | None:
    begun = [version for version in versions if _begun(version, now_ms)]
    lasting = [version for version in begun if not _ended(version, now_ms)]
    return max(lasting or begun, key=lambda version: version.number, default=None)


def _out_ms(version: Version) -> int:
    """When the version goes out of force; without an end, the end of the calendar."""
    ends = [instant.to_ms(end) for end in (version.book.valid_until, version.withdrawn_at) if end]
    return min(ends, default=instant.LAST_MS)


def _begun(version: Version, now_ms: int) -> bool:
    return now_ms >= max(instant.to_ms(version.book.valid_from), instant.to_ms(version.published_at))


def _ended(version: Version, now_ms: int) -> bool:
    until = version.book.valid_until
    return bool(until) and now_ms >= instant.to_ms(until)
