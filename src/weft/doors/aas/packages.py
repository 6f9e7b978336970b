"""The file server: AASX packages as they were brought.

IDTA-01002 v3.1.2 §12.10 (AASX file server). The media type is that of 3.1, or of 3.2 where it is asked for.
Rule 1: a package is kept as it is; nothing in it is taken into the repository by this door.
Rule 2: what is no package that can be opened is not kept, nor one under the id of a shell that it does not hold.
Not here: importing and exporting (``engine/twins/exchange.py``, ``serialization.py``).
"""

import asyncio
import re
import secrets
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

import msgspec
from starlette.datastructures import FormData
from starlette.responses import Response

from weft.basis.errors import Invalid
from weft.doors.aas import asked
from weft.doors.aas.attachments import named, pieces, sent
from weft.doors.aas.call import Call, answer, done, paged, uploaded
from weft.engine.twins.ports import Where
from weft.engine.twins.repository import PACKAGE_TYPE
from weft.twin.aasx.reading import Package
from weft.twin.elements import Json
from weft.twin.names import ID_MAX, decode_id, encode_id

_TYPE_3_2: Final = "application/aas+zip"
_TEXT: Final = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")  # what the metamodel can write
IDS_MAX: Final = 1000
NAME_MAX: Final = 255


def _described(body: bytes) -> Json:
    known = msgspec.json.decode(body)
    return {"aasIds": known["aasIds"], "packageId": known["packageId"]}


async def page(call: Call) -> Response:
    """GetAllAASXPackageIds."""
    given = call.request.query_params.get("aasId")
    where = Where(assets=(("aasId", decode_id(given)),)) if given is not None else Where()
    found = await call.twins.page("package", asked.cursor(call.request), asked.page_size(call.request), where)
    return answer(paged([_described(row.body) for row in found.rows], found.cursor))


async def create(call: Call) -> Response:
    """PostAASXPackage."""
    name = secrets.token_urlsafe(12)
    told, _ = await _keep(call, name)
    return answer(told, 201, {"Location": call.href("packages", encode_id(name))})


async def _keep(call: Call, name: str) -> tuple[Json, bool]:
    """(what is told of the package, whether there was none)."""
    async with call.form() as form:
        file = uploaded(form)
        title = str(form.get("fileName") or file.filename or "package.aasx")[:NAME_MAX]
        ids = _ids(form)
        await asyncio.to_thread(_readable, file.file, title, ids)
        made = await call.twins.keep_package(name, ids, title, pieces(file))
    return {"aasIds": ids, "packageId": name}, made


def _readable(file: BinaryIO, title: str, ids: Sequence[str]) -> None:
    """Raises ``Invalid`` (``aasx.…``) for what is no package, ``('twin.not-in-package')`` for a shell not in it."""
    package = Package(file, title)
    try:
        if not package.packed:
            raise Invalid("aasx.not-zip", reason="no zip")
        sought = set(ids)
        for found in package.documents() if sought else ():
            sought.discard(found.document.id if found.document.tag == "assetAdministrationShell" else "")
            if not sought:
                break
        if sought:
            raise Invalid("twin.not-in-package", id=min(sought)[:200])
    finally:
        package.close()
        file.seek(0)


def _ids(form: FormData) -> list[str]:
    """``aasIds``: given several times, with commas between, or as a JSON list."""
    found: list[Any] = []
    for one in form.getlist("aasIds"):
        text = str(one)
        if text.lstrip().startswith("["):
            try:
                found += msgspec.json.decode(text, type=list[str])
            except msgspec.DecodeError as error:
                raise Invalid("twin.parameter", name="aasIds", value=text[:40], words="[id, …]") from error
        else:
            found += [part.strip() for part in text.split(",") if part.strip()]
    if len(found) > IDS_MAX or not all(len(one) <= ID_MAX and _TEXT.fullmatch(one) for one in found):
        raise Invalid("twin.parameter", name="aasIds", value=f"{len(found)}", words=f"<= {IDS_MAX}")
    return found


async def get(call: Call) -> Response:
    """GetAASXByPackageId."""
    file = await call.twins.package(call.id("package"))
    answered = sent(file)
    newer = _TYPE_3_2 in call.request.headers.get("accept", "")
    answered.headers["Content-Type"] = _TYPE_3_2 if newer else PACKAGE_TYPE
    answered.headers["X-FileName"] = named(file.name)["Content-Disposition"].rpartition("''")[2]
    return answered


async def put(call: Call) -> Response:
    """PutAASXByPackageId."""
    name = call.id("package")
    told, made = await _keep(call, name)
    return answer(told, 201, {"Location": call.href("packages", encode_id(name))}) if made else done()


async def delete(call: Call) -> Response:
    """DeleteAASXByPackageId."""
    await call.twins.delete("package", call.id("package"))
    return done()
