"""``weft init``: keys, database and weft.toml of a new home."""

from pathlib import Path
from urllib.parse import urlsplit

import click

from weft import config
from weft.cli.clocks import own_zone
from weft.cli.options import json_option
from weft.cli.printing import Paper
from weft.cli.words import about, language, say


@click.command("init", help=say("cli.init"))
@click.argument("home", type=click.Path(path_type=Path))
@click.option("--name", required=True, help=say("cli.init.name"))
@click.option("--lang", type=click.Choice(["zh", "en"]), default=language, help=say("cli.init.lang"))
@click.option("--url", default="", help=say("cli.init.url"))
@json_option
def command(home: Path, name: str, lang: str, url: str, *, as_json: bool) -> None:
    """Make a home."""
    from weft import launch

    organisation = launch.run(launch.init(home, name, lang, url, own_zone()))
    sheet = launch.Home(about(home)).recovery_sheet
    Paper(as_json=as_json).line(
        "cli.init.done", {"home": str(home), "organisation": organisation, "recovery_sheet": str(sheet)},
        home=home, organisation=organisation, sheet=sheet, port=_port(url))


def _port(url: str) -> str:
    """What ``weft up`` must be told so that it answers where partners will ask."""
    try:
        port = urlsplit(url).port if url.startswith("http://") else None
    except ValueError:
        port = None
    return f" --port {port}" if port not in {None, config.Listen().port} else ""
