"""The firm's keys as did:webvh: a log of public entries that anybody can verify with other programs than ours.

did:webvh 1.0 (entries, SCID, pre-rotation); W3C Data Integrity, cryptosuite eddsa-jcs-2022; RFC 8785.
Rule 1: an entry is made when the firm's keys are at hand: at the beginning and with each rotation. With pre-rotation no
        other change is possible, so devices are not in it; they are in the did:web document and in the key log.
Rule 2: what was published is never changed; entries only follow.
Not here: where the log is kept (``engine/keys.py``), serving it (``doors/admin``).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from weft.basis import canonical, instant
from weft.basis.errors import Invalid
from weft.identity import did
from weft.identity.keys import Signer

METHOD: Final = "did:webvh:1.0"
_PLACEHOLDER: Final = "{SCID}"
_SHA256: Final = b"\x12\x20"  # multihash


def begun(url: str, organisation: str, signer: Signer, following: Sequence[str], at: str) -> dict[str, Any]:
    """The first entry of the log of a firm that is found at ``url``, signed by its key; ``at``: RFC 3339 in seconds."""
    place = did.did_web(url).removeprefix("did:web:")
    name = f"did:webvh:{_PLACEHOLDER}:{place}"
    entry: dict[str, Any] = {
        "versionId": _PLACEHOLDER, "versionTime": at,
        "parameters": {"method": METHOD, "scid": _PLACEHOLDER, "portable": True, **_keys(signer, following)},
        "state": _document(name, organisation, signer, url)}
    scid = _hash(canonical.encode(entry))
    filled = canonical.encode(entry).replace(_PLACEHOLDER.encode(), scid.encode())
    return _closed(msgspec.json.decode(filled), 1, scid, signer)


def followed(log: Sequence[dict[str, Any]], signer: Signer, following: Sequence[str], at: str) -> dict[str, Any]:
    """The entry with which the next key comes into force; raises ``Invalid('webvh.not-committed')``."""
    last = log[-1]
    if key_hash(signer.public) not in last["parameters"]["nextKeyHashes"]:
        raise Invalid("webvh.not-committed")
    state = last["state"]
    service = state["service"][0]["serviceEndpoint"]
    organisation = state["alsoKnownAs"][0].removeprefix("urn:weft:")
    entry = {"versionId": last["versionId"], "versionTime": max(at, _a_second_after(last["versionTime"])),
             "parameters": _keys(signer, following), "state": _document(state["id"], organisation, signer, service)}
    return _closed(entry, len(log) + 1, last["versionId"], signer)


def _a_second_after(at: str) -> str:
    """Times grow from entry to entry, and are told in seconds."""
    return instant.from_ms(instant.to_ms(at) + 1_000)[:19] + "Z"


def lines(log: Sequence[dict[str, Any]]) -> bytes:
    """``log`` as did.jsonl."""
    return b"".join(canonical.encode(entry) + b"\n" for entry in log)


def key_hash(public: str) -> str:
    """What an entry says of a next key (base64url) before it is used."""
    return _hash(did.multikey(public).encode())


def _keys(signer: Signer, following: Sequence[str]) -> dict[str, Any]:
    return {"updateKeys": [did.multikey(signer.public)], "nextKeyHashes": [key_hash(one) for one in following]}


def _document(name: str, organisation: str, signer: Signer, url: str) -> dict[str, Any]:
    key = did.multikey(signer.public)
    method = {"id": f"{name}#{key}", "type": "Multikey", "controller": name, "publicKeyMultibase": key}
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": name, "alsoKnownAs": [f"urn:weft:{organisation}", did.did_web(url)],
        "verificationMethod": [method], "assertionMethod": [method["id"]],
        "service": [{"id": f"{name}#weft", "type": "WeftNode", "serviceEndpoint": url}]}


def _closed(entry: dict[str, Any], number: int, previous: str, signer: Signer) -> dict[str, Any]:
    """``entry`` with its version, which binds the one before, and its proof."""
    entry["versionId"] = previous
    entry["versionId"] = f"{number}-{_hash(canonical.encode(entry))}"
    key = did.multikey(signer.public)
    proof = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofPurpose": "assertionMethod",
             "verificationMethod": f"did:key:{key}#{key}", "created": entry["versionTime"]}
    signed = sha256(canonical.encode(proof)).digest() + sha256(canonical.encode(entry)).digest()
    return {**entry, "proof": [{**proof, "proofValue": "z" + did.base58(signer.sign(signed))}]}


def _hash(data: bytes) -> str:
    return did.base58(_SHA256 + sha256(data).digest())
