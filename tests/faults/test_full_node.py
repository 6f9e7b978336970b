"""A real node whose disk is full: a person reads what to do, goes on reading, and works again once there is room."""

import contextlib

import pytest

from tests.faults.errors import small_disk
from tests.stories.firms import Firm, eventually


@pytest.fixture
def disk():
    with small_disk() as folder:
        if folder is None:
            pytest.skip("NO RIGHT TO MOUNT a small file system")
        yield folder


def fill(path):
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


@pytest.mark.release
@pytest.mark.story
def test_a_full_disk_is_told_read_beside_and_left_behind(disk, tmp_path):
    firm = Firm(disk / "home", "Full")
    items = tmp_path / "items.csv"

    def bring(first, many):
        lines = [f"V{n},球阀 {n} {'x' * 200},C62" for n in range(first, first + many)]
        items.write_text("\n".join(["item,name,unit", *lines]), encoding="utf-8")
        return firm.attempt("item", "import", str(items))

    firm.up()
    try:
        assert bring(0, 50).returncode == 0
        fill(disk / "filler")
        refused = next(done for done in (bring(100 * n, 100) for n in range(1, 60)) if done.returncode)
        assert refused.returncode == 2
        assert "store.full" in refused.stderr
        assert "Make room" in refused.stderr
        held = {one["id"] for one in firm.weft("item", "list")}
        assert {f"V{n}" for n in range(50)} <= held
        told = firm.attempt("doctor", str(firm.home), "--json", home=False)
        assert told.returncode == 1
        assert "Make room" in told.stdout
        (disk / "filler").unlink()
        eventually(lambda: bring(9_000, 10).returncode == 0, "it goes on by itself")
        assert firm.attempt("doctor", str(firm.home), "--deep", "--json", home=False).returncode == 0
        assert held <= {one["id"] for one in firm.weft("item", "list")}
    finally:
        firm.kill()
    firm.up()
    assert held <= {one["id"] for one in firm.weft("item", "list")}
    firm.stop()
