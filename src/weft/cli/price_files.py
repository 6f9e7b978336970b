"""``weft price export``: our price record as files for any web server or USB stick.

Rule 1: a file is there whole or not at all; what is there already and cannot have changed is not written again.
Not here: which files (``engine/pricelog/files.py``).
"""

from pathlib import Path
from typing import Any

import click

from weft.basis.errors import NotFound, Unavailable
from weft.cli.options import found, json_option
from weft.cli.printing import Paper
from weft.cli.words import say


@click.command("export", help=say("cli.price.export"))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--home", type=click.Path(path_type=Path), help=say("cli.option.home"))
@json_option
def export(folder: Path, home: Path | None, *, as_json: bool) -> None:
    """Write the files; the node may run meanwhile."""
    from weft import launch

    place = launch.Home(found(home))
    written, bytes_ = launch.run(_exported(place, folder))
    if not written:
        raise NotFound("pricelog.none")
    Paper(as_json=as_json).line("cli.price.exported", {"folder": str(folder), "files": written, "bytes": bytes_},
                                folder=str(folder), n=written)


async def _exported(place: Any, folder: Path) -> tuple[int, int]:
    """How many files there are, and of how many bytes in all."""
    from weft import launch
    from weft.engine.pricelog import files

    store, count, size = launch.open_store(place, place.config().storage.database, reading=True), 0, 0
    try:
        async for path, data in files.every(store):
            _write(folder / path, data)
            count, size = count + 1, size + len(data)
    except OSError as error:
        raise Unavailable("cli.price-unwritten", folder=str(folder), reason=error.strerror or "") from error
    finally:
        await store.close()
    return count, size


def _write(file: Path, data: bytes) -> None:
    if file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_bytes(data)
    part.replace(file)
