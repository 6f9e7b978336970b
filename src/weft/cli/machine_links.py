"""``weft machine health``: how the link to each machine does, and what to do.

Not here: machines that are looked at for the first time (``machine_connect.py``).
"""

from collections.abc import Mapping
from typing import Any

import click

from weft.cli.client import Node
from weft.cli.printing import Paper
from weft.cli.words import at, say, word


def health(node: Node, paper: Paper) -> bool:
    """Tell how each link does; whether all are well."""
    view = node.view("connections")
    rows = [{"name": one["name"], "state": word("cli.connection", one["state"]), "rate": _rate(one),
             "bad": one["bad_count"] or "", "gaps": len(one["gaps"]) or "",
             "since_when": at(_instant(one["since_ms"])),
             "next": say(f"remedy.{one['remedy']}") if one["remedy"] else ""}
            for one in view["connections"]]
    paper.table(rows, "name state since_when rate bad gaps next", view)
    if not paper.as_json:
        for one in view["connections"]:
            for value in one["bad"]:
                click.echo(f"  {one['name']} · {value['title']}: {say('bad.' + value['why'])}")
    return not view["wrong"]


def _rate(one: Mapping[str, Any]) -> str:
    return "" if one["rate"] < 0 else f"{one['rate']:g}/s"


def _instant(ms: int) -> str:
    from weft.basis import instant

    return instant.from_ms(ms) if ms else ""
