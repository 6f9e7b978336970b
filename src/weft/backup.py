"""Backup of a home to one file while its node runs, and a home from such a file that never forks its own history.

Rule 1: a backup is of one moment; it holds the firm's secrets but the organisation's keys, which are on paper.
Rule 2: a restored home lives under a new incarnation from its first moment, and is made whole or not at all.
Rule 3: it says nothing to a partner before it has back what it had said to it (``engine/restored.py``).
Not here: the form of the file (``stores/archive.py``), the copy of the database (``stores/sqlite_copy.py``).
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from weft import __version__
from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable, WeftError
from weft.config import load
from weft.engine import beside, restored
from weft.engine.clock import SystemClock, system_random
from weft.engine.memory import RESTORES, Identity, Memory, new_incarnation
from weft.launch import DATABASE, SELF, Home, open_store, scratch, twins_beside
from weft.stores import archive, sqlite_copy
from weft.stores.series_sealing import FOLDER
from weft.stores.sqlite import SqliteStore
from weft.stores.twins.store import SqliteTwins

RESTORED: Final = "restored"  # in SELF: when, and from a backup of when
# What reading may raise when a database says nonsense.
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
_OTHER_DATABASE: Final = re.compile(r"""^(\s*(?:storage\s*\.\s*)?["']?database["']?\s*=)""", re.MULTILINE)
_WITHIN: Final = re.compile(  # the same where all of the section stands in one line
    r"""^(\s*["']?storage["']?\s*=\s*\{[^}\n]*?)["']?database["']?\s*=\s*("[^"\n]*"|'[^'\n]*')\s*,?""", re.MULTILINE)
Told = Callable[[int], None]


async def make(home: Path, file: Path, passphrase: str = "", told: Told = lambda _permille: None, *,
               values: bool = True) -> archive.Manifest:
    """Write the home to ``file``; ``told`` gets how much is done, of 1000. Raises ``WeftError``.

    ``values``: with the sealed values of machines, which may be most of it.
    """
    place = Home(home)
    config = place.config()
    try:
        with beside.alone(file.with_name(file.name + ".partial"), file), scratch(place) as folder:
            if file.exists():
                raise Refused("backup.exists", path=str(file))
            copied = folder / DATABASE
            store = open_store(place, config.storage.database, reading=True)
            assert isinstance(store, SqliteStore)
            try:
                organisation = await store.value(SELF, "organisation") or b""
                beside_it = await _copied(place, store, copied, told)
                if Path(twins_beside(store)).exists():
                    await asyncio.to_thread(sqlite_copy.copy, twins_beside(store), str(folder / archive.TWINS))
                told(500)
            finally:
                await store.close()
            about = archive.Manifest(archive.FORMAT, __version__, organisation.decode(), config.firm.name,
                                     instant.from_ms(SystemClock().now_ms()), {})
            sealed = _sealed(Path(store.path).with_name(FOLDER)) if values else {}
            return _written(file, (copied, about, {**beside_it, **sealed}), passphrase, told)
    except OSError as error:
        raise Unavailable("backup.not-writable", path=str(error.filename or file), reason=error.strerror or "") \
            from error


async def _copied(place: Home, store: SqliteStore, copied: Path, told: Told) -> dict[str, Path]:
    """The database in ``copied``, and beside it settings and keys as they were all the while; these by their entry."""
    while True:
        held = _small(place)
        await store.backup(str(copied), lambda done, every: told(400 * done // max(every, 1)))
        if held == _small(place):
            break
        copied.unlink()  # keys were changed meanwhile: others than the database knows would open nothing
    found = {}
    for number, (name, content) in enumerate(held.items()):
        found[name] = copied.with_name(f"beside-{number}")
        found[name].touch(0o600)
        found[name].write_bytes(content)
    return found


def _small(place: Home) -> dict[str, bytes]:
    """Settings and keys by their entry."""
    found = {archive.SETTINGS: place.settings}
    for path in sorted(place.device.parent.iterdir()):
        name = f"keys/{path.name}"
        if path.is_file() and not path.is_symlink() and archive.KEY_NAME.fullmatch(name):
            found[name] = path
    return {name: path.read_bytes() for name, path in found.items()}


def _sealed(folder: Path) -> dict[str, Path]:
    """Files of sealed values by their entry: they never change, so that copying them needs no moment of their own."""
    found = {f"{FOLDER}/{path.relative_to(folder).as_posix()}": path for path in sorted(folder.glob("*/*.parquet"))}
    return {name: path for name, path in found.items() if archive.VALUES_NAME.fullmatch(name)}


def _written(
    file: Path, what: tuple[Path, archive.Manifest, dict[str, Path]], passphrase: str, told: Told
) -> archive.Manifest:
    copied, about, more = what
    sources = {DATABASE: copied, **more}
    if copied.with_name(archive.TWINS).exists():
        sources[archive.TWINS] = copied.with_name(archive.TWINS)
    whole, done = max(1, sum(path.stat().st_size for path in sources.values())), 0

    def read(size: int) -> None:
        nonlocal done
        done += size
        told(500 + 500 * done // whole)

    partial = file.with_name(file.name + ".partial")
    with partial.open("r+b") as target:
        manifest = archive.write(target, sources, about, passphrase, read)
        target.flush()
        os.fsync(target.fileno())
    partial.rename(file)
    archive.settle(file.parent)
    return manifest


async def restore(file: Path, home: Path, passphrase: str = "") -> dict[str, Any]:
    """Make ``home`` from ``file``; what it is and who must be heard. Raises ``WeftError`` and leaves nothing behind."""
    if not file.is_file():
        raise NotFound("backup.missing", path=str(file))
    home = home if home.name else home.absolute()  # "." has no name to put something beside
    lacking = list[Path]()
    try:
        if home.exists() and any(home.iterdir() if home.is_dir() else [home]):
            raise Refused("home.exists", path=str(home))
        lacking = [folder for folder in home.parents if not folder.exists()]
        home.parent.mkdir(parents=True, exist_ok=True)
        with beside.alone(partial := home.with_name(home.name + ".restoring"), home, folder=True):
            manifest = archive.read(file, partial, passphrase)
            with _told_as_damage():
                peers = await _begin_anew(Home(partial), manifest)
            if home.exists():
                home.rmdir()
            partial.rename(home)
        archive.settle(home.parent)
    except OSError as error:
        raise Unavailable("home.not-writable", path=str(home), reason=error.strerror or "") from error
    finally:
        with contextlib.suppress(OSError):  # they hold the home, or were not made
            for folder in lacking:
                folder.rmdir()
    return {"home": str(home), "organisation": manifest.organisation, "name": manifest.name, "at": manifest.at,
            "unheard": peers}


@contextlib.contextmanager
def _told_as_damage() -> Iterator[None]:
    """Whatever is wrong inside is said of the backup: the file at which it was found goes away again."""
    try:
        yield
    except _UNREADABLE as error:
        raise Invalid("backup.damaged", entry=DATABASE) from error
    except WeftError as error:
        if error.code == "store.corrupt":
            raise Invalid("backup.damaged", entry=DATABASE) from error
        if error.code == "home.key-unreadable":
            raise Invalid("backup.damaged", entry=archive.DEVICE) from error
        raise


async def _begin_anew(home: Home, manifest: archive.Manifest) -> list[str]:
    """Another life for what was taken out: a new incarnation, and partners that must give back; ids of these."""
    _use_own_database(home)
    await _twins_anew(home)
    store = SqliteStore(str(home.path / DATABASE))
    try:
        organisation = await store.value(SELF, "organisation") or b""
        if await store.check() != "ok" or organisation.decode() != manifest.organisation:
            raise Invalid("backup.damaged", entry=DATABASE)
        signer = home.signer()
        memory = Memory(Identity(manifest.organisation, signer, ""), store, SystemClock(), system_random)
        keys = await memory.keys(manifest.organisation)
        if keys is None or signer.public not in keys.devices:
            raise Invalid("backup.damaged", entry=archive.DEVICE)
        told = f"{instant.from_ms(memory.clock.now_ms())} {manifest.at}"
        return await restored.begin_anew(store, manifest.organisation, [
            (SELF, "incarnation", new_incarnation(system_random).encode()), (SELF, RESTORED, told.encode()),
            (RESTORES, told.partition(" ")[0], manifest.at.encode())])
    finally:
        await store.close()


async def _twins_anew(home: Home) -> None:
    """Those who follow the feed of twins are told that it begins anew."""
    if not (home.path / archive.TWINS).exists():
        return
    try:
        twins = SqliteTwins(str(home.path / archive.TWINS), SystemClock())
        try:
            if await twins.check() != "ok":
                raise Invalid("store.corrupt", path=archive.TWINS)
            await twins.begin_anew()
        finally:
            await twins.close()
    except (WeftError, *_UNREADABLE) as error:
        raise Invalid("backup.damaged", entry=archive.TWINS) from error


def _use_own_database(home: Home) -> None:
    """The settings as they were, but for a database elsewhere: that one is not what was restored."""
    try:
        text = home.settings.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("backup.damaged", entry=archive.SETTINGS) from error
    if load(text, {}).storage.database:
        home.settings.write_text(_WITHIN.sub(r"\1", _OTHER_DATABASE.sub(r"# \1", text)), encoding="utf-8")
