"""A large file of twins in a real Chromium on a phone: how far it is, the stop; what was deleted is erased for good."""

import json
import os

import pytest

from tests.engine.world import until
from tests.stores.twins.making import prop, put, submodel
from weft.engine.twins.ports import Change
from weft.locale import text

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
BOTH = pytest.mark.parametrize("lang", ["zh", "en"])
SHOTS = os.environ.get("WEFT_SHOTS", "")


async def shot(at, name):
    """A picture for whoever wants to look."""
    if SHOTS:
        await at.page.screenshot(path=f"{SHOTS}/{name}-{at.lang}.png", full_page=True)


def large() -> bytes:
    """Submodels that take some seconds to read."""
    elements = [prop(f"P{n}", str(n)) for n in range(60)]
    return json.dumps({"submodels": [submodel(f"urn:large:{n}", *elements) for n in range(9_000)]}).encode()


@BOTH
async def test_a_large_file_says_how_far_it_is_and_is_stopped(look, lang, tmp_path):
    file = tmp_path / "large.json"
    file.write_bytes(large())
    at = await look(lang, "phone")
    await at.pair()
    await at.to("/twins/import")
    await at.page.locator("#file").set_input_files(file)
    await at.page.get_by_role("button", name=text(lang, "twin.in.look")).click()
    await at.page.locator("progress[max='1000']:not(.hidden)").first.wait_for()
    await at.page.locator("form[action='/twin-files/stop']").wait_for(timeout=30_000)
    assert " MB" in await at.page.locator("main").inner_text()
    await at.fits()
    await shot(at, "reading")
    await at.page.get_by_role("button", name=text(lang, "twin.in.stop"), exact=True).click()
    await at.page.wait_for_url("**/twins/import")
    await until(lambda: not at.node.twins.imports.now())
    assert await at.node.twins.store.get("submodel", "urn:large:0") is None


@BOTH
async def test_what_was_deleted_is_erased_for_good_with_a_receipt(look, lang):
    at = await look(lang, "phone")
    name = f"urn:gone:{lang}"
    store = at.node.twins.store
    await store.commit([put("submodel", submodel(name, prop("P", "1"), id_short="Pump"))])
    await store.commit([Change("submodel", name, None)])
    await at.pair()
    await at.to("/twins")
    await at.page.locator("a[href='/twins/deleted']").click()
    await at.sees(name)
    await at.fits()
    await at.page.locator("details.act summary").first.click()
    await shot(at, "deleted")
    await at.page.locator("input[name='sure']").first.check()
    await at.page.locator("form[action='/do/twin-erase'] button").first.click()
    await at.page.locator("#receipts").wait_for()
    await at.fits()
    await shot(at, "erased")
    assert not [one for one in await store.deleted(None, 99) if one.id == name]
