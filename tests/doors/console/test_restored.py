"""After a restored backup the page Today says whom it waits for, and what the owner can do."""

import re
from urllib.parse import urlencode

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work
from weft.doors import console
from weft.engine.memory import RESTORED
from weft.engine.ports import Batch

OWNER = f"weft_device={TOKEN}; weft_lang=en"


async def test_today_names_the_partner_that_is_waited_for_and_lets_the_owner_go_on():
    sample = await at_work()
    try:
        node, client = sample.node, Client(console.routes(sample.node))
        partner = next(iter(node.partners))
        before = (await client.ask("/", headers={"cookie": OWNER}, token="")).body.decode()
        assert "/do/restored-go-on" not in before, "the control"
        await node.store.commit(Batch(values=[(RESTORED, partner, b"")]))
        node.unheard.add(partner)
        page = (await client.ask("/", headers={"cookie": OWNER}, token="")).body.decode()
        assert re.search(r"still has what was said since your backup", page)
        assert node.names[partner][0] in page
        assert "⟦" not in page
        gone = r"<details[^>]*><summary>They are gone for good</summary>(?:(?!</details>).)*/do/restored-go-on"
        assert re.search(gone, page, re.DOTALL), "nobody goes on without a partner by one touch"
        body = urlencode({"partner": partner, "form": "x", "back": "/", "then": "/", "key": "k"}).encode()
        answer = await client.ask("/do/restored-go-on", "POST", {
            "content-type": "application/x-www-form-urlencoded", "content-length": str(len(body)), "cookie": OWNER,
            "origin": "http://weft.test"}, body, token="")
        assert answer.status == 303
        assert not node.unheard
        after = (await client.ask("/", headers={"cookie": OWNER}, token="")).body.decode()
        assert "/do/restored-go-on" not in after
    finally:
        await sample.stop()
