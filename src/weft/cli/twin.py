"""``weft twin``: the standard digital twins of this node (Asset Administration Shell), listed, into and from files.

Not here: how a running node and one at rest are spoken to (``twin_files.py``).
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from weft.basis.errors import Invalid
from weft.cli import twin_files
from weft.cli.client import Node
from weft.cli.options import connected, found, json_option
from weft.cli.printing import Paper
from weft.cli.twin_access import access
from weft.cli.twin_check import check, lacking
from weft.cli.twin_erase import deleted, erase
from weft.cli.twin_events import events
from weft.cli.twin_pages import every
from weft.cli.words import say

FORMS: Final = ("aasx", "json", "xml")
home_option = click.option("--home", type=click.Path(path_type=Path), help=say("cli.option.home"))


@click.group("twin", help=say("cli.twin"))
def command() -> None:
    """Twins."""


command.add_command(access)
command.add_command(events)
command.add_command(check)
command.add_command(lacking)
command.add_command(deleted)
command.add_command(erase)


@command.command("list", help=say("cli.twin.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All shells."""
    shells = every(node, "/api/v3/shells")
    rows = [{"id": one["id"], "name": one.get("idShort", "")} for one in shells]
    paper.table([{"name": row["name"], "identifier": row["id"]} for row in rows], "name identifier", shells)


@command.command("import", help=say("cli.twin.import"))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--report-only", is_flag=True, help=say("cli.twin.report-only"))
@home_option
@json_option
def import_(file: Path, *, report_only: bool, home: Path | None, as_json: bool) -> int:
    """Take in the twins of a file."""
    with click.progressbar(length=1_000, label=say("cli.twin.importing"), file=sys.stderr,
                           hidden=as_json or not sys.stderr.isatty(), item_show_func=_stage) as bar:
        done = twin_files.imported(found(home), file, lambda now: bar.update(max(0, now["done"] - bar.pos), now),
                                   report_only=report_only)
    paper = Paper(as_json=as_json)
    key = "cli.twin.imported" if done["taken"] else "cli.twin.reported" if report_only else "cli.twin.not-imported"
    paper.line(key, done, file=file.name, **{name: done[name] for name in (
        "shells", "submodels", "concepts", "files", "changed")})
    told(paper, done["report"])
    bad = bool(done["report"]["totals"]["broken"])
    return 0 if done["taken"] else int(bad) if report_only else 2


@command.command("export", help=say("cli.twin.export"))
@click.argument("ids", nargs=-1)
@click.option("-o", "--output", "file", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help=say("cli.twin.output"))
@click.option("--version", "version", type=click.Choice(["3.0", "3.1"]), default="3.0", help=say("cli.twin.version"))
@home_option
@json_option
def export(ids: Sequence[str], file: Path, version: str, *, home: Path | None, as_json: bool) -> None:
    """Write twins into a file whose ending says its form."""
    form = file.suffix.lstrip(".").lower()
    if form not in FORMS:
        raise Invalid("aasx.form", form=form[:40])
    done = twin_files.exported(found(home), file, ids, form, version)
    paper = Paper(as_json=as_json)
    paper.line("cli.twin.exported", {"file": str(file), **done}, n=done["shells"], submodels=done["submodels"],
               concepts=done["concepts"], files=done["files"], file=file)
    told(paper, done["report"])


def _stage(now: Mapping[str, Any] | None) -> str | None:
    """What is being done, in megabytes and twins."""
    if now is None:
        return None
    megabytes = {name: f"{now[name] / 1024**2:.1f}" for name in ("bytes", "of")}
    return say(f"cli.twin.stage.{now['stage']}", twins=now["twins"], **megabytes)


def told(paper: Paper, report: Mapping[str, Any]) -> None:
    """The findings, the gravest first."""
    if paper.as_json or not report["findings"]:
        return
    rows = [{"grade": say(f"finding.grade.{one['grade']}"), "where": where(one), "text": sentence(one)}
            for one in report["findings"]]
    paper.table(rows, "grade where text")
    more = sum(report["totals"].values()) - len(rows)
    if more > 0:
        click.echo(say("cli.twin.more", n=more))


def where(one: Mapping[str, Any]) -> str:
    """The place of a finding: part, line and path, as far as there are any."""
    line = f":{one['line']}" if one["line"] else ""
    return " ".join(part for part in (f"{one['part']}{line}", one["path"]) if part)


def sentence(one: Mapping[str, Any]) -> str:
    """What was found; the metamodel's own rules have their sentences among the refusals."""
    family = "error" if "." in one["code"] else "finding"
    return say(f"{family}.{one['code']}", **one["facts"])
