"""Drawings that operations are worked by: files by their checksum, in the node's own store.

Rule 1: a file is what its bytes say, never what its name says; only pictures and PDF are kept.
Rule 2: content-addressed: the same drawing at ten operations lies here once, and goes with the last of them.
Rule 3: a worker's phone is given the drawings of jobs that are open, nothing else.
Not here: which operation has which (``production/reported.py``), HTTP (``doors/console``).
"""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, Final

from weft.basis.errors import Invalid, NotFound
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.production.reported import Instruction, operation_key
from weft.production.state import FINISHED

FILES: Final = "drawing"  # bucket: SHA-256 in hex -> the file
BYTES_MAX: Final = 6 * 1024 * 1024
_MAGIC: Final = ((b"%PDF-", 0, "application/pdf"), (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
                 (b"\xff\xd8\xff", 0, "image/jpeg"), (b"WEBP", 8, "image/webp"), (b"GIF8", 0, "image/gif"))


def media_of(data: bytes) -> str:
    """What ``data`` is by its first bytes; raises ``Invalid('work.drawing-kind')`` or ``('work.drawing-size')``."""
    if len(data) > BYTES_MAX:
        raise Invalid("work.drawing-size", limit=BYTES_MAX // (1024 * 1024))
    for magic, at, media in _MAGIC:
        if data[at:at + len(magic)] == magic:
            return media
    raise Invalid("work.drawing-kind")


async def keep(node: Node, data: bytes) -> tuple[str, str]:
    """Keep ``data``; its checksum and what it is."""
    media, name = media_of(data), sha256(data).hexdigest()
    await node.store.commit(Batch(values=[(FILES, name, data)]))
    return name, media


async def sweep(node: Node, name: str) -> None:
    """Let the file go if no operation has it any more."""
    state = await node.book_state("production")
    if name and all(one.file != name for one in state.instructions.values()):
        await node.store.commit(Batch(values=[(FILES, name, None)]))


async def drawing(node: Node, name: str, *, worker: bool = False) -> tuple[Instruction, bytes]:
    """The drawing with this checksum and its bytes; raises ``NotFound('work.drawing-unknown')`` (Rule 3)."""
    state = await node.book_state("production")
    shown = _open(state) if worker else None
    for key, one in state.instructions.items():
        if one.file == name and (shown is None or key in shown):
            data = await node.store.value(FILES, name)
            if data is not None:
                return one, data
    raise NotFound("work.drawing-unknown")


async def all_of(node: Node) -> AsyncIterator[tuple[str, bytes]]:
    """Every drawing as a file of an export: its name there, and its bytes."""
    state = await node.book_state("production")
    for name, media in sorted({(one.file, one.media) for one in state.instructions.values() if one.file}):
        data = await node.store.value(FILES, name)
        if data is not None:
            yield f"drawings/{name}.{media.rpartition('/')[2]}", data


def _open(state: Any) -> set[str]:
    """Keys of operations (and whole items) of which a job is open."""
    return {operation_key(job.item, number) for job in state.jobs.values() if job.state not in FINISHED
            for number in (0, job.operation)}
