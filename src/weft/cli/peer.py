"""``weft peer``: invite a firm, answer an invitation, see all partners."""

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say


@click.group("peer", help=say("cli.peer"))
def command() -> None:
    """Partners."""


@command.command("invite", help=say("cli.peer.invite"))
@click.option("--note", default="", help=say("cli.peer.invite.note"))
@click.option("--days", type=int, default=14, show_default=True, help=say("cli.peer.invite.days"))
@connected
def invite(node: Node, paper: Paper, note: str, days: int) -> None:
    """Print a link that lets one firm in."""
    done = node.do("invite", note=note, days=days)
    link = str(done["facts"]["link"])
    paper.line("cli.peer.invited", done, link=link, until=done["facts"]["until"])
    if not paper.as_json:
        import segno

        segno.make(link, error="l").terminal(compact=True)


@command.command("add", help=say("cli.peer.add"))
@click.argument("link")
@connected
def add(node: Node, paper: Paper, link: str) -> None:
    """Answer an invitation."""
    paper.done(node.do("join", link=link))


@command.command("list", help=say("cli.peer.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All partners."""
    partners = node.view("partners")["partners"]
    paper.table(partners, "name state orders owed_to_us owed_by_us currency thread", partners)
