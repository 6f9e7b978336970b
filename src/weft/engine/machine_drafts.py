"""Machines that are being connected: what their owner has picked and named so far, until they are added as a whole.

Rule 1: a draft changes in one transaction, under one lock; nothing of it reaches a machine by itself.
Rule 2: what is written to a device before it is a machine of ours is a trial, and stands in the floor book as any
        write: intent first, then exactly one outcome.
Not here: rows (``shopfloor/mapping``), looking at devices (``discovery.py``), commands (``commands/connecting.py``).
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64
from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.engine.memory import Change
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.shopfloor.description import PROPERTIES_MAX, Description, Security
from weft.shopfloor.mapping import Row, Target, changed, rows_of, thing
from weft.shopfloor.propose import Finding
from weft.shopfloor.reading import parse, parse_text

BUCKET: Final = "machine-drafts"
LOCK: Final = "*machine-drafts"
DRAFTS_MAX: Final = 20
NAME_MAX: Final = 80
ADDRESS_MAX: Final = 500
_ID_BYTES: Final = 9
_PORTS: Final = {"502": "modbus+tcp", "1883": "mqtt", "8883": "mqtts", "80": "http", "8080": "http", "443": "https",
                 "5000": "mtconnect+http", "4840": "opc.tcp"}
_SAID: Final = {"opc.tcp": "opcua", "sparkplug+mqtt": "sparkplugb", "mtconnect+http": "mtc"}


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why a trial was refused: ``error.<code>`` with its facts."""

    code: str
    facts: dict[str, str | int] = {}


class MachineDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that is being connected. ``tried``: property -> what came of its trial write;
    ``why`` it was refused.

    ``said``: what its owner should know of what was taken by itself.
    ``before``: the Thing Description of a machine that is there already and is being changed.
    """

    id: str
    name: str
    address: str
    title: str = ""
    at: str = ""
    security: Security = Security()
    rows: tuple[Row, ...] = ()
    tried: dict[str, str] = {}
    why: dict[str, Why] = {}
    said: tuple[Finding, ...] = ()
    before: str = ""

    @property
    def scheme(self) -> str:
        """The protocol, as the address begins."""
        return self.address.partition(":")[0]

    def described(self, rows: tuple[Row, ...] | None = None) -> Description:
        """The checked description of what is picked, or of ``rows``; raises ``Invalid``."""
        return parse(self.thing(rows))

    def thing(self, rows: tuple[Row, ...] | None = None) -> dict[str, object]:
        """The same as a Thing Description, not checked."""
        target = Target(name=self.name, endpoint=self.address, title=self.title, security=self.security)
        told = thing(target, self.rows if rows is None else rows)
        return changed(msgspec.json.decode(self.before), told) if self.before and rows is None else told


async def every(node: Node) -> list[MachineDraft]:
    """All drafts, the one that changed last first."""
    held = [msgspec.json.decode(content, type=MachineDraft) for _, content in await node.store.values(BUCKET)]
    return sorted(held, key=lambda one: one.at, reverse=True)


async def get(node: Node, name: str) -> MachineDraft:
    """The draft called ``name``; raises ``NotFound``."""
    content = await node.store.value(BUCKET, name)
    if content is None:
        raise NotFound("connect.unknown")
    return msgspec.json.decode(content, type=MachineDraft)


async def begin(node: Node, name: str, address: str, title: str = "") -> MachineDraft:
    """A new draft of a machine at ``address``; raises ``Invalid``, ``Refused``."""
    checked(node, address)
    if not name or len(name) > NAME_MAX:
        raise Invalid("floor.machine-name", machine=name[:NAME_MAX])
    known = (await node.book_state("floor")).machines.get(name)
    if known is not None and not known.removed:
        raise Refused("connect.name-taken", machine=name)
    return await _begun(node, MachineDraft(id=b64(node.random(_ID_BYTES)), name=name, address=address,
                                           title=title[:NAME_MAX], at=_now(node)))


async def begin_of(node: Node, name: str) -> MachineDraft:
    """A draft of the machine ``name`` as it is connected now; raises ``NotFound``."""
    known = (await node.book_state("floor")).machines.get(name)
    if known is None or known.removed:
        raise NotFound("floor.machine-unknown", machine=name[:NAME_MAX])
    described = parse_text(known.description)
    return await _begun(node, MachineDraft(
        id=b64(node.random(_ID_BYTES)), name=name, address=described.base, title=described.title, at=_now(node),
        security=described.security, rows=rows_of(described), before=known.description))


async def _begun(node: Node, made: MachineDraft) -> MachineDraft:
    async with node.lock(LOCK):
        if len(await every(node)) >= DRAFTS_MAX:
            raise Refused("connect.many", limit=DRAFTS_MAX)
        await _keep(node, made)
        return made


def checked(node: Node, address: str) -> None:
    """Raise ``Invalid`` unless ``address`` is one of a protocol that is spoken here."""
    known = node.discovery.schemes if node.discovery is not None else ()
    if "://" not in address:
        raise Invalid("connect.no-scheme", address=address[:80], example=_example(address, known))
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("description.base", value=address[:80]) from error
    near = _near(parts.scheme, known)
    if parts.scheme not in known and near:
        raise Invalid("connect.scheme-near", scheme=parts.scheme[:20], near=near)
    if parts.scheme not in known:
        raise Invalid("machine.scheme", scheme=parts.scheme[:20] or "?", known=", ".join(known))
    if not host or len(address) > ADDRESS_MAX or not address.isprintable():
        raise Invalid("description.base", value=address[:80])
    if "@" in parts.netloc:
        raise Invalid("description.base-credentials")


def _example(address: str, known: Sequence[str]) -> str:
    """How ``address`` would be written; its port says what speaks there, as far as ports are assigned (IANA)."""
    port = address.partition("/")[0].rpartition(":")[2]
    scheme = _PORTS.get(port, "opc.tcp")
    return f"{scheme if scheme in known or not known else known[0]}://{address}"[:120]


def _near(scheme: str, known: Sequence[str]) -> str:
    """The protocol that is meant by ``scheme``, as people abridge or mistype it; "" when none is."""
    plain = scheme.replace("-", "").replace("+", "").replace(".", "")
    parts = [one for one in known if plain and plain in {*one.split("+"), one.replace(".", ""), _SAID.get(one, "")}]
    return next(iter(parts or get_close_matches(scheme, known, 1, 0.7)), "")


async def change(node: Node, name: str, make: Callable[[MachineDraft], MachineDraft]) -> MachineDraft:
    """The draft made anew by ``make``, which may raise."""
    async with node.lock(LOCK):
        made = msgspec.structs.replace(make(await get(node, name)), at=_now(node))
        if len(made.rows) > PROPERTIES_MAX:
            raise Invalid("description.too-many", limit=PROPERTIES_MAX)
        await _keep(node, made)
        return made


async def drop(node: Node, name: str) -> None:
    """Throw a draft away."""
    async with node.lock(LOCK):
        await get(node, name)
        await node.store.commit(Batch(values=[(BUCKET, name, None)]))
    node.tell(Change("", "connecting", ()))


def wrong(draft: MachineDraft) -> WeftError | None:
    """Why the draft is no description yet."""
    try:
        draft.described()
    except WeftError as error:
        return error
    return None


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())


async def _keep(node: Node, held: MachineDraft) -> None:
    await node.store.commit(Batch(values=[(BUCKET, held.id, msgspec.json.encode(held))]))
    node.tell(Change("", "connecting", ()))
