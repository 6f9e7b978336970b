"""What a slip that counts does to the till book: sums, drawer, accounts and returns; and how that is taken back.

Rule 1: what ``counted`` adds, ``uncounted`` takes off, if the slips of a till are taken back the newest first.
Rule 2: a doubted slip that was settled moves no chain and, as a closing, no drawer: it was another memory's; but for
        one that had counted before.
Not here: which slips count (``book.py``), goods and bills (the engine's reactions).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from weft.till import messages as m
from weft.till import totals
from weft.till.slip import Slip, parse
from weft.till.state import Closing, Customer, Odd, Place, State, Sums, Till, day_key

ODD_KEPT: Final = 500
DAYS_KEPT: Final = 4_000
CLOSINGS_KEPT: Final = 500
RETURNED_KEPT: Final = 5_000
MONTHS_KEPT: Final = 36

_replace = msgspec.structs.replace


def counted(state: State, said: m.SlipTaken) -> State:
    """``state`` with the slip counting."""
    slip = parse(said.slip.encode())
    till, moves = state.tills[slip.till], True
    if said.settled:
        moves = said.hash in state.doubts and state.doubts[said.hash].why == "since"
        state = _replace(state, doubts=without(state.doubts, said.hash))
    else:
        lives = {**till.lives, slip.life: Place(n=slip.n, hash=said.hash)}
        till = _replace(till, lives=lives, last_at=max(till.last_at, slip.at))
    if said.odd:
        odd = Odd(hash=said.hash, key=slip.till, n=slip.n, number=slip.number, codes=said.odd, at=slip.at)
        state = _replace(state, odd=newest({**state.odd, said.hash: odd}, ODD_KEPT))
    state = with_till(state, till)
    if slip.kind == "close":
        return _closed(state, slip, said) if moves else state
    state = _moved(state, slip, said, 1)
    return _came_back(state, slip) if slip.kind == "return" else state


def uncounted(state: State, said: m.Kept) -> State:
    """``state`` as if the slip, which was taken in its place and counts, did not; its place in the chain stays."""
    slip = parse(said.slip.encode())
    short = {name: one for name, one in state.short.items() if one.hash != said.hash}
    state = _replace(state, odd=without(state.odd, said.hash), short=short)
    if slip.kind == "close":
        return _opened(state, slip, said)
    state = _moved(state, slip, said, -1)
    if slip.kind != "return":
        return state
    back = tuple(name for name in state.returned.get(slip.of, ()) if name != said.hash)
    return _replace(state, returned=without(state.returned, slip.of) | ({slip.of: back} if back else {}))


def owed(state: State, customer: str, currency: str, more: int) -> State:
    """``state`` where ``customer`` owes ``more`` minor units."""
    held = state.customers.get(customer) or Customer(id=customer, name="")
    open_ = {**held.open, currency: held.open.get(currency, 0) + more}
    return with_customer(state, _replace(held, open={name: amount for name, amount in open_.items() if amount}))


def _moved(state: State, slip: Slip, said: m.Kept, times: int) -> State:
    """Money of a sale or return; ``times`` is -1 to take it back."""
    till = state.tills[slip.till]
    sign = -1 if slip.kind == "return" else 1
    gross = times * sign * totals.minor(slip.gross, slip.currency)
    if slip.pay == "cash":
        left = {**till.cash, slip.currency: till.cash.get(slip.currency, 0) + gross}
        till = _replace(till, cash=left if times > 0 else {name: amount for name, amount in left.items() if amount})
    state = _summed(with_till(state, till), slip, said.day, times)
    if slip.pay == "account" and not said.billed:
        state = owed(state, slip.partner, slip.currency, gross)
    return state


def _summed(state: State, slip: Slip, day: str, times: int) -> State:
    sign = -1 if slip.kind == "return" else 1
    key = day_key(day, slip.till, slip.currency)
    held, money = state.days.get(key, Sums()), totals.read(slip, slip.currency)
    more = times * sign
    sums = _replace(
        held, sales=held.sales + times * (sign > 0), returns=held.returns + times * (sign < 0),
        off_book=held.off_book + times * (slip.off_book and sign > 0),
        net=held.net + more * money.net, tax=held.tax + more * money.tax, gross=held.gross + more * money.gross,
        **{slip.pay: getattr(held, slip.pay) + more * money.gross})
    days = {**state.days, key: sums} if sums != Sums() else without(state.days, key)
    if len(days) > DAYS_KEPT:
        del days[min(days)]
    state = _replace(state, days=days)
    if not slip.off_book or sign < 0:
        return state
    months = {**state.exceptions, day[:7]: state.exceptions.get(day[:7], 0) + times}
    kept = [(month, count) for month, count in sorted(months.items()) if count]
    return _replace(state, exceptions=dict(kept[-MONTHS_KEPT:]))


def _closed(state: State, slip: Slip, said: m.SlipTaken) -> State:
    """The drawer was counted, and begins anew."""
    assert slip.close is not None
    cash, currency, till = slip.close.cash, slip.currency, state.tills[slip.till]
    booked = totals.minor(cash.opening, currency) + till.cash.get(currency, 0)
    closing = Closing(hash=said.hash, key=till.key, day=said.day, at=slip.at, currency=currency, booked=booked,
                      counted=totals.minor(cash.counted, currency), expected=totals.minor(cash.expected, currency))
    till = _replace(till, cash=without(till.cash, currency))
    return _replace(with_till(state, till), closings=(*state.closings, closing)[-CLOSINGS_KEPT:])


def _opened(state: State, slip: Slip, said: m.Kept) -> State:
    """The closing is taken back: what it had found in the drawer is there again."""
    closing = next((one for one in state.closings if one.hash == said.hash), None)
    if closing is None or slip.close is None:
        return state
    till, currency = state.tills[slip.till], slip.currency
    cash = till.cash.get(currency, 0) + closing.booked - totals.minor(slip.close.cash.opening, currency)
    till = _replace(till, cash=without(till.cash, currency) | ({currency: cash} if cash else {}))
    closings = tuple(one for one in state.closings if one.hash != said.hash)
    return _replace(with_till(state, till), closings=closings)


def _came_back(state: State, slip: Slip) -> State:
    back = (*state.returned.get(slip.of, ()), slip.hash)
    rest = without(state.returned, slip.of)
    return _replace(state, returned=newest({**rest, slip.of: back}, RETURNED_KEPT))


# ---- pieces of the state --------------------------------------------------------------------------


def with_till(state: State, till: Till) -> State:
    """``state`` with ``till`` in it."""
    return _replace(state, tills={**state.tills, till.key: till})


def with_customer(state: State, customer: Customer) -> State:
    """``state`` with ``customer`` in it."""
    return _replace(state, customers={**state.customers, customer.id: customer})


def without(rows: Mapping[str, Any], key: str) -> dict[str, Any]:
    """``rows`` but for ``key``."""
    return {name: one for name, one in rows.items() if name != key}


def newest(rows: dict[str, Any], limit: int) -> dict[str, Any]:
    """The newest ``limit`` of ``rows``."""
    for old in list(rows)[: max(0, len(rows) - limit)]:
        del rows[old]
    return rows
