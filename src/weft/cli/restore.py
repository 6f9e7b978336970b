"""``weft restore``: a home from a backup; and going on without a partner that cannot be heard any more."""

from pathlib import Path

import click

from weft.cli.client import Node
from weft.cli.options import found, json_option, passphrase_option
from weft.cli.printing import Paper
from weft.cli.words import about, say


@click.command("restore", help=say("cli.restore"))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.argument("home", type=click.Path(path_type=Path), required=False)
@click.option("--go-on", "partner", default="", help=say("cli.restore.go-on"))
@passphrase_option
@json_option
def command(file: Path | None, home: Path | None, partner: str, passphrase: str, *, as_json: bool) -> None:
    """Make a home, or (``--go-on``) speak to a partner again; then the one path is the home."""
    from weft import backup, launch

    paper = Paper(as_json=as_json)
    if partner:
        paper.done(Node(found(home or file)).do("restored-go-on", partner=partner))
        return
    if file is None or home is None:
        raise click.UsageError(say("cli.restore.usage"))
    done = launch.run(backup.restore(file, home, passphrase))
    key = "cli.restore.done" if done["unheard"] else "cli.restore.alone"
    paper.line(key, done, home=about(home), at=done["at"], name=done["name"], n=len(done["unheard"]))
