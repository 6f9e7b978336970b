"""Forms: what a person typed becomes the parameters of a command, and the page shows how it went.

A field's name is the parameter's path (``lines.0.item``), with ``~`` before a key of the data (``quantities~1``);
a suffix says how people write it:
``@day`` a date of the firm's calendar (the end of that day), ``@number`` digits in any spelling, ``@file`` a file.
Rule 1: an empty field is left out, so that the command's own default holds; a line of empty fields is no line.
Rule 2: a refused form comes back with its error beside it and all that was typed; it is never half done.
Rule 3: each form carries a key, so that sending it twice does it once.
Not here: what a command does (``engine/commands``).
"""

import asyncio
import base64
import logging
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import Invalid, WeftError
from weft.basis.zone import Zone
from weft.doors.console.visit import Failed, Flash, Visit
from weft.engine import commands

FIELDS_MAX: Final = 2000
NAME_MAX: Final = 200
DEPTH_MAX: Final = 8
FILE_BYTES_MAX: Final = 8 * 1024 * 1024
STRANGERS_BYTES_MAX: Final = 4 * 1024  # megabytes of empty fields take seconds to read, and nobody else has a turn
LINES_MAX: Final = 500
_OWN: Final = frozenset({"key", "back", "then", "form"})
_DAY_MS: Final = 86_400_000
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # whoever sends nonsense would fill our log


Again = Callable[[Visit, str], Awaitable[Response | None]]


class Typed:
    """The fields of one form; ``own`` are those that steer the form itself."""

    def __init__(self, own: dict[str, str], fields: list[tuple[str, str | bytes]]) -> None:
        self.own = own
        self.fields = fields

    @property
    def shown(self) -> dict[str, str]:
        """What goes back into the form after a refusal."""
        return {name: value for name, value in self.fields if isinstance(value, str)}


async def read(request: Request, most: int = FILE_BYTES_MAX) -> Typed:
    """The form in ``request``; raises ``Invalid`` when it has more than ``most`` bytes."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or int(declared[:12]) > most:
        raise Invalid("web.body-too-large", limit=most)
    own: dict[str, str] = {}
    fields: list[tuple[str, str | bytes]] = []
    try:
        async with (asyncio.timeout(web.BODY_S), request.form(
                max_files=4, max_fields=FIELDS_MAX, max_part_size=FILE_BYTES_MAX) as form):
            for name, value in form.multi_items():
                if len(name) > NAME_MAX or name.count(".") > DEPTH_MAX:
                    raise Invalid("web.form-field", field=name[:60])
                if isinstance(value, UploadFile):
                    fields.append((name, await value.read()))
                    fields.append((name.replace("content@file", "name"), value.filename or ""))
                elif name in _OWN:
                    own[name] = value
                else:
                    fields.append((name, value))
    except TimeoutError as error:
        raise Invalid("web.body-slow", seconds=web.BODY_S) from error
    except (HTTPException, MultiPartException, UnicodeDecodeError) as error:
        raise Invalid("web.form-malformed") from error
    return Typed(own, fields)


def params(typed: Typed, zone: Zone) -> dict[str, Any]:
    """The nested parameters of ``typed``; raises ``Invalid`` naming the field."""
    tree: dict[str, Any] = {}
    for name, raw in typed.fields:
        path, _, kind = name.partition("@")
        value = _value(raw, kind, path, zone)
        if value != "":
            head, _, key = path.partition("~")
            _place(tree, [*head.split("."), *(["~" + key] if key else [])], value)
    return {name: _listed(value) for name, value in tree.items()}


def _value(raw: str | bytes, kind: str, where: str, zone: Zone) -> str:
    if isinstance(raw, bytes):
        return base64.b64encode(raw).decode()
    words = raw.strip()
    if not words:
        return ""
    if kind == "number":
        plain = unicodedata.normalize("NFKC", words).replace(",", "").replace(" ", "")
        return q.text(q.decimal(plain, where))
    if kind == "rows":  # a table that was typed: on a phone a comma is often the wide one
        return base64.b64encode(words.replace("，", ",").encode()).decode()
    if kind == "day":
        return _end_of_day(words, where, zone)
    return words


def _end_of_day(words: str, where: str, zone: Zone) -> str:
    return instant.from_ms(zone.ends(words, where) - 60_000)


def _place(tree: dict[str, Any], path: list[str], value: str) -> None:
    for part in path[:-1]:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            raise Invalid("web.form-field", field=".".join(path)[:60])
        tree = inner
    tree[path[-1]] = value


def _listed(value: Any) -> Any:
    """Tables whose keys are all numbers become lists; lines without any substance are left out."""
    if not isinstance(value, dict):
        return value
    inner = {name.removeprefix("~"): _listed(one) for name, one in value.items()}
    if any(name.startswith("~") for name in value) or not inner or not all(name.isdecimal() for name in inner):
        return inner
    lines = [inner[name] for name in sorted(inner, key=int)]
    if len(lines) > LINES_MAX:
        raise Invalid("web.form-field", field="lines")
    return [line for line in lines if not isinstance(line, dict) or set(line) - {"line", "unit"}]


async def do(visit: Visit, typed: Typed, command: str) -> tuple[str, Flash, list[dict[str, Any]]]:
    """Carry out ``command``: the thread that it was about, the word about it, and problems by row and column."""
    device = visit.request.state.device
    done = await commands.run(
        visit.node, command, params(typed, visit.zone), typed.own.get("key", ""),
        commands.Caller(device.scope, visit.person) if device is not None else web.OWNER, strict=False)
    told = {name: str(value) for name, value in done.facts.items() if isinstance(value, str | int)}
    problems = done.facts.get("problems", [])
    return done.thread, Flash(command, {"thread": done.thread, **told}), problems if isinstance(problems, list) else []


def local(address: str) -> str:
    """``address`` if it is one of this console's own, else the front page."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) and "\n" not in address else "/"


async def answer(visit: Visit, command: str, again: Again) -> Response:
    """Do what the posted form says; on refusal show its page again by ``again(visit, address)``."""
    typed = await read(visit.request)
    back = local(typed.own.get("back", "/"))
    try:
        _, flash, problems = await do(visit, typed, command)
        if problems:
            visit.problems = problems
            raise Invalid("import.problems", n=len(problems))
    except WeftError as error:
        visit.failed = Failed(typed.own.get("form", command), error, typed.shown)
        visit.status = web.status_of(error)
        response = await again(visit, back)
        if response is None:
            raise
        return response
    then = typed.own.get("then", "")
    for name, fact in flash.facts.items():
        then = then.replace(f"{{{name}}}", quote(fact, safe=""))
    return visit.go(local(then) if then else back, flash)
