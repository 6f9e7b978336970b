"""What five templates make mandatory, written down for machines that have not the files which IDTA publishes.

After IDTA 02002-1-0-1, 02004-2-0-1, 02031-1, 02031-2 and 02050-1-0 (Industrial Digital Twin Association, CC BY 4.0);
they are compared with the published files where there are any. A line: idShort, kind[:type], cardinality, semantic id;
``~/`` is the text before the lines, depth is indentation.
"""

LONG = {"SMC": "SubmodelElementCollection", "SML": "SubmodelElementList"}
OUTLINES = {
    "AssetInterfacesMappingRelations": (
        "https://admin-shell.io/idta/AssetInterfacesMappingConfiguration/1/0/Submodel",
        "https://admin-shell.io/idta/AssetInterfacesMappingConfiguration/1/0/", """
MappingConfigurations SML:SMC One ~/MappingConfigurations
  - SMC ZeroToMany ~/MappingConfiguration
    InterfaceReference ReferenceElement One ~/InterfaceReference
    MappingSourceSinkRelations SML:RelationshipElement One ~/MappingSourceSinkRelations
      - RelationshipElement ZeroToMany ~/MappingSourceSinkRelation
"""),
    "ContactInformations": (
        "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations",
        "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/", """
ContactInformation SMC OneToMany ~/ContactInformation
  Phone SMC ZeroToOne ~/ContactInformation/Phone
    TelephoneNumber MultiLanguageProperty One 0173-1#02-AAO136#002
  Email SMC ZeroToOne 0173-1#02-AAQ836#005
    EmailAddress Property:xs:string One 0173-1#02-AAO198#002
"""),
    "ExecutedProcesses": (
        "https://admin-shell.io/idta/ExecutedProcesses/1/0",
        "https://admin-shell.io/idta/", """
Run__00__ SMC OneToMany ~/ExecutedProcesses/Run/1/0
  RunResult Property:xs:string One ~/ExecutedProcesses/RunResult/1/0
  Process__00__ SMC ZeroToMany ~/ExecutedProcesses/Process/1/0
    ProcessId Property:xs:string One ~/ProcessParameters/ProcessId/1/0
    ProcessName Property:xs:string One ~/ProcessParameters/ProcessName/1/0
    ProcessDescription MultiLanguageProperty One ~/ProcessParameters/ProcessDescription/1/0
    PlannedProcessTime Property:xs:duration One ~/ProcessParameters/PlannedProcessTime/1/0
    ProductParameters SMC One ~/ProcessParameters/ProductParameters/1/0
    ProcessParameters SMC One ~/ProcessParameters/ProcessParameters/1/0
    ResourceParameters SMC One ~/ProcessParameters/ResourceParameters/1/0
    ProcessBoM SMC One ~/ProcessParameters/ProcessBoM/1/0
    ProcessStatus Property:xs:string One ~/ExecutedProcesses/ProcessStatus/1/0
    ProcessResult Property:xs:string One ~/ExecutedProcesses/ProcessResult/1/0
    OperatorRole Property:xs:string ZeroToOne ~/ExecutedProcesses/OperatorRole/1/0
    ProcessStartTime Property:xs:string One ~/ExecutedProcesses/ProcessStartTime/1/0
    ProcessEndTime Property:xs:string One ~/ExecutedProcesses/ProcessEndTime/1/0
    ProcessStages SMC One ~/ExecutedProcesses/ProcessStages/1/0
      ProcessStage__00__ SMC ZeroToMany ~/ExecutedProcesses/ProcessStage/1/0
        StageId Property:xs:string One ~/ExecutedProcesses/ProcessStage/StageId/1/0
        StartTime Property:xs:string One ~/ExecutedProcesses/ProcessStage/StartTime/1/0
        EndTime Property:xs:string One ~/ExecutedProcesses/ProcessStage/EndTime/1/0
        Result Property:xs:string One ~/ExecutedProcesses/ProcessStage/Result/1/0
    ProcessErrors SMC One ~/ExecutedProcesses/ProcessErrors/1/0
      ProcessError__00__ SMC ZeroToMany ~/ExecutedProcesses/ProcessError/1/0
        ErrorCode Property:xs:string One ~/ExecutedProcesses/ProcessError/ErrorCode/1/0
        ErrorDescription Property:xs:string One ~/ExecutedProcesses/ProcessError/ErrorDescription/1/0
"""),
    "HandoverDocumentation": (
        "0173-1#01-AHF578#003",
        "0173-1#02-", """
Documents SML:SMC One ~/ABI500#003
  - SMC OneToMany ~/ABI500#003/0173-1#01-AHF579#003
    DocumentIds SML:SMC One ~/ABI501#003
      - SMC OneToMany ~/ABI501#003/0173-1#01-AHF580#003
        DocumentDomainId Property:xs:string One ~/ABH994#003
        DocumentIdentifier Property:xs:string One ~/AAO099#004
    DocumentClassifications SML:SMC One ~/ABI502#003
      - SMC OneToMany ~/ABI502#003/0173-1#01-AHF581#003
        ClassId Property:xs:string One ~/ABH996#003
        ClassName MultiLanguageProperty One ~/ABJ219#002
        ClassificationSystem Property:xs:string One ~/ABH997#003
    DocumentVersions SML:SMC One ~/ABI503#003
      - SMC OneToMany ~/ABI503#003/0173-1#01-AHF582#003
        Language SML:Property One ~/AAN468#008
          - Property:xs:string OneToMany ~/AAN468#008
        Version Property:xs:string One ~/AAP003#005
        Title MultiLanguageProperty One ~/ABG940#003
        Description MultiLanguageProperty One ~/AAN466#004
        StatusSetDate Property:xs:date One ~/ABI000#003
        StatusValue Property:xs:string One ~/ABI001#003
        OrganizationShortName Property:xs:string One https://api.eclass-cdp.com/0173-1-02-ABI002-003
        OrganizationOfficialName Property:xs:string One ~/ABI004#003
        DigitalFiles SML:File One ~/ABK126#002
          - File OneToMany ~/ABK126#002
"""),
    "ProcessParameters": (
        "https://admin-shell-io/idta/SubmodelTemplate/ProcessParameters/1/0",
        "https://admin-shell.io/idta/ProcessParameters/", """
Processes SMC One ~/Processes/1/0
  Process__00__ SMC ZeroToMany ~/Process/1/0
    ProcessId Property:xs:string One ~/ProcessId/1/0
    ProcessName Property:xs:string One ~/ProcessName/1/0
    ProcessDescription MultiLanguageProperty One ~/ProcessDescription/1/0
    PlannedProcessTime Property:xs:duration One ~/PlannedProcessTime/1/0
    ProductParameters SMC One ~/ProductParameters/1/0
    ProcessParameters SMC One ~/ProcessParameters/1/0
    ResourceParameters SMC One ~/ResourceParameters/1/0
    ProcessBoM SMC One ~/ProcessBoM/1/0
"""),
    "PurchaseOrder": (
        "https://admin-shell.io/idta/SubmodelTemplate/PurchaseOrder/1/0",
        "https://admin-shell.io/idta/PurchaseOrder/", """
PurchaseOrderInformation SMC One ~/PurchaseOrderInformation/1/0
  DocumentType Property:xs:string One ~/DocumentType/1/0
  BuyerPurchaseOrderNumber Property:xs:string One ~/BuyerPurchaseOrderNumber/1/0
  DocumentCreationDate Property:xs:date One ~/DocumentCreationDate/1/0
  DocumentUpdateDateTime Property:xs:dateTime One ~/DocumentUpdateDateTime/1/0
  PurchaseOrderType Property:xs:string One ~/PurchaseOrderType/1/0
  Currency Property:xs:string One ~/Currency/1/0
InvolvedParties SMC One ~/InvolvedParties/1/0
  PartyBuyer Entity One ~/PartyBuyer/1/0
    BuyerReferenceID Property:xs:string One ~/BuyerReferenceID/1/0
    OrganizationName1 Property:xs:string One ~/OrganizationName1/1/0
    AdditionalAddressline Property:xs:string One ~/AdditionalAddressline/1/0
    Street1 Property:xs:string One ~/Street1/1/0
    Zipcode Property:xs:string One ~/Zipcode/1/0
    CityTown Property:xs:string One ~/CityTown/1/0
    StateCountry Property:xs:string One ~/StateCountry/1/0
    NationalCode Property:xs:string One ~/NationalCode/1/0
    TelephoneNumber Property:xs:string One ~/TelephoneNumber/1/0
    EmailAddress Property:xs:string One ~/EmailAddress/1/0
ItemList SML:SMC One ~/ItemList/1/0
  - SMC OneToMany ~/Item/1/0
    ItemID Property:xs:string One ~/ItemID/1/0
    OrderQuantity Property:xs:double One ~/OrderQuantity/1/0
    OrderQuantityUnit Property:xs:string One ~/OrderQuantityUnit/1/0
    ProductDesignation Property:xs:string One ~/ProductDesignation/1/0
    ProductShortDescription Property:xs:string One ~/ProductShortDescription/1/0
    ProductDescription Property:xs:string One ~/ProductDescription/1/0
    ScopeOfDelivery Property:xs:string One ~/ScopeOfDelivery/1/0
    ProductPrice SMC One ~/ProductPrice/1/0
      Price Property:xs:double One ~/Price/1/0
      PriceUnitValue Property:xs:double One ~/PriceUnitValue/1/0
      PriceUnit Property:xs:integer One ~/PriceUnit/1/0
    DeliveryDateList SML:SMC One ~/DeliveryDateList/1/0
      - SMC OneToMany ~/DeliveryDate/1/0
"""),
}


def template(id_short):
    """The outline of ``id_short`` as a template file, or None."""
    if id_short not in OUTLINES:
        return None
    semantic, base, lines = OUTLINES[id_short]
    root = {"modelType": "Submodel", "kind": "Template", "id": "urn:outline", "idShort": id_short,
            "semanticId": _reference(semantic), "submodelElements": []}
    within = [root["submodelElements"]]
    for line in lines.strip().splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        element, inner = _element(*line.split(), base)
        within[depth].append(element)
        within[depth + 1:] = [inner]
    return {"submodels": [root]}


def _element(name, kind, cardinality, semantic, base):
    kind, _, type_ = kind.partition(":")
    kind = LONG.get(kind, kind)
    made = {"modelType": kind, "semanticId": _reference(semantic.replace("~/", base, 1)),
            "qualifiers": [{"type": "SMT/Cardinality", "valueType": "xs:string", "value": cardinality}]}
    if name != "-":
        made["idShort"] = name
    if type_:
        made["typeValueListElement" if kind == "SubmodelElementList" else "valueType"] = LONG.get(type_, type_)
    if (kind, type_) == ("SubmodelElementList", "Property"):
        made["valueTypeListElement"] = "xs:string"
    if kind in ("File", "Blob"):
        made["contentType"] = "application/pdf"
    inner = []
    if kind == "Entity":
        made |= {"entityType": "CoManagedEntity", "statements": inner}
    elif kind in LONG.values():
        made["value"] = inner
    return made, inner


def _reference(value):
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}
