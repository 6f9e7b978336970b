"""Whatever is read is answered alike by the short way and the long one, read anew or held in memory.

Not here: one element read from bytes (``tests/twin/test_paths.py``), rows that are held (``tests/stores/twins``).
"""

import asyncio
import re

import pytest

from tests.conformance import environment as known
from tests.conformance.suites import encoded
from tests.doors.aas.specification import bundled
from tests.doors.aas.test_writing import Door
from tests.doors.asking import Client
from tests.engine.home import TOKEN
from weft.doors import aas
from weft.shelves import Doors

IDS = {"aasIdentifier": encoded(known.SHELL), "submodelIdentifier": encoded(known.SUBMODEL),
       "cdIdentifier": encoded(known.CONCEPT), "idShortPath": "Inside.Depth"}
QUERIES = ("", "?level=core&limit=1", "?extent=withBlobValue", "?level=none&limit=0")
HOURS = re.compile(rb'"timestamp":"[^"]+"')


@pytest.fixture(scope="module")
def reading(published):
    """Addresses of all that can be read, as far as they lead somewhere, each with every query."""
    paths = [path for path, methods in bundled(published)["paths"].items() if "get" in methods]
    filled = [re.sub(r"{(\w+)}", lambda name: IDS.get(name[1], encoded("urn:unknown")), path) for path in paths]
    return [prefix + path + query for prefix in ("/api/v3", "/api/v3.0") for path in filled for query in QUERIES]


def asked(client, address):
    told = asyncio.run(client.ask(address))
    return told.status, told.headers, HOURS.sub(b"", told.body)


def test_every_address_is_answered_alike_by_the_short_way_and_the_long_one(reading):
    door = Door()
    short = Client([])
    short.application, short.token = Doors(aas.routes(door.node)), TOKEN
    found = 0
    for address in reading:
        long = asked(door.client, address)
        assert asked(short, address) == long, address
        door.node.twins.store._held.forget()
        assert asked(short, address) == long, address
        found += long[0] == 200
    assert len(reading) > 500 and found > 150
