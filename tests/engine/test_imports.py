"""What an owner imports goes through file, table and book in one piece, or is told by row and column."""

import pytest

from weft.basis.decider import Said
from weft.basis.errors import Invalid, WeftError
from weft.engine.imports import KINDS, Known, imported
from weft.engine.machines import MACHINES

AT = "2026-11-23T08:00:00.000Z"
BOOKS = {machine.conversation.NAME: machine.conversation for machine in MACHINES.values()}
FILES = {
    "items": "料号,名称,单位\nVALVE,球阀,个\nBODY,阀体,个\nBAR,棒料,公斤\n",
    "stock": "料号,数量,单位,批号\nBODY,40,个,L1\nBAR,12.5,kg,L2\n",
    "calendars": "日历,星期,开始,结束,时区\nday,周一至周日,00:00,24:00,+08:00\n",
    "work-centres": "工作中心,名称,能力,日历\nBENCH,装配台,assembly,day\n",
    "bills": "父件,子件,用量,单位\nVALVE,BODY,1,个\nBODY,BAR,0.3,公斤\n",
    "routings": "产品,工序,能力,单件时间\nVALVE,10,assembly,60\n",
    "supply-rules": "料号,来源,供应商,交期\nBAR,外购,FOUNDRY,3\n",
    "prices": "价格表,v\n名称,阀\n币种,CNY\n含税,不含税\n税率,13\n生效日期,2026-01-01\n料号,单位,单价\nVALVE,个,40\n",
}


class Firm:
    def __init__(self):
        self.states = {name: book.INITIAL for name, book in BOOKS.items()}

    def known(self):
        return Known(stock=self.states["stock"], production=self.states["production"], at=AT)

    def take(self, kind, content):
        found = imported(kind, content, self.known())
        if found.command is not None:
            for message in BOOKS[found.book].decide(self.states[found.book], found.command):
                said = Said(id="e", by="us", role="owner", message=message)
                self.states[found.book] = BOOKS[found.book].evolve(self.states[found.book], said)
        return found


def test_a_whole_firm_is_imported_kind_by_kind_and_again_without_change():
    firm = Firm()
    for kind in KINDS:
        found = firm.take(kind, FILES[kind].encode("gb18030"))
        assert not found.problems and found.command is not None and found.count >= 1
    before = dict(firm.states)
    for kind in KINDS:
        if kind != "prices":
            assert firm.take(kind, FILES[kind].encode("gb18030")).command is None
    assert firm.states == before
    with pytest.raises(WeftError) as again:
        firm.take("prices", FILES["prices"].encode())
    assert again.value.code == "pricing.already-published"


@pytest.mark.parametrize(("kind", "text", "expected"), [
    ("stock", "料号,数量\nVALVE,1\nVALVE,-1\n", (3, "数量", "quantity.not-positive")),
    ("bills", "父件,子件,用量\nBAR,VALVE,1\n", (2, "子件", "production.bill-cycle")),
    ("routings", "产品,工序,工作中心,单件时间\nBODY,10,LATHE,60\n", (2, "工作中心", "production.work-centre-unknown")),
    ("supply-rules", "料号,来源,供应商\nGHOST,外购,X\n", (2, "料号", "production.item-unknown")),
    ("items", "料号,单位\nNEW,个\nNEW,个\n", (3, "料号", "table.duplicate")),
])
def test_with_any_problem_nothing_is_done(kind, text, expected):
    firm = Firm()
    for name in KINDS:
        firm.take(name, FILES[name].encode())
    before = dict(firm.states)
    found = firm.take(kind, text.encode())
    assert [(one.row, one.column, one.code) for one in found.problems] == [expected]
    assert found.command is None and firm.states == before


@pytest.mark.parametrize("really", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_table_of_another_kind_is_called_by_its_name(kind, really):
    codes = [one.code for one in imported(kind, FILES[really].encode(), Known(at=AT)).problems]
    if kind == really:
        assert not [code for code in codes if code.startswith("import.")]
    elif codes and codes[0].startswith("import."):
        assert codes == [f"import.is-{really}"]
    else:
        assert not {"table.header-missing", "table.column-missing"} & set(codes), "its own columns are there too"


def test_a_price_book_may_come_as_json():
    firm = Firm()
    draft = (b'{"id":"v","name":"V","currency":"CNY","basis":"net","tax":{"category":"S","percent":"13"},'
             b'"valid_from":"2026-01-01T00:00:00Z",'
             b'"lines":[{"item":"A","unit":"C62","tiers":[{"from":"1","price":"2"}]}]}')
    assert firm.take("prices", draft).command and len(firm.states["pricing"].books) == 1
    with pytest.raises(Invalid) as found:
        imported("prices", b"{", firm.known())
    assert found.value.code == "pricing.shape"


def test_an_unknown_kind_is_refused():
    with pytest.raises(Invalid) as found:
        imported("wishes", b"a,b\n", Firm().known())
    assert found.value.code == "import.kind"
