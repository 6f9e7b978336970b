"""``weft history``: numbers that machines have told over time, as files to take along."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from weft.basis import instant
from weft.basis.errors import NotFound, Refused
from weft.cli.client import Node
from weft.cli.history_files import write
from weft.cli.history_span import moment, span_of
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say


@click.group("history", help=say("cli.history"))
def command() -> None:
    """Values over time."""


@command.command("list", help=say("cli.history.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """What there is of each machine."""
    rows = []
    for one in node.view("machines")["machines"]:
        view = node.view("machine-records", machine=one["name"], limit="1", end="1")
        rows.append({"machine": one["name"], "title": one["title"], "numbers": len(view["columns"]),
                     "from": _told(view["first_ms"]), "to": _told(view["last_ms"])})
    shown = [{**row, "name": row["machine"], "called": row["title"]} for row in rows]
    paper.table(shown, "name called numbers from to", {"machines": rows})


def _told(at: int) -> str:
    return instant.from_ms(at) if at else ""


@command.command("export", help=say("cli.history.export"))
@click.argument("machine")
@click.option("--from", "begin", default="", help=say("cli.history.from"))
@click.option("--to", "end", default="", help=say("cli.history.to"))
@click.option("--of", "of", default="", help=say("cli.history.of"))
@click.option("--csv", "form", flag_value="csv", default=True, help=say("cli.history.csv"))
@click.option("--xlsx", "form", flag_value="xlsx", help=say("cli.history.xlsx"))
@click.option("--parquet", "form", flag_value="parquet", help=say("cli.history.parquet"))
@click.option("--out", "target", type=click.Path(dir_okay=False, path_type=Path), help=say("cli.history.out"))
@connected
def export(node: Node, paper: Paper, machine: str, **given: Any) -> None:
    """Write the records of a span into a file."""
    span, zone = span_of(node, given)
    target = given["target"] or Path(f"{machine}.{given['form']}")
    if target.exists():
        raise Refused("cli.history.exists", path=str(target))
    partial = target.with_name(target.name + ".partial")
    try:
        with partial.open("xb") as file:
            if given["form"] == "parquet":
                query = urlencode({"from": span[0], "to": span[1], "of": given["of"]})
                count = node.download(f"/machines/{quote(machine, safe='')}/values.parquet?{query}", file)
            else:
                count = write(node, (machine, given["of"]), span, (given["form"], zone), file, hidden=paper.as_json)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    done = "cli.history.bytes" if given["form"] == "parquet" else "cli.history.done"
    paper.line(done, {"file": str(target), ("bytes" if "bytes" in done else "rows"): count}, file=target, n=count)


@command.command("timeline", help=say("cli.history.timeline"))
@click.argument("machine")
@click.option("--from", "begin", default="", help=say("cli.history.from"))
@click.option("--to", "end", default="", help=say("cli.history.to"))
@click.option("--by", type=click.Choice(["shift", "day", "week"]), default="shift", help=say("cli.history.by"))
@click.option("--out", "target", type=click.Path(dir_okay=False, path_type=Path), help=say("cli.history.timeline.out"))
@connected
def timeline(node: Node, paper: Paper, machine: str, by: str, target: Path | None, **given: str) -> None:
    """What a machine did."""
    from weft.cli import history_timeline

    span, _ = span_of(node, given)
    if target is None:
        history_timeline.told(node, machine, span, by, paper)
        return
    count = history_timeline.write(node, machine, span, by, target)
    paper.line("cli.history.done", {"file": str(target), "rows": count}, file=target, n=count)


@command.command("verify", help=say("cli.history.verify"))
@click.argument("what")
@click.option("--from", "begin", default="", help=say("cli.history.from"))
@click.option("--to", "end", default="", help=say("cli.history.to"))
@connected
def verify(node: Node, paper: Paper, what: str, **given: str) -> None:
    """Hold sealed values against what was signed."""
    from weft.cli import history_proof
    from weft.launch import Home

    if what.endswith(".parquet") or Path(what).is_file():
        if not Path(what).is_file():
            raise NotFound("history.file-missing", file=what)
        sys.exit(history_proof.of_file(node, Path(what), paper))
    zone = Home(node.home).config().firm.zone
    begin, end = (round(moment(given[one], zone).timestamp() * 1000) if given[one] else None
                  for one in ("begin", "end"))
    sys.exit(history_proof.of_machine(node, what, (begin or 0, end or 1 << 44), paper))
