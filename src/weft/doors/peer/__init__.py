"""The door for other nodes: sync of one thread, a long-poll, and the comparison of what both hold.

``POST /peer/v1/sync`` and ``…/poll`` as in ``engine/sync.py``, ``…/reconcile`` as in ``engine/reconcile.py``; JSON,
signed as in ``engine/requests.py``.
Rule 1: a stranger gets 404 (or 429) and nothing else, whatever he sent: who asks is known before what he asks is read.
Rule 2: who is known but asks by another time is told ours (409, signed), as ``engine/requests.py`` says.
Rule 3: a firm that we do not know may speak only to answer an invitation; its first event carries its key log.
Rule 4: a firm whose devices we no longer know shows its key log (``…/keys``), signed by a device that stands in it.
Rule 5: what a request costs is paid by who asks (``engine/budgets.py``); who did not prove himself is a stranger.
"""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.errors import Denied, Invalid, NotFound, Unavailable, WeftError
from weft.engine import exchange, reconcile, requests, restored, sync
from weft.engine.budgets import EVENTS_A_REQUEST, FOLDED_A_REQUEST, Account, Busy
from weft.engine.levelling import RECONCILE_PATH
from weft.engine.machines import MACHINES
from weft.engine.node import Node
from weft.engine.pricelog import gossip
from weft.engine.receive import key_state
from weft.engine.threads import entry_of
from weft.identity.keylog import KeyState
from weft.thread.event import from_envelope

BODY_MAX: Final = 2 * 1024 * 1024
WAIT_MS_MAX: Final = 60_000
FIRST_WORDS_MAX: Final = 8
READING_SMALL: Final = 64 * 1024  # a body up to this size is always read
READING_MAX: Final = 64 * 1024 * 1024  # and so much of larger ones at a time
READING_ONE: Final = READING_MAX // 4  # from one address: who sends slowly holds up no others
HELD_MAX: Final = 200  # callers that wait a moment before they are turned away, so that they do not come at once again
HELD_S: Final = 1.0
Handler = Callable[[Request], Awaitable[Response]]
Talk = Callable[[requests.Asker, bytes, Account], Awaitable[bytes]]


def routes(node: Node) -> list[BaseRoute]:
    """The addresses of this door."""

    async def synced(asker: requests.Asker, body: bytes, account: Account) -> bytes:
        asked = sync.read_request(body)
        account.charge(requests=len(asked.events) / EVENTS_A_REQUEST)
        reply = await sync.answer(node, asker.organisation, asked,
                                  lambda folded: account.charge(requests=folded / FOLDED_A_REQUEST))
        taken = len(asked.events) > len(reply.invalid)
        account.charge(requests=len(reply.events) / EVENTS_A_REQUEST, kept=len(body) if taken else 0)
        node.outbox.heard(asker.organisation)
        await node.outbox.settle(asker.organisation, asked.thread, asked.heads)
        return msgspec.json.encode(reply)

    async def polled(asker: requests.Asker, body: bytes, _account: Account) -> bytes:
        asked = sync.read_poll(body)
        node.outbox.heard(asker.organisation)
        waiting = await node.outbox.waiting_for(asker.organisation, min(max(asked.wait_ms, 0), WAIT_MS_MAX))
        restoring = asker.organisation in node.unheard
        return msgspec.json.encode(sync.PollReply(threads=waiting[:sync.THREADS_MAX], restored=restoring))

    async def compared(asker: requests.Asker, body: bytes, _account: Account) -> bytes:
        asked = reconcile.read_question(body)
        node.outbox.heard(asker.organisation)
        return msgspec.json.encode(await restored.answer(node, asker.organisation, asked))

    async def shown(asker: requests.Asker, body: bytes, account: Account) -> bytes:
        log = exchange.read_exchange(body)
        account.charge(requests=len(log.log) / EVENTS_A_REQUEST)
        return msgspec.json.encode(await exchange.answer(node, asker.organisation, log))

    queue = Queue()
    about_prices = {path: _about_prices(node, path) for path in gossip.PATHS}
    talks: dict[str, Talk] = {sync.SYNC_PATH: synced, sync.POLL_PATH: polled, RECONCILE_PATH: compared,
                              exchange.EXCHANGE_PATH: shown, **about_prices}
    return [
        Route(path, web.guard(node, _by_our_time(node, Desk(node, queue, path, talk).answered), scopes=web.PUBLIC,
                              methods=("POST",), answer=_answer), methods=list(web.ALL_METHODS))
        for path, talk in talks.items()
    ]


def _about_prices(node: Node, path: str) -> Talk:
    """What partners tell each other of price logs (``engine/pricelog/gossip.py``)."""
    async def told(asker: requests.Asker, body: bytes, account: Account) -> bytes:
        if node.witnessing is None:
            raise NotFound("thread.unknown")
        node.outbox.heard(asker.organisation)
        account.charge(kept=len(body))
        answer: bytes = await node.witnessing.answer(asker.organisation, path, body)
        return answer

    return told


@dataclass(slots=True)
class Queue:
    """What is under way before anybody has proved himself: large bodies by address, callers kept waiting."""

    reading: Counter[str] = field(default_factory=Counter)
    held: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers at one address, at the expense of who asks; who has nothing left is told so, a little later."""

    node: Node
    queue: Queue
    path: str
    talk: Talk

    async def answered(self, request: Request) -> Response:
        """The handler of the address."""
        header = request.headers.get("weft-request", "")
        known = header and await self.node.keys(header.partition(".")[0]) is not None
        try:
            return await (self._known(request, header) if known else self._strange(request, header))
        except Busy as busy:
            return await _turned_away(self.queue, busy)

    async def _known(self, request: Request, header: str) -> Response:
        budgets = self.node.budgets
        account = budgets.of(header.partition(".")[0])
        account.check(self.node.clock.now_ms())  # whoever it is: it would be turned away all the same
        shows = self.path == exchange.EXCHANGE_PATH
        if shows and not await self._device_known(header):  # what it shows is still to be proved, which costs much
            showing = budgets.showing(header.partition(".")[0])
            showing.check(self.node.clock.now_ms())
            body = await _body(request, self.queue, exchange.BODY_MAX)
            with budgets.entered(showing, len(body)):
                asker = await self.node.gate.check(self.path, body, header, _shown(header, body, showing))
        else:
            body = await _body(request, self.queue, exchange.BODY_MAX if shows else BODY_MAX)
            asker = await self._checked(header, body)
        with budgets.entered(account, len(body)):
            return await self._told(account, asker, body)

    async def _strange(self, request: Request, header: str) -> Response:
        budgets = self.node.budgets
        with budgets.entered(budgets.strangers, 0) as account:
            if not header:
                raise Denied("peer.unsigned")
            body = await _body(request, self.queue)
            account.charge(size=len(body))
            newcomer = _newcomer(header, body) if self.path == sync.SYNC_PATH else None
            asker = await self.node.gate.check(self.path, body, header, newcomer)
            return await self._told(account, asker, body)

    async def _checked(self, header: str, body: bytes) -> requests.Asker:
        """Who asks, by a device that we know; raises ``Denied`` at the expense of strangers."""
        try:
            return await self.node.gate.check(self.path, body, header)
        except requests.OtherTime:
            raise
        except Denied:  # a stranger, whatever name he gave
            with self.node.budgets.entered(self.node.budgets.strangers, len(body)):
                raise

    async def _device_known(self, header: str) -> bool:
        organisation, _, rest = header.partition(".")
        keys = await self.node.keys(organisation)
        held = keys.devices.get(rest.partition(".")[0]) if keys else None
        return held is not None and not held.revoked

    async def _told(self, account: Account, asker: requests.Asker, body: bytes) -> Response:
        reply = await self.talk(asker, body, account)
        account.charge(size=len(reply))
        return _signed(self.node, asker, reply)


def _shown(header: str, body: bytes, account: Account) -> KeyState | None:
    """The key log that a firm shows of itself, read at the expense of ``account``; nobody may show one for another."""
    try:
        shown = exchange.read_exchange(body)
    except WeftError:
        return None
    account.charge(requests=len(shown.log) / EVENTS_A_REQUEST)
    return exchange.proved(body) if shown.firm == header.partition(".")[0] else None


async def _turned_away(queue: Queue, busy: Busy) -> Response:
    if queue.held < HELD_MAX:
        queue.held += 1
        try:
            await asyncio.sleep(HELD_S)
        finally:
            queue.held -= 1
    return Response(msgspec.json.encode(requests.Wait(busy.wait_ms)), 429, media_type="application/json", headers={
        "retry-after": str(busy.facts["seconds"]), "cache-control": "no-store"})


def _by_our_time(node: Node, handler: Handler) -> Handler:
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except requests.OtherTime as apart:
            told = requests.TheTime(now_ms=node.clock.now_ms())
            return _signed(node, apart.asker, msgspec.json.encode(told), 409)

    return answered


async def _body(request: Request, queue: Queue, limit: int = BODY_MAX) -> bytes:
    """The whole body, if there is room for it; raises ``Busy`` or ``Invalid``."""
    declared = request.headers.get("content-length", "")
    size = min(int(declared), limit) if declared.isdecimal() and len(declared) < 10 else limit
    if size <= READING_SMALL:
        return await web.body(request, limit)
    address = _network(request.client.host if request.client else "")
    if queue.reading.total() + size > READING_MAX or queue.reading[address] + size > READING_ONE:
        raise Busy(1000)
    queue.reading[address] += size
    try:
        return await web.body(request, limit)
    finally:
        queue.reading[address] -= size
        if not queue.reading[address]:
            del queue.reading[address]


def _network(address: str) -> str:
    """Whose ``address`` that is: of IPv6 whoever has one has all with the same first half."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return address if known.version == 4 else known.exploded[:19]


def _newcomer(header: str, body: bytes) -> KeyState | None:
    """The key state that the first word of a firm we do not know carries, if it proves itself."""
    organisation = header.partition(".")[0]
    try:
        for envelope in sync.read_request(body).events[:FIRST_WORDS_MAX]:
            event = from_envelope(envelope)
            key_log = getattr(entry_of(event, MACHINES.get(event.header.m)).message, "key_log", None)
            if event.author == organisation and key_log:
                return key_state(organisation, key_log)
    except WeftError:
        return None
    return None


def _signed(node: Node, asker: requests.Asker, body: bytes, status: int = 200) -> Response:
    headers = {"weft-reply": requests.sign_reply(node, asker.nonce, body), "cache-control": "no-store"}
    return Response(body, status, headers=headers, media_type="application/json")


def _answer(_host: web.Host, _request: Request, error: WeftError | None) -> Response:
    """What a caller learns of a refusal: a code, and nothing else (Rule 1)."""
    if error is None:
        status, code = 500, "internal"
    elif isinstance(error, Invalid | Unavailable):
        status, code = web.status_of(error), error.code
    else:
        status, code = 404, "peer.unknown"
    body: dict[str, Any] = {"code": code}
    return Response(msgspec.json.encode(body), status, media_type="application/json")
