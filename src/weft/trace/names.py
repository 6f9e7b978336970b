"""URIs for what has no GS1 key: firms, items, lots, places, orders; the same that the twins use as ids.

Rule 1: a name is percent-encoded, so that every name gives one valid URI and comes back unchanged.
Rule 2: an item with a GTIN is named by its GS1 Digital Link, lot included, as every scanner expects.
Not here: GS1 keys in EPC form (``epc.py``), twins (``twin/names.py``, which spells the same URIs).
"""

from typing import Final
from urllib.parse import quote

_GS1: Final = "https://id.gs1.org"


def uri(organisation: str, kind: str, name: str) -> str:
    """``urn:weft:{organisation}:{kind}:{name}``."""
    return f"urn:weft:{organisation}:{kind}:{quote(name, safe='')}"


def firm(organisation: str) -> str:
    """The party itself."""
    return f"urn:weft:{organisation}"


def site(organisation: str, name: str = "main") -> str:
    """A place of the firm."""
    return uri(organisation, "site", name)


def order_thread(thread: str) -> str:
    """The order that two firms share, by its thread."""
    return f"urn:weft:order:{thread}"


def document(event: str) -> str:
    """A document that was said in a thread, by its event id."""
    return f"urn:weft:document:{event}"


def item_class(organisation: str, item: str, gtin: str = "") -> str:
    """All pieces of an item."""
    return f"{_GS1}/01/{gtin.zfill(14)}" if gtin else uri(organisation, "item", item)


def lot_class(organisation: str, lot: str, gtin: str = "") -> str:
    """All pieces of a lot (a batch)."""
    return f"{_GS1}/01/{gtin.zfill(14)}/10/{quote(lot, safe='')}" if gtin else uri(organisation, "lot", lot)
