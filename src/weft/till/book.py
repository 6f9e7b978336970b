"""The conversation ``till/1``: a firm's book of its tills and of every slip that they have brought.

A slip counts (``SlipTaken``) when it is the next in its chain; else it is kept and waits for the owner's word.
Rule 1: of two different slips at one place both are kept; the one that came first counts, until the owner says more.
Rule 2: of a till that was let go, what it had brought before counts; what comes after is kept up to a limit.
Rule 3: sums, drawer, returns and accounts follow the slips that count (``counting.py``), and nothing else.
Rule 4: what a till had brought since it was lost counted until the owner knew: it is doubted, the newest first.
Not here: signatures and the form of a slip (``verify.py``), stock and bills (the engine's reactions).
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import named
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.till import messages as m
from weft.till import totals
from weft.till.counting import counted, owed, uncounted, with_customer, with_till, without
from weft.till.slip import Slip, parse
from weft.till.state import Customer, Doubt, Place, Short, State, Till

NAME: Final = "till"
VERSION: Final = 1
MESSAGES: Final[Mapping[str, type[Message]]] = m.MESSAGES
INITIAL: Final = State()
CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {}  # one member, nobody to cross

NAME_MAX: Final = 60
DOUBTS_MAX: Final = 200  # open at a time, of all tills
KEPT_MAX: Final = 1_000  # slips of a till after it was let go
SINCE_MAX: Final = 5_000  # slips that came since a till was lost, of all tills
LIVES_MAX: Final = 500  # of one till
TILLS_MAX: Final = 200
CUSTOMERS_MAX: Final = 2_000

_replace = msgspec.structs.replace


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """Command: a slip has come. ``gap``: the till no longer holds those before it.

    ``continues``: the slip before it is one that we keep as doubted.
    """

    slip: Slip
    signature: str
    day: str
    at: str
    odd: tuple[str, ...] = ()
    billed: str = ""
    gap: bool = False
    continues: bool = False


class LetGo(msgspec.Struct, frozen=True, kw_only=True):
    """Command: the till ``key`` sells no more. ``since``: when it was lost; ``first``: of each life what came then."""

    key: str
    at: str
    reason: str = ""
    since: str = ""
    first: dict[str, int] = {}


class HoldBack(msgspec.Struct, frozen=True, kw_only=True):
    """Command: ``slip`` counted, and came since its till was lost, which is let go: it is doubted after all."""

    slip: m.SlipTaken


class Settle(msgspec.Struct, frozen=True, kw_only=True):
    """Command: the owner's word about a doubted slip: it ``counts``, or it does not for ``reason``."""

    hash: str
    counts: bool
    at: str
    reason: str = ""


Command = Message | Take | LetGo | HoldBack | Settle


def judge(state: State, said: Said, /) -> str | None:
    """The code for which ``said`` is void, or None."""
    try:
        _CHECKS[type(said.message)](state, said.message)
    except WeftError as error:
        return error.code
    return None


def decide(state: State, command: Command, /) -> Sequence[Message]:
    """What to record; raises ``Invalid``, ``Refused`` or ``NotFound``. What the book says already is not said again."""
    match command:
        case Take():
            told = _take(state, command)
        case LetGo() | HoldBack():
            told = _ended(state, command)
        case Settle():
            told = (_settled(state, command),)
        case m.TillPaired() if command.key in state.tills:
            told = ()
        case m.SoldOver() if _line(command) in state.short:
            told = ()
        case _:
            if type(command) not in _CHECKS or isinstance(command, m.Kept):
                raise Invalid("till.message-unknown", type=type(command).__name__)
            told = (command,)
    for message in told:
        _CHECKS[type(message)](state, message)
        state = evolve(state, Said(id="", by="", role="", message=message))
    return told


def _ended(state: State, command: LetGo | HoldBack) -> tuple[Message, ...]:
    if isinstance(command, HoldBack):
        slip = command.slip
        return () if slip.hash in state.doubts else (m.SlipDoubted(
            slip=slip.slip, signature=slip.signature, hash=slip.hash, day=slip.day, at=slip.at, odd=slip.odd,
            billed=slip.billed, why="since"),)
    till = _till(state, command.key)
    return () if till.ended_at else (m.TillLetGo(
        key=till.key, counts=_counts(till, command.first), at=command.at, reason=command.reason, since=command.since),)


def _counts(till: Till, first: Mapping[str, int]) -> dict[str, int]:
    """The last number that counts of each life, where those from ``first`` on do not."""
    last = {life: min(place.n, first.get(life, place.n + 1) - 1) for life, place in till.lives.items()}
    return {life: n for life, n in last.items() if n > 0}


def _take(state: State, command: Take) -> tuple[Message, ...]:
    slip = command.slip
    till = _till(state, slip.till)
    kept: dict[str, Any] = {"slip": slip.canonical.decode(), "signature": command.signature, "hash": slip.hash,
                            "day": command.day, "at": command.at, "odd": command.odd, "billed": command.billed}
    last = till.lives.get(slip.life, Place())
    if slip.n <= last.n:
        return (m.SlipDoubted(**kept, why="double"),)
    if till.ended_at:
        return (m.SlipDoubted(**kept, why="let-go"),)
    if slip.n == last.n + 1 and slip.prev == last.hash:
        return (m.SlipTaken(**kept),)
    if slip.n == last.n + 1 or command.continues:
        return (m.SlipDoubted(**kept, why="broken"),)
    if not command.gap:
        raise Refused("till.gap", life=slip.life, n=last.n)
    lost = m.SlipsMissing(key=till.key, life=slip.life, first=last.n + 1, last=slip.n - 1, at=command.at)
    return lost, m.SlipTaken(**kept)


def _settled(state: State, command: Settle) -> Message:
    doubt = _doubt(state, command.hash)
    if not command.counts:
        return m.SlipDismissed(hash=doubt.hash, reason=command.reason, at=command.at)
    return m.SlipTaken(slip=doubt.slip, signature=doubt.signature, hash=doubt.hash, day=doubt.day, at=command.at,
                       odd=doubt.odd, billed=doubt.billed, settled=True)


# ---- what may be recorded -------------------------------------------------------------------------


def _till(state: State, key: str) -> Till:
    found = state.tills.get(key)
    if found is None:
        raise NotFound("till.unknown", till=key[:12])
    return found


def _doubt(state: State, name: str) -> Doubt:
    found = state.doubts.get(name)
    if found is None:
        raise NotFound("till.no-doubt", slip=name[:12])
    return found


def _line(said: m.SoldOver | m.ShortageMet) -> str:
    return f"{said.hash}/{said.line}"


def _paired(state: State, said: m.TillPaired) -> None:
    named(said.key, 32)
    _words("name", said.name)
    if said.key in state.tills:
        raise Refused("till.paired", till=state.tills[said.key].name)
    if len(state.tills) >= TILLS_MAX:
        raise Refused("till.too-many-tills", limit=TILLS_MAX)
    instant.to_ms(said.at, "at")


def _let_go(state: State, said: m.TillLetGo) -> None:
    if _till(state, said.key).ended_at:
        raise Refused("till.gone", till=_till(state, said.key).name)


def _customer(state: State, said: m.CustomerAdded) -> None:
    named(said.id, 32)
    _words("name", said.name)
    if any(one.name == said.name for one in state.customers.values()):
        raise Refused("till.customer-known", name=said.name)
    if len(state.customers) >= CUSTOMERS_MAX:
        raise Refused("till.too-many-customers", limit=CUSTOMERS_MAX)


def _slip_taken(state: State, said: m.SlipTaken) -> None:
    slip = _kept(state, said)
    if said.settled:
        _doubt(state, said.hash)
        return
    till = state.tills[slip.till]
    last = till.lives.get(slip.life, Place())
    gap = any((life, last_n) == (slip.life, slip.n - 1) for life, _, last_n in till.missing)
    if till.ended_at or (slip.n != last.n + 1 and not (gap and slip.n > last.n)):
        raise Refused("till.place", n=slip.n, last=last.n)
    if slip.prev != last.hash and not gap:
        raise Refused("till.chain", n=slip.n)
    if slip.life not in till.lives and len(till.lives) >= LIVES_MAX:
        raise Refused("till.too-many-lives", limit=LIVES_MAX)


def _slip_doubted(state: State, said: m.SlipDoubted) -> None:
    slip = _kept(state, said)
    if said.hash in state.doubts:
        raise Refused("till.doubted", n=slip.n)
    since = sum(one.why == "since" for one in state.doubts.values())
    if said.why == "since":
        if not state.tills[slip.till].ended_at:
            raise Refused("till.not-let-go", till=state.tills[slip.till].name)
        if since >= SINCE_MAX:
            raise Refused("till.too-many-since", limit=SINCE_MAX)
    elif len(state.doubts) - since >= DOUBTS_MAX or state.tills[slip.till].kept >= KEPT_MAX:
        raise Refused("till.too-many-doubts", limit=DOUBTS_MAX)


def _kept(state: State, said: m.Kept) -> Slip:
    slip = parse(said.slip.encode())
    if slip.hash != said.hash:
        raise Invalid("till.hash")
    _till(state, slip.till)
    return slip


def _dismissed(state: State, said: m.SlipDismissed) -> None:
    _doubt(state, said.hash)
    if not said.reason.strip():
        raise Invalid("till.reason")


def _missing(state: State, said: m.SlipsMissing) -> None:
    till = _till(state, said.key)
    last = till.lives.get(said.life, Place())
    if not last.n < said.first <= said.last:
        raise Invalid("till.place", n=said.first, last=last.n)


def _seen(state: State, said: m.OddSeen) -> None:
    if said.hash not in state.odd and not (said.key and _till(state, said.key).missing):
        raise NotFound("till.nothing-odd", slip=said.hash[:12])


def _sold_over(state: State, said: m.SoldOver) -> None:
    q.positive(said.missing, said.item)
    if _line(said) in state.short:
        raise Refused("till.short-known", item=said.item)


def _met(state: State, said: m.ShortageMet) -> None:
    short = state.short.get(_line(said))
    if short is None:
        raise NotFound("till.no-shortage")
    if q.positive(said.quantity, short.item) > Decimal(short.missing):
        raise Invalid("till.more-than-short", item=short.item, quantity=said.quantity, missing=short.missing)


def _account_paid(state: State, said: m.AccountPaid) -> None:
    if said.customer not in state.customers:
        raise NotFound("till.customer-unknown")
    if totals.minor(said.amount, q.currency(said.currency, "currency")) <= 0:
        raise Invalid("till.amount", value=said.amount[:20])


def _words(where: str, text: str) -> None:
    if not text.strip() or len(text) > NAME_MAX:
        raise Invalid("till.words", where=where, limit=NAME_MAX)


_CHECKS: Final[Mapping[type[Message], Callable[[State, Any], None]]] = {
    m.TillPaired: _paired, m.TillLetGo: _let_go, m.CustomerAdded: _customer, m.SlipTaken: _slip_taken,
    m.SlipDoubted: _slip_doubted, m.SlipDismissed: _dismissed, m.SlipsMissing: _missing, m.OddSeen: _seen,
    m.SoldOver: _sold_over, m.ShortageMet: _met, m.AccountPaid: _account_paid,
}


# ---- folding --------------------------------------------------------------------------------------


def evolve(state: State, said: Said, /) -> State:
    """``state`` after ``said``, which ``judge`` allows."""
    return _EVOLVE[type(said.message)](state, said.message)


def _pair(state: State, said: m.TillPaired) -> State:
    return with_till(state, Till(key=said.key, name=said.name, paired_at=said.at))


def _end(state: State, said: m.TillLetGo) -> State:
    till = _replace(state.tills[said.key], ended_at=said.at, reason=said.reason, counts=said.counts,
                    since=said.since)
    return with_till(state, till)


def _lost(state: State, said: m.SlipsMissing) -> State:
    till = state.tills[said.key]
    return with_till(state, _replace(till, missing=(*till.missing, (said.life, said.first, said.last))))


def _shortage(state: State, said: m.SoldOver) -> State:
    short = Short(hash=said.hash, line=said.line, item=said.item, unit=said.unit, missing=said.missing, at=said.at)
    return _replace(state, short={**state.short, _line(said): short})


def _less_short(state: State, said: m.ShortageMet) -> State:
    short = state.short[_line(said)]
    left = Decimal(short.missing) - Decimal(said.quantity)
    rest = without(state.short, _line(said))
    if left > 0:
        rest[_line(said)] = _replace(short, missing=q.text(left))
    return _replace(state, short=rest)


def _doubted(state: State, said: m.SlipDoubted) -> State:
    slip = parse(said.slip.encode())
    till = state.tills[slip.till]
    if said.why == "since":
        state = uncounted(state, said)
    elif till.ended_at:
        state = with_till(state, _replace(till, kept=till.kept + 1))
    doubt = Doubt(hash=said.hash, why=said.why, slip=said.slip, signature=said.signature, day=said.day, at=said.at,
                  odd=said.odd, billed=said.billed)
    return _replace(state, doubts={**state.doubts, said.hash: doubt})


def _looked(state: State, said: m.OddSeen) -> State:
    if said.hash:
        return _replace(state, odd=without(state.odd, said.hash))
    return with_till(state, _replace(state.tills[said.key], missing=()))


_EVOLVE: Final[Mapping[type[Message], Callable[[State, Any], State]]] = {
    m.TillPaired: _pair,
    m.TillLetGo: _end,
    m.CustomerAdded: lambda state, said: with_customer(state, Customer(id=said.id, name=said.name)),
    m.SlipTaken: counted,
    m.SlipDoubted: _doubted,
    m.SlipDismissed: lambda state, said: _replace(state, doubts=without(state.doubts, said.hash)),
    m.SlipsMissing: _lost,
    m.OddSeen: _looked,
    m.SoldOver: _shortage,
    m.ShortageMet: _less_short,
    m.AccountPaid: lambda state, said: owed(
        state, said.customer, said.currency, -totals.minor(said.amount, said.currency)),
}
