"""The window that an order opens: what its buyer sees of our twins, until when; written by the order itself.

IDTA-01004 v3.0.2: a window is a few access rules, made anew from what the order says each time they are asked for.
Rule 1: a buyer sees milestones of its own order and the lots that were sent to it; nothing of machines, jobs, places,
    sources or what else lies in stock.
Rule 2: a window is open from the day the order is agreed until ``DAYS`` after its goods left or are promised, or as
    long as the firm has said; then its rules are gone, and before that their formula ends them by the clock.
Rule 3: who sells opens it, who buys looks through it: roles are data of the thread.
Rule 4: an order is read once for each state of its thread: what it says of its window is kept under the digest of its
    heads, by partner. A partner's request costs what that partner's orders have changed since its last one, however
    many orders there are; what is kept goes when the books, a key log, what the firm has said or the clock changes it.
Not here: rules that the firm writes (``access``).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound
from weft.engine.holdings import Holdings
from weft.engine.ports import Batch, Clock, Store
from weft.trade import views as trade
from weft.trade.order_state import OrderState, Phase
from weft.twin.access import Rules, parse
from weft.twin.access.model import Rule, Twin
from weft.twin.access.reading import RULES_MAX
from weft.twin.elements import Json
from weft.twin.names import shell_id, submodel_id

WINDOWS: Final = "twin-windows"  # bucket: by order thread, a ``Kept``
DAYS: Final = 90
PAUSE_EVERY: Final = 50
_DAY_MS: Final = 86_400_000
_NEVER_MS: Final = 1 << 62
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
    @property
    def holdings(self) -> Holdings: ...
    @property
    def keyring(self) -> Mapping[str, Any]: ...
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


class Said(msgspec.Struct, frozen=True, gc=False):
    """What an order says of its window by itself: ``buyer`` "" none of ours to open, ``until`` "" not agreed yet."""

    buyer: str = ""
    until: str = ""
    lots: tuple[str, ...] = ()


class Opened(msgspec.Struct, frozen=True):
    """The windows of one partner, and the access rules that they are together."""

    windows: tuple[Window, ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(slots=True)
class _Known:
    """What is held of one partner: by thread the digest of its heads and what it says; what was made of it, and when.

    ``keys``: the key logs that decide whose words count.
    """

    said: dict[str, tuple[str, Said]] = field(default_factory=dict)
    keys: tuple[Any, ...] = ()
    made_of: tuple[Any, ...] = ()
    until_ms: int = 0
    opened: Opened = field(default_factory=Opened)


@dataclass(slots=True)
class Windows:
    """The windows of a firm's orders. ``reads``: how many orders were read so far."""

    home: Home
    reads: int = 0
    _known: dict[str, _Known] = field(default_factory=dict)
    _kept: dict[str, Kept] | None = None
    _orders: tuple[Any, dict[str, tuple[str, ...]]] = (None, {})

    async def of(self, partner: str) -> Opened:
        """What is open to ``partner`` now."""
        home = self.home
        stock = (await home.state(home.book("stock"))).lots
        made, kept = await self._made(), await self._said()
        known = self._known.setdefault(partner, _Known())
        keys = (home.keyring.get(partner), home.keyring.get(home.organisation))
        if not _same(keys, known.keys):
            known.said, known.keys = {}, keys  # a key that was taken back may have spoken in any of them
            known.made_of = ()
        made_of = (home.holdings.stamp(partner), stock, made, kept)
        if _same(made_of, known.made_of) and home.clock.now_ms() < known.until_ms:
            return known.opened
        await self._read(partner, known)
        windows = [one for thread, (_, said) in sorted(known.said.items())
                   if (one := self._window(thread, said, partner, stock)) is not None]
        if tuple(windows) != known.opened.windows:
            known.opened = Opened(tuple(windows), _opened(home.organisation, windows) if windows else ())
        known.until_ms = min((instant.to_ms(one.until) for one in windows), default=_NEVER_MS)
        known.made_of = made_of
        return known.opened

    async def every(self) -> AsyncIterator[Window]:
        """The windows that are open now, partner by partner."""
        for partner in self.home.holdings.partners():
            for one in (await self.of(partner)).windows:
                yield one

    async def of_order(self, thread: str) -> Window | None:
        """The window of one order; None while it is not open."""
        try:
            members = await self.home.members(thread)
        except NotFound:
            return None
        buyer = next((one for one, role in members.items() if role == "buyer"), "")
        return next((one for one in (await self.of(buyer)).windows if one.thread == thread), None) if buyer else None

    async def keep_open(self, thread: str, until: str) -> None:
        """Let the buyer of ``thread`` look until ``until``; raises ``NotFound('twin.no-window')``, ``Invalid``."""
        if instant.to_ms(until, "until") <= self.home.clock.now_ms():
            raise Invalid("twin.window-past", until=until)
        await self._keep(thread, Kept(until=until))

    async def shut(self, thread: str) -> None:
        """Shut the window of ``thread`` now; raises ``NotFound('twin.no-window')``."""
        await self._keep(thread, Kept(shut=True))

    async def _keep(self, thread: str, kept: Kept) -> None:
        try:
            ours = (await self.home.members(thread)).get(self.home.organisation) == "seller"
        except NotFound:
            ours = False
        if not ours or not isinstance(await self.home.state(thread), OrderState):
            raise NotFound("twin.no-window", thread=thread[:80])
        await self.home.store.commit(Batch(values=[(WINDOWS, thread, msgspec.msgpack.encode(kept))]))
        self._kept = {**await self._said(), thread: kept}

    # ---- what is kept of what was read ------------------------------------------------------------

    async def _said(self) -> dict[str, Kept]:
        """What the firm has said of windows: one object until it says something else."""
        if self._kept is None:
            rows = await self.home.store.values(WINDOWS)
            self._kept = {name: msgspec.msgpack.decode(data, type=Kept) for name, data in rows}
        return self._kept

    async def _made(self) -> dict[str, tuple[str, ...]]:
        """By thread, the production orders for it (less those for others of them): one object for each of the book."""
        orders = (await self.home.state(self.home.book("production"))).orders
        if self._orders[0] is not orders:
            found: dict[str, list[str]] = {}
            for one in orders.values():
                if not one.parent:
                    found.setdefault(one.demand.thread, []).append(one.id)
            made = {thread: tuple(names) for thread, names in found.items()}
            self._orders = (orders, self._orders[1] if made == self._orders[1] else made)
        return self._orders[1]

    async def _read(self, partner: str, known: _Known) -> None:
        """Read those orders with ``partner`` whose threads stand elsewhere than when they were read last."""
        for thread, heads in tuple(self.home.holdings.of(partner).items()):
            if thread not in known.said or known.said[thread][0] != heads:
                known.said[thread] = (heads, await self._order(thread))
                if self.reads % PAUSE_EVERY == 0:
                    await asyncio.sleep(0)  # others have their turn, however many orders there are

    async def _order(self, thread: str) -> Said:
        self.reads += 1
        members, state = await self.home.members(thread), await self.home.state(thread)
        if members.get(self.home.organisation) != "seller" or not isinstance(state, OrderState):
            return Said()
        buyer = next((one for one, role in members.items() if role == "buyer"), "")
        sent = {lot for one in state.despatches.values() if one.kind == "goods"
                for line in one.lines for lot in line.lots}
        return Said(buyer, ends(state) if state.phase in _AGREED else "", tuple(sorted(sent)))

    def _window(self, thread: str, said: Said, partner: str, stock: Mapping[str, Any]) -> Window | None:
        kept = (self._kept or {}).get(thread, Kept())
        end = said.until and (kept.until or said.until)
        if said.buyer != partner or kept.shut or not end or instant.to_ms(end) <= self.home.clock.now_ms():
            return None
        return Window(thread, partner, end, self._orders[1].get(thread, ()), tuple(x for x in said.lots if x in stock))


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two hold the same objects (or equal numbers)."""
    return len(one) == len(other) and all(a is b or (isinstance(a, int) and a == b)
                                          for a, b in zip(one, other, strict=True))


def ends(state: OrderState) -> str:
    """When a window shuts by itself: ``DAYS`` after the last goods left, else after their promise; "" never open."""
    sent = [one.at for one in state.despatches.values() if one.kind == "goods" and one.at]
    last = max(sent) if sent else trade.promise(state)
    return instant.from_ms(instant.to_ms(last) + DAYS * _DAY_MS) if last else ""


# ---- as rules ------------------------------------------------------------------------------------------

def rules_of(organisation: str, *opened: Window) -> list[Json]:
    """The access rules that windows of one buyer are together, as IDTA-01004 writes them; ``organisation`` is ours.

    There are as many for a thousand windows as for one: they end with the first of these, and are then made anew.
    """
    orders = [shell_id(organisation, "order", name) for one in opened for name in one.orders]
    lots = list(dict.fromkeys(shell_id(organisation, "lot", name) for one in opened for name in one.lots))
    of_lot = ("LotData", *WHOLE_OF_LOT, PAPERS)
    made = [
        _rule(opened, "AssetAdministrationShell", orders, "$aas#submodels[]", _named("ProductionOrder")),
        _rule(opened, "AssetAdministrationShell", lots, "$aas#submodels[]", _named(*of_lot)),
        _rule(opened, "Submodel", [submodel_id(shell, "ProductionOrder") for shell in orders], "$sme",
              _one_of("$sme#idShort", MILESTONES)),
        _rule(opened, "Submodel", [submodel_id(shell, "LotData") for shell in lots], "$sme",
              _one_of("$sme#idShort", OF_LOT)),
        _rule(opened, "Submodel", [submodel_id(shell, PAPERS) for shell in lots], "$sme",
              {"$not": _one_of("$sme#idShort", SUPPLIERS)}),
        _rule(opened, "Submodel", [submodel_id(shell, name) for shell in lots for name in WHOLE_OF_LOT]),
    ]
    return [rule for rule in made if rule["OBJECTS"]]


def _opened(organisation: str, windows: Sequence[Window]) -> tuple[Rule, ...]:
    """The same, read: what they name is taken as it is, however much it is; their places are behind the house's."""
    listed = rules_of(organisation, *windows)
    named = [tuple(Twin(*_KINDS[one["IDENTIFIABLE"].partition(")")[0]], one["IDENTIFIABLE"].partition(")")[2])
                   for one in rule["OBJECTS"]) for rule in listed]
    read: Rules = parse({"rules": [{**rule, "OBJECTS": []} for rule in listed]})
    return tuple(msgspec.structs.replace(rule, objects=objects, place=RULES_MAX + 1 + place)
                 for place, (rule, objects) in enumerate(zip(read.rules, named, strict=True)))


def _named(*names: str) -> Json:
    """A submodel of ours is called by its shell's id and its own name: what else a shell names is not shown."""
    return _any("$ends-with", "$aas#submodels[].keys[].value", [f":{name}" for name in names])


def _one_of(name: str, values: Sequence[str]) -> Json:
    return _any("$eq", name, values)


def _any(operator: str, name: str, values: Sequence[str]) -> Json:
    each: list[Json] = [{operator: [{"$field": name}, {"$strVal": value}]} for value in values]
    return {"$or": each} if len(each) > 1 else each[0]


_KINDS: Final = {"(AssetAdministrationShell": ("shell",), "(Submodel": ("submodel",)}


def _rule(opened: Iterable[Window], kind: str, ids: Sequence[str], fragment: str = "",
          only: Json | None = None) -> Json:
    first = min(opened, key=lambda one: instant.to_ms(one.until))
    buyer = {"$eq": [{"$attribute": {"CLAIM": "organisation"}}, {"$strVal": first.buyer}]}
    end = {"$lt": [{"$attribute": {"GLOBAL": "UTCNOW"}}, {"$dateTimeVal": first.until}]}
    rule: Json = {
        "ACL": {"ATTRIBUTES": [{"CLAIM": "organisation"}, {"GLOBAL": "UTCNOW"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
        "OBJECTS": [{"IDENTIFIABLE": f"({kind}){name}"} for name in ids],
        "FORMULA": {"$and": [buyer, end]},
    }
    if fragment:
        rule["FILTER"] = {"FRAGMENT": fragment, "CONDITION": only}
    return rule
