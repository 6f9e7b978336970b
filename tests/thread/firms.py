"""Small firms that sign events by hand, for the tests beside this file."""

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64, digest
from weft.basis.decider import Said
from weft.identity import keylog
from weft.identity.keys import Signer
from weft.thread import event

LIFE = b64(b"life-one")


def salt(*parts: object) -> bytes:
    return digest("test-salt", *(str(part).encode() for part in parts))


class Firm:
    """An organisation with one key, one device, and its key log as events."""

    def __init__(self, number: int) -> None:
        self.first, self.following, self.device = (Signer(bytes([number, part]) * 16) for part in (1, 2, 3))
        inception = keylog.KeyInception(keys=[self.first.public], next=keylog.commitment([self.following.public]))
        begun = self.key_event(inception, None, None, n=0, p=None)
        self.id = begun.thread
        delegation = keylog.DeviceDelegation(device=self.device.public, scope="node")
        self.log = [begun, self.key_event(delegation, self.id, begun.id, n=1, p=begun.id)]

    def key_event(self, message, thread, ks, *, n, p, signer=None):
        signer = signer or self.first
        header = {
            "v": 1, "t": thread, "a": thread, "d": signer.public, "i": LIFE, "n": n, "p": p, "x": [], "ks": ks,
            "h": "0" * 16, "y": type(message).__name__, "s": 1, "m": "keylog/1",
        }
        if thread is None:
            header |= {"g": b64(bytes(16)), "mem": {}}
        return signed(event.compose(header, [("*", as_bytes(message))], [salt(n, signer.public)]), signer)

    def keys(self) -> keylog.KeyState:
        state = keylog.INITIAL
        for one in self.log:
            said = Said(one.id, one.author, "", read(one))
            assert keylog.judge(state, said) is None
            state = keylog.evolve(state, said)
        return state

    def say(self, thread, n=0, p=None, x=(), kind="Note", content=b"{}", **changes):
        header = {
            "v": 1, "t": thread, "a": self.id, "d": self.device.public, "i": LIFE, "n": n, "p": p, "x": sorted(x),
            "ks": self.log[-1].id, "h": "0" * 16, "y": kind, "s": 1, "m": "test/1", **changes,
        }
        return signed(event.compose(header, [("*", content)], [salt(self.id, n)]), self.device)

    def begin(self, members: dict[str, str], **changes):
        return self.say(None, g=b64(b"sixteen bytes ok"), mem=members, kind="Begin", **changes)


def as_bytes(message) -> bytes:
    return canonical.encode(msgspec.to_builtins(message))


def read(one):
    return msgspec.json.decode(one.payloads[0].content, type=keylog.MESSAGES[one.header.y])


def signed(one, signer):
    return msgspec.structs.replace(one, signature=signer.sign(event.signed_bytes(one.id)))
