"""Digital twins in the console: found, opened piece by piece, changed with care, taken in after their report."""

import asyncio
import html
import io
import json
import re
from urllib.parse import quote, urlencode

import pytest
from aas_test_engines import file as engine

from tests.doors.asking import Client
from tests.doors.console.sample import at_work
from tests.doors.console.test_live import heard
from tests.doors.console.test_pages import INLINE, OUR_JARGON, words
from tests.engine.home import TOKEN, busy_node, empty_node
from tests.twin.aasx.packages import CONCEPT, ELEMENTS, MANUAL, SHELL, SUBMODEL, packed, plain, xml
from tests.twin.templates.records import RECORDS
from weft.basis.errors import Refused
from weft.doors import console
from weft.doors.console import live
from weft.doors.console.pages import twin_import
from weft.doors.console.pages.twins import plain as in_words
from weft.engine.machine_orders import Answer
from weft.engine.views.twin_parts import LEVEL
from weft.engine.views.twins import ROWS
from weft.locale import text
from weft.twin import templates
from weft.twin.names import encode_id, shell_id

LANGUAGES = ("zh", "en")
FORM = "application/x-www-form-urlencoded"
PUMP, DATA = SHELL["id"], SUBMODEL["id"]
ADDRESS = encode_id(PUMP)
ASSET = {"assetKind": "Instance", "globalAssetId": "urn:x:asset"}
BROKEN = {**SUBMODEL, "submodelElements": [{"modelType": "BasicEventElement", "idShort": "Told"}]}


class Owner:
    """Somebody in front of one node's console."""

    def __init__(self, node):
        self.node, self.client = node, Client(console.routes(node))

    def goes(self):
        for one in getattr(self.client.application.state, "twin_arrivals", {}).values():
            one.let_go()

    async def ask(self, address, lang="en"):
        return await self.client.ask(
            address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")

    async def sees(self, address, lang="en", status=200):
        answer = await self.ask(address, lang)
        page = html.unescape(answer.body.decode())
        assert answer.status == status, (address, answer.status)
        assert "⟦" not in page, re.findall("⟦[^⟧]*⟧", page)
        return page

    async def posts(self, address, body=b"", mime=FORM, **fields):
        body = body or urlencode({name.replace("__", "."): value for name, value in fields.items()}).encode()
        given = {"content-type": mime, "content-length": str(len(body)), "origin": "http://weft.test",
                 "cookie": f"weft_device={TOKEN}; weft_lang=en"}
        return await self.client.ask(address, "POST", given, body, token="")

    async def drops(self, data, name="pump.aasx"):
        head = (f'--x\r\nContent-Disposition: form-data; name="content@file"; filename="{name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n")
        return await self.posts("/twin-files/in", head.encode() + data + b"\r\n--x--\r\n",
                                "multipart/form-data; boundary=x")

    async def report(self, data, name="pump.aasx"):
        """The address of the report on a file, and the page."""
        answer = await self.drops(data, name)
        assert answer.status == 303, answer.body.decode()[-800:]
        address = answer.headers["location"]
        for _ in range(200):
            shown = await self.ask(address)
            if "refresh" not in shown.headers:
                return address, html.unescape(shown.body.decode())
            await asyncio.sleep(0.05)
        raise AssertionError("the file was never read")

    async def brings_in(self, data):
        address, _ = await self.report(data)
        await self.posts("/twin-files/take", file=address.rpartition("/")[2])
        for _ in range(200):
            page = await self.sees(address)
            if text("en", "twin.in.taken.title") in page:
                return page
            await asyncio.sleep(0.05)
        raise AssertionError("the file was never taken in")


@pytest.fixture
async def owner():
    one = Owner(await busy_node())
    yield one
    one.goes()
    await one.node.twins.close()


@pytest.fixture
async def at_day():
    """Before a factory in the middle of its day."""
    sample = await at_work()
    yield Owner(sample.node)
    await sample.stop()


def of(node, kind, name):
    return f"/twins/{encode_id(shell_id(node.organisation, kind, name))}"


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_of_twins_speaks_the_reader_s_language_without_jargon_and_without_inline_scripts(owner, lang):
    await owner.brings_in(packed(plain(xml([SHELL, SUBMODEL, CONCEPT]))))
    node, data = owner.node, encode_id(DATA)
    pages = ["/twins", "/twins?kind=machine", "/twins?kind=written", "/twins?kind=loose", "/twins?q=nowhere",
             "/twins/import", f"/twins/{ADDRESS}?open=0+0:Box+0:Part", f"/twins/{data}", f"/twins/{ADDRESS}/history",
             f"/twins/{ADDRESS}/history?sm={data}&kind=submodel",
             *(f"/twins/{ADDRESS}/value?sm={data}&at={one}" for one in ("Pressure", "Maker", "Band", "Key")),
             *(of(node, kind, name) + "?open=0+1+2+3+4+5+6+7+8+9+10" for kind, name in (
                 ("item", "BV-15"), ("lot", "L1"), ("machine", "L1"), ("order", "MO1"))),
             of(node, "machine", "L1") + "?open=5+5:Segments+5:Segments.InternalSegment"]
    for address in pages:
        page = await owner.sees(address, lang)
        assert not INLINE.findall(page), address
        if lang == "en":
            assert not OUR_JARGON.findall(words(page)), (address, OUR_JARGON.findall(words(page)))


async def test_a_first_day_says_what_to_do_next_and_a_worker_has_no_business_here():
    first = Owner(await empty_node())
    page = await first.sees("/twins")
    assert 'class="sheet empty"' in page
    for address in ("/twins/import", "/machines", "/import?kind=items"):
        assert f'href="{address}"' in page
    code = await first.node.devices.new_code("operator")
    token = await first.node.devices.pair(code, "", "")
    for address in ("/twins", "/twins/import", f"/twins/{ADDRESS}"):
        assert (await first.client.ask(address, headers={"cookie": f"weft_device={token}"}, token="")).status == 403


async def test_twins_are_found_by_name_by_number_and_by_what_they_are_and_the_list_goes_on(owner):
    await owner.brings_in(packed(plain(xml([SHELL, SUBMODEL, CONCEPT]))))
    for asked, wanted in (
            ("valve", "BV-15"), ("球阀", "BV-15"), ("bv-15", "BV-15"), ("0042", "0042"), ("pump", "0042"),
            ("水泵", "0042")):
        assert wanted in await owner.sees(f"/twins?q={quote(asked)}"), asked
        assert "CAST-15" not in await owner.sees(f"/twins?q={quote(asked)}"), asked
    machines = await owner.sees("/twins?kind=machine")
    assert "CNC lathe" in machines
    assert "BV-15" not in machines
    assert "0042" not in words(machines)
    assert "BV-15" not in await owner.sees("/twins?kind=written")
    names = [f"urn:x:many:{n:03d}" for n in range(ROWS + 3)]
    await owner.node.twins.put_all("shell", [
        {"modelType": "AssetAdministrationShell", "id": one, "assetInformation": {
            "assetKind": "Instance", "globalAssetId": f"{one}:asset"}} for one in names])
    seen, address = [], "/twins?q=many"
    while address:
        page = await owner.sees(address)
        seen += re.findall(r"urn:x:many:\d+", words(page))
        further = re.search(r'button wide" href="(/twins\?[^"]*)"', page)
        address = further[1] if further else ""
    assert list(dict.fromkeys(seen)) == names


async def test_a_twin_is_found_by_what_it_bears_what_that_means_and_by_our_words_for_it(owner):
    plate = templates.build(PUMP, [RECORDS["Nameplate"]], "Nameplate")
    meant = {"modelType": "ConceptDescription", "id": "urn:c", "displayName": [{"language": "zh", "text": "扬程"}]}
    lift = {"modelType": "Property", "idShort": "H", "valueType": "xs:int", "value": "9", "semanticId": {
        "type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "urn:c"}]}}
    names = ["urn:plate", "urn:lift"]
    await owner.node.twins.put_all("concept", [meant])
    await owner.node.twins.put_all("submodel", [
        {**plate, "id": names[0]},
        {"modelType": "Submodel", "id": names[1], "idShort": "S", "submodelElements": [lift]}])
    await owner.node.twins.put_all("shell", [
        {"modelType": "AssetAdministrationShell", "id": f"{one}:shell", "assetInformation": ASSET, "submodels": [
            {"type": "ModelReference", "keys": [{"type": "Submodel", "value": one}]}]} for one in names])
    for asked, wanted in (("nameplate", "urn:plate"), ("铭牌", "urn:plate"), ("扬程", "urn:lift")):
        page = await owner.sees(f"/twins?q={quote(asked)}&kind=written")
        assert [one for one in names if f"/twins/{encode_id(f'{one}:shell')}" in page] == [wanted], asked


async def test_a_section_from_outside_says_whether_it_is_as_its_template_asks(owner):
    plate = json.loads(json.dumps(templates.build(PUMP, [RECORDS["Nameplate"]], "Nameplate")))
    gone = plate["submodelElements"].pop(0)["idShort"]
    shell = {"modelType": "AssetAdministrationShell", "id": PUMP, "assetInformation": ASSET,
             "submodels": [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": plate["id"]}]}]}
    whole = templates.build(PUMP, [RECORDS["Nameplate"]], "Nameplate")
    await owner.node.twins.put_all("shell", [shell])
    for document, count in ((plate, 1), (whole, 0)):
        await owner.node.twins.put_all("submodel", [{**document, "id": plate["id"]}])
        for lang in LANGUAGES:
            page = await owner.sees(f"/twins/{ADDRESS}", lang)
            name = text(lang, "twin.word.Nameplate")
            assert text(lang, "twin.judged" if count else "twin.judged.none", n=1, template=name) in page
            assert (text(lang, "twin.deviation.missing", wanted="1", found="0") in page) == bool(count)
            assert (f'<span class="mono">{gone}</span>' in page) == bool(count)


async def test_a_tree_opens_piece_by_piece_and_shows_no_more_of_a_level_than_was_asked_for(owner):
    many = [{"modelType": "Property", "idShort": f"P{n}", "valueType": "xs:int", "value": str(n)}
            for n in range(LEVEL + 20)]
    await owner.brings_in(packed(plain(xml([SHELL, {**SUBMODEL, "submodelElements": [
        *ELEMENTS, {"modelType": "SubmodelElementCollection", "idShort": "Many", "value": many}]}, CONCEPT]))))
    shut = await owner.sees(f"/twins/{ADDRESS}")
    assert "Count" not in words(shut)
    opened = await owner.sees(f"/twins/{ADDRESS}?open=0+0:Part+0:Many")
    assert "Count" in words(opened)
    assert "bar" in words(opened)  # the unit of the concept that Pressure means
    assert f"P{LEVEL - 1}<" in opened
    assert f"P{LEVEL}<" not in opened
    assert text("en", "twin.more", n=20) in opened
    further = html.unescape(re.search(r'id="m-0-Many" data-tree href="([^"#]*)', opened)[1])
    assert f"P{LEVEL + 19}<" in await owner.sees(further)
    link = html.unescape(re.search(r'id="o-0-Part" data-tree href="([^"#]*)', opened)[1])
    closed = await owner.sees(link)
    assert "Count" not in words(closed)
    assert "P1<" in closed
    assert "P1<" in await owner.sees(f"/twins/{ADDRESS}?open=0+0:Many+nonsense+9:x+0:Gone~abc+-1")


async def test_a_machine_shows_its_last_minutes_as_charts_and_its_records_too(at_day):
    page = await at_day.sees(of(at_day.node, "machine", "Cell1") + "?open=3+6")
    assert page.count('class="chart"') == 4
    series = page[page.index('id="sm-6"'):]
    assert series.count('class="spark"') == 4
    assert text("en", "twin.kept.go.machine") in page
    assert "/import?kind=work-centres" in page  # where the missing capability is entered


async def test_a_value_is_changed_once_it_was_confirmed_and_never_over_another_s_change(owner):
    await owner.brings_in(packed(plain(xml([SHELL, SUBMODEL, CONCEPT]))))
    twins, back = owner.node.twins, f"/twins/{ADDRESS}/value?sm={encode_id(DATA)}&at=Pressure"
    form = {"submodel": DATA, "path": "Pressure", "revision": "1", "form": "twin-value", "back": back}
    assert (await owner.posts("/do/twin-value", value="3.50", **form)).status == 409
    assert (await twins.element(DATA, "Pressure"))["value"] == "0.000"  # nobody said that he means it
    assert (await owner.posts("/do/twin-value", value="3.50", sure="true", **form)).status == 303
    assert (await twins.element(DATA, "Pressure"))["value"] == "3.50"
    refused = await owner.posts("/do/twin-value", value="9", sure="true", **form)
    assert refused.status == 409
    page = html.unescape(refused.body.decode())
    assert text("en", "error.twin.changed-meanwhile") in page
    assert 'name="revision" value="2"' in page  # who reads it now may write over it
    assert 'value="9"' in page
    assert (await twins.element(DATA, "Pressure"))["value"] == "3.50"
    wrong = await owner.posts("/do/twin-value", value="much", sure="true", **{**form, "revision": "2"})
    assert wrong.status == 422
    done = await owner.posts("/do/twin-value", sure="true", low="-1", high="2",
                             **{**form, "path": "Band", "revision": "2"})
    assert done.status == 303
    texts = await owner.posts("/do/twin-value", sure="true", texts__zh="水泵厂", texts__de="Müller",
                              **{**form, "path": "Maker", "revision": "3"})
    assert texts.status == 303
    assert (await twins.element(DATA, "Band"))["min"] == "-1"
    page = await owner.sees(f"/twins/{ADDRESS}/history?sm={encode_id(DATA)}&kind=submodel")
    assert "水泵厂" in page
    assert "Band.min" in page


async def test_a_value_of_a_machine_goes_to_it_and_what_the_books_keep_is_not_written(owner):
    node, sent = owner.node, []

    class Machines:
        async def write(self, machine, name, value, key=""):
            sent.append((machine, name, value))
            return Answer("confirmed" if key else "unknown", error=None if key else Refused("machine.write-unknown"))

    node.ordering = Machines()
    places = await node.twins.derived.places("L1")
    submodel, path = places["SpindleSpeed"]
    done = await owner.posts("/do/twin-value", submodel=submodel, path=path, value="1200", sure="true", back="/twins",
                             key="k-1")
    assert done.status == 303, done.body.decode()[-500:]
    assert sent == [("L1", "SpindleSpeed", "1200")]
    done = await owner.posts("/do/twin-value", submodel=submodel, path=path, value="1200", sure="true", back="/twins")
    assert done.status == 409, "what is not known is not told as done"
    stock = f"{shell_id(node.organisation, 'item', 'BV-15')}:Stock"
    kept = await owner.posts("/do/twin-value", submodel=stock, path="OnHand", value="1", sure="true", back="/twins")
    assert kept.status == 403
    gone = await owner.posts("/do/twin-delete", id=shell_id(node.organisation, "item", "BV-15"), sure="true",
                             back="/twins")
    assert gone.status == 403
    assert text("en", "twin.not-changeable") in await owner.sees(
        f"{of(node, 'item', 'BV-15')}/value?sm={encode_id(stock)}&at=OnHand")


async def test_a_file_is_reported_on_before_anything_is_written_and_then_taken_in_by_a_button(owner):
    twice = {**SUBMODEL, "submodelElements": [*ELEMENTS, ELEMENTS[0]]}
    parts = plain(xml([SHELL, twice, CONCEPT]))
    parts["aasx/files/old.dwg"] = b"x"
    address, page = await owner.report(packed(parts))
    store = owner.node.twins.store
    assert await store.get("shell", PUMP) is None
    for grade in ("lost", "kept"):
        assert text("en", f"finding.grade.{grade}") in page
    assert "/aasx/files/old.dwg" in page
    assert "AASd-022" in page
    assert text("en", "twin.in.take") in page
    assert (await owner.posts("/twin-files/take", file=address.rpartition("/")[2])).status == 303
    for _ in range(100):
        if await store.get("shell", PUMP):
            break
        await asyncio.sleep(0.05)
    page = await owner.sees(address)
    assert f'href="/twins/{ADDRESS}"' in page
    assert text("en", "twin.in.taken-same") in await owner.brings_in(packed(parts))


async def test_what_cannot_be_taken_in_says_why_and_nothing_is(owner):
    _, page = await owner.report(b"PK\x03\x04 no zip at all")
    assert text("en", "twin.in.nothing") in page
    _, page = await owner.report(json.dumps({"submodels": [BROKEN]}).encode(), "env.json")
    assert text("en", "finding.grade.broken") in page
    assert "/twin-files/take" not in page
    assert await owner.node.twins.store.count("submodel") == 0
    assert (await owner.drops(b"")).status == 422
    assert (await owner.posts("/twin-files/take", file="nothing")).status == 404
    assert "Drop it again" in await owner.sees("/twins/import/nothing", status=404)


async def test_only_a_few_files_wait_and_a_file_that_had_to_go_is_gone(owner):
    addresses = [(await owner.report(packed(plain())))[0] for _ in range(twin_import.WAITING_MAX + 1)]
    assert (await owner.ask(addresses[0])).status == 404
    assert all([(await owner.ask(one)).status == 200 for one in addresses[1:]])


async def test_a_twin_goes_out_as_a_package_that_the_official_engine_accepts(owner):
    name = shell_id(owner.node.organisation, "item", "BV-15")
    answer = await owner.posts("/twin-files/out", id=name, kind="aasx", version="3.0")
    assert answer.status == 200
    assert "attachment" in answer.headers["content-disposition"]
    assert engine.check_aasx_file(io.BytesIO(answer.body)).ok()
    for form in ("json", "xml"):
        everything = await owner.posts("/twin-files/out", id="", kind=form, version="3.0")
        assert everything.status == 200
        assert b"CAST-15" in everything.body
    assert (await owner.posts("/twin-files/out", id=name, kind="exe")).status == 422
    assert (await owner.posts("/twin-files/out", id="urn:x:none", kind="json")).status == 404


async def test_files_are_saved_and_pictures_shown_only_when_they_are_pictures(owner):
    await owner.brings_in(packed(plain(xml([SHELL, SUBMODEL, CONCEPT]))))
    at = f"/twins/{ADDRESS}/file?sm={encode_id(DATA)}&at="
    manual, blob = await owner.ask(f"{at}Manual"), await owner.ask(f"{at}Key")
    assert (manual.body, blob.body) == (MANUAL, b"\x00\x01\x02")
    for answer in (manual, blob):
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await owner.ask(f"{at}Pressure")).status == 404
    assert (await owner.ask(f"/twins/{ADDRESS}/picture")).headers["content-type"] == "image/png"

    async def drawn():
        yield b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"

    await owner.node.twins.set_thumbnail(PUMP, drawn(), "image/svg+xml", "x.svg")
    assert (await owner.ask(f"/twins/{ADDRESS}/picture")).status == 404


async def test_a_deleted_twin_takes_its_sections_along_save_those_that_another_one_has(owner):
    await owner.brings_in(packed(plain(xml([SHELL, SUBMODEL, CONCEPT]))))
    twins = owner.node.twins
    await twins.create("shell", {**SHELL, "id": "urn:x:other", "assetInformation": {
        "assetKind": "Instance", "globalAssetId": "urn:x:other:asset"}})
    page = await owner.sees(f"/twins/{ADDRESS}")
    assert "twin-delete" in page
    assert (await owner.posts("/do/twin-delete", id=PUMP, back="/twins")).status == 409
    assert (await owner.posts("/do/twin-delete", id=PUMP, sure="true", revision="7", back="/twins")).status == 409
    assert (await owner.posts("/do/twin-delete", id=PUMP, sure="true", revision="1", back="/twins")).status == 303
    assert await twins.store.get("shell", PUMP) is None
    assert await twins.store.get("submodel", DATA) is not None
    assert (await owner.posts("/do/twin-delete", id="urn:x:other", sure="true", back="/twins")).status == 303
    assert await twins.store.get("submodel", DATA) is None
    assert text("en", "twin.was.gone") in await owner.sees(f"/twins/{ADDRESS}/history")


async def test_things_of_the_console_lead_to_their_twins(at_day):
    owner, node = at_day, at_day.node
    for address in ("/machines/Cell1", "/stock/BV-15", f"/orders/{(await made(node))}"):
        link = re.search(r'href="(/twins/of/[^"]+)"', (await owner.ask(address)).body.decode())[1]
        answer = await owner.ask(link)
        assert answer.status == 303
        assert (await owner.ask(answer.headers["location"])).status == 200, address
    assert (await owner.ask("/twins/of/lot/none%2Fat")).status == 303
    assert (await owner.ask(of(node, "lot", "none"))).status == 404
    assert (await owner.ask("/twins/of/ghost/x")).status == 404


async def made(node):
    orders = (await node.book_state("production")).orders.values()
    return next(one.demand.thread for one in orders if one.demand.thread)


async def test_a_page_hears_of_written_twins_and_of_no_others_unless_it_asks(owner):
    node = owner.node
    asking = live._events(node, frozenset({"twins"}))
    other = live._events(node, frozenset({"order"}))
    for one in (asking, other):
        assert (await anext(one)).startswith("retry:")
    await asyncio.sleep(0.1)
    await node.twins.create("submodel", SUBMODEL)
    assert await heard(asking, 1) == ["twins"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard(other, 1), 0.8)
    await asking.aclose()


def test_an_id_short_is_told_in_words():
    assert in_words("MaxRotationSpeed") == "Max rotation speed"
    assert in_words("Part_BODY_15") == "Part BODY 15"
    assert in_words("_") == "_"


async def test_a_twin_without_a_name_of_its_own_is_called_by_its_id(owner):
    section = {"modelType": "Submodel", "id": "urn:x:no-name:data", "submodelElements": ELEMENTS[:1]}
    await owner.node.twins.create("submodel", section)
    await owner.node.twins.create("shell", {
        "modelType": "AssetAdministrationShell", "id": "urn:x:no-name", "assetInformation": ASSET,
        "submodels": [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": section["id"]}]}]})
    listed = await owner.sees("/twins?kind=written")
    assert '<span class="strong anywhere">urn:x:no-name</span>' in listed
    page = await owner.sees(f"/twins/{encode_id('urn:x:no-name')}")
    assert "<h1>urn:x:no-name</h1>" in page and '<span class="called anywhere">urn:x:no-name:data</span>' in page


async def test_a_place_that_the_sentence_names_is_not_told_twice(owner):
    twice = {**SUBMODEL, "submodelElements": [*ELEMENTS, {**ELEMENTS[0], "value": "4.2"}]}
    _, page = await owner.report(packed(plain(xml([SHELL, twice]))))
    found = re.findall(r"<li>.*?</li>", page.split('id="grade-kept"')[1], re.DOTALL)
    told = next(one for one in found if "AASd-022" in one)
    assert told.count(DATA) == 1 and "/aasx/" in told  # the place within the file is still told
