"""Two commands that make the same at once: one makes it whole, the other is told; what was left by a kill goes."""

import pytest

from weft.basis.errors import Refused
from weft.engine import beside

BUSY = r"place\.busy"


@pytest.fixture(params=[False, True], ids=["file", "folder"])
def made(tmp_path, request):
    """(partial, place, whether it is a folder)."""
    return tmp_path / "x.partial", tmp_path / "x", request.param


def test_who_comes_second_is_told_and_takes_nothing_away(made):
    partial, place, folder = made
    with beside.alone(partial, place, folder=folder):
        before = partial.lstat().st_ino
        with pytest.raises(Refused, match=BUSY), beside.alone(partial, place, folder=folder):
            pytest.fail("two at once")
        assert partial.lstat().st_ino == before
        partial.rename(place)
        with beside.alone(partial, place, folder=folder):
            assert partial.exists(), "what was moved to its place keeps nobody out"
    assert place.exists()
    assert not partial.exists()


def test_what_a_killed_process_left_is_not_what_the_next_one_makes(made):
    partial, place, folder = made
    if folder:
        partial.mkdir()
        (partial / "old").write_text("secret")
    else:
        partial.write_text("secret")
    with beside.alone(partial, place, folder=folder):
        assert not (list(partial.iterdir()) if folder else partial.read_bytes())
        assert partial.stat().st_mode & 0o077 == 0
    assert not partial.exists()


def test_a_link_that_lies_there_leads_nowhere(tmp_path):
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "x.partial").symlink_to(other)
    with beside.alone(tmp_path / "x.partial", tmp_path / "x"):
        (tmp_path / "x.partial").write_text("new")
    assert other.read_text() == "mine"


def test_what_somebody_put_there_meanwhile_is_his(made):
    partial, place, folder = made
    with beside.alone(partial, place, folder=folder):
        partial.rename(place)
        partial.write_text("his")
    assert partial.read_text() == "his"
