"""Makes the conformance vectors beside this file: what a second implementation must accept, refuse and derive.

    python -m tests.vectors.make            writes them

Everything here is seeded, so that the same code writes the same bytes. Whether a case is accepted is said here by hand,
never asked of the program.
"""

import base64
import hashlib
import json
from pathlib import Path

from tests.vectors import closing, folds, packs, prices, slips, standing
from tests.vectors.curve import BASE, FIELD, ORDER, TORSION, Key, add, encoded, point, times
from tests.vectors.headers import headers
from tests.vectors.story import Story
from weft.basis.canonical import b64
from weft.identity.keys import Signer

HERE = Path(__file__).parent


def sha(domain, *parts):
    return b64(hashlib.sha256(domain.encode() + b"\0" + b"".join(parts)).digest())


# ---- text


def base64url():
    cases = [
        ("", 0, True), ("AA", 1, True), ("AAA", 2, True), ("AAAA", 3, True), ("_-8", 2, True), ("_w", 1, True),
        (b64(bytes(32)), 32, True), (b64(bytes(range(32))), 32, True),
        ("A", None, False), ("AB", 1, False), ("AAB", 2, False), ("AA==", 1, False), ("AAA=", 2, False),
        ("+/8", 2, False), ("AA\n", 1, False), (" AA", 1, False), ("AAAAA", None, False), ("é", None, False),
        (b64(bytes(32)), 31, False), (b64(bytes(31)), 32, False), (b64(bytes(32))[:-1] + "B", 32, False),
        ("ＡＡ", 1, False), ("A" * 44, 32, False),
    ]
    return [{"text": text, "length": length, "accept": accept} for text, length, accept in cases]


def canonical():
    good = [
        "null", "true", "false", "0", "-1", "9007199254740991", "-9007199254740991", '""', '"a"', "[]", "{}",
        "[1,2,3]", '{"a":1,"b":2}', '{"A":1,"a":2}', '{"":0,"0":1,"a b":2}', '"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f"',
        '"\\"\\\\/<>&"', '"\x7f"', '"球阀 é \U0001f600"', '"\u2028\u2029\ufeff"', '{"k":"\\u0001"}', '"1e5"', '"[.5"',
        '{"\x7f":1}', '{"a":{"b":[{"c":null}]}}', "[" * 32 + "]" * 32, '{"a":' * 31 + "[]" + "}" * 31,
    ]
    bad = [
        "", " ", "nul", "True", "1 ", " 1", "1\n", "\ufeff1", "01", "-0", "+1", "1.0", "1e2", "-0.0", "0.5", "1E400",
        "NaN", "9007199254740992", "-9007199254740992", "18446744073709551616", "1" * 400, "[1, 2]", "[1,]", "[1 2]",
        '{"a": 1}', '{"b":1,"a":2}', '{"a":1,"a":2}', '{"a":1,"a":1}', "{'a':1}", "{a:1}", '{"é":1}', '{"\\u0061":1}',
        '"\\u0061"', '"\\/"', '"\\u00e9"', '"\\u0008"', '"\\u001F"', '"\\u007f"', '"\\ud83d\\ude00"', '"\\ud800"',
        '"\t"', '"a', '"\\x41"', "[]]", "[][]", "{}{}", "null null", "// x", "[" * 33 + "]" * 33,
        '{"a":' * 33 + "1" + "}" * 33, "[" * 5_000, '{"a":1.5}', '[{"a":[1,-0]}]',
    ]
    raw = [b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe7\x90"', b"\xff\xfe1\x00",
           b'{"\xc3":1}']
    return [*({"hex": text.encode().hex(), "accept": True} for text in good),
            *({"hex": text.encode().hex(), "accept": False} for text in bad),
            *({"hex": data.hex(), "accept": False} for data in raw)]


# ---- digests


def digests():
    story = Story()
    events = [{"header": one.raw.decode(), "id": sha("evt/1", one.raw), "thread": sha("thr/1", one.raw)}
              for one in (story.buyer.log[0], story.events[0], story.events[1])]
    salts = [bytes(32), bytes(range(32)), b"\xff" * 32]
    contents = ["{}", '{"note":"球阀"}', "", "x" * 100]
    keys = [Signer(bytes([number]) * 32).public for number in (1, 2, 3)]
    states = ["{}", "null", '{"lines":{"1":{"quantity":"20"}},"phase":"ordered"}', '["é",{"a":1,"b":[]}]']

    def following(some):
        return sha("next-keys/1", *(raw(key) for key in sorted(some)))

    return {
        "events": events,
        "commitments": [{"salt": b64(salt), "content": content, "commitment": sha("pay/1", salt, content.encode())}
                        for salt in salts for content in contents],
        "next": [{"keys": some, "commitment": following(some)}
                 for some in (keys[:1], keys[:2], keys[1::-1], keys, keys[::-1])],
        "states": [{"state": text, "hash": sha("state/1", text.encode())} for text in states],
    }


def raw(key):
    return base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))


# ---- signatures


def keys():
    small = [times(number, TORSION) for number in range(8)]
    encodings = [encoded(one) for one in small]
    again = [(y | sign << 255).to_bytes(32, "little") for y in (FIELD, FIELD + 1, FIELD - 1, 0, 1) for sign in (0, 1)]
    off = next(y for y in range(2, 50) if point(y) is None).to_bytes(32, "little")
    mixed = [encoded(add(times(5, BASE), one)) for one in small[1:]]
    far = [(FIELD + y).to_bytes(32, "little") for y in range(3, 19)] + [b"\xff" * 32]
    weak = dict.fromkeys([*encodings, *again, off, *mixed, *far])
    sound = [encoded(times(number, BASE)) for number in (1, 2, 5, ORDER - 1)]
    sound += [raw(Signer(bytes([number]) * 32).public) for number in range(4)]
    return [*({"key": b64(one), "sound": True} for one in sound), *({"key": b64(one), "sound": False} for one in weak),
            {"key": b64(bytes(31)), "sound": False}, {"key": "", "sound": False}]


def signatures():
    event, other = b64(hashlib.sha256(b"one").digest()), b64(hashlib.sha256(b"two").digest())
    said = b"evt-sig/1\0" + raw(event)
    key = Key(0x1234567890ABCDEF1234567890ABCDEF)
    good, nonce = key.sign(said, 77), times(77, BASE)
    signer = Signer(b"s" * 32)
    cases = [
        ("by the book", key.public, event, good, True),
        ("by the library", raw(signer.public), event, signer.sign(said), True),
        ("of another event", key.public, other, good, False),
        ("by another key", raw(signer.public), event, good, False),
        ("in another domain", key.public, event, key.sign(b"thr-sig/1\0" + raw(event), 77), False),
        ("over the bare id", key.public, event, key.sign(raw(event), 77), False),
        ("over the id as text", key.public, event, key.sign(b"evt-sig/1\0" + event.encode(), 77), False),
        ("second half above the order", key.public, event, key.sign(said, 77, more=ORDER), False),
        ("first half of mixed order", key.public, event, key.sign(said, 77, add(nonce, TORSION)), False),
        ("first half of small order", key.public, event, key.sign(said, 0, TORSION), False),
        ("first half neutral", key.public, event, key.sign(said, 0), False),
        ("first half not canonical", key.public, event, (FIELD + 1).to_bytes(32, "little") + good[32:], False),
        ("one bit of the first half", key.public, event, bytes([good[0] ^ 1]) + good[1:], False),
        ("one bit of the second half", key.public, event, good[:63] + bytes([good[63] ^ 1]), False),
        ("63 bytes", key.public, event, good[:63], False),
        ("65 bytes", key.public, event, good + b"\0", False),
        ("empty", key.public, event, b"", False),
        ("zeros", key.public, event, bytes(64), False),
        ("key neutral, which fits everything", encoded((0, 1)), event, encoded((0, 1)) + bytes(32), False),
        ("key of small order, which fits one in eight", encoded(TORSION), event, encoded((0, 1)) + bytes(32), False),
        ("key zero", bytes(32), event, bytes(64), False),
    ]
    cases += [(f"nonce {number}", key.public, event, key.sign(said, number), True) for number in (1, 2, ORDER - 1)]
    return [{"name": name, "key": b64(public), "event": of, "signature": b64(signature), "accept": accept}
            for name, public, of, signature, accept in cases]


def everything():
    """Each file's name and content."""
    return {
        "text.json": {"base64url": base64url(), "canonical": canonical()},
        "digests.json": digests(),
        "signatures.json": {"keys": keys(), "signatures": signatures()},
        "headers.json": headers(),
        "keylogs.json": packs.key_logs(),
        "chains.json": packs.chains(),
        "packs.json": packs.packs(),
        "folds.json": folds.everything(),
        "standing.json": standing.standing(),
        "closing.json": closing.everything(),
        "price.json": prices.everything(),
        "slip.json": slips.everything(),
    }


def text(content):
    """One case on each line."""
    parts = []
    for key, value in sorted(content.items()):
        items = ",\n".join(json.dumps(one, sort_keys=True, separators=(",", ":")) for one in value)
        parts.append(f"{json.dumps(key)}: [\n{items}\n]")
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    for name, content in everything().items():
        (HERE / name).write_text(text(content), encoding="utf-8")
        print(name, (HERE / name).stat().st_size)
