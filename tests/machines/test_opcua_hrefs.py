"""Addresses of OPC UA nodes: what is browsed is found again, whatever namespaces and names look like."""

import pytest
from asyncua import ua
from hypothesis import example, given
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.machines.opcua_values import href_of, node_id

BASE = "opc.tcp://127.0.0.1:4840"
SPACES = ("http://opcfoundation.org/UA/", "urn:me", "http://acme.example/cnc", "http://acme.example/cnc;s=A",
          "https://maker.example/%41?id=x", "opc.tcp://elsewhere:4840/")


@given(st.one_of(st.text(min_size=1, max_size=20), st.integers(0, 2**32 - 1), st.uuids(), st.binary(min_size=1)),
       st.integers(0, len(SPACES) - 1))
@example(bytes.fromhex("d31014"), 1)  # 0xAU in base64
@example(bytes.fromhex("d31d"), 0)  # 0x0=
def test_what_was_browsed_is_found_again(name, space):
    node = ua.NodeId(name, space)
    for base in ("", BASE):
        assert node_id(href_of(node, SPACES), SPACES, base) == node


@pytest.mark.parametrize("before", ["", BASE, BASE + "/"])
@pytest.mark.parametrize("said", ["?id=nsu=http://acme.example/cnc;s=A", "?id=ns=2;s=A"])
def test_a_makers_namespace_may_be_an_address(before, said):
    assert node_id(before + said, SPACES, BASE) == ua.NodeId("A", 2)


@pytest.mark.parametrize(("href", "code"), [
    ("opc.tcp://elsewhere:4840/?id=ns=2;s=A", "machine.href"),
    ("http://acme.example/?id=nsu=http://acme.example/cnc;s=A", "machine.href"),
    ("http://acme.example/cnc", "machine.href"),
    ("?id=nsu=http://acme.example/other;s=A", "machine.namespace"), ("?id=nsu=urn:me", "machine.namespace"),
    ("?id=ns=2", "machine.href"),
])
def test_another_machine_is_not_reached_and_what_is_no_address_is_told(href, code):
    with pytest.raises(Invalid) as told:
        node_id(href, SPACES, BASE)
    assert told.value.code == code
