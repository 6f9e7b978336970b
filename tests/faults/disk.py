"""A disk in memory under the real SQLite: its power can be cut, it can be full, it can fail.

It stands in for the operating system's files (an ``apsw.VFS``), so the store above it is the product's own code, from
the opening of the file to its migrations. Without shared memory every connection locks exclusively.
Rule 1: what was synced survives a cut; of what was written since, any part may: whole writes or single sectors of
        512 bytes, in any order, truncations and deletions among them.
Rule 2: each start of the machine is a ``Life`` with files of its own. When it is dead, whoever still holds one of its
        files can neither write nor read: a dying connection that went on writing would hide losses.
        Paths name the life, so that it cannot open or delete a file of the next one either.
Rule 3: a sync that failed has lost what it was to write, though reading still shows it, and the next sync says that
        all is well: what Linux does with pages that it could not write.
Not here: what is written (``firm.py``), what must be there afterwards (``ledger.py``).
"""
# ruff: noqa: N802 - methods of files and file systems have SQLite's own names

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import apsw

NAME = "weft-faults"
SECTOR = 512
SHARED, RESERVED, EXCLUSIVE = 1, 2, 4
KEPT = (0.0, 0.2, 0.5, 0.8, 1.0)  # how much of what was not synced survives a cut
Wrong = Callable[[str, str], Exception | None]  # (action, file) -> what goes wrong, or None


class File:
    """Bytes as programs see them, and as the disk has them."""

    __slots__ = ("durable", "live", "lock", "unsynced")

    def __init__(self, durable: bytes | None = None) -> None:
        self.durable = durable
        self.live = bytearray(durable or b"")
        self.unsynced: list[tuple[int, bytes | None]] = []  # (offset, bytes), or (size, None): cut to that size
        self.lock: dict[int, int] = {}

    def write(self, offset: int, data: bytes) -> None:
        _apply(self.live, offset, data)
        self.unsynced.append((offset, data))

    def truncate(self, size: int) -> None:
        _apply(self.live, size, None)
        self.unsynced.append((size, None))

    def sync(self) -> None:
        if self.unsynced or self.durable is None:
            self.durable = bytes(self.live)
            self.unsynced.clear()

    def fail_to_sync(self, luck: random.Random) -> None:
        """Rule 3: some of it came through, the rest never will."""
        self.durable = _survived(self, luck)
        self.unsynced.clear()

    def after_cut(self, luck: random.Random) -> bytes | None:
        if self.durable is None and luck.random() < 0.5:
            return None
        return _survived(self, luck) if self.unsynced or self.durable is None else self.durable


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset:offset + len(data)] = data


def _survived(file: File, luck: random.Random) -> bytes:
    """Rule 1."""
    kept, torn = luck.choice(KEPT), luck.random() < 0.5
    pieces: list[tuple[int, bytes | None]] = []
    for offset, data in file.unsynced:
        pieces.extend(_sectors(offset, data) if torn and data is not None else [(offset, data)])
    pieces = [piece for piece in pieces if luck.random() < kept]
    if luck.random() < 0.5:
        luck.shuffle(pieces)
    content = bytearray(file.durable or b"")
    for offset, data in pieces:
        _apply(content, offset, data)
    return bytes(content)


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        size = min(len(data) - at, SECTOR - (offset + at) % SECTOR)
        yield offset + at, data[at:at + size]
        at += size


class Life:
    """The machine between two cuts. ``left``: how many more changes the disk takes before the power goes (-1: all).

    ``buried``: dead, and whoever holds its files is only letting go of them.
    ``again``: a sync that failed is tried again, which succeeds (rule 3): what a careless program would do.
    ``late``: the change at which it goes is still done, only nobody hears of it.
    """

    numbers = itertools.count(1)
    running: "WeakValueDictionary[str, Life]" = WeakValueDictionary()

    def __init__(self, files: dict[str, File], counts: Counter[str] | None = None,
                 luck: random.Random | None = None) -> None:
        counts, luck = Counter() if counts is None else counts, luck or random.Random(0)
        self.number = f"life-{next(Life.numbers)}"
        Life.running[self.number] = self
        self.files = files
        self.deleted: dict[str, File] = {}
        self.counts, self.luck = counts, luck
        self.left = -1
        self.late = self.again = False
        self.dead = self.buried = False
        self.wrong: Wrong | None = None

    def change(self, action: str, name: str) -> bool:
        """Called before each change; raises when the machine is off or the disk fails. True: go on, then ``die``."""
        if self.dead:
            raise apsw.IOError("the machine is off")
        if self.left == 0 and not self.late:
            self.die()
        last = self.left == 0
        if self.left >= 0:
            self.left -= 1
        if self.wrong is not None and (error := self.wrong(action, name)) is not None:
            raise error
        return last

    def die(self) -> None:
        """The power goes."""
        self.dead = True
        raise apsw.IOError("the power went")


class Disk:
    """Files by name through all lives; ``counts`` are changes of each kind, and tries of dead connections."""

    def __init__(self, files: dict[str, bytes] | None = None, luck: random.Random | None = None) -> None:
        self.luck = luck or random.Random(0)
        self.counts: Counter[str] = Counter()
        self.life = self._begun({name: File(content) for name, content in (files or {}).items()})

    def _begun(self, files: dict[str, File]) -> Life:
        return Life(files, self.counts, self.luck)

    def path(self, folder: str, name: str) -> str:
        """Where SQLite finds file ``name`` in this life."""
        return f"{folder}/{self.life.number}/{name}"

    def cut(self) -> None:
        """The power goes (if it has not), and comes again with what is left."""
        old = self.life
        old.dead = old.buried = True
        left = {name: file.after_cut(self.luck) for name, file in old.files.items()}
        for name, file in old.deleted.items():
            if left.get(name) is None and self.luck.random() < 0.5:
                left[name] = file.after_cut(self.luck)
        self.life = self._begun({name: File(content) for name, content in left.items() if content is not None})

    def image(self) -> dict[str, bytes]:
        """All files as programs see them now."""
        return {name: bytes(file.live) for name, file in self.life.files.items()}


class _Handle:
    """One open file; the methods are those of SQLite's ``sqlite3_io_methods``."""

    def __init__(self, life: Life, name: str, *, passing: bool) -> None:
        self.life, self.name, self.passing = life, name, passing
        self.file = life.files.setdefault(name, File())

    def _over(self) -> bool:
        """Raises when the machine is off; True when nobody is left to hear it."""
        if not self.life.dead:
            return False
        self.life.counts["tries of the dead"] += 1
        if self.life.buried:
            return True
        raise apsw.IOError("the machine is off")

    def xRead(self, amount: int, offset: int) -> bytes:
        if self._over():
            return b""
        return bytes(self.file.live[offset:offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._over():
            return
        last = self.life.change("write", self.name)
        self.life.counts["write"] += 1
        self.file.write(offset, bytes(data))
        if last:
            self.life.die()

    def xTruncate(self, size: int) -> None:
        if self._over():
            return
        last = self.life.change("truncate", self.name)
        self.life.counts["truncate"] += 1
        self.file.truncate(size)
        if last:
            self.life.die()

    def xSync(self, _flags: int) -> None:
        if self._over():
            return
        try:
            last = self.life.change("sync", self.name)
        except apsw.Error:
            if not self.life.dead:
                self.file.fail_to_sync(self.life.luck)
            if self.life.dead or not self.life.again:
                raise
            last = False
        self.life.counts["sync"] += 1
        self.file.sync()
        if last:
            self.life.die()

    def xFileSize(self) -> int:
        if self._over():
            return 0
        return len(self.file.live)

    def xLock(self, level: int) -> None:
        others = max((held for one, held in self.file.lock.items() if one != id(self)), default=0)
        if (level == SHARED and others >= EXCLUSIVE) or (level == RESERVED and others >= RESERVED) or (
                level >= EXCLUSIVE and others):
            raise apsw.BusyError("locked")
        self.file.lock[id(self)] = level

    def xUnlock(self, level: int) -> None:
        if level:
            self.file.lock[id(self)] = level
        else:
            self.file.lock.pop(id(self), None)

    def xCheckReservedLock(self) -> bool:
        return any(held >= RESERVED for held in self.file.lock.values())

    def xFileControl(self, _operation: int, _pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:
        self.file.lock.pop(id(self), None)
        if self.passing and not self.life.dead:
            self.life.files.pop(self.name, None)


class _Files(apsw.VFS):
    """Names to files of the life that they name; everything but files is the operating system's."""

    def __init__(self) -> None:
        self.passing = Life({})
        self.passed = 0
        super().__init__(NAME, base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        if name is None:
            self.passed += 1
            life, path = self.passing, f"passing-{self.passed}"
        else:
            life, path = _place(name.filename() if hasattr(name, "filename") else str(name))
        if life.dead:
            raise apsw.CantOpenError("the machine is off")
        if path not in life.files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(path)
            life.change("create", path)
        flags[1] = flags[0]
        return _Handle(life, path, passing=bool(flags[0] & apsw.SQLITE_OPEN_DELETEONCLOSE))

    def xDelete(self, name: str, durably: bool) -> None:
        life, path = _place(name)
        if life.buried:
            return
        last = life.change("delete", path)
        life.counts["delete"] += 1
        file = life.files.pop(path, None)
        if file is not None and not durably:
            life.deleted[path] = file
        if last:
            life.die()

    def xAccess(self, name: str, _flags: int) -> bool:
        life, path = _place(name)
        return path in life.files

    def xFullPathname(self, name: str) -> str:
        return name


_DEAD = Life({})
_DEAD.dead = _DEAD.buried = True


def _place(path: str) -> tuple[Life, str]:
    """The life that ``path`` names, and the file in it."""
    folder, _, name = path.rpartition("/")
    return Life.running.get(folder.rpartition("/")[2], _DEAD), name


_installed: list[_Files] = []


@contextmanager
def inserted() -> Iterator[None]:
    """While it lasts every SQLite connection that this process opens is on the disk whose life its path names."""
    if not _installed:
        _installed.append(_Files())
    before = apsw.vfs_names()[0]

    def alone(connection: apsw.Connection) -> None:
        connection.pragma("locking_mode", "exclusive")

    apsw.set_default_vfs(NAME)
    apsw.connection_hooks.append(alone)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(alone)
        apsw.set_default_vfs(before)
