"""What others see of our twins: the windows that our orders have opened, and what the firm's own rules show.

Not here: the rules themselves (``engine/twins/access``), the window of an order (``engine/twins/window``).
"""

from typing import Any

from weft.engine.twins import window as windows_of
from weft.engine.twins.access import Access
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View
from weft.twin.access import Subject, parse, told


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


class AccessView(View, frozen=True, kw_only=True):
    """``rules``: what the firm's own rules show to this partner; ``everybody``: what they show to whoever asks."""

    partner: str = ""
    partner_name: str = ""
    windows: tuple[WindowCard, ...]
    rules: tuple[Sentence, ...] = ()
    everybody: tuple[Sentence, ...]


async def access(node: Any, partner: str = "") -> AccessView:
    """What ``partner`` (an organisation) sees; "": the windows of all, and what everybody sees."""
    names = await partner_names(node)
    opened = await windows_of.windows(node, partner)
    cards = [WindowCard(thread=one.thread, number=await _number(node, one.thread), partner=one.buyer,
                        partner_name=names(one.buyer), until=one.until, orders=one.orders, lots=one.lots)
             for one in opened]
    return AccessView(
        partner=partner, partner_name=names(partner) if partner else "",
        windows=tuple(sorted(cards, key=lambda card: (card.partner_name, card.until))),
        rules=await _told(node, Subject({"organisation": (partner,), "role": ("partner",)})) if partner else (),
        everybody=await _told(node, Subject()))


async def _number(node: Any, thread: str) -> str:
    state = await node.state(thread)
    return state.order.number if state.order else ""


async def _told(node: Any, subject: Subject) -> tuple[Sentence, ...]:
    """What the rules that the firm has written show to ``subject``."""
    kept = Access(node)
    rules = parse(await kept.document())
    return tuple(Sentence(code=one.code, facts=dict(one.facts))
                 for one in told(rules, subject, await kept.world(rules)))
