"""What counts as said twice."""

from types import SimpleNamespace

import pytest

from tests.simulation import checks, words

MARK = "auto x"
LIFE, NEXT = ("firm", "device", "first life"), ("firm", "device", "next life")


def entries(monkeypatch, *told):
    """Words by name; each as (name, chain, parents, mark)."""
    monkeypatch.setattr(words, "mark_of", lambda message: message)
    return {name: SimpleNamespace(chain=chain, parents=parents, message=mark) for name, chain, parents, mark in told}


@pytest.mark.parametrize(("second", "found"), [
    (("b", LIFE, ("asked",), MARK), [MARK]),  # the same life
    (("b", NEXT, ("a",), MARK), [MARK]),  # another life, that had it below its own word
    (("b", NEXT, ("c",), MARK), [MARK]),  # the same, with a word between
    (("b", NEXT, ("asked",), MARK), []),  # another life, that could not know
    (("b", LIFE, ("asked",), "auto y"), []),
])
def test_a_word_is_said_twice_by_who_could_know(monkeypatch, second, found):
    told = entries(monkeypatch, ("asked", ("buyer", "d", "i"), (), ""), ("a", LIFE, ("asked",), MARK),
                   ("c", ("buyer", "d", "i"), ("a",), ""), second)
    assert checks.said_twice(told, {}) == found


def test_words_of_people_count_as_those_of_machines_do(monkeypatch):
    told = entries(monkeypatch, ("a", LIFE, (), "please"), ("b", LIFE, (), "please"))
    assert checks.said_twice(told, {"please": 1}) == ["please"]
    assert checks.said_twice(told, {}) == []
