"""Options that many commands share: which home, and whether a program or a person reads the answer."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from weft.basis.errors import NotFound
from weft.cli.client import Node
from weft.cli.printing import Paper
from weft.cli.words import about, say

Command = Callable[..., Any]
json_option = click.option("--json", "as_json", is_flag=True, help=say("cli.option.json"))


def _passphrase(_context: click.Context, _option: click.Parameter, path: Path | None) -> str:
    """The first line of the file, without the mark that some editors put in front; "" when none is given."""
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8-sig").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound("backup.passphrase-file", path=str(path)) from error
    if not text:
        raise NotFound("backup.passphrase-file", path=str(path))
    return text


passphrase_option = click.option("--passphrase-file", "passphrase", type=click.Path(path_type=Path),
                                 callback=_passphrase, help=say("cli.option.passphrase-file"))
sheet_option = click.option("--sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                            help=say("cli.option.sheet"))
home_argument = click.argument("home", type=click.Path(path_type=Path), required=False, metavar="[HOME]")


def connected(command: Command) -> Command:
    """Give ``command`` the running node (first) and the paper to print on (second)."""

    @click.option("--home", type=click.Path(path_type=Path), help=say("cli.option.home"))
    @json_option
    @functools.wraps(command)
    def wrapped(*args: Any, home: Path | None, as_json: bool, **named: Any) -> Any:
        return command(Node(found(home)), Paper(as_json=as_json), *args, **named)

    return wrapped


def found(home: Path | None) -> Path:
    """The home that is meant: as given, else WEFT_HOME, else where we stand."""
    if home is not None:
        return about(home)
    named = os.environ.get("WEFT_HOME")
    if named:
        return about(Path(named))
    if Path("weft.toml").is_file():
        return about(Path())
    raise NotFound("cli.which-home")


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE …`` as a dictionary."""
    wrong = next((one for one in given if "=" not in one), None)
    if wrong is not None:
        raise click.BadParameter(say("cli.wrong.pair", given=wrong))
    return dict(one.split("=", 1) for one in given)
