"""A firm that speaks to a node by hand: every byte of what it sends is its own affair."""

import http.client
import itertools
import json
import time
from typing import Any

import msgspec

from tests.thread.firms import LIFE, salt, signed
from tests.thread.firms import Firm as Keys
from weft.basis import canonical
from weft.engine import requests, sync
from weft.engine.memory import Identity, Memory
from weft.stores.memory import MemoryStore
from weft.thread import event
from weft.thread.event import to_envelope, wire
from weft.trade.messages import Party, RelationshipProposed, RequestForQuotation, RequestLine

RELATIONSHIP, ORDER = "relationship/1", "order/1"
_NUMBERS = itertools.count(10)


class Clock:
    """The present time and ``ahead`` of it."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms


class Stranger(Keys):
    """Keys, a key log, and a way to the node at ``port`` of ``host`` (an organisation)."""

    def __init__(self, port: int, host: str, number: int | None = None) -> None:
        super().__init__(next(_NUMBERS) if number is None else number)
        self.port, self.host, self.clock = port, host, Clock()
        count = itertools.count(1)
        self.memory = Memory(Identity(self.id, self.device, LIFE), MemoryStore(), self.clock,
                             lambda length: salt(self.id, next(count))[:length])
        self.thread, self.last = "", ""

    # ---- words ----------------------------------------------------------------------------------

    def message(self, thread, message: Any, m: str, **changes: Any) -> event.Event:
        """``message`` as an event of ``thread`` (None: its first)."""
        content = message if isinstance(message, bytes) else canonical.encode(msgspec.to_builtins(message))
        kind = changes.pop("y", type(message).__name__)
        return self.say(thread, kind=kind, content=content, m=m, **changes)

    def proposal(self, token: str, members: dict[str, str] | None = None, **changes: Any) -> event.Event:
        """The first word of a relationship."""
        message = RelationshipProposed(party=Party(name="Stranger"), token=token,
                                       key_log=tuple(wire(one).decode() for one in self.log))
        return self.message(None, message, RELATIONSHIP, g=canonical.b64(salt(token, self.id)[:16]),
                            mem=members or {self.host: "inviter", self.id: "invitee"}, **changes)

    def request(self, members: dict[str, str] | None = None, quantity: str = "1", mark: str = "") -> event.Event:
        """The first word of an order."""
        message = RequestForQuotation(number=f"R-{mark}", currency="CNY", lines=(
            RequestLine(line="1", item="SHAFT-20", quantity=quantity),))
        return self.message(None, message, ORDER, g=canonical.b64(salt(mark, self.id)[:16]),
                            mem=members or {self.id: "buyer", self.host: "seller"})

    def unsigned(self, *given: Any, **changes: Any) -> event.Event:
        """An event signed by nobody who may."""
        return signed(self.message(*given, **changes), self.following)

    # ---- the line -------------------------------------------------------------------------------

    def post(self, path: str, body: bytes, header: str | None = None, **more: str) -> tuple[int, Any, str]:
        """(status, JSON, reply's signature); signed as it must be unless ``header`` is given."""
        if header is None:
            header, _ = requests.sign_request(self.memory, self.host, path, body)
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request("POST", path, body, {"weft-request": header, **more} if header else more)
            answer = line.getresponse()
            told = answer.read()
            read = json.loads(told) if told.startswith(b"{") else told
            return answer.status, read, answer.headers.get("weft-reply", "")
        finally:
            line.close()

    def push(self, thread: str, *events: event.Event, heads: tuple[str, ...] = ()) -> tuple[int, Any, str]:
        """Hand over ``events`` of ``thread``."""
        asked = sync.SyncRequest(thread=thread, heads=list(heads), events=[to_envelope(one) for one in events])
        return self.post(sync.SYNC_PATH, msgspec.json.encode(asked))

    def meet(self, token: str) -> str:
        """Become a partner by an invitation; the relationship."""
        first = self.proposal(token)
        status, told, _ = self.push(first.thread, first)
        assert status == 200, told
        self.thread, self.last = first.thread, first.id
        return first.thread
