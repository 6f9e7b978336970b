"""The book of published versions: which is in force when, and what may not be published."""

import msgspec
import pytest

from tests.pricing.books import DRAFT, valves
from weft.basis.decider import Said
from weft.basis.errors import Invalid, NotFound, Refused
from weft.pricing import publish
from weft.pricing.publish import BookPublished, BookWithdrawn, Publish, Withdraw, current, selling

DAY1, DAY2, DAY3 = (f"2026-11-0{n}T00:00:00.000Z" for n in (1, 2, 3))


class Shelf:
    def __init__(self):
        self.state = publish.INITIAL

    def say(self, command):
        told = publish.decide(self.state, command)
        for message in told:
            said = Said(id="e", by="us", role="owner", message=message)
            assert publish.judge(self.state, said) is None
            self.state = publish.evolve(self.state, said)
        assert msgspec.json.decode(msgspec.json.encode(self.state), type=publish.State) == self.state
        return told

    def published(self, at=DAY1, **fields):
        return self.say(Publish(book={**DRAFT, **fields}, at=at))[0].hash


def judged(state, message):
    return publish.judge(state, Said(id="e", by="us", role="owner", message=message))


def test_a_version_is_in_force_from_its_day_and_never_before_it_was_published():
    shelf = Shelf()
    shelf.published(valid_from=DAY2)
    assert current(shelf.state, DAY1) == () and len(current(shelf.state, DAY2)) == 1
    late = Shelf()
    late.published(at=DAY3, valid_from=DAY1)
    assert current(late.state, DAY2) == () and len(current(late.state, DAY3)) == 1


def test_the_newest_version_of_each_book_counts_and_an_end_is_exclusive():
    shelf = Shelf()
    shelf.published(name="first")
    shelf.published(name="second", at=DAY2, valid_until=DAY3)
    assert [book.name for book in current(shelf.state, DAY1)] == ["first"]
    assert [book.name for book in current(shelf.state, DAY2)] == ["second"]
    assert [book.name for book in current(shelf.state, DAY3)] == ["first"]


def test_withdrawing_leaves_no_price_and_brings_no_older_one_back():
    shelf = Shelf()
    shelf.published(name="first")
    newest = shelf.published(name="second", at=DAY2)
    shelf.say(Withdraw(hash=newest, at=DAY3, reason="wrong"))
    assert current(shelf.state, DAY3) == ()
    with pytest.raises(NotFound) as found:
        selling(shelf.state, "V15", "C62", DAY3)
    assert found.value.code == "pricing.no-book"
    with pytest.raises(Refused) as again:
        shelf.say(Withdraw(hash=newest, at=DAY3))
    assert again.value.code == "pricing.already-withdrawn"
    with pytest.raises(NotFound):
        shelf.say(Withdraw(hash="x" * 43, at=DAY3))


def test_an_item_is_sold_by_the_book_that_prices_its_unit():
    shelf = Shelf()
    shelf.published()
    by_weight = [{"item": "V15", "unit": "KGM", "tiers": [{"from": "1", "price": "9"}]}]
    shelf.published(id="scrap", lines=by_weight, rules=[])
    assert selling(shelf.state, "V15", "C62", DAY1).id == "valves"
    assert selling(shelf.state, "V15", "KGM", DAY1).id == "scrap"
    with pytest.raises(NotFound):
        selling(shelf.state, "NONE", "C62", DAY1)


def test_our_own_draft_is_published_only_without_findings():
    shelf = Shelf()
    with pytest.raises(Refused) as found:
        shelf.published(currency="ZZZ", lines=[])
    assert found.value.code == "pricing.currency" and found.value.facts["findings"] == 2
    with pytest.raises(Invalid) as malformed:
        shelf.say(Publish(book={"id": "x"}, at=DAY1))
    assert malformed.value.code == "pricing.shape"
    shelf.published()
    with pytest.raises(Refused) as twice:
        shelf.published()
    assert twice.value.code == "pricing.already-published"


def test_an_increase_waits_for_the_promised_notice():
    shelf = Shelf()
    shelf.published(notice_days=7)
    dear = [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "50"}]}]
    with pytest.raises(Refused) as found:
        shelf.published(at=DAY2, lines=dear, notice_days=7, rules=[])
    assert found.value.code == "pricing.increase-without-notice"
    shelf.published(at=DAY2, lines=dear, notice_days=7, rules=[], valid_from="2026-11-09T00:00:00Z")


def test_two_books_that_are_in_force_together_give_one_price_for_one_item():
    shelf = Shelf()
    shelf.published(notice_days=0)
    dearer = [{**line, "tiers": [{**tier, "price": "99"} for tier in line["tiers"]]} for line in DRAFT["lines"]]
    other = {"id": "other", "notice_days": 0, "lines": dearer, "at": DAY2}
    with pytest.raises(Refused) as caught:
        shelf.published(**other)
    assert caught.value.code == "pricing.two-rules"
    # The controls: the same prices are one rule, and a book may follow another that has an end.
    shelf.published(id="same", notice_days=0, at=DAY2, valid_until=DAY3)
    shelf.published(notice_days=0, at=DAY2, valid_until=DAY3)
    assert shelf.published(**other, valid_from=DAY3)


def test_what_is_not_sound_is_void_whoever_said_it():
    state, book = publish.INITIAL, valves()
    assert judged(state, BookPublished(book=book, hash="other", at=DAY1)) == "pricing.hash"
    assert judged(state, BookPublished(book=book, hash=book.hash, at="now")) == "instant.malformed"
    unsound = msgspec.structs.replace(book, currency="ZZZ")
    assert judged(state, BookPublished(book=unsound, hash=unsound.hash, at=DAY1)) == "pricing.currency"
    assert judged(state, BookWithdrawn(hash="x", at=DAY1)) == "pricing.unknown-book"
    good = BookPublished(book=book, hash=book.hash, at=DAY1)
    assert judged(state, good) is None
    state = publish.evolve(state, Said(id="e", by="us", role="owner", message=good))
    assert judged(state, good) == "pricing.already-published"
