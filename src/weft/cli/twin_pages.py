"""All twins of a running node, page by page, through its AAS API.

Not here: single twins (``twin_check.py``), files (``twin_files.py``).
"""

import json
from typing import Any, Final
from urllib.parse import urlencode

from weft.cli.client import Node

PAGE: Final = 500


def every(node: Node, path: str) -> list[Any]:
    """All pages below ``path``."""
    taken: list[Any] = []
    cursor = ""
    while True:
        query = urlencode({"limit": PAGE} | ({"cursor": cursor} if cursor else {}))
        page = json.loads(node.raw(f"{path}?{query}"))
        taken.extend(page["result"])
        cursor = (page.get("paging_metadata") or {}).get("cursor", "")
        if not cursor:
            return taken
