"""Our own key log grows: devices come and go, keys rotate, a thief is shut out; by the keys of the recovery sheet.

The firm's keys are on paper: whoever changes something types them in, they sign, and are forgotten. A new sheet is in
safety before the key log knows of it, so that no crash leaves a firm without its next key.
Rule 1: devices are added and revoked by the key in force; a rotation is signed by the next key, which a thief of
        everything but the paper does not have. New keys replace both of a sheet: the old one is worth nothing.
Rule 2: what counts of a revoked device is named by places in its chains: all that we hold; or, from a given time on,
        only what another member had read before; but never a word in our name that this node did not say.
Rule 3: places are hidden among many that mean nothing: a key log tells nobody of other threads.
Rule 4: a key log that may lack its end is never continued: its second branch would stop all work with the firm.
Not here: the sheet (``papers.py``), files of a home (``launch.py``), telling threads (``keyring.py``).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64
from weft.basis.decider import Message
from weft.basis.errors import Denied, Invalid, NotFound, Refused
from weft.engine import exchange, handle, keyring, papers
from weft.engine.memory import Memory
from weft.engine.papers import Paper, Written
from weft.engine.ports import Batch
from weft.engine.threads import Loaded
from weft.identity import keylog, sheet, webvh
from weft.identity.keylog import DeviceDelegation, DeviceRevocation, KeyRotation, KeyState
from weft.identity.keys import SEED_BYTES, Signer, registered
from weft.thread import graph
from weft.till import book as till_book

NAMES: Final = "key-device"  # bucket: what we call our devices; partners see their keys alone
PUBLIC: Final = "webvh"  # bucket: the public log of our keys
PLACES_MAX: Final = 5_000  # in one key event
PADDED_TO: Final = 64
PADDED_BY: Final = 16_384  # at most at a time: partners take so many places and no more


@dataclass(frozen=True, slots=True)
class Firm:
    """What stands on the sheet and in public entries: name, and the address ("": none, so nothing is public)."""

    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many chains of the old device count; where no key is new, ``others``: devices that may speak besides."""

    chains: int
    renewed: bool = True
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hands:
    """The firm's keys as typed in: ``present`` is in force, ``following`` is the next one; None: not given."""

    present: Signer | None
    following: Signer | None
    seeds: Mapping[str, bytes]


async def hands(memory: Memory, typed: str) -> Hands:
    """Which of the firm's keys are in ``typed``; raises ``Invalid('paper.…')`` or ``Denied('paper.other')``."""
    keys = await _own(memory)
    present = following = None
    seeds: dict[str, bytes] = {}
    for seed in sheet.seeds_in(typed):
        signer = Signer(seed)
        if signer.public in keys.keys:
            present = signer
        elif keylog.commitment([signer.public]) == keys.next:
            following = signer
        seeds[signer.public] = seed
    if present is None and following is None:
        raise Denied("paper.other")
    return Hands(present, following, seeds)


async def _own(memory: Memory) -> KeyState:
    keys = await memory.keys(memory.organisation)
    assert keys is not None
    return keys


# ---- devices -------------------------------------------------------------------------------------


async def add_device(memory: Memory, given: Hands, device: str, scope: str, name: str = "") -> None:
    """Delegate ``device`` (a public key) with ``scope``; raises ``Refused('keylog.…')`` or ``Invalid('key.weak')``."""
    _all_heard(memory)
    await _say(memory, _present(given), [DeviceDelegation(device=registered(device), scope=scope)])
    await memory.store.commit(Batch(values=[(NAMES, device, name[:60].encode() or None)]))
    keyring.grown(memory, memory.organisation)


async def revoke_device(memory: Memory, given: Hands, device: str, since_ms: int | None = None) -> int:
    """Revoke ``device``; how many of its chains count in part or whole. ``since_ms``: when it was lost."""
    keys = await _own(memory)
    held = keys.devices.get(device)
    if held is None:
        raise NotFound("keylog.device-unknown")
    if device == memory.identity.signer.public:
        raise Refused("device.own-key")
    _all_heard(memory)
    places = await counting(memory, device, since_ms)
    await _say(memory, _present(given), revocations(memory, device, places))
    keyring.grown(memory, memory.organisation)
    return len(places)


def _present(given: Hands) -> Signer:
    if given.present is None:
        raise Denied("paper.not-in-force")
    return given.present


def _all_heard(memory: Memory) -> None:
    """Raises ``Refused('paper.unheard')``: an old backup knows neither its own last words nor its newest keys."""
    if memory.unheard:
        raise Refused("paper.unheard", n=len(memory.unheard))


async def _say(memory: Memory, signer: Signer, messages: Sequence[Message]) -> None:
    async with memory.lock(memory.organisation):
        keys = await _own(memory)
        _has_room(keys, messages)
        for message in messages:
            keylog.decide(keys, message)
        await handle.append_key_events(memory, signer, messages, memory.organisation)
        memory.identity.key_event = (await _own(memory)).event


def _has_room(keys: KeyState, messages: Sequence[Message], turns: int = 0) -> None:
    """Raises ``Refused('keylog.full')`` where partners would not take ``messages`` and so many rotations any more."""
    adds = any(isinstance(one, DeviceDelegation) for one in messages) and not any(
        isinstance(one, DeviceRevocation) for one in messages)
    most = keylog.ADDED_TO if adds and not turns else 1
    events = len(keys.events) + len(messages) + turns
    places = keys.places + sum(len(getattr(one, "hidden", ())) for one in messages)
    if events > keylog.EVENTS_MAX * most or places > keylog.PLACES_MAX * most:
        raise Refused("keylog.full", n=events, places=places)


# ---- up to where a device counts -----------------------------------------------------------------


async def counting(memory: Memory, device: str, since_ms: int | None = None) -> list[str]:
    """The last places of all chains of ``device`` that count, hidden (Rules 2 and 3)."""
    strange = {name.split("/")[1] for name, _ in await memory.store.values(keyring.STRANGE)}
    found: list[str] = []
    for row in await memory.store.threads():
        if memory.organisation not in msgspec.json.decode(row.members, type=dict[str, str]):
            continue
        loaded = await memory.whole(row.thread)
        for (author, signer, incarnation), (n, _) in loaded.tips.items():
            if (author, signer) == (memory.organisation, device):
                last = _last(loaded, (author, signer, incarnation), strange, since_ms) if loaded.shared else n
                if last >= 0:
                    found.append(keylog.hidden_place(row.thread, device, incarnation, last))
    found += [keylog.hidden_place(till_book.NAME, device, life, n)
              for life, n in (await _slips(memory, device)).items()]
    return found


async def _slips(memory: Memory, device: str) -> dict[str, int]:
    """Of a till, the last slip that counts of each of its lives; whoever holds a slip can read that."""
    books = memory.threads(till_book.NAME)
    till = (await memory.state(memory.book(till_book.NAME))).tills.get(device) if books else None
    if till is None:
        return {}
    return till.counts if till.ended_at else {life: place.n for life, place in till.lives.items()}


def _last(loaded: Loaded, chain: tuple[str, str, str], strange: AbstractSet[str], since_ms: int | None) -> int:
    """The last number of ``chain`` that counts."""
    said = [(entry.n, entry) for entry in loaded.entries.values() if entry.chain == chain]
    bad = [n for n, entry in said if entry.id in strange]
    last = min(bad) - 1 if bad else max(n for n, _ in said)
    if since_ms is None:
        return last
    others = [entry.id for entry in loaded.entries.values()
              if entry.author != chain[0] and entry.at_ms < since_ms]
    read = graph.past(loaded.parents(), others)
    return max((n for n, entry in said if n <= last and entry.id in read and entry.at_ms < since_ms), default=-1)


def revocations(memory: Memory, device: str, places: Sequence[str], *, adds: bool = False) -> list[DeviceRevocation]:
    """The messages that revoke ``device`` but for ``places``, padded so that their number says little.

    ``adds``: it is revoked, and these places count besides.
    """
    size = PADDED_TO
    while size < len(places):
        size += min(size, PADDED_BY)
    noise = (b64(memory.random(16)) for _ in range(size - len(places)))
    hidden = sorted([*places, *noise])
    return [DeviceRevocation(device=device, hidden=hidden[k:k + PLACES_MAX], adds=adds or k > 0)
            for k in range(0, size, PLACES_MAX)]


# ---- rotation and recovery -----------------------------------------------------------------------


async def rotate(memory: Memory, given: Hands, paper: Paper, firm: Firm) -> Written:
    """New keys in the place of both on the sheet; the new sheet is in ``paper``. Raises ``Denied``."""
    _all_heard(memory)
    turned = await _renew(memory, given, paper, firm, [])
    keyring.grown(memory, memory.organisation)
    return turned


async def _renew(memory: Memory, given: Hands, paper: Paper, firm: Firm, more: Sequence[Message]) -> Written:
    """Turn twice: the key that the first turn brings into force, which says ``more``, is on the old sheet as well."""
    if given.following is None and given.present is not None and paper.read():  # the power failed after the first turn
        if more:
            await _say(memory, given.present, more)
    else:
        await _turn(memory, given, paper, firm, more)
    return await _turn(memory, await hands(memory, paper.read()), paper, firm, [])


async def _turn(memory: Memory, given: Hands, paper: Paper, firm: Firm, more: Sequence[Message]) -> Written:
    if given.following is None:
        raise Denied("paper.not-next")
    turned = Written(given.seeds[given.following.public], _following(given, paper, memory))
    after = Signer(turned.following)
    paper.write(papers.text(firm.name, memory.organisation, turned))
    await publish(memory, firm, given.following, after.public)  # first: who has to try again finds it done
    rotation = KeyRotation(keys=[given.following.public], next=keylog.commitment([after.public]))
    await _say(memory, given.following, [rotation])
    if more:
        await _say(memory, given.following, more)
    await memory.store.commit(Batch(values=[(papers.KEPT, "", None)]))
    return turned


def _following(given: Hands, paper: Paper, memory: Memory) -> bytes:
    """A new next key; that of the sheet which an earlier attempt has left."""
    assert given.following is not None
    try:
        waiting = sheet.seeds_in(paper.read())
    except Invalid:
        waiting = []
    if len(waiting) == 2 and Signer(waiting[0]).public == given.following.public:
        return waiting[1]
    return memory.random(SEED_BYTES)


async def recover(memory: Memory, given: Hands, paper: Paper, firm: Firm, device: Signer,
                  since_ms: int | None = None) -> Recovered:
    """Shut out whoever has a copy of this home: new keys, ``device`` for the old one.

    Of a home at rest: what its old device would say meanwhile does not count either. From here on ``device`` speaks.
    """
    old, known = memory.identity.signer.public, (await _own(memory)).devices
    if old != device.public and known[old].revoked and memory.unheard:  # else an earlier attempt of ours broke off
        return await _recover_again(memory, given, device)
    _all_heard(memory)
    places = await counting(memory, old, since_ms)
    more: list[Message] = []
    if device.public not in known:
        more.append(DeviceDelegation(device=device.public, scope=keylog.SCOPE_NODE))
    if old != device.public and not known[old].revoked:
        more += revocations(memory, old, places)
    _has_room(await _own(memory), more, turns=2)  # before anything is begun
    await _renew(memory, given, paper, firm, more)
    memory.identity.signer = device
    keyring.grown(memory, memory.organisation)
    return Recovered(len(places))


async def _recover_again(memory: Memory, given: Hands, device: Signer) -> Recovered:
    """``device`` for one that was let go after the backup from which this home was restored; the sheet stays good.

    What this home has said to itself since the restore counts; of what it shares nothing does that did not before.
    """
    if missing := await exchange.unseen(memory):
        raise Refused("paper.unseen", n=len(missing))
    old = memory.identity.signer.public
    places = await _own_places(memory, old)
    more: list[Message] = list(revocations(memory, old, places, adds=True)) if places else []
    if device.public not in (await _own(memory)).devices:
        more.insert(0, DeviceDelegation(device=device.public, scope=keylog.SCOPE_NODE))
    await _say(memory, _present(given), more)
    await memory.store.commit(Batch(values=[(PUBLIC, "", None)]))  # ours ends before the keys that are in force
    memory.identity.signer = device
    keyring.grown(memory, memory.organisation)
    return Recovered(len(places), renewed=False, others=tuple(
        key for key, one in (await _own(memory)).devices.items()
        if not one.revoked and one.scope == keylog.SCOPE_NODE and key != device.public))


async def _own_places(memory: Memory, device: str) -> list[str]:
    """The last places of all chains of ``device`` in threads that are ours alone, hidden."""
    found = []
    for row in await memory.store.threads():
        if set(msgspec.json.decode(row.members, type=dict[str, str])) == {memory.organisation}:
            tips = (await memory.whole(row.thread)).tips
            found += [keylog.hidden_place(row.thread, device, life, n)
                      for (_, signer, life), (n, _) in tips.items() if signer == device]
    return found


async def publish(memory: Memory, firm: Firm, present: Signer, following: str) -> None:
    """Continue the public log (did:webvh) by ``present``, or begin it; a firm without an address has none."""
    log = await public_log(memory)
    at = instant.from_ms(memory.clock.now_ms())[:19] + "Z"
    try:
        if log:
            entry = webvh.followed(log, present, [following], at)
        elif firm.url:
            entry = webvh.begun(firm.url, memory.organisation, present, [following], at)
        else:
            return
    except Invalid:  # a log that began later, or elsewhere, is no reason not to rotate
        return
    await memory.store.commit(Batch(values=[(PUBLIC, "", webvh.lines([*log, entry]))]))


async def public_log(memory: Memory) -> list[dict[str, Any]]:
    """The entries of our did:webvh log; none when it has not begun."""
    held = await memory.store.value(PUBLIC, "")
    return [msgspec.json.decode(line) for line in held.splitlines()] if held else []
