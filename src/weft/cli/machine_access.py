"""``weft machine login`` and ``weft machine trust``: how a machine lets us in, and which certificate is its own.

Rule 1: a password is asked for unseen or read from a file; it is never an argument that others could see.
Not here: what is done with it (``engine/commands/reaching.py``).
"""

from pathlib import Path

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say, word

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("login", help=say("cli.machine.login"))
@click.argument("name")
@click.option("--user", default="", help=say("cli.machine.login.user"))
@click.option("--password-file", type=_file, help=say("cli.machine.login.password-file"))
@click.option("--certificate-file", type=_file, help=say("cli.machine.login.certificate-file"))
@click.option("--key-file", type=_file, help=say("cli.machine.login.key-file"))
@click.option("--forget", is_flag=True, help=say("cli.machine.login.forget"))
@connected
def login(node: Node, paper: Paper, name: str, user: str, password_file: Path | None,
          certificate_file: Path | None, key_file: Path | None, forget: bool) -> None:
    """Set how we log in at a machine."""
    given: dict[str, str] = {}
    if certificate_file is not None or key_file is not None:
        given = {"certificate": _text(certificate_file), "key": _text(key_file)}
    elif not forget:
        given["user"] = user or click.prompt(say("cli.machine.login.ask-user"))
        given["password"] = _text(password_file).partition("\n")[0].rstrip("\r") if password_file else click.prompt(
            say("cli.machine.login.ask-password"), hide_input=True)
    done = node.do("machine-login", name=name, **given)
    paper.line("cli.machine.login.forgotten" if forget else "cli.machine.login.done", done, name=name)


@click.command("trust", help=say("cli.machine.trust"))
@click.argument("name")
@click.argument("fingerprint", required=False, default="")
@connected
def trust(node: Node, paper: Paper, name: str, fingerprint: str) -> None:
    """Trust the certificate that a machine shows; without a fingerprint, tell which it shows."""
    if fingerprint:
        paper.line("cli.machine.trust.done", node.do("machine-trust", name=name, fingerprint=fingerprint), name=name)
        return
    view = node.view("machine-access", name=name)
    shown = [one for one in (view["offered"], view["trusted"]) if one]
    rows = [{**one, "state": word("machine.certificate", one["reason"] or "trusted")} for one in shown]
    paper.table(rows, "state fingerprint subject since until", view)


def _text(path: Path | None) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path is not None else ""
