"""IDTA submodel templates: what of the firm's records fills them, what is missing, and whether a submodel is as asked.

API (all pure):
    check        deviations(template, submodel): a submodel against a template file
    slots        what a template file asks for
    gaps         what a template asks for and the firm has not recorded
    nameplate contact technical structure series capabilities footprint calendar purchase processes handover
    interfaces mapping
                 one module for each template: its record, ``gaps`` of it, and ``build``
Rule 1: a template is claimed (its semantic id given) only where nothing that it makes mandatory is missing.
Not here: which book holds the records (``engine/twins``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weft.twin.elements import Json
from weft.twin.names import submodel_id
from weft.twin.templates import (
    calendar,
    capabilities,
    contact,
    footprint,
    handover,
    interfaces,
    mapping,
    nameplate,
    processes,
    purchase,
    series,
    structure,
    technical,
)
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import Party

__all__ = ["BUILDERS", "Gap", "build", "files", "missing", "names", "record"]

BUILDERS: Final[Mapping[type, Any]] = {  # record -> what builds it
    Party: contact,
    nameplate.Product: nameplate,
    technical.Data: technical,
    structure.Bill: structure,
    series.Series: series,
    capabilities.Abilities: capabilities,
    footprint.Footprint: footprint,
    calendar.Calendar: calendar,
    purchase.Purchase: purchase,
    processes.Routing: processes.Planned,
    processes.Run: processes.Executed,
    handover.Papers: handover,
    interfaces.Described: interfaces,
    mapping.Mapped: mapping,
    mapping.Related: mapping.Relations,
}


def names(records: Sequence[Any]) -> tuple[str, ...]:
    """The idShorts of the templates that ``records`` fill, sorted."""
    return tuple(sorted(BUILDERS[type(one)].ID_SHORT for one in records if not BUILDERS[type(one)].gaps(one)))


def record(records: Sequence[Any], id_short: str) -> Any:
    """The record that fills the template ``id_short``, or None when none does."""
    found = next((one for one in records if BUILDERS[type(one)].ID_SHORT == id_short), None)
    return None if found is None or BUILDERS[type(found)].gaps(found) else found


def build(shell: str, records: Sequence[Any], id_short: str) -> Json | None:
    """The submodel ``id_short`` of ``shell``, or None when no record fills it."""
    found = record(records, id_short)
    built: Json | None = None
    if found is not None:
        built = BUILDERS[type(found)].build(submodel_id(shell, id_short), found)
    return built


def missing(records: Sequence[Any]) -> list[Gap]:
    """What has to be entered before the templates of ``records`` can be claimed."""
    return [gap for one in records for gap in BUILDERS[type(one)].gaps(one)]


def files(records: Sequence[Any], id_short: str) -> Mapping[str, bytes]:
    """What the File elements of the submodel ``id_short`` name, by their value; only what lies within this node."""
    found = record(records, id_short)
    held: Mapping[str, bytes] = {}
    if isinstance(found, calendar.Calendar):
        held = calendar.files(found)
    if isinstance(found, interfaces.Described):
        held = interfaces.files(found)
    return held
