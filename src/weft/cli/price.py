"""``weft price``: publish a price book; test and verify one offline, without any node.

Not here: the rule itself (``pricing/``).
"""

from pathlib import Path

import click
import msgspec

from weft.basis.errors import Invalid
from weft.cli import price_audit, price_drafts, price_files, price_log, price_reading, proving
from weft.cli.client import Node
from weft.cli.item import told
from weft.cli.options import connected, json_option, pairs
from weft.cli.ordering import conversation_of
from weft.cli.price_drafts import a_file, draft
from weft.cli.printing import Paper
from weft.cli.words import say


@click.group("price", help=say("cli.price"))
def command() -> None:
    """Price books."""


for further in (price_log.log, price_files.export, price_log.witnesses, price_drafts.write, price_drafts.diff,
                price_audit.audit):
    command.add_command(further)


@command.command("publish", help=say("cli.price.publish"))
@click.argument("book", type=a_file)
@connected
def publish(node: Node, paper: Paper, book: Path) -> None:
    """Publish the book in a JSON file."""
    paper.done(node.do("publish-prices", book=draft(book)))


@command.command("test", help=say("cli.price.test"))
@click.argument("book", type=a_file)
@click.argument("item")
@click.argument("quantity")
@click.argument("attributes", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--unit", default="C62", show_default=True, help=say("cli.option.unit"))
@json_option
def test(book: Path, item: str, quantity: str, attributes: tuple[str, ...], unit: str, *, as_json: bool) -> None:
    """The price of one line, with every step."""
    from weft.pricing.book import load
    from weft.pricing.evaluate import Attributes, price

    given = {"item": item, "quantity": quantity, "unit": unit, **pairs(attributes)}
    try:
        asked = msgspec.convert(given, Attributes)
    except msgspec.ValidationError as error:
        raise Invalid("command.params", name="price test", detail=str(error)[:160]) from error
    priced = price(load(draft(book)), asked)
    paper = Paper(as_json=as_json)
    steps = [msgspec.to_builtins(step) for step in priced.trace]
    paper.table(steps, "kind name by result", msgspec.to_builtins(priced))
    if not as_json:
        click.echo(say("cli.price.is", item=item, quantity=quantity, price=priced.unit_price, base=priced.base,
                       currency=priced.currency, net=priced.net, gross=priced.gross))


@command.command("verify", help=say("cli.price.verify"))
@click.argument("file", metavar="FILE")
@click.option("--policy", type=a_file, help=say("cli.price.verify.policy"))
@click.option("--max-age", default=7, show_default=True, type=click.IntRange(0, 36_500), metavar="DAYS",
              help=say("cli.price.verify.max-age"))
@click.option("--book", type=a_file, help=say("cli.price.verify.book"))
@click.option("--with", "beside", type=a_file, help=say("cli.price.verify.with"))
@click.option("--previous", type=a_file, help=say("cli.price.verify.previous"))
@click.option("--at", default="", metavar="INSTANT", help=say("cli.price.verify.at"))
@json_option
def verify(file: str, previous: Path | None, at: str, max_age: int, *, as_json: bool, **beside: Path | None) -> int:
    """Whether a price follows its public rule; or, of a price book, all that would keep it from being published."""
    paper = Paper(as_json=as_json)
    try:
        data = price_reading.content(file)
    except Invalid as error:
        if as_json:
            return proving.unknown(paper, error)
        raise
    if price_reading.is_proof(data):
        return proving.verify(data, beside, paper, max_age)
    if not price_reading.is_book(data):
        return proving.unknown(paper, Invalid("cli.price.damaged"))
    return sound_book(paper, Path(file), previous, at)


@command.command("evidence", help=say("cli.price.evidence"))
@click.argument("thread")
@click.option("--document", default="", help=say("cli.price.evidence.document"))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help=say("cli.price.evidence.output"))
@connected
def evidence(node: Node, paper: Paper, thread: str, document: str, output: Path | None) -> None:
    """A price and all that proves it, as a file."""
    given = node.view("price-evidence", thread=conversation_of(node, thread), document=document)
    path = output or Path(given["name"])
    path.write_text(given["file"], encoding="utf-8")
    paper.line("cli.price.evidence.done", {"file": str(path)}, file=path)


def sound_book(paper: Paper, book: Path, previous: Path | None, at: str) -> int:
    """All that would keep a book from being published."""
    from weft.pricing.book import load
    from weft.pricing.lint import lint

    findings = lint(draft(book), previous=None if previous is None else load(draft(previous)), at=at)
    if findings:
        rows = [told(msgspec.to_builtins(one)) for one in findings]
        paper.table(rows, "problem", rows)
        return 1
    sound = load(draft(book))
    paper.line("cli.price.sound", {"hash": sound.hash, "findings": []}, hash=sound.hash)
    return 0
