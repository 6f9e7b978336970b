"""What FA³ST Service (1.4, its processor of AID and AIMC) looks for in the two submodels, found in ours.

Its steps are followed here as its sources take them: by semantic ids alone, references resolved in the environment.
Not here: FA³ST itself.
"""

import json

import pytest

from tests.twin.interfaces.things import ALL, OPC_UA
from weft.twin.templates import interfaces, mapping

SHELL = "urn:x:shell"
AID = "https://admin-shell.io/idta/AssetInterfacesDescription/1/0"
AIMC = "https://admin-shell.io/idta/AssetInterfacesMappingConfiguration"
KNOWN_BY = {"opc ua": "http://opcfoundation.org/UA/WoT-Binding/", "mqtt": "http://www.w3.org/2011/mqtt",
            "http": "http://www.w3.org/2011/http"}  # Modbus it does not read


def of(thing):
    """(AID, AIMC 1.0, AIMC 2.0) of ``thing``, as JSON."""
    described = interfaces.described("L1", json.dumps(thing))
    places = {name: mapping.Place(f"{SHELL}:OperationalData", (name,)) for name in thing["properties"]}
    mapped = mapping.Mapped(shell=SHELL, described=described, places=places)
    made = (interfaces.build(f"{SHELL}:AssetInterfacesDescription", described),
            mapping.Relations.build("urn:x:1", mapping.Related(mapped)), mapping.build("urn:x:2", mapped))
    return json.loads(json.dumps(made))


def key(element):
    return element["semanticId"]["keys"][0]["value"]


def resolve(element, *ids):
    """Elements down the path of semantic ids."""
    found = [element]
    for wanted in ids:
        found = [one for each in found for one in each.get("submodelElements", each.get("value", ()))
                 if key(one) == wanted]
    return found


def at(submodel, reference):
    """The element that a model reference leads to."""
    keys = reference["keys"]
    assert keys[0] == {"type": "Submodel", "value": submodel["id"]}
    found = submodel
    for one in keys[1:]:
        (found,) = [each for each in found.get("submodelElements", found.get("value", ()))
                    if each["idShort"] == one["value"]]
        assert found["modelType"] == one["type"]
    return found


@pytest.mark.parametrize("protocol", KNOWN_BY)
def test_the_relations_lead_from_the_interface_to_the_places(protocol):
    aid, relations, _ = of(ALL[protocol])
    (configuration,) = resolve(relations, f"{AIMC}/1/0/MappingConfigurations", f"{AIMC}/1/0/MappingConfiguration")
    (reference,) = resolve(configuration, f"{AIMC}/1/0/InterfaceReference")
    interface = at(aid, reference["value"])
    assert key(interface) == f"{AID}/Interface"
    assert KNOWN_BY[protocol] in [one["keys"][0]["value"] for one in interface["supplementalSemanticIds"]]
    pairs = resolve(configuration, f"{AIMC}/1/0/MappingSourceSinkRelations", f"{AIMC}/1/0/MappingSourceSinkRelation")
    assert len(pairs) == len(ALL[protocol]["properties"])
    for pair in pairs:
        source = at(aid, pair["first"])
        assert key(source) == f"{AID}/PropertyDefinition"
        (form,) = resolve(source, "https://www.w3.org/2019/wot/td#hasForm")
        (href,) = resolve(form, "https://www.w3.org/2019/wot/hypermedia#hasTarget")
        assert href["value"].startswith("/?id=") or protocol != "opc ua"
        assert resolve(source, "https://www.w3.org/2019/wot/td#isObservable")
        assert pair["second"]["keys"][0]["value"] == f"{SHELL}:OperationalData"


@pytest.mark.parametrize("protocol", KNOWN_BY)
def test_the_endpoint_says_where_and_in_which_form_values_come(protocol):
    aid, _, _ = of(ALL[protocol])
    (endpoint,) = resolve(aid, f"{AID}/Interface", f"{AID}/EndpointMetadata")
    (base,) = resolve(endpoint, "https://www.w3.org/2019/wot/td#baseURI")
    (kind,) = resolve(endpoint, "https://www.w3.org/2019/wot/hypermedia#forContentType")
    assert base["value"] == ALL[protocol]["base"]
    assert kind["value"] == "application/json" or protocol == "opc ua"  # others it cannot read


def test_security_is_named_as_its_enumerations_spell_it():
    thing = {**OPC_UA, "security": ["channel", "login"], "securityDefinitions": {
        "channel": {"scheme": "uav:channel-security", "uav:securityMode": "signAndEncrypt",
                    "uav:securityPolicy": "http://opcfoundation.org/UA/SecurityPolicy#Aes128_Sha256_RsaOaep"},
        "login": {"scheme": "basic"}}}
    aid, _, _ = of(thing)
    (security,) = resolve(aid, f"{AID}/Interface", f"{AID}/EndpointMetadata",
                          "https://www.w3.org/2019/wot/td#hasSecurityConfiguration")
    channel, login = [at(aid, one["value"]) for one in security["value"]]
    ua = "http://opcfoundation.org/UA/WoT-Binding/"
    assert key(channel) == f"{ua}OPCUASecurityChannelScheme"
    assert key(login) == f"{ua}OPCUASecurityAuthenticationScheme"
    told = [resolve(channel, f"{ua}securityMode"), resolve(channel, f"{ua}securityPolicy"),
            resolve(login, f"{ua}userIdentityToken")]
    assert [one["value"] for (one,) in told] == ["SignAndEncrypt", "Aes128_Sha256_RsaOaep", "UserName"]


def test_the_newer_mapping_has_an_interval_for_who_must_ask():
    _, _, newer = of({**ALL["http"], "weft:pollingMs": 250})
    (configuration,) = resolve(newer, f"{AIMC}/1/0/MappingConfigurations", f"{AIMC}/2/0/MappingConfiguration")
    (interval,) = resolve(configuration, f"{AIMC}/2/0/MappingConfiguration/DefaultPollingInterval")
    assert (interval["valueType"], float(interval["value"])) == ("xs:double", 0.25)
    base = f"{AIMC}/2/0/MappingConfiguration"
    source = resolve(configuration, f"{base}/Sources", f"{base}/Source", f"{base}/Source/SourceId")
    sink = resolve(configuration, f"{base}/Sinks", f"{base}/Sink", f"{base}/Sink/SinkId")
    assert [one["value"] for one in source] == [one["value"] for one in sink] == ["Mode"]
    _, _, silent = of(ALL["http"])
    assert resolve(silent, f"{AIMC}/1/0/MappingConfigurations", base, f"{base}/DefaultPollingInterval")


def test_what_is_scaled_is_not_among_the_relations_that_cannot_say_so():
    thing = json.loads(json.dumps(OPC_UA))
    thing["properties"]["SpindleSpeed"]["weft:scale"] = 0.1
    _, relations, newer = of(thing)
    pairs = resolve(relations, f"{AIMC}/1/0/MappingConfigurations", f"{AIMC}/1/0/MappingConfiguration",
                    f"{AIMC}/1/0/MappingSourceSinkRelations", f"{AIMC}/1/0/MappingSourceSinkRelation")
    assert [one["first"]["keys"][-1]["value"] for one in pairs] == ["State"]
    assert len(newer["submodelElements"][0]["value"]) == 2
