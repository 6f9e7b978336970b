"""There is no way around the guard: doors have the repository's methods, or fewer, and nothing behind them."""

import ast
import inspect
from pathlib import Path

import pytest

from weft.doors import aas
from weft.engine.twins.guarded import Guarded
from weft.engine.twins.repository import Repository

DOOR = Path(aas.__file__).parent
# what only the house has: the twins as they rest, and what runs beside them
OWN = {"store", "derived", "opening", "write", "run", "close", "owns", "history", "at", "feed", "feed_ends", "file_in",
       "picture_in", "element", "trouble", "imports", "scratch", "author", "commit", "signed"}
MORE = {"access", "subject", "sight", "may_change", "may_execute"}
BEHIND = {"commit", "node", "store", "derived", "_node", "_twins", "_store", "home"}
ALLOWED = {("call.py", "_node"), ("service.py", "_node")}  # they make the call, and let people in


def methods(kind) -> set[str]:
    return {name for name in {*dir(kind), *kind.__annotations__} if not name.startswith("_")}


def test_what_is_guarded_has_the_methods_of_the_repository_less_those_that_lead_behind_it():
    assert methods(Repository) - methods(Guarded) <= OWN | {"outcomes"}
    assert methods(Guarded) - methods(Repository) == MORE


@pytest.mark.parametrize("name", sorted(methods(Guarded) & methods(Repository) - {"outcomes"}))
def test_a_guarded_method_is_called_as_that_of_the_repository(name):
    guarded, plain = [inspect.signature(getattr(kind, name)) for kind in (Guarded, Repository)]
    assert list(guarded.parameters.values()) == list(plain.parameters.values())


def reached(source: str) -> set[str]:
    """Attributes in ``source`` that lead behind the guard."""
    return {one.attr for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Attribute) and one.attr in BEHIND}


def test_no_handler_reaches_behind_the_guard():
    found = {(file.name, one) for file in DOOR.glob("*.py") for one in reached(file.read_text())}
    assert found <= ALLOWED
    assert reached("call.twins.store.get('links', name)") == {"store"}     # the control
    assert reached("call.node.twins") == {"node"}
