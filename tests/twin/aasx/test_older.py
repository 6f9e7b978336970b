"""Packages of metamodel 1 and 2 become metamodel 3 as far as nothing is lost, and say so where something is."""

import json

import pytest

from tests.twin.aasx.packages import MANUAL, PICTURE, THUMBNAIL, bodies, external, model, opened, packed, relationships
from weft.twin.metamodel import findings

WWW = "http://www.admin-shell.io/aasx/relationships/"
KEY = '<aas:keys><aas:key type="{}" local="{}" idType="IRI">{}</aas:key></aas:keys>'


def key(kind, value, local="true"):
    return KEY.format(kind, local, value)


def xml(version="2", shell="", submodel="", elements="", asset=""):
    """As the package explorer wrote metamodel 2 (and, with other words, 1)."""
    return f"""<?xml version="1.0"?>
<aas:aasenv xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:IEC61360="http://www.admin-shell.io/IEC61360/{version}/0"
    xmlns:aas="http://www.admin-shell.io/aas/{version}/0"
    xsi:schemaLocation="http://www.admin-shell.io/aas/2/0 AAS.xsd">
  <aas:assetAdministrationShells><aas:assetAdministrationShell>
    <aas:idShort>Pump</aas:idShort><aas:identification idType="IRI">urn:x:pump</aas:identification>
    <aas:assetRef>{key("Asset", "urn:x:pump:asset")}</aas:assetRef>
    <aas:submodelRefs><aas:submodelRef>{key("Submodel", "urn:x:pump:data")}</aas:submodelRef></aas:submodelRefs>
    <aas:conceptDictionaries />{shell}
  </aas:assetAdministrationShell></aas:assetAdministrationShells>
  <aas:assets><aas:asset>
    <aas:idShort>ThePump</aas:idShort><aas:identification idType="IRI">urn:x:pump:asset</aas:identification>
    <aas:kind>Instance</aas:kind>{asset}
  </aas:asset></aas:assets>
  <aas:submodels><aas:submodel>
    <aas:idShort>Data</aas:idShort>
    <aas:description><aas:langString lang="EN">what it says</aas:langString></aas:description>
    <aas:identification idType="IRI">urn:x:pump:data</aas:identification><aas:kind>Instance</aas:kind>
    <aas:semanticId>{key("GlobalReference", "urn:x:data", "false")}</aas:semanticId>
    <aas:qualifier /><aas:submodelElements>
      <aas:submodelElement><aas:property><aas:idShort>Pressure</aas:idShort><aas:kind>Instance</aas:kind>
        <aas:semanticId>{key("ConceptDescription", "urn:x:pressure")}</aas:semanticId>
        <aas:qualifier><aas:qualifier><aas:valueType /><aas:type>unit</aas:type><aas:value>bar</aas:value>
        </aas:qualifier></aas:qualifier>
        <aas:valueType>decimal</aas:valueType><aas:value>0.000</aas:value></aas:property>
      </aas:submodelElement>
      <aas:submodelElement><aas:submodelElementCollection><aas:idShort>Box</aas:idShort><aas:value>
          <aas:submodelElement><aas:file><aas:idShort>Manual</aas:idShort><aas:mimeType>application/pdf</aas:mimeType>
            <aas:value>/aasx/files/manual.pdf</aas:value></aas:file></aas:submodelElement>
          <aas:submodelElement><aas:multiLanguageProperty><aas:idShort>Maker</aas:idShort><aas:value>
            <aas:langString lang="de">Müller</aas:langString></aas:value></aas:multiLanguageProperty>
          </aas:submodelElement></aas:value>
        <aas:ordered>false</aas:ordered><aas:allowDuplicates>false</aas:allowDuplicates>
      </aas:submodelElementCollection></aas:submodelElement>
      <aas:submodelElement><aas:entity><aas:idShort>Part</aas:idShort><aas:statements><aas:submodelElement>
        <aas:property>
        <aas:idShort>Count</aas:idShort><aas:valueType>int</aas:valueType><aas:value>3</aas:value>
        </aas:property></aas:submodelElement></aas:statements><aas:entityType>SelfManagedEntity</aas:entityType>
        <aas:assetRef>{key("Asset", "urn:x:part")}</aas:assetRef></aas:entity></aas:submodelElement>
      <aas:submodelElement><aas:operation><aas:idShort>Start</aas:idShort><aas:inputVariable><aas:operationVariable>
        <aas:value><aas:property><aas:idShort>Speed</aas:idShort><aas:valueType>double</aas:valueType></aas:property>
        </aas:value></aas:operationVariable></aas:inputVariable></aas:operation></aas:submodelElement>
      <aas:submodelElement><aas:relationshipElement><aas:idShort>Same</aas:idShort>
        <aas:first>{key("Submodel", "urn:x:pump:data")}</aas:first>
        <aas:second>{key("Submodel", "urn:x:pump:data")}</aas:second></aas:relationshipElement></aas:submodelElement>
      {elements}
    </aas:submodelElements>{submodel}
  </aas:submodel></aas:submodels>
  <aas:conceptDescriptions><aas:conceptDescription><aas:idShort>Pressure</aas:idShort>
    <aas:identification idType="IRI">urn:x:pressure</aas:identification>
    <aas:embeddedDataSpecification><aas:dataSpecificationContent><aas:dataSpecificationIEC61360>
      <IEC61360:preferredName><IEC61360:langString lang="EN">pressure</IEC61360:langString></IEC61360:preferredName>
      <IEC61360:unit>bar</IEC61360:unit><IEC61360:dataType>REAL_MEASURE</IEC61360:dataType>
      <IEC61360:definition><IEC61360:langString lang="EN">what pushes</IEC61360:langString></IEC61360:definition>
    </aas:dataSpecificationIEC61360></aas:dataSpecificationContent>
    <aas:dataSpecification>{key("GlobalReference",
        "http://admin-shell.io/DataSpecificationTemplates/DataSpecificationIEC61360/2/0", "false")}
    </aas:dataSpecification>
    </aas:embeddedDataSpecification>
  </aas:conceptDescription></aas:conceptDescriptions>
</aas:aasenv>""".encode()


def package(data):
    return packed({
        "_rels/.rels": relationships((WWW + "aasx-origin", "/aasx/aasx-origin"), (THUMBNAIL, "/Thumbnail.png")),
        "aasx/aasx-origin": b"Intentionally empty.", "Thumbnail.png": PICTURE, "aasx/files/manual.pdf": MANUAL,
        "aasx/_rels/aasx-origin.rels": relationships((WWW + "aas-spec", "/aasx/pump/pump.aas.xml")),
        "aasx/pump/pump.aas.xml": data,
        "aasx/pump/_rels/pump.aas.xml.rels": relationships((WWW + "aas-suppl", "/aasx/files/manual.pdf"))})


def of_grade(codes, grade):
    return [code for one, code in codes if one == grade]


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_package_of_an_older_metamodel_becomes_one_of_3(version):
    found, codes, read = opened(package(xml(version)))
    shell, submodel, concept = bodies(found)
    assert read.older and read.version == f"{version}.0"
    assert of_grade(codes, "lost") == [] and ("fixed", "older") in codes and ("fixed", "spelling") not in codes
    assert [one for each in bodies(found) for one in findings(each["modelType"], each)] == []
    assert shell == {
        "modelType": "AssetAdministrationShell", "idShort": "Pump", "id": "urn:x:pump",
        "extensions": [{"name": "v2.asset.idShort", "valueType": "xs:string", "value": "ThePump"}],
        "assetInformation": {"assetKind": "Instance", "globalAssetId": "urn:x:pump:asset",
                             "defaultThumbnail": {"path": "/Thumbnail.png", "contentType": "image/png"}},
        "submodels": [model(("Submodel", "urn:x:pump:data"))]}
    assert submodel == {
        "modelType": "Submodel", "idShort": "Data", "id": "urn:x:pump:data", "kind": "Instance",
        "description": [{"language": "EN", "text": "what it says"}], "semanticId": external("urn:x:data"),
        "submodelElements": [
            {"modelType": "Property", "idShort": "Pressure",
             "semanticId": model(("ConceptDescription", "urn:x:pressure")),
             "qualifiers": [{"type": "unit", "valueType": "xs:string", "value": "bar"}],
             "valueType": "xs:decimal", "value": "0.000"},
            {"modelType": "SubmodelElementCollection", "idShort": "Box", "value": [
                {"modelType": "File", "idShort": "Manual", "value": "/aasx/files/manual.pdf",
                 "contentType": "application/pdf"},
                {"modelType": "MultiLanguageProperty", "idShort": "Maker",
                 "value": [{"language": "de", "text": "Müller"}]}]},
            {"modelType": "Entity", "idShort": "Part", "statements": [
                {"modelType": "Property", "idShort": "Count", "valueType": "xs:int", "value": "3"}],
             "entityType": "SelfManagedEntity", "globalAssetId": "urn:x:part"},
            {"modelType": "Operation", "idShort": "Start", "inputVariables": [
                {"value": {"modelType": "Property", "idShort": "Speed", "valueType": "xs:double"}}]},
            {"modelType": "RelationshipElement", "idShort": "Same", "first": model(("Submodel", "urn:x:pump:data")),
             "second": model(("Submodel", "urn:x:pump:data"))}]}
    content = concept["embeddedDataSpecifications"][0]["dataSpecificationContent"]
    assert concept["id"] == "urn:x:pressure" and content["unit"] == "bar" and content["dataType"] == "REAL_MEASURE"
    assert [one.name for each in found for one in each.files] == ["/Thumbnail.png", "/aasx/files/manual.pdf"]


KEPT = {
    "a view": (xml(shell=f"""<aas:views><aas:view><aas:idShort>Service</aas:idShort><aas:containedElements>
        <aas:containedElementRef>{key("Submodel", "urn:x:pump:data")}</aas:containedElementRef></aas:containedElements>
        </aas:view></aas:views>"""), 0, "v2.view.Service"),
    "a bill of material": (
        xml(asset=f'<aas:billOfMaterialRef>{key("Submodel", "urn:x:bom")}</aas:billOfMaterialRef>'), 0,
        "v2.asset.billOfMaterial"),
    "the order of a collection": (
        xml(elements="""<aas:submodelElement><aas:submodelElementCollection><aas:idShort>Runs</aas:idShort>
            <aas:ordered>true</aas:ordered></aas:submodelElementCollection></aas:submodelElement>"""), 1, "v2.ordered"),
    "an element that is a template": (
        xml(elements="""<aas:submodelElement><aas:property><aas:idShort>Any</aas:idShort><aas:kind>Template</aas:kind>
            <aas:valueType>string</aas:valueType></aas:property></aas:submodelElement>"""), 1, "v2.kind"),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_has_no_field_any_more_is_kept_as_an_extension(what):
    data, place, name = KEPT[what]
    found, codes, _ = opened(package(data))
    told = json.dumps(bodies(found)[place])
    assert f'"name": "{name}"' in told and of_grade(codes, "lost") == []
    assert [one for each in bodies(found) for one in findings(each["modelType"], each)] == []
    assert name not in json.dumps(bodies(opened(package(xml()))[0]))


LOST = {
    "formula": xml(submodel="<aas:qualifier><aas:formula><aas:dependsOnRefs><aas:reference>"
                         f'{key("Submodel", "urn:x:s")}</aas:reference></aas:dependsOnRefs></aas:formula>'
                         "</aas:qualifier>"),
    "unknown-field": xml(shell="<aas:security><aas:accessControl>x</aas:accessControl></aas:security>"),
    "no-such-element": json.dumps({"assets": [], "submodels": [{
        "identification": {"id": "urn:x:s", "idType": "IRI"}, "submodelElements": [
            {"modelType": {"name": "Instruction"}, "idShort": "Odd"}]}]}).encode(),
    "asset-alone": xml().replace(b'idType="IRI">urn:x:pump:asset</aas:key>', b'idType="IRI">urn:x:other</aas:key>', 1),
}


@pytest.mark.parametrize("code", LOST)
def test_what_cannot_be_kept_is_told_as_lost(code):
    _, codes, read = opened(package(LOST[code]))
    assert read.older and code in of_grade(codes, "lost")


def test_json_of_metamodel_2_is_read():
    def ref(*keys):
        return {"keys": [{"type": kind, "local": True, "value": value, "index": 0, "idType": "IRI"}
                         for kind, value in keys]}

    data = {
        "assetAdministrationShells": [{
            "modelType": {"name": "AssetAdministrationShell"}, "idShort": "Pump",
            "identification": {"id": "urn:x:pump", "idType": "IRI"}, "asset": ref(("Asset", "urn:x:pump:asset")),
            "submodels": [ref(("Submodel", "urn:x:s"))], "views": [], "conceptDictionary": []}],
        "assets": [{"modelType": {"name": "Asset"}, "idShort": "", "kind": "Type",
                    "identification": {"id": "urn:x:pump:asset", "idType": "IRI"}}],
        "submodels": [{
            "modelType": {"name": "Submodel"}, "idShort": "S", "kind": "Template",
            "identification": {"id": "urn:x:s", "idType": "IRI"}, "semanticId": {"keys": []},
            "submodelElements": [
                {"modelType": {"name": "Property"}, "idShort": "P", "kind": "Template", "value": "1",
                 "valueType": {"dataObjectType": {"name": "integer"}},
                 "constraints": [
                     {"modelType": {"name": "Qualifier"}, "type": "q", "valueType": "string", "value": "v"}]},
                {"modelType": {"name": "MultiLanguageProperty"}, "idShort": "M",
                 "value": {"langString": [{"language": "en", "text": "x"}]}},
                {"modelType": {"name": "BasicEvent"}, "idShort": "E", "observed": ref(("Submodel", "urn:x:s"))}]}],
        "conceptDescriptions": []}
    found, codes, read = opened(json.dumps(data).encode(), "old.json")
    shell, submodel = bodies(found)
    assert read.older and of_grade(codes, "lost") == [] and ("fixed", "older-event") in codes
    assert shell["assetInformation"] == {"assetKind": "Type", "globalAssetId": "urn:x:pump:asset"}
    assert submodel["kind"] == "Template" and submodel["submodelElements"] == [
        {"modelType": "Property", "idShort": "P", "qualifiers": [{"type": "q", "valueType": "xs:string", "value": "v"}],
         "valueType": "xs:integer", "value": "1"},
        {"modelType": "MultiLanguageProperty", "idShort": "M", "value": [{"language": "en", "text": "x"}]},
        {"modelType": "BasicEventElement", "idShort": "E", "observed": model(("Submodel", "urn:x:s")),
         "direction": "output", "state": "on"}]
    assert [one for each in bodies(found) for one in findings(each["modelType"], each)] == []


def test_control_metamodel_3_is_not_taken_for_an_older_one():
    data = json.dumps({"submodels": [{"modelType": "Submodel", "id": "urn:x:s"}]}).encode()
    assert not opened(data)[2].older
