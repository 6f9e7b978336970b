"""Cursors through what stands in one document: elements of a submodel, references of a shell, descriptors in another.

Rule 1: the order is the document's own. A cursor names the last things of its page, so that one that is deleted
        meanwhile is no loss: it goes on behind the last of them that is still there, by their number where none is.
Not here: pages of twins, whose order is that of their ids (``engine/twins/repository.py``).
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from weft.basis.errors import Invalid

NAMED: Final = 8
_PLAIN: Final = 40  # characters; a longer name stands in a cursor by its digest


def begin(names: Sequence[str], cursor: str) -> int:
    """Where in ``names`` the page behind ``cursor`` begins; raises ``Invalid('twin.cursor')``. "": at the first."""
    if not cursor:
        return 0
    try:
        place, trail = msgspec.json.decode(cursor, type=tuple[int, list[str]])
    except msgspec.DecodeError as error:
        raise Invalid("twin.cursor", value=cursor[:80]) from error
    places = {_short(name): number for number, name in enumerate(names)}
    found = next((places[one] for one in trail if one in places), None)
    return min(max(place, 0), len(names)) if found is None else found + 1


def end(names: Sequence[str], place: int) -> str:
    """The cursor behind the first ``place`` of ``names``; "" when there are no more."""
    if place >= len(names):
        return ""
    return msgspec.json.encode((place, [_short(one) for one in reversed(names[max(0, place - NAMED):place])])).decode()


def _short(name: str) -> str:
    return name if len(name) <= _PLAIN else f"~{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}"
