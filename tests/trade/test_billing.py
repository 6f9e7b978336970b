"""Bills, credits, statements and payments: one example for each refusal, and the month as an accountant keeps it."""

from dataclasses import replace as copied

import pytest
from msgspec.structs import replace

from tests.trade.ledgers import (
    DEAL,
    NOBODY,
    SCENES,
    A,
    B,
    Ledger,
    active,
    answers,
    bill,
    credit,
    line,
    pay,
    said,
    statement,
)
from weft.basis.errors import WeftError
from weft.trade import relationship
from weft.trade.messages import (
    Keeper,
    MailboxesNamed,
    Party,
    PartyUpdated,
    RemittanceConfirmed,
    StatementAnswer,
    StatementResponse,
)
from weft.trade.relationship import Say
from weft.trade.relationship_state import KEPT, account
from weft.trade.shown import PriceBookShown, PriceOpening, PricesCommitted

GOOD = bill("I-9")


def code(scene, by, message):
    return relationship.judge(SCENES[scene].state, said(by, message))


def lined(**changes):
    return replace(GOOD, lines=(replace(GOOD.lines[0], **changes),))


@pytest.mark.parametrize(("message", "expected"), [
    (GOOD, None),
    (replace(GOOD, number=""), "trade.text-missing"),
    (replace(GOOD, number="I-1"), "billing.number-used"),
    (replace(GOOD, currency="XAU"), "money.currency"),
    (replace(GOOD, lines=()), "trade.lines-none"),
    (replace(GOOD, lines=(line(),) * 2), "trade.total"),
    (replace(GOOD, payable="112.00"), "billing.payable"),
    (replace(GOOD, payable="-1.00"), "billing.negative"),
    (replace(GOOD, deposit_used="-1.00", payable="114.00"), "billing.negative"),
    (replace(GOOD, gross="113.001"), "money.too-fine"),
    (replace(GOOD, due="soon"), "instant.malformed"),
    (lined(tax="12.00"), "trade.tax-sum"),
    (lined(quantity="-1"), "quantity.negative"),
    (lined(unit="X"), "quantity.unit"),
    (lined(order="PO-1"), "trade.commitment"),
    (bill("I-9", used="10.01"), "billing.over-deposit"),  # 30 came, 20 were used
    (bill("I-9", used="10.00"), None),
    (bill("I-9", used="1.00", order="p" * 43), "billing.over-deposit"),
    (bill("I-9", retained="5.00", order=""), "billing.one-order"),
    (bill("I-9", kind="deposit", order=""), "billing.one-order"),
    (bill("I-9", kind="deposit", retained="1.00"), "billing.deductions"),
    (bill("I-9", kind="retention", gross="5.00"), None),
    (bill("I-9", kind="retention", gross="5.01"), "billing.over-retention"),
    (replace(bill("I-9", kind="deposit"), currency="EUR"), "billing.currency"),
])
def test_a_bill_adds_up_and_takes_no_more_than_was_paid_ahead_or_held_back(message, expected):
    assert code("billed", A, message) == expected


def test_a_bill_may_have_deductions_as_lines():
    good, less = line("113.00"), replace(line(), net="-10.00", tax="-1.30", gross="-11.30")
    message = replace(bill("I-9"), lines=(good, less), net="90.00", tax="11.70", gross="101.70", payable="101.70")
    assert code("billed", A, message) is None


@pytest.mark.parametrize(("by", "message", "expected"), [
    (A, credit("C-9", "005"), None),
    (A, credit("C-9", "005", gross="108.00"), None),  # all but what was held back
    (A, credit("C-9", "005", gross="108.01"), "billing.over-credit"),
    (A, credit("C-9", "005", gross="0.00"), "billing.over-credit"),
    (A, credit("C-9", NOBODY), "billing.unknown-invoice"),
    (B, credit("C-9", "005"), "billing.not-your-invoice"),
    (A, replace(credit("C-9", "005"), currency="EUR"), "billing.currency"),
    (A, credit("C-9", "002", gross="10.00"), None),  # of the deposit, 10 are still there
    (A, credit("C-9", "002", gross="10.01"), "billing.deposit-used"),
])
def test_a_credit_note_gives_back_what_the_bill_has_left(by, message, expected):
    assert code("billed", by, message) == expected


def test_credit_on_an_open_bill_lowers_it_and_on_a_paid_one_is_owed_back():
    ledger = active()
    first = ledger.say(A, bill("I-1"))
    ledger.say(A, credit("C-1", first, gross="13.00"))
    assert relationship.balance(ledger.state, A) == {"CNY": "100.00"}
    assert [name for name, _ in relationship.open_items(ledger.state, A)] == [first]
    paid = ledger.say(B, pay("R-1", **{f"_{first}": "100.00"}))
    ledger.say(A, RemittanceConfirmed(remittance=paid))
    note = ledger.say(A, credit("C-2", first, gross="50.00"))
    assert relationship.balance(ledger.state, A) == {"CNY": "-50.00"}
    assert [name for name, _ in relationship.open_items(ledger.state, A)] == [note]


# ---- statements -----------------------------------------------------------------------------------------

STATE = SCENES["billed"].state
MADE = statement(STATE, A, "S-9")


def stated(place, **changes):
    lines = list(MADE.lines)
    lines[place] = replace(lines[place], **changes)
    return replace(MADE, lines=tuple(lines))


@pytest.mark.parametrize(("by", "message", "expected"), [
    (A, MADE, None),
    (B, MADE, "billing.unknown-document"),
    (A, stated(1, amount="87.00"), "billing.statement-amount"),
    (A, stated(1, document="007"), "billing.unknown-document"),
    (A, stated(1, kind="credit-note"), "billing.unknown-document"),
    (A, stated(1, kind="opening"), "billing.unknown-document"),
    (A, stated(1, document="006"), "billing.document-twice"),
    (A, stated(1, line="0"), "trade.line-twice"),
    (A, replace(MADE, balance="1.00"), "billing.statement-balance"),
    (A, replace(MADE, period=""), "trade.text-missing"),
    (A, replace(MADE, currency="EUR"), "billing.unknown-document"),
])
def test_a_statement_lists_documents_as_they_are(by, message, expected):
    assert code("billed", by, message) == expected


def test_what_is_in_a_confirmed_statement_is_in_no_other():
    assert code("confirmed", A, MADE) == "billing.in-statement"
    assert code("stated", A, MADE) is None  # not answered yet: it may be made anew


@pytest.mark.parametrize(("scene", "by", "message", "expected"), [
    ("stated", B, answers(SCENES["stated"].state, "008"), None),
    ("stated", A, answers(SCENES["stated"].state, "008"), "billing.own-statement"),
    ("confirmed", B, answers(SCENES["stated"].state, "008"), "billing.statement-confirmed"),
    ("stated", B, StatementResponse(statement="008", answers=(
        StatementAnswer(line="0", confirmed=False),)), "billing.no-reason"),
    ("stated", B, StatementResponse(statement="008", answers=(
        StatementAnswer(line="0", confirmed=False, amount="1.00"),)), None),
    ("stated", B, StatementResponse(statement="008", answers=(
        StatementAnswer(line="77", confirmed=True),)), "billing.unknown-line"),
    ("stated", B, StatementResponse(statement="008", answers=()), "trade.lines-none"),
    ("stated", B, StatementResponse(statement=NOBODY, answers=(
        StatementAnswer(line="0", confirmed=True),)), "billing.unknown-statement"),
])
def test_a_statement_is_answered_by_who_owes_line_by_line(scene, by, message, expected):
    assert code(scene, by, message) == expected


def test_a_disputed_line_keeps_the_statement_open_until_it_is_confirmed():
    ledger = Ledger(SCENES["disputed"].state, list(SCENES["disputed"].nodes))
    entries = ledger.state.statements["008"].entries
    assert [entries[name].answer for name in ("0", "1")] == ["disputed", "disputed"]
    ledger.say(B, StatementResponse(statement="008", answers=(StatementAnswer(line="0", confirmed=True),)))
    assert ledger.state.statements["008"].status == "open"
    ledger.say(B, StatementResponse(statement="008", answers=(StatementAnswer(line="1", confirmed=True),)))
    assert ledger.state.statements["008"].status == "confirmed"
    assert ledger.state.documents["005"].statement == "008"


def test_of_two_statements_over_the_same_bills_one_is_confirmed():
    ledger = Ledger(SCENES["stated"].state, list(SCENES["stated"].nodes))
    again = ledger.say(A, statement(ledger.state, A, "S-1b"))
    ledger.say(B, answers(ledger.state, again))
    stale = said(B, answers(ledger.state, "008"))
    assert relationship.judge(ledger.state, stale) == "billing.statement-stale"


def test_the_next_month_carries_the_balance_on_and_its_payment_settles_both():
    ledger = Ledger(SCENES["second_month"].state, list(SCENES["second_month"].nodes))
    made = ledger.state.statements["015"]
    kinds = [entry.kind for entry in made.entries.values()]
    assert kinds == ["opening", "invoice", "credit-note", "remittance"]
    ledger.say(B, answers(ledger.state, "015"))
    ledger.say(A, RemittanceConfirmed(remittance="013"))
    owed = relationship.balance(ledger.state, A)["CNY"]
    assert owed == "94.50"  # 144.50 + 113.00 - 50.00 - 100.00 - 13.00
    paid = ledger.say(B, pay("R-9", _015=owed))
    ledger.say(A, RemittanceConfirmed(remittance=paid))
    assert relationship.balance(ledger.state, A) == {"CNY": "0.00"}
    assert relationship.open_items(ledger.state, A) == []


# ---- payments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "message", "expected"), [
    (B, pay("R-9", _005="88.00"), None),
    (B, pay("R-9", _005="88.00", _006="56.50"), None),
    (B, pay("R-9", _005="0.00"), "quantity.not-positive"),
    (B, pay("R-9", _005="10.001"), "money.too-fine"),
    (B, replace(pay("R-9", _005="88.00"), amount="87.00"), "billing.allocations"),
    (B, replace(pay("R-9", _005="88.00"), currency="EUR"), "billing.currency"),
    (A, pay("R-9", _005="88.00"), "billing.not-owed"),
    (B, pay("R-9", **{NOBODY: "1.00"}), "billing.unknown-document"),
    (B, replace(pay("R-9", _005="88.00"), allocations={}), "trade.lines-none"),
    (B, pay("R-1", _005="88.00"), "billing.number-used"),
])
def test_a_payment_says_what_it_pays(by, message, expected):
    assert code("billed", by, message) == expected


def test_we_announce_no_payment_above_what_is_open_but_theirs_is_money_all_the_same():
    state = SCENES["billed"].state
    over = pay("R-9", _005="88.01")
    with pytest.raises(WeftError) as refused:
        relationship.decide(state, Say("invitee", B, over))
    assert (refused.value.code, refused.value.facts) == ("billing.over-payment", {"amount": "88.01", "open": "88"})
    state = relationship.evolve(state, said(B, over, "r"))
    state = relationship.evolve(state, said(A, RemittanceConfirmed(remittance="r")))
    assert str(state.documents["005"].open) == "-0.01"


def test_an_announced_payment_is_not_announced_again_and_counts_when_it_came():
    ledger = Ledger(SCENES["billed"].state, list(SCENES["billed"].nodes))
    paid = ledger.say(B, pay("R-9", _005="88.00"))
    assert relationship.balance(ledger.state, A)["CNY"] == "144.50"
    with pytest.raises(WeftError, match=r"billing\.over-payment"):
        relationship.decide(ledger.state, Say("invitee", B, pay("R-10", _005="1.00")))
    for by, expected in ((B, "billing.own-remittance"), (A, None)):
        assert relationship.judge(ledger.state, said(by, RemittanceConfirmed(remittance=paid))) == expected
    other = copied(ledger, nodes=list(ledger.nodes))
    ledger.say(A, RemittanceConfirmed(remittance=paid))
    assert relationship.balance(ledger.state, A)["CNY"] == "56.50"
    again = said(A, RemittanceConfirmed(remittance=paid))
    assert relationship.judge(ledger.state, again) == "billing.remittance-answered"
    other.say(A, RemittanceConfirmed(remittance=paid, received=False))
    assert relationship.balance(other.state, A)["CNY"] == "144.50"
    assert relationship.decide(other.state, Say("invitee", B, pay("R-10", _005="1.00")))


def test_deposit_and_retention_are_counted_by_order():
    held = account(SCENES["billed"].state, A, DEAL, "CNY")
    assert (held.deposit_paid, str(held.deposit), str(held.held)) == ("30.00", "10.00", "5.00")
    ledger = Ledger(SCENES["billed"].state, list(SCENES["billed"].nodes))
    ledger.say(A, bill("I-9", kind="retention", gross="5.00"))
    assert str(account(ledger.state, A, DEAL, "CNY").held) == "0.00"


# ---- who they are, and years of it --------------------------------------------------------------------------


def test_a_party_has_a_name_and_may_move():
    assert code("active", A, PartyUpdated(party=Party(name=""))) == "trade.text-missing"
    assert code("active", A, PartyUpdated(party=Party(name="A", url="u" * 501))) == "trade.text-too-long"
    state = relationship.evolve(SCENES["active"].state, said(A, PartyUpdated(party=Party(name="New A"))))
    assert relationship.party(state, A) == Party(name="New A")
    assert relationship.party(state, NOBODY) is None


def named(**changes):
    one = Keeper(key="k" * 43, url="https://keeper.example", name="Keeper")
    return MailboxesNamed(**{"number": 1, "secret": "s" * 43, "keepers": (one,), **changes})


def test_where_mail_may_be_left_is_said_in_form_and_folds_to_nothing():
    """Else a node that does not know the word would come to another state, and raise the alarm."""
    keeper = Keeper(key="k" * 43, url="https://keeper.example")
    assert code("active", A, named(number=-1)) == "quantity.negative"
    assert code("active", A, named(secret="short")) == "trade.commitment"
    assert code("active", A, named(secret="")) == "trade.text-missing"
    assert code("active", A, named(keepers=(replace(keeper, key=""),))) == "trade.text-missing"
    assert code("active", A, named(keepers=(replace(keeper, url=""),))) == "trade.text-missing"
    assert code("active", A, named(keepers=(replace(keeper, name="n" * 201),))) == "trade.text-too-long"
    assert code("active", A, named(keepers=(keeper,) * 5)) == "trade.lines-too-many"
    for message in (named(), named(keepers=())):
        assert code("active", A, message) is None
        state = SCENES["active"].state
        assert relationship.evolve(state, said(A, message)) == state


def test_a_book_is_shown_in_form_and_folds_to_nothing():
    shown = PriceBookShown(hash="h" * 43, deflated="ZGVmbGF0ZWQ", leaf="{}", proof="proof")
    assert code("active", A, replace(shown, hash="")) == "trade.text-missing"
    assert code("active", A, replace(shown, hash="short")) == "trade.commitment"
    assert code("active", A, replace(shown, deflated="")) == "trade.text-missing"
    assert code("active", A, replace(shown, deflated="d" * 240_001)) == "trade.text-too-long"
    assert code("active", A, replace(shown, leaf="l" * 2_001)) == "trade.text-too-long"
    assert code("active", A, replace(shown, proof="p" * 20_001)) == "trade.text-too-long"
    for message in (shown, replace(shown, leaf="", proof="")):
        assert code("active", A, message) is None
        state = SCENES["active"].state
        assert relationship.evolve(state, said(A, message)) == state


def test_what_a_price_record_binds_to_is_told_in_form_and_folds_to_nothing():
    opening = PriceOpening(document="d" * 43, salt="s" * 43, index=3, n=16, path=("p" * 43,) * 4)
    told = PricesCommitted(leaf="{}", proof="proof", openings=(opening,))
    assert code("active", A, replace(told, leaf="")) == "trade.text-missing"
    assert code("active", A, replace(told, proof="")) == "trade.text-missing"
    assert code("active", A, replace(told, openings=())) == "trade.lines-none"
    assert code("active", A, replace(told, openings=(opening,) * 201)) == "trade.lines-too-many"
    for wrong in ({"document": ""}, {"document": "d"}, {"salt": "s"}, {"path": ("p",)}, {"path": ("p" * 43,) * 21},
                  {"index": -1}, {"index": 16}):
        assert code("active", A, replace(told, openings=(opening, replace(opening, **wrong)))) is not None, wrong
    assert code("active", A, told) is None
    state = SCENES["active"].state
    assert relationship.evolve(state, said(A, told)) == state


def test_settled_documents_are_forgotten_in_time_and_no_balance_changes():
    ledger = active()
    kept = ledger.say(A, bill("open for ever"))
    for month in range(KEPT // 10):
        bills = [ledger.say(A, bill(f"I-{month}-{number}")) for number in range(10)]
        made = replace(statement(ledger.state, A, f"S-{month}"), lines=())
        lines = [one for one in statement(ledger.state, A, "x").lines if one.document in bills]
        made = replace(made, lines=tuple(lines), balance="1130.00")
        name = ledger.say(A, made)
        ledger.say(B, answers(ledger.state, name))
        paid = ledger.say(B, pay(f"R-{month}", **{f"_{name}": "1130.00"}))
        ledger.say(A, RemittanceConfirmed(remittance=paid))
    ledger.say(A, bill("one more"))
    assert len(ledger.state.documents) == KEPT
    assert kept in ledger.state.documents
    assert relationship.balance(ledger.state, A) == {"CNY": "226.00"}
