"""``weft wages`` against a node: sums, lines, reasons, prices, what waits, closing; and a file that is refused."""

from pathlib import Path

import click
import pytest

from tests.cli.desk import Desk
from tests.engine.shop_floor import Hand, floor
from weft.basis import instant
from weft.basis.errors import Refused
from weft.cli import wages


@pytest.fixture
async def work():
    one = await floor(Hand(instant.to_ms("2026-11-10T01:00:00.000Z")))
    yield one
    await one.stop()


async def test_wages_are_shown_traced_decided_and_closed(work, capsys):
    desk = Desk(work.node)
    await desk.call(wages.rate, item="FLG-50", operation=10, price="0.35", material="", since="2026-11-01")
    await work.say("Li", "PO1-10", "start")
    await work.say("Li", "PO1-10", "count", good=20)
    await work.say("Li", "PO1-10", "scrap", scrap=3, reason="material")
    await work.say("Wang", "PO1-10", "done")
    await work.say("Li", "PO1-10", "count", key="late", good=4)
    asked = {"worker": "", "begin": "", "end": ""}
    await desk.call(wages.show, **asked)
    assert "7.00" in capsys.readouterr().out
    await desk.call(wages.show, **{**asked, "worker": "Li"})
    assert "FLG-50" in capsys.readouterr().out
    await desk.call(wages.reasons, begin="", end="")
    assert "3" in capsys.readouterr().out
    await desk.call(wages.waiting)
    assert "late" in capsys.readouterr().out
    await desk.call(wages.pay, entry="late", refused=False)
    await desk.call(wages.show, **asked)
    assert "8.40" in capsys.readouterr().out
    work.node.clock.ms += 86_400_000
    await desk.call(wages.close, until="2026-11-10")
    assert (await work.node.book_state("production")).wages_until == "2026-11-10"


async def test_a_file_is_never_written_over_and_its_kind_is_in_its_name(work, tmp_path):
    held = tmp_path / "wages.xlsx"
    held.write_bytes(b"mine")
    with pytest.raises(Refused) as refused:
        await Desk(work.node).call(wages.export, file=held, begin="", end="")
    assert refused.value.code == "export.exists"
    assert held.read_bytes() == b"mine"
    with pytest.raises(click.BadParameter):
        await Desk(work.node).call(wages.export, file=Path("wages.pdf"), begin="", end="")
