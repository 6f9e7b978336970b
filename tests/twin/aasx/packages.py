"""Packages in the manner of tools that people use, built by hand: what their writers do, not what the standard says."""

import io
import zipfile

from weft.twin.aasx.reading import Package
from weft.twin.xml.writing import written

ORIGIN = "http://admin-shell.io/aasx/relationships/aasx-origin"
SPEC = "http://admin-shell.io/aasx/relationships/aas-spec"
SUPPLEMENT = "http://admin-shell.io/aasx/relationships/aas-suppl"
THUMBNAIL = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
CORE = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
SIGNATURE = "http://schemas.openxmlformats.org/package/2006/relationships/digital-signature/origin"
PICTURE = b"\x89PNG\r\n\x1a\n picture"
MANUAL = b"%PDF-1.7 how to use it"


def external(value):
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def model(*keys):
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value} for kind, value in keys]}


SHELL = {
    "modelType": "AssetAdministrationShell", "idShort": "Pump", "id": "urn:x:pump",
    "displayName": [{"language": "en", "text": "Pump"}, {"language": "zh", "text": "水泵"}],
    "administration": {"version": "1", "revision": "2"},
    "assetInformation": {
        "assetKind": "Instance", "globalAssetId": "urn:x:pump:asset",
        "specificAssetIds": [{"name": "serial", "value": "0042", "externalSubjectId": external("urn:x:maker")}],
        "defaultThumbnail": {"path": "/aasx/files/pump.png", "contentType": "image/png"}},
    "submodels": [model(("Submodel", "urn:x:pump:data"))],
}
FIRST = model(("Submodel", "urn:x:pump:data"), ("Property", "Pressure"))
ELEMENTS = [
    {"modelType": "Property", "idShort": "Pressure", "semanticId": external("0173-1#02-AAA000#001"),
     "qualifiers": [{"kind": "ConceptQualifier", "type": "max", "valueType": "xs:decimal", "value": "10.50"}],
     "valueType": "xs:decimal", "value": "0.000"},
    {"modelType": "MultiLanguageProperty", "idShort": "Maker",
     "value": [{"language": "de", "text": "Müller & <Söhne>"}]},
    {"modelType": "Range", "idShort": "Band", "valueType": "xs:int", "min": "-5", "max": "5"},
    {"modelType": "Blob", "idShort": "Key", "value": "AAEC", "contentType": "application/octet-stream"},
    {"modelType": "File", "idShort": "Manual", "value": "/aasx/files/manual.pdf", "contentType": "application/pdf"},
    {"modelType": "ReferenceElement", "idShort": "See", "value": FIRST},
    {"modelType": "RelationshipElement", "idShort": "Same", "first": FIRST, "second": FIRST},
    {"modelType": "AnnotatedRelationshipElement", "idShort": "Noted", "first": FIRST, "second": FIRST,
     "annotations": [
         {"modelType": "Property", "idShort": "Why", "valueType": "xs:string", "value": "  two  blanks \r\n"}]},
    {"modelType": "SubmodelElementCollection", "idShort": "Box", "value": [
        {"modelType": "Capability", "idShort": "Pumping"}]},
    {"modelType": "SubmodelElementList", "idShort": "Runs", "orderRelevant": False, "typeValueListElement": "Property",
     "valueTypeListElement": "xs:string", "value": [{"modelType": "Property", "valueType": "xs:string", "value": ""}]},
    {"modelType": "Entity", "idShort": "Part", "statements": [
        {"modelType": "Property", "idShort": "Count", "valueType": "xs:long", "value": "3"}],
     "entityType": "SelfManagedEntity", "globalAssetId": "urn:x:part"},
    {"modelType": "BasicEventElement", "idShort": "Told", "observed": FIRST, "direction": "output", "state": "on"},
    {"modelType": "Operation", "idShort": "Start", "inputVariables": [
        {"value": {"modelType": "Property", "idShort": "Speed", "valueType": "xs:double"}}]},
    {"modelType": "Capability", "idShort": "Moving"},
]
SUBMODEL = {"modelType": "Submodel", "idShort": "Data", "id": "urn:x:pump:data", "kind": "Instance",
            "semanticId": external("urn:x:data"), "submodelElements": ELEMENTS}
CONCEPT = {
    "modelType": "ConceptDescription", "idShort": "Pressure", "id": "0173-1#02-AAA000#001",
    "embeddedDataSpecifications": [{
        "dataSpecification": external("https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3"),
        "dataSpecificationContent": {
            "modelType": "DataSpecificationIec61360", "preferredName": [{"language": "en", "text": "pressure"}],
            "unit": "bar", "dataType": "REAL_MEASURE", "definition": [{"language": "en", "text": "what pushes"}],
            "levelType": {"min": True, "nom": False, "typ": False, "max": True}}}]}
DOCUMENTS = [SHELL, SUBMODEL, CONCEPT]
ENVIRONMENT = {"assetAdministrationShells": [SHELL], "submodels": [SUBMODEL], "conceptDescriptions": [CONCEPT]}


def xml(documents=DOCUMENTS, version="3.0"):
    """An environment as XML; that it is right is shown against aas-core in ``test_against_aas_core``."""
    return b"".join(written(documents, version))


def relationships(*targets, mode=""):
    """A part of relationships: (type, target) each."""
    told = "".join(f'<Relationship Id="R{at}" Type="{kind}" Target="{target}"{mode}/>'
                   for at, (kind, target) in enumerate(targets))
    return ('<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f"{told}</Relationships>").encode()


def types(**overrides):
    """The list of content types, with ``overrides`` by the names of parts."""
    told = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in overrides.items())
    return ('<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            'relationships+xml"/><Default Extension="xml" ContentType="text/xml"/><Default Extension="png" '
            f'ContentType="image/png"/>{told}</Types>').encode()


def packed(parts, compression=zipfile.ZIP_DEFLATED):
    """A zip of ``parts``: (name, bytes) pairs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as package:
        for name, data in parts.items() if isinstance(parts, dict) else parts:
            package.writestr(name, data)
    return out.getvalue()


def plain(spec=None, name="aasx/data.xml"):
    """The parts of a package as the standard has it; change them to make it odd."""
    return {
        "[Content_Types].xml": types(**{
            "/aasx/aasx-origin": "text/plain", "/aasx/files/manual.pdf": "application/pdf"}),
        "_rels/.rels": relationships((ORIGIN, "/aasx/aasx-origin"), (THUMBNAIL, "/aasx/files/pump.png")),
        "aasx/aasx-origin": b"",
        "aasx/_rels/aasx-origin.rels": relationships((SPEC, f"/{name}")),
        name: xml() if spec is None else spec,
        f"aasx/_rels/{name.rpartition('/')[2]}.rels": relationships((SUPPLEMENT, "/aasx/files/manual.pdf")),
        "aasx/files/manual.pdf": MANUAL, "aasx/files/pump.png": PICTURE,
    }


def aas4j():
    """As the serializer of AAS4J (BaSyx Java, FA3ST) writes: all relationships External, XML with a prefix."""
    mode = ' TargetMode="External"'
    text = xml().decode().replace("</", "<\0").replace("<", "<aas:").replace("<aas:\0", "</aas:")
    text = text.replace("<aas:?", "<?")
    text = text.replace(" xmlns=", ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
                                   'xsi:schemaLocation="https://admin-shell.io/aas/3/0 AAS.xsd" xmlns:aas=')
    return packed({
        "[Content_Types].xml": types(**{"/aasx/aasx-origin": "text/plain", "/aasx/xml/content.xml": "application/xml",
                                        "/aasx/files/manual.pdf": "application/pdf"}),
        "_rels/.rels": relationships((ORIGIN, "/aasx/aasx-origin"), (THUMBNAIL, "/aasx/files/pump.png"), mode=mode),
        "aasx/aasx-origin": b"Intentionally empty.",
        "aasx/_rels/aasx-origin.rels": relationships((SPEC, "/aasx/xml/content.xml"), mode=mode),
        "aasx/xml/content.xml": text.encode(),
        "aasx/xml/_rels/content.xml.rels": relationships((SUPPLEMENT, "/aasx/files/manual.pdf"), mode=mode),
        "aasx/files/manual.pdf": MANUAL, "aasx/files/pump.png": PICTURE})


def explorer():
    """As the package explorer and the AASX server write: older URIs, a folder by the shell's name, indented XML."""
    www = "http://www.admin-shell.io/aasx/relationships/"
    text = xml().decode().replace("><", ">\r\n  <").replace("<value>\r\n  </value>", "<value></value>")
    return packed({
        "aasx/aasx-origin": b"Intentionally empty.", "aasx/files/pump.png": PICTURE, "aasx/files/manual.pdf": MANUAL,
        "aasx/Pump/Pump.aas.xml": b"\xef\xbb\xbf" + text.encode(),
        "aasx/Pump/_rels/Pump.aas.xml.rels": relationships((www + "aas-suppl", "/aasx/files/manual.pdf")),
        "aasx/_rels/aasx-origin.rels": relationships((www + "aas-spec", "/aasx/Pump/Pump.aas.xml")),
        "_rels/.rels": relationships((www + "aasx-origin", "/aasx/aasx-origin"), (THUMBNAIL, "/aasx/files/pump.png")),
        "[Content_Types].xml": types(**{"/aasx/files/manual.pdf": "application/pdf"})})


def basyx():
    """As the BaSyx Python SDK writes: names without escapes, properties, a ``file:`` address."""
    text = xml().decode().replace("/aasx/files/pump.png", "file:///aasx/files/pump.png")
    parts = plain(text.encode())
    parts["_rels/.rels"] = relationships((ORIGIN, "/aasx/aasx-origin"), (CORE, "/docProps/core.xml"))
    return packed({**parts, "docProps/core.xml": b"<coreProperties/>"})


def opened(data, name="pump.aasx", **limits):
    """(documents, findings by (grade, code), package) of ``data``."""
    package = Package(io.BytesIO(data), name, **limits)
    found = list(package.documents())
    codes = [(one.grade, one.code) for one in package.findings.report().findings]
    return found, codes, package


def bodies(found):
    return [one.document.body for one in found]

