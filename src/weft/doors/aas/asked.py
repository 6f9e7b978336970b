"""What is asked: the parameters of a request, checked before anything is read.

IDTA-01002 §11.3 (level, extent, limit, cursor, assetIds).
Rule 1: a parameter that is given is valid or refused; none is silently repaired.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request

from weft import web
from weft.basis.errors import Invalid
from weft.twin.elements import Json
from weft.twin.names import ID_MAX, decode_id, decode_text, encode_id

PAGE: Final = 100
PAGE_MAX: Final = 1000
ASSET_IDS_MAX: Final = 50
CURSOR_MAX: Final = 2 * ID_MAX  # characters: the longest id with where it stands, or the names of a trail


class SpecificAssetId(msgspec.Struct, frozen=True):
    """One name of an asset."""

    name: str
    value: str


def page_size(request: Request) -> int:
    """``limit``."""
    return web.page_size(request, "limit", PAGE, PAGE_MAX)


def cursor(request: Request) -> str:
    """The id behind which the page begins; "" for the first page."""
    text = request.query_params.get("cursor", "")
    found = decode_text(text)
    if bool(text) is not bool(found) or len(found) > CURSOR_MAX:
        raise Invalid("twin.cursor", value=text[:80])
    return found


def paged(result: list[Any], last: str = "") -> Json:
    """A page; ``last`` is the id of its last element when more follow."""
    return {"paging_metadata": {"cursor": encode_id(last)} if last else {}, "result": result}


def deep(request: Request) -> bool:
    """``level``: deep (default) or core."""
    return _one_of(request, "level", ("deep", "core")) == "deep"


def blobs(request: Request) -> bool:
    """``extent``: withBlobValue or withoutBlobValue (default)."""
    return _one_of(request, "extent", ("withoutBlobValue", "withBlobValue")) == "withBlobValue"


def view(request: Request) -> tuple[bool, bool]:
    """(``level`` is deep, ``extent`` is with blobs)."""
    return (deep(request), blobs(request)) if request.query_params else (True, False)


def truth(request: Request, name: str, *, default: bool) -> bool:
    """A parameter that is true or false."""
    words = ("true", "false") if default else ("false", "true")
    return _one_of(request, name, words, str.lower) == "true"


def _one_of(request: Request, name: str, words: tuple[str, ...], spelled: Callable[[str], str] = str) -> str:
    text = spelled(request.query_params.get(name, words[0]))
    if text not in words:
        raise Invalid("twin.parameter", name=name, value=text[:40], words=", ".join(words))
    return text


def asset_filter(request: Request) -> Callable[[Json], bool] | None:
    """Whether asset information carries every id in ``assetIds``; None when none are asked for."""
    wanted = asset_ids(request)
    if not wanted:
        return None

    def carries(asset: Json) -> bool:
        names = {(one["name"], one["value"]) for one in asset.get("specificAssetIds", ())}
        names.add(("globalAssetId", asset["globalAssetId"]))
        return all((one.name, one.value) in names for one in wanted)

    return carries


def asset_ids(request: Request) -> list[SpecificAssetId]:
    """All ``assetIds``: each base64url of JSON, given several times, with commas between, or as a list."""
    found: list[SpecificAssetId] = []
    for text in [part for value in request.query_params.getlist("assetIds") for part in value.split(",")]:
        try:
            read = msgspec.json.decode(decode_text(text).encode(), type=SpecificAssetId | list[SpecificAssetId])
        except (msgspec.DecodeError, RecursionError) as error:
            raise Invalid("twin.asset-id", value=text[:80]) from error
        found += read if isinstance(read, list) else [read]
        if len(found) > ASSET_IDS_MAX:
            raise Invalid("twin.asset-id", value=text[:80])
    return found


def id_list(request: Request, name: str) -> list[str] | None:
    """Ids in a parameter that may be given several times or with commas between; None when it is absent."""
    values = request.query_params.getlist(name)
    return [decode_id(part) for value in values for part in value.split(",")] if values else None


def semantic(text: str) -> str:
    """The id in a parameter such as ``semanticId``: base64url of a Reference, or of the plain id."""
    found = decode_text(text)
    if not found.startswith("{"):
        return decode_id(text)
    keys = web.from_json(found.encode(), dict[str, Any]).get("keys")
    last = keys[-1] if isinstance(keys, list) and keys else {}
    value = last.get("value") if isinstance(last, dict) else None
    if not isinstance(value, str) or not value:
        raise Invalid("twin.reference", value=found[:80])
    return value
