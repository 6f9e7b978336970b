"""Ids on a command line: one in 64 begins with a dash, and is still no option.

Rule 1: only an argument that has the shape of an id is moved; anything else stays as it was typed.
Not here: what an id names (``ordering.py``), options that many commands share (``options.py``).
"""

import re
from collections.abc import Sequence
from typing import Final

import click

_ID: Final = re.compile(r"-[A-Za-z0-9_-]{7}|-[A-Za-z0-9_-]{42}|-[A-Za-z0-9_-]{5}(-[0-9]+){1,2}")
_HELP: Final = {"-h": False, "--help": False}


def told_apart(root: click.Group, arguments: Sequence[str]) -> list[str]:
    """``arguments`` with all that is no option behind ``--``, if an id among them begins with a dash."""
    given = list(arguments)
    if not any(_ID.fullmatch(one) for one in given):
        return given
    command, place = _meant(root, given)
    if command is None:
        return given
    takes_value = _HELP | {name: not one.is_flag for one in command.params if isinstance(one, click.Option)
                           for name in (*one.opts, *one.secondary_opts)}
    options: list[str] = []
    words: list[str] = []
    rest = iter(given[place:])
    for one in rest:
        name = one.partition("=")[0]
        if name in takes_value or (one.startswith("--") and not _ID.fullmatch(one)):
            options.append(one)
            options.extend([next(rest, "")] if takes_value.get(one) else [])
        else:
            words.append(one)
    return [*given[:place], *options, "--", *words]


def _meant(root: click.Group, given: list[str]) -> tuple[click.Command | None, int]:
    """The command that ``given`` names, and where its own arguments begin."""
    command: click.Command | None = root
    place = 0
    while isinstance(command, click.Group) and place < len(given):
        command = command.get_command(click.Context(command), given[place])
        place += 1
    return command, place
