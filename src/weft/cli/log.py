"""``weft log``: checks histories offline, those of a home or of a pack, and writes packs.

Not here: the checks (``verifying.py`` for homes, ``thread/audit.py`` for packs).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from weft.basis.errors import Invalid, NotFound, Unavailable
from weft.cli.options import found, home_argument, json_option
from weft.cli.printing import Paper
from weft.cli.words import say

PACK_BYTES_MAX: Final = 1024**3  # it is read into memory


@click.group("log", help=say("cli.log"))
def command() -> None:
    """Histories."""


@command.command("verify", help=say("cli.log.verify"))
@home_argument
@json_option
def verify(home: Path | None, *, as_json: bool) -> int:
    """Verify all threads of a home, or one pack."""
    if home is not None and home.is_file():
        return _verify_pack(home, Paper(as_json=as_json))
    if home is not None and not home.exists():
        raise NotFound("cli.nothing-there", path=str(home))
    from weft.cli.verifying import verified

    async def looked(store: Any) -> Any:
        if (sound := await store.check()) != "ok":
            told = say("cli.deep.file", detail=sound[:200])
            return {"threads": 0, "events": 0, "faults": [{"thread": "", "event": "", "problem": told}]}
        return await verified(store)

    result = _with_store(home, looked)
    if as_json or result["faults"]:
        Paper(as_json=as_json).table(result["faults"], "thread event problem", result)
    if not as_json:
        click.echo(say("cli.log.verified", threads=result["threads"], events=result["events"], n=len(result["faults"])))
    return int(bool(result["faults"]))


@command.command("export", help=say("cli.log.export"))
@click.argument("thread")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--without", multiple=True, metavar="TYPE[/SLOT]", help=say("cli.log.export.without"))
@click.option("--only", multiple=True, metavar="TYPE", help=say("cli.log.export.only"))
@click.option("--home", type=click.Path(path_type=Path), help=say("cli.option.home"))
@json_option
def export(
    thread: str, file: Path, without: Sequence[str], only: Sequence[str], home: Path | None, *, as_json: bool
) -> None:
    """Write the pack of one thread."""
    from weft.engine.packs import pack

    def hidden(kind: str, slot: int) -> bool:
        return kind in without or f"{kind}/{slot}" in without or bool(only and kind not in only)

    async def gathered(store: Any) -> bytes:
        return await pack(store, _named([row.thread for row in await store.threads()], thread), hidden)

    data: bytes = _with_store(home, gathered)
    part = file.with_name(file.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        raise Unavailable("cli.pack-unwritten", path=str(file), reason=error.strerror or "") from error
    Paper(as_json=as_json).line("cli.log.exported", {"file": str(file), "bytes": len(data)}, file=str(file))


def _named(threads: Sequence[str], given: str) -> str:
    """The one thread whose id begins as ``given``."""
    fitting = [thread for thread in threads if given and thread.startswith(given)]
    if len(fitting) != 1:
        raise NotFound("thread.unknown")
    return fitting[0]


def _with_store(home: Path | None, work: Any) -> Any:
    from weft import launch

    place = launch.Home(found(home))

    async def opened() -> Any:
        store = launch.open_store(place, place.config().storage.database, reading=True)
        try:
            return await work(store)
        finally:
            await store.close()

    return launch.run(opened())


def _verify_pack(file: Path, paper: Paper) -> int:
    from weft.cli.auditing import told

    try:
        if (size := file.stat().st_size) > PACK_BYTES_MAX:
            raise Invalid("pack.too-large", size=size // 1024**2, limit=PACK_BYTES_MAX // 1024**2)
        data = file.read_bytes()
    except OSError as error:
        raise NotFound("cli.pack-unreadable", path=str(file), reason=error.strerror or "") from error
    result = told(data)
    if paper.as_json:
        paper.value(result)
        return int(not result["sound"])
    paper.table(result["steps"], "number kind checked problem")
    if result["faults"]:
        paper.table([{**one, "problem": one["sentence"]} for one in result["faults"]], "number row problem")
    for sentence in result["sentences"]:
        click.echo(sentence)
    return int(not result["sound"])
