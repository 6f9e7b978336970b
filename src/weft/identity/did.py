"""Public names of keys and firms: did:key (multibase base58btc) and the did:web document.

W3C DID Core 1.0; did:key method draft; did:web method. Not here: fetching other firms' documents.
"""

from typing import Any

from weft.basis.canonical import unb64

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PUBLIC = b"\xed\x01"  # multicodec


def base58(data: bytes) -> str:
    """base58btc of ``data`` (Bitcoin alphabet), leading zero bytes as ``1``."""
    number = int.from_bytes(data, "big")
    letters = ""
    while number:
        number, rest = divmod(number, 58)
        letters = _ALPHABET[rest] + letters
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + letters


def multikey(public: str) -> str:
    """The Multikey form of an Ed25519 public key (base64url)."""
    return "z" + base58(_ED25519_PUBLIC + unb64(public, 32))


def did_key(public: str) -> str:
    """The did:key of an Ed25519 public key (base64url)."""
    return "did:key:" + multikey(public)


def did_web(url: str) -> str:
    """The did:web of a node served at ``url``: host, port percent-encoded, path by colons."""
    authority, _, path = url.split("://", 1)[1].rstrip("/").partition("/")
    name = authority.replace(":", "%3A")
    return "did:web:" + name + "".join(":" + part for part in path.split("/") if part)


def document(did: str, organisation: str, keys: list[str], url: str) -> dict[str, Any]:
    """The DID document served at ``/.well-known/did.json``."""
    methods = [
        {"id": f"{did}#{multikey(key)}", "type": "Multikey", "controller": did, "publicKeyMultibase": multikey(key)}
        for key in keys
    ]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "alsoKnownAs": [f"urn:weft:{organisation}", *(did_key(key) for key in keys[:1])],
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
        "authentication": [method["id"] for method in methods],
        "service": [{"id": f"{did}#weft", "type": "WeftNode", "serviceEndpoint": url}],
    }
