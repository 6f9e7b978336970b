"""``weft demo``: a world of firms as separate processes; the world is a folder with a ``world.py``."""

import os
import sys
from pathlib import Path

import click

from weft.basis.errors import NotFound
from weft.cli.words import say


@click.command("demo", help=say("cli.demo"), context_settings={"ignore_unknown_options": True})
@click.argument("world", type=click.Path(path_type=Path), default=Path("examples/demo"))
@click.option("--headless", is_flag=True, help=say("cli.demo.headless"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.demo.json"))
@click.option("--keep", type=click.Path(path_type=Path), help=say("cli.demo.keep"))
@click.option("--seed", type=int, default=None, help=say("cli.demo.seed"))
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[WORLD'S OWN OPTIONS]...")
def command(
    world: Path, keep: Path | None, seed: int | None, more: tuple[str, ...], *, headless: bool, as_json: bool
) -> None:
    """Start the world's driver in this very process's place."""
    driver = world / "world.py"
    if not driver.is_file():
        raise NotFound("demo.no-world", path=str(world))
    arguments = ["--headless"] * headless + ["--json"] * as_json
    arguments += ["--keep", str(keep)] if keep is not None else []
    arguments += [*(["--seed", str(seed)] if seed is not None else []), *more]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(driver), *arguments])  # noqa: S606 - the world that was named
