"""``weft till`` at a node: lists, a slip as a file, a lost till, and the owner's word about what came since."""

import json

import click
import pytest

from tests.cli.desk import Desk
from tests.engine.till.selling import shop
from weft.basis import instant
from weft.basis.errors import Invalid, NotFound
from weft.cli import till as told
from weft.engine.till import pairing


@pytest.fixture
async def firm():
    async with shop() as made:
        yield made


@pytest.fixture
def sheet(firm, tmp_path):
    path = tmp_path / "sheet.txt"
    path.write_text(firm.sheet, encoding="utf-8")
    return path


async def test_a_slip_is_written_to_the_file_that_is_named_in_either_way_or_to_one_of_its_own_name(
        firm, tmp_path, monkeypatch, capsys):
    till, desk = await firm.till(name="Front"), Desk(firm.node)
    number = till.sale(("V15", "1")).slip.number
    await firm.send(till)
    monkeypatch.chdir(tmp_path)
    for given in ({"file": tmp_path / "a.json"}, {"output": tmp_path / "b.json"}, {}):
        await desk.call(told.export, **{"slip": number.lower(), "file": None, "output": None, **given})
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["a.json", "b.json", f"slip-{number}.json"]
    assert {json.loads((tmp_path / one).read_bytes())["kind"] for one in made} == {"slip"}
    assert f"slip-{number}.json" in capsys.readouterr().out


@pytest.mark.parametrize(("sold", "words"), [(13, "1 line was sold"), (0, "")])
async def test_one_is_one(firm, capsys, sold, words):
    till, desk = await firm.till(name="Front"), Desk(firm.node)
    if sold:
        till.sale(("V15", str(sold)))
        await firm.send(till)
    await desk.call(told.show)
    shown = capsys.readouterr().out
    assert words in shown
    assert "lines were sold" not in shown


async def test_a_lost_till_is_let_go_by_name_and_what_came_since_is_settled(firm, sheet, capsys):
    till, desk = await firm.till(name="Front"), Desk(firm.node)
    since = instant.from_ms(firm.node.clock.now_ms())
    slips = [till.sale(("V15", "1")).slip, till.sale(("V15", "2")).slip]
    await firm.send(till)
    with pytest.raises(NotFound, match=r"till\.unknown"):
        await desk.call(told.let_go, till="Back", since="", reason="", sheet=sheet)
    await desk.call(told.let_go, till="Front", since=since, reason="stolen", sheet=sheet)
    assert "2 slips that came since it was lost wait" in capsys.readouterr().out
    assert await pairing.standing(firm.node, till.key) == "gone"
    with pytest.raises(click.UsageError):
        await desk.call(told.settle, slip=None, till="", counts=True, reason="")
    await desk.call(told.settle, slip=slips[0].number, till="", counts=True, reason="")
    await desk.call(told.settle, slip=None, till="Front", counts=False, reason="stolen")
    capsys.readouterr()
    await desk.call(told.slips, till="", day="", limit=50)
    shown = capsys.readouterr().out
    assert "counts by the owner's word" in shown
    assert "decided" in shown


async def test_two_tills_of_one_name_are_told_apart_by_their_keys(firm, sheet):
    one, other = await firm.till(name="Front"), await firm.till(2, name="Front")
    desk = Desk(firm.node)
    with pytest.raises(Invalid, match=r"device\.several"):
        await desk.call(told.let_go, till="Front", since="", reason="", sheet=sheet)
    await desk.call(told.let_go, till=other.key, since="", reason="", sheet=sheet)
    assert [await pairing.standing(firm.node, till.key) for till in (one, other)] == ["open", "gone"]
