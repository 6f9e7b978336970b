"""How each connection to a machine does, in codes whose words are made at the edge, and what to do about it.

Rule 1: "not connected", "nothing new" and "a bad value" stay three things; each is told with its reason.
Not here: what machines make (``machines.py``), setting a connection up (``connecting.py``).
"""

from typing import Any, Final

from weft.basis.errors import Invalid, WeftError
from weft.engine.views.health import Told
from weft.engine.views.reaching import CertificateView, machine_access
from weft.engine.views.shape import View
from weft.shopfloor import remedies
from weft.shopfloor.book import Machine
from weft.shopfloor.connection import Health
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse_text

BAD_SHOWN: Final = 50


class BadValue(View, frozen=True, kw_only=True):
    """A value that is bad: ``why`` is one of ``remedies.Bad``, ``detail`` the device's own word."""

    property: str
    title: str
    why: str
    detail: str = ""


class Gap(View, frozen=True, kw_only=True):
    """Nothing was heard for ``ms``, until ``at_ms``."""

    at_ms: int
    ms: int


class ConnectionRow(View, frozen=True, kw_only=True):
    """One connection. ``state``: up, down, never (not up since the node began), or fault (it cannot be opened).

    ``since_ms``: since when it is so; ``heard_ms``: when the machine last showed itself (0: never); ``rate``: changes a
    second, -1 before it was counted; ``waiting``: what is kept back to be sent; ``remedy``: what to do.
    """

    name: str
    title: str
    zh: str = ""
    en: str = ""
    address: str = ""
    scheme: str = ""
    state: str
    since_ms: int = 0
    heard_ms: int = 0
    rate: float = -1
    changes: int = 0
    links: int = 0
    waiting: int = 0
    gaps: tuple[Gap, ...] = ()
    bad: tuple[BadValue, ...] = ()
    bad_count: int = 0
    values: int = 0
    error: str = ""
    fault: Told | None = None
    remedy: str = ""
    notice: str = ""
    offered: CertificateView | None = None
    trusted: CertificateView | None = None


class ConnectionsView(View, frozen=True, kw_only=True):
    """Every connection, those that need somebody first."""

    connections: tuple[ConnectionRow, ...]
    writing_stopped: bool = False
    wrong: int = 0


async def connections(node: Any) -> ConnectionsView:
    """How all machines are reached."""
    book = await node.state(node.book("floor"))
    machines = node.floor.machines if node.floor is not None else None
    health = machines.health() if machines is not None else {}
    faults = machines.faults if machines is not None else {}
    rows = [await _row(node, one, health.get(one.name), faults.get(one.name))
            for one in book.machines.values() if not one.removed]
    rows.sort(key=lambda row: (row.state == "up" and not row.bad and not row.notice, row.name))
    return ConnectionsView(connections=tuple(rows), wrong=sum(1 for row in rows if row.state != "up" or row.bad),
                           writing_stopped=machines is not None and bool(machines.stop_writing))


async def _row(node: Any, machine: Machine, health: Health | None, fault: WeftError | None) -> ConnectionRow:
    described = _described(machine)
    titles = described.titles if described else {}
    link, pulses = node.live.status(machine.name), node.floor.pulses if node.floor is not None else None
    rate = pulses.rate(machine.name) if pulses is not None else None
    now = node.clock.now_ms()
    up = health is not None and health.up
    error = health.error if health is not None and not up else ""
    told = Told(code=fault.code, facts=fault.facts) if fault else _error(error, health)
    access = await machine_access(node, machine.name)
    return ConnectionRow(
        name=machine.name, title=machine.title, zh=titles.get("zh", ""), en=titles.get("en", ""),
        address=described.base if described else "", scheme=described.scheme if described else "",
        state="fault" if fault or health is None else "up" if up else "down" if health.links else "never",
        since_ms=link.since_ms, rate=-1 if rate is None else round(rate, 1),
        heard_ms=now - round(health.heard_s * 1000) if health is not None and health.heard_s >= 0 else 0,
        changes=health.changes if health else 0, links=health.links if health else 0,
        waiting=health.waiting if health else 0, values=len(described.properties) if described else 0,
        gaps=tuple(Gap(at_ms=at, ms=ms) for at, ms in (pulses.gaps(machine.name) if pulses is not None else ())),
        bad=_bad(described, health), bad_count=len(health.bad) if health else 0, error=error, fault=told,
        remedy="" if up else _remedy(described, fault, error, health),
        notice=health.notice if health is not None and up else "", offered=access.offered, trusted=access.trusted)


def _remedy(described: Description | None, fault: WeftError | None, error: str, health: Health | None) -> str:
    facts = fault.facts if fault else health.facts if health is not None else {}
    login = described is None or described.security.user
    return remedies.remedy_of(fault.code if fault else error, str(facts.get("detail", "")), login=login).value


def _error(error: str, health: Health | None) -> Told | None:
    """The error as a code of ours, if it is one."""
    return Told(code=error, facts=health.facts) if health is not None and health.facts and "." in error else None


def _bad(described: Description | None, health: Health | None) -> tuple[BadValue, ...]:
    properties = described.properties if described else {}
    return tuple(BadValue(property=name, title=properties[name].title if name in properties else name,
                          why=remedies.bad(detail).value, detail=detail[:80])
                 for name, detail in sorted((health.bad if health else {}).items())[:BAD_SHOWN])


def _described(machine: Machine) -> Description | None:
    try:
        return parse_text(machine.description)
    except Invalid:
        return None
