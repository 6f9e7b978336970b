"""The command of both conversations: who says what, in which role.

Not here: what may be said when (``order.py``, ``relationship.py``).
"""

from typing import Any

import msgspec


class Say(msgspec.Struct, frozen=True):
    """``by`` (an organisation's id) says ``message`` in its ``role`` of the thread."""

    role: str
    by: str
    message: Any
