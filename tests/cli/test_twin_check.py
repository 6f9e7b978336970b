"""``weft twin check`` and ``weft twin lacking``: deviations from template files, and what is still to be entered."""

import json

import pytest
from click.testing import CliRunner

from tests.cli.desk import Desk
from tests.engine.home import busy_node
from tests.twin.templates.outlines import template
from tests.twin.templates.records import ORG, RECORDS
from weft.basis.errors import Invalid, NotFound
from weft.cli import twin_check
from weft.twin import templates
from weft.twin.names import shell_id


@pytest.fixture
def files(tmp_path):
    """A folder with two templates and a submodel that follows one of them."""
    folder = tmp_path / "templates"
    folder.mkdir()
    for name in ("PurchaseOrder", "HandoverDocumentation"):
        (folder / f"{name}.json").write_text(json.dumps(template(name)))
    made = templates.build(shell_id(ORG, "purchase", "T1"), list(RECORDS.values()), "PurchaseOrder")
    (tmp_path / "order.json").write_text(json.dumps({"submodels": [made]}))
    del made["submodelElements"][1]
    (tmp_path / "less.json").write_text(json.dumps(made))
    return tmp_path


def asked(files, what, template_="templates", *more):
    arguments = [str(files / what), "--template", str(files / template_), *more]
    return CliRunner().invoke(twin_check.check, arguments)


def test_a_submodel_that_follows_its_template_is_said_to(files, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "en")
    done = asked(files, "order.json")
    assert (done.exit_code, done.output) == (0, "1 submodel follows its template.\n")
    assert asked(files, "order.json", "templates/PurchaseOrder.json").exit_code == 0


def test_a_deviation_is_told_with_its_place_and_ends_with_one(files, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "en")
    done = asked(files, "less.json")
    assert done.exit_code == 1
    assert "InvolvedParties" in done.output and "is missing: 0 there, at least 1 wanted" in done.output
    told = json.loads(asked(files, "less.json", "templates", "--json").output)
    assert told["checked"] == 1 and [one["code"] for one in told["deviations"]] == ["missing"]


def test_of_two_templates_with_one_id_the_nearer_counts(files):
    more = template("PurchaseOrder")
    more["submodels"][0]["submodelElements"].append({
        "modelType": "Property", "idShort": "Passport", "valueType": "xs:string"})
    (files / "templates" / "AnotherPurchaseOrder.json").write_text(json.dumps(more))
    assert asked(files, "order.json").exit_code == 0
    told = asked(files, "order.json", "templates/AnotherPurchaseOrder.json", "--json")
    assert [one["path"] for one in json.loads(told.output)["deviations"]] == ["Passport"]


def test_in_chinese_too(files, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "zh")
    assert "缺失：现有 0 个，至少需要 1 个" in asked(files, "less.json").output


def test_a_template_that_nothing_claims_is_compared_when_it_alone_is_named(files):
    done = asked(files, "order.json", "templates/HandoverDocumentation.json", "--json")
    assert done.exit_code == 1
    assert {"semantic", "missing"} <= {one["code"] for one in json.loads(done.output)["deviations"]}


def test_what_is_no_template_no_submodel_and_no_claim_is_refused(files):
    (files / "text.json").write_text("not json")
    (files / "list.json").write_text("[]")
    (files / "other").mkdir()
    for name in ("text.json", "list.json"):
        assert isinstance(asked(files, name).exception, Invalid)
    assert isinstance(asked(files, "order.json", "other").exception, NotFound)
    (files / "empty.json").write_text('{"submodels": []}')
    assert isinstance(asked(files, "empty.json").exception, NotFound)


async def test_what_lacks_is_told_with_where_to_enter_it(capsys, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "en")
    desk = Desk(await busy_node())
    await desk.call(twin_check.lacking, shell="")
    told = capsys.readouterr().out
    assert "[firm] street" in told and "carbon footprint" in told and "has no file" in told
    shell = f"urn:weft:{desk.node.organisation}:machine:L1"
    await desk.call(twin_check.lacking, as_json=True, shell=shell)
    (one,) = json.loads(capsys.readouterr().out)["shells"]
    assert one["claimed"] == ["AssetInterfacesDescription", "AssetInterfacesMappingConfiguration",
                              "AssetInterfacesMappingRelations", "ProductionCalendar", "TimeSeries"]
    assert [gap["code"] for gap in one["lacking"]] == ["capability"]
