"""Packages as tools write them give the twins that were meant, and every oddity is told."""

import ast
import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.twin.aasx.packages import (
    CONCEPT,
    DOCUMENTS,
    ENVIRONMENT,
    MANUAL,
    ORIGIN,
    PICTURE,
    SHELL,
    SIGNATURE,
    SPEC,
    SUBMODEL,
    SUPPLEMENT,
    THUMBNAIL,
    aas4j,
    basyx,
    bodies,
    explorer,
    opened,
    packed,
    plain,
    relationships,
    xml,
)
from weft.basis.errors import Invalid
from weft.locale import sentences
from weft.twin import aasx
from weft.twin.aasx.findings import CODES
from weft.twin.aasx.reading import Package
from weft.twin.metamodel import findings

KINDS = {"AssetAdministrationShell": SHELL, "Submodel": SUBMODEL, "ConceptDescription": CONCEPT}


def text(changes=(), documents=DOCUMENTS, version="3.0"):
    made = xml(documents, version).decode()
    for before, after in changes:
        assert before in made
        made = made.replace(before, after)
    return made.encode()


def test_the_sample_itself_keeps_all_rules():
    assert [one for kind, document in KINDS.items() for one in findings(kind, document)] == []


def test_a_package_by_the_standard_has_no_findings():
    found, codes, package = opened(packed(plain()))
    assert bodies(found) == DOCUMENTS and codes == [] and package.version == "3.0" and not package.older
    files = {one.value: b"".join(one.chunks()) for each in found for one in each.files}
    assert files == {"/aasx/files/pump.png": PICTURE, "/aasx/files/manual.pdf": MANUAL}
    assert [one.content_type for each in found for one in each.files] == ["image/png", "application/pdf"]


@pytest.mark.parametrize(("build", "wanted"), [
    (aas4j, {("fixed", "target-mode"), ("fixed", "schema-location")}),
    (explorer, {("fixed", "relationship-type")}),
    (basyx, {("lost", "properties")}),
])
def test_what_the_known_tools_write_is_read(build, wanted):
    found, codes, _ = opened(build())
    got = bodies(found)
    if build is basyx:
        got[0]["assetInformation"]["defaultThumbnail"]["path"] = "/aasx/files/pump.png"
    assert [one["id"] for one in got] == [one["id"] for one in DOCUMENTS]
    assert got == DOCUMENTS
    assert set(codes) == wanted
    assert sum(len(one.files) for one in found) == 2


ODD_XML = {
    "namespace": (("https://admin-shell.io/aas/3/0", "http://www.admin-shell.io/aas/3/0"), "fixed"),
    "namespace-mixed": (("<submodel>", '<submodel xmlns="https://admin-shell.io/aas/3/1">'), "fixed"),
    "empty-list": (("<submodelElementCollection><idShort>Box</idShort>",
                    "<submodelElementCollection><extensions/><idShort>Box</idShort>"), "fixed"),
    "empty-text": (("<idShort>Box</idShort>", "<category></category><idShort>Box</idShort>"), "fixed"),
    "blanks": (("<idShort>Box</idShort>", "<idShort>\n   Box </idShort>"), "fixed"),
    "spelling": (("xs:decimal</valueType><value>0.000", "decimal</valueType><value>0.000"), "fixed"),
    "reference-type": (
        ("<submodels><reference><type>ModelReference", "<submodels><reference><type>ExternalReference"), "fixed"),
    "specification-name": (("DataSpecificationIec61360/3<", "DataSpecificationIEC61360/3/0<"), "fixed"),
    "unknown-element": (("<idShort>Box</idShort>", "<idShort>Box</idShort><colour>red</colour>"), "lost"),
    "attribute": (("<idShort>Box</idShort>", '<idShort lang="en">Box</idShort>'), "lost"),
    "stray-text": (("<submodelElementCollection>", "<submodelElementCollection>loose"), "lost"),
}


@pytest.mark.parametrize("code", ODD_XML)
def test_odd_xml_is_put_right_or_told(code):
    change, grade = ODD_XML[code]
    found, codes, package = opened(packed(plain(text([change]))))
    assert bodies(found) == DOCUMENTS
    assert set(codes) == {(grade, code)}
    told = package.findings.report().findings[0]
    assert told.part == "/aasx/data.xml" and (told.path or code in ("namespace", "namespace-mixed"))
    assert opened(packed(plain()))[1] == []  # without the change nothing is told


def test_a_value_keeps_its_blanks_and_its_digits():
    found, _, _ = opened(packed(plain(text([(">0.000<", "> 0.000\n<")]))))
    elements = bodies(found)[1]["submodelElements"]
    assert elements[0]["value"] == "0.000"  # around a number blanks say nothing
    assert elements[7]["annotations"][0]["value"] == "  two  blanks \r\n"  # in a text they may


ODD_PARTS = {
    "no-origin": lambda p: {**p, "_rels/.rels": relationships((THUMBNAIL, "/aasx/files/pump.png"))},
    "no-content-types": lambda p: {key: value for key, value in p.items() if key != "[Content_Types].xml"},
    "target-mode": lambda p: {**p, "_rels/.rels": relationships(
        (ORIGIN, "/aasx/aasx-origin"), mode=' TargetMode="External"')},
    "target-backslash": lambda p: {**p, "aasx/_rels/aasx-origin.rels": relationships((SPEC, "\\aasx\\data.xml"))},
    "target-from-root": lambda p: {**p, "aasx/_rels/aasx-origin.rels": relationships((SPEC, "aasx/data.xml"))},
    "name-backslash": lambda p: {("aasx\\files\\manual.pdf" if key.endswith("manual.pdf") else key): value
                                 for key, value in p.items()},
    "part-unused": lambda p: {**p, "aasx/files/other.pdf": b"x"},
    "signature": lambda p: {**p, "_rels/.rels": relationships(
        (ORIGIN, "/aasx/aasx-origin"), (SIGNATURE, "/package/services/digital-signature/origin.psdsor"))},
    "file-missing": lambda p: {key: value for key, value in p.items() if not key.endswith("manual.pdf")},
    "thumbnail-missing": lambda p: {**p, "_rels/.rels": relationships(
        (ORIGIN, "/aasx/aasx-origin"), (THUMBNAIL, "/nowhere.png"))},
    "spec-missing": lambda p: {**p, "aasx/_rels/aasx-origin.rels": relationships(
        (SPEC, "/aasx/gone.xml"), (SPEC, "/aasx/data.xml"))},
}


@pytest.mark.parametrize("code", ODD_PARTS)
def test_odd_packages_are_read_and_told(code):
    found, codes, _ = opened(packed(ODD_PARTS[code](plain())))
    assert bodies(found) == DOCUMENTS
    assert {told for _, told in codes} == {code}


@pytest.mark.parametrize("target", ["data.xml", "./data.xml", "/aasx/data.xml", "../aasx/data.xml", "/aasx/%64ata.xml",
                                    "/AASX/Data.XML", "/aasx/data.xml#top"])
def test_a_part_is_found_however_it_is_addressed(target):
    parts = {**plain(), "aasx/_rels/aasx-origin.rels": relationships((SPEC, target))}
    assert bodies(opened(packed(parts))[0]) == DOCUMENTS


def test_names_that_are_escaped_or_chinese_are_found():
    changed = text([("/aasx/files/manual.pdf", "/aasx/files/说明 书.pdf")])
    parts = {key: value for key, value in plain(changed).items() if not key.endswith("manual.pdf")}
    escaped = {**parts, "aasx/files/%E8%AF%B4%E6%98%8E%20%E4%B9%A6.pdf": MANUAL}
    assert sum(len(one.files) for one in opened(packed(escaped))[0]) == 2
    assert sum(len(one.files) for one in opened(packed({**parts, "aasx/files/说明 书.pdf": MANUAL}))[0]) == 2


def test_gbk_names_without_a_mark_are_understood():
    from weft.twin.aasx.container import _characters

    name = "aasx/说明.pdf"
    assert _characters(name.encode("gb18030").decode("cp437"), 0) == name
    assert _characters(name.encode().decode("cp437"), 0) == name
    assert _characters(name.encode("gb18030").decode("cp437"), 0x800) != name


def test_several_specifications_are_read_and_twins_told_twice_are_one():
    parts = plain(xml([SHELL, SUBMODEL]))
    parts["aasx/more.json"] = json.dumps({"submodels": [SUBMODEL], "conceptDescriptions": [CONCEPT]})
    parts["aasx/_rels/aasx-origin.rels"] = relationships((SPEC, "/aasx/data.xml"), (SPEC, "/aasx/more.json"))
    found, codes, _ = opened(packed(parts))
    assert bodies(found) == DOCUMENTS and codes == [("fixed", "twin-twice")]
    other = {**SUBMODEL, "idShort": "Other"}
    parts["aasx/more.json"] = json.dumps({"submodels": [other], "conceptDescriptions": [CONCEPT]})
    found, codes, _ = opened(packed(parts))
    assert bodies(found) == DOCUMENTS and codes == [("lost", "twin-twice-different")]


def test_a_split_specification_is_read():
    parts = plain(xml([SHELL]))
    parts["aasx/split.xml"] = xml([SUBMODEL, CONCEPT])
    split = SPEC + "-split"
    parts["aasx/_rels/data.xml.rels"] = relationships((SUPPLEMENT, "/aasx/files/manual.pdf"), (split, "split.xml"))
    assert bodies(opened(packed(parts))[0]) == DOCUMENTS


def test_the_picture_of_a_package_becomes_that_of_its_first_shell():
    shell = {**SHELL, "assetInformation": {**SHELL["assetInformation"]}}
    del shell["assetInformation"]["defaultThumbnail"]
    found, codes, _ = opened(packed(plain(xml([shell, SUBMODEL, CONCEPT]))))
    assert bodies(found) == DOCUMENTS and codes == [("fixed", "thumbnail")]
    assert [one.name for one in found[0].files] == ["/aasx/files/pump.png"]


@pytest.mark.parametrize("encoded", [
    xml().decode().replace('encoding="UTF-8"', 'encoding="utf-16"').encode("utf-16"),
    xml().decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16-le"),
    b"\xef\xbb\xbf" + xml(),
    xml().decode().replace("水泵", "ab").replace("UTF-8", "windows-1252").encode("cp1252"),
    xml().decode().replace("ü", "u").replace("ö", "o").replace("UTF-8", "gb2312").encode("gb18030"),
    b"\r\n" + xml(),
])
def test_documents_come_in_many_characters(encoded):
    found, codes, _ = opened(packed(plain(encoded)))
    assert len(found) == 3 and codes == []
    assert bodies(found)[1]["submodelElements"][0] == SUBMODEL["submodelElements"][0]


def test_what_bytes_show_outweighs_what_a_document_says():
    found, codes, _ = opened(packed(plain(xml().replace(b'encoding="UTF-8"', b'encoding="utf-16"'))))
    assert bodies(found) == DOCUMENTS and codes == [("fixed", "encoding")]


def test_json_is_read_inside_of_a_package_whatever_its_ending():
    data = json.dumps(ENVIRONMENT).encode()
    for name in ("aasx/data.json", "aasx/data.xml"):
        found, codes, _ = opened(packed(plain(data, name)))
        assert bodies(found) == DOCUMENTS and codes == []
    assert bodies(opened(packed(plain(json.dumps(ENVIRONMENT).encode("utf-16"))))[0]) == DOCUMENTS


def test_environments_without_a_package_are_read():
    assert bodies(opened(xml(), "pump.xml")[0]) == DOCUMENTS
    assert bodies(opened(json.dumps(ENVIRONMENT).encode(), "pump.json")[0]) == DOCUMENTS
    assert bodies(opened(json.dumps(SUBMODEL).encode(), "data.json")[0]) == [SUBMODEL]
    assert bodies(opened(json.dumps([SHELL, SUBMODEL]).encode(), "both.json")[0]) == [SHELL, SUBMODEL]


ODD_JSON = {
    "null": ({"category": None}, "fixed"), "empty-list": ({"extensions": []}, "fixed"),
    "unknown-field": ({"colour": "red"}, "lost"),
    "not-a-list": ({"description": {"language": "en", "text": "x"}}, "fixed"),
    "not-a-list-at-all": ({"qualifiers": "none"}, "lost"), "not-an-object": ({"administration": "1.0"}, "lost"),
    "not-text": ({"administration": {"version": 7}}, "fixed"), "spelling": ({"kind": "INSTANCE"}, "fixed"),
    "text-cut": ({"description": [{"language": "en", "text": "x" * 1_024}]}, "fixed"),
    "word-kept": ({"kind": "Prototype"}, "fixed"),
    "language": ({"description": [{"text": "x"}]}, "fixed"), "not-a-text": ({"category": {"a": "b"}}, "lost"),
}


@pytest.mark.parametrize("code", ODD_JSON)
def test_odd_json_is_put_right_or_told(code):
    change, grade = ODD_JSON[code]
    found, codes, _ = opened(json.dumps({"submodels": [{**SUBMODEL, **change}]}).encode())
    assert codes == [(grade, code)]
    assert findings("Submodel", bodies(found)[0]) == []


def test_drafts_of_metamodel_3_are_read():
    """RC02: other namespaces, texts of one name, and the asset named by a reference."""
    key = "<keys><key><type>GlobalReference</type><value>urn:x:pump:asset</value></key></keys>"
    data = text([("https://admin-shell.io/aas/3/0", "http://www.admin-shell.io/aas/3/0/RC02"),
                 ("<globalAssetId>urn:x:pump:asset</globalAssetId>",
                  f"<globalAssetId><type>GlobalReference</type>{key}</globalAssetId>"),
                 ("langStringNameType>", "langString>"),
                 ("<type>ExternalReference</type>", "<type>GlobalReference</type>")])
    found, codes, _ = opened(data)
    assert bodies(found) == DOCUMENTS
    assert set(codes) == {("fixed", one) for one in ("namespace", "reference-for-text", "old-name", "spelling")}
    shell = {**SHELL, "assetInformation": {**SHELL["assetInformation"], "globalAssetId": {
        "type": "GlobalReference", "keys": [{"type": "GlobalReference", "value": "urn:x:pump:asset"}]}}}
    found, codes, _ = opened(json.dumps({"assetAdministrationShells": [shell]}).encode())
    assert bodies(found) == [SHELL] and codes == [("fixed", "reference-for-text")]


def test_what_is_too_long_or_unknown_is_kept_in_full():
    content = {"modelType": "DataSpecificationIec61360", "preferredName": [{"language": "en", "text": "x"}],
               "shortName": [{"language": "en", "text": "twenty characters long"}], "dataType": "ENTITY",
               "definition": [{"language": "en", "text": "what pushes"}]}
    specified = {**CONCEPT["embeddedDataSpecifications"][0], "dataSpecificationContent": content}
    concept = {**CONCEPT, "embeddedDataSpecifications": [specified, specified]}
    found, codes, _ = opened(json.dumps({"conceptDescriptions": [concept]}).encode())
    read = bodies(found)[0]
    assert set(codes) == {("fixed", "text-cut"), ("fixed", "word-kept")} and findings("ConceptDescription", read) == []
    assert {one["name"]: one["value"] for one in read["extensions"]} == {
        "full.shortName.en": "twenty characters long", "full.shortName.en.3": "twenty characters long",
        "full.dataType": "ENTITY", "full.dataType.4": "ENTITY"}
    short = read["embeddedDataSpecifications"][0]["dataSpecificationContent"]["shortName"]
    assert short == [{"language": "en", "text": "twenty characters "}]


def test_numbers_of_json_become_their_own_digits():
    data = json.dumps({"submodels": [SUBMODEL]}).replace('"value": "0.000"', '"value": 0.000')
    found, codes, _ = opened(data.encode())
    assert bodies(found) == [SUBMODEL] and codes == [("fixed", "not-text")]


@pytest.mark.parametrize(("change", "name", "told"), [
    ({"shortName": [{"language": "de", "text": "p"}]}, [{"language": "de", "text": "p"}],
     [("fixed", "preferred-name")]),
    ({}, [{"language": "en", "text": "Pressure"}], [("fixed", "preferred-name")]),
    ({"preferredName": [{"language": "en", "text": "pressure"}]}, [{"language": "en", "text": "pressure"}], []),
])
def test_a_data_specification_without_a_name_gets_one(change, name, told):
    content = {"modelType": "DataSpecificationIec61360", "unit": "bar", **change}
    specified = {**CONCEPT["embeddedDataSpecifications"][0], "dataSpecificationContent": content}
    concept = {**CONCEPT, "embeddedDataSpecifications": [specified]}
    found, codes, _ = opened(json.dumps({"conceptDescriptions": [concept]}).encode())
    assert codes == told
    assert bodies(found)[0]["embeddedDataSpecifications"][0]["dataSpecificationContent"]["preferredName"] == name
    del concept["idShort"]
    if not change:
        found, codes, _ = opened(json.dumps({"conceptDescriptions": [concept]}).encode())
        assert codes == [("lost", "no-preferred-name")] and "embeddedDataSpecifications" not in bodies(found)[0]


@pytest.mark.parametrize("kind", ["xs:string", "xs:anyURI", "xs:base64Binary", "xs:hexBinary"])
def test_a_value_may_be_empty_where_its_type_lets_it(kind):
    element = {"modelType": "Property", "idShort": "Any", "valueType": kind, "value": ""}
    found, codes, _ = opened(json.dumps({"submodels": [{**SUBMODEL, "submodelElements": [element]}]}).encode())
    assert bodies(found)[0]["submodelElements"] == [element] and codes == []
    number = {**element, "valueType": "xs:int"}  # the control
    found, codes, _ = opened(json.dumps({"submodels": [{**SUBMODEL, "submodelElements": [number]}]}).encode())
    assert "value" not in bodies(found)[0]["submodelElements"][0] and codes == [("fixed", "empty-text")]


def test_a_field_that_stands_there_twice_is_told():
    data = json.dumps({"submodels": [SUBMODEL]}).replace('"idShort": "Data"', '"idShort": "Other", "idShort": "Data"')
    found, codes, _ = opened(data.encode())
    assert bodies(found) == [SUBMODEL] and codes == [("lost", "field-twice")]


@pytest.mark.parametrize(("data", "code"), [
    (packed({"a.txt": b"x"}), "aasx.no-spec"), (b"hello, world", "xml.malformed"), (b"", "xml.malformed"),
    (b"<html/>", "xml.not-aas"), (b'{"a": 1}', "aasx.not-aas"), (b"[1]", "aasx.not-aas"), (b"{", "json.malformed"),
    (packed(plain())[:-30], "aasx.not-zip"), (b"PK", "aasx.not-zip"), (xml()[:-20], "xml.malformed"),
    (json.dumps(ENVIRONMENT).encode()[:-3], "json.malformed"),
])
def test_what_holds_no_twins_is_refused_with_its_reason(data, code):
    with pytest.raises(Invalid) as refused:
        opened(data)
    assert refused.value.code == code


def test_progress_is_told_up_to_the_end():
    told = []
    package = Package(io.BytesIO(packed(plain())))
    list(package.documents(lambda done, of: told.append((done, of))))
    assert told[-1][0] == told[-1][1] == len(xml())


def literals(argument):
    if isinstance(argument, ast.IfExp):
        return [*literals(argument.body), *literals(argument.orelse)]
    return [argument.value] if isinstance(argument, ast.Constant) else []


def test_every_finding_is_in_the_table_and_has_a_sentence_in_both_languages():
    used = set()
    for folder in ("twin", "engine/twins"):
        for path in (Path(aasx.__file__).parents[2] / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and len(node.args) > 1:
                    used |= {(grade, code) for grade in literals(node.args[0]) for code in literals(node.args[1])
                             if grade in CODES and "interfaces" not in path.parts}  # machines' files have their own
    assert used == {(grade, code) for grade, codes in CODES.items() for code in codes.split()}
    for lang in ("en", "zh"):
        told = {key.removeprefix("finding.") for key in sentences(lang) if key.startswith("finding.")}
        assert {code for _, code in used} == {one for one in told if not one.startswith("grade.")}
        assert {f"grade.{grade}" for grade in CODES} == {one for one in told if one.startswith("grade.")}


def test_a_zip_without_deflate_is_read():
    assert bodies(opened(packed(plain(), zipfile.ZIP_STORED))[0]) == DOCUMENTS
