"""``weft machine add NAME ADDRESS``: a machine that is looked at.

Rule 1: nothing is added before its owner has seen what the node may write to it, or has said ``--yes``.
Rule 2: a machine that does not answer is told with what to do, whatever it is spoken with.
Not here: machines that come with a file (``machine_files.py``), how links do (``machine_links.py``).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from weft.cli.client import Node
from weft.cli.printing import Paper
from weft.cli.words import say, word
from weft.shopfloor.remedies import reason

_HOST: Final = re.compile(r"[\w.-]+:\d{1,5}(/\S*)?|\d{1,3}(\.\d{1,3}){3}(/\S*)?")


def is_address(target: str) -> bool:
    """Whether ``target`` is the address of a machine and no file; one that lacks its scheme is one, too."""
    return "://" in target or (_HOST.fullmatch(target) is not None and not Path(target).exists())


def connect(node: Node, paper: Paper, name: str, address: str, given: Mapping[str, Any]) -> None:
    """Look at the machine at ``address``, show what is proposed, and add it.

    ``given``: limits, roles, under, way (mode and policy), login, yes.
    """
    draft = node.do("machine-draft", name=name, address=address)["facts"]["draft"]
    try:
        _progress(paper, "cli.machine.connect.looking", address=address)
        way = given["way"] or _safest(node, draft)
        node.do("machine-draft-secure", draft=draft, way=way, user=bool(given["login"]))
        _progress(paper, "cli.machine.connect.way", way=word("cli.machine.way", way.partition(" ")[0]))
        _answers(node, draft)
        wanted = {one: given[one] for one in ("under", "limits", "roles")}
        told = node.do("machine-draft-propose", draft=draft, **wanted)["facts"]
        view = node.view("machine-draft", draft=draft)
        tried = node.view("machine-tried", draft=draft)
        if not paper.as_json:
            _show(paper, view, told, tried)
        if not given["yes"]:
            click.confirm(say("cli.machine.connect.sure", name=name), abort=True, err=True)
    except BaseException:
        node.do("machine-draft-drop", draft=draft)
        raise
    done = node.do("machine-draft-add", draft=draft)
    paper.line("cli.machine.connect.done", {**done, "findings": told["findings"], "values": tried["values"]}, name=name,
               good=tried["good"], of=len(tried["values"]))


def _safest(node: Node, draft: str) -> str:
    """The first way that the machine offers; they come with the safest first."""
    offered = node.view("machine-offered", draft=draft)
    if offered["fault"] is not None:
        raise click.ClickException(_fault(offered["fault"]))
    return next((f"{one['mode']} {one['policy']}".strip() for one in offered["ways"]), "none")


def _answers(node: Node, draft: str) -> None:
    """Raise what to do about a machine that does not answer."""
    looked = node.view("machine-look", draft=draft)
    if looked["fault"] is not None:
        raise click.ClickException(_fault(looked["fault"]))


def _show(paper: Paper, view: Mapping[str, Any], told: Mapping[str, Any], tried: Mapping[str, Any]) -> None:
    values = {one["property"]: one for one in tried["values"]}
    rows = [{"property": one["name"], "role": word("role", one.get("role", "signal")),
             "unit": word("unit", one.get("unit", "")),
             "value": values.get(one["name"], {}).get("value", ""), "limits": _limits(one)}
            for one in view["rows"] if not one.get("action")]
    paper.table(rows, "property role value unit limits")
    if tried["fault"] is not None:
        click.echo(_fault(tried["fault"]), err=True)
    for one in told["findings"]:
        facts = {name: word("role", text) if name == "role" else text for name, text in one.get("facts", {}).items()}
        click.echo(say(f"propose.{one['code']}", property=one.get("property", ""), **facts))
    for one in view["may_write"]:
        kind = "between" if one["minimum"] and one["maximum"] else one["type"]
        kind = kind if kind in {"between", "string", "boolean"} else "any"
        may = say(f"connect.may.{kind}", title=one["title"], low=one["minimum"], high=one["maximum"],
                  unit=word("unit", one["unit"]))
        click.echo(" ".join(may.split()))
    if not view["may_write"]:
        click.echo(say("cli.machine.connect.reads"))


def _limits(row: Mapping[str, Any]) -> str:
    return f"{row['minimum']} – {row['maximum']}" if row.get("minimum") and row.get("maximum") else ""


def _fault(fault: Mapping[str, Any]) -> str:
    code, remedy, facts = fault["code"], fault["remedy"], fault["facts"]
    told = {**facts, "detail": say(f"reason.{known}")} if (known := reason(str(facts.get("detail", "")))) else facts
    return f"{say(f'error.{code}', **told)} {say(f'remedy.{remedy}')}"


def _progress(paper: Paper, key: str, **facts: object) -> None:
    if not paper.as_json:
        click.echo(say(key, **facts), err=True)
