"""What is seen is exactly what is allowed: random rules over random twins, at every address that reads.

A second node holds what must be shown, found by a naive reading of the rules (``oracle.py``); its owner and the program
of the first node ask the same, and are told the same.
"""

import io
import random
import zipfile
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doors.aas import oracle
from tests.doors.asking import Client
from tests.engine.home import TOKEN
from tests.engine.world import Wires, found
from weft.doors import aas
from weft.doors.aas.table import addresses
from weft.engine.devices import Devices
from weft.engine.twins import sight as sight_of
from weft.engine.twins.access import Access
from weft.engine.twins.ports import Change
from weft.engine.twins.sight import Sight
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins
from weft.twin.access import trimming
from weft.twin.names import encode_id

NUMBERS = st.integers(0, 2**32)
ABSENT = "urn:nothing"
ELEMENT = ("", "/$metadata", "/$value", "/$reference", "/$path", "/attachment", "?level=core", "/$value?level=core",
           "?extent=withBlobValue", "/$value?extent=withBlobValue", "/$path?level=core")
SUBMODEL = ("", "/$metadata", "/$value", "/$reference", "/$path", "?level=core", "/$value?level=core",
            "/$value?extent=withBlobValue", "/serialization")
PAGES = ("shells", "shells/$reference", "submodels", "submodels/$metadata", "submodels/$value", "submodels/$reference",
         "submodels/$path", "concept-descriptions", "shell-descriptors", "submodel-descriptors", "lookup/shells",
         "packages", "submodels?idShort=Secret", "shells?idShort=Secret", "submodels?extent=withBlobValue",
         "submodels?level=core", "submodels/$value?level=core", "submodels/$path?level=core")
ELEMENTS = ("submodel-elements", "submodel-elements/$metadata", "submodel-elements/$value",
            "submodel-elements/$reference", "submodel-elements/$path", "submodel-elements?level=core",
            "submodel-elements?extent=withBlobValue", "submodel-elements/$value?level=core")
SHELL = ("", "/$reference", "/asset-information", "/asset-information/thumbnail", "/submodel-refs", "/serialization",
         "/shells")
APART = {"description", "events", "operation-status", "operation-results", "bulk", "aas", "submodel"}


class House:
    """A node with its twins, asked over HTTP."""

    def __init__(self, node):
        self.node = node
        node.devices = Devices(node.store, node.clock, node.random, TOKEN)
        self.client = Client(aas.routes(node), TOKEN)

    async def filled(self, documents):
        """Nothing but these twins, as they are, be they sound or not."""
        if self.node.twins._store is not None:
            await self.node.twins.close()
        self.node.twins._store = SqliteTwins(MEMORY, self.node.clock)
        changes = [Change(kind, one["id"], msgspec.json.encode(one))
                   for kind, ones in documents.items() for one in ones]
        if changes:
            await self.node.twins.store.commit(changes)

    async def ask(self, who, address, method="GET", body=b"", accept="application/json"):
        given = {"content-type": "application/json", "accept": accept}
        return await self.client.ask(f"/api/v3/{address}", method, given, body, token=who)

    async def all_of(self, who, address, method="GET", body=b""):
        """What all pages of two hold, or the refusal."""
        held, cursor = [], ""
        while True:
            sign = "&" if "?" in address else "?"
            told = await self.ask(who, f"{address}{sign}limit=2{cursor}", method, body)
            if told.status != 200:
                return plain(told)
            page = told.json()
            result = page["result"]
            held += sorted(result.items()) if isinstance(result, dict) else result
            if "cursor" not in page["paging_metadata"]:
                return 200, held
            cursor = "&cursor=" + page["paging_metadata"]["cursor"]


def plain(told):
    """An answer without what is of its moment."""
    if told.body.startswith(b'{"messages"'):
        return told.status, [(one["code"], one["correlationId"]) for one in told.json()["messages"]]
    if told.body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(told.body)) as package:
            return told.status, sorted((one, package.read(one)) for one in package.namelist())
    return told.status, told.body


class Pair:
    """The house with everything, a program of it, and the house that holds what the program must be shown."""

    def __init__(self, whole, shown, program):
        self.whole, self.shown, self.program = whole, shown, program
        self.asked = self.differed = self.opened = 0

    async def compare(self, number):
        """Faults of what the program is told in the world of this number."""
        luck = random.Random(number)
        made = oracle.world(luck)
        rules = [oracle.rule(luck, made) for _ in range(luck.randrange(1, 4))]
        await self.whole.filled(made)
        await Access(self.whole.node).keep({"rules": rules})
        self.must = {kind: [seen for one in ones if (seen := self.seen(rules, kind, one)) is not None]
                     for kind, ones in made.items()}
        await self.shown.filled(self.must)
        self.faults = []
        await self.pages(luck, made)
        await self.single(made)
        await self.elements(rules, made)
        return self.faults

    @staticmethod
    def seen(rules, kind, document):
        return oracle.shown(rules, kind, document)

    def told(self, what, mine, theirs, whole=None):
        self.asked += 1
        self.opened += theirs[0] == 200
        self.differed += whole is not None and whole != theirs
        if mine != theirs:
            self.faults.append((what, mine, theirs))

    async def same(self, address, method="GET", body=b"", accept="application/json"):
        mine = plain(await self.whole.ask(self.program, address, method, body, accept))
        theirs = plain(await self.shown.ask(TOKEN, address, method, body, accept))
        self.told(f"{method} {address} {body.decode()}", mine, theirs,
                  plain(await self.whole.ask(TOKEN, address, method, body, accept)))

    async def pages(self, luck, made):
        paths = [path for one in made["submodel"] for path, _, _, reached in oracle.inside(one) if reached]
        questions = [(address, "GET", b"") for address in PAGES]
        for root, kind in (("sm", "submodels"), ("sm", "submodels"), ("sme", "submodels"), ("aas", "shells")):
            asked = oracle.condition(luck, root, paths)
            questions.append((f"query/{kind}", "POST", msgspec.json.encode({"$condition": asked})))
        hidden = {"$contains": [{"$field": "$sme#value"}, {"$strVal": "secret"}]}
        questions += [(f"query/{kind}", "POST", msgspec.json.encode({"$condition": asked}))
                      for asked in (hidden, {"$not": hidden}) for kind in ("submodels", "shells")]
        for root, kind in (("aasdesc", "shell"), ("smdesc", "submodel")):
            named = {"$eq": [{"$field": f"${root}#idShort"}, {"$strVal": "Secret"}]}
            reached = {"$contains": [{"$field": f"${root}#endpoints[].interface"}, {"$strVal": "3.0"}]}
            questions += [(f"query/{kind}-descriptors", "POST", msgspec.json.encode({"$condition": asked}))
                          for asked in (named, {"$not": named}, {"$and": [{"$not": named}, reached]})]
        for address, method, body in questions:
            mine = await self.whole.all_of(self.program, address, method, body)
            theirs = await self.shown.all_of(TOKEN, address, method, body)
            self.told(f"{method} {address} {body.decode()}", mine, theirs)
        for name in (*oracle.WORDS, "urn:asset0"):
            link = msgspec.json.encode({"name": "globalAssetId" if ":" in name else "Secret", "value": name})
            await self.same(f"lookup/shells?assetIds={encode_id(link.decode())}")
        for accept in ("application/json", "application/xml", "application/asset-administration-shell-package"):
            await self.same("serialization", accept=accept)

    async def single(self, made):
        for shell in [one["id"] for one in made["shell"]] + [ABSENT]:
            for tail in SHELL:
                await self.same(f"shells/{encode_id(shell)}{tail}")
            await self.same(f"lookup/shells/{encode_id(shell)}")
            await self.same(f"serialization?aasIds={encode_id(shell)}")
            await self.same(f"shell-descriptors/{encode_id(shell)}")
            await self.same(f"shell-descriptors/{encode_id(shell)}/submodel-descriptors")
        for one in made["concept"]:
            await self.same(f"concept-descriptions/{encode_id(one['id'])}")
        for base in self.bases(made):
            for tail in SUBMODEL:
                await self.same(f"{base}{tail}")
            for tail in ELEMENTS:
                mine = await self.whole.all_of(self.program, f"{base}/{tail}")
                self.told(f"{base}/{tail}", mine, await self.shown.all_of(TOKEN, f"{base}/{tail}"))
        for one in made["submodel"]:
            await self.same(f"submodel-descriptors/{encode_id(one['id'])}")
            await self.same(f"serialization?submodelIds={encode_id(one['id'])}")
            await self.same(f"shell-descriptors/{encode_id('urn:a0')}/submodel-descriptors/{encode_id(one['id'])}")

    @staticmethod
    def bases(made):
        for one in made["submodel"]:
            yield f"submodels/{encode_id(one['id'])}"
            yield f"shells/{encode_id('urn:a0')}/submodels/{encode_id(one['id'])}"

    async def elements(self, rules, made):
        """Elements one by one; those that are shown without their submodel are put there for the owner to ask for."""
        later = []
        for one in made["submodel"]:
            there = {path for shown in self.must["submodel"] if shown["id"] == one["id"]
                     for path, _, _, reached in oracle.inside(shown) if reached}
            every = [path for path, _, _, reached in oracle.inside(one) if reached]
            for path in (*every[:14], "Nothing", f"{every[0]}.Nothing"):
                single = None if path in there else oracle.alone(rules, one, path)
                if single is None:
                    await self.element(one, path)
                else:
                    later.append((single, path))
        for single, path in later:
            await self.shown.filled({**self.must, "submodel": [single]})
            await self.element(single, path)

    async def element(self, submodel, path):
        for base in self.bases({"submodel": [submodel]}):
            for tail in ELEMENT:
                await self.same(f"{base}/submodel-elements/{quote(path)}{tail}")


async def _paired():
    wires = Wires()
    whole, shown = House(await found(wires, "Whole")), House(await found(wires, "Shown"))
    code = await whole.node.devices.new_code("client")
    return Pair(whole, shown, await whole.node.devices.pair(code, "ERP"))


@pytest.fixture(scope="module")
def pair(loop) -> Iterator[Pair]:
    made = loop.run_until_complete(_paired())
    yield made
    for house in (made.whole, made.shown):
        loop.run_until_complete(house.node.stop())


@settings(max_examples=3, deadline=None)
@given(NUMBERS)
def test_what_is_seen_is_what_is_allowed(pair, loop, number):
    assert loop.run_until_complete(pair.compare(number)) == []


@pytest.mark.release
@settings(max_examples=200, deadline=None)
@given(NUMBERS)
def test_what_is_seen_is_what_is_allowed_in_many_worlds(pair, loop, number):
    assert loop.run_until_complete(pair.compare(number)) == []


def test_something_is_shown_and_something_is_hidden(pair, loop):
    """The control: else all would be the same whatever the rules are."""
    pair.asked = pair.opened = pair.differed = 0
    for number in range(2):
        loop.run_until_complete(pair.compare(number))
    assert min(pair.opened, pair.differed, pair.asked - pair.opened) > 50


async def _raw(self, kind, name):
    await self.get(kind, name)
    return await self.twins.document(kind, name)


async def _asked(_self, _kind, _row, _where):
    return True


async def _element(self, submodel, path):
    await self.document_at(submodel, path)
    return (await self.twins.document("submodel", submodel))


MUTANTS = {
    "the views of one twin": (Sight, "document", _raw),
    "questions about what is hidden": (Sight, "_is_asked", _asked),
    "what is asked of the store": (sight_of, "_freely", bool),
    "annotations, statements and variables": (trimming, "HELD", {
        name: trimming.HELD[name] for name in ("Submodel", "SubmodelElementCollection", "SubmodelElementList")}),
    "values that are not called value": (trimming, "VALUES", {"Property": ("value",)}),
    "what one rule hides and no other shows": (trimming, "_either", lambda one, other, whole: whole),
    "places in lists": (sight_of, "_within", lambda holder, _way, _shown: holder),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_one_who_forgets_something_would_be_seen_here(pair, loop, monkeypatch, name):
    """The controls."""
    monkeypatch.setattr(*MUTANTS[name])
    assert any(loop.run_until_complete(pair.compare(number)) for number in (0, 2, 4, 21, *range(40)))


def test_no_address_that_reads_is_left_out():
    asked = {f"shells/{{shell}}{one}" for one in SHELL} | set(PAGES)
    asked |= {f"submodels/{{submodel}}{one}" for one in SUBMODEL}
    asked |= {f"submodels/{{submodel}}/{one}" for one in ELEMENTS}
    asked |= {f"submodels/{{submodel}}/submodel-elements/{{path}}{one}" for one in ELEMENT}
    asked |= {one.replace("submodels/{submodel}", "shells/{shell}/submodels/{submodel}", 1) for one in asked}
    asked |= {"lookup/shells/{shell}", "serialization", "concept-descriptions/{concept}", "shell-descriptors/{id}",
              "submodel-descriptors/{id}", "shell-descriptors/{id}/submodel-descriptors", "packages/{package}",
              "shell-descriptors/{id}/submodel-descriptors/{submodel}"}
    reading = {address for address, methods, _ in addresses() if "GET" in methods}
    missing = {one for one in reading - {one.partition("?")[0] for one in asked}
               if not APART & set(one.replace("{", "/").split("/")) and not one.endswith(("/description", "/shells"))}
    assert missing == set()
