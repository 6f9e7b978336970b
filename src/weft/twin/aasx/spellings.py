"""The words of the metamodel, and how tools and older versions spell them.

IDTA-01001 v3.1 §5.3 (enumerations). Rule 1: a word is put right only where one word alone can be meant.
"""

from collections.abc import Mapping
from typing import Final

from weft.twin.xml.shape import ELEMENTS, model_type

_ABSTRACT: Final = ("DataElement", "EventElement", "SubmodelElement")
_ELEMENT_KINDS: Final = (*map(model_type, sorted(ELEMENTS)), *_ABSTRACT)
IDENTIFIABLE_KEYS: Final = frozenset({"AssetAdministrationShell", "ConceptDescription", "Submodel", "Identifiable"})
GLOBAL_KEYS: Final = frozenset({"GlobalReference", "FragmentReference"})
_TYPES: Final = (
    "anyURI base64Binary boolean byte date dateTime decimal double duration float gDay gMonth gMonthDay gYear "
    "gYearMonth hexBinary int integer long negativeInteger nonNegativeInteger nonPositiveInteger positiveInteger short "
    "string time unsignedByte unsignedInt unsignedLong unsignedShort")
VALUE_TYPES: Final = tuple(f"xs:{one}" for one in _TYPES.split())
# Types that older versions had and this one has not: each value of them is one of the type named here.
_GONE: Final[Mapping[str, str]] = {
    "datetimestamp": "xs:dateTime", "daytimeduration": "xs:duration", "yearmonthduration": "xs:duration",
    **dict.fromkeys(("entity", "id", "idref", "ncname", "nmtoken", "name", "notation", "qname", "normalizedstring",
                     "token", "language", "langstring", "text", "rational", "real"), "xs:string"),
    "bool": "xs:boolean", "number": "xs:decimal", "url": "xs:anyURI", "uri": "xs:anyURI"}

_WORDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("submodel", "kind"): ("Instance", "Template"),
    ("qualifier", "kind"): ("ValueQualifier", "ConceptQualifier", "TemplateQualifier"),
    ("assetInformation", "assetKind"): ("Instance", "Type", "Role", "NotApplicable"),
    ("entity", "entityType"): ("CoManagedEntity", "SelfManagedEntity"),
    ("reference", "type"): ("ExternalReference", "ModelReference"),
    ("key", "type"): (*_ELEMENT_KINDS, *sorted(IDENTIFIABLE_KEYS), *sorted(GLOBAL_KEYS), "Referable"),
    ("submodelElementList", "typeValueListElement"): _ELEMENT_KINDS,
    ("basicEventElement", "direction"): ("input", "output"),
    ("basicEventElement", "state"): ("on", "off"),
    ("dataSpecificationIec61360", "dataType"): tuple(
        "DATE STRING STRING_TRANSLATABLE INTEGER_MEASURE INTEGER_COUNT INTEGER_CURRENCY REAL_MEASURE REAL_COUNT "
        "REAL_CURRENCY BOOLEAN IRI IRDI RATIONAL RATIONAL_MEASURE TIME TIMESTAMP FILE HTML BLOB".split()),
    ("property", "valueType"): VALUE_TYPES, ("range", "valueType"): VALUE_TYPES,
    ("qualifier", "valueType"): VALUE_TYPES, ("extension", "valueType"): VALUE_TYPES,
    ("submodelElementList", "valueTypeListElement"): VALUE_TYPES,
}
# Words of older versions; what has no new word stays as it is.
_OLD: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("submodel", "kind"): {"type": "Template"},
    ("reference", "type"): {"globalreference": "ExternalReference"},
    ("key", "type"): {"asset": "GlobalReference", "conceptdictionary": "GlobalReference", "view": "GlobalReference",
                      "basicevent": "BasicEventElement", "event": "EventElement", "fragmentid": "FragmentReference"},
    ("dataSpecificationIec61360", "dataType"): {
        "url": "IRI", "real": "REAL_MEASURE", "integer": "INTEGER_MEASURE", "float": "REAL_MEASURE",
        "double": "REAL_MEASURE", "int": "INTEGER_MEASURE", "bool": "BOOLEAN", "datetime": "TIMESTAMP",
        "text": "STRING", "langstring": "STRING_TRANSLATABLE"},
}


def _plain(word: str) -> str:
    word = word.strip().casefold()
    return word.removeprefix("xsd:").removeprefix("xs:").replace("_", "").replace("-", "").replace(" ", "")


def _table(place: tuple[str, str], words: tuple[str, ...]) -> dict[str, str]:
    old = _GONE if words is VALUE_TYPES else _OLD.get(place, {})
    return {**old, **{_plain(word): word for word in words}}


_MEANT: Final = {place: (frozenset(words), _table(place, words)) for place, words in _WORDS.items()}


def meant(tag: str, field: str, word: str) -> str:
    """The word of the model that ``word`` means in this field; itself when it is one, or when nothing is known."""
    known = _MEANT.get((tag, field))
    if known is None or word in known[0]:
        return word
    return known[1].get(_plain(word), word)


def enumerated(tag: str, field: str) -> bool:
    """Whether this field takes words of a list only."""
    return (tag, field) in _MEANT


def is_word(tag: str, field: str, word: str) -> bool:
    """Whether ``word`` is one of those that this field takes."""
    return (tag, field) not in _MEANT or word in _MEANT[tag, field][0]
