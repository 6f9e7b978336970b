"""Every kind of thing has a shell that the official test engine accepts."""

import pytest
from aas_test_engines import file as engine

from tests.twin.samples import EMPTY, FULL, ITEM, LOT, MACHINE, ORDER, ORG, environment
from weft.trace import names as trace
from weft.twin import item, lot, machine, order
from weft.twin.names import asset_id, distinct
from weft.twin.paths import resolve
from weft.twin.values import value_of


def passes(data):
    result = engine.check_json_data(data)
    return result.ok(), result.to_dict() if not result.ok() else None


@pytest.mark.parametrize(("kind", "thing"), [*FULL, *EMPTY])
def test_the_official_engine_accepts_it(kind, thing):
    ok, why = passes(environment(kind, thing))
    assert ok, why


def test_the_official_engine_would_notice_a_fault():
    data = environment(*FULL[0])
    data["submodels"][0]["submodelElements"][0]["idShort"] = "1 bad"
    assert not passes(data)[0]


@pytest.mark.parametrize(("kind", "thing"), [*FULL, *EMPTY])
def test_a_shell_names_exactly_its_submodels(kind, thing):
    shell = kind.shell(thing)
    named = [one["keys"][0]["value"] for one in shell["submodels"]]
    built = [kind.submodel(thing, name) for name in kind.submodel_names(thing)]
    assert named == [one["id"] for one in built] == sorted(named)
    assert kind.submodel(thing, "NoSuchSubmodel") is None


def test_a_machine_shows_its_values_where_its_description_says():
    data = machine.submodel(MACHINE, "OperationalData")
    assert value_of(resolve(data, "Spindle.Speed")) == 1250.5
    assert value_of(data)["Count"] == 17 and value_of(data)["DoorOpen"] is False
    assert value_of(machine.submodel(MACHINE, "Energy")) == {"Power": "NaN"}
    assert value_of(machine.submodel(MACHINE, "NameplateSignals")) == {"Serial": "S1"}


def test_a_value_that_is_not_good_is_not_shown_as_one():
    alarm = resolve(machine.submodel(MACHINE, "OperationalData"), "Alarm")
    assert "value" not in alarm and value_of(alarm) is None
    assert {"quality": "bad"}.items() <= {one["type"]: one["value"] for one in alarm["qualifiers"]}.items()


def test_two_values_that_want_one_place_are_both_shown():
    values = value_of(machine.submodel(MACHINE, "OperationalData"))
    assert values["Spindle"] == {"Speed": 1250.5, "Load": 40.0} and values[distinct("again", "Signal_")] == 1.0


def test_a_machine_tells_its_job():
    told = value_of(machine.submodel(MACHINE, "CurrentJob"))
    assert (told["Job"], told["Good"], told["Target"], told["State"]) == ("MO1-10", 17, 40, "Running")
    assert "Job" not in value_of(machine.submodel(EMPTY[0][1], "CurrentJob"))


def test_a_bill_of_material_is_a_hierarchical_structure():
    bill = item.submodel(ITEM, "BillOfMaterial")
    assert bill["semanticId"]["keys"][0]["value"] == "https://admin-shell.io/idta/HierarchicalStructures/1/1/Submodel"
    entry = resolve(bill, "EntryNode")
    parts = [one for one in entry["statements"] if one["modelType"] == "Entity"]
    assert parts[0]["globalAssetId"] == asset_id(f"urn:weft:{ORG}:item:BODY-15")
    assert len(parts) == 3 and len({one["idShort"] for one in entry["statements"]}) == 6
    assert value_of(resolve(bill, f"EntryNode.{parts[0]['idShort']}.BulkCount")) == 1
    assert value_of(resolve(bill, f"EntryNode.{parts[1]['idShort']}.Quantity")) == 0.25


def test_a_lot_says_whose_it_is_and_where_it_lies():
    told = value_of(lot.submodel(LOT, "LotData"))
    assert told["Owner"] == ORG and told["HeatNumber"] == "7/31"
    places = value_of(lot.submodel(LOT, "Whereabouts")).values()
    assert {place["Holder"]: place["Quantity"] for place in places} == {ORG: 10, "B7-jinggong": 30}
    assert value_of(lot.submodel(LOT, "Certificates")) == {"Names": ["EN10204-3.1", "合格证"]}


def test_a_production_order_tells_its_jobs_in_order():
    jobs = value_of(order.submodel(ORDER, "Jobs"))
    assert list(jobs) == ["Operation_010", "Operation_020"] and jobs["Operation_010"]["Good"] == 17
    lines = resolve(order.submodel(ORDER, "Materials"), "Lines[0].Lots")
    assert value_of(lines) == ["炉7/31"]
    assert value_of(order.submodel(ORDER, "ProductionOrder"))["State"] == "Running"


def test_twins_and_events_call_a_thing_by_the_same_name():
    assert LOT.shell == trace.lot_class(ORG, LOT.id)
    assert ITEM.shell == trace.item_class(ORG, ITEM.id)
    assert MACHINE.shell == trace.uri(ORG, "machine", MACHINE.name)
