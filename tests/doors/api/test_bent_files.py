"""Files of twins with something bent in them: a node says what became of each, and reads all it took.

More of them: ``python -m tests.doors.api.test_bent_files NUMBER``.
"""

import argparse
import asyncio
import json
import random

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.home import TOKEN, empty_node
from tests.fuzz import mutations
from tests.twin.aasx.packages import ENVIRONMENT, MANUAL, aas4j, basyx, explorer, packed, plain, xml
from tests.twin.aasx.test_older import xml as older
from weft.doors import aas, api
from weft.engine.twins import importing
from weft.twin.names import encode_id

PLAIN = msgspec.json.encode(ENVIRONMENT)
SPECS = (PLAIN, json.dumps(ENVIRONMENT, indent=1).encode(), xml(), xml(version="3.1"), older(),
         PLAIN.decode().encode("utf-16"))
WHOLE = (packed(plain()), packed(plain(PLAIN, "aasx/data.json"), 0), aas4j(), explorer(), basyx())
HALVES = (b"\xed\xa0\x80", b"\\ud800", b"\\udfff\\ud800", b"\\uD83D", b"&#xD800;", b"\x00\xd8")
SAMPLE = 120


def bent(luck):
    """A file that was sound."""
    how = luck.randrange(5)
    if how == 0:
        return mutations.bytewise(luck, luck.choice(WHOLE), [MANUAL, *WHOLE])
    spec = luck.choice(SPECS)
    if how == 1:
        spec = mutations.shaped(luck, PLAIN)
    elif how == 2:
        place = luck.randrange(len(spec))
        spec = spec[:place] + luck.choice(HALVES) + spec[place + luck.randrange(3):]
    else:
        spec = mutations.bytewise(luck, spec, list(SPECS))
    name = "aasx/data.json" if spec[:1] in b"{[" else "aasx/data.xml"
    return packed(plain(spec, name), 0) if luck.randrange(3) == 0 else spec


class Node:
    """An empty node, and what is asked of it."""

    def __init__(self):
        self.node = None
        self.taken = 0

    async def opened(self):
        self.node = await empty_node()
        self.client = Client([*api.routes(self.node), *aas.routes(self.node)], TOKEN)
        return self

    async def wrong(self, data):
        """What the node does wrong when ``data`` is handed to it; "" for nothing."""
        try:
            answer = await self.client.ask("/api/weft/v1/twins/import?name=bent", "POST", {}, data)
            told = json.loads(answer.body.splitlines()[-1])
        except Exception as error:  # noqa: BLE001 - the connection would have been cut
            return f"cut off: {error!r}"
        if "problem" in told:
            problem = told["problem"]
            return "" if 400 <= problem["status"] < 500 and problem["detail"] != problem["code"] else str(problem)
        if not told["imported"]["taken"]:
            return "" if told["imported"]["report"]["totals"] else "nothing was taken, and nobody says why"
        self.taken += 1
        return await self.emptied()

    async def emptied(self):
        """Read all that there is, and take it away."""
        for folder in ("shells", "submodels", "concept-descriptions"):
            page = await self.client.ask(f"/api/v3/{folder}?limit=1000")
            if page.status != 200:
                return f"{folder}: {page.body[:300]!r}"
            for one in page.json()["result"]:
                where = f"/api/v3/{folder}/{encode_id(one['id'])}"
                told = (await self.client.ask(where)).status, (await self.client.ask(where, "DELETE")).status
                if told != (200, 204) and ":firm:" not in one["id"]:
                    return f"{where}: {told}"
        return ""


async def tried(numbers):
    node, found = await Node().opened(), {}
    for number in numbers:
        data = bent(random.Random(number))
        told = await node.wrong(data)
        if told:
            found[number] = told
    await node.node.twins.close()
    return found, node.taken


async def test_whatever_a_file_holds_the_node_says_what_became_of_it():
    found, taken = await tried(range(SAMPLE))
    assert found == {} and 0 < taken < SAMPLE


async def test_control_an_error_of_ours_is_told_and_seen(monkeypatch):
    def broken(*_):
        raise KeyError("ours")

    monkeypatch.setattr(importing, "canonical", broken)
    node = await Node().opened()
    assert "500" in await node.wrong(PLAIN)


@pytest.mark.parametrize("half", HALVES[:4])
@pytest.mark.parametrize("place", ["id", "idShort", "category", "nobody knows it"])
async def test_half_a_character_is_refused_with_its_place(half, place):
    name, id_, text = (b"idShort", half, b"") if place == "id" else (place.encode(), b"x", half)
    submodel = b'{"modelType":"Submodel","id":"urn:%b","%b":"a%b"}' % (id_, name, text)
    node = await Node().opened()
    data = b'{"submodels":[{"modelType":"Submodel","id":"urn:y"},%b]}' % submodel
    answer = await node.client.ask("/api/weft/v1/twins/import?name=half.json", "POST", {}, data)
    problem = json.loads(answer.body.splitlines()[-1])["problem"]
    assert (problem["status"], problem["code"]) == (422, "json.malformed")
    assert ("submodels[1]" if half[:1] == b"\\" else f"byte 0xed at {data.find(half)}:") in problem["detail"]
    assert (await node.client.ask("/api/v3/submodels")).json()["result"] == []


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.doors.api.test_bent_files")
    parser.add_argument("number", type=int)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    wrong, came_in = asyncio.run(tried(range(asked.first, asked.first + asked.number)))
    for each, said in wrong.items():
        print(each, said)
    print(f"{asked.number} files, {came_in} of them taken, {len(wrong)} faults")
