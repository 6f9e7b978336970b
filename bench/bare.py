"""The same work without our code: apsw, SHA-256, Ed25519 and JSON in a loop, into the same tables.

What a competent afternoon would write for events of this size: a header chained by hash, a salted payload, a
signature, and four rows (thread, event, payload, outbox) a time, one transaction a group.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence

import orjson
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

from weft.stores.sqlite_file import DatabaseFile
from weft.stores.statements import queries

Place = tuple[str, int, str]  # thread, n, id

_SQL = queries("sqlite")
PUBLIC, SECRET = crypto_sign_seed_keypair(b"b" * 32)


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


DEVICE = b64(PUBLIC)


class BareLoop:
    """Chains of events on ``threads`` threads in one database file."""

    def __init__(self, path: str, threads: int, content: bytes, state: bytes) -> None:
        self.file = DatabaseFile(path)
        self.cursor = self.file.connection.cursor()
        self.names = [b64(hashlib.sha256(b"%d" % k).digest()) for k in range(threads)]
        self.tips: list[tuple[int, str | None]] = [(0, None)] * threads
        self.content = content
        self.state = state

    def event(self, k: int) -> tuple[str, int, str, bytes, bytes]:
        """(thread, n, id, header bytes, salt) of the next event of chain ``k``."""
        n, previous = self.tips[k]
        salt = hashlib.sha256(b"salt %d %d" % (k, n)).digest()
        commitment = b64(hashlib.sha256(b"pay/1\0" + salt + self.content).digest())
        header = orjson.dumps(
            {
                "v": 1, "t": self.names[k], "a": DEVICE, "d": DEVICE, "i": "incarnation", "n": n, "p": previous,
                "x": [], "ks": DEVICE, "h": "0198a1b2c3d40000", "y": "PartyUpdated", "s": 1, "m": "relationship/1",
                "b": [{"r": "*", "c": commitment, "l": len(self.content), "ct": "application/json"}],
            },
            option=orjson.OPT_SORT_KEYS,
        )  # fmt: skip
        name = b64(hashlib.sha256(b"evt/1\0" + header).digest())
        self.tips[k] = (n + 1, name)
        return self.names[k], n, name, header, salt

    def append(self, chains: Sequence[int], *, sign_each: bool) -> None:
        """One durable group: the next event of each of ``chains``."""
        self.cursor.execute("BEGIN IMMEDIATE")
        for place, k in enumerate(chains):
            thread, n, name, header, salt = self.event(k)
            signed = sign_each or place == len(chains) - 1
            signature = crypto_sign(b"evt-sig/1\0" + name.encode(), SECRET)[:64] if signed else b""
            self._store((thread, n, name), header, signature, (salt, self.content))
        self.cursor.execute("COMMIT")

    def wire(self, k: int, count: int) -> bytes:
        """``count`` signed events of chain ``k`` as they would travel."""
        told = []
        for _ in range(count):
            _, _, name, header, salt = self.event(k)
            signature = crypto_sign(b"evt-sig/1\0" + name.encode(), SECRET)[:64]
            told.append({"e": header.decode(), "g": b64(signature), "b": [b64(salt), self.content.decode()]})
        return orjson.dumps(told)

    def receive(self, body: bytes) -> None:
        """Verify and store one durable group of ``wire``."""
        self.cursor.execute("BEGIN IMMEDIATE")
        for place, header, signature, payload in _checked(body):
            self._store(place, header, signature, payload)
        self.cursor.execute("COMMIT")

    def _store(self, place: Place, header: bytes, signature: bytes, payload: tuple[bytes, bytes]) -> None:
        execute = self.cursor.execute
        thread, n, name = place
        execute(_SQL["put_thread"], (thread, "relationship/1", b"{}", name, self.state, n + 1))
        execute(_SQL["add_event"], (thread, name, DEVICE, DEVICE, "incarnation", n, n, header, signature))
        execute(_SQL["add_payload"], (thread, name, 0, *payload))
        execute(_SQL["put_outbox"], (DEVICE, thread, 0, 0))

    def close(self) -> None:
        self.file.close()


def _checked(body: bytes) -> Iterator[tuple[Place, bytes, bytes, tuple[bytes, bytes]]]:
    for one in orjson.loads(body):
        header = one["e"].encode()
        fields = orjson.loads(header)
        if orjson.dumps(fields, option=orjson.OPT_SORT_KEYS) != header:
            raise ValueError(header)
        salt, content = urlsafe_b64decode(one["b"][0] + "="), one["b"][1].encode()
        if b64(hashlib.sha256(b"pay/1\0" + salt + content).digest()) != fields["b"][0]["c"]:
            raise ValueError(header)
        name = b64(hashlib.sha256(b"evt/1\0" + header).digest())
        signature = urlsafe_b64decode(one["g"] + "==")
        crypto_sign_open(signature + b"evt-sig/1\0" + name.encode(), PUBLIC)
        yield (fields["t"], fields["n"], name), header, signature, (salt, content)


