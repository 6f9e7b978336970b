"""What stands behind the operations of twins: functions of this node.

IDTA 02008-1-1 (Time Series Data: ReadRecords, ReadSegments).
Rule 1: only twins that follow from the books have functions: what somebody wrote does nothing here.
Not here: checking what is asked for, waiting for it (``operations.py``), what a series holds (``twin/templates``).
"""

from collections.abc import Mapping

from weft.engine.twins.operations import Asked, Find, Function
from weft.engine.twins.repository import Repository
from weft.twin.elements import Json
from weft.twin.templates.series import OPERATIONS


def functions(twins: Repository) -> Find:
    """The functions behind the operations of ``twins``."""

    async def read_series(asked: Asked) -> Mapping[str, Json]:
        name = asked.operation["idShort"]
        outputs = await twins.derived.invoke(asked.submodel["id"], name, list(asked.given.values()))
        return {one["idShort"]: one for one in outputs}

    def find(submodel: Json, operation: Json) -> Function | None:
        if not twins.owns(submodel["id"]):
            return None
        return read_series if operation.get("idShort") in OPERATIONS else None

    return find
