"""A running node as the command line sees it: its JSON API, with the home's own token.

RFC 9457 problem details in answers. Rule 1: only the node at this home is spoken to, and no proxy in between.
Not here: printing (``printing.py``), what the API offers (``doors/api``).
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any, Final, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

import click

from weft.basis.errors import Denied, Invalid, NotFound, Unavailable
from weft.cli.words import harmless, language

RUNNING: Final = "run.json"  # beside weft.toml while the node runs: where it answers
TIMEOUT_S: Final = 60


class Told(click.ClickException):
    """What the node answered instead of doing it."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the sentence alone."""
        click.echo(harmless(self.message), err=True, file=file)


class Node:
    """The running node at ``home``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._opener = build_opener(ProxyHandler({}))

    def view(self, name: str, /, **params: str) -> Any:
        """GET one view."""
        query = "?" + urlencode(params) if params else ""
        return self._call("GET", f"/{quote(name)}{query}", None)

    def do(self, name: str, /, **params: Any) -> Any:
        """POST one command; the same call is never carried out twice."""
        return self._call("POST", f"/commands/{quote(name)}", json.dumps(params).encode())

    def raw(self, path: str) -> bytes:
        """The bytes at any other path of this node."""
        return self._send("GET", path, None)

    def download(self, path: str, target: IO[bytes]) -> int:
        """Write what lies at ``path`` of this node into ``target``, piece by piece; how many bytes."""
        with self._answer("GET", path, None) as answer:
            copyfileobj(answer, target)
        return target.tell()

    def _call(self, method: str, path: str, body: bytes | None) -> Any:
        return json.loads(self._send(method, f"/api/weft/v1{path}", body) or b"null")

    def _send(self, method: str, path: str, body: bytes | None) -> bytes:
        with self._answer(method, path, body) as answer:
            return bytes(answer.read())

    @contextmanager
    def _answer(self, method: str, path: str, body: bytes | None) -> Iterator[Any]:
        headers = {"Authorization": f"Bearer {self.token()}", "Accept-Language": language()}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        request = Request(self.url() + path, data=body, method=method, headers=headers)  # noqa: S310 - http of this home
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                yield answer
        except HTTPError as error:
            refused(error)
        except (URLError, OSError) as error:
            raise Unavailable("cli.node-not-running", home=str(self.home)) from error

    def url(self) -> str:
        """Where the node answers: as it wrote when it started, else as weft.toml says."""
        from weft.launch import Home

        config = Home(self.home).config()
        try:
            return str(json.loads((self.home / RUNNING).read_text(encoding="utf-8"))["url"])
        except (OSError, ValueError, KeyError):
            host = "127.0.0.1" if config.listen.host in ("0.0.0.0", "::", "") else config.listen.host  # noqa: S104 - no bind
            return f"http://{f'[{host}]' if ':' in host else host}:{config.listen.port}"

    def token(self) -> str:
        """The home's own token; raises ``NotFound`` or ``Denied``."""
        path = self.home / "keys" / "owner.token"
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            raise NotFound("home.missing", path=str(self.home)) from error
        except OSError as error:
            raise Denied("cli.token-unreadable", path=str(path)) from error


def refused(error: HTTPError) -> NoReturn:
    """Raise what the node said."""
    try:
        problem = json.loads(error.read())
        said = f"{problem.get('detail') or problem['title']} [{problem['code']}]"
    except (ValueError, KeyError, TypeError):
        raise Invalid("cli.not-a-node", status=error.code) from error
    raise Told(said) from error
