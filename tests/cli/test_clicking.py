"""What the command line's own library says is told in both languages; a new release of it that says more is seen."""

import ast
import importlib
from pathlib import Path

import click
import pytest

from tests.cli.test_commands import weft
from weft import cli, locale
from weft.cli import clicking

MODULES = ("core", "decorators", "exceptions", "formatting", "parser", "termui", "types")
TO_PROGRAMMERS = ("decl", "defined twice", "No options defined", "Choice(", "%(prog)s", "Unknown color")
GETTEXT = {"_", "ngettext"}
ENGLISH = ("Usage", "Options", "Commands", "Error", "Try ", "Show ", "Missing", "No such", "Invalid", "required")


def said_by_click() -> set[str]:
    """Every sentence for people in the parts of click that we use."""
    found = set()
    for name in MODULES:
        path = Path(importlib.import_module(f"click.{name}").__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in GETTEXT:
                found |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    return {one for one in found if not any(mark in one for mark in TO_PROGRAMMERS)}


def untold(table: dict[str, str]) -> set[str]:
    return said_by_click() - {sentence for key, sentence in table.items() if key.startswith("click.")}


def test_every_sentence_of_click_has_one_of_ours():
    assert len(said_by_click()) > 50
    assert not untold(dict(locale.sentences("en")))


def test_a_sentence_that_is_left_out_is_seen():
    table = dict(locale.sentences("en"))
    del table["click.no-option"]
    assert untold(table) == {"No such option {name!r}."}


@pytest.mark.parametrize("arguments", [
    ("machine", "list", "--nope"), ("machine", "add"), ("nothing",), ("init",), ("init", "a", "b"),
    ("init", "a", "--name", "b", "--lang", "fr"), ("up", "a", "--port", "x"), ("up", "a", "--port", "-1"),
    ("item", "import", "nothing.csv"), ("job", "count"), ("up", "--port"), ("up", "--dev-open=1"),
])
def test_wrong_arguments_are_told_in_chinese(monkeypatch, capsys, arguments):
    monkeypatch.setenv("WEFT_LANG", "zh")
    assert cli.run(arguments) == 2
    told = capsys.readouterr().err
    assert "错误：" in told
    assert not [word for word in ENGLISH if word in told], told


def test_help_is_told_in_chinese():
    told = weft("machine", "--help", lang="zh").stdout
    assert "用法：" in told
    assert "显示本说明。" in told
    assert not [word for word in ENGLISH if word in told], told


def test_the_same_in_english_is_what_click_says(monkeypatch, capsys):
    monkeypatch.setenv("WEFT_LANG", "en")
    cli.run(["machine", "list", "--nope"])
    assert "Error: No such option '--nope'. Did you mean '--home'?" in capsys.readouterr().err
    cli.run(["up", "a", "--port", "x"])
    assert "'x' is not a valid whole number." in capsys.readouterr().err


def test_without_our_words_click_speaks_english():
    try:
        vars(click.exceptions)["_"] = str
        raised = click.NoSuchOption("--nope").format_message()
    finally:
        clicking.speak()
    assert raised == "No such option '--nope'."
