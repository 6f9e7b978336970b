"""The window that an order opens: what its buyer sees of our twins, until when; written by the order itself.

IDTA-01004 v3.0.2: a window is a few access rules, made anew from what the order says each time they are asked for.
Rule 1: a buyer sees milestones of its own order and the lots that were sent to it; nothing of machines, jobs, places,
    sources or what else lies in stock.
Rule 2: a window is open from the day the order is agreed until ``DAYS`` after its goods left or are promised, or as
    long as the firm has said; then its rules are gone, and before that their formula ends them by the clock.
Rule 3: who sells opens it, who buys looks through it: roles are data of the thread.
Not here: rules that the firm writes (``access``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound
from weft.engine.ports import Batch, Clock, Store
from weft.trade import views as trade
from weft.trade.order_state import OrderState, Phase
from weft.twin.elements import Json
from weft.twin.names import shell_id, submodel_id

WINDOWS: Final = "twin-windows"  # bucket: by order thread, a ``Kept``
DAYS: Final = 90
_DAY_MS: Final = 86_400_000
_AGREED: Final = frozenset({Phase.CONFIRMED, Phase.CLOSED})
MILESTONES: Final = ("Number", "ItemNumber", "Quantity", "Made", "Unit", "State", "Due", "Promise", "FirstPromise")
OF_LOT: Final = ("LotNumber", "ItemNumber", "Unit", "HeatNumber")
WHOLE_OF_LOT: Final = ("Certificates", "Nameplate")  # a nameplate is ours alone: lots that others made have none
PAPERS: Final = "HandoverDocumentation"
SUPPLIERS: Final = ("OrganizationShortName", "OrganizationOfficialName")  # who gave us a paper is no affair of a buyer


class Home(Protocol):
    """What a window needs of the node."""

    @property
    def organisation(self) -> str: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def store(self) -> Store: ...
    def threads(self, name: str, /) -> list[str]: ...
    def book(self, name: str, /) -> str: ...
    async def members(self, thread: str, /) -> dict[str, str]: ...
    async def state(self, thread: str, /) -> Any: ...


class Kept(msgspec.Struct, frozen=True):
    """What the firm has said of one window: its end (instant), or that it is shut."""

    until: str = ""
    shut: bool = False


class Window(msgspec.Struct, frozen=True):
    """An open window: who looks through it until when, and at which production orders and lots (their names)."""

    thread: str
    buyer: str
    until: str
    orders: tuple[str, ...]
    lots: tuple[str, ...]


async def windows(home: Home, organisation: str = "") -> list[Window]:
    """The windows that are open now, of one buyer or of all."""
    kept = {name: msgspec.msgpack.decode(data, type=Kept) for name, data in await home.store.values(WINDOWS)}
    found, books = [], _Books(home)
    for thread in home.threads("order"):
        one = await _window(books, thread, kept.get(thread, Kept()), organisation)
        if one is not None:
            found.append(one)
    return found


async def window(home: Home, thread: str) -> Window | None:
    """The window of one order; None while it is not open."""
    return await _window(_Books(home), thread, await _kept(home, thread), "")


async def _kept(home: Home, thread: str) -> Kept:
    data = await home.store.value(WINDOWS, thread)
    return msgspec.msgpack.decode(data, type=Kept) if data else Kept()


@dataclass(slots=True)
class _Books:
    """What the books say of orders and lots, read once however many windows there are."""

    home: Home
    _made: dict[str, list[str]] | None = None

    async def made(self, thread: str) -> tuple[str, ...]:
        """The production orders of ``thread``, less those that are made for others of them."""
        if self._made is None:
            self._made = {}
            for one in (await self.home.state(self.home.book("production"))).orders.values():
                if not one.parent:
                    self._made.setdefault(one.demand.thread, []).append(one.id)
        return tuple(self._made.get(thread, ()))

    async def lots(self) -> Any:
        """Our lots."""
        return (await self.home.state(self.home.book("stock"))).lots


async def _window(books: _Books, thread: str, kept: Kept, organisation: str) -> Window | None:
    home = books.home
    members = await home.members(thread)
    buyer = next((one for one, role in members.items() if role == "buyer"), "")
    if kept.shut or members.get(home.organisation) != "seller" or (organisation and buyer != organisation):
        return None
    state: OrderState = await home.state(thread)
    end = kept.until or ends(state)
    if state.phase not in _AGREED or not end or instant.to_ms(end) <= home.clock.now_ms():
        return None
    own = await books.lots()
    sent = sorted({lot for one in state.despatches.values() if one.kind == "goods"
                   for line in one.lines for lot in line.lots if lot in own})
    return Window(thread, buyer, end, await books.made(thread), tuple(sent))


def ends(state: OrderState) -> str:
    """When a window shuts by itself: ``DAYS`` after the last goods left, else after their promise; "" never open."""
    sent = [one.at for one in state.despatches.values() if one.kind == "goods" and one.at]
    last = max(sent) if sent else trade.promise(state)
    return instant.from_ms(instant.to_ms(last) + DAYS * _DAY_MS) if last else ""


async def keep_open(home: Home, thread: str, until: str) -> None:
    """Let the buyer of ``thread`` look until ``until``; raises ``NotFound('twin.no-window')``, ``Invalid``."""
    if instant.to_ms(until, "until") <= home.clock.now_ms():
        raise Invalid("twin.window-past", until=until)
    await _keep(home, thread, Kept(until=until))


async def shut(home: Home, thread: str) -> None:
    """Shut the window of ``thread`` now; raises ``NotFound('twin.no-window')``."""
    await _keep(home, thread, Kept(shut=True))


async def _keep(home: Home, thread: str, kept: Kept) -> None:
    if thread not in home.threads("order") or (await home.members(thread)).get(home.organisation) != "seller":
        raise NotFound("twin.no-window", thread=thread[:80])
    await home.store.commit(Batch(values=[(WINDOWS, thread, msgspec.msgpack.encode(kept))]))


# ---- as rules ------------------------------------------------------------------------------------------

def rules_of(organisation: str, one: Window) -> list[Json]:
    """The access rules that ``one`` is, as IDTA-01004 writes them; ``organisation`` is ours."""
    orders = [shell_id(organisation, "order", name) for name in one.orders]
    lots = [shell_id(organisation, "lot", name) for name in one.lots]
    milestones = [submodel_id(shell, "ProductionOrder") for shell in orders]
    data = [submodel_id(shell, "LotData") for shell in lots]
    whole = [submodel_id(shell, name) for shell in lots for name in WHOLE_OF_LOT]
    papers = [submodel_id(shell, PAPERS) for shell in lots]
    shown = [*milestones, *data, *whole, *papers]
    made = [
        _rule(one, "AssetAdministrationShell", [*orders, *lots], "$aas#submodels[]",
              _one_of("$aas#submodels[].keys[].value", shown)),
        _rule(one, "Submodel", milestones, "$sme", _one_of("$sme#idShort", MILESTONES)),
        _rule(one, "Submodel", data, "$sme", _one_of("$sme#idShort", OF_LOT)),
        _rule(one, "Submodel", papers, "$sme", {"$not": _one_of("$sme#idShort", SUPPLIERS)}),
        _rule(one, "Submodel", whole),
    ]
    return [rule for rule in made if rule["OBJECTS"]]


def _one_of(field: str, values: Sequence[str]) -> Json:
    equal: list[Json] = [{"$eq": [{"$field": field}, {"$strVal": value}]} for value in values]
    return {"$or": equal} if len(equal) > 1 else equal[0] if equal else {"$boolean": False}


def _rule(one: Window, kind: str, ids: Sequence[str], fragment: str = "", only: Json | None = None) -> Json:
    buyer = {"$eq": [{"$attribute": {"CLAIM": "organisation"}}, {"$strVal": one.buyer}]}
    end = {"$lt": [{"$attribute": {"GLOBAL": "UTCNOW"}}, {"$dateTimeVal": one.until}]}
    rule: Json = {
        "ACL": {"ATTRIBUTES": [{"CLAIM": "organisation"}, {"GLOBAL": "UTCNOW"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
        "OBJECTS": [{"IDENTIFIABLE": f"({kind}){name}"} for name in ids],
        "FORMULA": {"$and": [buyer, end]},
    }
    if fragment:
        rule["FILTER"] = {"FRAGMENT": fragment, "CONDITION": only}
    return rule
