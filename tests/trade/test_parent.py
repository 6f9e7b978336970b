"""The commitment upward: it opens with its salt alone, and tells nothing without."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.trade import parent

SALT = st.binary(min_size=32, max_size=32)
THREAD = st.text("abcdefABC-_0", min_size=43, max_size=43)
LINE = st.text(max_size=20)


@given(SALT, THREAD, LINE)
def test_a_commitment_opens_with_what_it_was_made_of(salt, thread, line):
    made = parent.commit(salt, thread, line)
    assert len(made) == 43
    assert parent.opens(made, salt, thread, line)


@given(SALT, SALT, THREAD, THREAD, LINE, LINE)
def test_it_opens_with_nothing_else(salt, other_salt, thread, other_thread, line, other_line):
    made = parent.commit(salt, thread, line)
    for guess in ((other_salt, thread, line), (salt, other_thread, line), (salt, thread, other_line)):
        assert parent.opens(made, *guess) is (guess == (salt, thread, line))


def test_two_children_of_one_line_cannot_be_told_to_be_siblings():
    assert parent.commit(b"a" * 32, "t" * 43, "1") != parent.commit(b"b" * 32, "t" * 43, "1")


@pytest.mark.parametrize(("salt", "thread"), [(b"short", "t" * 43), (b"a" * 32, "t")])
def test_a_short_salt_or_a_wrong_thread_commits_to_nothing(salt, thread):
    with pytest.raises(Invalid):
        parent.commit(salt, thread, "1")
    assert parent.opens("c" * 43, salt, thread, "1") is False


@given(st.text(max_size=60))
def test_whatever_is_called_a_commitment_is_looked_at(text):
    assert parent.opens(text, b"a" * 32, "t" * 43, "1") is False
