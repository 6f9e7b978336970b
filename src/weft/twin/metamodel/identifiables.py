"""Shells, concept descriptions, the environment, and what the API of registries describes them with.

IDTA-01001 v3.1.2 §5.3 (core classes), IDTA-01002 v3.1.2 §10 (descriptors, asset links, operation requests).
Not here: submodels (``elements.py``).
"""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from weft.twin.metamodel.elements import OperationVariable, Referable, SpecificAssetIds, Submodel
from weft.twin.metamodel.parts import (
    AdministrativeInformation,
    Extension,
    LangNames,
    LangTexts,
    Part,
    Reference,
    References,
    Resource,
    SpecificAssetId,
    Specifications,
)
from weft.twin.metamodel.words import (
    AssetKind,
    ExecutionState,
    Identifier,
    Label,
    Name,
    SecurityType,
    Text,
)

Href = Annotated[str, Meta(max_length=2048)]
Word = Annotated[str, Meta(max_length=128)]


class AssetInformation(Part, frozen=True, kw_only=True):
    """Which asset it is."""

    asset_kind: AssetKind
    global_asset_id: Identifier | UnsetType = UNSET
    specific_asset_ids: SpecificAssetIds | UnsetType = UNSET
    asset_type: Identifier | UnsetType = UNSET
    default_thumbnail: Resource | UnsetType = UNSET


class AssetAdministrationShell(Referable, frozen=True, kw_only=True, tag="AssetAdministrationShell"):
    """The twin of an asset: who it is, and which submodels tell about it."""

    administration: AdministrativeInformation | UnsetType = UNSET
    id: Identifier
    embedded_data_specifications: Specifications | UnsetType = UNSET
    derived_from: Reference | UnsetType = UNSET
    asset_information: AssetInformation
    submodels: References | UnsetType = UNSET


class ConceptDescription(Referable, frozen=True, kw_only=True, tag="ConceptDescription"):
    """What a semantic id means."""

    administration: AdministrativeInformation | UnsetType = UNSET
    id: Identifier
    embedded_data_specifications: Specifications | UnsetType = UNSET
    is_case_of: References | UnsetType = UNSET


class Environment(Part, frozen=True, kw_only=True):
    """Shells, submodels and concept descriptions in one document."""

    asset_administration_shells: Annotated[list[AssetAdministrationShell], Meta(min_length=1)] | UnsetType = UNSET
    submodels: Annotated[list[Submodel], Meta(min_length=1)] | UnsetType = UNSET
    concept_descriptions: Annotated[list[ConceptDescription], Meta(min_length=1)] | UnsetType = UNSET


class SecurityAttribute(Part, frozen=True, kw_only=True, gc=False):
    """How an endpoint is secured."""

    type: SecurityType
    key: str
    value: str


class ProtocolInformation(Part, frozen=True, kw_only=True):
    """Where and how an endpoint is reached."""

    href: Href
    endpoint_protocol: Word | UnsetType = UNSET
    endpoint_protocol_version: list[Word] | UnsetType = UNSET
    subprotocol: Word | UnsetType = UNSET
    subprotocol_body: Href | UnsetType = UNSET
    subprotocol_body_encoding: Word | UnsetType = UNSET
    security_attributes: Annotated[list[SecurityAttribute], Meta(min_length=1)] | UnsetType = UNSET


class Endpoint(Part, frozen=True, kw_only=True):
    """One way to a twin."""

    interface: Word
    protocol_information: ProtocolInformation


class Descriptor(Part, frozen=True, kw_only=True):
    """What both descriptors have."""

    description: LangTexts | UnsetType = UNSET
    display_name: LangNames | UnsetType = UNSET
    extensions: Annotated[list[Extension], Meta(min_length=1)] | UnsetType = UNSET


class SubmodelDescriptor(Descriptor, frozen=True, kw_only=True):
    """Where a submodel is found."""

    administration: AdministrativeInformation | UnsetType = UNSET
    id_short: Name | UnsetType = UNSET
    id: Identifier
    semantic_id: Reference | UnsetType = UNSET
    supplemental_semantic_ids: References | UnsetType = UNSET
    endpoints: Annotated[list[Endpoint], Meta(min_length=1)]


class AssetAdministrationShellDescriptor(Descriptor, frozen=True, kw_only=True):
    """Where a shell is found."""

    administration: AdministrativeInformation | UnsetType = UNSET
    asset_kind: AssetKind | UnsetType = UNSET
    asset_type: Identifier | UnsetType = UNSET
    endpoints: Annotated[list[Endpoint], Meta(min_length=1)] | UnsetType = UNSET
    global_asset_id: Identifier | UnsetType = UNSET
    id_short: Name | UnsetType = UNSET
    id: Identifier
    specific_asset_ids: list[SpecificAssetId] | UnsetType = UNSET
    submodel_descriptors: list[SubmodelDescriptor] | UnsetType = UNSET


class AssetLink(Part, frozen=True, kw_only=True, gc=False):
    """One name of an asset, as discovery asks for it."""

    name: Label
    value: Identifier


class PackageDescription(Part, frozen=True, kw_only=True):
    """A package and the shells within it."""

    aas_ids: list[Identifier] | UnsetType = UNSET
    package_id: Name | UnsetType = UNSET


class OperationRequest(Part, frozen=True, kw_only=True):
    """What an operation is invoked with."""

    inoutput_arguments: list[OperationVariable] | UnsetType = UNSET
    input_arguments: list[OperationVariable] | UnsetType = UNSET
    client_timeout_duration: Text | UnsetType = UNSET


class OperationRequestValueOnly(Part, frozen=True, kw_only=True):
    """The same with arguments in value-only form, by idShort."""

    inoutput_arguments: dict[str, Any] | UnsetType = UNSET
    input_arguments: dict[str, Any] | UnsetType = UNSET
    client_timeout_duration: Text | UnsetType = UNSET


class OperationResult(Part, frozen=True, kw_only=True):
    """What an operation gave back."""

    execution_state: ExecutionState | UnsetType = UNSET
    success: bool | UnsetType = UNSET
    inoutput_arguments: list[OperationVariable] | UnsetType = UNSET
    output_arguments: list[OperationVariable] | UnsetType = UNSET
