"""``weft export``: everything that the firm holds in open formats, while its node runs or not."""

import sys
from pathlib import Path

import click

from weft.cli.options import json_option
from weft.cli.printing import Paper
from weft.cli.words import about, say


@click.command("export", help=say("cli.export"))
@click.argument("home", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help=say("cli.export.to"))
@json_option
def command(home: Path, target: Path, *, as_json: bool) -> None:
    """Write the export."""
    from weft import launch
    from weft.engine import export

    place = launch.Home(about(home))
    config = place.config()

    async def exported(told: export.Told) -> export.Exported:
        store = launch.open_store(place, config.storage.database, reading=True)
        try:
            async with launch.snapshot(place, config, store) as node:
                return await export.write(node, target, told)
        finally:
            await store.close()

    shown = sys.stderr
    with click.progressbar(length=1_000, label=say("cli.export.running"), file=shown,
                           hidden=as_json or not shown.isatty()) as bar:
        made = launch.run(exported(lambda done: bar.update(max(0, done - bar.pos))))
    Paper(as_json=as_json).line(
        "cli.export.done", {"to": str(target), "files": made.files, "bytes": made.bytes, "at": made.at},
        to=target, n=made.files, size=max(1, made.bytes // 1024))
