"""The closed vocabularies of the metamodel and its texts of bounded length, as types that a decoder checks.

IDTA-01001 v3.1.2 §5.3 (data types, enumerations). Where 3.0 is narrower, ``versions.py`` says so.
Rule 1: a text stays as it was written: no type here converts.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta

IDENTIFIER_MAX: Final = 2048
NAME_MAX: Final = 128

Text = Annotated[str, Meta(min_length=1)]
Identifier = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Short = Annotated[str, Meta(min_length=1, max_length=4)]
Topic = Annotated[str, Meta(min_length=1, max_length=255)]
Locator = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_MAX)]
ContentType = Annotated[str, Meta(min_length=1, max_length=128)]

ElementKind = Literal[
    "AnnotatedRelationshipElement", "BasicEventElement", "Blob", "Capability", "DataElement", "Entity", "EventElement",
    "File", "MultiLanguageProperty", "Operation", "Property", "Range", "ReferenceElement", "RelationshipElement",
    "SubmodelElement", "SubmodelElementList", "SubmodelElementCollection",
]
KeyType = Literal[
    "AnnotatedRelationshipElement", "AssetAdministrationShell", "BasicEventElement", "Blob", "Capability",
    "ConceptDescription", "DataElement", "Entity", "EventElement", "File", "FragmentReference", "GlobalReference",
    "Identifiable", "MultiLanguageProperty", "Operation", "Property", "Range", "Referable", "ReferenceElement",
    "RelationshipElement", "Submodel", "SubmodelElement", "SubmodelElementCollection", "SubmodelElementList",
]
ReferenceType = Literal["ExternalReference", "ModelReference"]
ValueType = Literal[
    "xs:anyURI", "xs:base64Binary", "xs:boolean", "xs:byte", "xs:date", "xs:dateTime", "xs:decimal", "xs:double",
    "xs:duration", "xs:float", "xs:gDay", "xs:gMonth", "xs:gMonthDay", "xs:gYear", "xs:gYearMonth", "xs:hexBinary",
    "xs:int", "xs:integer", "xs:long", "xs:negativeInteger", "xs:nonNegativeInteger", "xs:nonPositiveInteger",
    "xs:positiveInteger", "xs:short", "xs:string", "xs:time", "xs:unsignedByte", "xs:unsignedInt", "xs:unsignedLong",
    "xs:unsignedShort",
]
Iec61360Type = Literal[
    "DATE", "STRING", "STRING_TRANSLATABLE", "INTEGER_MEASURE", "INTEGER_COUNT", "INTEGER_CURRENCY", "REAL_MEASURE",
    "REAL_COUNT", "REAL_CURRENCY", "BOOLEAN", "IRI", "IRDI", "RATIONAL", "RATIONAL_MEASURE", "TIME", "TIMESTAMP",
    "FILE", "HTML", "BLOB",
]
AssetKind = Literal["Type", "Instance", "Role", "NotApplicable"]
ModellingKind = Literal["Template", "Instance"]
QualifierKind = Literal["ValueQualifier", "ConceptQualifier", "TemplateQualifier"]
EntityType = Literal["CoManagedEntity", "SelfManagedEntity"]
Direction = Literal["input", "output"]
EventState = Literal["on", "off"]
ExecutionState = Literal["Initiated", "Running", "Completed", "Canceled", "Failed", "Timeout"]
SecurityType = Literal["NONE", "RFC_TLSA", "W3C_DID"]
