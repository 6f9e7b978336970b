"""Puts a node together and takes it apart: the only file that knows every part.

Rule 1: a home is made whole or not at all: it is built beside its place and moved there at the end.
Rule 2: secrets are files of the home with mode 0600; the organisation's keys are only on the recovery sheet.
Not here: settings (``config.py``), what a node does (``engine/``).
"""

import asyncio
import contextlib
import fcntl
import gc
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException

from weft import web
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable, WeftError
from weft.certificates import Secured, own_addresses
from weft.config import Config, load, template
from weft.engine import beside, handle, keys, papers
from weft.engine.clock import SystemClock, system_random
from weft.engine.devices import Devices
from weft.engine.dispatch import Dispatcher
from weft.engine.improving import Improving
from weft.engine.memory import BOOKS, Identity, Memory, new_incarnation
from weft.engine.node import Node
from weft.engine.ordering import Ordering
from weft.engine.ports import Batch, Clock, Store
from weft.engine.twins.ports import TwinStore
from weft.identity.keylog import SCOPE_NODE, DeviceDelegation, KeyInception, KeyState, commitment
from weft.identity.keys import SEED_BYTES, Signer
from weft.serving import ANYWHERE, Asked, Opened, Servers, listen, url_of
from weft.shelves import Doors

DATABASE: Final = "weft.db"
TWINS: Final = "twins.db"  # beside the database
SELF: Final = "self"  # bucket of what this home is
SETTINGS: Final = "weft.toml"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one node."""

    path: Path

    @property
    def settings(self) -> Path:
        """weft.toml."""
        return self.path / SETTINGS

    @property
    def device(self) -> Path:
        """The seed of the device key."""
        return self.path / "keys" / "device.seed"

    def signer(self) -> Signer:
        """The device key; raises ``Invalid('home.key-unreadable')``."""
        try:
            return Signer(unb64(self.device.read_text(encoding="utf-8").strip(), SEED_BYTES))
        except (OSError, UnicodeDecodeError, Invalid) as error:
            raise Invalid("home.key-unreadable", path=str(self.device)) from error

    @property
    def owner_token(self) -> Path:
        """The owner's own token, for the command line on this machine."""
        return self.path / "keys" / "owner.token"

    @property
    def recovery_sheet(self) -> Path:
        """The organisation's keys, to be printed and taken off the machine."""
        return self.path / "recovery-sheet.txt"

    def config(self) -> Config:
        """The settings; raises ``NotFound('home.missing')`` or ``Invalid('config.…')``."""
        try:
            text = self.settings.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise NotFound("home.missing", path=str(self.path)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid("config.unreadable", path=str(self.settings)) from error
        return load(text, dict(os.environ))


# ---- making a home -------------------------------------------------------------------------------


async def init(home: str | Path, name: str, lang: str = "zh", url: str = "", time_zone: str = "") -> str:
    """Make a home with keys, database and weft.toml; the organisation's id. Raises ``Refused``/``Unavailable``.

    ``time_zone``: where the firm is, as the machine has it; "": the default stands.
    """
    path = Path(home) if Path(home).name else Path(home).absolute()  # "." has no name to put something beside
    try:
        if path.exists() and any(path.iterdir() if path.is_dir() else [path]):
            raise Refused("home.exists", path=str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.alone(partial := path.with_name(path.name + ".partial"), path, folder=True):
            (partial / "keys").mkdir(mode=0o700)
            organisation = await _furnish(Home(partial), name, lang, url, time_zone)
            if path.exists():
                path.rmdir()
            partial.rename(path)
        _settle(path.parent)
    except OSError as error:
        raise Unavailable("home.not-writable", path=str(path), reason=error.strerror or "") from error
    return organisation


async def _furnish(home: Home, name: str, lang: str, url: str, time_zone: str) -> str:
    from weft.stores.sqlite import SqliteStore

    root, following, device = (secrets.token_bytes(SEED_BYTES) for _ in range(3))
    signer, founder = Signer(device), Signer(root)
    _secret(home.device, b64(device))
    _secret(home.owner_token, secrets.token_urlsafe(32))
    text = template(name=name, lang=lang, url=url, time_zone=time_zone)
    load(text, {})  # a name that cannot be read back is told now
    store = SqliteStore(str(home.path / DATABASE))
    try:
        memory = Memory(Identity("", signer, new_incarnation(system_random)), store, SystemClock(), system_random)
        organisation = await handle.append_key_events(memory, founder, [
            KeyInception(keys=[founder.public], next=commitment([Signer(following).public])),
            DeviceDelegation(device=signer.public, scope=SCOPE_NODE),
        ])
        memory.identity.organisation = organisation
        memory.identity.key_event = (await memory.state(organisation)).event
        await keys.publish(memory, keys.Firm(name, url), founder, Signer(following).public)
        for book in BOOKS:
            await _open_book(memory, book)
        await store.commit(Batch(values=[
            (SELF, "organisation", organisation.encode()),
            (SELF, "incarnation", memory.identity.incarnation.encode())]))
    finally:
        await store.close()
    PaperFile(home.recovery_sheet).write(papers.text(name, organisation, papers.Written(root, following)))
    with home.settings.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    for folder in (home.path / "keys", home.path):
        _settle(folder)
    return organisation


async def _open_book(memory: Memory, book: str) -> None:
    from weft.engine.machines import MACHINES

    machine = next(one for one in MACHINES.values() if one.conversation.NAME == book)
    await handle.open_thread(memory, machine, {memory.organisation: "owner"}, None, f"book:{book}")


def _settle(folder: Path) -> None:
    from weft.stores import archive

    archive.settle(folder)


def _secret(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())  # a key that the database counts on must outlive a power cut, too


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A secret as a file of the home that is replaced whole: the recovery sheet, until it is printed; a token."""

    path: Path

    def read(self) -> str:
        """The sheet, or "" when there is none."""
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def write(self, text: str) -> None:
        """Keep ``text`` in safety before anything depends on it."""
        partial = self.path.with_name(self.path.name + ".partial")
        partial.unlink(missing_ok=True)
        _secret(partial, text)
        partial.replace(self.path)
        _settle(self.path.parent)  # the key log names what stands here as soon as this is done

    def remove(self) -> None:
        """Take the sheet off this machine."""
        self.path.unlink(missing_ok=True)


async def recover(home: str | Path, typed: str, since_ms: int | None = None) -> dict[str, Any]:
    """New keys and a new device key for a home at rest that somebody has copied; raises ``WeftError``.

    ``typed`` holds the next key of the sheet. Everything that the old home could do is worth nothing afterwards.
    """
    place = Home(Path(home))
    fresh = place.device.with_name("device.next")
    async with at_rest(place) as node:
        resuming = fresh.exists()
        if not resuming:
            _secret(fresh, b64(secrets.token_bytes(SEED_BYTES)))
        device = Signer(unb64(fresh.read_text(encoding="utf-8").strip(), SEED_BYTES))
        try:
            given = await keys.hands(node, typed)
            firm = keys.Firm(node.config.firm.name, node.config.firm.url)
            done = await keys.recover(node, given, node.paper, firm, device, since_ms)
        except WeftError:
            if not resuming and device.public not in (await _own_keys(node)).devices:
                fresh.unlink()
            raise
        for paired in await node.devices.all():
            await node.devices.revoke(paired.id)
        life = new_incarnation(system_random)
        await node.store.commit(Batch(values=[(SELF, "incarnation", life.encode())]))
    PaperFile(place.owner_token).write(secrets.token_urlsafe(32))  # never without one, and before it is done
    fresh.replace(place.device)
    _settle(place.device.parent)
    return {"home": str(home), "organisation": node.organisation, "device": device.public, "chains": done.chains,
            "others": list(done.others), "recovery_sheet": str(place.recovery_sheet) if done.renewed else ""}


async def _own_keys(node: Node) -> KeyState:
    keys_now = await node.keys(node.organisation)
    assert keys_now is not None
    return keys_now


# ---- putting a node together ---------------------------------------------------------------------


def open_store(home: Home, database: str = "", *, reading: bool = False) -> Store:
    """The store that ``database`` names (default: the file in the home); ``reading`` beside a running node, too."""
    if database and not database.startswith("sqlite:"):
        raise Invalid("store.unknown-kind", database=database.split(":", 1)[0])
    from weft.stores.sqlite import SqliteStore

    return SqliteStore(database.removeprefix("sqlite:") or str(home.path / DATABASE), reading=reading)


def twins_beside(store: Store) -> str:
    """Where the written twins of a node rest whose own database is ``store``."""
    path = str(getattr(store, "path", ""))
    return str(Path(path).with_name(TWINS)) if path else ":memory:"


def open_twins(path: str, config: Config, clock: Clock, *, reading: bool = False) -> TwinStore:
    """The store of written twins at ``path``; ``reading`` beside a running node, too."""
    from weft.stores.twins.applying import Kept
    from weft.stores.twins.store import SqliteTwins

    kept = Kept(config.twins.history_entries, config.twins.feed_entries, config.twins.deleted_days * 86_400_000)
    return SqliteTwins(path, clock, kept=kept, file_max=config.twins.file_megabytes * 1024**2, reading=reading)


async def assemble(home: Home, config: Config, store: Store, *, dev_open: bool = False) -> Node:
    """A node over ``store`` that has not begun yet."""
    from weft.engine.mail.office import Mail
    from weft.engine.pricelog.witnessing import Witnessing
    from weft.engine.reactions import TABLE, TICKS
    from weft.engine.value_evidence import Books
    from weft.machines import SCHEMES, connect
    from weft.machines.access import Access
    from weft.machines.discovering import Discovering
    from weft.machines.fleet import Fleet
    from weft.machines.runner import floor_book
    from weft.peers.events import deliveries
    from weft.peers.guard import Guard, allowed
    from weft.peers.http import HttpPeers
    from weft.peers.mailbox import HttpKeepers
    from weft.peers.witness import HttpPriceLogs
    from weft.stores.credentials import Credentials
    from weft.stores.series import kept_beside

    organisation = await store.value(SELF, "organisation")
    incarnation = await store.value(SELF, "incarnation")
    if organisation is None or incarnation is None:
        raise Invalid("home.incomplete", path=str(home.path))
    signer = home.signer()
    guard = Guard(allowed(config.peers.allow_private, config.firm.url, config.listen.host))
    peers = HttpPeers(lambda partner: node.address_of(partner), guard,  # noqa: PLW0108 - the node comes after its peers
                      typed=lambda partner: bool(node.detours.get(partner)))
    node = Node(identity=Identity(organisation.decode(), signer, incarnation.decode()), store=store,
                clock=SystemClock(), random=system_random, config=config, peers=peers, table=TABLE, ticks=TICKS,
                dev_open=dev_open)
    peers.memory = node
    node.identity.key_event = (await _own_keys(node)).event
    node.paper = PaperFile(home.recovery_sheet)
    node.mail = Mail(node, HttpKeepers(guard))
    await node.mail.load()
    logs = HttpPriceLogs(peers.address, guard, peers.typed, node)
    node.witnessing = Witnessing(node, logs)
    await node.witnessing.load()
    token = home.owner_token.read_text(encoding="utf-8").strip() if home.owner_token.exists() else ""
    node.snapshot = lambda: snapshot(home, config, store)
    node.devices = Devices(store, node.clock, system_random, token)
    node.twins.opening = lambda: open_twins(twins_beside(store), config, node.clock)
    node.twins.scratch = home.path
    node.twin_events = deliveries(node, guard, Credentials(home.path / "keys"), Path(twins_beside(store)).exists)
    node.history = kept_beside(str(getattr(store, "path", "")), config, node.clock)
    node.history.books = Books(node)
    node.live.keep = node.history.take
    secrets_of_machines = home.path / "keys"
    sessions: dict[str, Any] = {}
    node.floor = Dispatcher(node, Fleet(
        floor_book(node), node.live, node.clock,
        lambda description, name: connect(description, secrets_of_machines, name, sessions)))
    node.machine_access = Access(secrets_of_machines)
    node.discovery = Discovering(
        lambda description, name: connect(description, secrets_of_machines, name, sessions), SCHEMES)
    node.ordering = Ordering(node.floor)
    node.twins.write = node.ordering.bring
    return node


@contextlib.asynccontextmanager
async def at_rest(home: Home) -> AsyncIterator[Node]:
    """The node of a home that is not running: its store is ours alone, nothing happens by itself, nobody is reached."""
    config = home.config()
    store = open_store(home, config.storage.database)
    try:
        node = await assemble(home, config, store)
        try:
            await node.load()
            yield node
            await node.peers.close()
            await node.mail.end()
            await node.witnessing.end()
        finally:
            await node.twins.close()
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def snapshot(home: Home, config: Config, store: Store) -> AsyncIterator[Node]:
    """A node over a copy of ``store`` as of this moment, which goes away again; ``store`` may go on being written."""
    from weft.stores import sqlite_copy
    from weft.stores.series_sealing import FOLDER
    from weft.stores.sqlite import SqliteStore

    assert isinstance(store, SqliteStore)
    with scratch(home) as folder:
        await store.backup(str(folder / DATABASE))
        if Path(twins_beside(store)).exists():
            await asyncio.to_thread(sqlite_copy.copy, twins_beside(store), str(folder / TWINS))
        copied = SqliteStore(str(folder / DATABASE))
        try:
            node = await assemble(home, config, copied)
            node.history.folder = Path(store.path).with_name(FOLDER)  # they never change: no copy is needed
            try:
                await node.load()
                yield node
                await node.peers.close()
            finally:
                await node.twins.close()
        finally:
            await copied.close()


@contextlib.contextmanager
def scratch(home: Home) -> Iterator[Path]:
    """A folder of the home for a copy of its database, which goes again, also where it was left by a killed process."""
    held = _hold_snapshots(home)
    try:
        folder = Path(tempfile.mkdtemp(prefix=beside.SNAPSHOT, dir=home.path))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)


def _hold_snapshots(home: Home) -> int:
    """Hold the home's copies (until the file that this gives is closed); those that a killed process left go first.

    A copy holds what may have been erased since: it is not to outlive the export or backup that it is for.
    """
    held = os.open(home.path / ".snapshots", os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(BlockingIOError):  # another holds one that it needs
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in home.path.glob(f"{beside.SNAPSHOT}*"):
            shutil.rmtree(left, ignore_errors=True)
    fcntl.flock(held, fcntl.LOCK_SH)
    return held


def application(node: Node) -> Doors:
    """All doors of ``node`` in one application."""
    from weft.doors import aas, admin, api, console, epcis, mailbox, peer, pricelog, till

    routes: list[Any] = []
    for door in (peer, pricelog, mailbox, admin, api, aas, epcis, till, console):
        routes.extend(door.routes(node))
    return Doors(routes, exception_handlers={HTTPException: web.elsewhere(node, console.wrong)})


Ready = Callable[[dict[str, Any]], None]


async def up(
    home: str | Path, asked: Asked = ANYWHERE, *, database: str = "", dev_open: bool = False,
    on_ready: Ready = lambda _: None,
) -> None:
    """Run the node until SIGTERM or SIGINT; ``on_ready`` gets url, pairing link and organisation."""
    place = Home(Path(home))
    config = place.config()
    opened = listen(config, asked)
    try:
        for one in opened.all:
            if dev_open and one.getsockname()[0] not in ("127.0.0.1", "::1"):
                raise Refused("dev-open.not-loopback", host=str(one.getsockname()[0]))
        store = open_store(place, database or config.storage.database)
        try:
            await _serve(place, config, store, opened, dev_open=dev_open, on_ready=on_ready)
        finally:
            await store.close()
    finally:
        for one in opened.all:
            one.close()


async def _serve(
    place: Home, config: Config, store: Store, opened: Opened, *, dev_open: bool, on_ready: Ready
) -> None:
    from weft.planners.process import better

    os.close(_hold_snapshots(place))
    node = await assemble(place, config, store, dev_open=dev_open)
    servers, loop, stopping = Servers(), asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(one, stopping.set)
    secured = Secured.at(place.device.parent, config, opened.secure) if opened.secure is not None else None
    node.https = secured
    node.twin_events.here = url_of(opened.plain)
    await node.begin()
    url, doors = url_of(opened.plain), application(node)
    await servers.serve(doors, opened.plain)
    if secured is not None and opened.secure is not None:
        await servers.serve(doors, opened.secure, secured.context)
        servers.beside(secured.keep_fresh())
    gc.collect()
    gc.freeze()
    code = await node.devices.new_code()
    on_ready({"ready": True, "url": url, "pair": f"{seen_at(opened.plain)}/pair?code={code}",
              "organisation": node.organisation, "name": config.firm.name,
              **({"secure": secured.url, "trust": secured.fingerprint} if secured else {})})
    await node.floor.begin()
    improving = Improving(node, better)
    await improving.begin()
    await servers.until(stopping)
    await improving.stop()
    await node.floor.stop()
    await node.discovery.close()
    node.closing()
    await servers.end()
    await node.stop()
    await node.history.stop()
    await node.peers.close()
    await node.mail.end()
    await node.witnessing.end()
    await node.twin_events.end()
    await node.twins.close()


def seen_at(listener: socket.socket) -> str:
    """The address at which a phone finds ``listener``; that of this machine where it has no network."""
    host, port = listener.getsockname()[:2]
    name = next(iter(own_addresses(host)), "127.0.0.1")
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def run(coroutine: Any) -> Any:
    """Run ``coroutine`` on the fastest loop there is."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


def encode(value: Any) -> str:
    """``value`` as one line of JSON, for ready lines."""
    return msgspec.json.encode(value).decode()
