"""``weft mailbox``: have sealed mail kept by a third node, keep it for others, see what waits where.

Not here: what a keeper sees and how letters travel (``engine/mail/mailbox.py``).
"""

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say, word


@click.group("mailbox", help=say("cli.mailbox"))
def command() -> None:
    """Mail kept by a third."""


@command.command("offer", help=say("cli.mailbox.offer"))
@click.option("--note", default="", help=say("cli.mailbox.offer.note"))
@connected
def offer(node: Node, paper: Paper, note: str) -> None:
    """Print the link of a new mailbox."""
    done = node.do("mailbox-offer", note=note)
    paper.line("cli.mailbox.offered", done, link=done["facts"]["link"])


@command.command("end", help=say("cli.mailbox.end"))
@click.argument("place")
@connected
def end(node: Node, paper: Paper, place: str) -> None:
    """Take a mailbox back."""
    paper.done(node.do("mailbox-end", place=place))


@command.command("use", help=say("cli.mailbox.use"))
@click.argument("link")
@connected
def use(node: Node, paper: Paper, link: str) -> None:
    """Have mail kept."""
    paper.done(node.do("mailbox-use", link=link))


@command.command("drop", help=say("cli.mailbox.drop"))
@click.argument("keeper")
@connected
def drop(node: Node, paper: Paper, keeper: str) -> None:
    """Have no more mail kept there."""
    paper.done(node.do("mailbox-drop", keeper=keeper))


@command.command("agree", help=say("cli.mailbox.agree"))
@click.argument("partner")
@click.option("--no", "refuse", is_flag=True, help=say("cli.mailbox.agree.no"))
@connected
def agree(node: Node, paper: Paper, partner: str, *, refuse: bool) -> None:
    """Let mail for a partner be left where it asks."""
    paper.done(node.do("mailbox-agree", partner=partner, agree=not refuse))


@command.command("list", help=say("cli.mailbox.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All mail of this node."""
    view = node.view("mailbox")
    if paper.as_json:
        paper.value(view)
        return
    keepers = [{**one, "code": _fault(one["code"])} for one in view["keepers"]]
    partners = [{**one, "at": ", ".join(one["keepers"] or one["named"]), "code": _fault(one["code"]),
                 "state": word("cli.mailbox.state", one["state"])} for one in view["partners"]]
    for name, rows, columns in (("keepers", keepers, "name url code letters"),
                                ("partners", partners, "name state waiting letters at code"),
                                ("places", view["places"], "note letters full place")):
        click.echo(say(f"cli.mailbox.table.{name}"))
        paper.table(rows, columns)


def _fault(code: str) -> str:
    """What is wrong with a keeper, as the page of the console says it; "" when nothing is."""
    return word("mailbox.fault", code.removeprefix("mailbox."))
