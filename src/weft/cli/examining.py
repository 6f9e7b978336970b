"""What can be looked at in a home from outside, and how to mend what is wrong.

Rule 1: looking changes nothing; each finding is one sentence with its remedy.
Not here: the command (``doctor.py``), what a running node thinks of its partners (``weft view health``).
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import click
import msgspec

from weft.basis.errors import WeftError
from weft.cli.client import Node
from weft.cli.words import refusal, say

FREE_BYTES_MIN: Final = 500 * 1024 * 1024


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    grade: Literal["good", "warning", "bad"]
    check: str
    sentence: str


def examine(home: Path) -> Iterator[Finding]:
    """All findings, in the order in which they should be mended."""
    from weft import launch

    place = launch.Home(home)
    try:
        config = place.config()
    except WeftError as error:
        yield Finding("bad", "settings", refusal(error))
        return
    yield _told("good", "settings", path=place.settings)
    yield from _modes(place)
    yield _told("warning" if place.recovery_sheet.exists() else "good", "sheet", path=place.recovery_sheet)
    free = shutil.disk_usage(home).free
    yield _told("good" if free > FREE_BYTES_MIN else "warning", "disk", free=free // 1024**2)
    if not config.firm.url:
        yield _told("warning", "url", path=place.settings)
    try:
        view = Node(home).view("health")
    except (WeftError, click.ClickException):
        yield _told("good", "stopped")
        yield from _database(place, config)
        yield _port(config.listen.host, config.listen.port)
    else:
        yield from _running(view)


def examine_deeply(home: Path, told: Callable[[int], None]) -> Iterator[Finding]:
    """Every stored event checked again, beside a running node, too; ``told`` gets how much is done, of 1000."""
    from weft import launch
    from weft.cli.deep import deeply

    place = launch.Home(home)

    async def looked() -> Any:
        store = launch.open_store(place, place.config().storage.database, reading=True)
        try:
            return await deeply(store, lambda done, every: told(1_000 * done // max(every, 1)))
        finally:
            await store.close()

    try:
        result = launch.run(looked())
    except WeftError as error:
        yield Finding("bad", "deep", refusal(error))
        return
    for one in result["faults"]:
        yield _told("bad", "deep", **one)
    if not result["faults"]:
        yield _told("good", "deep", threads=result["threads"], events=result["events"])


def _told(grade: Literal["good", "warning", "bad"], check: str, **facts: object) -> Finding:
    return Finding(grade, check, say(f"cli.doctor.{check}.{grade}", **facts))


def _modes(place: Any) -> Iterator[Finding]:
    """Secrets are for their owner alone."""
    if os.name != "posix":
        return
    for path in (place.path, place.device.parent, place.device, place.owner_token):
        if not path.exists():
            yield _told("bad", "missing", path=path)
        elif stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield _told("bad", "open", path=path, mode="700" if path.is_dir() else "600")


def _database(place: Any, config: Any) -> Iterator[Finding]:
    from weft import launch
    from weft.stores.sqlite_file import DatabaseFile

    if config.storage.database:
        return
    path = place.path / launch.DATABASE
    if not path.exists():
        yield _told("bad", "missing", path=path)
        return
    try:
        file = DatabaseFile(str(path))
    except WeftError as error:
        yield Finding("bad", "database", refusal(error))
        return
    try:
        state = file.check()
    finally:
        file.close()
    yield _told("good" if state == "ok" else "bad", "database", path=path, detail=state[:120])


def _port(host: str, port: int) -> Finding:
    from weft import launch

    try:
        launch.bind(host, port).close()
    except WeftError as error:
        return Finding("bad", "port", refusal(error))
    return _told("good", "port", host=host, port=port)


def _running(view: Any) -> Iterator[Finding]:
    yield _told("good", "running")
    if view.get("store"):
        yield Finding("bad", "store", refusal(WeftError(view["store"]["code"], **view["store"]["facts"])))
    if view["forks"]:
        yield _told("bad", "forks", n=view["forks"])
    for alarm in view.get("alarms", ()):
        yield Finding("bad", "alarm", str(alarm))
    for name in view.get("unheard", ()):
        yield _told("warning", "unheard", name=name)
    for peer in view.get("peers", ()):
        if peer["attempts"]:
            yield _told("warning", "peer", name=peer["name"], n=peer["waiting"], attempts=peer["attempts"])
