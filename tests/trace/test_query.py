"""Which events a query asks for."""

import pytest

from weft.basis.errors import Invalid
from weft.trace import query

EVENT = {
    "type": "ObjectEvent", "eventID": "ni:///sha-256;aa?ver=CBV2.0", "eventTime": "2026-11-25T08:00:00.000Z",
    "recordTime": "2026-11-25T08:00:01Z", "action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit",
    "epcList": ["urn:epc:id:sgtin:4012345.011111.9876"], "readPoint": {"id": "urn:weft:A:site:main"},
    "quantityList": [{"epcClass": "urn:weft:A:lot:L1", "quantity": 3}],
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:weft:order:T1"}],
    "destinationList": [{"type": "owning_party", "destination": "urn:weft:B"}],
}


def found(**parameters):
    return all(test(EVENT) for test in query.tests(parameters.items()))


@pytest.mark.parametrize(("name", "right", "wrong"), [
    ("eventType", "ObjectEvent", "AggregationEvent"),
    ("EQ_bizStep", "receiving|shipping", "receiving"),
    ("EQ_bizStep", "https://ref.gs1.org/cbv/BizStep-shipping", "urn:epcglobal:cbv:bizstep:receiving"),
    ("EQ_disposition", "urn:epcglobal:cbv:disp:in_transit", "damaged"),
    ("EQ_action", "OBSERVE", "ADD"),
    ("EQ_eventID", "ni:///sha-256;aa?ver=CBV2.0", "ni:///sha-256;bb?ver=CBV2.0"),
    ("GE_eventTime", "2026-11-25T09:00:00+01:00", "2026-11-25T08:00:00.001Z"),
    ("LT_eventTime", "2026-11-25T08:00:00.001Z", "2026-11-25T08:00:00Z"),
    ("GE_recordTime", "2026-11-25T08:00:01Z", "2026-11-26T00:00:00Z"),
    ("MATCH_epc", "https://id.gs1.org/01/04012345111118/21/9876", "https://id.gs1.org/01/04012345111118/21/1"),
    ("MATCH_anyEPC", "https://shop.example/01/04012345111118/*", "urn:weft:A:lot:L1"),
    ("MATCH_epcClass", "urn:weft:A:lot:L1", "urn:weft:A:lot:L"),
    ("MATCH_epcClass", "urn:weft:A:lot:*", "urn:weft:B:*"),
    ("MATCH_inputEPCClass", None, "urn:weft:A:lot:L1"),
    ("EQ_readPoint", "urn:weft:A:site:main", "urn:weft:A:site:x"),
    ("EQ_bizTransaction_po", "urn:weft:order:T1", "urn:weft:order:T2"),
    ("EQ_bizTransaction_inv", None, "urn:weft:order:T1"),
    ("EQ_destination_owning_party", "urn:weft:B", "urn:weft:A"),
])
def test_each_parameter_finds_what_it_names_and_nothing_else(name, right, wrong):
    assert right is None or found(**{name: right})
    assert not found(**{name: wrong})


@pytest.mark.parametrize(("name", "value"), [
    ("EQ_colour", "red"), ("GE_eventTime", "yesterday"), ("GE_eventTime", "2026-11-25T08:00:00"), ("EQ_bizStep", ""),
    ("EQ_bizStep", "|".join("a" * 101)), ("GT_eventTime", "2026-11-25T08:00:00Z"), ("", ""), ("WD_readPoint", "x"),
])
def test_what_is_not_understood_is_refused(name, value):
    with pytest.raises(Invalid):
        query.tests([(name, value)])


def test_paging_is_not_a_condition():
    assert query.tests([("perPage", "3"), ("nextPageToken", "x")]) == []
