"""Files of twins over the node's own API: with progress in, with a header out; who may; and what refusals look like."""

import asyncio
import json

import pytest

from tests.doors.asking import Client
from tests.engine.home import empty_node
from tests.twin.aasx.packages import DOCUMENTS, aas4j, bodies, opened
from tests.twin.aasx.test_attacks import XML_ATTACKS, ZIP_ATTACKS, with_spec
from weft.basis.errors import Invalid
from weft.doors import api
from weft.engine.twins import importing

PREFIX = "/api/weft/v1/twins"


def told(story):
    return asyncio.run(asyncio.wait_for(story, 60))


async def owner(node):
    return Client(api.routes(node), token=await node.devices.grant("owner", "ours", "key"))


async def taken(client, data, query=""):
    answer = await client.ask(f"{PREFIX}/import{query}", "POST", body=data)
    lines = [json.loads(line) for line in answer.body.splitlines()]
    return answer, lines


def test_a_file_comes_in_with_its_progress_and_goes_out_with_what_was_found():
    async def story():
        node = await empty_node()
        client = await owner(node)
        answer, lines = await taken(client, aas4j(), "?name=pump.aasx&report=true")
        assert answer.status == 200 and answer.headers["content-type"] == "application/x-ndjson"
        assert lines[-1]["imported"]["taken"] is False and await node.twins.store.feed_ends() == (0, 0)
        answer, lines = await taken(client, aas4j(), "?name=pump.aasx")
        steps = [one["done"] for one in lines[:-1]]
        assert steps == sorted(steps) and len(steps) > 1 and lines[-1]["imported"]["changed"] == 3
        answer = await client.ask(f"{PREFIX}/export?id=urn:x:pump&form=aasx")
        assert answer.status == 200 and int(answer.headers["content-length"]) == len(answer.body)
        assert bodies(opened(answer.body)[0]) == DOCUMENTS
        assert json.loads(answer.headers["weft-exported"])["files"] == 2
        await node.twins.close()
    told(story())


@pytest.mark.parametrize(("address", "code", "status"), [
    ("/export?id=urn:x:none", "twin.none", 404), ("/export?form=pdf", "aasx.form", 422),
    ("/export?version=9", "aasx.version", 422)])
def test_what_cannot_go_out_is_refused(address, code, status):
    async def story():
        node = await empty_node()
        answer = await (await owner(node)).ask(PREFIX + address)
        assert (answer.status, answer.json()["code"]) == (status, code)
        await node.twins.close()
    told(story())


def test_only_the_owner_may():
    async def story():
        node = await empty_node()
        for method, address in (("POST", "/import"), ("GET", "/export")):
            answer = await Client(api.routes(node), host="192.0.2.7").ask(PREFIX + address, method, body=aas4j())
            assert answer.status == 401
        assert await node.twins.store.feed_ends() == (0, 0)
        await node.twins.close()
    told(story())


def test_no_attack_changes_anything_and_each_is_told_with_its_place():
    async def story():
        node = await empty_node()
        client = await owner(node)
        await taken(client, aas4j())
        before = await node.twins.store.feed_ends()
        attacks = {name: (with_spec(data), code) for name, (data, code) in XML_ATTACKS.items() if code}
        attacks |= {name: (build(), code) for name, (build, code, limits) in ZIP_ATTACKS.items() if not limits}
        for name, (data, code) in attacks.items():
            _, lines = await taken(client, data)
            problem = lines[-1]["problem"]
            assert problem["code"] == code and problem["status"] == 422, name
            assert problem["detail"] and "⟦" not in problem["detail"], name
        assert len(attacks) > 30 and await node.twins.store.feed_ends() == before
        _, lines = await taken(client, aas4j())  # the control: what is no attack is taken
        assert lines[-1]["imported"]["taken"]
        await node.twins.close()
    told(story())


def test_who_hangs_up_while_the_file_is_read_leaves_nothing_behind(monkeypatch):
    async def story():
        node = await empty_node()
        reached, go_on = asyncio.Event(), asyncio.Event()
        write = importing._Import.write

        async def slow(work):
            reached.set()
            await go_on.wait()
            return await write(work)

        monkeypatch.setattr(importing._Import, "write", slow)
        asking = asyncio.create_task(taken(await owner(node), aas4j()))
        await reached.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await node.twins.store.feed_ends() == (0, 0)
        go_on.set()
        _, lines = await taken(await owner(node), aas4j())
        assert lines[-1]["imported"]["changed"] == 3
        await node.twins.close()
    told(story())


def test_control_an_attack_is_refused_by_the_import_itself():
    with pytest.raises(Invalid):
        opened(with_spec(XML_ATTACKS["a billion laughs"][0]))
