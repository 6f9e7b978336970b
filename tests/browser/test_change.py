"""A customer chooses what becomes of an order that is late, on the phone."""

import pytest

from tests.engine.world import until
from weft.engine.commands import run

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser]


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_what_is_ready_is_taken_and_others_are_asked_for_the_rest(look, lang, tmp_path):
    shop = await look(lang, "phone", shop=True)
    sample, thread = shop.sample, shop.sample.orders["making"]
    state = await sample.node.state(thread)
    lines = [{"line": "1", "promise": "2027-06-01T08:00:00.000Z"}]
    await run(sample.node, "propose-change", {"thread": thread, "cause": "machine-late", "options": [
        {"id": "later", "kind": "later", "lines": lines},
        {"id": "partial", "kind": "partial", "note": "8", "lines": lines},
        {"id": "elsewhere", "kind": "change", "note": "8", "lines": [{"line": "1", "quantity": "8"}]},
        {"id": "cancel", "kind": "cancel", "lines": [{"line": "1", "quantity": "0"}]}]})

    async def there():
        return any(one.status == "open" for one in (await sample.shop.state(thread)).changes.values())

    await until(there)
    await shop.pair()
    await shop.to(f"/orders/{thread}")
    words = {"zh": ("先发已完成的，其余另找别家", "收下已完成的，其余向别家询价"),
             "en": ("What is ready now, the rest from elsewhere", "Take it, ask others for the rest")}[lang]
    await shop.sees(words[0])
    await shop.fits()
    await shop.page.screenshot(path=str(tmp_path / f"change-{lang}.png"), full_page=True)
    await shop.page.get_by_role("button", name=words[1]).click()
    await shop.page.wait_for_url("**/orders/new?**")
    rest = str(int(float(state.lines["1"].open)) - 8)
    assert await shop.page.locator("[name='lines.0.quantity@number']").input_value() == rest

    async def cut():
        return (await sample.node.state(thread)).lines["1"].ordered == "8"

    await until(cut)
