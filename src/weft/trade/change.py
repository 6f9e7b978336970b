"""Changes of an order: proposed by either side, with options; nothing changes until the other takes one.

Rule 1: each side has at most one open change; both may have one.
Rule 2: an option holds absolute values; it never takes back what was sent meanwhile: what was delivered above the
        new quantity counts as over-delivered, and "0" drops the open rest.
Rule 3: amounts that an option leaves out follow the quantity in proportion.
Not here: cancelling without asking (``delivery.py``).
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from weft.basis.decider import Said
from weft.basis.errors import Invalid, Refused
from weft.trade import form
from weft.trade.messages import (
    ChangeLine,
    ChangeOption,
    OrderChange,
    OrderChangeResponse,
    OrderChangeWithdrawn,
)
from weft.trade.numbers import money, share, text, total
from weft.trade.order_state import Change, OrderLine, OrderState

OPTIONS_MAX: Final = 10
CHANGES_MAX: Final = 500


# ---- what each word must hold --------------------------------------------------------------------


def check_change(state: OrderState, said: Said, change: OrderChange) -> None:
    if open_change(state, said.role) is not None:
        raise Refused("order.change-open")
    if len(state.changes) >= CHANGES_MAX:
        raise Refused("order.too-many-changes", limit=CHANGES_MAX)
    form.name(change.number, "number")
    form.words(change.cause, "cause", form.NAME_MAX)
    form.words(change.note, "note")
    form.counted(change.options, "options", OPTIONS_MAX)
    form.distinct(option.id for option in change.options)
    for option in change.options:
        _check_option(state, option)


def _check_option(state: OrderState, option: ChangeOption) -> None:
    form.words(option.note, option.id)
    if option.kind != "cancel" or option.lines:
        form.counted(option.lines, option.id)
    if option.kind == "partial":
        _check_parts(option)
    else:
        form.distinct(line.line for line in option.lines)
    for line in option.lines:
        _check_line(state, option, line)


def _check_parts(option: ChangeOption) -> None:
    """A line named more than once is split: each part has its quantity and date."""
    for line in option.lines:
        form.line_id(line.line)
        if sum(other.line == line.line for other in option.lines) > 1:
            form.positive(line.quantity, line.line)
            if not line.promise:
                raise Invalid("order.no-promise", line=line.line)


def _check_line(state: OrderState, option: ChangeOption, change: ChangeLine) -> None:
    line = state.lines.get(change.line)
    if line is None:
        raise Invalid("order.unknown-line", line=change.line)
    if line.ended:
        raise Refused("order.line-ended", line=change.line)
    quantity = form.not_negative(change.quantity, change.line) if change.quantity else None
    if option.kind == "cancel" and quantity not in {None, Decimal(0)}:
        raise Invalid("order.change-cancel", line=change.line)
    form.moment(change.promise, change.line)
    if change.unit_price:
        form.not_negative(change.unit_price, change.line)
    amounts = (change.net, change.tax, change.gross)
    if any(amounts):
        if not all(amounts):
            raise Invalid("order.change-amounts", line=change.line)
        form.taxed(change, state.currency, change.line)
        form.not_negative(change.gross, change.line)


def open_change(state: OrderState, role: str) -> str | None:
    """The event id of the open change that ``role`` proposed."""
    return next((name for name, change in state.changes.items() if change.by == role and change.status == "open"), None)


def check_answer(state: OrderState, said: Said, answer: OrderChangeResponse) -> None:
    change = _pending(state, answer.change)
    if change.by == said.role:
        raise Refused("order.own-change")
    if answer.option and all(option.id != answer.option for option in change.options):
        raise Invalid("order.unknown-option", option=answer.option[:40])
    form.words(answer.note, "note")


def check_withdrawn(state: OrderState, said: Said, withdrawn: OrderChangeWithdrawn) -> None:
    change = _pending(state, withdrawn.change)
    if change.by != said.role:
        raise Refused("order.not-your-change")
    form.words(withdrawn.reason, "reason", 500)


def _pending(state: OrderState, name: str) -> Change:
    change = state.changes.get(name)
    if change is None:
        raise Invalid("order.unknown-change")
    if change.status != "open":
        raise Refused("order.change-answered", status=change.status)
    return change


# ---- what it makes of the state ------------------------------------------------------------------


def proposed(state: OrderState, said: Said, message: OrderChange) -> OrderState:
    change = Change(by=said.role, number=message.number, options=message.options, cause=message.cause)
    return replace(state, changes={**state.changes, said.id: change})


def answered(state: OrderState, _said: Said, message: OrderChangeResponse) -> OrderState:
    change = state.changes[message.change]
    status = "accepted" if message.option else "refused"
    changes = {**state.changes, message.change: replace(change, status=status, option=message.option)}
    state = replace(state, changes=changes)
    for option in change.options:
        if option.id == message.option:
            state = take(state, option)
    return state


def withdrawn(state: OrderState, _said: Said, message: OrderChangeWithdrawn) -> OrderState:
    change = replace(state.changes[message.change], status="withdrawn")
    return replace(state, changes={**state.changes, message.change: change})


def lapse(state: OrderState, which: Callable[[Change], bool] = lambda _: True) -> OrderState:
    """``state`` with the open changes that are ``which`` closed without an answer."""
    if not any(change.status == "open" and which(change) for change in state.changes.values()):
        return state
    changes = {
        name: replace(change, status="lapsed") if change.status == "open" and which(change) else change
        for name, change in state.changes.items()
    }
    return replace(state, changes=changes)


def take(state: OrderState, option: ChangeOption) -> OrderState:
    """``state`` with ``option`` carried out; lines that ended meanwhile stay as they are."""
    lines = dict(state.lines)
    for name in touched(state, option):
        if not lines[name].ended:
            parts = [part for part in option.lines if part.line == name]
            lines[name] = _changed(lines[name], option.kind, parts, state.currency)
    return replace(state, lines=lines)


def touched(state: OrderState, option: ChangeOption) -> Iterable[str]:
    """The lines that ``option`` is about: those it names, or all."""
    return dict.fromkeys(line.line for line in option.lines) or state.lines


def _changed(line: OrderLine, kind: str, parts: list[ChangeLine], currency: str) -> OrderLine:
    if kind == "cancel" or (len(parts) == 1 and parts[0].quantity and not Decimal(parts[0].quantity)):
        return replace(line, ended="cancelled")
    if len(parts) > 1:
        return _split(line, parts, currency)
    (part,) = parts
    changed = _with_quantity(line, Decimal(part.quantity), currency) if part.quantity else line
    changed = replace(
        changed, promise=part.promise or line.promise, schedule=() if part.promise or part.quantity else line.schedule,
        unit_price=part.unit_price or line.unit_price,
    )
    if not part.gross:
        return changed
    return replace(changed, net=part.net, tax=part.tax, gross=part.gross)


def _split(line: OrderLine, parts: list[ChangeLine], currency: str) -> OrderLine:
    """Some now, the rest later: the promise of the line is that of its last part."""
    changed = _with_quantity(line, total(part.quantity for part in parts), currency)
    changed = replace(changed, promise=max(part.promise for part in parts),
                      schedule=tuple((part.quantity, part.promise) for part in parts))
    if not all(part.gross for part in parts):
        return changed
    amounts = {field: total(getattr(part, field) for part in parts) for field in ("net", "tax", "gross")}
    return replace(changed, **{field: money(amount, currency) for field, amount in amounts.items()})


def _with_quantity(line: OrderLine, wanted: Decimal, currency: str) -> OrderLine:
    """``line`` with another quantity and its amounts in proportion."""
    net, tax = (share(amount, wanted, Decimal(line.ordered), currency) for amount in (line.net, line.tax))
    return replace(line, ordered=text(wanted), net=net, tax=tax, gross=money(total((net, tax)), currency))
