"""The curious buyer over HTTP: whatever address its program asks, it sees its order's window and nothing else."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.dealing import dealt
from tests.engine.home import TOKEN
from weft.doors import aas
from weft.doors.aas.table import addresses
from weft.engine.devices import Devices
from weft.engine.twins.access import PROGRAMS, Access
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins
from weft.twin import elements as e
from weft.twin.names import encode_id

SECRET = "crown-jewels"
PLACE = {"shell": f"urn:x:{SECRET}:shell", "submodel": f"urn:x:{SECRET}:submodel", "concept": f"urn:x:{SECRET}:concept",
         "package": f"{SECRET}-package"}
ABSENT = "urn:x:nothing-here"
ITEM = 4  # colons in the id of an item: a buyer may know of it, since its lots are of that item
FORM = {"content-type": "multipart/form-data; boundary=b"}


def form(content: bytes, **fields: str) -> bytes:
    parts = b"".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                     for name, value in fields.items())
    return (parts + b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + SECRET.encode()
            + b'.png"\r\nContent-Type: image/png\r\n\r\n' + content + b"\r\n--b--\r\n")


class World:
    """The factory with something to hide, its owner, a program of its own, and the buyer's program."""

    def __init__(self, shop, factory, thread):
        self.shop, self.factory, self.thread = shop, factory, thread
        factory.devices = Devices(factory.store, factory.clock, factory.random, TOKEN)
        factory.twins.opening = lambda: SqliteTwins(MEMORY, factory.clock)
        self.client = Client(aas.routes(factory), TOKEN)

    async def ask(self, who, address, method="GET", body=b"", **headers):
        given = {"content-type": "application/json", **{name.replace("_", "-"): one for name, one in headers.items()}}
        return await self.client.ask(f"/api/v3/{address}", method, given, body, token=who)

    async def token(self, scope, partner=""):
        return await self.factory.devices.pair(await self.factory.devices.new_code(scope, partner), "ERP")

    async def filled(self):
        for address, document in (
            ("shells", e.shell(PLACE["shell"], "Hidden", e.asset("urn:x:asset"), [PLACE["submodel"]], {"en": SECRET})),
            ("submodels", e.submodel(PLACE["submodel"], "Hidden", [e.prop("Price", SECRET), {
                "modelType": "File", "idShort": "Drawing", "contentType": "image/png"}])),
            ("concept-descriptions", {"modelType": "ConceptDescription", "id": PLACE["concept"], "idShort": "Crown"}),
            ("submodel-descriptors", {"id": f"urn:x:{SECRET}:elsewhere", "endpoints": [{
                "interface": "SUBMODEL-3.0", "protocolInformation": {"href": f"https://{SECRET}.example/"}}]}),
        ):
            told = await self.ask(TOKEN, address, "POST", msgspec.json.encode(document))
            assert told.status == 201, told.body
        lot = await self.lot()
        links = msgspec.json.encode([{"name": "secretName", "value": SECRET}])
        assert (await self.ask(TOKEN, f"lookup/shells/{encode_id(lot)}", "POST", links)).status == 201
        shell = f"shells/{encode_id(PLACE['shell'])}/asset-information/thumbnail"
        drawing = f"submodels/{encode_id(PLACE['submodel'])}/submodel-elements/Drawing/attachment"
        for address in (shell, drawing):
            content = form(SECRET.encode(), fileName=f"{SECRET}.png")
            told = await self.client.ask(f"/api/v3/{address}", "PUT", FORM, content, token=TOKEN)
            assert told.status in (200, 204), told.body
        await self.factory.twins.keep_package(PLACE["package"], [lot], SECRET, one(SECRET.encode()))
        return self

    async def lot(self):
        opened = await self.factory.windows.of_order(self.thread)
        return f"urn:weft:{self.factory.organisation}:lot:{opened.lots[0]}"


async def one(piece):
    yield piece


@pytest.fixture(scope="module")
def world(loop) -> Iterator[World]:
    context = dealt()
    made = loop.run_until_complete(_opened(context))
    yield made
    loop.run_until_complete(context.__aexit__(None, None, None))


async def _opened(context):
    return await World(*await context.__aenter__()).filled()


def seen_by(world, who, address) -> set[str]:
    async def all_of():
        found, cursor = set(), ""
        while True:
            told = (await world.ask(who, f"{address}?limit=3{cursor}")).json()
            found |= {item["id"] for item in told["result"]}
            if "cursor" not in told["paging_metadata"]:
                return found
            cursor = "&cursor=" + told["paging_metadata"]["cursor"]
    return all_of()


def filled(address: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        address = address.replace("{" + name + "}", value)
    return address


def fillings(submodels: set[str], paths: dict[str, list[str]]) -> list[dict[str, str]]:
    """What placeholders may stand for: each known shell with its submodels, and each of these with its elements."""
    found = []
    for submodel in sorted(submodels):
        shell = PLACE["shell"] if submodel == PLACE["submodel"] else submodel.rpartition(":")[0]
        for path in paths[submodel]:
            found.append({"shell": encode_id(shell), "submodel": encode_id(submodel), "path": path,
                          "id": encode_id(shell), "concept": encode_id(PLACE["concept"]),
                          "package": encode_id(PLACE["package"]), "handle": "x"})
            if len(found) > 1 and path != paths[submodel][0]:
                found[-1]["id"] = encode_id(submodel)
    return found


def plain(told) -> tuple[int, object]:
    """An answer without what is of its moment, and without the ids that were asked for."""
    body = told.body
    if body.startswith(b'{"messages"'):
        return told.status, [(one["code"], one["correlationId"]) for one in msgspec.json.decode(body)["messages"]]
    return told.status, body


class Curious:
    """The buyer's program, beside the owner who asks the same, and a look at what the two are told."""

    def __init__(self, world, buyer):
        self.world, self.buyer = world, buyer
        self.hidden: set[str] = set()
        self.words: list[bytes] = []
        self.shown, self.told_to_owner, self.same = 0, 0, 0

    async def looked_around(self):
        """What there is, less what the buyer is shown."""
        for kind in ("shells", "submodels"):
            whole, shown = [await seen_by(self.world, who, kind) for who in (TOKEN, self.buyer)]
            assert shown and whole > shown
            self.hidden |= whole - shown
        words = [name for name in self.hidden if ":item:" not in name or name.count(":") > ITEM]
        self.words = [one.encode() for one in (SECRET, *words, *map(encode_id, words))]
        return self

    async def ask(self, address, names):
        asked = filled(address, names)
        told, whole = [await self.world.ask(who, asked) for who in (self.buyer, TOKEN)]
        assert told.status < 500 and whole.status < 500, (asked, told.body)
        held = told.body if told.status < 400 else b""
        assert not [word for word in self.words if word in held], (asked, held)
        assert SECRET not in str(told.headers)
        self.told_to_owner += any(word in whole.body for word in self.words)
        self.shown += told.status == 200
        covered = {encode_id(name) for name in self.hidden}
        if any("{" + key + "}" in address and names[key] in covered for key in ("shell", "submodel")):
            absent = {key: encode_id(ABSENT) if one in covered else one for key, one in names.items()}
            other = await self.world.ask(self.buyer, filled(address, absent))
            assert plain(told) == plain(other), (asked, told.body, other.body)
            self.same += 1


def test_every_get_address_tells_the_buyer_its_window_and_nothing_else(world, loop):
    async def play():
        curious = await Curious(world, await world.token("partner", world.shop.organisation)).looked_around()
        paths = {}
        for name in await seen_by(world, TOKEN, "submodels"):
            paths[name] = (await world.ask(TOKEN, f"submodels/{encode_id(name)}/$path")).json()[:8] or ["None"]
        every = fillings(set(paths), paths)
        for address in [address for address, methods, _ in addresses() if "GET" in methods]:
            for names in {filled(address, one): one for one in every}.values():
                await curious.ask(address, names)
        return curious

    curious = loop.run_until_complete(play())
    assert min(curious.shown, curious.told_to_owner, curious.same) > 50     # the control: much could have been told


def test_the_buyer_finds_nothing_by_asking(world, loop):
    async def play():
        buyer = await world.token("partner", world.shop.organisation)
        lot = await world.lot()
        secret = encode_id('{"name":"secretName","value":"' + SECRET + '"}')
        hidden = msgspec.json.encode({"$condition": {"$gt": [{"$field": "$sme.Quantity#value"}, {"$numVal": 0}]}})
        beside = msgspec.json.encode({"$condition": {"$gt": [{"$field": "$sme.Quantity#value"}, {"$numVal": 0}]}})
        for method, address, body in (
            ("GET", f"lookup/shells?assetIds={secret}", b""), ("POST", "query/submodels", hidden),
            ("POST", "query/shells", beside), ("GET", "submodels?idShort=Hidden", b""),
            ("GET", "packages", b""), ("GET", "concept-descriptions", b""),
        ):
            found, control = [await world.ask(who, address, method, body) for who in (buyer, TOKEN)]
            assert found.json()["result"] == [] and "cursor" not in found.json()["paging_metadata"], address
            assert control.json()["result"], address
        links = (await world.ask(buyer, f"lookup/shells/{encode_id(lot)}")).json()
        assert links and SECRET not in str(links)
        assert SECRET in str((await world.ask(TOKEN, f"lookup/shells/{encode_id(lot)}")).json())
        for accept in ("application/json", "application/xml", "application/asset-administration-shell-package"):
            told = await world.ask(buyer, "serialization", accept=accept)
            assert told.status == 200 and SECRET.encode() not in told.body and b"Quantity" not in told.body
        named = await world.ask(buyer, f"serialization?aasIds={encode_id(PLACE['shell'])}")
        absent = await world.ask(buyer, f"serialization?aasIds={encode_id(ABSENT)}")
        assert plain(named) == plain(absent) and named.status == 404

    loop.run_until_complete(play())


def test_the_buyer_changes_nothing_and_is_told_the_same_whatever_is_there(world, loop):
    async def play():
        buyer = await world.token("partner", world.shop.organisation)
        before = await seen_by(world, TOKEN, "submodels")
        for address, methods, _ in addresses():
            for method in methods:
                if method == "GET" or address.startswith(("query", "lookup/shellsByAssetLink")):
                    continue
                answers = [plain(await world.ask(buyer, filled(address, {
                    "shell": encode_id(shell), "submodel": encode_id(submodel), "path": "Price", "handle": "x",
                    "id": encode_id(shell), "concept": encode_id(shell), "package": encode_id(shell)}), method, b"{}"))
                    for shell, submodel in ((PLACE["shell"], PLACE["submodel"]), (ABSENT, ABSENT))]
                assert answers[0] == answers[1] == (403, [("403", "twin.nothing-to-change")]), (address, method)
        assert await seen_by(world, TOKEN, "submodels") == before

    loop.run_until_complete(play())


def test_events_are_told_of_what_is_seen_and_their_numbers_tell_nothing(world, loop):
    async def play():
        buyer = await world.token("partner", world.shop.organisation)
        first = (await world.ask(buyer, "events")).json()
        again = (await world.ask(buyer, "events")).json()
        assert first["result"] == [] == again["result"]
        assert first["paging_metadata"]["cursor"] != again["paging_metadata"]["cursor"]     # sealed anew each time
        whole = (await world.ask(TOKEN, "events")).json()["result"]
        assert SECRET in str(whole)
        cursor = first["paging_metadata"]["cursor"]
        assert (await world.ask(buyer, f"events?cursor={cursor}")).json()["result"] == []
        for other in ("3", "x", cursor[:-4] + "AAAA"):
            assert (await world.ask(buyer, f"events?cursor={other}")).status == 400
        program = await world.token("client")
        heard = (await world.ask(program, "events")).json()["result"]
        assert [one["subject"] for one in heard] == [one["subject"] for one in whole]
        assert not {one["id"] for one in heard} & {one["id"] for one in whole}
        assert (await world.ask(program, f"events?cursor={cursor}")).status == 400     # of somebody else

    loop.run_until_complete(play())


def test_a_partner_whose_window_is_shut_sees_nothing(world, loop):
    async def play():
        stranger = await world.token("partner", "did:somebody-else")
        for kind in ("shells", "submodels", "shell-descriptors", "submodel-descriptors", "lookup/shells"):
            assert (await world.ask(stranger, kind)).json() == {"paging_metadata": {}, "result": []}

    loop.run_until_complete(play())


def test_a_program_of_the_firm_reads_all_until_the_firm_writes_rules(world, loop):
    async def play():
        program = await world.token("client")
        for kind in ("shells", "submodels"):
            assert await seen_by(world, program, kind) == await seen_by(world, TOKEN, kind)
        price = f"submodels/{encode_id(PLACE['submodel'])}/submodel-elements/Price/$value"
        assert (await world.ask(program, price, "PATCH", b'"cheap"')).status == 403
        rights = ["READ", "UPDATE"]
        only = {**PROGRAMS, "ACL": {**PROGRAMS["ACL"], "RIGHTS": rights},
                "OBJECTS": [{"REFERABLE": f"(Submodel){PLACE['submodel']}, (Property)Price"}]}
        access = Access(world.factory)
        kept = await access.document()
        await access.keep({"rules": [only]})
        try:
            assert await seen_by(world, program, "shells") == set()
            assert (await world.ask(program, price)).json() == SECRET
            whole = await world.ask(program, f"submodels/{encode_id(PLACE['submodel'])}")
            assert whole.status == 404
            assert (await world.ask(program, price, "PATCH", b'"cheap"')).status == 204
            other = price.replace("Price", "Drawing")
            assert (await world.ask(program, other, "PATCH", b'"x"')).status == 404
            assert (await world.ask(program, other)).status == 404
            assert (await world.ask(TOKEN, price)).json() == "cheap"
            element = price.removesuffix("/$value")
            assert (await world.ask(program, element, "DELETE")).status == 403     # seen, but not to be deleted
            assert (await world.ask(TOKEN, price, "PATCH", msgspec.json.encode(SECRET))).status == 204
        finally:
            await access.keep(kept)

    loop.run_until_complete(play())


def test_a_rule_that_looks_at_values_holds_for_what_is_and_for_what_shall_be(world, loop):
    async def play():
        program = await world.token("client")
        rule = {**PROGRAMS, "ACL": {**PROGRAMS["ACL"], "RIGHTS": ["CREATE", "READ", "UPDATE", "DELETE"]},
                "OBJECTS": [{"IDENTIFIABLE": "(Submodel)*"}],
                "FORMULA": {"$and": [PROGRAMS["FORMULA"],
                                     {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Open"}]}]}}
        access = Access(world.factory)
        kept = await access.document()
        await access.keep({"rules": [rule]})
        try:
            def body(name, short):
                return msgspec.json.encode(e.submodel(name, short, [e.prop("P", "v")]))

            at = f"submodels/{encode_id('urn:x:open')}"
            assert (await world.ask(program, "submodels", "POST", body("urn:x:open", "Shut"))).status == 403
            assert (await world.ask(program, "submodels", "POST", body("urn:x:open", "Open"))).status == 201
            assert await seen_by(world, program, "submodels") == {"urn:x:open"}
            assert (await world.ask(program, at, "PUT", body("urn:x:open", "Shut"))).status == 403
            assert (await world.ask(program, at, "PATCH", b'{"modelType":"Submodel","idShort":"Shut"}')).status == 403
            assert (await world.ask(program, at, "PUT", body("urn:x:open", "Open"))).status == 204
            hidden = f"submodels/{encode_id(PLACE['submodel'])}"
            assert (await world.ask(program, hidden, "PUT", body(PLACE["submodel"], "Open"))).status == 403
            assert (await world.ask(program, hidden, "DELETE")).status == 404
            assert (await world.ask(program, at, "DELETE")).status == 204
            assert (await world.ask(TOKEN, hidden)).status == 200
        finally:
            await access.keep(kept)

    loop.run_until_complete(play())


def test_a_rule_for_an_element_shows_it_beside_a_rule_that_hides_it_in_the_whole(world, loop):
    async def play():
        program = await world.token("client")
        whole = {**PROGRAMS, "OBJECTS": [{"IDENTIFIABLE": f"(Submodel){PLACE['submodel']}"}], "FILTER": {
            "FRAGMENT": "$sme", "CONDITION": {"$ne": [{"$field": "$sme#idShort"}, {"$strVal": "Price"}]}}}
        alone = {**PROGRAMS, "OBJECTS": [{"REFERABLE": f"(Submodel){PLACE['submodel']}, (Property)Price"}]}
        access, at = Access(world.factory), f"submodels/{encode_id(PLACE['submodel'])}"
        kept = await access.document()
        try:
            for rules, status in (([whole], 404), ([whole, alone], 200)):
                await access.keep({"rules": rules})
                assert (await world.ask(program, f"{at}/submodel-elements/Price/$value")).status == status
                told = await world.ask(program, at)
                assert [one["idShort"] for one in told.json()["submodelElements"]] == ["Drawing"]
                assert "etag" not in told.headers and "etag" in (await world.ask(TOKEN, at)).headers
                drawing = f"{at}/submodel-elements/Drawing/attachment"
                assert (await world.ask(program, drawing)).body == SECRET.encode()
            await access.keep({"rules": [alone]})
            assert (await world.ask(program, drawing)).status == 404
            assert (await world.ask(TOKEN, drawing)).status == 200
        finally:
            await access.keep(kept)

    loop.run_until_complete(play())


def test_events_of_hidden_parts_are_not_heard_and_those_of_shown_ones_are(world, loop):
    async def play():
        program = await world.token("client")
        rule = {**PROGRAMS, "OBJECTS": [{"IDENTIFIABLE": "(Submodel)urn:x:parts"}], "FILTER": {
            "FRAGMENT": "$sme", "CONDITION": {"$ne": [{"$field": "$sme#idShort"}, {"$strVal": "Hidden"}]}}}
        access, at = Access(world.factory), f"submodels/{encode_id('urn:x:parts')}"
        kept = await access.document()
        parts = e.submodel("urn:x:parts", "Parts", [e.prop("Hidden", "a"), e.prop("Shown", "a")])
        assert (await world.ask(TOKEN, "submodels", "POST", msgspec.json.encode(parts))).status == 201
        await access.keep({"rules": [rule]})
        try:
            cursor = (await world.ask(program, "events")).json()["paging_metadata"]["cursor"]
            for name, value in (("Hidden", "b"), ("Shown", "b"), ("Hidden", "c")):
                body = msgspec.json.encode(value)
                assert (await world.ask(TOKEN, f"{at}/submodel-elements/{name}/$value", "PATCH", body)).status == 204
            parts["submodelElements"][0]["value"] = "d"
            parts["submodelElements"][1]["value"] = "b"
            assert (await world.ask(TOKEN, at, "PUT", msgspec.json.encode(parts))).status == 204
            heard = (await world.ask(program, f"events?cursor={cursor}")).json()["result"]
            assert len(heard) == 1 and heard[0]["source"].endswith("/submodel-elements/Shown")
            whole = (await world.ask(TOKEN, "events?limit=1000")).json()["result"]
            assert len([one for one in whole if one["subject"] == "urn:x:parts"]) == 5     # the control
        finally:
            await access.keep(kept)
            await world.ask(TOKEN, at, "DELETE")

    loop.run_until_complete(play())
