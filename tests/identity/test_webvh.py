"""The public log of a firm's keys: each entry binds the one before, and only a committed key continues it."""

import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from weft.basis import canonical
from weft.basis.errors import Invalid
from weft.identity import did, webvh
from weft.identity.keys import Signer, verify

ONE, TWO, THREE = (Signer(bytes([number]) * 32) for number in (1, 2, 3))
INSTALLED = Path(__file__).parents[2] / ".venv" / "did-webvh" / "bin" / "python"
RESOLVER = """
import asyncio, json, pathlib, sys
from did_webvh.resolver import resolve_did
file = pathlib.Path(sys.argv[1])
name = json.loads(file.read_text().splitlines()[0])["state"]["id"]
print(json.dumps(asyncio.run(resolve_did(name, local_history=file, add_implicit=False)).serialize(), default=str))
"""


def log():
    begun = [webvh.begun("https://firm.example/node", "ORG", ONE, [TWO.public], "2026-11-25T10:00:00Z")]
    return [*begun, webvh.followed(begun, TWO, [THREE.public], "2026-11-25T11:00:00Z")]


def test_the_id_is_the_digest_of_the_first_entry_and_every_version_binds_the_one_before():
    first, second = log()
    assert first["state"]["id"] == f"did:webvh:{first['parameters']['scid']}:firm.example:node"
    bare = canonical.encode({key: value for key, value in first.items() if key != "proof"} | {"versionId": "{SCID}"})
    preliminary = bare.replace(first["parameters"]["scid"].encode(), b"{SCID}")
    assert did.base58(b"\x12\x20" + sha256(preliminary).digest()) == first["parameters"]["scid"]
    rest = {key: value for key, value in second.items() if key != "proof"} | {"versionId": first["versionId"]}
    assert second["versionId"] == "2-" + did.base58(b"\x12\x20" + sha256(canonical.encode(rest)).digest())


@pytest.mark.parametrize(("place", "signer"), [(0, ONE), (1, TWO)])
def test_the_proof_is_of_the_key_that_comes_into_force(place, signer):
    entry = log()[place]
    (proof,) = entry["proof"]
    options = canonical.encode({key: value for key, value in proof.items() if key != "proofValue"})
    rest = canonical.encode({key: value for key, value in entry.items() if key != "proof"})
    signed = sha256(options).digest() + sha256(rest).digest()
    assert verify(signer.public, signed, did.unbase58(proof["proofValue"][1:]))
    assert entry["parameters"]["updateKeys"] == [did.multikey(signer.public)]


def test_a_key_that_was_not_committed_to_continues_nothing():
    with pytest.raises(Invalid, match=r"webvh\.not-committed"):
        webvh.followed(log(), TWO, [THREE.public], "2026-11-25T12:00:00Z")


def test_two_rotations_in_one_second_are_a_second_apart():
    """did:webvh 1.0: a resolver refuses an entry that is not later than the one before."""
    entries = log()
    entries.append(webvh.followed(entries, THREE, [ONE.public], entries[-1]["versionTime"]))
    assert [one["versionTime"] for one in entries[1:]] == ["2026-11-25T11:00:00Z", "2026-11-25T11:00:01Z"]


def test_another_implementation_resolves_the_log_and_refuses_a_changed_one(tmp_path):
    """did-webvh (PyPI, 1.0.1): what ``make resolver`` has installed, or the interpreter that DID_WEBVH_PYTHON names."""
    python = os.environ.get("DID_WEBVH_PYTHON") or str(INSTALLED)
    if not Path(python).exists():
        pytest.skip("NO DID-WEBVH (make resolver): the public key log was not read by another implementation")
    file = tmp_path / "did.jsonl"
    for old, new, error in ((b"", b"", None), (b"urn:weft:ORG", b"urn:weft:ORH", "invalidDid")):
        first, second, _ = webvh.lines(log()).split(b"\n")
        file.write_bytes(first + b"\n" + second.replace(old, new, 1) + b"\n")
        run = subprocess.run([python, "-c", RESOLVER, str(file)], capture_output=True, text=True, timeout=60,
                             check=True)
        told = json.loads(run.stdout)
        assert (told["didResolutionMetadata"] or {}).get("error") == error
        assert bool(told["didDocument"]) is (error is None)
