"""Our data: what this node holds and for how long, everything as a file, closing, erasing, and the receipts for it.

Rule 1: the file goes out by a button, never by a link, and is of one moment; it is built beside the node's own loop.
Not here: what is in the file (``engine/export.py``), when something may go (``engine/commands/keeping.py``).
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from weft import web
from weft.basis.errors import Unavailable, WeftError
from weft.doors.console.visit import HEADERS, Failed, Visit
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
    folder = Path(tempfile.mkdtemp(prefix="weft-export-"))
    file = folder / "export.zip"
    try:
        await asyncio.to_thread(asyncio.run, _written(snapshot, file))
    except WeftError as error:
        shutil.rmtree(folder, ignore_errors=True)
        visit.failed, visit.status = Failed("data-export", error, {}), web.status_of(error)
        return await page(visit)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    day = visit.zone.day(visit.now_ms)
    name = quote(f"weft-{visit.firm}-{day}.zip")
    return FileResponse(file, media_type="application/zip", headers={
        **HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True))


async def _written(snapshot: Any, file: Path) -> None:
    if snapshot is None:
        raise Unavailable("export.not-here")
    async with snapshot() as node:
        await exports.write(node, file)
