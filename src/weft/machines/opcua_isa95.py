"""The data types of ISA-95 job control as they travel: job orders, their states, responses; both ways in binary.

OPC 10031-4 (ISA-95 Job Control 2.0.0) §6.3; ids of the published nodeset. They are written down here, because what a
server's own types would be read into is shared by all servers of a process, whose namespaces are numbered differently.
Rule 1: what a machine sends is read within the bounds of its bytes, or it is not understood at all.
Not here: methods and states in use (``opcua_jobs``).
"""

from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

URI: Final = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
RECEIVER_TYPES: Final = (1002, 1008)  # ISA95JobOrderReceiverObjectType, and the one with substates
PROVIDER_TYPE: Final = 1003
JOB_ORDER: Final = 5014  # Default Binary of each
JOB_RESPONSE: Final = 5026
JOB_AND_STATE: Final = 5032


@dataclass
class Property:
    """ISA95PropertyDataType."""

    Encoding: ua.UInt32 = field(default=0, repr=False, init=False, compare=False)  # which optional fields follow
    ID: ua.String = None
    Value: ua.Variant = field(default_factory=ua.Variant)
    Description: list[ua.LocalizedText] | None = None
    EngineeringUnits: ua.EUInformation | None = None
    Subproperties: list["Property"] | None = None


@dataclass
class Parameter:
    """ISA95ParameterDataType: one named value."""

    Encoding: ua.UInt32 = field(default=0, repr=False, init=False, compare=False)  # which optional fields follow
    ID: ua.String = None
    Value: ua.Variant = field(default_factory=ua.Variant)
    Description: list[ua.LocalizedText] | None = None
    EngineeringUnits: ua.EUInformation | None = None
    Subparameters: list["Parameter"] | None = None


@dataclass
class WorkMaster:
    """ISA95WorkMasterDataType: the program."""

    Encoding: ua.UInt32 = field(default=0, repr=False, init=False, compare=False)  # which optional fields follow
    ID: ua.String = None
    Description: ua.LocalizedText | None = None
    Parameters: list[Parameter] | None = None


@dataclass
class State:
    """ISA95StateDataType."""

    BrowsePath: ua.RelativePath = field(default_factory=ua.RelativePath)
    StateText: ua.LocalizedText = field(default_factory=ua.LocalizedText)
    StateNumber: ua.UInt32 = 0


@dataclass
class Material:
    """ISA95MaterialDataType."""

    Encoding: ua.UInt32 = field(default=0, repr=False, init=False, compare=False)  # which optional fields follow
    MaterialClassID: ua.String | None = None
    MaterialDefinitionID: ua.String | None = None
    MaterialLotID: ua.String | None = None
    MaterialSublotID: ua.String | None = None
    Description: list[ua.LocalizedText] | None = None
    MaterialUse: ua.String | None = None
    Quantity: ua.String | None = None
    EngineeringUnits: ua.EUInformation | None = None
    Properties: list[Property] | None = None


@dataclass
class Resource:
    """ISA95PersonnelDataType, ISA95EquipmentDataType and ISA95PhysicalAssetDataType: they are laid out alike."""

    Encoding: ua.UInt32 = field(default=0, repr=False, init=False, compare=False)  # which optional fields follow
    ID: ua.String = None
    Description: list[ua.LocalizedText] | None = None
    Use: ua.String | None = None
    Quantity: ua.String | None = None
    EngineeringUnits: ua.EUInformation | None = None
    Properties: list[Property] | None = None


@dataclass
class JobOrder:
    """ISA95JobOrderDataType."""

    Encoding: ua.UInt32 = field(default=0, repr=False, init=False, compare=False)  # which optional fields follow
    JobOrderID: ua.String = None
    Description: list[ua.LocalizedText] | None = None
    WorkMasterID: list[WorkMaster] | None = None
    StartTime: ua.DateTime | None = None
    EndTime: ua.DateTime | None = None
    Priority: ua.Int16 | None = None
    JobOrderParameters: list[Parameter] | None = None
    PersonnelRequirements: list[Resource] | None = None
    EquipmentRequirements: list[Resource] | None = None
    PhysicalAssetRequirements: list[Resource] | None = None
    MaterialRequirements: list[Material] | None = None


@dataclass
class JobAndState:
    """ISA95JobOrderAndStateDataType: the first state is the topmost, others are below it."""

    JobOrder: "JobOrder" = field(default_factory=lambda: JobOrder())  # noqa: PLW0108 - the name is the field's here
    State: list["State"] = field(default_factory=list)


@dataclass
class JobResponse:
    """ISA95JobResponseDataType."""

    Encoding: ua.UInt32 = field(default=0, repr=False, init=False, compare=False)  # which optional fields follow
    JobResponseID: ua.String = None
    Description: ua.LocalizedText | None = None
    JobOrderID: ua.String = None
    StartTime: ua.DateTime | None = None
    EndTime: ua.DateTime | None = None
    JobState: list[State] = field(default_factory=list)
    JobResponseData: list[Parameter] | None = None
    PersonnelActuals: list[Resource] | None = None
    EquipmentActuals: list[Resource] | None = None
    PhysicalAssetActuals: list[Resource] | None = None
    MaterialActuals: list[Material] | None = None


def unpacked(given: Any, kind: type, encoding: int, namespace: int) -> Any:
    """The ``kind`` that extension object ``given`` carries; None when it is something else or cannot be read."""
    if not isinstance(given, ua.ExtensionObject) or given.Body is None:
        return None
    if (given.TypeId.NamespaceIndex, given.TypeId.Identifier) != (namespace, encoding):
        return None
    try:
        return struct_from_binary(kind, ua.utils.Buffer(given.Body))
    except (ua.UaError, ValueError, IndexError, TypeError):
        return None


def packed(given: Any, encoding: int, namespace: int) -> ua.ExtensionObject:
    """``given`` as an extension object."""
    return ua.ExtensionObject(TypeId=ua.NodeId(encoding, namespace), Body=struct_to_binary(given))
