"""Documents that cannot lie: made pages are fresh, links lead somewhere, both languages exist, commands are real."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from weft import cli, config

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
ONE_LANGUAGE = {"ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_pages_made_from_the_code_are_fresh():
    """If not: ``make docs``."""
    done = subprocess.run([sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True,
                          check=False, cwd=ROOT)
    assert done.returncode == 0, f"stale (make docs writes them): {done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:src|tests|docs|examples|requirements)/[\w./-]+\w)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_page_for_owners_is_there_in_both_languages(page):
    if page.name in ONE_LANGUAGE or "decisions" in page.parts:
        return
    twin = page.name.replace(".zh-CN.md", ".md") if ".zh-CN" in page.name else page.name.replace(".md", ".zh-CN.md")
    assert (page.parent / twin).is_file()


@pytest.mark.parametrize("lang", ["md", "zh-CN.md"])
def test_every_setting_is_documented(lang):
    text = (DOCS / "reference" / f"configuration.{lang}").read_text(encoding="utf-8")
    for one in config.settings():
        assert f"`{one.name}`" in text
        assert f"`{one.variable}`" in text


def parsed(command: click.Command, words: list[str]) -> click.Command | None:
    """The command that ``words`` reach, if its options and arguments can be what they say; nothing is run."""
    context = command.make_context(command.name, list(words), resilient_parsing=True)
    if isinstance(command, click.Group):
        inner = words[0] if words else ""
        found = command.get_command(context, inner)
        return None if found is None else parsed(found, words[1:])
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    return command if given <= known | {"--help"} else None


def shown(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("weft ")]


WITH_COMMANDS = [page for page in PAGES if shown(page)]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_every_command_that_is_shown_is_one(page):
    for line in shown(page):
        words = shlex.split(line.replace("$table", "items"))[1:]
        assert parsed(cli.weft, words) is not None, line


def test_the_tutorial_shows_commands():
    assert len(shown(DOCS / "tutorial" / "first-order.md")) > 15
    assert len(shown(DOCS / "tutorial" / "first-order.md")) == len(shown(DOCS / "tutorial" / "first-order.zh-CN.md"))


def test_every_dependency_has_a_line_in_its_decision():
    told = set(re.findall(r"`([\w-]+)`", (DOCS / "decisions" / "0001-dependencies.md").read_text(encoding="utf-8")))
    for file in ("runtime.in", "dev.in", "build.in"):
        wanted = [line for line in (ROOT / "requirements" / file).read_text(encoding="utf-8").split("\n") if line]
        missing = [line for line in wanted if not line.startswith("-r") and line not in told]
        assert missing == [], file


def test_architecture_is_one_page():
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_architecture_names_every_folder():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    package = Path(importlib.import_module("weft").__file__ or "").parent
    folders = [one.name for one in package.iterdir() if (one / "__init__.py").is_file()]
    assert [one for one in folders if f"`{one}" not in text and f"`{one}/*`" not in text] == []


def test_make_help_names_every_target_of_the_readme():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in (ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"make ([a-z]+)\b", page.read_text(encoding="utf-8")):
            if f"`make {target}" in page.read_text(encoding="utf-8"):
                assert f"\n{target}:" in makefile, target
