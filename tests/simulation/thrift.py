"""What five nodes in one process would work out again and again from the same bytes is worked out once a world.

A function of immutable values gives each time what it gave the first time: here it is remembered. What our own
``crypto_sign`` has signed is known to be signed; one in sixteen of these is opened all the same, and all else always.
Rule 1: nothing is remembered that was refused, and nothing beyond the end of a world.
Rule 2: no fault, no law and no step of a world depends on it: figures are the same without.
Not here: what is worked out (``weft.identity.keys``, ``weft.thread.event``, ``weft.engine.machines``).
"""

import functools
from collections.abc import Callable
from typing import Any

from weft.engine.machines import Machine
from weft.identity import keys
from weft.thread import event

SIGNATURE = 64  # bytes before the message
OPENED_BELOW = 16  # first bytes of signatures that are opened although we made them

_signed: set[tuple[bytes, bytes]] = set()  # (signature and message, public key)
_remembered: list[Any] = []


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


@functools.cache
def install() -> None:
    """From now on, in this process."""
    keys.crypto_sign, keys.crypto_sign_open = _sign, _open
    keys.crypto_core_ed25519_is_valid_point = _remember(keys.crypto_core_ed25519_is_valid_point)
    event._header, event.event_id = _remember(event._header), _remember(event.event_id)
    event.Payload.commitment = _remember(event.Payload.commitment)
    Machine.message = _remember(Machine.message)


def forget() -> None:
    """A world has ended."""
    _signed.clear()
    for kept in _remembered:
        kept.cache_clear()
