"""What may be asked of machines, and what comes of it: the port between twins and the shop floor.

Not here: how it is done (``ordering.py``).
"""

from dataclasses import dataclass
from typing import Protocol

from weft.basis.errors import WeftError
from weft.shopfloor.connection import Scalar, Value


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: ``status`` confirmed, refused or unknown; ``error`` says why it was not done.

    ``value``: what the machine says afterwards, None when it says nothing good. ``job``: of which one it was.
    """

    status: str
    command: str = ""
    error: WeftError | None = None
    value: Value | None = None
    job: str = ""

    @property
    def reason(self) -> str:
        """The code of what stood in the way; "" when it was done."""
        return self.error.code if self.error is not None else ""


class Orders(Protocol):
    """What may be asked of machines: ``machine`` is our name of it, ``name`` that of the property or action."""

    async def write(self, machine: str, name: str, wanted: Scalar, key: str = "") -> Answer: ...
    async def call(self, machine: str, name: str, key: str = "") -> Answer: ...
    async def read(self, machine: str, name: str) -> Answer: ...
    async def load(self, machine: str, job: str = "") -> Answer: ...
    async def start(self, machine: str, job: str = "") -> Answer: ...
