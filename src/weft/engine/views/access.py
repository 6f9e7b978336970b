"""What others see of our twins: the windows that our orders have opened, programs, and what the firm's rules show.

Rule 1: what a partner is said to see is what its program would be given, asked in the same way.
Not here: the rules themselves (``engine/twins/access``), the window of an order (``engine/twins/window``).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.reactions.offering import partner_id
from weft.engine.twins.access import Access, program
from weft.engine.twins.sight import Sight
from weft.engine.twins.window import Window
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View
from weft.twin.access import Reason, Rules, Subject, told
from weft.twin.access.telling import accounted
from weft.twin.elements import Json

TWINS_MAX: Final = 50
WINDOWS_MAX: Final = 100
WHAT_MAX: Final = 5
SENTENCES_MAX: Final = 40
PARTS_MAX: Final = 400


class Sentence(View, frozen=True, kw_only=True):
    """A sentence by its code (``access.sees.…``) and facts."""

    code: str
    facts: dict[str, str | int] = {}


class WindowCard(View, frozen=True, kw_only=True):
    """The open window of one order: its buyer sees milestones of ``orders`` and the ``lots`` sent, till ``until``."""

    thread: str
    number: str
    partner: str
    partner_name: str
    until: str
    orders: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()


class ProgramCard(View, frozen=True, kw_only=True):
    """A program with a token of its own; ``partner``: whose it is ("" ours), and then it sees what that one sees."""

    device: str
    name: str
    partner: str
    partner_name: str
    seen_ms: int


class Part(View, frozen=True, kw_only=True):
    """A submodel as it is shown: the idShorts of its elements."""

    name: str
    elements: tuple[str, ...]


class Shown(View, frozen=True, kw_only=True):
    """A twin that somebody sees, with as much of it as is shown."""

    id: str
    name: str
    parts: tuple[Part, ...]


class PartnerCard(View, frozen=True, kw_only=True):
    """A customer that looks at ``orders`` of ours, the last of them until ``until``."""

    partner: str
    partner_name: str
    orders: int
    until: str


class RuleCard(View, frozen=True, kw_only=True):
    """One rule of the document, at ``place`` (from 0): ``what`` has at most ``WHAT_MAX``, ``more`` are left out."""

    place: int
    who: Sentence
    rights: tuple[str, ...]
    what: tuple[Sentence, ...]
    more: int = 0
    only: tuple[Sentence, ...] = ()
    until: str = ""
    off: bool = False


class AccessView(View, frozen=True, kw_only=True):
    """``rules``: what the firm's own rules show to this partner; ``everybody``: what they show to whoever asks.

    ``partners``: customers with open windows; ``windows``: those of ``partner``, else the first ``WINDOWS_MAX`` of all.
    ``own``: the rules of the document one by one, but the house's; ``seen``: what the document is known by; ``fault``:
    why it cannot be read.
    ``twins``: what the partner's program would be given, ``more`` when there is more; ``ours``: what our own programs
    see; ``document``: the rules as IDTA-01004 writes them, ``written`` when the firm has written them.
    """

    partner: str = ""
    partner_name: str = ""
    windows: tuple[WindowCard, ...]
    windows_more: int = 0
    partners: tuple[PartnerCard, ...] = ()
    own: tuple[RuleCard, ...] = ()
    seen: str = ""
    fault: Sentence | None = None
    programs: tuple[ProgramCard, ...]
    twins: tuple[Shown, ...] = ()
    more: bool = False
    rules: tuple[Sentence, ...] = ()
    everybody: tuple[Sentence, ...]
    ours: tuple[Sentence, ...]
    document: dict[str, Any]
    written: bool


async def access(node: Any, partner: str = "") -> AccessView:
    """What ``partner`` (an organisation, or its name) sees; "": the windows of all, and what everybody sees."""
    names, kept = await partner_names(node), Access(node)
    partner = partner_id(node, partner) if partner else ""
    opened = (await node.windows.of(partner)).windows if partner else [one async for one in node.windows.every()]
    first = sorted(opened, key=lambda one: (names(one.buyer), one.until))[:WINDOWS_MAX]
    cards = [WindowCard(thread=one.thread, number=await _number(node, one.thread), partner=one.buyer,
                        partner_name=names(one.buyer), until=one.until, orders=one.orders, lots=one.lots)
             for one in first]
    subject = program("", partner)
    twins, more = await _shown(await kept.sight(subject)) if partner else ((), False)
    return AccessView(
        partner=partner, partner_name=names(partner) if partner else "",
        windows=tuple(cards), windows_more=len(opened) - len(cards), partners=_partners(opened, names),
        own=_own(await kept.kept_rules(), names), seen=await kept.seen(), fault=_fault(await kept.fault()),
        programs=await _programs(node, partner, names), twins=twins, more=more,
        rules=await _told(kept, subject) if partner else (), everybody=await _told(kept, Subject()),
        ours=await _told(kept, program("")), document=await kept.document(), written=await kept.own())


def _partners(opened: Sequence[Window], names: Any) -> tuple[PartnerCard, ...]:
    found: dict[str, list[Window]] = {}
    for one in opened:
        found.setdefault(one.buyer, []).append(one)
    cards = [PartnerCard(partner=partner, partner_name=names(partner), orders=len(mine),
                         until=max(mine, key=lambda one: instant.to_ms(one.until)).until)
             for partner, mine in found.items()]
    return tuple(sorted(cards, key=lambda card: (card.partner_name, card.partner)))


def _own(rules: Rules, names: Any) -> tuple[RuleCard, ...]:
    """The rules of the document, less what is said of the house anyhow."""
    cards = []
    for rule in rules.rules:
        told_of = accounted(rule)
        if told_of.who.code == "access.who.house":
            continue
        who = _sentence(told_of.who)
        if "partner" in who.facts:
            name = str(who.facts["partner"])
            who = Sentence(code=who.code, facts={"partner": names(name) or name})
        cards.append(RuleCard(
            place=rule.place, who=who, rights=told_of.rights, what=tuple(map(_sentence, told_of.what[:WHAT_MAX])),
            more=max(0, len(told_of.what) - WHAT_MAX), only=tuple(map(_sentence, told_of.only)), until=told_of.until,
            off=rule.acl.disabled))
    return tuple(cards)


def _sentence(one: Reason) -> Sentence:
    return Sentence(code=one.code, facts=dict(one.facts))


def _fault(error: Invalid | None) -> Sentence | None:
    return None if error is None else Sentence(code=f"error.{error.code}", facts=dict(error.facts))


async def _programs(node: Any, partner: str, names: Any) -> tuple[ProgramCard, ...]:
    devices = await node.devices.all() if node.devices else ()
    return tuple(ProgramCard(device=one.id, name=one.name, partner=one.partner, seen_ms=one.seen_ms,
                             partner_name=names(one.partner) if one.partner else "")
                 for one in devices if one.scope in ("client", "partner") and partner in ("", one.partner))


async def _shown(sight: Sight) -> tuple[tuple[Shown, ...], bool]:
    """The twins of the first page of a subject, with their submodels."""
    page = await sight.page("shell", "", TWINS_MAX)
    inner = await sight.page("submodel", "", PARTS_MAX)
    submodels = {row.id: msgspec.json.decode(row.body) for row in inner.rows}
    found = []
    for row in page.rows:
        shell = msgspec.json.decode(row.body)
        mine = [submodels[name] for name in _named(shell) if name in submodels]
        parts = tuple(Part(name=str(one.get("idShort", "")), elements=_elements(one)) for one in mine)
        found.append(Shown(id=row.id, name=str(shell.get("idShort", row.id)), parts=parts))
    return tuple(found), bool(page.cursor)


def _named(shell: Json) -> Iterator[str]:
    return (one["keys"][-1]["value"] for one in shell.get("submodels", ()))


def _elements(submodel: Json) -> tuple[str, ...]:
    return tuple(str(one.get("idShort", "")) for one in submodel.get("submodelElements", ()))


async def _number(node: Any, thread: str) -> str:
    state = await node.state(thread)
    return state.order.number if state.order else ""


async def _told(kept: Access, subject: Subject) -> tuple[Sentence, ...]:
    """What the rules that the firm has written show to ``subject``."""
    rules = await kept.kept_rules()
    return tuple(_sentence(one) for one in told(rules, subject, await kept.world(rules))[:SENTENCES_MAX])
