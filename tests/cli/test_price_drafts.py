"""``weft price diff`` without a node, and ``weft price draft`` at one: a table becomes a draft, or is told by row."""

import asyncio
import json

import msgspec
from click.testing import CliRunner

from tests.engine.world import Wires, found
from tests.pricing.books import DRAFT
from weft import cli
from weft.cli import price_drafts
from weft.cli.printing import Paper
from weft.engine import drafts
from weft.engine.commands import run

DEARER = {**DRAFT, "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "42"}]}],
          "rules": DRAFT["rules"][1:], "notice_days": 14}


def files(tmp_path):
    for name, book in (("old", DRAFT), ("new", DEARER)):
        (tmp_path / f"{name}.json").write_text(json.dumps(book), encoding="utf-8")
    return [str(tmp_path / "old.json"), str(tmp_path / "new.json")]


def test_what_changes_between_two_books_is_told_to_people_and_programs(tmp_path, capsys):
    old, new = files(tmp_path)
    assert cli.run(["price", "diff", old, new]) == 0
    told = capsys.readouterr().out
    assert "+5" in told and "notice_days" in told and "express" in told and "⟦" not in told
    assert cli.run(["price", "diff", old, new, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"both": 1, "gone": 1}
    assert cli.run(["price", "diff", old, old]) == 0
    assert capsys.readouterr().out.strip() == "Both say the same."


class Desk:
    """A real node in this process, asked as the command asks one over HTTP."""

    def __init__(self, node):
        self.node, self.loop = node, asyncio.get_running_loop()

    def do(self, name, **params):
        asked = asyncio.run_coroutine_threadsafe(run(self.node, name, params), self.loop)
        return msgspec.to_builtins(asked.result(20))


async def test_a_table_becomes_a_draft_or_its_faults_are_told_by_row(tmp_path, capsys):
    node, table = await found(Wires(), "factory"), tmp_path / "list.v2.csv"
    begin = price_drafts.write.callback.__wrapped__

    async def told(text, *, as_json):
        table.write_text(text, encoding="utf-8")
        code = await asyncio.to_thread(begin, Desk(node), Paper(as_json=as_json), table)
        return code, capsys.readouterr().out

    code, words = await told("item,price\nA,one\n", as_json=False)
    assert code == 1 and "one" in words and await drafts.every(node) == []
    code, words = await told("item,price\nA,1\n", as_json=True)
    (held,) = await drafts.every(node)
    assert code == 0 and json.loads(words)["address"] == f"/prices/drafts/{held.id}"
    assert (held.book.name, held.book.lines[0].item) == ("list.v2", "A")
    await node.stop()


def test_help_is_there():
    assert CliRunner().invoke(price_drafts.diff, ["--help"]).exit_code == 0
