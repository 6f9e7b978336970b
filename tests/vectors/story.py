"""What two firms say to each other in the conformance vectors, and how it is changed."""

import json

import msgspec

from tests.thread.firms import Firm, salt, signed
from weft.basis import canonical
from weft.basis.canonical import b64
from weft.thread import event, graph
from weft.thread.pack import Manifest, write

ID = b64(b"x" * 32)
OTHER_LIFE = b64(b"life-two")


def without(fields):
    return {name: value for name, value in fields.items() if value is not ...}


def remade(one, signer=None, **changes):
    """``one`` with ``changes`` in its header, signed by ``signer`` (else with its old signature); ... takes away."""
    header = json.loads(one.raw) | changes
    raw = canonical.encode(without(header))
    made = msgspec.structs.replace(one, id=event.event_id(raw), raw=raw)
    return signed(made, signer) if signer else made


class Story:
    """Two firms and what they say to each other: three chains, a crossing, and a second slot."""

    def __init__(self):
        self.buyer, self.seller, self.stranger = Firm(1), Firm(2), Firm(3)
        self.members = {self.buyer.id: "buyer", self.seller.id: "seller"}
        begun = self.buyer.begin(self.members)
        self.thread = begun.thread
        asked = self.buyer.say(self.thread, 1, begun.id, kind="Ask", content='{"note":"球阀 20"}'.encode())
        offered = self.seller.say(self.thread, 0, None, [asked.id], kind="Offer")
        slots = [("*", b'{"weeks":3}'), ("buyer", '{"price":"18.50","note":"含税"}'.encode())]
        offered = signed(event.compose(without(json.loads(offered.raw) | {"b": ...}), slots, [salt(1), salt(2)]),
                         self.seller.device)
        ordered = self.buyer.say(self.thread, 2, asked.id, [offered.id], kind="Order")
        sent = self.seller.say(self.thread, 1, offered.id, kind="Sent")
        restored = self.buyer.say(self.thread, 0, None, [ordered.id, sent.id], kind="Back", i=OTHER_LIFE)
        last = self.seller.say(self.thread, 2, sent.id, [restored.id], kind="Done")
        self.events = [begun, asked, offered, ordered, sent, restored, last]
        self.second = self.seller.say(self.thread, 1, offered.id, kind="Sent", content=b'{"other":1}')

    def pack(self, events=None, keys=None, forks=(), **claims):
        """The bytes of a pack with heads and counts as they are, but for ``claims``."""
        events = self.events if events is None else events
        keys = [*self.buyer.log, *self.seller.log] if keys is None else keys
        heads = graph.heads({one.id: one.parents for one in events})
        manifest = Manifest(format="weft-thread/1", thread=self.thread, machine="test/1", members=self.members,
                            heads=heads, keys=0, events=0, forks=0, state="")
        made = write(manifest, keys, events, forks)
        if not claims:
            return made
        first, rest = made.split(b"\n", 1)
        return canonical.encode(json.loads(first) | claims) + b"\n" + rest
