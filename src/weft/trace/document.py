"""Events wrapped for others: EPCISDocument and EPCISQueryDocument.

EPCIS 2.0 §10 (JSON-LD).
Not here: paging and headers (``doors/epcis``).
"""

from collections.abc import Sequence
from typing import Any, Final

from weft.trace.events import Event

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
SCHEMA_VERSION: Final = "2.0"


def document(events: Sequence[Event], created: str) -> dict[str, Any]:
    """``events`` as an EPCISDocument made at ``created``."""
    return {"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": SCHEMA_VERSION, "creationDate": created,
            "epcisBody": {"eventList": list(events)}}


def query_document(events: Sequence[Event], created: str, query: str = "SimpleEventQuery") -> dict[str, Any]:
    """``events`` as the answer to ``query``."""
    return {"@context": [CONTEXT], "type": "EPCISQueryDocument", "schemaVersion": SCHEMA_VERSION,
            "creationDate": created,
            "epcisBody": {"queryResults": {"queryName": query, "resultsBody": {"eventList": list(events)}}}}


def collection(members: Sequence[str]) -> dict[str, Any]:
    """A plain list of words, such as the event types that are known here."""
    return {"@context": [CONTEXT], "type": "Collection", "member": list(members)}
