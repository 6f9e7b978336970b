"""Files that belong to twins: what a File or Blob holds, and the picture of an asset.

IDTA-01002 v3.1.2 §12.5 (file by path), §12.3 (thumbnail).
Rule 1: a file is streamed, in and out; none is ever held whole.
Rule 2: what is answered as an attachment is downloaded, never shown: a page that somebody stored must not run here.
Not here: packages (``packages.py``), where files rest (``stores/twins``).
"""

import base64
import mimetypes
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from weft.basis.errors import Invalid, NotFound
from weft.doors.aas import shells
from weft.doors.aas.call import Call, done, uploaded
from weft.doors.aas.submodels import id_of, read
from weft.engine.twins.ports import File, media_type
from weft.twin.paths import resolve

_PIECE: Final = 256 * 1024
_BYTES: Final = "application/octet-stream"
_TYPES: Final = mimetypes.MimeTypes()  # those that Python knows, whatever else this machine does
_SAFE: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Cache-Control": "no-store"}


def sent(file: File, name: str = "") -> Response:
    """``file`` as it is kept."""
    headers = {**_SAFE, **named(name or file.name), "Content-Length": str(file.size)}
    return StreamingResponse(file.chunks(), 200, headers, file.content_type or "application/octet-stream")


def named(name: str) -> dict[str, str]:
    """How a browser calls what it saves (RFC 6266)."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name or 'file', safe='')}"}


async def pieces(file: UploadFile) -> AsyncIterator[bytes]:
    """The content of ``file``."""
    while piece := await file.read(_PIECE):
        yield piece


def kind_of(file: UploadFile, title: str) -> str:
    """The media type that the part declares; where it says no more than that these are bytes, that of its name."""
    said = file.content_type or _BYTES
    if said.partition(";")[0].strip().lower() != _BYTES:
        return said
    return _TYPES.guess_type(title)[0] or _TYPES.guess_type(file.filename or "")[0] or said


async def get(call: Call) -> Response:
    """GetFileByPath."""
    row, submodel = await read(call)
    element = resolve(submodel, call.path)
    if element["modelType"] == "Blob" and element.get("value"):
        data = base64.b64decode(element["value"])
        return Response(data, 200, {**_SAFE, **named(element.get("idShort", ""))},
                        media_type(element.get("contentType", "")))
    if element["modelType"] == "File":
        return sent(await call.twins.attachment(row.id, call.path))
    if element["modelType"] not in ("Blob", "File"):
        raise Invalid("twin.not-a-file", kind=element["modelType"])
    raise NotFound("twin.no-attachment", kind=element["modelType"])


async def put(call: Call) -> Response:
    """PutFileByPath."""
    name = await id_of(call)
    async with call.form() as form:
        file = uploaded(form)
        title = str(form.get("fileName") or file.filename or "file")[:255]
        kind = kind_of(file, title)
        return done(await call.twins.attach(name, call.path, pieces(file), kind, title))


async def delete(call: Call) -> Response:
    """DeleteFileByPath."""
    await call.twins.detach(await id_of(call), call.path)
    return Response(None, 200)


async def thumbnail(call: Call) -> Response:
    """GetThumbnail."""
    return sent(await call.twins.thumbnail(await shells.id_of(call)))


async def put_thumbnail(call: Call) -> Response:
    """PutThumbnail."""
    name = await shells.id_of(call)
    async with call.form() as form:
        file = uploaded(form)
        title = str(form.get("fileName") or file.filename or "thumbnail")[:255]
        kind = kind_of(file, title)
        return done(await call.twins.set_thumbnail(name, pieces(file), kind, title))


async def delete_thumbnail(call: Call) -> Response:
    """DeleteThumbnail."""
    return done(await call.twins.remove_thumbnail(await shells.id_of(call)))
