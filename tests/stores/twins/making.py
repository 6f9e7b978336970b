"""Small twins to store, and a store of them in a place of its own."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import msgspec

from weft.engine.twins.ports import Change, Cut, Kind, Where
from weft.stores.twins.applying import Kept
from weft.stores.twins.store import SqliteTwins


class Hands:
    """A clock that is set by hand; each look moves it by a millisecond."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        """Now."""
        self.ms += 1
        return self.ms


def opened(path: str = ":memory:", **more: Any) -> SqliteTwins:
    """A store at ``path``."""
    return SqliteTwins(path, more.pop("clock", None) or Hands(), kept=more.pop("kept", Kept()), **more)


def run(action: Coroutine[Any, Any, Any]) -> Any:
    """The result of ``action``."""
    return asyncio.run(asyncio.wait_for(action, 120))


async def turns(action: Any, rest_s: float = 0.001) -> tuple[Any, int]:
    """What ``action`` gives, and how often others had their turn meanwhile."""
    told = 0

    async def other() -> None:
        nonlocal told
        while True:
            told += 1
            await asyncio.sleep(rest_s)

    task = asyncio.create_task(other())
    found = await action
    task.cancel()
    return found, told


async def walked(store: SqliteTwins, where: Where, limit: int) -> tuple[list[str], int]:
    """Ids of all pages of submodels, and how many of these pages ended before they were full."""
    found, cut, after = [], 0, ""
    while True:
        rows = await store.page("submodel", after, limit, where)
        found += [row.id for row in rows]
        if isinstance(rows, Cut):
            assert rows.behind > after, "a page that ends early goes on"
            cut, after = cut + 1, rows.behind
        elif len(rows) < limit:
            return found, cut
        else:
            after = rows[-1].id


def encoded(document: Any) -> bytes:
    """Canonical enough for a store, which looks at no order of keys."""
    return msgspec.json.encode(document)


def semantic(value: str) -> dict[str, Any]:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def prop(name: str, value: str, kind: str = "xs:int", term: str = "") -> dict[str, Any]:
    """A Property; in a list ``name`` is ""."""
    made: dict[str, Any] = {"modelType": "Property", "valueType": kind, "value": value}
    return {**({"idShort": name} if name else {}), **({"semanticId": semantic(term)} if term else {}), **made}


def submodel(name: str, *elements: dict[str, Any], id_short: str = "Data", term: str = "urn:s:data") -> dict[str, Any]:
    made = {"modelType": "Submodel", "id": name, "idShort": id_short, "semanticId": semantic(term)}
    return {**made, "submodelElements": list(elements)} if elements else made


def shell(name: str, asset: str = "", **specific: str) -> dict[str, Any]:
    about = {"assetKind": "Instance", "globalAssetId": asset or f"{name}:asset"}
    others = [{"name": key, "value": value} for key, value in specific.items()]
    return {"modelType": "AssetAdministrationShell", "id": name, "idShort": "Pump",
            "assetInformation": {**about, **({"specificAssetIds": others} if others else {})}}


def put(kind: Kind, document: dict[str, Any], **more: Any) -> Change:
    """The change that makes ``document`` what stands."""
    return Change(kind, document["id"], encoded(document), **more)


async def chunks(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    """``content`` as it comes in."""
    for at in range(0, len(content), size):
        yield content[at:at + size]
