"""What may be recorded of people's work, of what it is paid, and of what it is worked by.

Rule 1: what a person did is a fact: an entry is refused for its form alone.
Rule 2: what is paid for closed wages does not change: no rate begins in them, and they are not closed again earlier.
Not here: what an entry does to its job (``reporting.py``), rules of jobs (``rules.py``).
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.decider import Message
from weft.basis.errors import Invalid, Refused
from weft.production import reported as r
from weft.production.master import id_faults, raise_first
from weft.production.state import State

ENTRY_MAX: Final = 200
WORKER_MAX: Final = 60
NOTE_MAX: Final = 500
PIECES_MAX: Final = 1_000_000_000  # with PRICE_DIGITS, every product and sum is exact in 28 digits
PRICE_DIGITS: Final = 6
_DIGEST: Final = re.compile("[0-9a-f]{64}")


def _reported(_: State, said: r.WorkReported) -> None:
    for field, most in (("entry", ENTRY_MAX), ("worker", WORKER_MAX), ("note", NOTE_MAX)):
        if len(getattr(said, field)) > most:
            raise Invalid("work.too-long", field=field, limit=most)
    for pieces in (said.good, said.scrap):
        if abs(q.decimal(pieces, said.entry[:60])) >= PIECES_MAX:
            raise Invalid("work.too-many", value=pieces)
    for at in (said.at, said.told, said.booked):
        instant.to_ms(at, said.entry[:60])


def _settled(_: State, said: r.WorkSettled) -> None:
    instant.to_ms(said.at, said.entry[:60])


def _instruction(_: State, said: r.InstructionSet) -> None:
    raise_first(id_faults("item", said.item))
    if len(said.note) > NOTE_MAX:
        raise Invalid("work.too-long", field="note", limit=NOTE_MAX)
    if said.file and not _DIGEST.fullmatch(said.file):
        raise Invalid("work.drawing-form")


def _rate(state: State, said: r.PieceRateSet) -> None:
    raise_first(id_faults("item", said.item))
    for price in (said.price, said.material or "0"):
        value = q.decimal(price, said.item)
        if value < 0:
            raise Invalid("production.negative", value=price, where=said.item)
        if value >= PIECES_MAX or value != round(value, PRICE_DIGITS):
            raise Invalid("wages.price", value=price, digits=PRICE_DIGITS)
    q.currency(said.currency, said.item)
    _date(said.since)
    if state.wages_until and said.since <= state.wages_until:
        raise Refused("wages.closed", until=state.wages_until)


def _closed(state: State, said: r.WagesClosed) -> None:
    _date(said.until)
    instant.to_ms(said.at, said.until)
    if state.wages_until and said.until <= state.wages_until:
        raise Refused("wages.closed", until=state.wages_until)


def _date(text: str) -> None:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return
    except ValueError:
        pass
    raise Invalid("wages.date", value=text[:20])


CHECKS: Final[Mapping[type[Message], Callable[[State, Any], None]]] = {
    r.WorkReported: _reported, r.WorkSettled: _settled, r.InstructionSet: _instruction, r.PieceRateSet: _rate,
    r.WagesClosed: _closed,
}
