"""``weft up``: runs the node until it is told to stop; prints one ready line."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import click

from weft.cli.client import RUNNING
from weft.cli.options import found, home_argument, json_option
from weft.cli.words import say


@click.command("up", help=say("cli.up"))
@home_argument
@click.option("--host", default="", help=say("cli.up.host"))
@click.option("--port", type=click.IntRange(0, 65_535), default=None, help=say("cli.up.port"))
@click.option("--https-port", type=click.IntRange(0, 65_535), default=None, help=say("cli.up.https-port"))
@click.option("--database", default="", help=say("cli.up.database"))
@click.option("--dev-open", is_flag=True, help=say("cli.up.dev-open"))
@json_option
def command(
    home: Path | None, host: str, port: int | None, https_port: int | None, database: str, *, dev_open: bool,
    as_json: bool,
) -> None:
    """Run a node."""
    from weft import launch
    from weft.serving import Asked

    place = found(home)
    mark = place / RUNNING

    def ready(told: dict[str, Any]) -> None:
        _mark(mark, told)
        if dev_open:
            click.echo(say("cli.up.is-open"), err=True)
        click.echo(json.dumps(told, ensure_ascii=False) if as_json else say("cli.up.ready", **told))
        if told.get("secure") and not as_json:
            click.echo(say("cli.up.secure", **told))

    try:
        asked = Asked(host, -1 if port is None else port, -1 if https_port is None else https_port)
        launch.run(launch.up(place, asked, database=database, dev_open=dev_open, on_ready=ready))
    finally:
        _unmark(mark)


def _mark(mark: Path, told: dict[str, Any]) -> None:
    """Say beside weft.toml where the node answers, so that commands find it."""
    with contextlib.suppress(OSError):
        mark.write_text(json.dumps({"url": told["url"], "pid": os.getpid()}), encoding="utf-8")


def _unmark(mark: Path) -> None:
    """Take the note away if it is ours."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        if json.loads(mark.read_text(encoding="utf-8"))["pid"] == os.getpid():
            mark.unlink()
