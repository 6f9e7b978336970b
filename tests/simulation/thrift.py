"""What five nodes in one process would work out again and again from the same bytes is worked out once a world.

A function of immutable values gives each time what it gave the first time: here it is remembered. What our own
``crypto_sign`` has signed is known to be signed; one in sixteen of these is opened all the same, and all else always.
Rule 1: nothing is remembered that was refused, and nothing beyond the end of a world.
Rule 2: no fault, no law and no step of a world depends on it: figures are the same without.
Rule 3: how a thread folds is never remembered: that all members fold alike is what worlds try.
Not here: what is worked out (``weft.identity.keys``, ``weft.thread.event``, ``weft.engine.machines``).
"""

import functools
import gc
import sys
from collections.abc import Callable, Mapping
from typing import Any

from weft.basis import canonical
from weft.engine import requests, threads
from weft.engine.machines import Machine
from weft.identity import keys
from weft.peers import guard, http
from weft.thread import event
from weft.trade import form

SIGNATURE = 64  # bytes before the message
OPENED_BELOW = 16  # first bytes of signatures that are opened although we made them
WORLDS_A_SWEEP = 10  # after which cycles are looked for, and never in between

_signed: set[tuple[bytes, bytes]] = set()  # (signature and message, public key)
_events: dict[Any, event.Event] = {}
_of_events: dict[Any, tuple[event.Event, Any]] = {}  # the event is held, so that its identity stays its own
_remembered: list[Any] = []
_worlds = iter(range(1, 1 << 60))


def _remember(action: Callable[..., Any]) -> Any:
    kept = functools.lru_cache(maxsize=None)(action)
    _remembered.append(kept)
    return kept


def _sign(message: bytes, secret: bytes, *, real: Callable[..., bytes] = keys.crypto_sign) -> bytes:
    signed = real(message, secret)
    if signed[0] >= OPENED_BELOW:
        _signed.add((signed, secret[32:]))
    return signed


def _open(signed: bytes, public: bytes, *, real: Callable[..., bytes] = keys.crypto_sign_open) -> bytes:
    if (signed, public) not in _signed:
        real(signed, public)
        _signed.add((signed, public))
    return signed[SIGNATURE:]


def _parse(raw: bytes, signature: bytes, payloads: Mapping[int, event.Payload] | None = None, *,
           real: Callable[..., event.Event] = event.parse) -> event.Event:
    known = (raw, signature, *(payloads or {}).items())
    found = _events.get(known)
    if found is None:
        found = _events[known] = real(raw, signature, payloads)
    return found


def _of_event(action: Callable[..., Any]) -> Callable[..., Any]:
    """``action`` of an event (and of something else), remembered by the event's identity: it never changes."""

    def kept(one: event.Event, *more: Any) -> Any:
        known = (action, id(one), *more)
        found = _of_events.get(known)
        if found is None:
            found = _of_events[known] = one, action(one, *more)
        return found[1]

    return kept


def _everywhere(real: Any, instead: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("weft."):
            for word in [word for word, value in vars(module).items() if value is real]:
                setattr(module, word, instead)


@functools.cache
def install() -> None:
    """From now on, in this process."""
    keys.crypto_sign, keys.crypto_sign_open = _sign, _open
    keys.crypto_core_ed25519_is_valid_point = _remember(keys.crypto_core_ed25519_is_valid_point)
    _everywhere(event.parse, _parse)
    for module, name in ((event, "_header"), (event, "event_id"), (event, "thread_id"), (event, "signed_bytes"),
                         (requests, "question"), (requests, "reply"), (requests, "_bytes"), (canonical, "unb64"),
                         (threads, "from_ms"), (form, "number"), (guard, "named"), (guard, "host_of"),
                         (http, "is_address")):
        _everywhere(getattr(module, name), _remember(getattr(module, name)))
    for action in (event.to_envelope, threads.entry_of):
        _everywhere(action, _of_event(action))
    event.Payload.commitment = _remember(event.Payload.commitment)
    Machine.message = _remember(Machine.message)
    gc.collect()
    gc.freeze()
    gc.disable()


def forget() -> None:
    """A world has ended."""
    for held in (_signed, _events, _of_events):
        held.clear()
    for kept in _remembered:
        kept.cache_clear()
    if next(_worlds) % WORLDS_A_SWEEP == 0:
        gc.collect()
