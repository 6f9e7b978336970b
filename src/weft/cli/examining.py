"""What can be looked at in a home from outside, and how to mend what is wrong.

Rule 1: looking changes nothing; each finding is one sentence with its remedy.
Not here: the command (``doctor.py``), what a running node says of itself (``running.py``).
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from weft.basis.errors import WeftError
from weft.cli.client import Node
from weft.cli.clocks import clock
from weft.cli.finding import Finding, told
from weft.cli.running import running
from weft.cli.securing import https
from weft.cli.words import refusal

FREE_BYTES_MIN: Final = 500 * 1024 * 1024


def examine(home: Path) -> Iterator[Finding]:
    """All findings, in the order in which they should be mended."""
    from weft import launch

    place = launch.Home(home)
    try:
        config = place.config()
    except WeftError as error:
        yield Finding("bad", "settings", refusal(error))
        return
    yield told("good", "settings", path=place.settings)
    yield from _modes(place)
    yield told("warning" if place.recovery_sheet.exists() else "good", "sheet", path=place.recovery_sheet)
    free = shutil.disk_usage(home).free
    yield told("good" if free > FREE_BYTES_MIN else "warning", "disk", free=free // 1024**2)
    if not config.firm.url:
        yield told("warning", "url", path=place.settings)
    yield from clock(place, config)
    yield from _own_network(place, config)
    yield from https(place, config)
    try:
        view = Node(home).view("health")
    except (WeftError, click.ClickException):
        yield told("good", "stopped")
        yield from _database(place, config)
        yield _port(config.listen.host, config.listen.port)
    else:
        yield from running(view)


def _own_network(place: Any, config: Any) -> Iterator[Finding]:
    """Partners name their addresses themselves: from outside they should name none in our own network."""
    from weft.peers.guard import Reach, allowed

    if config.peers.allow_private == "always" and allowed(
            "auto", config.firm.url, config.listen.host) is Reach.PUBLIC:
        yield told("warning", "private", url=config.firm.url, path=place.settings)


def _modes(place: Any) -> Iterator[Finding]:
    """Secrets are for their owner alone."""
    if os.name != "posix":
        return
    https_keys = sorted(place.device.parent.glob("https*.pem"))
    for path in (place.path, place.device.parent, place.device, place.owner_token, *https_keys):
        if not path.exists():
            yield told("bad", "missing", path=path)
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield told("bad", "open", path=path, mode="700" if path.is_dir() else "600")


def _database(place: Any, config: Any) -> Iterator[Finding]:
    from weft import launch
    from weft.stores.sqlite_file import MAIN
    from weft.stores.twins.store import DIALECT

    if config.storage.database:
        return
    path = place.path / launch.DATABASE
    if not path.exists():
        yield told("bad", "missing", path=path)
        return
    yield _sound(path, MAIN)
    twins = path.with_name(launch.TWINS)
    if twins.exists():
        yield _sound(twins, DIALECT)


def _sound(path: Path, dialect: str) -> Finding:
    from weft.stores.sqlite_file import DatabaseFile

    try:
        file = DatabaseFile(str(path), dialect=dialect)
    except WeftError as error:
        return Finding("bad", "database", refusal(error))
    try:
        state = file.check()
    finally:
        file.close()
    return told("good" if state == "ok" else "bad", "database", path=path, detail=state[:120])


def _port(host: str, port: int) -> Finding:
    from weft import serving

    try:
        serving.bind(host, port).close()
    except WeftError as error:
        return Finding("bad", "port", refusal(error))
    return told("good", "port", host=host, port=port)
