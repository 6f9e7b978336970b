"""Ids of twins: stable for as long as the thing keeps its name, and readable by people.

IDTA-01001 §5.3.2 (AASd-002: what an idShort may be), IDTA-01002 §11 (ids in addresses are base64url).
Rule 1: an id is computed from organisation, kind and name alone; the same thing has the same id for ever.
Rule 2: the plain URI is also what EPCIS events call the thing (``trace/names.py`` spells it alike).
Rule 3: an idShort whose name lost more than punctuation carries a digest of it; ``shorts`` keeps siblings apart.
Not here: what the shells hold.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid

KINDS: Final = ("firm", "item", "lot", "machine", "order", "purchase")  # sorted: the order of pages
SHORT_MAX: Final = 128
ID_MAX: Final = 2048  # characters, as metamodel 3.1 says
_SHORT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SEMANTICS: Final = "urn:weft:aas:1:"


def shell_id(organisation: str, kind: str, name: str) -> str:
    """``urn:weft:{organisation}:{kind}:{name}``."""
    return f"urn:weft:{organisation}:{kind}:{quote(name, safe='')}"


def asset_id(shell: str) -> str:
    """The id of the thing itself, as opposed to its shell."""
    return f"{shell}:asset"


def submodel_id(shell: str, id_short: str) -> str:
    """The id of a submodel beneath its shell."""
    return f"{shell}:{id_short}"


def read_shell(organisation: str, text: str) -> tuple[str, str] | None:
    """(kind, name) of a shell id of ``organisation``; None when it is no such id."""
    parts = text.split(":")
    if len(parts) != 5 or parts[:3] != ["urn", "weft", organisation] or parts[3] not in KINDS:
        return None
    name = unquote(parts[4], errors="replace")
    return (parts[3], name) if shell_id(organisation, parts[3], name) == text else None


def read_submodel(organisation: str, text: str) -> tuple[str, str, str] | None:
    """(kind, name, idShort) of a submodel id; None when it is no such id."""
    shell, _, id_short = text.rpartition(":")
    found = read_shell(organisation, shell)
    return (*found, id_short) if found and _SHORT.fullmatch(id_short) else None


def short(name: str, prefix: str = "") -> str:
    """``name`` as an idShort, with ``prefix`` when given."""
    plain = re.sub(r"[-. /]", "_", prefix + name)
    return plain if _SHORT.fullmatch(plain) and len(plain) <= SHORT_MAX else distinct(name, prefix)


def distinct(name: str, prefix: str = "") -> str:
    """An idShort that no other name has."""
    whole = prefix + name
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", whole).strip("_")[: SHORT_MAX - 20]
    if not plain or not plain[0].isalpha():
        plain = f"N_{plain}" if plain else "N"
    return f"{plain}_{hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()[:8]}"


def shorts(given: Iterable[str], prefix: str = "") -> dict[str, str]:
    """Each name of ``given`` with an idShort that none of the others has."""
    wanted = {name: short(name, prefix) for name in given}
    taken = Counter(wanted.values())
    return {name: one if taken[one] == 1 else distinct(name, prefix) for name, one in wanted.items()}


def semantic(name: str) -> str:
    """A semantic id of our own, where IDTA and IEC CDD have none."""
    return _SEMANTICS + name


def encode_id(text: str) -> str:
    """``text`` as it stands in an address."""
    return b64(text.encode())


@lru_cache(1024)
def decode_id(text: str) -> str:
    """The id behind its base64url form, with or without padding.

    Raises ``Invalid('twin.id')``, ``Invalid('twin.id-long')``.
    """
    found = decode_text(text)
    if not found:
        raise Invalid("twin.id", value=text[:80])
    if len(found) > ID_MAX:
        raise Invalid("twin.id-long", count=len(found), limit=ID_MAX)
    return found


def decode_text(text: str) -> str:
    """Whatever stands behind a base64url form, with or without padding; "" where it is none."""
    try:
        return unb64(text.rstrip("=") if text.count("=") <= 2 else text).decode()
    except (Invalid, UnicodeDecodeError):
        return ""
