"""Files of twins for the command line: through the API of the running node, else from the home itself.

Rule 1: a file is there whole or not at all: it is written beside its place and moved there at the end.
Rule 2: no file is held in memory, neither coming nor going.
Not here: the commands (``twin.py``), what becomes of a file (``engine/twins``).
"""

import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from weft.basis.errors import Invalid, Unavailable
from weft.cli.carrying import asked, at_rest
from weft.cli.client import Told

STEP: Final = 256 * 1024
HEADER: Final = "Weft-Exported"
Heard = Callable[[Mapping[str, Any]], None]  # as the lines of the API have it; stage "sending" while the file goes up


def imported(home: Path, file: Path, heard: Heard, *, report_only: bool) -> dict[str, Any]:
    """Take ``file`` in, or only report on it; what became of it. Raises ``WeftError`` or ``Told``."""
    query = urlencode({"name": file.name} | ({"report": "true"} if report_only else {}))
    try:
        with file.open("rb") as source:
            size = file.stat().st_size
            answer = asked(home, f"/api/weft/v1/twins/import?{query}", _Sent(source, size, heard), size)
            if answer is None:
                return dict(at_rest(home, _read(source, file.name, heard, report_only=report_only)))
    except OSError as error:
        raise Invalid("cli.file-unreadable", path=str(file), reason=str(error)[:120]) from error
    with answer:
        return _followed(answer, heard, file.name)


class _Sent:
    """A file that goes up; ``heard`` is told how much of it has gone."""

    def __init__(self, source: Any, size: int, heard: Heard) -> None:
        self._source = source
        self._size = size
        self._heard = heard
        self._sent = 0

    def read(self, size: int) -> bytes:
        """The next piece."""
        piece: bytes = self._source.read(max(size, STEP))
        self._sent += len(piece)
        self._heard({"done": 0, "stage": "sending", "bytes": self._sent, "of": self._size, "twins": 0})
        return piece


def _followed(answer: Any, heard: Heard, name: str) -> dict[str, Any]:
    try:
        for line in answer:
            told = json.loads(line)
            if "problem" in told:
                raise Told(f"{told['problem']['detail']} [{told['problem']['code']}]")
            if "imported" in told:
                return dict(told["imported"])
            heard(told)
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException) as error:
        raise Unavailable("cli.twin-unfinished", file=name, reason=f" ({str(error)[:120]})") from error
    raise Unavailable("cli.twin-unfinished", file=name, reason="")


def _read(source: Any, name: str, heard: Heard, *, report_only: bool) -> Any:
    async def work(node: Any) -> Any:
        from weft.engine.twins import importing

        done = await importing.take_in(node.twins, source, name, report_only=report_only,
                                       told=lambda now: heard(msgspec.to_builtins(now)))
        return msgspec.to_builtins(done)

    return work


def exported(home: Path, file: Path, ids: Sequence[str], form: str, version: str) -> dict[str, Any]:
    """Write twins to ``file``; what went out. Raises ``WeftError`` or ``Told``."""
    part = file.with_name(file.name + ".part")
    try:
        query = urlencode([*(("id", one) for one in ids), ("form", form), ("version", version)])
        answer = asked(home, f"/api/weft/v1/twins/export?{query}")
        if answer is None:
            done = at_rest(home, _write(part, ids, form, version))
        else:
            with answer, part.open("wb") as target:
                while piece := answer.read(STEP):
                    target.write(piece)
                done = json.loads(answer.headers.get(HEADER, "{}"))
        part.replace(file)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("cli.file-unwritten", path=str(file), reason=str(error)[:120]) from error
    finally:
        part.unlink(missing_ok=True)
    return dict(done)


def _write(part: Path, ids: Sequence[str], form: str, version: str) -> Any:
    async def work(node: Any) -> Any:
        from weft.engine.twins import exchange

        with part.open("wb") as target:
            return msgspec.to_builtins(await exchange.export(node.twins, target, ids, form=form, version=version))

    return work
