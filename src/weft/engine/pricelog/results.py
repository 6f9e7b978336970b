"""What an auditor has signed, and the seals of the files of an audit.

Rule 1: a result counts for the documents of the leaves that were audited, and only when all of them was found right.
Rule 2: who signed it shows itself: its key log is in it. Whether one relies on it is for who takes it in.
Not here: how it comes about (``auditing.py``), the plan (``pricing/audit.py``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Invalid, WeftError
from weft.engine.ports import Store
from weft.engine.receive import key_state
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.identity.keys import Signer, verify
from weft.tlog import proof

RESULT: Final = "price-audit-result/1"
AUDITS: Final = "price-audit"  # bucket: by seller and auditor, the newest result that was taken in
BYTES_MAX: Final = 256 * 1024 * 1024
_CODE: Final = "pricing.audit-file"


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the auditor ``by`` found of leaves ``first`` to before ``size`` of the price record of ``seller``.

    ``right``: documents whose price follows their book; ``exceptions``: said to be off the book; ``unknown``: nothing
    could be worked out; ``wrong``: contradicted, or not shown. ``faults``: how often the draw was not kept to.
    """

    weft: str
    plan: str
    seller: str
    by: str
    at: str
    first: int
    size: int
    documents: int
    right: int
    exceptions: int = 0
    unknown: int = 0
    wrong: int = 0
    faults: int = 0
    key_log: tuple[str, ...] = ()
    device: str = ""
    seal: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether all that was drawn was shown, and every price of it follows its book or says that it does not."""
        return self.documents > 0 and not (self.unknown or self.wrong or self.faults)

    def covers(self, seller: str, index: int) -> bool:
        """Whether it speaks for what leaf ``index`` of the record of ``seller`` binds it to."""
        return self.is_clean and self.seller == seller and self.first <= index < self.size


def parse_result(data: bytes) -> Result:
    """The result in ``data``, whose seal holds; raises ``Invalid('pricing.audit-file')``."""
    found: Result = read(data, Result)
    try:
        keys = key_state(found.by, found.key_log)
    except WeftError as error:
        raise Invalid(_CODE) from error
    if found.weft != RESULT or found.by == found.seller or not sealed_by(found, keys):
        raise Invalid(_CODE)
    return found


def read(data: bytes, kind: Any) -> Any:
    """The thing of ``kind`` in ``data``, in its one spelling; raises ``Invalid('pricing.audit-file')``."""
    if len(data) > BYTES_MAX:
        raise Invalid(_CODE)
    try:
        found = msgspec.convert(canonical.decode(data), kind)
        same = encode(found) == data
    except (Invalid, msgspec.ValidationError) as error:
        raise Invalid(_CODE) from error
    if not same:
        raise Invalid(_CODE)
    return found


def encode(thing: msgspec.Struct) -> bytes:
    """The bytes of a plan, a file or a result."""
    return canonical.encode(msgspec.to_builtins(thing))


def sealed(thing: Any, signer: Signer) -> Any:
    """``thing`` under the seal of ``signer``."""
    open_ = msgspec.structs.replace(thing, device=signer.public, seal="")
    return msgspec.structs.replace(open_, seal=b64(signer.sign(_to_seal(open_))))


def _to_seal(thing: Any) -> bytes:
    return digest(thing.weft, encode(msgspec.structs.replace(thing, seal="")))


def sealed_by(thing: Any, keys: KeyState) -> bool:
    """Whether a device of the firm with ``keys`` has sealed ``thing``."""
    device = keys.devices.get(thing.device)
    try:
        return (device is not None and device.scope == SCOPE_NODE
                and verify(thing.device, _to_seal(thing), unb64(thing.seal, 64)))
    except Invalid:
        return False


# ---- what was taken in -----------------------------------------------------------------------------


async def about(store: Store, seller: str, batch_proof: str) -> list[str]:
    """The results that we rely on and that speak for the leaf of ``batch_proof`` in the record of ``seller``."""
    held = [data.decode() for name, data in await store.values(AUDITS) if name.partition("/")[0] == seller]
    return [text for text in held if newest([text], seller, batch_proof)]


def newest(texts: Sequence[str], seller: str, batch_proof: str) -> str:
    """When the newest of the results ``texts`` was signed that speaks for the leaf of ``batch_proof``; "" none does.

    Raises ``Invalid('pricing.audit-file')`` for a text that is no signed result.
    """
    found = [parse_result(text.encode()) for text in texts]
    try:
        index = proof.parse(batch_proof.encode()).index
    except (Invalid, UnicodeEncodeError):
        return ""
    return max((one.at for one in found if one.covers(seller, index)), default="")
