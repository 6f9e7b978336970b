"""Firms that trade while everything goes wrong, and what must be true once all is quiet.

A seed decides the plan (``plan.py``): who trades with whom, loss, doubling, delay and cuts of the lines, crashes
between any two steps, clocks that are wrong, and who can be reached at all. People on all sides say whatever the
rules allow. Rules, engine, sync, outbox and store are the real ones.
"""

import asyncio
import contextlib
import importlib.util
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import carriers, checks, deals, frozen, furnish, verdicts
from tests.simulation.checks import Broken
from tests.simulation.deals import Deal
from tests.simulation.faults import TROUBLED_S, Faults
from tests.simulation.firm import Firm
from tests.simulation.liars import Liar
from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Network
from tests.simulation.people import Person
from tests.simulation.plan import Plan
from tests.simulation.stores import DISKS
from weft.basis.errors import WeftError
from weft.engine import restored
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.receive import INVITATIONS, key_log_of, token_name
from weft.trade.messages import Party, RelationshipAccepted, RelationshipProposed
from weft.trade.say import Say

QUIET_S_MAX = 1_200
BEGUN = "nothing is forgotten: "  # the law that a consequence of this very moment breaks
DEALS = ((frozen.ONE, ("shop", "maker")), (frozen.TWO, ("shop", "maker", "foundry")))
INVITATION = b'{"note":"","until":"2100-01-01T00:00:00.000Z"}'


@dataclass(slots=True, eq=False)
class Link:
    """Two firms that trade: ``relationship`` is their thread."""

    buyer: Firm
    seller: Firm
    relationship: str = ""

    @property
    def firms(self) -> tuple[Firm, Firm]:
        """Both."""
        return self.buyer, self.seller


@dataclass(slots=True)
class World:
    """One run; ``acknowledged`` maps a mark to (thread, ids) that a person was told are stored."""

    loop: SimulatedLoop
    luck: random.Random
    plan: Plan
    folder: Path
    network: Network = field(init=False)
    faults: Faults = field(init=False)
    firms: list[Firm] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    liar: Liar | None = None
    view: frozen.View = field(init=False)
    orders: dict[str, Link] = field(default_factory=dict)  # order threads, and between whom
    acknowledged: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.network = Network(self.luck)
        self.view = frozen.install()
        self.view.blind = {self.plan.blind} - {""}
        self.faults = Faults(self)
        disk = DISKS["hasty" if self.plan.control == "hasty" else self.plan.store]
        for name in self.plan.names:
            url = "" if name in self.plan.hidden else f"http://{name}"
            self.firms.append(Firm(name=name, url=url, disk=disk(str(self.folder / f"{name}.db")),
                                   network=self.network, loop=self.loop, luck=self.luck,
                                   house=furnish.HOUSES[name] if self.plan.factories else None,
                                   keyless=self.plan.control == "keyless", in_effect=self.faults.drawing))
        by_name = {firm.name: firm for firm in self.firms}
        self.deals = [Deal(machine, tuple(by_name[name] for name in names)) for machine, names in DEALS]
        if self.plan.liar:
            self.liar = Liar(self, by_name[self.plan.liar])
        self.links = [Link(by_name[buyer], by_name[seller]) for buyer, seller in self.plan.links]

    @property
    def forked(self) -> set[str]:
        """Threads in which somebody said two things at one place: their members do not agree, and know it."""
        return self.liar.forked if self.liar else set()

    # ---- the story ------------------------------------------------------------------------------

    async def run(self) -> Counter[str]:
        """The whole story; raises ``Broken``."""
        await self._meet()
        people = [Person(self, firm, role, link, f"{firm.name} {role} {number}")
                  for number, link in enumerate(self.links)
                  for firm, role in ((link.buyer, "buyer"), (link.seller, "seller"))]
        for person in people:
            if person.role == "buyer":
                await person.open(f"first {person.name}")
        for deal in self.deals:
            await deals.begin(deal)
        self.faults.begin()
        await asyncio.gather(
            *(person.work() for person in people),
            *(deals.talk(self, deal, firm) for deal in self.deals for firm in deal.firms),
            *([self.liar.work(self.plan.lies_count)] if self.liar else ()),
            carriers.carry(self, self.plan.bundles), asyncio.sleep(TROUBLED_S))
        await self.faults.end()
        for name in sorted(self.view.blind):
            self.faults.upgrade(next(firm for firm in self.firms if firm.name == name))
        await self.quiet()
        await checks.check(self)
        await verdicts.check(self)
        await self._check_business()
        self.figures.update(self.network.faults)
        self.figures["virtual s"] = int(self.loop.time())
        self.figures["steps"] = self.loop.steps
        return self.figures

    async def _check_business(self) -> None:
        if importlib.util.find_spec("tests.simulation.invariants") is None:
            return
        invariants = importlib.import_module("tests.simulation.invariants")
        before = Counter(self.figures)
        found = await invariants.check(self)
        if found and all(told.startswith(BEGUN) for told in found):  # a plan that moved while we looked is no rest
            self.figures.clear()
            self.figures.update(before)
            await self.quiet()
            found = await invariants.check(self)
        for told in found:
            raise Broken("invariants_broken", told)

    async def _meet(self) -> None:
        for firm in self.firms:
            await firm.found()
            firm.start()
        for link in self.links:
            await self._join(link)
        await self.quiet()
        for firm in self.firms:
            await firm.furnish()

    async def _join(self, link: Link) -> None:
        """The seller invites, the buyer joins; the one that can be reached is asked."""
        host, guest = link.firms if link.buyer.url else link.firms[::-1]
        token = f"token {guest.name} {host.name}"

        async def invite(node: Node) -> None:
            await node.store.commit(Batch(values=[(INVITATIONS, token_name(token), INVITATION)]))

        async def join(node: Node) -> str:
            node.addresses[host.organisation] = host.url
            node.poll_where_needed(host.organisation)
            log = await key_log_of(node, node.organisation)
            said = RelationshipProposed(party=Party(name=guest.name, url=guest.url), key_log=log, token=token)
            members = {node.organisation: "invitee", host.organisation: "inviter"}
            thread = await node.open("relationship", members, said)
            with contextlib.suppress(WeftError):  # who answers cannot be known before it has said who it is
                await node.outbox.sync(host.organisation, thread)
            return thread

        async def accept(node: Node) -> None:
            log = await key_log_of(node, node.organisation)
            said = RelationshipAccepted(party=Party(name=host.name, url=host.url), key_log=log)
            await node.say(link.relationship, Say(role="inviter", by=node.organisation, message=said))

        await host.call(invite)
        link.relationship = await guest.call(join)
        if not self.plan.factories:  # there the node lets in by itself whom it has invited
            await host.call(accept)

    async def quiet(self) -> None:
        """Wait until nobody owes anything to anybody; raises ``Broken`` when that never comes."""
        end, quiet = self.loop.time() + QUIET_S_MAX, 0
        while self.loop.time() < end:
            await asyncio.sleep(1)
            if self.liar is not None:
                await self.liar.owns_up()
            calm = (all([await checks.is_quiet(self, firm) for firm in self.firms])
                    and not await checks.differences(self) and not await verdicts.unknown_forks(self))
            quiet = quiet + 1 if calm else 0
            if end - self.loop.time() < QUIET_S_MAX / 2:
                await self._go_on_without()
            if quiet == 2:  # once may be the moment between two words
                return
        if unknown := await verdicts.unknown_forks(self):
            raise Broken("forks_undetected", unknown[0])
        if lies := [f"alarm {why} at {firm.name}: {thread}" for firm in self.firms if firm.node is not None
                    for thread, why in firm.node.alarms.items() if thread not in self.forked]:
            raise Broken("diverged", lies[0])
        owed = [told for firm in self.firms for told in await checks.owed(self, firm)]
        raise Broken("diverged", f"never quiet: {await checks.differences(self)} {owed}")

    async def _go_on_without(self) -> None:
        """Owners whose restored node waits for a partner because of a fork press the button: go on without it."""
        for deal in self.deals:
            for firm in deal.firms if deal.thread in self.forked else ():
                waits = [one.organisation for one in deal.firms
                         if firm.node is not None and one.organisation in firm.node.unheard]
                for partner in waits:
                    self.figures["went on without"] += 1
                    await firm.call(lambda node, partner=partner: restored.heard(node, partner))
