"""A conversation in two frozen versions side by side, and firms whose software does not know the newer one yet.

``deal/1``: a buyer and a seller bid by turns, one accepts, and any member may remark. ``deal/2``: a bid must be more
than the last, and what is settled can be praised. Deals may have more than two members: firms that look on.
Rule 1: both versions fold in one world; what one denies the other may allow.
Rule 2: a firm that is ``blind`` runs software without ``deal/2``: it keeps, hands on and counts what it cannot read.
Not here: who is blind and when it is upgraded (``world.py``).
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tests.simulation.loop import OWNER
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Refused
from weft.engine import machines
from weft.engine.machines import Machine

SPEAKERS = frozenset({"buyer", "seller"})


class Bid(Message):
    """``amount``: what its author would deal for."""

    amount: int
    mark: str = ""


class Acceptance(Message):
    """The last bid stands."""

    mark: str = ""


class Remark(Message):
    """Anything at all."""

    mark: str = ""


class Praise(Message):
    """Of a deal that is settled; unknown to the older version."""

    mark: str = ""


class Deal(msgspec.Struct, frozen=True):
    """``by``: whose bid ``amount`` is; ``settled``: by whom it was accepted."""

    amount: int = 0
    by: str = ""
    settled: str = ""
    remarks: int = 0
    praised: int = 0


def _evolve(state: Deal, said: Said) -> Deal:
    match said.message:
        case Bid(amount=amount):
            return msgspec.structs.replace(state, amount=amount, by=said.by)
        case Acceptance():
            return msgspec.structs.replace(state, settled=said.by)
        case Remark():
            return msgspec.structs.replace(state, remarks=state.remarks + 1)
        case Praise():
            return msgspec.structs.replace(state, praised=state.praised + 1)
    return state


def _judge(state: Deal, said: Said) -> str | None:
    match said.message:
        case Bid() | Acceptance() if said.role not in SPEAKERS:
            return "deal.wrong-role"
        case Bid() | Acceptance() if state.settled:
            return "deal.settled"
        case Bid(amount=amount):
            return None if amount > 0 else "deal.amount"
        case Acceptance():
            return None if state.by and state.by != said.by else "deal.nothing-to-accept"
    return None


def _judge_newer(state: Deal, said: Said) -> str | None:
    match said.message:
        case Bid(amount=amount) if amount <= state.amount:
            return "deal.not-more"
        case Praise() if not state.settled:
            return "deal.not-settled"
    return _judge(state, said)


_CROSSINGS = {
    (Bid, Bid): Crossing.BY_ROLE, (Bid, Acceptance): Crossing.RIGHT_FIRST, (Acceptance, Acceptance): Crossing.BY_ROLE,
    (Bid, Remark): Crossing.EITHER, (Acceptance, Remark): Crossing.EITHER, (Remark, Remark): Crossing.EITHER,
    (Bid, Praise): Crossing.LEFT_FIRST, (Acceptance, Praise): Crossing.LEFT_FIRST, (Remark, Praise): Crossing.EITHER,
    (Praise, Praise): Crossing.EITHER,
}


class DealOne:
    """The older version, as a conversation."""

    NAME = "deal"
    VERSION = 1
    MESSAGES: Mapping[str, type[Message]] = {kind.__name__: kind for kind in (Bid, Acceptance, Remark)}
    INITIAL = Deal()
    CROSSINGS = _CROSSINGS
    evolve = staticmethod(_evolve)
    judge = staticmethod(_judge)

    @classmethod
    def decide(cls, state: Deal, command: Any) -> list[Message]:
        """The message of a ``Say``; raises ``Refused``."""
        code = cls.judge(state, Said(id="", by=command.by, role=command.role, message=command.message))
        if code is not None:
            raise Refused(code)
        return [command.message]


class DealTwo(DealOne):
    """The newer version."""

    VERSION = 2
    MESSAGES: Mapping[str, type[Message]] = {**DealOne.MESSAGES, "Praise": Praise}
    judge = staticmethod(_judge_newer)


ONE, TWO = (Machine(version, shared=True) for version in (DealOne, DealTwo))


class View(dict[str, Machine]):
    """The list of machines, as the software of the firm whose step it is knows it."""

    blind: set[str]

    def _hides(self, name: object) -> bool:
        return name == TWO.name and bool(self.blind) and (owner := OWNER.get()) is not None and owner.firm in self.blind

    def get(self, name: str, otherwise: Any = None) -> Any:
        """The machine ``name`` if the firm's software has it."""
        return otherwise if self._hides(name) else dict.get(self, name, otherwise)

    def __getitem__(self, name: str) -> Machine:
        if self._hides(name):
            raise KeyError(name)
        return dict.__getitem__(self, name)

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) and not self._hides(name)

    def values(self) -> Any:
        """All that it has."""
        return [self[name] for name in self] if self.blind else dict.values(self)

    def __iter__(self) -> Iterator[str]:
        return (name for name in dict.__iter__(self) if not self._hides(name))


def install() -> View:
    """Put both versions among the machines that the engine knows, everywhere; the view that hides."""
    known = machines.MACHINES
    if isinstance(known, View):
        return known
    view = View({**known, ONE.name: ONE, TWO.name: TWO})
    view.blind = set()
    for module in list(sys.modules.values()):
        if getattr(module, "MACHINES", None) is known:
            module.MACHINES = view
    return view
