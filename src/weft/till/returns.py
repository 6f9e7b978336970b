"""Returns (退货): lines of an earlier slip of sale taken back, never more than was sold on it.

What a part of a line is worth is the difference of two rounded sums, what was taken back after and before it, so that
a line taken back in pieces comes to exactly what was paid for it.
Rule 1: a till counts the returns that it knows; two tills that took back the same piece are found by the node.
Not here: whether goods may be taken back (the firm decides), where the money goes.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from weft.basis import quantity
from weft.basis.errors import Refused, WeftError
from weft.till import totals
from weft.till.slip import Finding, Line, Slip, found
from weft.till.totals import Taxed, written


def left(sale: Slip, earlier: Iterable[Slip]) -> tuple[str, ...]:
    """For each line of ``sale`` how much of it was not yet taken back by the returns ``earlier``."""
    taken = _taken(sale, earlier)
    return tuple(quantity.text(quantity.decimal(line.quantity) - taken[at]) for at, line in enumerate(sale.lines))


def lines(sale: Slip, earlier: Iterable[Slip], wanted: Sequence[tuple[int, str]]) -> tuple[Line, ...]:
    """The lines of a return of ``wanted``, (line of the sale from 1, quantity) each.

    Raises ``Refused``: ``slip.return-of`` (this is no slip of sale), ``slip.return-line``, ``slip.return-too-much``;
    ``Invalid``: ``quantity.malformed``, ``quantity.not-positive``.
    """
    if sale.kind != "sale":
        raise Refused("slip.return-of")
    taken = _taken(sale, earlier)
    made = []
    for sold, text in wanted:
        if not 1 <= sold <= len(sale.lines):
            raise Refused("slip.return-line", line=sold, lines=len(sale.lines))
        line, count = sale.lines[sold - 1], quantity.positive(text, "quantity")
        had = quantity.decimal(line.quantity)
        before, after = taken[sold - 1], taken[sold - 1] + count
        if after > had:
            raise Refused("slip.return-too-much", line=sold, value=text, left=quantity.text(had - before))
        worth = _less(_share(sale, line, after), _share(sale, line, before))
        made.append(_line(sale, line, sold, (quantity.text(count), worth)))
        taken[sold - 1] = after
    return tuple(made)


def check(slip: Slip, sale: Slip, earlier: Iterable[Slip]) -> tuple[Finding, ...]:
    """What is wrong with the return ``slip``, knowing the ``sale`` it names and the returns before it."""
    if slip.kind != "return" or slip.of != sale.hash or sale.kind != "sale":
        return (found("return-of"),)
    faults = [
        found("return-other", where=where)
        for where in ("firm", "currency", "basis", "book", "attributes", "off_book")
        if getattr(slip, where) != getattr(sale, where)
    ]
    if faults:
        return tuple(faults)
    try:
        due = lines(sale, earlier, [(line.sold, line.quantity) for line in slip.lines])
    except WeftError as error:
        return (Finding(code=error.code, facts=error.facts),)
    return tuple(
        found("return-amount", line=place, told=told.gross, expected=right.gross)
        for place, (told, right) in enumerate(zip(slip.lines, due, strict=True), 1)
        if told != right
    )


def _taken(sale: Slip, earlier: Iterable[Slip]) -> list[Decimal]:
    taken = [Decimal(0)] * len(sale.lines)
    for slip in earlier:
        if slip.kind == "return" and slip.of == sale.hash:
            for line in slip.lines:
                if 1 <= line.sold <= len(taken):
                    taken[line.sold - 1] += quantity.decimal(line.quantity)
    return taken


def _share(sale: Slip, line: Line, count: Decimal) -> Taxed:
    """What ``count`` of ``line`` come to, rounded as the line itself was."""
    money = totals.read(line, sale.currency)
    whole = money.gross if sale.basis == "gross" else money.net
    part = totals.half_up(Fraction(count) * whole / Fraction(quantity.decimal(line.quantity)))
    return totals.taxed(part, sale.basis, line.tax_percent)


def _less(after: Taxed, before: Taxed) -> Taxed:
    return Taxed(*(more - less for more, less in zip(after, before, strict=True)))


def _line(sale: Slip, line: Line, sold: int, part: tuple[str, Taxed]) -> Line:
    count, worth = part
    return Line(
        item=line.item, lot=line.lot, quantity=count, unit=line.unit, unit_price=line.unit_price, base=line.base,
        net=written(worth.net, sale.currency), tax=written(worth.tax, sale.currency),
        gross=written(worth.gross, sale.currency), tax_category=line.tax_category, tax_percent=line.tax_percent,
        sold=sold,
    )
