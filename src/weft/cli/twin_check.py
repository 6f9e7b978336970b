"""``weft twin check`` and ``weft twin lacking``: twins against IDTA's templates, and what is still to be entered.

Rule 1: without a file, the templates are those that the program carries; a file of IDTA's asks for all that it names.
Not here: the check itself (``twin/templates/check.py``), what is carried (``engine/twins/judging.py``).
"""

import json
import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from weft.basis.errors import Invalid, NotFound
from weft.cli.client import Node
from weft.cli.options import connected, found, json_option
from weft.cli.printing import Paper
from weft.cli.twin_pages import every
from weft.cli.words import say
from weft.engine.twins.judging import carried
from weft.twin.names import encode_id
from weft.twin.templates.check import Deviation, claims, deviations


@click.command("check", help=say("cli.twin.check"))
@click.argument("what", metavar="[FILE|ID]", default="")
@click.option("--template", "template", type=click.Path(exists=True, path_type=Path),
              help=say("cli.twin.check.template"))
@click.option("--home", type=click.Path(path_type=Path), help=say("cli.option.home"))
@json_option
def check(what: str, template: Path | None, home: Path | None, *, as_json: bool) -> None:
    """Say every deviation of submodels in a file, or of the running node; exit code 1 if there is any."""
    files = list(_templates(template))
    rows: list[dict[str, Any]] = []
    checked = 0
    for submodel in _submodels(what, home):
        named = len(files) == 1 and what
        told = [[_row(name, submodel, one) for one in deviations(asked, submodel)]
                for name, asked in files if named or claims(asked, submodel)]
        checked += bool(told)
        rows += sorted(told, key=len)[0] if told else []  # noqa: FURB192 - types of min do not know such rows
    if not checked:
        raise NotFound("twin.no-claim", what=what[:200], template="IDTA" if template is None else template.name)
    paper = Paper(as_json=as_json)
    if rows or as_json:
        paper.table(rows, "submodel element deviation", {"checked": checked, "deviations": rows})
    else:
        paper.line("cli.twin.checked", None, n=checked)
    sys.exit(1 if rows else 0)


@click.command("lacking", help=say("cli.twin.lacking"))
@click.argument("shell", default="")
@connected
def lacking(node: Node, paper: Paper, shell: str) -> None:
    """What has to be entered before further templates can be filled."""
    told = node.view("twin-templates", **({"shell": shell} if shell else {}))
    rows = [{"identifier": one["shell"], "template": gap["template"],
             "lacking": say(f"twin.gap.{gap['code']}", **gap["facts"])}
            for one in told["shells"] for gap in one["lacking"]]
    paper.table(rows, "identifier template lacking", told)


def _row(template: str, submodel: Mapping[str, Any], one: Deviation) -> dict[str, Any]:
    """One deviation as people and programs read it."""
    return {"submodel": submodel.get("idShort") or submodel.get("id", ""), "template": template,
            "element": one.path or say("twin.deviation.whole"), "path": one.path, "code": one.code,
            "facts": one.facts, "deviation": say(f"twin.deviation.{one.code}", **one.facts)}


def _templates(path: Path | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(file name, contents) of one template file, of all in a folder, or of those that the program carries."""
    if path is None:
        yield from ((one["submodels"][0]["idShort"], one) for one in carried().values())
        return
    for one in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        yield one.name, _read(one)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise Invalid("twin.no-json", file=path.name) from error
    if not isinstance(data, dict):
        raise Invalid("twin.no-json", file=path.name)
    return data


def _submodels(what: str, home: Path | None) -> Iterator[Mapping[str, Any]]:
    """The submodels of a file (an environment or one submodel), of a shell, the one with that id, or all there are."""
    if not what:
        yield from every(Node(found(home)), "/api/v3/submodels")
        return
    if Path(what).is_file():
        data = _read(Path(what))
        inner = [data] if data.get("modelType") == "Submodel" else data.get("submodels", [])
        yield from (one for one in inner if isinstance(one, dict))
        return
    node = Node(found(home))
    shell = _get(node, "shells", what)
    names = [one["keys"][0]["value"] for one in shell.get("submodels", ())] if shell is not None else [what]
    for name in names:
        submodel = _get(node, "submodels", name)
        if submodel is None:
            raise NotFound("twin.submodel", id=name[:200])
        yield submodel


def _get(node: Node, kind: str, name: str) -> Mapping[str, Any] | None:
    """What the node has under this id; None when it has nothing."""
    try:
        held: Mapping[str, Any] = json.loads(node.raw(f"/api/v3/{kind}/{encode_id(name)}"))
    except Invalid as error:
        if error.facts.get("status") == HTTPStatus.NOT_FOUND:
            return None
        raise
    return held
