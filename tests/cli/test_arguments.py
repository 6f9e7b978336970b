"""Ids that begin with a dash are understood wherever an id may stand; options stay options."""

from weft.cli import weft
from weft.cli.arguments import told_apart

LONG = "-" + "a" * 42


def test_an_id_that_begins_with_a_dash_is_no_option():
    assert told_apart(weft, ["order", "counter", "-hUxViRA", "1=80", "--home", "shop"]) == [
        "order", "counter", "--home", "shop", "--", "-hUxViRA", "1=80"]
    assert told_apart(weft, ["job", "end", "-ZUxVi-1-10", "--good", "80"]) == [
        "job", "end", "--good", "80", "--", "-ZUxVi-1-10"]
    assert told_apart(weft, ["order", "show", "--json", LONG]) == ["order", "show", "--json", "--", LONG]
    assert told_apart(weft, ["order", "show", "--xViRAb"]) == ["order", "show", "--", "--xViRAb"]


def test_everything_else_stays_as_it_was_typed():
    for typed in (["order", "show", "ZUxViRAb", "--home", "shop"], ["order", "show", "--wrong-option"], ["-h"], [],
                  ["nothing", "-ZUxViRA"], ["order", "send", "-x"]):
        assert told_apart(weft, typed) == typed


def test_the_value_of_an_option_may_be_anything():
    assert told_apart(weft, ["order", "reject", "-ZUxViRA", "--home=shop", "--home", "-a-folder"]) == [
        "order", "reject", "--home=shop", "--home", "-a-folder", "--", "-ZUxViRA"]
