"""Public names: did:key vectors, did:web by the method's rules, and the document."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.canonical import b64
from weft.basis.errors import Invalid
from weft.identity import did
from weft.identity.keys import Signer

ORGANISATION = b64(bytes(32))


@pytest.mark.parametrize(("data", "text"), [
    (b"", ""), (b"\0", "1"), (b"\0\0\x28\x7f\xb4\xcd", "11233QC4"), (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
    (b"The quick brown fox jumps over the lazy dog.", "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"),
])
def test_base58_by_the_vectors_of_its_draft(data, text):
    assert did.base58(data) == text
    assert did.unbase58(text) == data


@given(st.binary(max_size=64))
def test_base58_is_read_back(data):
    assert did.unbase58(did.base58(data)) == data


@pytest.mark.parametrize("text", ["0", "O", "I", "l", " ", "2NEpo7TZRRrLZSi2U\n", "é"])
def test_letters_outside_base58_are_refused(text):
    with pytest.raises(Invalid, match=r"did\.base58"):
        did.unbase58(text)


# RFC 8032 test 1's key, and the key of did:key method draft, example.
@pytest.mark.parametrize("name", [
    "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
    "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH",
    "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG",
    "did:key:z6MknGc3ocHs3zdPiJbnaaqDi58NGb4pk1Sp9WxWufuXSdxf",
])
def test_did_key_by_the_vectors_of_its_draft(name):
    assert did.did_key(did.public_key(name)) == name


def test_the_keys_of_the_published_eddsa_vectors_are_read(published):
    folder = published / "vectors" / "w3c-vc-di-eddsa" / "TestVectors"
    found = {pair["publicKeyMultibase"] for path in folder.rglob("*.json") for pair in keypairs(path)}
    assert found
    for multikey in found:
        assert did.multikey(did.public_key("did:key:" + multikey)) == multikey


def keypairs(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return []
    stack, pairs = [content], []
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if str(one.get("publicKeyMultibase", "")).startswith("z6Mk"):
                pairs.append(one)
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return pairs


@given(st.binary(min_size=32, max_size=32))
def test_did_key_is_read_back(seed):
    public = Signer(seed).public
    assert did.public_key(did.did_key(public)) == public


@pytest.mark.parametrize("name", [
    "", "did:key:", "did:web:z6Mk", "did:key:u6Mk", "did:key:z", "did:key:z6Mk",
    "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",  # P-256
    "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",  # X25519
    "did:key:z" + "6" * 500,
])
def test_other_did_keys_are_refused(name):
    with pytest.raises(Invalid):
        did.public_key(name)


@pytest.mark.parametrize(("url", "name"), [
    ("https://hengtai.example", "did:web:hengtai.example"),
    ("https://hengtai.example/", "did:web:hengtai.example"),
    ("https://Hengtai.Example", "did:web:hengtai.example"),
    ("https://hengtai.example:8440", "did:web:hengtai.example%3A8440"),
    ("https://hengtai.example/user/alice", "did:web:hengtai.example:user:alice"),
    ("https://hengtai.example:3000/user//alice/", "did:web:hengtai.example%3A3000:user:alice"),
    ("http://127.0.0.1:8440", "did:web:127.0.0.1%3A8440"),
    ("http://[::1]:8440", "did:web:%5B%3A%3A1%5D%3A8440"),
    ("https://hengtai.example/a:b", "did:web:hengtai.example:a%3Ab"),
    ("https://hengtai.example/a%2Fb", "did:web:hengtai.example:a%2Fb"),
    ("https://恒泰.example/厂", "did:web:xn--49tu4z.example:%E5%8E%82"),
    ("https://hengtai.example/?q=1#f", "did:web:hengtai.example"),
])
def test_did_web_by_the_rules_of_its_method(url, name):
    assert did.did_web(url) == name


@pytest.mark.parametrize("url", [
    "", "hengtai.example", "ftp://hengtai.example", "https://", "https://user@hengtai.example", "https://h:99999",
    "https://h:port", "https://[::1", "https://h..example", "https://" + "h" * 64 + ".example",
])
def test_what_is_no_address_has_no_did(url):
    with pytest.raises(Invalid, match=r"did\.url"):
        did.did_web(url)


@pytest.mark.parametrize(("name", "url"), [
    ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
    ("did:web:w3c-ccg.github.io:user:alice", "https://w3c-ccg.github.io/user/alice/did.json"),
    ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
])
def test_where_the_document_lies_by_the_examples_of_the_method(name, url):
    assert did.document_url(name) == url


@pytest.mark.parametrize("name", ["", "did:web:", "did:key:z6Mk", "did:web:host::alice", "did:web:host:"])
def test_other_names_have_no_document(name):
    with pytest.raises(Invalid, match=r"did\.web"):
        did.document_url(name)


def test_the_document_names_every_key_and_where_the_node_is():
    keys = [Signer(bytes([number]) * 32).public for number in (1, 2)]
    name = did.did_web("https://hengtai.example")
    document = did.document(name, ORGANISATION, keys, "https://hengtai.example")
    assert document["@context"][0] == "https://www.w3.org/ns/did/v1"
    assert document["id"] == "did:web:hengtai.example"
    assert f"urn:weft:{ORGANISATION}" in document["alsoKnownAs"]
    shown = [method["publicKeyMultibase"] for method in document["verificationMethod"]]
    assert shown == [did.multikey(key) for key in keys]
    assert all(method["controller"] == document["id"] for method in document["verificationMethod"])
    assert document["assertionMethod"] == document["authentication"] == [
        method["id"] for method in document["verificationMethod"]
    ]
    assert document["service"][0]["serviceEndpoint"] == "https://hengtai.example"


def test_a_firm_without_keys_has_a_document_without_methods():
    document = did.document("did:web:h.example", ORGANISATION, [], "https://h.example")
    assert document["verificationMethod"] == []
    assert document["alsoKnownAs"] == [f"urn:weft:{ORGANISATION}"]
