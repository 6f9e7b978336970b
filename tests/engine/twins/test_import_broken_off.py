"""An import that is broken off, by a kill, by its owner or by a lost line, leaves nothing of the file behind."""

import asyncio
import io
import json
import re
import time

import pytest

from tests.engine.home import empty_node
from tests.stores.killing import losses
from tests.stores.twins.making import Hands, opened
from tests.twin.aasx.packages import ELEMENTS, packed, plain
from weft.basis.errors import NotFound, Refused
from weft.engine.twins import importing
from weft.engine.twins.underway import Imports
from weft.stores.twins.store import GRACE_MS

WRITER = """
import asyncio, io, json, sys
from tests.stores.twins.making import opened
from tests.engine.twins.test_import_broken_off import Twins, environment, halved
from weft.engine.twins import importing

async def main(path, how):
    store = opened(path)
    if how == "half":
        halved(store)
    row = await store.get("submodel", "urn:0")
    for n in range(row.revision + 1 if row else 1, 1_000_000):
        if how == "hasty":
            print("file", n, flush=True)
        done = await importing.take_in(Twins(store), io.BytesIO(environment(n)), "all.json")
        assert done.taken and done.changed == 100
        if how != "hasty":
            print("file", n, flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""
MANY = 100


class Twins:
    """What an import needs."""

    scratch = None

    def __init__(self, store):
        self.store = store
        self.imports = Imports()

    def owns(self, _name):
        return False


def halved(store):
    """Control that must fail: each twin of a commit in a transaction of its own."""
    whole = store.commit

    async def commit(changes):
        return [row for one in changes for row in await whole([one])]

    store.commit = commit


def environment(number, many=MANY):
    """So many submodels that all say ``number``."""
    element = {"modelType": "Property", "idShort": "N", "valueType": "xs:int", "value": str(number)}
    return json.dumps({"submodels": [
        {"modelType": "Submodel", "id": f"urn:{n}", "idShort": "S", "submodelElements": [element]}
        for n in range(many)]}).encode()


def values(rows):
    return {re.search(rb'"value":"(\d+)"', row.body).group(1) for row in rows}


async def lost(path, told):
    store = opened(path)
    rows = await store.page("submodel", "", 999)
    assert await store.check() == "ok"
    torn = len(rows) not in (0, MANY) or len(values(rows)) > 1
    await store.close()
    if torn:
        raise Torn
    return max(0, told.get("file", 0) - (int(values(rows).pop()) if rows else 0))


class Torn(Exception):
    """Half of a file."""


def test_a_killed_import_leaves_all_of_the_file_or_nothing(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "twins.db"), 4, "honest") == 0


@pytest.mark.release
def test_two_hundred_killed_imports_leave_nothing_half_done(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "twins.db"), 200, "honest") == 0


def test_control_an_import_that_writes_twin_by_twin_is_found_out(tmp_path):
    with pytest.raises(Torn):
        losses(WRITER, lost, str(tmp_path / "twins.db"), 12, "half")


# ---- stopped ----

def story(action):
    return asyncio.run(asyncio.wait_for(action, 120))


def package():
    """A package with 400 submodels and a file of two megabytes."""
    made = json.loads(environment(1, 400))
    made["submodels"][0]["submodelElements"] = [ELEMENTS[4]]
    parts = plain(json.dumps(made).encode(), "aasx/data.json")
    return packed({**parts, "aasx/files/manual.pdf": bytes(range(256)) * 8_000})


@pytest.mark.parametrize("stage", ["reading", "files", "writing"])
@pytest.mark.parametrize("how", ["stopped", "line lost"])
def test_who_stops_an_import_at_any_stage_finds_nothing_of_it(stage, how, tmp_path):
    async def told():
        clock = Hands()
        twins = Twins(opened(str(tmp_path / "twins.db"), clock=clock))
        loop, seen = asyncio.get_running_loop(), []

        def heard(now):
            if now.stage == stage and not seen:
                seen.append(now)
                [one] = twins.imports.now()
                assert one.name == "pump.aasx" and one.progress == now
                if how == "stopped":
                    loop.call_soon_threadsafe(twins.imports.stop, one.id)
                else:
                    loop.call_soon_threadsafe(work.cancel)
            if seen:
                time.sleep(0.002)  # in the thread that reads, or between two turns of the loop

        work = asyncio.create_task(importing.take_in(twins, io.BytesIO(package()), "pump.aasx", told=heard))
        with pytest.raises(Refused if how == "stopped" else asyncio.CancelledError) as caught:
            await work
        assert how != "stopped" or caught.value.code == "twin.import-stopped"
        assert seen and not twins.imports.now()
        assert not await twins.store.page("submodel", "", 9) and await twins.store.feed_ends() == (0, 0)
        clock.ms += GRACE_MS + 1
        await twins.store.sweep()
        assert not twins.store.asked("SELECT 1 FROM files") and not twins.store.asked("SELECT 1 FROM pieces")
        done = await importing.take_in(twins, io.BytesIO(package()), "pump.aasx")  # the control: left alone, it is in
        assert done.taken and await twins.store.count("submodel") == 400
        await twins.store.close()

    story(told())


def test_an_import_that_is_over_cannot_be_stopped():
    async def told():
        twins = (await empty_node()).twins
        with pytest.raises(NotFound):
            twins.imports.stop("1")
        heard = []
        done = await importing.take_in(twins, io.BytesIO(package()), "pump.aasx", told=heard.append)
        assert done.taken and [one.done for one in heard] == sorted(one.done for one in heard)
        assert [*dict.fromkeys(one.stage for one in heard)] == ["reading", "files", "writing"]
        last = heard[-1]
        assert (last.done, last.twins) == (1_000, 400) and last.bytes == last.of > 40_000
        with pytest.raises(NotFound):
            twins.imports.stop("1")
        await twins.close()

    story(told())
