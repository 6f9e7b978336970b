"""What happened to a twin as a CloudEvent: the same whether it is asked for, followed or delivered.

CloudEvents 1.0.2 (JSON format); types after ``io.admin-shell.events.v1``.
Rule 1: an event says what changed and where that is read, never what it is now.
Not here: what is a change (``changes.py``), who hears of it (``hearing.py``), how it travels (``doors/aas/events.py``,
``delivering.py``).
"""

from typing import Any, Final
from urllib.parse import quote

from weft.engine.twins.hearing import Hearing
from weft.engine.twins.ports import Told
from weft.twin.elements import Json
from weft.twin.names import encode_id

EVENT: Final = "io.admin-shell.events.v1."
LOST: Final = "weft.events.v1.lost"  # changes are no longer known: what was kept of the twins is to be read anew
TEST: Final = "weft.events.v1.test"  # the owner wants to see whether anything arrives
_FOLDERS: Final = {"shell": "shells", "submodel": "submodels", "concept": "concept-descriptions",
                   "shell-descriptor": "shell-descriptors", "submodel-descriptor": "submodel-descriptors",
                   "package": "packages", "links": "lookup/shells"}
_SCHEMA: Final = "https://admin-shell.io/aas/3/1/"
_CLASSES: Final = {"shell": "AssetAdministrationShell", "submodel": "Submodel", "concept": "ConceptDescription"}


def event(base: str, hearing: Hearing, told: Told, place: int) -> Json:
    """``told`` for readers of the API at ``base``; ``place`` keeps those without a number apart."""
    source = f"{base}/{_FOLDERS[told.kind]}/{encode_id(told.id)}"
    if told.path:
        source += f"/submodel-elements/{quote(told.path)}"
    made = {"specversion": "1.0", "id": hearing.name(told.number) if told.number else f"{told.at}/{place}",
            "type": EVENT + told.type, "source": source, "subject": told.id, "time": told.at}
    name = "SubmodelElement" if told.path else _CLASSES.get(told.kind)
    return made | ({"dataschema": _SCHEMA + name} if name else {})


def about_delivery(base: str, kind: str, name: str, at: str, data: dict[str, Any]) -> Json:
    """An event about the delivery itself: ``LOST`` or ``TEST``, called ``name``."""
    return {"specversion": "1.0", "id": name, "type": kind, "source": f"{base}/events", "time": at,
            "datacontenttype": "application/json", "data": data}
