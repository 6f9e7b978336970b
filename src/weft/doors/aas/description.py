"""What this node can do, as the profiles of the specification name it.

IDTA-01002 v3.1.2 §12.11 (self-description). Both editions are named, 3.0 and 3.1: the specification allows it, and the
official engine looks for the former.
Not here: the addresses (``table.py``).
"""

from typing import Final

from starlette.responses import Response

from weft.doors.aas.call import Call, answer

_SERVICES: Final = {
    "AssetAdministrationShellRepository": (1, 2, 3), "AssetAdministrationShell": (1, 2),
    "SubmodelRepository": (1, 2, 5), "Submodel": (1, 2, 3), "ConceptDescriptionRepository": (1, 2),
    "AssetAdministrationShellRegistry": (1, 2, 3, 4, 5), "SubmodelRegistry": (1, 2, 3, 4), "Discovery": (1, 2),
    "AasxFileServer": (1,),
}
_ONLY_3_1: Final = frozenset({
    "AssetAdministrationShellRepository/3", "SubmodelRepository/5", "ConceptDescriptionRepository/2",
    "AssetAdministrationShellRegistry/3", "AssetAdministrationShellRegistry/4", "AssetAdministrationShellRegistry/5",
    "SubmodelRegistry/3", "SubmodelRegistry/4", "Discovery/2"})
PROFILES: Final = tuple(
    f"https://admin-shell.io/aas/API/3/{minor}/{service}ServiceSpecification/SSP-{number:03}"
    for minor in (0, 1) for service, numbers in _SERVICES.items() for number in numbers
    if minor or f"{service}/{number}" not in _ONLY_3_1)


async def description(_call: Call) -> Response:
    """GetSelfDescription."""
    return answer({"profiles": list(PROFILES)})
