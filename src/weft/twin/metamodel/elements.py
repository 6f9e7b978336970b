"""Submodels and all their elements as structs, told apart by ``modelType``.

IDTA-01001 v3.1.2 §5.3.7, §5.3.8, JSON mapping; fields that 3.1 made optional are optional.
Not here: what must hold between fields, siblings and parents (``judge.py``).
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from weft.twin.metamodel.parts import (
    AdministrativeInformation,
    Extension,
    LangNames,
    LangTexts,
    Part,
    Qualifier,
    Reference,
    References,
    SpecificAssetId,
    Specifications,
)
from weft.twin.metamodel.words import (
    ContentType,
    Direction,
    ElementKind,
    EntityType,
    EventState,
    Identifier,
    Locator,
    ModellingKind,
    Name,
    Text,
    Topic,
    ValueType,
)

SpecificAssetIds = Annotated[list[SpecificAssetId], Meta(min_length=1)]


class Referable(Part, frozen=True, kw_only=True, tag_field="modelType"):
    """What has an idShort."""

    extensions: Annotated[list[Extension], Meta(min_length=1)] | UnsetType = UNSET
    category: Name | UnsetType = UNSET
    id_short: Name | UnsetType = UNSET
    display_name: LangNames | UnsetType = UNSET
    description: LangTexts | UnsetType = UNSET


class Element(Referable, frozen=True, kw_only=True):
    """What all submodel elements have."""

    semantic_id: Reference | UnsetType = UNSET
    supplemental_semantic_ids: References | UnsetType = UNSET
    qualifiers: Annotated[list[Qualifier], Meta(min_length=1)] | UnsetType = UNSET
    embedded_data_specifications: Specifications | UnsetType = UNSET


class Property(Element, frozen=True, kw_only=True, tag="Property"):
    """One value."""

    value_type: ValueType
    value: str | UnsetType = UNSET
    value_id: Reference | UnsetType = UNSET


class MultiLanguageProperty(Element, frozen=True, kw_only=True, tag="MultiLanguageProperty"):
    """One text in several languages."""

    value: LangTexts | UnsetType = UNSET
    value_id: Reference | UnsetType = UNSET


class Range(Element, frozen=True, kw_only=True, tag="Range"):
    """From min to max; an end that is absent is open."""

    value_type: ValueType
    min: str | UnsetType = UNSET
    max: str | UnsetType = UNSET


class ReferenceElement(Element, frozen=True, kw_only=True, tag="ReferenceElement"):
    """A reference."""

    value: Reference | UnsetType = UNSET


class Blob(Element, frozen=True, kw_only=True, tag="Blob"):
    """Bytes, as base64."""

    value: str | UnsetType = UNSET
    content_type: ContentType | UnsetType = UNSET


class File(Element, frozen=True, kw_only=True, tag="File"):
    """The address of a file."""

    value: Locator | UnsetType = UNSET
    content_type: ContentType | UnsetType = UNSET


class RelationshipElement(Element, frozen=True, kw_only=True, tag="RelationshipElement"):
    """From one thing to another."""

    first: Reference | UnsetType = UNSET
    second: Reference | UnsetType = UNSET


class AnnotatedRelationshipElement(Element, frozen=True, kw_only=True, tag="AnnotatedRelationshipElement"):
    """A relationship with data of its own."""

    first: Reference | UnsetType = UNSET
    second: Reference | UnsetType = UNSET
    annotations: "Annotated[list[AnyDataElement], Meta(min_length=1)] | UnsetType" = UNSET


class Entity(Element, frozen=True, kw_only=True, tag="Entity"):
    """A thing, perhaps an asset of its own."""

    statements: "Elements | UnsetType" = UNSET
    entity_type: EntityType | UnsetType = UNSET
    global_asset_id: Identifier | UnsetType = UNSET
    specific_asset_ids: SpecificAssetIds | UnsetType = UNSET


class BasicEventElement(Element, frozen=True, kw_only=True, tag="BasicEventElement"):
    """What is observed, and how it is told."""

    observed: Reference
    direction: Direction
    state: EventState
    message_topic: Topic | UnsetType = UNSET
    message_broker: Reference | UnsetType = UNSET
    last_update: Text | UnsetType = UNSET
    min_interval: Text | UnsetType = UNSET
    max_interval: Text | UnsetType = UNSET


class Capability(Element, frozen=True, kw_only=True, tag="Capability"):
    """What an asset is able to do."""


class OperationVariable(Part, frozen=True, kw_only=True):
    """One argument of an operation."""

    value: "AnyElement"


Variables = Annotated[list[OperationVariable], Meta(min_length=1)]


class Operation(Element, frozen=True, kw_only=True, tag="Operation"):
    """What may be invoked."""

    input_variables: Variables | UnsetType = UNSET
    output_variables: Variables | UnsetType = UNSET
    inoutput_variables: Variables | UnsetType = UNSET


class SubmodelElementCollection(Element, frozen=True, kw_only=True, tag="SubmodelElementCollection"):
    """Elements by idShort."""

    value: "Elements | UnsetType" = UNSET


class SubmodelElementList(Element, frozen=True, kw_only=True, tag="SubmodelElementList"):
    """Elements of one kind, by their place."""

    order_relevant: bool | UnsetType = UNSET
    semantic_id_list_element: Reference | UnsetType = UNSET
    type_value_list_element: ElementKind
    value_type_list_element: ValueType | UnsetType = UNSET
    value: "Elements | UnsetType" = UNSET


AnyDataElement = Blob | File | MultiLanguageProperty | Property | Range | ReferenceElement
AnyElement = (
    AnnotatedRelationshipElement | BasicEventElement | Blob | Capability | Entity | File | MultiLanguageProperty
    | Operation | Property | Range | ReferenceElement | RelationshipElement | SubmodelElementCollection
    | SubmodelElementList
)
Elements = Annotated[list[AnyElement], Meta(min_length=1)]


class Submodel(Referable, frozen=True, kw_only=True, tag="Submodel"):
    """One aspect of an asset."""

    administration: AdministrativeInformation | UnsetType = UNSET
    id: Identifier
    kind: ModellingKind | UnsetType = UNSET
    semantic_id: Reference | UnsetType = UNSET
    supplemental_semantic_ids: References | UnsetType = UNSET
    qualifiers: Annotated[list[Qualifier], Meta(min_length=1)] | UnsetType = UNSET
    embedded_data_specifications: Specifications | UnsetType = UNSET
    submodel_elements: Elements | UnsetType = UNSET
