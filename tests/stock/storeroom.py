"""A storeroom for the tests of stock: a book in memory that checks every law after every message."""

from decimal import Decimal

import msgspec

from weft.basis.decider import Said
from weft.basis.errors import WeftError
from weft.stock import book, levels
from weft.stock import messages as m

US, JG, HT = "org-us", "org-jinggong", "org-hengtai"
AT = "2026-11-23T08:00:00.000Z"


class Book:
    """A stock book: decided, judged and folded as the engine does it."""

    def __init__(self):
        self.state = book.INITIAL
        self.said = []

    def say(self, command):
        told = book.decide(self.state, command)
        for message in told:
            said = Said(id=f"e{len(self.said)}", by=US, role="owner", message=message)
            assert book.judge(self.state, said) is None
            self.state = book.evolve(self.state, said)
            self.said.append(message)
            laws(self.state)
        return told

    def refused(self, command):
        """The code of the refusal; nothing is changed."""
        before = self.state
        try:
            book.decide(self.state, command)
        except WeftError as error:
            code = error.code
        else:
            raise AssertionError("not refused")
        assert self.state == before
        return code

    def here(self, item, owner="", holder=""):
        return str(levels.on_hand(self.state, item, owner, holder))


def laws(state):
    """What holds in every state."""
    for lot in state.lots.values():
        assert lot.item in state.items and all(Decimal(amount) > 0 for amount in lot.at.values())
        assert not lot.owner or lot.owner not in lot.at, "what lies with its owner is not in our book"
    for account in state.accounts.values():
        there = levels.on_hand(state, account.item, account.owner, account.holder)
        came = Decimal(account.sent) + Decimal(account.made) + Decimal(account.counted)
        went = Decimal(account.consumed) + Decimal(account.returned) + Decimal(account.scrap)
        assert came == went + there
    assert all(0 < Decimal(held.quantity) <= Decimal(held.first) for held in state.reservations.values())
    assert msgspec.json.decode(msgspec.json.encode(state), type=type(book.INITIAL)) == state


def storeroom() -> Book:
    """Bodies (by piece) and bar (by weight); nothing there yet."""
    one = Book()
    one.say(m.ItemDefined(item=m.Item(id="BODY", zh="阀体", weight_each="0.35", reorder_point="20",
                                      reorder_quantity="50", supplier=JG)))
    one.say(m.ItemDefined(item=m.Item(id="BAR", en="Bar 20 mm", unit="KGM", kind="material", safety="5")))
    return one


def received(one: Book, item: str = "BODY", quantity: str = "10", lot: str = "", **fields) -> str:
    """Receive a lot; its id."""
    receipt = {name: fields.pop(name) for name in ("why", "partner") if name in fields}
    ref = fields.pop("ref", f"r{len(one.said)}")
    lots = (m.LotIn(id=lot, item=item, quantity=quantity, **fields),)
    told = one.say(m.Received(ref=ref, lots=lots, at=AT, **receipt))
    return told[0].lots[0].id
