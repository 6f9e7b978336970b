"""What comes back over a counter: a line shows what its returned pieces cost; older slips only if there are any."""

import pytest

from tests.doors.till.test_at_the_counter import BOOK, opened, sell, server
from tests.till.counter import FIRM, Counter
from weft.basis import canonical
from weft.engine.till import intake
from weft.till.slip import parse

__all__ = ["opened", "server"]
SOME_DAYS_AGO = """async () => {
  const told = (asked) => new Promise((done) => { asked.onsuccess = () => done(asked.result); });
  const kept = await told(indexedDB.open("weft-till"));
  const slips = kept.transaction(["slips"], "readwrite").objectStore("slips");
  const [row] = await told(slips.getAll());
  await told(slips.put({ ...row, at: new Date(Date.now() - 3 * 86400000).toISOString() }));
  kept.close();
}"""


async def test_a_line_shows_what_its_returned_pieces_cost_and_not_the_whole_line(opened):
    page = await opened("en-GB")
    await sell(page, "VALVE-DN15", "VALVE-DN15", "VALVE-DN15")
    await page.locator(".slip-acts .acts .button").nth(1).click()
    line = page.locator(".returning .line")
    assert await line.locator(".line-sum").inner_text() == "–"
    await line.locator(".stepper button").last.click()
    assert await line.locator(".count").inner_text() == "1"
    one = await line.locator(".line-sum").inner_text()
    assert one == await page.locator(".due strong").inner_text(), "one of three"
    await line.locator(".stepper button").last.click()
    two = await line.locator(".line-sum").inner_text()
    assert two == await page.locator(".due strong").inner_text() != one


async def test_older_slips_are_offered_only_where_there_are_any(opened):
    page = await opened("en-GB")
    await sell(page, "SEAL-15")
    await page.locator(".slip-acts .button.main").click()
    await sell(page, "VALVE-DN15")
    await page.locator(".slip-acts .button.main").click()
    await page.locator(".way").nth(0).click()
    await page.locator(".list-line").nth(1).wait_for()
    assert await page.locator(".older").count() == 0
    await page.evaluate(SOME_DAYS_AGO)
    await page.reload()
    await page.locator(".tile").first.wait_for()
    await page.locator(".way").nth(0).click()
    await page.locator(".older").click()
    await page.locator(".list-line").nth(1).wait_for()
    assert await page.locator(".older").count() == 0


async def given_back(server, page):
    """What the node says when another till took one piece of the first sale back."""
    await page.locator(".sent", has_text="Arrived at the firm").wait_for()
    sale = parse(canonical.encode(server.slips[0]))
    other = Counter(firm=FIRM, book=BOOK, seed=9, currency=BOOK.currency).take_back(sale, (1, "1"))
    return {"bytes": "", "signature": "", "returns": [{"bytes": intake.written(other), "signature": other.signature}]}


@pytest.mark.parametrize("node_is_asked", [True, False], ids=["asked", "control: the node says nothing of it"])
async def test_what_came_back_at_another_till_does_not_come_back_again_while_the_node_is_at_hand(
        server, opened, node_is_asked):
    page = await opened("en-GB")
    await sell(page, "VALVE-DN15", "VALVE-DN15", "VALVE-DN15")
    told = await given_back(server, page)
    if node_is_asked:
        server.asked = told
    await page.locator(".slip-acts .acts .button").nth(1).click()
    left = page.locator(".returning .line-name small", has_text="2 " if node_is_asked else "3 ")
    await left.wait_for()
    await page.locator(".returning .count").click()
    assert await page.locator(".returning .count").inner_text() == ("2" if node_is_asked else "3")
    await page.locator(".returning .button.huge").click()
    await page.locator(".receipt").wait_for()


async def test_what_comes_back_elsewhere_while_a_seller_still_chooses_is_refused(server, opened):
    page = await opened("en-GB")
    await sell(page, "VALVE-DN15", "VALVE-DN15", "VALVE-DN15")
    told = await given_back(server, page)
    await page.locator(".slip-acts .acts .button").nth(1).click()
    await page.locator(".returning .count").click()
    assert await page.locator(".returning .count").inner_text() == "3"
    server.asked = told
    await page.locator(".returning .button.huge").click()
    await page.locator("#toast .alert", has_text="Line 1: 2 can still be taken back, not 3.").wait_for()
    assert await page.locator(".receipt").count() == 0 and len(server.slips) == 1


@pytest.mark.parametrize("way", ["found", "unknown", "away"])
async def test_the_number_of_another_till_s_slip_is_looked_up_at_the_node(server, opened, way):
    sale = Counter(firm=FIRM, book=BOOK, seed=9, currency=BOOK.currency).sale(("VALVE-DN15", "2"))
    page = await opened("en-GB")
    if way == "found":
        server.asked = {"bytes": intake.written(sale), "signature": sale.signature, "returns": []}
    if way == "away":
        await page.context.set_offline(True)
    await page.locator(".way").nth(1).click()
    await page.locator(".narrow .search").fill(sale.slip.number)
    await page.locator(".narrow .search").press("Enter")
    if way == "found":
        await page.locator(".returning .line-name", has_text="2 pcs may come back").wait_for()
    else:
        words = {"unknown": "No till of this firm sold", "away": "scan the code on it"}[way]
        await page.locator("#toast .alert", has_text=words).wait_for()
        assert await page.locator(".returning").count() == 0
