"""The event hash id, against what two independent implementations give."""

import json

import pytest

from weft.trace.epc import canonical
from weft.trace.hash import event_id, prehash

# GS1's example events: the first 16 hex digits that epcis-event-hash-generator 1.9.3 gives for each.
# Left out: what that version orders otherwise than CBV 2.0 does (sources after destinations, both after sensors).
VECTORS = {
    "AssociationEvent/AssociationEvent-a.jsonld": ("39141606ab0b3f78",),
    "AssociationEvent/AssociationEvent-b.jsonld": ("2a4801ee770582c1",),
    "AssociationEvent/AssociationEvent-c.jsonld": ("847bbfc737fe2de2",),
    "AssociationEvent/AssociationEvent-d.jsonld": ("b9350b16fd98c704",),
    "AssociationEvent/AssociationEvent-e.jsonld": ("2820137e367df426",),
    "AssociationEvent/AssociationEvent-g.jsonld": ("b9350b16fd98c704",),
    "AssociationEvent/AssociationEvent-h.jsonld": ("2fff9bed44a912a5",),
    "Example_9.6.1-ObjectEvent-with-pseudo-SBDH-headers.jsonld": ("df6523665bc5e580", "32547b2344d525ea"),
    "Example_9.6.1-ObjectEvent.jsonld": ("df6523665bc5e580", "32547b2344d525ea"),
    "Example_9.6.1-with-comment.jsonld": ("df6523665bc5e580", "32547b2344d525ea"),
    "Example_9.6.3-AggregationEvent.jsonld": ("96b6bf98742a60db",),
    "Example_9.6.4-TransformationEvent.jsonld": ("c794227acf3a4d9b",),
    "WithDigitalLinkID/Example_9.6.1-ObjectEventWithDigitalLink.jsonld": ("d3b08a0fc053bb7d", "4edc29e1e6848aa1"),
    "WithDigitalLinkID/Example_9.6.3-AggregationEventWithDigitalLink.jsonld": ("c6d04a3b2879ee8b",),
    "WithDigitalLinkID/Example_9.6.4-TransformationEventWithDigitalLink.jsonld": ("c794227acf3a4d9b",),
    "WithErrorDeclaration/ErrorDeclarationAndCorrectiveEvent.jsonld": ("db50dd61ad0309f0", "e74d8397fb06e337"),
    "WithErrorDeclaration/Example_9.6.1-ObjectEvent-with-error-declaration.jsonld":
        ("df6523665bc5e580", "32547b2344d525ea"),
    "WithSensorData/SensorDataExample1.jsonld": ("4eea934e9e0b4668",),
    "WithSensorData/SensorDataExample10.jsonld": ("6dfb6e940ab80102",),
    "WithSensorData/SensorDataExample13.jsonld": ("f92619eaba7f682e",),
    "WithSensorData/SensorDataExample14.jsonld": ("f53077e26dc7387e",),
    "WithSensorData/SensorDataExample15.jsonld": ("fcb10e73fec55b65",),
    "WithSensorData/SensorDataExample16.jsonld": ("e1c13af8c5c9ca25",),
    "WithSensorData/SensorDataExample17.jsonld": ("78f7ce4e3410f59a",),
    "WithSensorData/SensorDataExample1b.jsonld": ("08beb681e36b670e",),
    "WithSensorData/SensorDataExample2.jsonld": ("45a15b4a53f34e18",),
    "WithSensorData/SensorDataExample3.jsonld": ("de0c28e7a5ec2b32",),
    "WithSensorData/SensorDataExample4.jsonld": ("eeb655259427b5ad",),
    "WithSensorData/SensorDataExample5.jsonld": ("b1755d5ed79d53b1",),
    "WithSensorData/SensorDataExample6.jsonld": ("dc553ea18db22983",),
}

EVENT = {
    "type": "ObjectEvent", "eventTime": "2019-10-21T13:00:30+02:00", "eventTimeZoneOffset": "+01:00",
    "recordTime": "2020-01-01T00:00:00Z", "eventID": "urn:uuid:1",
    "epcList": ["https://id.gs1.org/00/052000010111111146"], "action": "OBSERVE",
    "bizStep": "receiving", "readPoint": {"id": "urn:epc:id:sgln:4012345.00012.0"},
    "bizTransactionList": [
        {"type": "inv", "bizTransaction": "urn:epcglobal:cbv:bt:5200001000008:RE1099"},
        {"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:5200001000008:4711"}],
    "sourceList": [{"type": "possessing_party", "source": "urn:epc:id:pgln:4000001.00012"},
                   {"type": "owning_party", "source": "urn:epc:id:pgln:4000001.00012"}],
    "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00000"},
                        {"type": "location", "destination": "urn:epc:id:sgln:4012345.00012.0"}],
}
# as epcis2.js writes the same lists
PREHASH = (
    "eventType=ObjectEventeventTime=2019-10-21T11:00:30.000ZeventTimeZoneOffset=+01:00"
    "epcListepc=https://id.gs1.org/00/052000010111111146"
    "action=OBSERVEbizStep=https://ref.gs1.org/cbv/BizStep-receivingreadPointid=https://id.gs1.org/414/4012345000122"
    "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-desadvbizTransaction=urn:epcglobal:cbv:bt:5200001000008:4711"
    "type=https://ref.gs1.org/cbv/BTT-invbizTransaction=urn:epcglobal:cbv:bt:5200001000008:RE1099"
    "sourceListtype=https://ref.gs1.org/cbv/SDT-owning_partysource=https://id.gs1.org/417/4000001000128"
    "type=https://ref.gs1.org/cbv/SDT-possessing_partysource=https://id.gs1.org/417/4000001000128"
    "destinationListtype=https://ref.gs1.org/cbv/SDT-locationdestination=https://id.gs1.org/414/4012345000122"
    "type=https://ref.gs1.org/cbv/SDT-owning_partydestination=https://id.gs1.org/417/4012345000009"
)


@pytest.mark.parametrize("name", VECTORS)
def test_the_hash_ids_of_gs1_examples_are_those_of_the_reference(name, published):
    whole = json.loads((published / "epcis" / "JSON" / name).read_text())
    events = whole["epcisBody"].get("eventList") or [whole["epcisBody"]["event"]]
    ids = [event_id(event, whole["@context"]) for event in events]
    assert tuple(one.removeprefix("ni:///sha-256;")[:16] for one in ids) == VECTORS[name]


def test_transactions_sources_and_destinations_are_ordered_as_elsewhere():
    assert prehash(EVENT) == PREHASH


def test_spelling_does_not_change_the_id_but_content_does():
    other = {**EVENT, "eventTime": "2019-10-21T11:00:30.000Z", "bizStep": "urn:epcglobal:cbv:bizstep:receiving",
             "eventID": "urn:uuid:2", "bizTransactionList": EVENT["bizTransactionList"][::-1],
             "readPoint": {"id": "https://x.example/414/4012345000122?y=1"}}
    assert event_id(other) == event_id(EVENT)
    for key, value in (("action", "ADD"), ("eventTime", "2019-10-21T11:00:30.001Z"), ("disposition", "active")):
        assert event_id({**EVENT, key: value}) != event_id(EVENT)


@pytest.mark.parametrize(("uri", "link"), [
    ("urn:epc:id:sgtin:0614141.107346.2017", "https://id.gs1.org/01/10614141073464/21/2017"),
    ("urn:epc:class:lgtin:4012345.011111.4444", "https://id.gs1.org/01/04012345111118/10/4444"),
    ("urn:epc:id:sscc:4012345.1111111111", "https://id.gs1.org/00/140123451111111117"),
    ("urn:epc:idpat:sgtin:4012345.066666.*", "https://id.gs1.org/01/04012345666663"),
    ("urn:epc:id:sgln:0614141.07346.1234", "https://id.gs1.org/414/0614141073467/254/1234"),
    ("urn:epc:id:sgln:4012345.00001.0", "https://id.gs1.org/414/4012345000016"),
    ("urn:epc:id:grai:4012345.55555.987", "https://id.gs1.org/8003/04012345555554987"),
    ("urn:epc:id:giai:4000001.12345", "https://id.gs1.org/8004/400000112345"),
    ("urn:epc:id:gdti:4012345.00005.987", "https://id.gs1.org/253/4012345000054987"),
    ("https://shop.example/a/01/04012345111118/10/L1/21/S9?x=1", "https://id.gs1.org/01/04012345111118/21/S9"),
    ("https://id.gs1.org/01/4012345111118", "https://id.gs1.org/01/04012345111118"),
    ("urn:epc:id:sgtin:0614141.1.2017", "urn:epc:id:sgtin:0614141.1.2017"),
    ("urn:weft:A:lot:L1", "urn:weft:A:lot:L1"), ("https://shop.example/about", "https://shop.example/about"),
])
def test_gs1_keys_have_one_form(uri, link):
    assert canonical(uri) == link == canonical(link)
