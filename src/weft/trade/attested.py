"""What a seller says after production of the machine minutes that it billed; it changes nothing of the order.

Rule 1: the word folds to nothing, so that a node which does not know it comes to the same state.
Rule 2: only the band is said: the machine's own record never leaves the firm.
Not here: how the band is found (``pricing/attest.py``), when it is said (``engine/reactions/attesting.py``).
"""

from collections.abc import Mapping
from typing import Final, Literal

from weft.basis.decider import Message, Said
from weft.basis.errors import Invalid, Refused, WeftError
from weft.trade import form
from weft.trade.order_state import OrderState, Phase

CLASSES_MAX: Final = 60
_PHASES: Final = frozenset({Phase.CONFIRMED, Phase.CLOSED, Phase.CANCELLED})


class MinutesAttested(Message, frozen=True, kw_only=True):
    """Of ``line``: the ``billed`` minutes by class of work centre are within so many per cent of what machines ran."""

    line: str
    billed: dict[str, str]
    within_percent: Literal["5", "10", "20", "50", "more"]


WORDS: Final[Mapping[str, type[Message]]] = {"MinutesAttested": MinutesAttested}


def check(state: OrderState, said: Said) -> None:
    """Raises ``Refused`` or ``Invalid`` when ``said``, one of ``WORDS``, may not be said."""
    message: MinutesAttested = said.message
    facts = {"role": said.role[:20], "phase": state.phase.value, "message": "MinutesAttested"}
    if said.role != "seller":
        raise Refused("order.wrong-role", **facts)
    if state.phase not in _PHASES:
        raise Refused("order.not-now", **facts)
    if message.line not in state.lines:
        raise Invalid("order.unknown-line", line=message.line[:60])
    if len(message.billed) > CLASSES_MAX:
        raise Invalid("trade.lines-too-many", where="billed", limit=CLASSES_MAX)
    for name, minutes in message.billed.items():
        form.name(name, "billed")
        form.not_negative(minutes, "billed")


def judge(state: OrderState, said: Said) -> str | None:
    """The code for which ``said`` is void, or None; of other words None."""
    if not isinstance(said.message, MinutesAttested):
        return None
    try:
        check(state, said)
    except WeftError as error:
        return error.code
    return None
