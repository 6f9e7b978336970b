"""Regular expressions in linear time: the same answers as a backtracking engine, without its explosions."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.twin.query.regex import Regex

ATOMS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", r"\d", "^", "$", "[a-c1]", ""])


def joined(inner):
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,}", "*?"])).map(
            lambda two: f"({two[0]}){two[1]}"),
    )


@settings(max_examples=400, deadline=None)
@given(st.recursive(ATOMS, joined, max_leaves=8), st.lists(st.text("abc1\n", max_size=8), min_size=1, max_size=4))
def test_it_says_what_a_backtracking_engine_says(pattern, texts):
    told = re.compile(pattern.replace("$", r"\Z"))  # Python's $ also stands before a last line feed
    for text in texts:
        if "\r" not in text:
            assert Regex(pattern).search(text) == bool(told.search(text))


@pytest.mark.parametrize(("pattern", "text", "found"), [
    (r"^https://company1.com/.*$", "https://company1.com/x", True),
    (r"[\w\.]+@company\.com", "user.1@company.com", True),
    (r"^[\w\.]+@company\.com$", "user.1@company.com.evil.org", False),
    (r"\p{Lu}\p{Ll}+", "Größe", True),
    (r"^\P{L}+$", "123", True),
    (r"^\i\c*$", "_a-1.b", True),
    (r"^[a-z-[aeiou]]+$", "bcd", True),
    (r"^[a-z-[aeiou]]+$", "bad", False),
    (r"^\s?\S\D\W$", " a-!", True),
    (r"^a.b$", "a\nb", False),
    (r"主轴|Spindel", "Die Spindel", True),
    (r"^(?:ab){2,3}$", "ababab", True),
    (r"[\]\-\[]", "x-", True),
    ("", "", True),
    ("^$", "", True),
    ("$^", "", True),
])
def test_what_xpath_writes_is_understood(pattern, text, found):
    assert Regex(pattern).search(text) is found


@pytest.mark.parametrize("pattern", [
    "(", ")", "a**", "*", "[", "[]", "a{3,2}", "a{", r"\1", r"\b", r"(a)\1", "[b-a]", r"\p{Xx}", "a{9999}",
    "(" * 60 + ")" * 60, "a" * 2000, "(a{1000}){1000}", "a{1000}{1000}", "(?=a)", "\\",
])
def test_what_cannot_run_in_linear_time_or_cannot_be_read_is_refused(pattern):
    with pytest.raises(Invalid, match=r"query\.regex"):
        Regex(pattern)


EXPLODING = "(a+)+(a|aa)*b"


def test_a_pattern_that_explodes_elsewhere_is_answered_at_once():
    begun = time.perf_counter()
    assert not Regex(EXPLODING).search("a" * 20_000)
    assert time.perf_counter() - begun < 2


def test_the_control_explodes():
    def seconds(length):
        begun = time.perf_counter()
        assert not re.search(EXPLODING, "a" * length)
        return time.perf_counter() - begun
    seconds(8)
    assert seconds(20) > 20 * seconds(12)
