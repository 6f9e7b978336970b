"""The buyer's check: what is right is green, each cheat is told by its own step, and what cannot be known is said."""

import pytest
from msgspec.structs import replace

from tests.pricing.books import valves
from tests.pricing.sellers import (
    DAY_MS,
    NOW_MS,
    PUBLISHED,
    QUOTED,
    SEEN_S,
    TRUST,
    Seller,
    codes,
    commit,
    cosigned,
    evidence,
    line,
    quoted,
    sold,
    without,
)
from weft.basis import instant
from weft.basis.canonical import b64
from weft.basis.errors import Invalid
from weft.identity import keylog
from weft.identity.keys import Signer
from weft.locale import sentences
from weft.pricing import check, leaf
from weft.pricing.check import BookEvidence, Sighting, Trust
from weft.pricing.compare import rises
from weft.pricing.schema import Condition, Rule
from weft.tlog import cosignature, note, proof
from weft.tlog.policy import NONE, Group, Policy


def judged(document, given, trust=TRUST, steps=check.STEPS):
    return check.check(document, given, trust, steps)


def edited(given, name, **fields):
    """``given`` with other ``fields`` of its one book."""
    return replace(given, books={name: replace(given.books[name], **fields)})


# ---- levels ------------------------------------------------------------------------------------


def test_a_price_by_the_book_that_enough_have_seen_is_green():
    _, book, document, given = sold()
    verdict = judged(document, given)
    assert (verdict.colour, verdict.follows, verdict.level, verdict.said) == ("green", True, 2, "follows")
    assert verdict.book_at == PUBLISHED and len(verdict.seen) == 5
    assert [one.code for one in verdict.findings] == ["commit-pending"]
    assert {one.name: one.state for one in verdict.steps} == {
        **dict.fromkeys(check.STEPS, "ok"), "committed": "unknown"}
    assert book.hash in given.books


def test_a_document_that_the_record_binds_the_seller_to_is_level_three_and_an_audited_one_four():
    seller, _, document, given = sold()
    given = replace(given, **commit(seller, document))
    verdict = judged(document, given)
    assert (verdict.colour, verdict.level) == ("green", 3) and not verdict.findings
    assert judged(document, replace(given, audited=QUOTED)).level == 4


def test_without_a_book_nothing_is_proved_and_that_is_said():
    seller, book, _, given = sold()
    bare = quoted(seller, replace(line(book), book=""))
    verdict = judged(bare, replace(given, signed=(seller.sign(bare),), books={}))
    assert (verdict.colour, verdict.level, verdict.follows, verdict.said) == ("amber", 0, None, "no-book")


def test_a_book_that_has_not_come_yet_leaves_it_open():
    _, book, document, given = sold()
    verdict = judged(document, edited(given, book.hash, canonical=b""))
    assert (verdict.colour, verdict.level, verdict.follows) == ("amber", 0, None)
    assert codes(verdict) == {"book-missing"}


@pytest.mark.parametrize("policy", [None, Policy(NONE)], ids=["none-known", "none-wanted"])
def test_who_knows_no_witness_has_only_the_sellers_own_word(policy):
    _, _, document, given = sold()
    verdict = judged(document, given, Trust(policy=policy, now_ms=NOW_MS))
    assert (verdict.colour, verdict.level, verdict.follows) == ("amber", 1, None)
    assert codes(verdict) == {"no-witnesses"}


def test_too_few_witnesses_are_too_few():
    seller, book, document, given = sold()
    text = seller.prove(0, seller.checkpoint(by=("w0", "w1")))
    verdict = judged(document, edited(given, book.hash, proof=text))
    assert (verdict.colour, verdict.level, verdict.said) == ("amber", 1, "too-few")
    assert verdict.facts["seen"] == 2


def test_where_nobody_is_named_it_does_not_speak_of_none_of_none():
    _, _, document, given = sold()
    nobody = Policy("all", (), {}, {"all": Group(1, ())})
    verdict = judged(document, given, Trust(policy=nobody, now_ms=NOW_MS))
    assert (verdict.colour, verdict.level, verdict.said) == ("amber", 1, "unseen")


def test_a_book_without_a_proof_is_the_sellers_own_word():
    _, book, document, given = sold()
    verdict = judged(document, edited(given, book.hash, proof="", entry=b""))
    assert (verdict.colour, verdict.level) == ("amber", 1)
    assert codes(verdict) == {"not-logged"}


# ---- cheats: each is told by one step, and only by that one -------------------------------------


def caught(document, given, step: str, code: str, trust=TRUST):
    """``code`` is found by ``step``; a verifier without that step would not see it."""
    verdict = judged(document, given, trust)
    assert verdict.colour == "red" and verdict.follows is False and verdict.level == 0
    assert code in codes(verdict)
    assert {one.step for one in verdict.findings if one.weight == "red"} == {step}
    blind = judged(document, given, trust, without(step))
    assert blind.colour == "green" and blind.follows is True  # the control


def test_a_document_that_somebody_else_signed():
    _, _, document, given = sold()
    thief = Signer(bytes([5]) * 32)
    forged = replace(given.signed[0], signature=thief.sign(given.signed[0].message))
    caught(document, replace(given, signed=(forged,)), "signature", "signature")


def test_a_document_signed_by_a_device_that_was_withdrawn_before():
    seller, _, document, given = sold()
    keys = seller.firm.keys()
    end = keylog.End(3, {f"thread/{given.signed[0].place[1]}": 2})
    devices = {name: replace(one, ends=[end]) for name, one in keys.devices.items()}
    held = replace(given, keys={seller.firm.id: replace(keys, devices=devices)})
    verdict = judged(document, held)
    assert "withdrawn-key" in codes(verdict) and verdict.colour == "red"
    end = keylog.End(3, {f"thread/{given.signed[0].place[1]}": 3})  # the control: its place counts
    devices = {name: replace(one, ends=[end]) for name, one in keys.devices.items()}
    verdict = judged(document, replace(given, keys={seller.firm.id: replace(keys, devices=devices)}))
    assert verdict.colour == "amber" and codes(verdict) == {"log-key-withdrawn"}


def test_the_price_record_of_another_firm():
    seller, book, document, given = sold()
    one = proof.parse(given.books[book.hash].proof.encode())
    text = one.note.text.replace(seller.origin, leaf.origin_of(b64(bytes(32))))
    other = seller.firm.device
    read = note.Note(text, (note.sign(text, leaf.origin_of(b64(bytes(32))), other),))
    changed = edited(given, book.hash, proof=proof.encode(proof.Proof(one.index, one.path, read)).decode())
    verdict = judged(document, changed)
    assert {"origin", "log-signature"} <= codes(verdict)


def test_a_record_that_is_known_to_have_two_histories():
    _, _, document, given = sold()
    caught(document, replace(given, forked=True), "origin", "forked")


def test_another_book_than_the_document_names():
    """Changed in a line that this buyer does not buy: only the hash tells."""
    seller, book, document, given = sold()
    lines = [*valves().lines]
    other = valves(name="Ball valves, new")
    assert len(lines) == 2
    changed = edited(given, book.hash, canonical=other.canonical)
    verdict = judged(document, changed)
    assert codes(verdict) == {"book-hash"} and verdict.colour == "red"
    assert judged(document, changed, TRUST, without("book")).colour == "green"
    assert seller.entries


def test_an_entry_that_says_another_day():
    seller, book, document, given = sold()
    early = leaf.encode(leaf.book_leaf(book, 1, "2026-10-01T08:00:00.000Z"))
    caught(document, edited(given, book.hash, entry=early), "inclusion", "inclusion")
    assert seller.entries[0] != early


def test_a_record_that_the_seller_has_not_signed():
    seller, book, document, given = sold()
    thief = Signer(bytes([5]) * 32)
    unsigned = seller.checkpoint()
    forged = note.Note(unsigned.text, (note.sign(unsigned.text, seller.origin, thief), *unsigned.signatures[1:]))
    caught(document, edited(given, book.hash, proof=seller.prove(0, forged)), "log", "log-signature")


def test_a_false_signature_of_a_witness():
    seller, book, document, given = sold()
    good = seller.checkpoint(by=("w0", "w1", "w2", "w3"))
    stolen = seller.checkpoint(seen_s=SEEN_S + 1).signatures[-1]
    bad = stolen._replace(value=bytes([stolen.value[0]]) + stolen.value[1:-1] + bytes([stolen.value[-1] ^ 1]))
    forged = good._replace(signatures=(*good.signatures, bad))
    verdict = judged(document, edited(given, book.hash, proof=seller.prove(0, forged)))
    assert verdict.colour == "red" and codes(verdict) == {"cosignature", "too-few"}


@pytest.mark.parametrize(("field", "value"), [
    ("net", "4380.01"), ("tax", "569.41"), ("gross", "4949.41"), ("unit_price", "36.51"), ("base", "100"),
    ("tax_percent", "12"), ("tax_category", "Z"), ("quantity", "121"),
])
def test_a_price_that_the_rule_does_not_give(field, value):
    seller, book, _, _ = sold()
    document = quoted(seller, line(book, **{field: value}))
    caught(document, evidence(seller, document, book, 0), "price", "price-differs")


def test_an_item_that_the_rule_does_not_know_and_a_value_it_does_not_list():
    seller, book, _, _ = sold()
    for fields in ({"item": "V16"}, {"attributes": {"zone": "moon"}}, {"attributes": {"buyer": "me"}}):
        document = quoted(seller, line(book))
        document = replace(document, lines=(replace(document.lines[0], **fields),))
        caught(document, evidence(seller, document, book, 0), "price", "not-in-rule")


def test_a_sum_that_is_none():
    seller, book, _, _ = sold()
    document = quoted(seller, line(book), gross="4950.00")
    caught(document, evidence(seller, document, book, 0), "price", "sums")


def test_an_old_version_after_a_newer_one_came_into_force():
    seller, book, document, _ = sold()
    cheaper = valves(name="cheaper")
    seller.publish(cheaper, 2, "2026-11-05T08:00:00.000Z")
    known = ((1, leaf.book_leaf(cheaper, 2, "2026-11-05T08:00:00.000Z")),)
    given = evidence(seller, document, book, 0)
    assert judged(document, given).colour == "green"  # who has not looked into the record does not know
    caught(document, replace(given, known=known), "newest", "newer-in-force")
    later = ((1, leaf.book_leaf(cheaper, 2, "2026-11-10T08:00:00.000Z")),)
    assert judged(document, replace(given, known=later)).colour == "green"


@pytest.mark.parametrize(("fields", "code"), [
    ({"valid_from": "2026-11-20T00:00:00Z"}, "before-in-force"),
    ({"valid_until": "2026-11-08T00:00:00Z"}, "out-of-date"),
])
def test_a_version_that_was_not_in_force(fields, code):
    seller, book = Seller(), valves(**fields)
    index = seller.publish(book)
    document = quoted(seller, line(book))
    caught(document, evidence(seller, document, book, index), "newest", code)


def test_a_book_that_was_written_into_the_record_with_an_earlier_day():
    """Backdated: others have seen the record without it since."""
    _, _, document, given = sold()
    absent = (Sighting(0, instant.to_ms("2026-11-05T08:00:00.000Z")),)
    caught(document, replace(given, sightings=absent), "notice", "backdated")
    harmless = (Sighting(0, instant.to_ms(PUBLISHED) + 60_000), Sighting(1, NOW_MS))
    assert judged(document, replace(given, sightings=harmless)).colour == "green"


@pytest.mark.parametrize(("days", "code"), [(0, "too-old"), (5, "too-old"), (6, ""), (30, "")])
def test_a_record_that_is_shown_as_it_was_long_before_the_price(days, code):
    """Seen six days before: what the seller has published since does not show."""
    _, _, document, given = sold()
    trust = replace(TRUST, max_age_days=days)
    verdict = check.check(document, given, trust)
    assert codes(verdict) == ({code} if code else set())
    assert verdict.as_of == instant.from_ms(SEEN_S * 1000)
    fresh = (Sighting(5, instant.to_ms(QUOTED)),)  # the control: who has looked itself meanwhile need not ask
    assert codes(check.check(document, replace(given, sightings=fresh), replace(trust, max_age_days=0))) == set()
    unsteady = check.check(document, given, trust, without("newest"))
    assert codes(unsteady) == set()


# Two keys that a signature line cannot tell apart: found by trying 36,000, which takes two seconds.
ALIKE = [Signer(number.to_bytes(32, "big")) for number in (25_002, 35_858)]


@pytest.mark.parametrize("signer", [0, 1])
def test_a_firm_that_makes_its_key_look_like_anothers_spoils_no_price(signer):
    seller, book, document, _ = sold()
    keys = [note.key_of("w/alike", one, note.COSIGNATURE) for one in ALIKE]
    assert keys[0].id == keys[1].id
    named = {"honest": keys[0], "other": keys[1]}
    trust = replace(TRUST, policy=Policy("all", (), named, {"all": Group(1, ("honest", "other"))}))
    one = seller.checkpoint(by=())
    line_ = cosignature.sign(one.text, "w/alike", ALIKE[signer], SEEN_S)
    given = evidence(seller, document, book, 0)
    signed = one._replace(signatures=(*one.signatures, line_))
    verdict = check.check(document, edited(given, book.hash, proof=seller.prove(0, signed)), trust)
    assert (verdict.colour, verdict.seen) == ("green", (("honest", "other")[signer],))
    with pytest.raises(Invalid, match=r"tlog\.keys-alike"):  # the control: who takes a line for that of one key
        note.verify(signed, keys, cosignature.is_signed)
    bent = line_._replace(value=line_.value[:-1] + bytes([line_.value[-1] ^ 1]))
    false = one._replace(signatures=(*one.signatures, bent))
    verdict = check.check(document, edited(given, book.hash, proof=seller.prove(0, false)), trust)
    assert codes(verdict) >= {"cosignature"}


def test_where_nobody_has_seen_the_record_its_age_is_not_the_trouble():
    _, _, document, given = sold()
    verdict = check.check(document, given, replace(TRUST, policy=None, max_age_days=0))
    assert (codes(verdict), verdict.as_of) == ({"no-witnesses"}, "")


def test_a_book_that_came_only_after_the_price():
    _, _, document, given = sold()
    absent = (Sighting(0, instant.to_ms(QUOTED) + DAY_MS),)
    verdict = judged(document, replace(given, sightings=absent))
    assert codes(verdict) == {"backdated", "published-after"}


def test_an_old_checkpoint_with_its_signatures_shows_the_same_to_anybody():
    seller, book, document, _ = sold()
    first = leaf.encode(leaf.ExceptionsLeaf(period="2026-10", count=0, band="none"))
    filler = Seller(firm=seller.firm, entries=[first])
    index = filler.publish(book)
    older = note.encode(filler.checkpoint(1, seen_s=instant.to_ms("2026-11-06T08:00:00.000Z") // 1000)).decode()
    given = evidence(filler, document, book, index)
    assert judged(document, given).colour == "green"
    caught(document, replace(given, older=(older,)), "notice", "backdated")
    stranger = note.encode(cosigned(filler.checkpoint(1, by=()), (), SEEN_S)).decode()
    assert codes(judged(document, replace(given, older=(stranger,)))) == {"older-malformed"}


def test_an_increase_without_the_notice_that_was_promised():
    seller = Seller()
    cheap, dear = valves(notice_days=14, name="old"), valves(notice_days=14, name="new", lines=[
        {"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "44"}]}])
    seller.publish(cheap, 1, "2026-10-01T08:00:00.000Z")
    index = seller.publish(dear, 2, PUBLISHED)
    document = quoted(seller, line(dear))
    given = evidence(seller, document, dear, index)
    held = {**given.books, cheap.hash: BookEvidence(canonical=cheap.canonical)}
    known = ((0, leaf.book_leaf(cheap, 1, "2026-10-01T08:00:00.000Z")),)
    assert judged(document, given).colour == "green"  # who does not hold the version before cannot tell
    caught(document, replace(given, books=held, known=known), "notice", "no-notice")


def test_two_books_that_take_too_long_to_compare_are_not_compared_and_that_is_said():
    seller = Seller()
    zones = tuple(f"z{k}" for k in range(200))

    def book(shift):
        rules = tuple(Rule(id=f"r{k}", name=f"r{k}", multiply="999/1000", when=(
            Condition(attribute="zone", one_of=(zones[k],)),
            Condition(attribute="quantity", at_least=str(1000 + 9 * k + shift), below=str(5000 + 9 * k + shift))))
            for k in range(100))
        return replace(valves(notice_days=14, name=f"b{shift}"), attributes={"zone": zones}, rules=rules)

    old, new = book(0), book(3)
    seller.publish(old, 1, "2026-10-01T08:00:00.000Z")
    index = seller.publish(new, 2, PUBLISHED)
    document = quoted(seller, line(new))
    given = evidence(seller, document, new, index, known=((0, leaf.book_leaf(old, 1, "2026-10-01T08:00:00.000Z")),))
    given = replace(given, books={**given.books, old.hash: BookEvidence(canonical=old.canonical)})
    verdict = judged(document, given)
    assert (verdict.colour, codes(verdict)) == ("amber", {"notice-unknown"})
    assert [one.item for one in rises(old, new)] == ["*"]
    assert [*rises(old, old)] == []


def test_a_document_that_is_left_out_of_the_record():
    """Not on the first day; then amber while nothing else was heard, and red once the seller has spoken since."""
    _, _, document, given = sold()
    later = replace(TRUST, now_ms=instant.to_ms(QUOTED) + 2 * DAY_MS)
    assert codes(judged(document, given)) == set()
    assert codes(judged(document, given, later)) == {"commit-overdue"}
    caught(document, replace(given, heard_ms=later.now_ms - 1), "committed", "commit-missing", later)


def test_an_opening_of_another_document_or_of_another_batch():
    seller, _, document, given = sold()
    given = replace(given, **commit(seller, document))
    other = replace(document, id=b64(bytes(32)))
    caught(other, replace(given, signed=(seller.sign(other),)), "committed", "opening-other")
    assert given.opening is not None
    caught(document, replace(given, opening=replace(given.opening, salt=b64(bytes(32)))), "committed", "opening")
    caught(document, replace(given, opening=replace(given.opening, n=32)), "committed", "opening")


# ---- exceptions and bills ------------------------------------------------------------------------


def test_an_exception_that_both_were_told_of_is_amber_and_follows_no_rule():
    seller, book, _, _ = sold()
    document = quoted(seller, line(book, net="4000.00", tax="520.00", gross="4520.00", unit_price="33.333333",
                                   off_book=True))
    verdict = judged(document, evidence(seller, document, book, 0))
    assert (verdict.colour, verdict.follows, verdict.said) == ("amber", False, "off-book")


def billed(seller, book, amount: str, gross: str, **fields):
    whole = line(book, priced_at=QUOTED)
    net = f"{float(gross) / 1.13:.2f}"
    share = replace(whole, quantity=amount, net=net, gross=gross, tax=f"{float(gross) - float(net):.2f}",
                    agreed=(whole,), **fields)
    return quoted(seller, share, kind="invoice", at="2026-11-20T08:00:00.000Z")


def test_a_bill_over_a_share_of_what_was_agreed_is_green():
    seller, book, _, _ = sold()
    document = billed(seller, book, "60", "2474.70")
    verdict = judged(document, evidence(seller, document, book, 0), replace(TRUST, now_ms=NOW_MS))
    assert (verdict.colour, verdict.follows) == ("green", True)


@pytest.mark.parametrize(("gross", "colour", "code"), [
    ("2474.71", "red", "bill-differs"), ("2600.00", "red", "bill-differs"), ("2400.00", "amber", "bill-lower"),
])
def test_a_bill_of_another_price_than_was_agreed(gross, colour, code):
    seller, book, _, _ = sold()
    document = billed(seller, book, "60", gross)
    given = evidence(seller, document, book, 0)
    verdict = judged(document, given)
    assert (verdict.colour, codes(verdict)) == (colour, {code})
    assert judged(document, given, TRUST, without("price")).colour == "green"


def test_a_bill_whose_agreed_price_was_off_the_book_all_along():
    seller, book, _, _ = sold()
    whole = line(book, net="5000.00", tax="650.00", gross="5650.00", unit_price="", priced_at=QUOTED)
    share = replace(whole, quantity="60", net="2500.00", tax="325.00", gross="2825.00", agreed=(whole,))
    document = quoted(seller, share, kind="invoice")
    caught(document, evidence(seller, document, book, 0), "price", "price-differs")


def test_a_deposit_bills_its_per_cent_and_no_more():
    seller, book, _, _ = sold()
    whole = line(book, priced_at=QUOTED)

    def deposit(gross):
        part = replace(whole, quantity="1", net=gross, tax="0.00", gross=gross, agreed=(whole,), percent="30",
                       unit_price="")
        document = quoted(seller, part, kind="invoice")
        return judged(document, evidence(seller, document, book, 0))

    assert deposit("1484.82").colour == "green"
    assert codes(deposit("1484.83")) == {"bill-differs"}


def test_a_deposit_that_is_asked_for_twice_is_too_much():
    seller, book, _, _ = sold()
    whole = line(book, priced_at=QUOTED)
    half, all_of_it = (replace(whole, quantity="1", net=gross, tax="0.00", gross=gross, agreed=(whole,), percent="30",
                               unit_price="", order="o") for gross in ("742.41", "1484.82"))
    for lines, colour in (((half, half), "green"), ((all_of_it, half), "red"), ((all_of_it, all_of_it), "red")):
        document = quoted(seller, *lines, kind="invoice")
        verdict = judged(document, evidence(seller, document, book, 0))
        assert (verdict.colour, codes(verdict)) == (colour, set() if colour == "green" else {"bill-differs"})


def test_goods_that_are_billed_twice_in_one_bill_are_more_than_was_ordered():
    seller, book, _, _ = sold()
    whole = line(book, priced_at=QUOTED)
    share = replace(whole, quantity="80", net="2920.00", tax="379.60", gross="3299.60", agreed=(whole,), order="o")
    rest = replace(whole, quantity="40", net="1460.00", tax="189.80", gross="1649.80", agreed=(whole,), order="o")
    other = replace(share, order="p")
    for lines, found in (((share, rest), set()), ((share, other), set()), ((share, share), {"bill-more"})):
        document = quoted(seller, *lines, kind="invoice")
        verdict = judged(document, evidence(seller, document, book, 0))
        assert (codes(verdict), verdict.follows) == (found, None if found else True)


def test_a_bill_over_more_than_any_number_that_is_read_is_told_and_no_fault_of_ours():
    seller, book, _, _ = sold()
    whole = line(book, quantity="1", net="999999999999999.99", tax="0.00", gross="999999999999999.99")
    share = replace(whole, quantity="99999.5", net="1.00", gross="1.00", agreed=(whole,))
    document = quoted(seller, share, kind="invoice")
    verdict = judged(document, evidence(seller, document, book, 0))
    assert {"bill-lower", "bill-more"} < codes(verdict)


def test_the_price_of_another_item_of_the_same_book_is_not_passed_over():
    seller, book, _, _ = sold()
    for name, found in (("your number 7", set()), ("V15", set()), (book.lines[-1].item, {"other-item"})):
        document = quoted(seller, line(book, name=name))
        assert codes(judged(document, evidence(seller, document, book, 0))) == found, name


# ---- sentences -----------------------------------------------------------------------------------


def test_every_finding_has_its_sentence_in_both_languages():
    import re
    from pathlib import Path

    told = {"follows"}
    for name in ("check", "worth", "timing"):
        source = Path(check.__file__).with_name(f"{name}.py").read_text()
        source = source.replace('"amber" if name else "note"', '"amber"')
        told |= set(re.findall(r'"(?:red|amber|note)", "([a-z-]+)"', source))
        told |= set(re.findall(r'_differs\(line, "([a-z-]+)"', source))
    told -= {"amber", "red"}  # names of states, in a table
    assert len(told) > 30
    for lang in ("en", "zh"):
        assert [code for code in sorted(told) if f"price.finding.{code}" not in sentences(lang)] == []
        assert [name for name in check.STEPS if f"price.step.{name}" not in sentences(lang)] == []
