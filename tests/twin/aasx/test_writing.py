"""What goes out is taken by strict readers: the official engine, and our own reader without a single finding."""

import io
import json
import zipfile

import pytest
from aas_test_engines import file as engine

from tests.twin.aasx.packages import (
    CONCEPT,
    DOCUMENTS,
    ELEMENTS,
    ENVIRONMENT,
    MANUAL,
    PICTURE,
    SHELL,
    SUBMODEL,
    bodies,
    opened,
)
from weft.basis.errors import Refused
from weft.twin.aasx.findings import Findings
from weft.twin.aasx.versions import fitting
from weft.twin.aasx.writing import Package, environment, part_name
from weft.twin.metamodel import against_3_0, findings


def made(documents=DOCUMENTS, version="3.0", form="xml", files=None, picture="/aasx/files/pump.png"):
    out = io.BytesIO()
    package = Package(out, version, form)
    with package.specification() as spec:
        for document in documents:
            spec.document(document)
    given = {"/aasx/files/pump.png": ("image/png", PICTURE), "/aasx/files/manual.pdf": ("application/pdf", MANUAL)}
    for name, (kind, data) in (given if files is None else files).items():
        with package.supplement(name, kind, thumbnail=name == picture) as part:
            part.write(data)
    package.close()
    return out.getvalue()


def faults(result):
    """What the engine has to say that is more than a note, from the innermost."""
    within = [one for one in result["s"] if one["l"] >= 1]
    if not within:
        return [result["m"]] if result["l"] >= 1 else []
    return [fault for one in within for fault in faults(one)]


def judged(data):
    result = engine.check_aasx_file(io.BytesIO(data))
    return faults(result.to_dict()) if result.ok() else ["refused", *faults(result.to_dict())]


@pytest.mark.parametrize("form", ["xml", "json"])
def test_the_official_engine_has_nothing_against_a_package(form):
    assert judged(made(form=form)) == []
    assert judged(made([], files={})) == []


def test_control_the_engine_does_find_what_is_wrong():
    broken = {**SUBMODEL, "submodelElements": [{**ELEMENTS[0], "valueType": "xs:int", "value": "many"}]}
    assert judged(made([SHELL, broken]))[0] == "refused"
    data = made()
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content.replace(b"/aasx/files/manual.pdf", b"/aasx/files/gone.pdf"))
    assert judged(out.getvalue())[0] == "refused"


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_what_was_written_is_read_back_without_a_finding(form, version):
    found, codes, package = opened(made(version=version, form=form))
    assert bodies(found) == DOCUMENTS and codes == []
    assert package.version == ("" if form == "json" else version)
    files = {one.value: (one.content_type, b"".join(one.chunks())) for each in found for one in each.files}
    assert files == {
        "/aasx/files/pump.png": ("image/png", PICTURE), "/aasx/files/manual.pdf": ("application/pdf", MANUAL)}


def test_the_same_twins_give_the_same_bytes():
    assert made() == made()


def test_relationships_are_internal_and_of_the_present_kind():
    with zipfile.ZipFile(io.BytesIO(made())) as package:
        names = package.namelist()
        told = b"".join(package.read(name) for name in names if name.endswith(".rels"))
    assert b"External" not in told and b"www.admin-shell.io" not in told
    assert {"[Content_Types].xml", "_rels/.rels", "aasx/_rels/aasx-origin.rels",
            "aasx/_rels/data.xml.rels"} <= set(names)
    assert all(name.isascii() for name in names)


@pytest.mark.parametrize(("value", "name"), [
    ("/aasx/files/a.pdf", "/aasx/files/a.pdf"), ("files/a.pdf", "/aasx/files/a.pdf"), ("../a.pdf", "/a.pdf"),
    ("file:///aasx/a.pdf", "/aasx/a.pdf"), ("aasx\\a.pdf", "/aasx/aasx/a.pdf"), ("https://x.test/a.pdf", ""),
    ("/说明 书.pdf", "/%E8%AF%B4%E6%98%8E%20%E4%B9%A6.pdf"), ("/a%20b.pdf", "/a%20b.pdf"), ("", ""), ("//x/a.pdf", ""),
    ("/../../a.pdf", "/a.pdf"), ("/a./b", "/a/b"), ("#here", ""),
])
def test_names_of_parts_are_those_that_readers_find(value, name):
    assert part_name(value, "/aasx/data.xml") == name


def test_a_file_with_any_name_is_found_again():
    value = "/aasx/files/说明 书 %231.pdf"
    submodel = {**SUBMODEL, "submodelElements": [{**ELEMENTS[4], "value": value}]}
    told = Findings()
    fitted = fitting(submodel, "3.0", told.note(""))
    data = made([fitted], files={part_name(value, "/aasx/data.xml"): ("application/pdf", MANUAL)})
    assert judged(data) == []
    found, codes, _ = opened(data)
    assert codes == [] and [one.value for one in found[0].files] == [value.replace(" ", "%20")]
    assert [(one.grade, one.code) for one in told.report().findings] == [("fixed", "escaped")]


def test_a_content_type_that_is_none_does_not_break_the_package():
    data = made(files={"/aasx/files/manual.pdf": ('"><x', MANUAL), "/aasx/files/pump.png": ("", PICTURE)})
    assert judged(data) == []
    assert bodies(opened(data)[0]) == DOCUMENTS


def test_json_alone_is_an_environment_of_the_engine():
    out = environment("json", "3.0")
    text = b"".join([*(out.document(one) for one in DOCUMENTS), out.end()])
    assert json.loads(text) == ENVIRONMENT
    assert faults(engine.check_json_data(json.loads(text)).to_dict()) == []
    assert environment("json", "3.0").end() == b"{}"


# ---- 3.1 for readers of 3.0 ----

NEWER = {"modelType": "Submodel", "id": "urn:x:new", "submodelElements": [
    {"modelType": "Entity", "idShort": "Own", "globalAssetId": "urn:x:a"}, {"modelType": "Entity", "idShort": "Shared"},
    {"modelType": "File", "idShort": "Doc", "value": "/aasx/files/a.pdf"}, {"modelType": "Blob", "idShort": "Raw"},
    {"modelType": "SubmodelElementList", "idShort": "Runs", "typeValueListElement": "Capability",
     "value": [{"modelType": "Capability", "idShort": "Named"}]},
    {"modelType": "SubmodelElementList", "idShort": "None", "typeValueListElement": "Property"},
    {"modelType": "Operation", "idShort": "Do", "inputVariables": [{"value": {"modelType": "File", "idShort": "In"}}]}]}


def test_what_3_0_requires_is_filled_in_and_told():
    told = Findings()
    fitted = fitting(NEWER, "3.0", told.note(""))
    assert findings("Submodel", NEWER) == [] and against_3_0("Submodel", NEWER)
    assert against_3_0("Submodel", fitted) == []
    assert judged(made([fitted], files={})) == []
    codes = [(one.grade, one.code, one.facts.get("now", "")) for one in told.report().findings]
    assert codes == [
        ("lost", "name-in-list", ""), ("fixed", "filled-in", "SelfManagedEntity"),
        ("fixed", "filled-in", "CoManagedEntity"), ("fixed", "filled-in", "application/pdf"),
        ("fixed", "filled-in", "application/octet-stream"), ("fixed", "filled-in", "xs:string"),
        ("fixed", "filled-in", "application/octet-stream")]
    assert fitting(NEWER, "3.1", told.note("")) is NEWER


@pytest.mark.parametrize("document", [
    {**SHELL, "assetInformation": {"assetKind": "Role", "globalAssetId": "urn:x:role"}},
    {**SUBMODEL, "submodelElements": [{"modelType": "RelationshipElement", "idShort": "Half"}]},
    {**SUBMODEL, "submodelElements": [{"modelType": "Capability", "idShort": "with-hyphen"}]},
    {**CONCEPT, "embeddedDataSpecifications": [{"dataSpecificationContent": {
        "valueList": {"valueReferencePairs": [{"value": "red"}]}}}]},
])
def test_what_3_0_cannot_say_is_refused_with_its_place(document):
    with pytest.raises(Refused) as refused:
        fitting(document, "3.0", Findings().note(""))
    assert refused.value.code == "aasx.needs-newer" and str(refused.value.facts["path"]).startswith(document["id"])


def test_a_name_that_no_version_knows_is_not_said_to_be_of_a_newer_one():
    document = {**SUBMODEL, "submodelElements": [{"modelType": "Capability", "idShort": "Phone{00}"}]}
    assert fitting(document, "3.0", Findings().note("")) == document
    assert [one.allowed for one in findings("Submodel", document, "3.0")] == [""]


def test_what_is_of_3_0_already_is_left_as_it_is():
    told = Findings()
    assert [fitting(one, "3.0", told.note("")) for one in DOCUMENTS] == DOCUMENTS
    assert told.report().findings == []
