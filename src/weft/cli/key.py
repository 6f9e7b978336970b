"""``weft key``: the firm's own keys: rotate them, recover after a theft, print the sheet, publish the log."""

from pathlib import Path

import click

from weft.basis import instant
from weft.basis.errors import NotFound
from weft.cli.client import Node
from weft.cli.device import typed
from weft.cli.options import connected, found, json_option, sheet_option
from weft.cli.printing import Paper
from weft.cli.words import say


@click.group("key", help=say("cli.key"))
def command() -> None:
    """The firm's keys."""


@command.command("rotate", help=say("cli.key.rotate"))
@sheet_option
@connected
def rotate(node: Node, paper: Paper, sheet: Path | None) -> None:
    """Bring the next key into force; a new sheet waits to be printed."""
    done = node.do("rotate-keys", sheet=typed(sheet))
    paper.line("cli.key.rotated", done, sheet=node.home / "recovery-sheet.txt")


@command.command("recover", help=say("cli.key.recover"))
@click.argument("home", type=click.Path(path_type=Path))
@click.option("--since", default="", help=say("cli.key.recover.since"))
@sheet_option
@json_option
def recover(home: Path, since: str, sheet: Path | None, *, as_json: bool) -> None:
    """New keys and a new device key for a home that was copied; its node must be stopped."""
    from weft import launch

    if not (found(home) / "weft.toml").is_file():
        raise NotFound("paper.no-home", path=str(home))
    since_ms = instant.to_ms(since, "since") if since else None
    done = launch.run(launch.recover(home, typed(sheet), since_ms))
    key = "cli.key.recovered" if done["recovery_sheet"] else "cli.key.recovered-again"
    facts = {"sheet": done["recovery_sheet"], "n": done["chains"], "others": " ".join(done["others"])}
    Paper(as_json=as_json).line(key, done, **facts)


@command.command("sheet", help=say("cli.key.sheet"))
@click.option("--kept", is_flag=True, help=say("cli.key.sheet.kept"))
@connected
def sheet(node: Node, paper: Paper, *, kept: bool) -> None:
    """Print the sheet that waits on this machine, or say that it is locked away."""
    if kept:
        paper.done(node.do("sheet-kept"))
        return
    try:
        text = (node.home / "recovery-sheet.txt").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFound("paper.none") from error
    click.echo(text)


@command.command("export", help=say("cli.key.export"))
@connected
def export(node: Node, _paper: Paper) -> None:
    """The did:webvh log of this firm's keys, as it is published."""
    click.echo(node.raw("/.well-known/did.jsonl").decode(), nl=False)
