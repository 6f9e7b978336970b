"""What a flood costs the others: one partner syncs while another partner and strangers send all they can, or do not.

A real node on loopback; the flood comes from a process of its own with ``LINES`` connections: malformed, forged,
replayed, oversize and endless requests, signed by a firm that is a partner, and the same from firms that are not.
Slices with and without the flood take turns; the ratio is that of the honest partner's latency.
``WITHOUT=budgets`` in the environment gives each partner all that it asks for: the control.
"""

import http.client
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from bench.processes import Firm
from bench.rounds import Result, limit, show
from tests.stories.stranger import RELATIONSHIP, Stranger
from weft.basis.canonical import b64
from weft.engine import reconcile, requests, sync
from weft.engine.levelling import RECONCILE_PATH
from weft.thread.event import to_envelope
from weft.trade.messages import Party, PartyUpdated

SLICES = 12
SLICE_S = 4.0
SETTLE_S = 1.0
LINES = 16
MOST = 2.0
WITHOUT = os.environ.get("WITHOUT", "") == "budgets"
UNLIMITED = {"REQUESTS_PER_S": "100000", "BURST_REQUESTS": "1000000", "KILOBYTES_PER_S": "10000000",
             "BURST_KILOBYTES": "100000000", "AT_ONCE_REQUESTS": "1000", "STRANGERS_REQUESTS_PER_S": "10000",
             "STRANGERS_KILOBYTES_PER_S": "1000000", "STRANGERS_AT_ONCE_REQUESTS": "1000"}
Said = tuple[str, bytes, str]  # path, body, header


class Partner(Stranger):
    """A partner that says one word after the other over one connection."""

    def __init__(self, firm: Firm) -> None:
        told = firm.do("invite")["facts"]["link"]
        link = {name: values[0] for name, values in parse_qs(urlsplit(told).query).items()}
        super().__init__(firm.port, link["firm"])
        self.meet(link["secret"])
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.count, self.others = 1, ()

    def update(self) -> Any:
        """The next word, not yet sent."""
        message = PartyUpdated(party=Party(name="Stranger", address=f"Hall {self.count}"))
        return self.message(self.thread, message, RELATIONSHIP, n=self.count, p=self.last, x=self.others)

    def signed(self, path: str, body: bytes) -> str:
        return requests.sign_request(self.memory, self.host, path, body)[0]

    def sync_one(self) -> float:
        """Seconds until one new word is stored at the other end."""
        said = self.update()
        body = msgspec.json.encode(sync.SyncRequest(self.thread, [said.id], [to_envelope(said)]))
        header = self.signed(sync.SYNC_PATH, body)
        begun = time.perf_counter()
        self.line.request("POST", sync.SYNC_PATH, body, {"weft-request": header})
        answer = self.line.getresponse()
        told = answer.read()
        took = time.perf_counter() - begun
        if answer.status != 200 or b"invalid" in told:
            raise RuntimeError(f"{answer.status} {told[:200]!r}")
        self.last, self.count = said.id, self.count + 1
        self.heard(told)
        return took

    def hear(self) -> None:
        """Learn what the other end has said since, as an honest node does before it goes on: else all of its words
        stand beside acknowledgements, and it pays for what is read once more.
        """
        body = msgspec.json.encode(sync.SyncRequest(self.thread, [self.last, *self.others]))
        self.line.request("POST", sync.SYNC_PATH, body, {"weft-request": self.signed(sync.SYNC_PATH, body)})
        answer = self.line.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {told[:200]!r}")
        self.heard(told)

    def heard(self, told: bytes) -> None:
        """Keep what the other end's newest words are."""
        self.others = tuple(sorted(set(sync.read_reply(told).heads) - {self.last}))


def attacks(partner: Partner) -> list[Said]:
    """One of each kind, as the partner would sign it, and as a stranger would."""
    stranger = Stranger(partner.port, partner.host)
    forged = [to_envelope(msgspec.structs.replace(partner.update(), signature=bytes(64))) for _ in range(200)]
    orphans = [to_envelope(partner.message(partner.thread, PartyUpdated(party=Party(name=f"{k}")), RELATIONSHIP,
                                           n=k + 9, p=b64(bytes([k]) * 32))) for k in range(200)]
    bodies = [
        (sync.SYNC_PATH, msgspec.json.encode(sync.SyncRequest(partner.thread, [], forged))),
        (sync.SYNC_PATH, msgspec.json.encode(sync.SyncRequest(partner.thread, [], orphans))),
        (sync.SYNC_PATH, msgspec.json.encode(sync.SyncRequest(partner.thread, []))),
        (sync.SYNC_PATH, b"[" * 1_000_000), (sync.SYNC_PATH, random.Random(1).randbytes(1_900_000)),
        (sync.SYNC_PATH, b"{" + b" " * 3_000_000 + b"}"), (sync.POLL_PATH, b'{"wait_ms":60000}'),
        (RECONCILE_PATH, msgspec.json.encode(reconcile.Question([reconcile.Range("", "", "?")] * 32))),
    ]
    return [(path, body, requests.sign_request(who.memory, partner.host, path, body)[0] if place else "")
            for path, body in bodies for place, who in enumerate((stranger, stranger, partner))]


def flood(port: int, said: list[Said], keys: Any, on: Any, counted: Any) -> None:
    """Send, over many lines, until killed; only while ``on``."""
    os.nice(5)

    def line(number: int) -> None:
        luck, connection = random.Random(number), None
        while True:
            on.wait()
            path, body, header = luck.choice(said)
            if header and luck.random() < 0.7:  # else it is a replay
                header = keys[luck.randrange(2)].fresh(path, body)
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=70)
                connection.request("POST", path, body, {"weft-request": header} if header else {})
                answer = connection.getresponse()
                answer.read()
                counted.put(answer.status)
            except (OSError, http.client.HTTPException):
                counted.put(0)
                connection = None

    threads = [threading.Thread(target=line, args=(number,), daemon=True) for number in range(LINES)]
    for one in threads:
        one.start()
    threads[0].join()


class Signing:
    """What signs fresh requests in the process of the flood."""

    def __init__(self, who: Stranger) -> None:
        self.who = who

    def fresh(self, path: str, body: bytes) -> str:
        return requests.sign_request(self.who.memory, self.who.host, path, body)[0]


def results() -> list[Result]:
    """Latency, memory and disk with and without the flood."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        firm = Firm(Path(folder), "Flooded")
        node = firm.up(**({f"WEFT_LIMITS_{one}": most for one, most in UNLIMITED.items()} if WITHOUT else {}))
        try:
            return measured(firm, node)
        finally:
            firm.end()


def measured(firm: Firm, node: Any) -> list[Result]:
    honest, hostile = Partner(firm), Partner(firm)
    context = multiprocessing.get_context("fork")
    on, counted = context.Event(), context.Queue()
    keys = [Signing(hostile), Signing(Stranger(firm.port, hostile.host))]
    sender = context.Process(target=flood, args=(firm.port, attacks(hostile), keys, on, counted), daemon=True)
    sender.start()
    told: dict[bool, list[float]] = {False: [], True: []}
    memory: list[float] = []
    disk = [size_of(firm)]
    for number in range(SLICES * 2):
        flooding = bool(number % 2)
        (on.set if flooding else on.clear)()
        time.sleep(SETTLE_S)
        until = time.perf_counter() + SLICE_S
        while time.perf_counter() < until:
            told[flooding].append(honest.sync_one())
            time.sleep(0.02)
            honest.hear()
        memory.append(node.resident_mb)
        disk.append(size_of(firm))
    sender.kill()
    statuses: Counter[int] = Counter()
    while not counted.empty():
        statuses[counted.get()] += 1
    print(f"answers to the flood: {dict(sorted(statuses.items()))}; memory by slice, MB: "
          f"{[round(one) for one in memory]}; disk, MB: {disk[0]:.1f} to {disk[-1]:.1f}; honest words: "
          f"{len(told[False])} without, {len(told[True])} with", file=sys.stderr)
    calm, rough = (sorted(told[one]) for one in (False, True))
    most = (rough[int(len(rough) * 0.95)], calm[int(len(calm) * 0.95)])
    return [
        times("another partner's sync, median, with a flood", statistics.median(rough), statistics.median(calm)),
        times("another partner's sync, 95 of 100, with a flood", *most),
        limit("answers of 500 and above", sum(count for status, count in statuses.items() if status >= 500), "", 1),
        limit("memory after the flood", memory[-1] - memory[1], "MB more", 30),
    ]


def times(name: str, rough: float, calm: float) -> Result:
    """A ratio that must stay below ``MOST``."""
    return Result(name, f"{rough * 1000:.2f} ms", f"{calm * 1000:.2f} ms", rough / calm, f"<= {MOST:g}x",
                  rough / calm <= MOST)


def size_of(firm: Firm) -> float:
    """What the home takes up, in MB."""
    return sum(one.stat().st_size for one in firm.home.rglob("*") if one.is_file()) / 1024 / 1024


if __name__ == "__main__":
    show(results())
