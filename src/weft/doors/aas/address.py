"""Where a request goes: the tree of addresses of IDTA-01002, each with the methods that it knows.

IDTA-01002 v3.1.2 §12 (HTTP/REST). An address is read in segments, so that trailing slashes do no harm and what is
encoded within a segment stays in it.
Rule 1: a segment that stands in the table goes before a placeholder: ``$value`` is never an id.
Not here: what the addresses do (``table.py``).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Generic, TypeVar
from urllib.parse import unquote

from starlette.requests import Request

PREFIXES: Final = ("/api/v3.0", "/api/v3")  # of edition 3.0 and of 3.1
_ANY: Final = "{}"

H = TypeVar("H")


class Tree(Generic[H]):
    """Addresses such as ``shells/{shell}/$reference`` with their handlers by method."""

    def __init__(self, table: Iterable[tuple[str, Mapping[str, H]]]) -> None:
        self._root: dict[str, Any] = {}
        for address, methods in table:
            at: dict[str, Any] = self._root
            parts = address.split("/")
            for part in parts:
                at = at.setdefault(_ANY if part.startswith("{") else part, {})
            at["/"] = (methods, tuple(part[1:-1] for part in parts if part.startswith("{")))

    def find(self, parts: list[str]) -> tuple[Mapping[str, H], dict[str, str]] | None:
        """The methods of an address and what stands for its placeholders; None for an unknown one."""
        at, taken = self._root, list[str]()
        for part in parts:
            inner = at.get(part) if part not in ("/", _ANY) else None
            if inner is None:
                inner = at.get(_ANY)
                taken.append(part)
            if inner is None:
                return None
            at = inner
        if "/" not in at:
            return None
        methods, names = at["/"]
        return methods, dict(zip(names, taken, strict=True))


def segments(request: Request) -> tuple[str, list[str]]:
    """(prefix, the segments behind it) of the address of ``request``."""
    whole = request.scope.get("raw_path") or request.url.path.encode()
    path = whole.decode("latin-1").partition("?")[0].removeprefix(request.scope.get("root_path", ""))
    prefix = PREFIXES[0] if path.startswith(PREFIXES[0] + "/") else PREFIXES[-1]
    parts = path[len(prefix):].strip("/").split("/")
    return prefix, [unquote(part) for part in parts] if "%" in path else parts
