"""What elements and identifiables are made of: references, qualifiers, extensions, texts, data specifications.

IDTA-01001 v3.1.2 §5.3, IDTA-01003-a v3.1 (IEC 61360), JSON mapping.
Rule 1: the order of fields is the metamodel's (its XML schema's): it is the order of the canonical bytes.
Rule 2: what is absent is UNSET and is not written; ``null`` is no value of any field.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from weft.twin.metamodel.words import (
    ContentType,
    Identifier,
    Iec61360Type,
    KeyType,
    Label,
    Locator,
    Name,
    QualifierKind,
    ReferenceType,
    Short,
    Text,
    Topic,
    ValueType,
)


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"):
    """Base of all classes of the metamodel."""


class Key(Part, frozen=True, kw_only=True, gc=False):
    """One step of a reference."""

    type: KeyType
    value: Identifier


class Reference(Part, frozen=True, kw_only=True):
    """A reference into a model, or to something outside."""

    type: ReferenceType
    referred_semantic_id: "Reference | UnsetType" = UNSET
    keys: Annotated[list[Key], Meta(min_length=1)]


References = Annotated[list[Reference], Meta(min_length=1)]


class LangName(Part, frozen=True, kw_only=True, gc=False):
    """A displayName in one language."""

    language: str
    text: Name


class LangText(Part, frozen=True, kw_only=True, gc=False):
    """A description in one language."""

    language: str
    text: Annotated[str, Meta(min_length=1, max_length=1023)]


class LangPreferred(Part, frozen=True, kw_only=True, gc=False):
    """A preferred name of IEC 61360 in one language."""

    language: str
    text: Annotated[str, Meta(min_length=1, max_length=255)]


class LangShort(Part, frozen=True, kw_only=True, gc=False):
    """A short name of IEC 61360 in one language."""

    language: str
    text: Annotated[str, Meta(min_length=1, max_length=18)]


LangNames = Annotated[list[LangName], Meta(min_length=1)]
LangTexts = Annotated[list[LangText], Meta(min_length=1)]


class Semantic(Part, frozen=True, kw_only=True):
    """HasSemantics, where it comes first."""

    semantic_id: Reference | UnsetType = UNSET
    supplemental_semantic_ids: References | UnsetType = UNSET


class Extension(Semantic, frozen=True, kw_only=True):
    """A proprietary attribute."""

    name: Name
    value_type: ValueType | UnsetType = UNSET
    value: str | UnsetType = UNSET
    refers_to: References | UnsetType = UNSET


class Qualifier(Semantic, frozen=True, kw_only=True):
    """A statement that qualifies an element."""

    kind: QualifierKind | UnsetType = UNSET
    type: Name
    value_type: ValueType
    value: str | UnsetType = UNSET
    value_id: Reference | UnsetType = UNSET


class SpecificAssetId(Semantic, frozen=True, kw_only=True):
    """A further name of an asset."""

    name: Label
    value: Identifier
    external_subject_id: Reference | UnsetType = UNSET


class ValueReferencePair(Part, frozen=True, kw_only=True):
    """A value of a list with its meaning."""

    value: Identifier
    value_id: Reference | UnsetType = UNSET


class ValueList(Part, frozen=True, kw_only=True):
    """The values that are allowed."""

    value_reference_pairs: Annotated[list[ValueReferencePair], Meta(min_length=1)]


class LevelType(Part, frozen=True, kw_only=True, gc=False):
    """Which levels of a quantity are meant."""

    min: bool
    nom: bool
    typ: bool
    max: bool


class DataSpecificationIec61360(
    Part, frozen=True, kw_only=True, tag_field="modelType", tag="DataSpecificationIec61360",
):
    """A definition after IEC 61360."""

    preferred_name: Annotated[list[LangPreferred], Meta(min_length=1)]
    short_name: Annotated[list[LangShort], Meta(min_length=1)] | UnsetType = UNSET
    unit: Text | UnsetType = UNSET
    unit_id: Reference | UnsetType = UNSET
    source_of_definition: Text | UnsetType = UNSET
    symbol: Text | UnsetType = UNSET
    data_type: Iec61360Type | UnsetType = UNSET
    definition: LangTexts | UnsetType = UNSET
    value_format: Text | UnsetType = UNSET
    value_list: ValueList | UnsetType = UNSET
    value: Identifier | UnsetType = UNSET
    level_type: LevelType | UnsetType = UNSET


class EmbeddedDataSpecification(Part, frozen=True, kw_only=True):
    """A data specification with its content."""

    data_specification: Reference
    data_specification_content: DataSpecificationIec61360


Specifications = Annotated[list[EmbeddedDataSpecification], Meta(min_length=1)]


class AdministrativeInformation(Part, frozen=True, kw_only=True):
    """Version, revision and origin."""

    embedded_data_specifications: Specifications | UnsetType = UNSET
    version: Short | UnsetType = UNSET
    revision: Short | UnsetType = UNSET
    creator: Reference | UnsetType = UNSET
    template_id: Identifier | UnsetType = UNSET


class Resource(Part, frozen=True, kw_only=True, gc=False):
    """A thumbnail: where it lies and what it is."""

    path: Locator
    content_type: ContentType | UnsetType = UNSET


class EventPayload(Part, frozen=True, kw_only=True):
    """What an event tells."""

    source: Reference
    source_semantic_id: Reference | UnsetType = UNSET
    observable_reference: Reference
    observable_semantic_id: Reference | UnsetType = UNSET
    topic: Topic | UnsetType = UNSET
    subject_id: Reference | UnsetType = UNSET
    time_stamp: Text
    payload: str | UnsetType = UNSET
