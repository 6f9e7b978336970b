"""Each revision says who made it, on whatever way it was made; what was made before that was kept says nothing."""

import html
import io

import msgspec

from tests.doors.aas.test_access import World
from tests.doors.asking import Client
from tests.engine.dealing import dealt
from tests.engine.home import TOKEN
from tests.stores.twins.making import opened, prop, put, submodel
from tests.stores.twins.making import run as settled
from weft.doors import console
from weft.engine.commands import run
from weft.engine.twins import authors, importing
from weft.engine.twins.access import HOUSE, Access
from weft.engine.twins.ports import Change
from weft.engine.views import VIEWS
from weft.stores.twins.applying import Kept
from weft.twin import elements as e
from weft.twin.names import encode_id

SM = "urn:x:pump:data"
VALUE = f"submodels/{encode_id(SM)}/submodel-elements/Pressure/$value"
ALL = {"rules": [HOUSE, {
    "ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": ["ALL"], "ACCESS": "ALLOW"}, "OBJECTS": [{"ROUTE": "*"}],
    "FORMULA": {"$boolean": True}}]}
ANYBODY = {"ATTRIBUTES": [{"GLOBAL": "ANONYMOUS"}], "RIGHTS": ["ALL"], "ACCESS": "ALLOW"}
EVERYBODY = {"rules": [HOUSE, {**ALL["rules"][1], "ACL": ANYBODY}]}


async def test_the_history_of_a_twin_says_who_changed_it_on_every_way():
    async with dealt() as (shop, factory, thread):
        world = World(shop, factory, thread)
        await Access(factory).keep(ALL)
        phone = await factory.devices.pair(await factory.devices.new_code("owner"), "Wang's phone")
        tablet = await factory.devices.pair(await factory.devices.new_code("operator"), "Li / bench")
        ours, theirs = await factory.devices.program("ERP"), await factory.devices.program("ERP", shop.organisation)
        document = e.submodel(SM, "Data", [{**e.prop("Pressure", "1"), "valueType": "xs:double"}])
        made = await world.ask(TOKEN, "submodels", "POST", msgspec.json.encode(document))
        assert made.status == 201, made.body
        for number, token in enumerate((phone, tablet, ours, theirs), 2):
            told = await world.ask(token, VALUE, "PATCH", str(number).encode())
            assert told.status == 204, (number, told.body)
        same = await world.ask(ours, VALUE, "PATCH", b"5")  # changes nothing: the revision stays the partner's
        assert same.status == 204
        await run(factory, "twin-value", {"submodel": SM, "path": "Pressure", "value": "6", "sure": True})
        document["submodelElements"][0]["value"] = "7"
        file = io.BytesIO(msgspec.json.encode({"submodels": [document]}))
        assert (await importing.take_in(factory.twins, file, "pump.json")).changed == 1

        view = await VIEWS["twin-history"](factory, encode_id(SM))  # which kind it is need not be said
        by = [(one.by.kind, one.by.name, one.by.partner, one.by.partner_name) for one in view.revisions]
        assert by == [
            ("import", "pump.json", "", ""), ("owner", "", "", ""), ("partner", "ERP", shop.organisation, "Shop"),
            ("client", "ERP", "", ""), ("operator", "Li / bench", "", ""), ("owner", "Wang's phone", "", ""),
            ("owner", "", "", "")]
        client = Client(console.routes(factory), TOKEN)
        for lang, words in (("en", ("From the file pump.json", "By ERP, a program of Shop", "By your program ERP",
                                    "By the workshop (Li / bench)", "By the firm itself (Wang's phone)")),
                            ("zh", ("来自文件 pump.json", "Shop的程序 ERP 改的", "自己的程序 ERP 改的"))):
            answer = await client.ask(f"/twins/{encode_id(SM)}/history",
                                      headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
            page = html.unescape(answer.body.decode())
            assert [one for one in words if one not in page] == [] and "⟦" not in page

        assert (await world.ask(ours, f"submodels/{encode_id(SM)}", "DELETE")).status == 204
        [last, *_] = (await VIEWS["twin-history"](factory, encode_id(SM))).revisions
        assert last.gone and (last.by.kind, last.by.name) == ("client", "ERP")
        await Access(factory).keep(EVERYBODY)
        made = await world.ask("", "submodels", "POST", msgspec.json.encode(document))
        assert made.status == 201, made.body
        [last, *_] = (await VIEWS["twin-history"](factory, encode_id(SM))).revisions
        assert (last.by.kind, last.by.name) == ("stranger", "")


async def test_control_what_nobody_signed_has_no_author():
    async with dealt() as (_, factory, __):
        await factory.twins.create("submodel", e.submodel(SM, "Data", [e.prop("Pressure", "1")]))
        [only] = (await VIEWS["twin-history"](factory, encode_id(SM))).revisions
        assert only.by is None


def test_authors_go_with_the_revisions_that_are_no_longer_kept_or_are_erased():
    async def told():
        store = opened(kept=Kept(revisions=3))
        who = authors.Author("client", name="a/b").written()
        for value in range(1, 8):
            change = put("submodel", submodel(SM, prop("P", str(value))))
            await store.commit([msgspec.structs.replace(change, by=who)])
        assert await store.authors("submodel", SM, 0) == {4: who, 5: who, 6: who, 7: who}
        assert authors.read(who) == ("client", "", "a/b")
        await store.erase("submodel", SM)
        assert await store.authors("submodel", SM, 0) == {7: who}  # that of what still stands
        await store.commit([Change("submodel", SM, None, by=who)])
        await store.erase("submodel", SM)
        assert await store.authors("submodel", SM, 0) == {}
        await store.close()

    settled(told())
