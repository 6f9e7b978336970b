"""``weft twin``: the standard digital twins of this node (Asset Administration Shell) as a file."""

import json
from pathlib import Path
from typing import Any

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say

PAGE = 500


@click.group("twin", help=say("cli.twin"))
def command() -> None:
    """Twins."""


@command.command("list", help=say("cli.twin.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All shells."""
    shells = every(node, "/api/v3/shells")
    rows = [{"id": one["id"], "name": one.get("idShort", "")} for one in shells]
    paper.table([{"name": row["name"], "identifier": row["id"]} for row in rows], "name identifier", shells)


@command.command("export", help=say("cli.twin.export"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@connected
def export(node: Node, paper: Paper, file: Path) -> None:
    """Write all shells and submodels into one AAS environment (JSON)."""
    environment: dict[str, list[Any]] = {
        "assetAdministrationShells": every(node, "/api/v3/shells"), "submodels": every(node, "/api/v3/submodels")}
    held = {name: found for name, found in environment.items() if found}
    file.write_text(json.dumps(held, ensure_ascii=False, indent=1), encoding="utf-8")
    count = len(environment["assetAdministrationShells"])
    paper.line("cli.twin.exported", {"file": str(file), "shells": count}, n=count, file=file)


def every(node: Node, path: str) -> list[Any]:
    """All pages below ``path``."""
    from urllib.parse import urlencode

    found: list[Any] = []
    cursor = ""
    while True:
        query = urlencode({"limit": PAGE} | ({"cursor": cursor} if cursor else {}))
        page = json.loads(node.raw(f"{path}?{query}"))
        found.extend(page["result"])
        cursor = (page.get("paging_metadata") or {}).get("cursor", "")
        if not cursor:
            return found
