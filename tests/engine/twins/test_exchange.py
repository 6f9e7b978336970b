"""Twins come in from files all at once or not at all, with a report; what goes out passes the official engine."""

import asyncio
import io
import json
import zipfile
from xml.etree import ElementTree as ET

import msgspec
import pytest
from aas_test_engines import file as engine

from tests.engine.home import busy_node, empty_node
from tests.twin.aasx.packages import (
    CONCEPT,
    DOCUMENTS,
    ELEMENTS,
    ENVIRONMENT,
    MANUAL,
    PICTURE,
    SHELL,
    SUBMODEL,
    aas4j,
    basyx,
    bodies,
    explorer,
    opened,
    packed,
    plain,
    xml,
)
from tests.twin.aasx.test_older import LOST, package
from tests.twin.aasx.test_older import xml as older
from tests.twin.aasx.test_writing import NEWER, faults
from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.twins import exchange, importing
from weft.twin.names import shell_id

KINDS = ("shell", "submodel", "concept")
BROKEN = {**SUBMODEL, "id": "urn:x:broken", "submodelElements": [{"modelType": "BasicEventElement", "idShort": "Told"}]}
AGAINST_A_RULE = {**SUBMODEL, "id": "urn:x:kept", "submodelElements": [ELEMENTS[0], ELEMENTS[0]]}


def told(story):
    return asyncio.run(asyncio.wait_for(story, 60))


async def stored(twins):
    return [msgspec.json.decode(row.body) for kind in KINDS for row in await twins.store.page(kind, "", 1_000)]


async def take(twins, data, name="pump.aasx", **how):
    return await importing.take_in(twins, io.BytesIO(data), name, **how)


async def out(twins, ids=(), **how):
    made = io.BytesIO()
    done = await exchange.export(twins, made, ids, **how)
    return made.getvalue(), done


def engine_says(data, form="aasx"):
    if form == "aasx":
        result = engine.check_aasx_file(io.BytesIO(data))
    elif form == "xml":
        result = engine.check_xml_data(ET.fromstring(data))
    else:
        result = engine.check_json_data(json.loads(data))
    return result.ok(), faults(result.to_dict())


async def content(file):
    return b"".join([piece async for piece in file.chunks()])


@pytest.mark.parametrize("build", [aas4j, explorer, basyx, lambda: packed(plain())])
def test_a_package_of_any_tool_is_stored_with_its_files(build):
    async def story():
        twins = (await empty_node()).twins
        heard = []
        done = await take(twins, build(), told=lambda now: heard.append(now.done))
        assert (done.taken, done.shells, done.submodels, done.concepts, done.files) == (True, 1, 1, 1, 2)
        assert done.changed == 3 and heard[-1] == 1_000 and heard == sorted(heard)
        assert [one["id"] for one in await stored(twins)] == [one["id"] for one in DOCUMENTS]
        manual = await twins.store.file_of("submodel", "urn:x:pump:data", "/aasx/files/manual.pdf")
        assert await content(manual) == MANUAL and manual.content_type == "application/pdf"
        value = "file:///aasx/files/pump.png" if build is basyx else "/aasx/files/pump.png"
        assert await content(await twins.store.file_of("shell", "urn:x:pump", value)) == PICTURE
        again = await take(twins, build())
        assert again.taken and again.changed == 0
        await twins.close()
    told(story())


def test_a_report_writes_nothing_and_says_the_same():
    async def story():
        twins = (await empty_node()).twins
        report = await take(twins, aas4j(), report_only=True)
        assert not report.taken and report.submodels == 1 and await stored(twins) == []
        assert await twins.store.feed_ends() == (0, 0)
        done = await take(twins, aas4j())
        assert done.taken and done.report == report.report and len(await stored(twins)) == 3
        await twins.close()
    told(story())


def test_one_twin_that_cannot_be_taken_stops_all_of_them():
    async def story():
        twins = (await empty_node()).twins
        done = await take(twins, json.dumps({"submodels": [SUBMODEL, BROKEN]}).encode())
        assert not done.taken and done.report.totals["broken"] > 0 and await stored(twins) == []
        worst = done.report.findings[0]
        assert worst.grade == "broken" and "urn:x:broken" in worst.path and worst.code.startswith("twin.shape")
        done = await take(twins, json.dumps({"submodels": [SUBMODEL]}).encode())  # the control: without it all are
        assert done.taken and len(await stored(twins)) == 1
        await twins.close()
    told(story())


def test_what_breaks_a_rule_is_kept_and_told():
    async def story():
        twins = (await empty_node()).twins
        done = await take(twins, json.dumps({"submodels": [AGAINST_A_RULE]}).encode())
        assert done.taken and {one.grade for one in done.report.findings} == {"kept"}
        assert await stored(twins) == [AGAINST_A_RULE]
        await twins.close()
    told(story())


def test_a_document_without_an_id_stops_all():
    async def story():
        twins = (await empty_node()).twins
        nameless = {key: value for key, value in SUBMODEL.items() if key != "id"}
        done = await take(twins, json.dumps({"submodels": [SUBMODEL, nameless]}).encode())
        assert not done.taken and done.report.findings[0].code == "no-id" and await stored(twins) == []
        await twins.close()
    told(story())


@pytest.mark.parametrize("damage", [b"aasx/files/manual.pdf", b"aasx/data.xml"])
def test_a_part_that_is_damaged_leaves_nothing_behind(damage):
    async def story():
        twins = (await empty_node()).twins
        data = packed(plain(), zipfile.ZIP_STORED)
        at = data.index(damage) + len(damage) + 8
        bent = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
        with pytest.raises(Invalid) as refused:
            await take(twins, bent)
        assert refused.value.code in ("aasx.damaged", "xml.malformed", "xml.encoding")
        assert await stored(twins) == [] and await twins.store.feed_ends() == (0, 0)
        assert (await take(twins, data)).taken
        await twins.close()
    told(story())


def test_an_older_metamodel_is_taken_whole_or_not_at_all():
    async def story():
        twins = (await empty_node()).twins
        for code, data in LOST.items():
            done = await take(twins, package(data))
            assert not done.taken and code in {one.code for one in done.report.findings}
            assert await stored(twins) == []
        with zipfile.ZipFile(io.BytesIO(package(older()))) as read:
            parts = {name: read.read(name) for name in read.namelist()}
        parts["aasx/files/other.pdf"] = b"a file that nobody means stops nothing"
        done = await take(twins, packed(parts))
        assert done.taken and done.version == "2.0" and len(await stored(twins)) == 3
        assert done.report.totals["lost"] == 1
        await twins.close()
    told(story())


def test_twins_of_the_books_are_never_overwritten_by_a_file():
    async def story():
        node = await busy_node()
        twins = node.twins
        own = shell_id(node.organisation, "item", "BV-15")
        before = (await twins.get("shell", own)).body
        done = await take(twins, json.dumps({"assetAdministrationShells": [{**SHELL, "id": own}, SHELL]}).encode())
        assert done.taken and done.shells == 1
        assert [(one.grade, one.code) for one in done.report.findings] == [("lost", "kept-by-books")]
        assert (await twins.get("shell", own)).body == before
        await twins.close()
    told(story())


@pytest.mark.parametrize("form", ["aasx", "xml", "json"])
def test_all_twins_of_a_node_go_out_so_that_the_engine_has_nothing_against_them(form):
    async def story():
        twins = (await busy_node()).twins
        await take(twins, packed(plain()))
        heard = []
        data, done = await out(twins, form=form, told=heard.append)
        assert done.shells > 3 and done.submodels > 3 and heard[-1] >= done.shells + done.submodels
        assert engine_says(data, form) == (True, [])
        await twins.close()
    told(story())


def test_each_kind_of_twin_goes_out_alone_so_that_the_engine_has_nothing_against_it():
    async def story():
        node = await busy_node()
        twins = node.twins
        await take(twins, packed(plain()))
        seen = set()
        for row in (await twins.page("shell", "", 1_000)).rows:
            data, done = await out(twins, [row.id])
            assert engine_says(data) == (True, []) and done.shells == 1 and done.submodels > 0
            seen.add(row.id.split(":")[3] if row.revision == 0 else "written")
        assert seen == {"item", "lot", "machine", "order", "written"}
        await twins.close()
    told(story())


def test_control_the_engine_does_find_what_breaks_a_rule():
    async def story():
        twins = (await empty_node()).twins
        await take(twins, json.dumps({"submodels": [AGAINST_A_RULE]}).encode())
        for form in exchange.FORMS:
            data, done = await out(twins, form=form)
            assert engine_says(data, form)[0] is False
            assert {one.grade for one in done.report.findings} == {"kept"}  # and so do we
        await twins.close()
    told(story())


def test_what_went_out_comes_in_elsewhere_byte_for_byte():
    async def story():
        one, other = (await empty_node()).twins, (await empty_node()).twins
        await take(one, packed(plain()))
        data, _ = await out(one)
        done = await take(other, data)
        assert done.taken and done.report.findings == []
        assert await stored(one) == await stored(other) == DOCUMENTS
        assert [(await one.store.get(kind, name)).body for kind, name in zip(KINDS, (
            SHELL["id"], SUBMODEL["id"], CONCEPT["id"]), strict=True)] == [
                (await other.store.get(kind, name)).body for kind, name in zip(KINDS, (
                    SHELL["id"], SUBMODEL["id"], CONCEPT["id"]), strict=True)]
        assert (await out(other))[0] == data
        await one.close()
        await other.close()
    told(story())


def test_a_shell_goes_with_its_submodels_their_concepts_and_all_their_files():
    async def story():
        twins = (await empty_node()).twins
        await take(twins, packed(plain()))
        await take(twins, json.dumps({"submodels": [{**SUBMODEL, "id": "urn:x:apart"}]}).encode())
        data, done = await out(twins, ["urn:x:pump"])
        found, codes, _ = opened(data)
        assert bodies(found) == DOCUMENTS and codes == [] and (done.submodels, done.concepts, done.files) == (1, 1, 2)
        with pytest.raises(NotFound) as missing:
            await out(twins, ["urn:x:none"])
        assert missing.value.code == "twin.none"
        await twins.close()
    told(story())


def test_two_files_of_one_name_get_two_names():
    async def story():
        twins = (await empty_node()).twins
        await take(twins, packed(plain()))
        twin = {**SUBMODEL, "id": "urn:x:other"}
        parts = {**plain(xml([twin])), "aasx/files/manual.pdf": MANUAL + b" in another way"}
        await take(twins, packed(parts))
        data, done = await out(twins)
        assert engine_says(data) == (True, []) and done.files == 3
        assert [(one.grade, one.code) for one in done.report.findings] == [("fixed", "file-renamed")]
        found, codes, _ = opened(data)
        contents = {one.document.id: b"".join(each.chunks()) for one in found for each in one.files}
        assert contents == {
            "urn:x:pump": PICTURE, "urn:x:pump:data": MANUAL, "urn:x:other": MANUAL + b" in another way"}
        assert codes == []
        await twins.close()
    told(story())


def test_what_only_3_1_can_say_goes_out_as_3_1_alone():
    async def story():
        twins = (await empty_node()).twins
        hyphen = {**SUBMODEL, "submodelElements": [{"modelType": "Capability", "idShort": "with-hyphen"}]}
        await take(twins, json.dumps({"submodels": [NEWER, hyphen]}).encode())
        for form in exchange.FORMS:
            with pytest.raises(Refused) as refused:
                await out(twins, form=form)
            assert refused.value.code == "aasx.needs-newer" and "with-hyphen" in str(refused.value.facts["path"])
            data, done = await out(twins, form=form, version="3.1")
            assert bodies(opened(data)[0]) == sorted([NEWER, hyphen], key=lambda one: one["id"])
            assert done.version == "3.1" and done.report.findings == []
        data, done = await out(twins, ["urn:x:new"])
        assert engine_says(data) == (True, []) and done.report.totals["fixed"] > 3
        for wrong, code in (({"form": "pdf"}, "aasx.form"), ({"version": "4.0"}, "aasx.version")):
            with pytest.raises(Invalid) as refused:
                await out(twins, **wrong)
            assert refused.value.code == code
        await twins.close()
    told(story())


def test_the_serialization_of_the_api_has_what_was_asked_for():
    async def story():
        twins = (await empty_node()).twins
        await take(twins, packed(plain()))
        everything = await exchange.environment(twins, None, None, True)
        assert everything == ENVIRONMENT
        assert await exchange.environment(twins, [], ["urn:x:pump:data"], True) == {
            "submodels": [SUBMODEL], "conceptDescriptions": [CONCEPT]}
        assert await exchange.environment(twins, ["urn:x:pump"], [], False) == {"assetAdministrationShells": [SHELL]}
        with pytest.raises(NotFound):
            await exchange.environment(twins, ["urn:x:none"], [], False)
        assert bodies(opened(exchange.to_xml(everything))[0]) == DOCUMENTS
        assert json.loads(exchange.to_json(everything)) == ENVIRONMENT
        data = b"".join([piece async for piece in exchange.to_package(twins, everything)])
        assert engine_says(data) == (True, []) and bodies(opened(data)[0]) == DOCUMENTS
        await twins.close()
    told(story())


def test_a_large_environment_is_refused_and_not_gathered(monkeypatch):
    async def story():
        twins = (await empty_node()).twins
        await take(twins, packed(plain()))
        monkeypatch.setattr(exchange, "ENVIRONMENT_MAX", 1_000)
        with pytest.raises(Refused) as refused:
            await exchange.environment(twins, None, None, True)
        assert refused.value.code == "twin.too-much"
        await twins.close()
    told(story())
