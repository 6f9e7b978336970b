"""``weft price audit``: plan one, open what was drawn, check it from the file alone, sign and believe what was found.

Not here: the draw (``pricing/audit.py``), the files (``engine/pricelog/auditing.py``).
"""

from pathlib import Path

import click
import msgspec

from weft.cli.client import Node
from weft.cli.options import connected, json_option
from weft.cli.ordering import thread_of
from weft.cli.price_audit_told import content_of, told_of
from weft.cli.price_drafts import a_file
from weft.cli.printing import Paper
from weft.cli.words import say

_output = click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path),
                       help=say("cli.price.evidence.output"))
_home = click.option("--home", type=click.Path(path_type=Path), help=say("cli.option.home"))


@click.group("audit", help=say("cli.price.audit"))
def audit() -> None:
    """Audits of a seller's prices by sample."""


@audit.command("plan", help=say("cli.price.audit.plan"))
@click.argument("seller")
@click.option("--witness", "witnesses", multiple=True, required=True, help=say("cli.price.audit.plan.witness"))
@click.option("--since", default="", metavar="INSTANT", help=say("cli.price.audit.plan.since"))
@click.option("--openings", default=300, show_default=True, help=say("cli.price.audit.plan.openings"))
@_output
@connected
def plan(
    node: Node, paper: Paper, seller: str, witnesses: tuple[str, ...], since: str, openings: int, output: Path | None
) -> None:
    """Name what is to be audited, before anybody can know which documents that will be."""
    given = node.view("price-audit-plan", seller=seller, witnesses=",".join(witnesses), since=since,
                      openings=str(openings))
    path = _written(output or Path(given["name"]), given["file"])
    if paper.as_json:
        paper.value({"file": str(path), "size": given["size"], "missed": given["missed"]})
        return
    click.echo(say("cli.price.audit.planned", file=path, size=given["size"], openings=openings))
    for share, chance in given["missed"]:
        click.echo(say("cli.price.audit.missed", share=share, chance=chance))


@audit.command("open", help=say("cli.price.audit.open"))
@click.argument("file", type=a_file, metavar="PLAN")
@click.option("--sealed", is_flag=True, help=say("cli.price.audit.open.sealed"))
@_output
@connected
def opened(node: Node, paper: Paper, file: Path, output: Path | None, *, sealed: bool) -> None:
    """Open what the plan draws from our own price record."""
    given = node.view("price-audit-open", plan=file.read_text(encoding="utf-8").strip(), sealed="1" if sealed else "")
    path = _written(output or Path(given["name"]), given["file"])
    paper.line("cli.price.audit.opened", {"file": str(path), "documents": given["documents"]}, file=path,
               documents=given["documents"])


@audit.command("minutes", help=say("cli.price.audit.minutes"))
@click.argument("order")
@click.argument("line", default="1")
@_output
@connected
def minutes(node: Node, paper: Paper, order: str, line: str, output: Path | None) -> None:
    """How the jobs of a line ran, as a file for an auditor."""
    given = node.view("price-minutes", thread=thread_of(node, order), line=line)
    path = _written(output or Path(given["name"]), given["file"])
    paper.line("cli.price.evidence.done", {"file": str(path)}, file=path)


@audit.command("verify", help=say("cli.price.audit.verify"))
@click.argument("file", type=a_file)
@_home
@json_option
def verify(file: Path, home: Path | None, *, as_json: bool) -> int:
    """Check what was opened, without a network; 0: all right, 1: not, 2: some of it cannot be known."""
    return told_of(content_of(file, home), as_json=as_json)


@audit.command("sign", help=say("cli.price.audit.sign"))
@click.argument("file", type=a_file)
@_output
@connected
def sign(node: Node, paper: Paper, file: Path, output: Path | None) -> None:
    """Check what was opened once more, and sign what was found with the node's key."""
    from weft.engine.pricelog import auditing

    told = auditing.verify_file(content_of(file, node.home))
    done = node.do("price-audit-sign", result=msgspec.to_builtins(told.result))
    path = _written(output or Path(f"audit-{told.result.seller[:8]}.json"), done["facts"]["file"])
    paper.line("cli.price.audit.signed", {"file": str(path), "clean": told.result.is_clean}, file=path)


@audit.command("take", help=say("cli.price.audit.take"))
@click.argument("file", type=a_file)
@connected
def take(node: Node, paper: Paper, file: Path) -> None:
    """Believe what an auditor that we know has signed."""
    paper.done(node.do("price-audit-take", file=file.read_text(encoding="utf-8").strip()))


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
