"""Which conversation a header's ``m`` names: the one list of all machines that this node can fold.

Rule 1: a machine that is not here is stored, verified, forwarded and counted in the heads, not folded.
Not here: machine tools (``machines/``, the edge); these are state machines.
"""

from typing import Any, Final, cast

import msgspec

from weft.basis.canonical import b64, decode, digest, encode_state, is_surely_of
from weft.basis.decider import Conversation, Message
from weft.basis.errors import Invalid
from weft.engine import acks
from weft.identity import keylog
from weft.pricing import publish
from weft.production import book as production
from weft.shopfloor import book as floor
from weft.stock import book as stock
from weft.thread import closing
from weft.till import book as till
from weft.trace import book as trace
from weft.trade import order, relationship


class Machine:
    """A conversation with the codecs of its messages and state."""

    __slots__ = ("conversation", "decoders", "kinds", "name", "shared", "state_type")

    def __init__(self, module: Any, *, shared: bool) -> None:
        self.conversation = cast("Conversation", module)
        self.name = f"{module.NAME}/{module.VERSION}"
        self.shared = shared
        self.state_type: type = type(module.INITIAL)
        self.kinds: dict[str, type[Message]] = {**module.MESSAGES, **acks.MESSAGES}
        self.decoders = {name: msgspec.json.Decoder(kind) for name, kind in self.kinds.items()}

    def message(self, kind: str, content: bytes) -> Message | None:
        """The message of type ``kind`` in ``content``; None when the type is unknown here (Rule 1).

        What comes from others must be canonical: only then do all members read the same (keys given twice, numbers
        beyond 2^53, nesting that one stack bears and another does not).
        """
        decoder = self.decoders.get(kind)
        if decoder is None:
            return None
        try:
            if self.shared:
                return _canonical(decoder, content)
            return decoder.decode(content)
        except Invalid as error:
            raise Invalid("event.message-malformed", type=kind, detail=error.code) from error
        except msgspec.DecodeError as error:
            raise Invalid("event.message-malformed", type=kind, detail=str(error)[:120]) from error

    def state(self, folded: bytes) -> Any:
        """The state behind its cached JSON."""
        return msgspec.json.decode(folded, type=self.state_type)


def _canonical(decoder: msgspec.json.Decoder[Message], content: bytes) -> Message:
    """The message in canonical ``content``: one look proves most; else the long way says what is wrong."""
    try:
        message = decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decode(content)
        return decoder.decode(content)
    if not is_surely_of(message, content):
        decode(content)
    return message


MACHINES: Final[dict[str, Machine]] = {
    machine.name: machine
    for machine in (
        Machine(keylog, shared=True),
        Machine(closing.closable(relationship), shared=True),
        Machine(closing.closable(order), shared=True),
        Machine(stock, shared=False),
        Machine(production, shared=False),
        Machine(publish, shared=False),
        Machine(floor, shared=False),
        Machine(trace, shared=False),
        Machine(till, shared=False),
    )
}


def machine(name: str) -> Machine:
    """The machine called ``name``; raises ``Invalid('thread.unknown-machine')``."""
    found = MACHINES.get(name)
    if found is None:
        raise Invalid("thread.unknown-machine", machine=name)
    return found


def state_hash(state: Any) -> str:
    """What two members compare to know that they folded alike; reads only what both may see."""
    return b64(digest("state/1", encode_state(closing.lasting(state) if closing.is_done(state) else state)))
