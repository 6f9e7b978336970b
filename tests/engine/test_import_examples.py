"""The example of each table on the import page is taken as it stands, one after the other, in both languages."""

import base64

import pytest

from tests.engine.home import empty_node
from weft.engine.commands import run
from weft.engine.imports import KINDS
from weft.locale import LANGUAGES, text


async def brought(node, kind, rows):
    content = base64.b64encode(rows.encode()).decode()
    return (await run(node, "import", {"kind": kind, "content": content}, strict=False)).facts


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_example_is_taken_in_the_order_of_the_page(lang):
    node = await empty_node()
    for kind in KINDS[:-1]:
        example = text(lang, f"import.example.{kind}")
        told = await brought(node, kind, example)
        assert told == {"count": example.count("\n"), "problems": []}, kind
    master = (await node.book_state("production")).master
    assert {"Z20"} == set(master.routings) == set(master.bills)
    assert len((await node.book_state("stock")).lots) == 2


async def test_what_is_counted_are_the_rows_of_the_table_and_nothing_when_nothing_is_new():
    node = await empty_node()
    items = "item,unit\nA,pcs\nB,kg"
    assert (await brought(node, "items", items))["count"] == 2
    assert (await brought(node, "items", items))["count"] == 0
    assert (await brought(node, "stock", "item,quantity\nA,3\nB,4"))["count"] == 2
