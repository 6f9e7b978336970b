"""Twins over HTTP: what one request costs a node, beside the same bytes served from memory by the same server.

DESIGN §13 and the profiles of IDTA-01002. Told is processor time of the serving process for a request, user and system:
it does not change with what else the machine does. A page of a hundred is asked of 1,000 and of 100,000 shells.
Not here: the store alone at a million (``twin_store.py``), queries (``twin_query.py``), other people's servers.
"""

import asyncio
import base64
import json
import sys
import tempfile
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.processes import Firm, Served, free_port
from bench.rounds import Result, show
from weft.engine.clock import SystemClock
from weft.engine.twins.ports import Change
from weft.stores.twins.store import SqliteTwins

FEW, MANY = 1_000, 100_000
ROUNDS, REQUESTS, PAGES = 20, 80, 20  # many short rounds: what else the machine does spoils some of them, not all
SHARE = 0.5  # of the same bytes from memory, in requests a second of processor time
FLAT = 1.2  # a page of many against a page of few
_HOME = "urn:example:"


def encoded(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def shell(number: int) -> bytes:
    asset = {"assetKind": "Instance", "globalAssetId": f"{_HOME}asset:{number}",
             "specificAssetIds": [{"name": "serial", "value": f"S{number}"}]}
    reference = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": f"{_HOME}submodel:{number}"}]}
    return json.dumps({"modelType": "AssetAdministrationShell", "id": f"{_HOME}shell:{number:07}",
                       "idShort": f"Machine{number}", "assetInformation": asset, "submodels": [reference]},
                      separators=(",", ":")).encode()


def submodel(number: int = 0) -> dict[str, Any]:
    """One like those with which the peers were measured: twenty properties, about 5 kB."""
    named = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "0173-1#02-AAO677#002"}]}
    properties = [{"modelType": "Property", "idShort": f"P{place}", "semanticId": named, "valueType": "xs:double",
                   "value": f"{place}.5"} for place in range(20)]
    return {"modelType": "Submodel", "id": f"{_HOME}submodel:{number}", "idShort": "Data",
            "submodelElements": properties}


async def _fill(home: Path, shells: int) -> None:
    store = SqliteTwins(str(home / "twins.db"), SystemClock())
    for first in range(0, shells, 5_000):
        await store.commit([Change("shell", f"{_HOME}shell:{number:07}", shell(number))
                            for number in range(first, min(first + 5_000, shells))])
    body = json.dumps(submodel(), separators=(",", ":")).encode()
    await store.commit([Change("submodel", f"{_HOME}submodel:0", body)])
    await store.close()


class Asking:
    """A kept connection to one server, and what its answers cost it."""

    def __init__(self, served: Served, token: str = "") -> None:
        self.served = served
        self.connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> bytes:
        """The answer's body."""
        headers = {**self.headers, **({"Content-Type": "application/json"} if body is not None else {})}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        told = answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status} {told[:200]!r}")
        return told

    def cost(self, once: Callable[[int], object], times: int) -> float:
        """Processor milliseconds of the server for each of ``times`` requests."""
        before = self._spent()
        for turn in range(times):
            once(turn)
        return (self._spent() - before) / times * 1000

    def _spent(self) -> float:
        """Seconds that all threads of the server have been on a processor, by the scheduler's own account."""
        threads = Path(f"/proc/{self.served.process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text(encoding="ascii").split()[0]) for one in threads) / 1e9


def _best(node: Asking, bare: Asking, ours: Callable[[int], object], theirs: Callable[[int], object],
          times: int) -> tuple[float, float]:
    told: list[tuple[float, float]] = []
    for turn in range(ROUNDS + 1):
        pair = node.cost(ours, times), bare.cost(theirs, times)
        if turn:
            told.append(pair)
    return min(one for one, _ in told), min(one for _, one in told)


def _result(name: str, ours: float, bare: float, share: float | None = SHARE) -> Result:
    ratio = bare / ours if ours else 0.0
    wanted = "" if share is None else f">= {share:.0%}"
    return Result(name, f"{ours:.3f} ms", f"{bare:.3f} ms", ratio, wanted, None if share is None else ratio >= share)


def results() -> list[Result]:
    """Each kind of request, and how a page grows with what else there is."""
    data = encoded(f"{_HOME}submodel:0")
    value = f"/api/v3/submodels/{data}/submodel-elements/P7/$value"
    asked = {"GET shell": (_address(500), REQUESTS),
             "GET submodel": (f"/api/v3/submodels/{data}", REQUESTS),
             "GET $value": (value, REQUESTS), "page of 100 of 1,000": ("/api/v3/shells?limit=100", PAGES)}
    told: list[Result] = []
    pages: list[float] = []
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        folder = Path(name)
        for shells in (FEW, MANY):
            firm = Firm(folder, f"Firm{shells}")
            asyncio.run(_fill(firm.home, shells))
            node = Asking(firm.up(), firm.token)
            try:
                if shells == FEW:
                    told += _few(node, folder, asked, value)
                pages.append(min(node.cost(lambda _, node=node: node.ask("/api/v3/shells?limit=100"), PAGES)
                                 for _ in range(ROUNDS)))
                if shells == MANY:
                    told.append(_apart(node))
            finally:
                firm.end()
    ratio = pages[1] / pages[0]
    told.append(Result(f"page of 100 of {MANY:,} against {FEW:,}", f"{pages[1]:.3f} ms", f"{pages[0]:.3f} ms", ratio,
                       f"<= {FLAT}", ratio <= FLAT))
    return told


def _apart(node: Asking) -> Result:
    """A shell that was not read before, beside one that was."""
    numbers = iter(range(1, MANY, 53))
    pairs = [(node.cost(lambda _: node.ask(_address(next(numbers))), REQUESTS),
              node.cost(lambda _: node.ask(_address(0)), REQUESTS)) for _ in range(ROUNDS)]
    one, other = (min(pair[place] for pair in pairs) for place in (0, 1))
    return Result(f"GET shell, each another of {MANY:,}, against one again", f"{one:.3f} ms", f"{other:.3f} ms",
                  one / other)


def _address(number: int) -> str:
    return "/api/v3/shells/" + encoded(f"{_HOME}shell:{number:07}")


def _few(node: Asking, folder: Path, asked: dict[str, tuple[str, int]], value: str) -> list[Result]:
    for number, (path, _) in enumerate(asked.values()):
        (folder / f"{number}.json").write_bytes(node.ask(path))
    port = free_port()
    served = Served([sys.executable, "-m", "bench.bare_bytes", str(folder), str(port)], port)
    bare = Asking(served)
    try:
        told = []
        for number, (name, (path, times)) in enumerate(asked.items()):
            pair = _best(node, bare, lambda _, path=path: node.ask(path),
                         lambda _, number=number: bare.ask(f"/{number}.json"), times)
            told.append(_result(name, *pair))
        pair = _best(node, bare, lambda turn: node.ask(value, "PATCH", str(turn).encode()),
                     lambda turn: bare.ask("/2.json", "PATCH", str(turn).encode()), REQUESTS)
        return [*told, _result("PATCH $value, durable", *pair, share=None)]
    finally:
        served.end()


if __name__ == "__main__":
    show(results())
