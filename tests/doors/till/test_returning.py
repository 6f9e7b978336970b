"""What comes back over a counter: a line shows what its returned pieces cost; older slips only if there are any."""

from tests.doors.till.test_at_the_counter import opened, sell, server

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
