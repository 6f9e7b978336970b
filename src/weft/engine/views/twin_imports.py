"""Files of twins that are being taken in now, however they came: by console, command line or a program.

Not here: how they are stopped (``engine/commands/twins.py``).
"""

from typing import Any

from weft.engine.twins.underway import Import
from weft.engine.views.shape import View


class TwinImportsView(View, frozen=True, kw_only=True):
    """Each import that is under way, and how far it is."""

    imports: tuple[Import, ...]


async def twin_imports(node: Any) -> TwinImportsView:
    """All of this moment."""
    return TwinImportsView(imports=node.twins.imports.now())
