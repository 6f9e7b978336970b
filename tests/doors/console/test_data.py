"""Our data, from the console: what is held, an export to save, an order closed, a paper erased, and its receipts."""

import contextlib
import io
import json
import re
import zipfile
from dataclasses import replace
from urllib.parse import urlencode

from tests.doors.console.sample import TOKEN
from tests.doors.console.test_carry import FORM, OWNER, client
from tests.engine.dealing import dealt
from tests.engine.test_closing import is_closed, settle
from tests.engine.test_erasure import erased_everywhere, replace_retention
from tests.engine.world import quiet, until
from weft.engine import closing
from weft.engine.devices import Devices
from weft.engine.views import order


async def shown(node, address="/data", lang="en"):
    answer = await client(node).ask(address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
    assert answer.status == 200
    page = answer.body.decode()
    assert "⟦" not in page
    return page


async def posted(node, address, **fields):
    body = urlencode({name.replace("__", "."): value for name, value in fields.items()}).encode()
    given = {"content-type": FORM, "content-length": str(len(body)), "cookie": OWNER, "origin": "http://weft.test"}
    return await client(node).ask(address, "POST", given, body, token="")


@contextlib.asynccontextmanager
async def at_home():
    async with dealt() as (shop, factory, thread):
        for node in (shop, factory):
            node.config = replace_retention(node.config, 0)
        shop.devices = Devices(shop.store, shop.clock, shop.random, TOKEN)
        yield shop, factory, thread


async def test_an_order_is_closed_and_a_paper_of_it_erased_by_buttons():
    async with at_home() as (shop, factory, thread):
        page = await shown(shop)
        assert "Not everything that was billed has been paid." in page
        assert f"close-{thread}" not in page
        await settle(shop, factory)
        await quiet(shop, factory)
        assert f"close-{thread}" in await shown(shop)
        assert "可以结案" in await shown(shop, lang="zh")
        assert (await posted(shop, "/do/close", thread=thread, back="/data", then="/data")).status == 303
        await until(lambda: is_closed(shop, factory, thread=thread))
        await until(lambda: noted(shop, thread))
        page = await shown(shop)
        assert "Closed on" in page
        papers = re.findall(r'name="events\.(\d+)" value="([^"]+)"', page)
        assert len(papers) == 6
        assert "to be kept until" not in page and "Nothing chosen means all papers" in page
        shop.config = replace_retention(shop.config, 10)
        page = await shown(shop)
        assert len(re.findall(r'name="events\.\d+" value="[^"]+" disabled', page)) == 5, "all but what was asked for"
        assert page.count("to be kept until 20") == 6 and "Choose at least one" in page
        shop.config = replace_retention(shop.config, 0)
        place, paper = papers[3]
        answer = await posted(shop, "/do/erase", thread=thread, back="/data", then="/data", reason="subject-request",
                              **{f"events__{place}": paper})
        assert answer.status == 303
        await until(lambda: erased_everywhere(shop, factory, thread))
        page = await shown(shop)
        assert "Erased at Factory, receipt of" in page
        assert "The person asked for it" in page
        assert paper not in re.findall(r'name="events\.\d+" value="([^"]+)"', page)
        assert await shop.store.payloads(thread, [paper]) == []
        assert len(await shop.store.payloads(thread, [papers[0][1]])) == 1
        order = await shown(shop, f"/orders/{thread}")
        assert "904" in order
        (gone,) = re.findall(rf'id="d-{paper}".*?</article>', order, re.DOTALL)
        assert "What it said was erased." in gone
        assert "内容已删除。" in await shown(shop, f"/orders/{thread}", lang="zh")


async def test_a_word_that_never_was_one_is_not_told_as_erased():
    async with at_home() as (shop, _factory, thread):
        told = await order._documents(shop, thread)
        log = await shop.log(thread)
        place = next(k for k, one in enumerate(log) if one.kind == "Order")
        for void, shown_ in (("message.malformed", 0), ("", 1)):  # the second, the control, was erased
            bent = [*log[:place], replace(log[place], message=None, void=void), *log[place + 1:]]

            class Bent:
                organisation = shop.organisation

                async def log(self, _thread, bent=bent):
                    return bent

            found = await order._documents(Bent(), thread)
            assert len(found) == len(told) - 1 + shown_


async def noted(node, thread):
    return await node.store.value(closing.CLOSED, thread) is not None


async def test_everything_is_saved_as_one_file_and_where_that_cannot_be_it_says_so(tmp_path):
    async with at_home() as (shop, _factory, thread):
        @contextlib.asynccontextmanager
        async def itself():
            yield shop

        answer = await posted(shop, "/data/export")
        assert answer.status == 503
        assert "use weft export" in answer.body.decode()
        shop.snapshot, shop.twins.scratch = itself, tmp_path
        answer = await posted(shop, "/data/export")
        assert answer.status == 200
        assert not list(tmp_path.iterdir()), "nothing of it stays"
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            assert thread in "".join(json.loads(archive.read("manifest.json"))["files"])
        shop.twins.scratch = tmp_path / "gone"
        answer = await posted(shop, "/data/export")
        assert answer.status == 503
        assert "No such file" in answer.body.decode()


async def test_an_empty_node_says_what_comes_next():
    from tests.engine.home import empty_node

    node = await empty_node()
    node.devices = Devices(node.store, node.clock, node.random, TOKEN)
    page = await shown(node)
    assert "No order has ended yet." in page
    assert "Nothing was erased yet." in page
    assert "还没有结束的订单" in await shown(node, lang="zh")
