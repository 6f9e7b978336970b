"""Templates filled from real books: what the owner imported, what the floor did, what two firms agreed."""

import asyncio
import copy

import msgspec
import pytest
from aas_test_engines import file as engine

from tests.engine.dealing import dealt, table
from tests.engine.home import LATHE, empty_node
from tests.twin.templates.mutants import mandatory_ids, unreported
from tests.twin.templates.published import template
from tests.twin.templates.records import RECORDS
from weft import locale
from weft.basis.errors import NotFound
from weft.config import Config, Firm
from weft.engine.commands import run
from weft.engine.twins import Twins
from weft.production import messages as p
from weft.production.planning import job_id
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Link, Value
from weft.shopfloor.reading import fill
from weft.stock import messages as s
from weft.twin.names import read_submodel
from weft.twin.paths import resolve
from weft.twin.templates import calendar
from weft.twin.templates.check import deviations
from weft.twin.templates.slots import semantics_of
from weft.twin.values import value_of

FIRM = Firm(name="恒泰阀门", lang="zh", street="玉海街 8 号", zipcode="325200", city="瑞安", state="浙江", country="cn",
            telephone="+86 577 1234567", email="sales@hengtai.example", address="浙江省瑞安市玉海街 8 号",
            tax_number="91330381MA2AT7KX4R", url="https://hengtai.example/")
TABLES = {
    "items": "料号,中文名,英文名,类型,碳足迹,核算方法,生命周期阶段,核算日期\n"
             "BV-15,球阀 DN15,Ball valve DN15,成品,1.85,ISO 14067,A1; A3,2026-06-01\nCAST-15,铸件,Casting,原材料,,,,\n",
    "stock": "料号,数量,批号,炉号,证书\nCAST-15,100,C-7,7/31,EN10204-3.1 https://papers.example/7-31.pdf\n",
    "calendars": "日历,中文名,星期,开始,结束\nday,两班,一; 二; 三; 四; 五,08:00,24:00\n",
    "work-centres": "工作中心,中文名,英文名,能力,机床,日历\nLATHE,数控车,CNC lathe,turning; milling,L1,day\n",
    "bills": "父件,子件,用量\nBV-15,CAST-15,1\n",
    "routings": "产品,工序号,中文名,英文名,工作中心,准备时间,单件时间,设定值\n"
                "BV-15,10,车,Turn,LATHE,600,60,SpindleSpeed=1250\n",
}
FILLED = sorted(RECORDS)


async def factory(firm=FIRM, kinds=tuple(TABLES)):
    """A firm with what its owner imported, one finished production order, and a machine at work."""
    node = await empty_node()
    node.config = Config(firm=firm)
    for kind in kinds:
        done = await run(node, "import", {"kind": kind, "content": table(TABLES[kind])})
        assert not done.facts.get("problems"), (kind, done)
    thing = fill(LATHE.read_text(), {"NAME": "L1", "ENDPOINT": "opc.tcp://127.0.0.1:4840"})
    await node.say_many(node.book("floor"), [MachineAdded(machine="L1", description=thing)])
    node.live.link("L1", Link(up=True))
    node.live.take("L1", [("SpindleSpeed", Value(1250.5)), ("Feed", Value(0.2))])
    if "routings" not in kinds:
        return node
    job = job_id("MO1", 10)
    await node.say_many(node.book("production"), [
        p.ProductionOrderCreated(demand=p.DemandRef(thread="T1", line="1"), order=p.Draft(
            id="MO1", item="BV-15", quantity="40", materials=(p.Material(item="CAST-15", quantity="40"),),
            operations=(p.JobSheet(number=10, zh="车", en="Turn", work_centres=("LATHE",), run_s="60",
                                   set_points={"SpindleSpeed": "1250"}),))),
        p.JobReleased(job=job),
        p.JobStarted(job=job, by="operator", work_centre="LATHE", machine="L1", at="2026-11-25T08:00:00.000Z"),
        p.JobEnded(job=job, good="38", scrap="2", at="2026-11-25T09:00:00.000Z")])
    await node.say_many(node.book("stock"), [s.Produced(
        ref="p1", order="MO1", lot=s.LotIn(id="L1", item="BV-15", quantity="38"), sources=("C-7",),
        at="2026-11-25T09:00:00.000Z")])
    return node


async def all_templates():
    """Every submodel of both worlds that claims one of our templates, by (idShort, kind of thing)."""
    found = {}
    async with dealt() as (shop, _, _):
        shop.config = msgspec.structs.replace(shop.config, firm=FIRM)
        for node in (await factory(), shop):
            async for submodel in Twins(node).submodels():
                kind = read_submodel(node.organisation, submodel["id"])[0]
                if submodel["idShort"] in FILLED and (submodel["idShort"], kind) != ("Nameplate", "machine"):
                    found[submodel["idShort"], kind] = submodel
    return found


@pytest.fixture(scope="module")
def filled():
    return asyncio.run(all_templates())


def of(filled, id_short):
    """The submodels called ``id_short``, and the published template; skips where the latter is not there."""
    found = template(id_short)
    if found is None:
        pytest.skip(f"TEMPLATE OF {id_short} NOT FOUND: set WEFT_TEMPLATES to a folder with IDTA's files")
    return [one for (name, _), one in sorted(filled.items()) if name == id_short], found


def test_all_templates_are_filled_from_the_books(filled):
    assert sorted({name for name, _ in filled}) == FILLED
    assert {kind for name, kind in filled if name == "Nameplate"} == {"item", "lot"}


@pytest.mark.parametrize("id_short", FILLED)
def test_what_the_books_give_has_no_deviation(filled, id_short):
    submodels, found = of(filled, id_short)
    assert submodels
    for one in submodels:
        assert deviations(found, one) == []


@pytest.mark.parametrize("id_short", FILLED)
def test_what_the_books_give_is_missed_when_it_is_bent(filled, id_short):
    submodels, found = of(filled, id_short)
    wanted = mandatory_ids(found["submodels"][0])
    for one in submodels:
        count, missed = unreported(found, copy.deepcopy(one), lambda element, _: semantics_of(element)[0] in wanted)
        assert count >= 4 and missed == []


def test_the_official_engine_accepts_what_the_books_give(filled):
    result = engine.check_json_data({"submodels": list(filled.values())})
    assert result.ok(), result.to_dict()


def test_the_official_engine_would_notice_a_fault(filled):
    bent = copy.deepcopy(filled["CarbonFootprint", "item"])
    resolve(bent, "ProductCarbonFootprints[0].PcfCO2eq")["value"] = "much"
    assert not engine.check_json_data({"submodels": [bent]}).ok()


def test_the_values_are_those_of_the_books(filled):
    plate = value_of(filled["Nameplate", "lot"])
    assert plate["DateOfManufacture"] == "2026-11-25" and plate["LotNumber"] == "L1"
    paper = value_of(filled["HandoverDocumentation", "lot"])["Documents"][0]["DocumentVersions"][0]
    assert paper["DigitalFiles"][0]["value"] == "https://papers.example/7-31.pdf"
    run_ = value_of(filled["ExecutedProcesses", "order"])["Run__00__"]["Process__00__"]
    assert run_["ProcessResult"] == "good=38;scrap=2" and run_["PlannedProcessTime"] == "PT2400S"
    steps = value_of(filled["ProcessParameters", "item"])["Processes"]["Process__00__"]
    assert steps["PlannedProcessTime"] == "PT60S"
    assert next(iter(steps["ProcessBoM"].values()))["ItemNumber"] == "CAST-15"
    carbon = value_of(filled["CarbonFootprint", "item"])["ProductCarbonFootprints"][0]
    assert float(carbon["PcfCO2eq"]) == 1.85 and carbon["LifeCyclePhases"] == ["A1", "A3"]
    abilities = filled["CapabilityDescription", "machine"]["submodelElements"][0]["value"]
    assert [one["idShort"] for one in abilities] == ["Can_milling_Container", "Can_turning_Container"]


def test_a_purchase_order_is_what_both_firms_agreed(filled):
    told = value_of(filled["PurchaseOrder", "purchase"])
    line = told["ItemList"][0]
    assert (line["OrderQuantity"], line["ProductPrice"]["Price"]) == (20, 40)
    assert told["PurchaseOrderInformation"]["Currency"] == "CNY"
    assert told["PurchaseOrderInformation"]["SellerName"] == "Factory"
    assert told["InvolvedParties"]["PartyBuyer"]["statements"]["NationalCode"] == "CN"


async def test_the_calendar_is_a_file_that_the_twin_holds():
    node = await factory()
    twins = Twins(node)
    name = f"urn:weft:{node.organisation}:machine:L1:ProductionCalendar"
    assert value_of(await twins.submodel(name))["calendar"]["value"] == "/aasx/files/Calendar_L1.ics"
    file = await node.twins.attachment(name, "calendar")
    data = b"".join([part async for part in file.chunks()])
    assert (file.content_type, file.name, file.size) == ("text/calendar", "Calendar_L1.ics", len(data))
    assert b"RRULE:FREQ=WEEKLY;BYDAY=MO" in data
    file = await node.twins.attachment(name, "specificationExtensionVariables[0].variableSpecification")
    text = b"".join([part async for part in file.chunks()])
    assert file.content_type == "text/plain" and calendar.VARIABLE.encode() in text and "：".encode() in text
    assert await twins.file(name, "/aasx/files/other") is None
    assert await twins.file(name.replace("L1", "L2"), "/aasx/files/Calendar_L1.ics") is None


async def test_records_are_read_by_the_operation_of_the_machine():
    node = await factory()
    name = f"urn:weft:{node.organisation}:machine:L1:TimeSeries"
    found = await Twins(node).invoke(name, "ReadRecords", [])
    assert next(iter(value_of(found[0]).values()))["SpindleSpeed"] == 1250.5
    with pytest.raises(NotFound, match=r"twin\.operation"):
        await Twins(node).invoke(name.replace("TimeSeries", "Nameplate"), "ReadRecords", [])


async def test_without_the_firm_s_address_no_nameplate_is_claimed_and_what_lacks_is_told():
    node = await factory(firm=Firm(name="恒泰阀门"))
    shell = f"urn:weft:{node.organisation}:item:BV-15"
    twins = Twins(node)
    lacking = [one for one in await twins.gaps(shell) if one.template == "Nameplate"]
    assert [one.code for one in lacking] == ["setting-street", "setting-zipcode", "setting-city", "setting-country"]
    assert "[firm] street" in locale.text("en", f"twin.gap.{lacking[0].code}")
    with pytest.raises(NotFound):
        await twins.submodel(f"{shell}:Nameplate")
    with pytest.raises(NotFound):
        await twins.gaps(f"{shell}x")


async def test_the_firm_has_a_shell_once_it_has_said_where_it_is():
    node = await factory()
    name = f"urn:weft:{node.organisation}:firm:{node.organisation}"
    shell = await Twins(node).shell(name)
    assert [one["keys"][0]["value"].rpartition(":")[2] for one in shell["submodels"]] == [
        "ContactInformations", "FirmData", "ProductionCalendar"]
    assert name in [one["id"] async for one in Twins(node).shells()]
    assert value_of(await Twins(node).submodel(f"{name}:FirmData"))["Organisation"] == node.organisation
    node.config = Config(firm=Firm(name="恒泰阀门"))
    with pytest.raises(NotFound, match=r"twin\.shell"):
        await Twins(node).shell(name)
    assert not [one async for one in Twins(node).shells() if ":firm:" in one["id"]]


async def test_what_was_entered_since_fills_the_template_at_once():
    node = await factory(firm=Firm(name="恒泰阀门"))
    twins, shell = Twins(node), f"urn:weft:{node.organisation}:item:BV-15"
    assert "Nameplate" in {one.template for one in await twins.gaps(shell)}
    node.config = Config(firm=FIRM)
    assert await twins.gaps(shell) == []
    assert value_of(await twins.submodel(f"{shell}:CarbonFootprint"))["ProductCarbonFootprints"]
    changed = "料号,碳足迹\nBV-15,2.5\n"
    await run(node, "import", {"kind": "items", "content": table(changed)})
    told = value_of(await twins.submodel(f"{shell}:CarbonFootprint"))["ProductCarbonFootprints"][0]
    assert float(told["PcfCO2eq"]) == 2.5
    node.live.take("L1", [("SpindleSpeed", Value(1300.0))])
    name = f"urn:weft:{node.organisation}:machine:L1:TimeSeries"
    newest = list(value_of((await twins.invoke(name, "ReadRecords", []))[0]).values())[-1]
    assert newest["SpindleSpeed"] == 1300.0


async def test_a_purchase_is_shown_to_the_buyer_alone():
    async with dealt() as (shop, seller, thread):
        shells = [one["id"] async for one in Twins(shop).shells()]
        assert f"urn:weft:{shop.organisation}:purchase:{thread}" in shells
        assert not [one async for one in Twins(seller).shells() if ":purchase:" in one["id"]]
        gaps = await Twins(shop).gaps(f"urn:weft:{shop.organisation}:purchase:{thread}")
        assert {one.code.partition("-")[0] for one in gaps} == {"setting"}
        with pytest.raises(NotFound):
            await Twins(seller).shell(f"urn:weft:{seller.organisation}:purchase:{thread}")
