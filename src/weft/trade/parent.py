"""The salted commitment by which a child order points to the order that it serves, without naming it.

Rule 1: who does not hold the salt learns nothing: neither the customer, nor that two children have one parent.
Not here: where the salt is kept (the production book of who subcontracts).
"""

from hmac import compare_digest
from typing import Final

from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid

SALT_BYTES: Final = 32
THREAD_CHARACTERS: Final = 43


def commit(salt: bytes, thread: str, line: str) -> str:
    """The commitment to ``line`` of order ``thread``, for ``RequestForQuotation.parent``; a fresh salt each time."""
    if len(salt) != SALT_BYTES or len(thread) != THREAD_CHARACTERS:
        raise Invalid("trade.commitment", where="parent")
    return b64(digest("parent/1", salt, thread.encode(), line.encode()))


def opens(commitment: str, salt: bytes, thread: str, line: str) -> bool:
    """Whether ``commitment`` was made with ``salt`` to ``line`` of order ``thread``."""
    try:
        return compare_digest(commitment.encode(), commit(salt, thread, line).encode())
    except Invalid:
        return False
