"""A slip as text for a QR code: ``WEFT-SLIP:1.<canonical bytes, raw deflate, base64url>.<signature>``.

Raw deflate is RFC 1951; the text is 7-bit and at most what a QR code of version 40, level M, holds.
Rule 1: what is inflated is counted while it is inflated; nothing may follow the end of the deflated bytes.
Rule 2: many texts may stand for one slip; its hash does not depend on how it was deflated.
Not here: drawing the code (``figures.py`` of the console, ``static/core/qr.js`` of the till).
"""

import re
import zlib
from typing import Final

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid
from weft.till.slip import SLIP_BYTES_MAX, Signed, parse

PREFIX: Final = "WEFT-SLIP:"
VERSION: Final = "1"
TEXT_MAX: Final = 2_331  # version 40, level M, bytes
_TEXT: Final = re.compile(r"WEFT-SLIP:([0-9]{1,4})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def encode(signed: Signed) -> str:
    """The text of ``signed``; raises ``Invalid('slip.qr-too-long')`` when no one code holds it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packer.compress(signed.slip.canonical) + packer.flush()
    text = f"{PREFIX}{VERSION}.{b64(deflated)}.{signed.signature}"
    if len(text) > TEXT_MAX:
        raise Invalid("slip.qr-too-long", length=len(text), limit=TEXT_MAX)
    return text


def decode(text: str) -> Signed:
    """The slip in ``text``, with blanks around it allowed; nothing of it is verified.

    Raises ``Invalid``: ``slip.qr-not-one``, ``slip.qr-version``, ``slip.qr-damaged``, and what ``slip.parse`` raises.
    """
    parts = _TEXT.fullmatch(text.strip()) if len(text) <= 2 * TEXT_MAX else None
    if parts is None:
        raise Invalid("slip.qr-not-one")
    version, deflated, signature = parts.groups()
    if version != VERSION:
        raise Invalid("slip.qr-version", version=version)
    return Signed(slip=parse(_inflated(deflated)), signature=signature)


def _inflated(text: str) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        data = unpacker.decompress(unb64(text), SLIP_BYTES_MAX + 1)
    except (Invalid, zlib.error):
        raise Invalid("slip.qr-damaged") from None
    if len(data) > SLIP_BYTES_MAX:
        raise Invalid("slip.too-large", limit=SLIP_BYTES_MAX)
    if not unpacker.eof or unpacker.unused_data:
        raise Invalid("slip.qr-damaged")
    return data
