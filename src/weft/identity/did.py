"""Public names of keys and firms: did:key (multibase base58btc) and the did:web document.

W3C DID Core 1.0; did:key method draft; did:web method.
Rule 1: a did:web is a name that a browser could resolve; who the firm is, only its key log says.
Not here: fetching other firms' documents.
"""

from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PUBLIC: Final = b"\xed\x01"  # multicodec
_MULTIKEY_CHARACTERS_MAX: Final = 64


def base58(data: bytes) -> str:
    """base58btc of ``data`` (Bitcoin alphabet), leading zero bytes as ``1``."""
    number = int.from_bytes(data, "big")
    letters = ""
    while number:
        number, rest = divmod(number, 58)
        letters = _ALPHABET[rest] + letters
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + letters


def unbase58(text: str) -> bytes:
    """Bytes of base58btc ``text``; raises ``Invalid('did.base58')``."""
    number = 0
    for letter in text:
        place = _ALPHABET.find(letter)
        if place < 0:
            raise Invalid("did.base58")
        number = number * 58 + place
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def multikey(public: str) -> str:
    """The Multikey form of an Ed25519 public key (base64url)."""
    return "z" + base58(_ED25519_PUBLIC + unb64(public, 32))


def did_key(public: str) -> str:
    """The did:key of an Ed25519 public key (base64url)."""
    return "did:key:" + multikey(public)


def public_key(did: str) -> str:
    """The Ed25519 public key (base64url) that a did:key names; raises ``Invalid('did.key')``."""
    prefix = "did:key:z"
    if not did.startswith(prefix) or len(did) > len(prefix) + _MULTIKEY_CHARACTERS_MAX:
        raise Invalid("did.key")
    data = unbase58(did.removeprefix(prefix))
    if len(data) != 34 or not data.startswith(_ED25519_PUBLIC):
        raise Invalid("did.key")
    return b64(data[2:])


def did_web(url: str) -> str:
    """The did:web of a node served at ``url``: small letters, odd signs percent-encoded, path by colons."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("did.url") from error
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise Invalid("did.url")
    name = quote(f"[{host}]" if ":" in host else _ascii(host), safe="")
    named = name if port is None else f"{name}%3A{port}"
    return "did:web:" + ":".join([named, *(quote(unquote(part), safe="") for part in parts.path.split("/") if part)])


def _ascii(host: str) -> str:
    """``host`` in the letters that the name system knows (IDNA)."""
    try:
        return host.encode("idna").decode()
    except UnicodeError as error:
        raise Invalid("did.url") from error


def document_url(did: str) -> str:
    """Where the document of a did:web lies: ``/.well-known/did.json``, or ``did.json`` below its path."""
    if not did.startswith("did:web:"):
        raise Invalid("did.web")
    host, *path = did.removeprefix("did:web:").split(":")
    if not host or not all(path):
        raise Invalid("did.web")
    return "https://" + unquote(host) + "/" + ("/".join(path) if path else ".well-known") + "/did.json"


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
