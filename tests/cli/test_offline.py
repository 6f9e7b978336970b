"""What the command line does without any node: price books tried and verified, arguments read as people write them."""

import json
from pathlib import Path

import click
import pytest

from weft import cli
from weft.basis.errors import Invalid, NotFound
from weft.cli.item import KINDS, kind_of
from weft.cli.options import pairs
from weft.cli.ordering import line_of, relationship_of, thread_of
from weft.cli.printing import cell
from weft.engine import imports

BOOK = {
    "id": "list", "name": "List price", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
    "valid_from": "2026-01-01T00:00:00Z",
    "lines": [{"item": "SHAFT-20", "unit": "C62",
               "tiers": [{"from": "1", "price": "18.5"}, {"from": "50", "price": "17.2"}]}],
}


@pytest.fixture
def book(tmp_path) -> Path:
    path = tmp_path / "book.json"
    path.write_text(json.dumps(BOOK), encoding="utf-8")
    return path


def test_a_price_is_told_with_every_step(book, capsys):
    assert cli.run(["price", "test", str(book), "SHAFT-20", "60", "--json"]) == 0
    priced = json.loads(capsys.readouterr().out)
    assert (priced["net"], priced["gross"]) == ("1032.00", "1166.16")
    assert [step["kind"] for step in priced["trace"]] == ["tier", "amount", "tax"]


def test_a_price_is_told_to_people_too(book, capsys):
    assert cli.run(["price", "test", str(book), "SHAFT-20", "10"]) == 0
    told = capsys.readouterr().out
    assert "18.5" in told
    assert "185.00" in told
    assert "⟦" not in told


@pytest.mark.parametrize(("arguments", "code"), [
    (["SHAFT-99", "1"], "pricing.unknown-item"),
    (["SHAFT-20", "0"], "quantity.not-positive"),
    (["SHAFT-20", "many"], "quantity.malformed"),
    (["SHAFT-20", "1", "--unit", "KGM"], "pricing.wrong-unit"),
    (["SHAFT-20", "1", "buyer=me"], "command.params"),
    (["SHAFT-20", "1", "zone=north"], "pricing.attribute-value"),
])
def test_what_the_book_does_not_price_is_refused(book, arguments, code, capsys):
    assert cli.run(["price", "test", str(book), *arguments]) == 2
    assert code in capsys.readouterr().err


def test_a_sound_book_has_a_hash(book, capsys):
    assert cli.run(["price", "verify", str(book), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["hash"]) == 43


def test_all_faults_of_a_book_are_told_at_once(book, capsys):
    wrong = {**BOOK, "currency": "RMB", "attributes": {"buyer": ["me"]}}
    book.write_text(json.dumps(wrong), encoding="utf-8")
    assert cli.run(["price", "verify", str(book), "--json"]) == 1
    codes = {one["code"] for one in json.loads(capsys.readouterr().out)}
    assert codes == {"pricing.currency", "pricing.identity-attribute"}


def test_an_increase_without_notice_is_found(book, tmp_path, capsys):
    dearer = {**BOOK, "notice_days": 30, "lines": [{**BOOK["lines"][0], "tiers": [{"from": "1", "price": "20"}]}]}
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps({**BOOK, "notice_days": 30}), encoding="utf-8")
    after.write_text(json.dumps(dearer), encoding="utf-8")
    arguments = ["price", "verify", str(after), "--previous", str(before), "--at", "2026-06-01T00:00:00Z", "--json"]
    assert cli.run(arguments) == 1
    assert {one["code"] for one in json.loads(capsys.readouterr().out)} == {"pricing.increase-without-notice"}
    same = ["price", "verify", str(before), "--previous", str(before), "--at", "2026-06-01T00:00:00Z", "--json"]
    assert cli.run(same) == 0  # the control


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ufeff{}", "[" * 100_000])
def test_a_file_that_is_no_book_is_refused(book, text, capsys):
    book.write_text(text, encoding="utf-8")
    assert cli.run(["price", "verify", str(book)]) == 2
    out = capsys.readouterr().out
    assert "Cannot be known" in out and "[cli.price.damaged]" in out


# ---- arguments


@pytest.mark.parametrize(("name", "kind"), [
    ("bills.csv", "bills"), ("Work Centres.xlsx", "work-centres"), ("work_centres.csv", "work-centres"),
    ("our-prices-2026.csv", "prices"), ("whatever.csv", "items"),
])
def test_the_kind_of_a_table_is_read_from_its_name(name, kind):
    assert kind_of(Path(name)) == kind


def test_the_kinds_are_those_of_the_node():
    assert set(KINDS) == set(imports.KINDS)


@pytest.mark.parametrize(("text", "line"), [
    ("DN15=20", {"item": "DN15", "quantity": "20", "unit": "C62"}),
    ("WIRE=3.5KGM", {"item": "WIRE", "quantity": "3.5", "unit": "KGM"}),
])
def test_a_line_is_item_and_quantity(text, line):
    assert line_of(text) == line


@pytest.mark.parametrize("text", ["DN15", "=20", "DN15=", "DN15=KGM", "DN15=20 KGM", "DN15=-1"])
def test_what_is_no_line_is_refused(text):
    with pytest.raises(click.BadParameter):
        line_of(text)


def test_pairs_are_names_and_values():
    assert pairs(("a=1", "b=x=y", "c=")) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(click.BadParameter):
        pairs(("a",))


class Board:
    """A node as far as naming orders and partners needs one."""

    def view(self, name):
        if name == "partners":
            return {"partners": [{"thread": "r1", "organisation": "o1", "name": "Shop"},
                                 {"thread": "r2", "organisation": "o2", "name": "Shop"},
                                 {"thread": "r3", "organisation": "o3", "name": "Mill"}]}
        cards = [{"thread": "abcdef", "number": "P-1"}, {"thread": "abcxyz", "number": "P-2"}]
        return {"columns": [{"code": "asked", "cards": cards}]}


def test_an_order_is_meant_by_its_number_or_the_beginning_of_its_thread():
    assert thread_of(Board(), "P-2") == "abcxyz"
    assert thread_of(Board(), "abcd") == "abcdef"
    assert thread_of(Board(), "abcdef") == "abcdef"


@pytest.mark.parametrize("named", ["P-3", "abc", "ab", "", "zzzz"])
def test_too_few_letters_mean_no_order(named):
    with pytest.raises(NotFound):
        thread_of(Board(), named)


def test_two_orders_are_not_one():
    class Twins(Board):
        def view(self, name):
            cards = [{"thread": "abcdef", "number": "P-1"}, {"thread": "abcdxy", "number": "P-1"}]
            return {"columns": [{"code": "asked", "cards": cards}]}

    for named in ("P-1", "abcd"):
        with pytest.raises(Invalid, match="ambiguous"):
            thread_of(Twins(), named)


def test_a_partner_is_meant_by_a_name_that_only_one_has():
    assert relationship_of(Board(), "Mill") == "r3"
    assert relationship_of(Board(), "o2") == "r2"
    for named in ("Shop", "Nobody"):
        with pytest.raises(NotFound):
            relationship_of(Board(), named)


def test_cells_are_short_and_plain():
    assert cell({"thread": "abcdefghijk"}, "thread") == "abcdefgh"
    assert cell({"item": "abcdefghijk"}, "item") == "abcdefghijk"
    assert cell({"x": None}, "x") == ""
    assert cell({"x": False}, "x") == ""
    assert cell({"en": "", "zh": "轴"}, "title") == "轴"
