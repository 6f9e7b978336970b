"""Digital twins in a real Chromium: a file with findings comes in, its tree opens, a machine's value moves."""

import pytest

from tests.engine.world import until
from tests.twin.aasx.packages import ELEMENTS, SHELL, SUBMODEL, external, packed, plain, xml
from weft.locale import text
from weft.shopfloor.connection import Value
from weft.twin.names import encode_id, shell_id

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
BOTH = pytest.mark.parametrize("lang", ["zh", "en"])
EACH = pytest.mark.parametrize("size", ["phone", "desk"])
TWICE = {**SUBMODEL, "submodelElements": [*ELEMENTS, {**ELEMENTS[0], "value": "4.2"}]}  # an idShort that is taken
PUMP = "urn:x:pump"


def pump() -> bytes:
    """A package that breaks a rule, names a file that is not in it, and has one that nobody names."""
    parts = plain(xml([{**SHELL, "submodels": SHELL["submodels"]}, TWICE]))
    del parts["aasx/files/pump.png"]
    return packed(parts)


@BOTH
@EACH
async def test_a_file_comes_in_with_its_report_and_opens_as_a_tree(look, lang, size, tmp_path):
    file = tmp_path / "pump.aasx"
    file.write_bytes(pump())
    at = await look(lang, size)
    await at.pair()
    await at.to("/more")
    await at.page.locator("main a[href='/twins']").click()
    await at.sees(text(lang, "twins.kind.machine"))
    await at.fits()
    await at.page.locator("a[href='/twins/import']").first.click()
    await at.page.locator("#file").set_input_files(file)
    await at.page.get_by_role("button", name=text(lang, "twin.in.look")).click()
    await at.sees(text(lang, "twin.in.ask"))
    await at.page.locator("#grade-kept").wait_for()
    await at.fits()
    store = at.node.twins.store
    if size == "phone" and lang == "zh":
        assert await store.get("shell", PUMP) is None  # so far it was a report
    await at.page.get_by_role("button", name=text(lang, "twin.in.take"), exact=True).click()
    await at.sees(text(lang, "twin.in.taken.title"))
    assert await store.get("shell", PUMP) is not None
    await at.to(f"/twins/{encode_id(PUMP)}")
    await at.page.locator("[id='o-0-Part']").click()
    await at.page.locator("#sm-0 .leaf", has_text="Count").wait_for()
    assert await at.page.locator("[id='o-0-Box']").get_attribute("aria-expanded") == "false"
    await at.page.locator("[id='o-0-Part']").click()
    await at.page.locator("#sm-0 .leaf", has_text="Count").wait_for(state="detached")
    await at.fits()


@BOTH
async def test_a_live_value_moves_in_the_open_tree(look, lang):
    at = await look(lang, "phone")
    await at.pair()
    await at.to("/machines/Cell1")
    await at.page.locator("a[href='/twins/of/machine/Cell1']").click()
    await at.page.wait_for_url("**/twins/*")
    places = await at.node.twins.derived.places("Cell1")
    head = at.page.locator("a.branch.top", has_text=text(lang, "twin.word.OperationalData"))
    await head.click()
    await at.page.locator(".leaf .chart svg").first.wait_for()
    assert places["SpindleLoad"][0].endswith(":OperationalData")
    for load in (71.5, 64.25):
        at.node.live.take("Cell1", [("SpindleLoad", Value(load))])
        await at.page.locator(".leaf .said", has_text=str(load)).wait_for(timeout=30_000)
    await at.fits()


async def test_what_a_program_writes_appears_and_what_was_changed_meanwhile_is_not_overwritten(look):
    at = await look("en", "phone")
    name = "urn:x:gauge"
    element = {"modelType": "Property", "idShort": "Level", "valueType": "xs:double", "value": "1.5",
               "displayName": [{"language": "en", "text": "Fill level"}]}
    data = {"modelType": "Submodel", "id": f"{name}:data", "idShort": "Data", "submodelElements": [element],
            "semanticId": external("urn:x:level")}
    await at.node.twins.create("submodel", data)
    await at.node.twins.create("shell", {
        "modelType": "AssetAdministrationShell", "id": name, "idShort": "Gauge",
        "assetInformation": {"assetKind": "Instance", "globalAssetId": name},
        "submodels": [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": data["id"]}]}]})
    await at.pair()
    await at.to(f"/twins/{encode_id(name)}")
    await at.sees("Fill level")
    await at.node.twins.set_value(data["id"], "Level", 2.25)
    await at.page.locator(".said", has_text="2.25").wait_for(timeout=30_000)
    await at.page.locator("a.change").click()
    await at.page.locator("input[name=value]").fill("3.75")
    await at.node.twins.set_value(data["id"], "Level", 9.5)
    await at.page.locator("input[name=sure]").check()
    await at.page.get_by_role("button", name=text("en", "act.twin-value")).click()
    await at.page.locator(".notice.alert").wait_for()
    at.faults[:] = [one for one in at.faults if "409" not in one]  # the browser notes the refusal
    assert (await at.node.twins.element(data["id"], "Level"))["value"] == "9.5"
    await at.page.locator("input[name=sure]").check()
    await at.page.get_by_role("button", name=text("en", "act.twin-value")).click()
    await at.sees(text("en", "done.twin-value"))
    assert (await at.node.twins.element(data["id"], "Level"))["value"] == "3.75"
    await at.page.locator("details#twin-delete > summary").click()
    await at.page.locator("#twin-delete input[name=sure]").check()
    await at.page.locator("#twin-delete button").click()
    await at.sees(text("en", "done.twin-delete"))

    async def gone():
        return await at.node.twins.store.get("submodel", data["id"]) is None

    await until(gone)


async def test_the_tree_opens_without_scripts(look):
    at = await look("en", "phone", scripts=False)
    await at.pair()
    await at.to(f"/twins/{encode_id(shell_id(at.node.organisation, 'item', 'BV-15'))}")
    await at.page.locator("a.branch.top", has_text=text("en", "twin.word.Stock")).click()
    await at.sees(text("en", "twin.word.OnHand"))
    await at.fits()
