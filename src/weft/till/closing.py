"""The day close (日结): what a till sold and took back since the last, by way of payment and rate of tax, and its cash.

Rule 1: a close sums every slip since the close before it, so none can be left out: their numbers have no gap.
Rule 2: the drawer's opening is what the close before it left; a first close may begin with any float.
Not here: the slip that carries a close (``slip.py``), who counts the money.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from weft.basis import quantity
from weft.basis.errors import Refused, WeftError
from weft.till import totals
from weft.till.slip import ByRate, ByWay, Close, Drawer, Finding, Slip, Way, found
from weft.till.totals import Taxed, minor, written

WAYS: Final[tuple[Way, ...]] = ("cash", "transfer", "account")
RATES_MAX: Final = 40


def close(slips: Sequence[Slip], currency: str, first: int, cash: tuple[str, str, str]) -> Close:
    """The close of ``slips``, all since the last one and in order, of which the first has number ``first``.

    ``cash``: what the drawer held at the opening, what was counted, what was removed after counting. Raises
    ``Invalid('slip.money')``, and ``Refused``: ``slip.close-currency``, ``slip.close-gap``, ``slip.close-drawer``.
    """
    for place, slip in enumerate(slips, first):
        if slip.currency != currency:
            raise Refused("slip.close-currency", n=slip.n, currency=slip.currency, expected=currency)
        if slip.n != place or slip.kind == "close":
            raise Refused("slip.close-gap", n=slip.n, expected=place)
    ways = tuple(_way(slips, pay, currency) for pay in WAYS if any(slip.pay == pay for slip in slips))
    return Close(
        first=first,
        sales=sum(slip.kind == "sale" for slip in slips),
        returns=sum(slip.kind == "return" for slip in slips),
        ways=ways,
        rates=_rates(slips, currency),
        cash=_drawer(ways, currency, cash),
    )


def opening(last: Slip | None, currency: str) -> str:
    """What the drawer held after the close in ``last``; "" when nobody knows: the first day, another currency."""
    if last is None or last.close is None or last.currency != currency:
        return ""
    return last.close.cash.left


def check(slip: Slip, slips: Sequence[Slip], last: Slip | None) -> tuple[Finding, ...]:
    """What is wrong with the close in ``slip``, knowing all ``slips`` since the close in ``last`` (None: the first)."""
    told = slip.close
    if told is None:
        return (found("field", where="close", kind=slip.kind),)
    first = last.n + 1 if last is not None else 1
    try:
        due = close(slips, slip.currency, first, (told.cash.opening, told.cash.counted, told.cash.removed))
    except WeftError as error:
        return (Finding(code=error.code, facts=error.facts),)
    faults = [
        found("close-sum", where=where)
        for where in ("first", "sales", "returns", "ways", "rates", "cash")
        if getattr(told, where) != getattr(due, where)
    ]
    if first + len(slips) != slip.n:
        faults.append(found("close-gap", n=slip.n, expected=first + len(slips)))
    due_at_opening = opening(last, slip.currency)
    if due_at_opening and due_at_opening != told.cash.opening:
        faults.append(found("close-opening", told=told.cash.opening, expected=due_at_opening))
    return tuple(faults)


def findings(told: Close, n: int, currency: str) -> Iterator[Finding]:
    """What is wrong with a close taken alone; ``n`` is the number of its slip."""
    if not 1 <= told.first <= n or min(told.sales, told.returns) < 0 or told.sales + told.returns != n - told.first:
        yield found("close-count", first=told.first, n=n)
    if len(told.rates) > RATES_MAX:
        yield found("too-many", what="rates", limit=RATES_MAX)
        return
    try:
        yield from _arithmetic(told, currency)
    except WeftError as error:
        yield Finding(code=error.code, facts=error.facts)


def _arithmetic(told: Close, currency: str) -> Iterator[Finding]:
    order = [way.pay for way in told.ways]
    counts = sum(way.sales for way in told.ways), sum(way.returns for way in told.ways)
    ordered = order == [pay for pay in WAYS if pay in order]
    least = min((least for way in told.ways for least in (way.sales, way.returns, *_moved(way, currency))), default=0)
    if not ordered or least < 0 or counts != (told.sales, told.returns):
        yield found("close-sum", where="ways")
    rows = [(rate.tax_category, rate.tax_percent, totals.read(rate, currency)) for rate in told.rates]
    moved = sum(received - given for received, given in (_moved(way, currency) for way in told.ways))
    spelled = all(quantity.text(quantity.decimal(percent)) == percent for _, percent, _ in rows)
    fits = spelled and all(sums.net + sums.tax == sums.gross for *_, sums in rows)
    if not fits or moved != sum(sums.gross for *_, sums in rows) or totals.by_rate(rows, currency) != told.rates:
        yield found("close-sum", where="rates")
    cash = told.cash
    if cash != _drawer(told.ways, currency, (cash.opening, cash.counted, cash.removed)):
        yield found("close-sum", where="cash")


def _way(slips: Sequence[Slip], pay: Way, currency: str) -> ByWay:
    sales = [minor(slip.gross, currency) for slip in slips if slip.pay == pay and slip.kind == "sale"]
    returns = [minor(slip.gross, currency) for slip in slips if slip.pay == pay and slip.kind == "return"]
    return ByWay(pay=pay, sales=len(sales), returns=len(returns), received=written(sum(sales), currency),
                 given_back=written(sum(returns), currency))


def _moved(way: ByWay, currency: str) -> tuple[int, int]:
    return minor(way.received, currency), minor(way.given_back, currency)


def _rates(slips: Sequence[Slip], currency: str) -> tuple[ByRate, ...]:
    rows = []
    for slip in slips:
        sign = -1 if slip.kind == "return" else 1
        for line in slip.lines:
            money = totals.read(line, currency)
            rows.append((line.tax_category, line.tax_percent, Taxed(*(sign * units for units in money))))
    return totals.by_rate(rows, currency)


def _drawer(ways: Sequence[ByWay], currency: str, cash: tuple[str, str, str]) -> Drawer:
    opened, counted, removed = (minor(text, currency) for text in cash)
    moved = sum(received - given for way in ways if way.pay == "cash" for received, given in (_moved(way, currency),))
    if min(opened, counted, counted - removed) < 0:
        raise Refused("slip.close-drawer")
    return Drawer(
        opening=written(opened, currency), expected=written(opened + moved, currency),
        counted=written(counted, currency), difference=written(counted - opened - moved, currency),
        removed=written(removed, currency), left=written(counted - removed, currency),
    )
