"""The templates that IDTA publishes, where this machine has them: ``WEFT_SHARED``/data and ``WEFT_TEMPLATES``.

Of six of them the outlines beside this stand in.
"""

import json
import os
from functools import cache
from pathlib import Path

from tests.twin.templates import outlines
from weft.twin.templates import BUILDERS
from weft.twin.templates.slots import joined

FOLDERS = (
    Path(os.environ.get("WEFT_TEMPLATES") or "/nowhere"),
    Path(os.environ.get("WEFT_SHARED") or Path(__file__).resolve().parents[4] / "shared") / "data" / "aas-templates",
)


@cache
def by_semantic():
    """Semantic id of a submodel -> the template file that defines it; the one with the most elements counts."""
    found = {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.json")):
            data = json.loads(path.read_text(encoding="utf-8"))
            for one in data.get("submodels", ()):
                name = joined(one.get("semanticId"))
                if len(one.get("submodelElements", ())) >= len(found.get(name, ({},))[0].get("submodelElements", ())):
                    found[name] = (one, path.name)
    return found


@cache
def published(id_short):
    """The published template of our submodel ``id_short``, or None when it is not there."""
    semantic = next(one.SEMANTIC for one in BUILDERS.values() if one.ID_SHORT == id_short)
    found = by_semantic().get(semantic)
    return {"submodels": [found[0]]} if found else None


def template(id_short):
    """The published template of our submodel ``id_short``, else its outline, else None."""
    return published(id_short) or outlines.template(id_short)
