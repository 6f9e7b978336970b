"""``weft backup``: one file with all of a home, while its node runs or not."""

import sys
from pathlib import Path

import click

from weft.cli.options import json_option, passphrase_option
from weft.cli.printing import Paper
from weft.cli.words import about, say


@click.command("backup", help=say("cli.backup"))
@click.argument("home", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@passphrase_option
@click.option("--without-values", is_flag=True, help=say("cli.backup.without-values"))
@json_option
def command(home: Path, file: Path, passphrase: str, *, without_values: bool, as_json: bool) -> None:
    """Write the backup."""
    from weft import backup, launch

    about(home)
    if not passphrase:
        click.echo(say("cli.backup.open", file=file), err=True)
    shown = sys.stderr
    with click.progressbar(length=1_000, label=say("cli.backup.running"), file=shown,
                           hidden=as_json or not shown.isatty()) as bar:
        made = launch.run(backup.make(home, file, passphrase, lambda done: bar.update(max(0, done - bar.pos)),
                                      values=not without_values))
    size = file.stat().st_size
    Paper(as_json=as_json).line(
        "cli.backup.done", {"file": str(file), "organisation": made.organisation, "at": made.at, "bytes": size,
                            "sealed": bool(passphrase)}, file=file, at=made.at, size=max(1, size // 1024))
