"""The command line: one file for each command, found by its name, imported when it is used.

Exit codes: 0 done; 1 it was done and something is wrong (doctor, verify); 2 refused, with the reason on stderr; 130
interrupted.
Rule 1: no command reaches into a running node: it speaks to its JSON API like any other program.
Rule 2: whatever can be refused ends in one sentence with its code, in the reader's language, never in a traceback.
Not here: what commands do to a node (``engine/commands``), words (``locale/``).
"""

import importlib
from collections.abc import Sequence
from typing import Final

import click

from weft.basis.errors import Unavailable, WeftError
from weft.cli import clicking
from weft.cli.arguments import told_apart
from weft.cli.words import refusal, say

COMMANDS: Final = (
    "init", "up", "demo", "doctor", "peer", "device", "key", "bundle", "mailbox", "item", "price", "order", "stock",
    "job", "wages", "machine", "history", "billing", "till", "pickup", "twin", "log", "backup", "restore", "export",
    "close", "erase", "prune", "do", "view",
)


class Weft(click.Group):
    """All commands by the names of their files."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"weft.cli.{name}").command
        return command

    def invoke(self, context: click.Context) -> object:
        """A refusal is told while the home at hand is still known: in its language, by its clock."""
        try:
            return super().invoke(context)
        except WeftError as error:
            click.echo(refusal(error), err=True)
            return 2


@click.command(cls=Weft, help=say("cli.weft"), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="weft", prog_name="weft", message="%(prog)s %(version)s", help=say("click.version"))
def weft() -> None:
    """Everything below."""


def run(arguments: Sequence[str]) -> int:
    """Run ``arguments``; the exit code."""
    clicking.speak()
    try:
        code = weft.main(told_apart(weft, arguments), prog_name="weft", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except OSError as error:  # a path that this user may not even look at, a name too long, a disk that fails
        told = Unavailable("cli.system", path=str(error.filename or "-"), reason=error.strerror or type(error).__name__)
        click.echo(refusal(told), err=True)
        return 2
    return code if isinstance(code, int) else 0
