"""``weft peer``: invite a firm, answer an invitation, see all partners."""

import time
from typing import Final

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import harmless, say, word

ANSWER_S: Final = 5.0


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
    done = node.do("join", link=link)
    name = _accepted(node, str(done["thread"]))
    paper.done(done)
    if not paper.as_json:
        click.echo(say("cli.peer.partners", name=harmless(name)) if name else say("cli.peer.not-yet"))


def _accepted(node: Node, thread: str) -> str:
    """The partner's name once it has taken us in, waiting a little for its answer; "" when none has come."""
    until = time.monotonic() + ANSWER_S
    while True:
        names = [one["name"] for one in node.view("partners")["partners"]
                 if one["thread"] == thread and one["state"] == "open"]
        if names or time.monotonic() > until:
            return str(names[0]) if names else ""
        time.sleep(0.2)


@command.command("list", help=say("cli.peer.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All partners."""
    partners = node.view("partners")["partners"]
    rows = [{**one, "state": word("partner.state", one["state"])} for one in partners]
    paper.table(rows, "name state orders owed_to_us owed_by_us currency thread", partners)
