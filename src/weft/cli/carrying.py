"""Bundles for the command line: through the API of the running node, else from the home itself.

Rule 1: a file is there whole or not at all: it is written beside its place and moved there at the end.
Rule 2: no bundle is held in memory, neither coming nor going.
Not here: the command (``bundle.py``), what a bundle holds (``engine/bundles.py``).
"""

import http.client
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from weft.basis.errors import Invalid, Unavailable
from weft.cli.client import Node, refused
from weft.cli.words import language
from weft.engine import beside

STEP: Final = 256 * 1024
TIMEOUT_S: Final = 600


def exported(home: Path, partner: str, file: Path, *, everything: bool) -> int:
    """Write the bundle for ``partner`` to ``file``; its size. Raises ``WeftError``."""
    path = f"/api/weft/v1/bundles/{quote(partner, safe='')}" + ("?everything=true" if everything else "")
    try:
        with beside.alone(part := file.with_name(file.name + ".part"), file, mode=0o666):
            answer = asked(home, path)
            if answer is None:
                at_rest(home, _write(partner, part, everything=everything))
            else:
                with answer, part.open("wb") as target:
                    while piece := answer.read(STEP):
                        target.write(piece)
            part.replace(file)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("cli.bundle-unwritten", path=str(file), reason=str(error)[:120]) from error
    return file.stat().st_size


def imported(home: Path, file: Path) -> dict[str, Any]:
    """Take ``file`` in; what became of it. Raises ``WeftError``."""
    from weft.thread.bundle import BYTES_MAX

    try:
        if (size := file.stat().st_size) > BYTES_MAX:
            raise Invalid("bundle.too-large", limit=BYTES_MAX)
        with file.open("rb") as source:
            answer = asked(home, "/api/weft/v1/bundles", source, size)
    except OSError as error:
        raise Invalid("cli.bundle-unreadable", path=str(file), reason=str(error)[:120]) from error
    if answer is None:
        return dict(at_rest(home, _read(file)))
    with answer:
        return dict(json.loads(answer.read()))


def asked(home: Path, path: str, body: Any = None, length: int = 0) -> Any:
    """The answer of the running node as a stream; None when no node runs at ``home``."""
    node = Node(home)
    headers = {"Authorization": f"Bearer {node.token()}", "Accept-Language": language()}
    if body is not None:
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
    request = Request(node.url() + path, data=body, headers=headers)  # noqa: S310 - http of this home
    try:
        return build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        refused(error)
    except URLError as error:
        if isinstance(error.reason, ConnectionRefusedError):
            return None
        raise Unavailable("cli.node-not-running", home=str(home)) from error


def at_rest(home: Path, work: Any) -> Any:
    """What ``work`` does with the node of a home that does not run."""
    from weft import launch

    async def done() -> Any:
        async with launch.at_rest(launch.Home(home)) as node:
            return await work(node)

    return launch.run(done())


def _write(partner: str, part: Path, *, everything: bool) -> Any:
    async def work(node: Any) -> None:
        from weft.engine import bundles

        pieces = await bundles.export(node, await bundles.find(node, partner), everything=everything)
        with part.open("wb") as target:
            async for piece in pieces:
                target.write(piece)

    return work


def _read(file: Path) -> Any:
    async def work(node: Any) -> Any:
        from weft.engine import bundles

        report = await bundles.import_(node, _pieces(file))
        await bundles.acknowledge_all(node)
        return msgspec.to_builtins(report)

    return work


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(STEP):
            yield piece
