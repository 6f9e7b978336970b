"""``weft doctor``: says what is wrong with a home and how to mend it.

Exit code 1 as soon as one finding keeps the node from working.
Not here: what is looked at (``examining.py``).
"""

import sys
from pathlib import Path
from typing import Final

import click
import msgspec

from weft.cli.examining import examine
from weft.cli.options import found, home_argument, json_option
from weft.cli.words import say

_SIGNS: Final = {"good": "✓", "warning": "!", "bad": "✗"}


@click.command("doctor", help=say("cli.doctor"))
@home_argument
@click.option("--deep", is_flag=True, help=say("cli.doctor.deep"))
@json_option
def command(home: Path | None, *, deep: bool, as_json: bool) -> int:
    """Look at everything that can be looked at from outside."""
    findings = list(examine(found(home)))
    if deep:
        from weft.cli.deep import examine_deeply

        with click.progressbar(length=1_000, label=say("cli.doctor.deep.running"), file=sys.stderr,
                               hidden=as_json or not sys.stderr.isatty()) as bar:
            findings += examine_deeply(found(home), lambda done: bar.update(max(0, done - bar.pos)))
    if as_json:
        click.echo(msgspec.json.encode(findings))
    else:
        for one in findings:
            click.echo(f"{_SIGNS[one.grade]} {one.sentence}")
    return int(any(one.grade == "bad" for one in findings))
