"""The trace book."""

import msgspec
import pytest

from weft.basis.canonical import decode, encode
from weft.basis.decider import Said
from weft.basis.errors import Refused
from weft.trace import book
from weft.trace.events import Goods, created

EVENT = created("ORG", (Goods(item="WIRE", quantity="2.5", unit="KGM"),), "2026-11-25T08:15:30.250Z")[0]


def said(message):
    return Said(id="e", by="ORG", role="owner", message=message)


def test_an_event_is_said_once():
    message = book.recorded(EVENT, "ref")
    assert book.decide(book.INITIAL, message) == (message,)
    state = book.evolve(book.INITIAL, said(message))
    assert book.decide(state, message) == ()
    assert book.judge(state, said(message)) == "trace.known"
    assert state.events == 1 and state.counts == {"ObjectEvent/creating_class_instance": 1}


def test_the_message_and_the_state_are_canonical_although_quantities_have_points():
    message = book.recorded(EVENT)
    assert decode(encode(msgspec.to_builtins(message))) == msgspec.to_builtins(message)
    assert book.read(message.event)["quantityList"][0]["quantity"] == 2.5
    state = book.evolve(book.INITIAL, said(message))
    assert msgspec.json.decode(msgspec.json.encode(state), type=type(book.INITIAL)) == state
    encode(msgspec.to_builtins(state))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"type":"ObjectEvent"}', '{"type":"X","eventTime":"t","eventID":"i"}',
                                  '{"type":"ObjectEvent","eventTime":1,"eventID":"i"}', "[" * 5000])
def test_what_is_no_event_is_refused(text):
    with pytest.raises(Refused) as caught:
        book.decide(book.INITIAL, book.TraceRecorded(event=text))
    assert caught.value.code == "trace.malformed"


def test_an_endless_event_is_refused():
    with pytest.raises(Refused) as caught:
        book.decide(book.INITIAL, book.TraceRecorded(event="x" * (book.TEXT_MAX + 1)))
    assert caught.value.code == "trace.too-large"


def test_the_state_stays_small():
    state = book.INITIAL
    for number in range(book.REMEMBERED + 20):
        event = {**EVENT, "eventID": f"ni:///{number}"}
        state = book.evolve(state, said(book.recorded(event)))
    assert len(state.recent) == book.REMEMBERED and state.events == book.REMEMBERED + 20
