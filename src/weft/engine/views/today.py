"""Today: what is to be answered, what is late, and what came in; each with where it is done.

Rule 1: an entry is to be answered only when the rules let us answer it now.
Not here: the forms (``doors/console``), the board (``orders.py``).
"""

from collections import Counter
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.engine.connections import away
from weft.engine.effects import TROUBLES, Trouble
from weft.engine.exchange import unseen
from weft.engine.keyring import let_go
from weft.engine.papers import state_of_sheet
from weft.engine.views import proofs
from weft.engine.views.alarms import alarms
from weft.engine.views.deals import Deal, buys_by_itself, deals, ended
from weft.engine.views.jobs import JobRow, jobs
from weft.engine.views.machines import MachineRow, machines
from weft.engine.views.naming import partner_names
from weft.engine.views.orders import OrderCard, card_of
from weft.engine.views.partners import PartnerRow, PartnerView, account, billable, partners
from weft.engine.views.plan import broken_locks
from weft.engine.views.price_log import waited_for
from weft.engine.views.shape import View
from weft.engine.views.stock import stock
from weft.production.state import Promise
from weft.shopfloor.earlier import asks
from weft.stock import levels
from weft.thread.clock import milliseconds
from weft.till.slip import parse
from weft.till.state import State as Tills

BEGUN: Final = ("free", "ready", "running", "paused")  # jobs that may start, or have
AWAY_MS: Final = 600_000
ARRIVED_MS: Final = 36 * 3_600_000
ARRIVED_SHOWN: Final = 12
LATELY_MAX: Final = 3 * ARRIVED_SHOWN  # orders that are over, of which the last word may be news
NEWS: Final = ("RequestForQuotation", "Quotation", "CounterOffer", "Order", "OrderResponse", "OrderChange",
               "OrderChangeResponse", "OrderCancellation", "DespatchAdvice", "ReceiptAdvice", "RequestDeclined",
               "PickUpReady", "BroughtBack", "SentBack")
NEWS_OF_OWN: Final = ("BroughtBack", "SentBack")  # also where the node itself buys: somebody decides about the money


class Task(View, frozen=True, kw_only=True):
    """One entry. ``about`` order, machine, partner, item, till, price, events, alarm, plan, keys; ``id``; ``kind``."""

    kind: str
    about: str
    id: str
    partner_name: str = ""
    name: str = ""
    number: str = ""
    item: str = ""
    zh: str = ""
    en: str = ""
    quantity: str = ""
    unit: str = "C62"
    more: int = 0
    money: str = ""
    currency: str = ""
    at: str = ""
    until: str = ""
    facts: dict[str, str | int] = {}


class StartStep(View, frozen=True, kw_only=True):
    """One step of the first half hour."""

    code: str
    done: bool


class TodayView(View, frozen=True, kw_only=True):
    """What the owner looks at first. ``start`` is empty once the firm is under way; ``ready``: what people run next.

    ``sheet``: the recovery sheet is still to be put away (waiting), or nobody has said that it was (unknown), or
    somebody else signs with the key of this machine (stolen).
    """

    answer: tuple[Task, ...] = ()
    late: tuple[Task, ...] = ()
    arrived: tuple[Task, ...] = ()
    start: tuple[StartStep, ...] = ()
    running: tuple[MachineRow, ...] = ()
    ready: tuple[JobRow, ...] = ()
    sheet: str = ""


async def today(node: Any) -> TodayView:
    """What is to be answered, late, and new."""
    held = await deals(node)
    cards = [(one, card_of(node, one)) for one in held]
    fleet = await machines(node)
    known = await _partners(node)
    answer = await _answers(node, cards, held, fleet.machines, known)
    waiting = {task.id for task in answer}
    since = int(node.clock.now_ms()) - ARRIVED_MS
    lately = await ended(node, LATELY_MAX, lambda row: row.at_ms >= since, by="at_ms")
    arrived = await _news(node, [*cards, *((one, card_of(node, one)) for one in lately)], since)
    news = [*_bills(node, known), *(task for task in arrived if task.id not in waiting)]
    return TodayView(
        answer=tuple(answer), late=tuple(_order_task("late", card) for _, card in cards if card.late),
        arrived=tuple(news[:ARRIVED_SHOWN]), ready=await _ready(node),
        running=tuple(row for row in fleet.machines if row.job), start=await _start(node),
        sheet=await _sheet(node))


async def _sheet(node: Any) -> str:
    if "stolen" in node.alarms.values():
        return "stolen"
    held = await state_of_sheet(node, node.paper)
    if node.paper is None or (held["kept_ms"] and not held["waiting"]):
        return ""
    return "waiting" if held["waiting"] else "unknown"


async def _ready(node: Any) -> tuple[JobRow, ...]:
    """The next job of each work centre without a machine: nobody starts it but people."""
    return tuple(queue.jobs[0] for queue in (await jobs(node)).queues
                 if not queue.machine and queue.jobs and queue.jobs[0].state in BEGUN)


async def waiting(node: Any) -> int:
    """How many entries are to be answered: the number beside the menu."""
    held = await deals(node)
    cards = [(one, card_of(node, one)) for one in held if one.open]
    return len(await _answers(node, cards, held, (await machines(node)).machines, await _partners(node)))


async def _answers(node: Any, cards: list[tuple[Deal, OrderCard]], held: list[Deal], rows: tuple[MachineRow, ...],
                   known: list[tuple[PartnerRow, PartnerView]]) -> list[Task]:
    return [*_values(node), *await _stopped(node), *await _unheard(node), *await _newer(node),
            *_machine_tasks(rows), *await _away(node, rows), *await _locks(node), *await _unknown_commands(node, rows),
            *await _red_prices(node), *await _troubles(node),
            *[_order_task(_asked(card), card) for _, card in cards if card.next],
            *await _moved(node, cards),
            *await _partner_tasks(node, held, known), *await _till_tasks(node), *await _shortages(node),
            *await _reorders(node), *_listeners(node)]


def _values(node: Any) -> list[Task]:
    """Why values of machines are not kept now, if they are not."""
    error = node.history.trouble() if node.history is not None else None
    return [Task(kind="trouble", about="values", id="", number=error.code, facts=dict(error.facts))] if error else []


async def _stopped(node: Any) -> list[Task]:
    """Alarms: what stands still until the owner has spoken to a partner."""
    return [Task(kind="alarm", about="alarm", id=one.id, name=one.about, number=one.number,
                 partner_name=one.partner_name) for one in (await alarms(node)).alarms]


async def _unheard(node: Any) -> list[Task]:
    """Partners that must give back what was said since the backup, before we can write to them.

    Where keys were renewed since, nobody gives anything back before the owner has recovered: that comes first, then
    who has not shown yet what it knows of our keys.
    """
    names, renewed = await partner_names(node), let_go(node)
    first = [Task(kind="renewed", about="keys", id="")] if renewed else []
    lacking = await unseen(node) if renewed else {*node.unheard, *await waited_for(node)}
    return first + [Task(kind="restored", about="partner", id=node.partner(one) or "", name=one,
                         partner_name=names(one)) for one in sorted(lacking)]


async def _newer(node: Any) -> list[Task]:
    """Partners with a newer program than ours: what they begin waits at them until ours is updated."""
    names = await partner_names(node)
    return [Task(kind="newer", about="partner", id=node.partner(one) or "", name=what, partner_name=names(one))
            for one, what in sorted(node.newer.items())]


async def _red_prices(node: Any) -> list[Task]:
    """Prices that contradict what their seller has made public, as long as they are to be ordered or paid."""
    names = await partner_names(node)
    return [Task(kind="price-red", about="price", id=f"{one.thread}/price?document={document}", name=one.kind,
                 number=one.number, partner_name=names(one.seller), item=one.said, facts=one.facts)
            for document, one in await proofs.red(node)]


async def _troubles(node: Any) -> list[Task]:
    """What the node was to do by itself and was refused; ``number`` is the refusal's code, ``name`` the trouble's."""
    found = []
    orders_known = set(node.threads("order"))
    for name, data in await node.store.values(TROUBLES):
        one = msgspec.json.decode(data, type=Trouble)
        about = "order" if one.thread in orders_known else "trouble"
        found.append(Task(kind="trouble", about=about, id=one.thread, name=name, number=one.code, facts=one.facts,
                          at=instant.from_ms(one.at_ms)))
    return found


def _asked(card: OrderCard) -> str:
    return "counter" if card.next == "quote" and card.phase == "countered" else card.next


def _order_task(kind: str, card: OrderCard, at: str = "") -> Task:
    return Task(kind=kind, about="order", id=card.thread, partner_name=card.partner_name, number=card.number,
                item=card.item, zh=card.zh, en=card.en, quantity=card.quantity, unit=card.unit, more=card.more,
                money=card.gross, currency=card.currency, at=at, until=card.promise or card.wanted_by)


async def _away(node: Any, rows: tuple[MachineRow, ...]) -> list[Task]:
    """Machines that are not connected while a job that may start waits for them."""
    now, queues = node.clock.now_ms(), (await jobs(node)).queues
    waits = {queue.machine: queue.jobs[0] for queue in queues if queue.machine and queue.jobs
             and queue.jobs[0].state in BEGUN}
    return [Task(kind="machine-away", about="machine", id=row.name, name=row.title, zh=row.zh, en=row.en,
                 item=waits[row.name].item, number=waits[row.name].id) for row in rows
            if row.name in waits and not (link := node.live.status(row.name)).up and now - link.since_ms >= AWAY_MS]


def _machine_tasks(rows: tuple[MachineRow, ...]) -> list[Task]:
    return [Task(kind="machine-alarm", about="machine", id=row.name, name=row.title, zh=row.zh, en=row.en,
                 item=row.item, number=row.alarm) for row in rows if row.state == "alarm"]


async def _locks(node: Any) -> list[Task]:
    """Jobs that people have fixed in the plan, where that cannot be kept: ``number`` says why, ``by`` who."""
    jobs_known = (await node.book_state("production")).jobs
    return [Task(kind="lock-conflict", about="plan", id=name, name=name, item=jobs_known[name].item, number=conflict,
                 facts={"by": by}) for name, conflict, by in await broken_locks(node)]


async def _unknown_commands(node: Any, fleet: tuple[MachineRow, ...]) -> list[Task]:
    rows = {row.name: row for row in fleet}
    floor, now = await node.state(node.book("floor")), node.clock.now_ms()
    return [Task(kind="command-unknown", about="machine", id=one.machine, number=one.job, name=rows[one.machine].title,
                 zh=rows[one.machine].zh, en=rows[one.machine].en)
            for one in floor.commands.values()
            if one.machine in rows and asks(floor, one, away=away(node.live, one.machine, now))]


async def _moved(node: Any, cards: list[tuple[Deal, OrderCard]]) -> list[Task]:
    """Dates that our plan cannot keep and that the buyer does not know of yet."""
    promises: dict[str, Promise] = (await node.state(node.book("production"))).promises
    found = []
    for held, card in cards:
        if held.role == "seller" and not held.open_change(ours=True) and held.moved_lines(promises):
            found.append(_order_task("promise-moved", card))
    return found


async def _partners(node: Any) -> list[tuple[PartnerRow, PartnerView]]:
    return [(row, await account(node, row.thread)) for row in (await partners(node)).partners]


def _bills(node: Any, known: list[tuple[PartnerRow, PartnerView]]) -> list[Task]:
    """Bills that came in and are not paid; what is overdue is to be answered instead."""
    since = int(node.clock.now_ms()) - ARRIVED_MS
    return [Task(kind="news-Invoice", about="partner", id=row.thread, partner_name=row.name, number=one.number,
                 money=one.open, currency=one.currency, at=one.at, until=one.due)
            for row, full in known for one in full.payable
            if one.id not in full.over and one.state == "open" and one.at and instant.to_ms(one.at, "at") >= since]


async def _partner_tasks(node: Any, held: list[Deal], known: list[tuple[PartnerRow, PartnerView]]) -> list[Task]:
    found = []
    for row, full in known:
        if row.state == "asks-us":
            found.append(Task(kind="partner-asks", about="partner", id=row.thread, partner_name=row.name))
            continue
        found += [Task(kind="statement", about="partner", id=row.thread, partner_name=row.name, number=one.number,
                       money=one.balance, currency=one.currency) for one in full.statements if one.to_answer]
        found += [Task(kind="payment", about="partner", id=row.thread, partner_name=row.name, number=one.number,
                       money=one.amount, currency=one.currency, at=one.at)
                  for one in full.remittances if one.to_confirm]
        found += [Task(kind="to-bill", about="partner", id=row.thread, partner_name=row.name, number=one.number)
                  for one in await billable(node, row.thread, held) if one.kind == "goods"]
        found += [Task(kind="bill-over", about="partner", id=row.thread, partner_name=row.name, number=one.number,
                       money=one.open, currency=one.currency) for one in full.payable if one.id in full.over]
        found += [Task(kind="bill-due", about="partner", id=row.thread, partner_name=row.name, number=one.number,
                       money=one.open, currency=one.currency, until=one.due)
                  for one in full.payable if one.state == "overdue" and one.id not in full.over]
    return found


async def _till_tasks(node: Any) -> list[Task]:
    """What was sold and not there, slips that wait for a word or are odd, and tills that ask to be let in."""
    book: Tills = await node.state(node.book("till"))
    items = (await node.state(node.book("stock"))).items
    found = [Task(kind="till-waits", about="till", id="let-in", name=one.name) for one in node.knocking.waiting()]
    found += [Task(kind="till-doubt", about="till", id="doubts", name=book.tills[key].name, more=number - 1)
              for key, number in Counter(parse(one.slip.encode()).till for one in book.doubts.values()).items()]
    for name in dict.fromkeys(one.item for one in book.short.values()):
        short = [one for one in book.short.values() if one.item == name]
        item = items.get(name)
        missing = sum((q.decimal(one.missing) for one in short), Decimal(0))
        found.append(Task(kind="till-short", about="till", id="short", item=name, zh=item.zh if item else "",
                          en=item.en if item else "", quantity=q.text(missing), unit=short[0].unit, at=short[0].at))
    odd = Counter(("till-over" if "return-over" in one.codes else "till-odd", one.key) for one in book.odd.values())
    found += [Task(kind=kind, about="till", id="odd", name=book.tills[key].name, more=number - 1)
              for (kind, key), number in odd.items()]
    return found + [Task(kind="till-missing", about="till", id=f"till-{one.key}", name=one.name)
                    for one in book.tills.values() if one.missing]


async def _shortages(node: Any) -> list[Task]:
    """Items of which more is kept for somebody than is here: counted away, scrapped, or used for something else."""
    state = await node.state(node.book("stock"))
    names = await partner_names(node)
    return [Task(kind="shortage", about="item", id=one.item, item=one.item, zh=state.items[one.item].zh,
                 en=state.items[one.item].en, quantity=one.missing, unit=one.unit, partner_name=names(one.owner))
            for one in levels.shortages(state)]


async def _reorders(node: Any) -> list[Task]:
    view = await stock(node)
    names = {row.id: row for row in view.items}
    return [Task(kind="reorder", about="item", id=one.item, item=one.item, zh=names[one.item].zh, en=names[one.item].en,
                 quantity=one.quantity, unit=one.unit, partner_name=one.supplier_name) for one in view.reorders]


def _listeners(node: Any) -> list[Task]:
    """Who is told of changes and wants no more, misses some, or has taken nothing for long."""
    known = node.twin_events.known.values() if node.twin_events is not None else ()
    return [Task(kind=f"events-{trouble}", about="events", id=one.about.id, name=one.about.name)
            for one in known if (trouble := one.trouble(node.clock.now_ms()))]


async def _news(node: Any, cards: list[tuple[Deal, OrderCard]], since: int) -> list[Task]:
    """The last word of the other side in each order, newest first."""
    found = []
    for held, card in cards:
        if milliseconds((await node.loaded(held.thread)).hlc) < since:
            continue
        kinds = NEWS_OF_OWN if buys_by_itself(node, held) else NEWS
        said = [one for one in await node.log(held.thread)
                if one.author != node.organisation and not one.void and one.kind in kinds and one.at_ms >= since]
        if said:
            found.append((said[-1].at_ms, _order_task(f"news-{said[-1].kind}", card, instant.from_ms(said[-1].at_ms))))
    return [task for _, task in sorted(found, key=lambda pair: -pair[0])]


async def _start(node: Any) -> tuple[StartStep, ...]:
    items = bool((await node.state(node.book("stock"))).items)
    priced = bool((await node.state(node.book("pricing"))).books)
    master = (await node.state(node.book("production"))).master
    making, machine = bool(master.routings), any(one.machine for one in master.work_centres.values())
    known = bool(node.threads("relationship"))
    if node.threads("order") or (items and priced and known):
        return ()
    connecting = [("machine", machine)] if master.work_centres else []  # a shop that only trades has none
    return tuple(StartStep(code=code, done=done) for code, done in (
        ("items", items), ("prices", priced), ("making", making), *connecting, ("partner", known), ("order", False)))
