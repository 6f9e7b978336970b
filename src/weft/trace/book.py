"""The conversation ``trace/1``: a firm's own book of what happened to its goods, as EPCIS events.

Rule 1: an event is kept as JSON text, because its quantities are numbers and canonical bytes hold none with a point.
Rule 2: an event whose id is among the last that were said is not said again; its id is the hash of its content.
Rule 3: the state holds counters and the newest ids only; the events are the book's log.
Not here: deriving events (``events.py``), answering queries (``query.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid, Refused
from weft.trace.events import Event

NAME: Final = "trace"
VERSION: Final = 1
TEXT_MAX: Final = 64 * 1024
REMEMBERED: Final = 256
TYPES: Final = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")


class TraceRecorded(Message, frozen=True, kw_only=True):
    """``event`` is one EPCIS event as JSON text; ``ref`` names what it was derived from (job, event id of a paper)."""

    event: str
    ref: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """``counts`` by event type and business step; ``recent``: newest event ids; ``last``: newest event time."""

    events: int = 0
    counts: dict[str, int] = {}
    recent: tuple[str, ...] = ()
    last: str = ""


INITIAL: Final = State()
MESSAGES: Final[Mapping[str, type[Message]]] = {TraceRecorded.__name__: TraceRecorded}
CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {}  # one member, nobody to cross


def recorded(event: Event, ref: str = "") -> TraceRecorded:
    """The message that records ``event``."""
    return TraceRecorded(event=msgspec.json.encode(event, order="sorted").decode(), ref=ref)


def read(text: str) -> Event:
    """The event behind its text; raises ``Invalid('trace.malformed')`` unless it has a type, a time and an id."""
    try:
        event = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("trace.malformed", detail=str(error)[:80]) from error
    if event.get("type") not in TYPES or not all(_is_text(event.get(key)) for key in ("eventTime", "eventID")):
        raise Invalid("trace.malformed", detail="type, eventTime, eventID")
    return event


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def judge(state: State, said: Said, /) -> str | None:
    """A refusal code, or None when the message may stand."""
    message = said.message
    if not isinstance(message, TraceRecorded):
        return "trace.message-unknown"
    if len(message.event.encode()) > TEXT_MAX:
        return "trace.too-large"
    try:
        event = read(message.event)
    except Invalid as error:
        return error.code
    return "trace.known" if event["eventID"] in state.recent else None


def decide(state: State, command: Message, /) -> Sequence[Message]:
    """The messages to say for ``command``; nothing when its event is known (Rule 2). Raises ``Refused``."""
    code = judge(state, Said(id="", by="", role="", message=command))
    if code == "trace.known":
        return ()
    if code is not None:
        raise Refused(code)
    return (command,)


def evolve(state: State, said: Said, /) -> State:
    """The book after ``said``."""
    event = read(said.message.event)
    key = f"{event['type']}/{event.get('bizStep', '')}"
    return State(
        events=state.events + 1,
        counts={**state.counts, key: state.counts.get(key, 0) + 1},
        recent=(*state.recent, event["eventID"])[-REMEMBERED:],
        last=max(state.last, event["eventTime"]),
    )
