"""Our data: what this node holds and for how long, everything as a file, closing, erasing, and the receipts for it.

Rule 1: the file goes out by a button, never by a link, and is of one moment; it is built beside the node's own loop.
Rule 2: nothing of it stays: it holds what may be erased tomorrow.
Not here: what is in the file (``engine/export.py``), when something may go (``engine/commands/keeping.py``).
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from weft import web
from weft.basis.errors import Unavailable, WeftError
from weft.doors.console.visit import HEADERS, Failed, Visit
from weft.engine import beside
from weft.engine import export as exports
from weft.engine.erasure import REASONS


async def page(visit: Visit) -> Response:
    """What we hold, what can be closed or erased, and what was."""
    reasons = [(one, visit.text(f"data.reason.{one}")) for one in REASONS]
    return await visit.page("data.html", tab="data", live="order", view=await visit.view("data"),
                            reasons=reasons, chosen=visit.asked("order")[:60])


async def export(visit: Visit) -> Response:
    """Everything that we hold, as one file."""
    snapshot = visit.node.snapshot
    try:
        file: BinaryIO = await asyncio.to_thread(asyncio.run, _written(snapshot))
    except WeftError as error:
        visit.failed, visit.status = Failed("data-export", error, {}), web.status_of(error)
        return await page(visit)
    day = visit.zone.day(visit.now_ms)
    name = quote(f"weft-{visit.firm}-{day}.zip")
    return StreamingResponse(_pieces(file), media_type="application/zip", headers={
        **HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Content-Length": str(os.fstat(file.fileno()).st_size)})


async def _written(snapshot: Any) -> BinaryIO:
    """The file, which has no name any more: whatever becomes of the visit, it is gone with it."""
    if snapshot is None:
        raise Unavailable("export.not-here")
    try:
        async with snapshot() as node:
            folder = Path(tempfile.mkdtemp(prefix=beside.SNAPSHOT, dir=node.twins.scratch))
            try:
                await exports.write(node, folder / "export.zip")
                return (folder / "export.zip").open("rb")
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise Unavailable("export.not-writable", path=str(error.filename or ""), reason=error.strerror or "") from error


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, exports.PIECE):
            yield piece
