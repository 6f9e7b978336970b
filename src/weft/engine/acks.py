"""The acknowledgement: "I hold everything below this event, and fold it to this state".

Rule 1: an ack is an event, needs no ack itself, and changes no state.
Rule 2: it carries the hash of the state folded from its own past, so that a difference is seen at once.
"""

from weft.basis.decider import Message


class Ack(Message):
    """``state`` is the hash of the sender's fold below this event."""

    state: str
