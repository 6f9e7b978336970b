"""The twins of a node beside the same twins on the BaSyx Python SDK, over HTTP in the same run.

1,000 shells and 1,000 submodels of twenty properties, one process each, one kept connection each, in turn. The other is
the SDK's own server where ``WEFT_BASYX_SERVER`` is a checkout of its repository. That server is in no package index, so
else it is the SDK's objects and JSON adapter behind the same werkzeug and uWSGI (``basyx_server.py``); the run says so.
The SDK lies in an environment that is made for the run; where it cannot be installed, that is told, loudly.
Told are processor time of the serving process for a request, and requests a second of one client that waits for each.
What a node does more: it knows who asks, writes durably, keeps revisions; the other keeps all in memory.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.processes import Firm, Served, free_port
from bench.rounds import Result, show
from bench.twin_http import Asking, encoded, shell, submodel
from weft.engine.clock import SystemClock
from weft.engine.twins.ports import Change
from weft.stores.twins.store import SqliteTwins

SDK = "basyx-python-sdk==2.2.0"
BESIDE = ("Werkzeug>=3.0.3,<4", "urllib3>=1.26,<3", "pyuwsgi")  # what its server needs, and what serves it
TWINS, ROUNDS, REQUESTS, PAGES = 1_000, 7, 100, 10
ASKED, LAST = 500, f"urn:example:submodel:{TWINS - 1}"
Once = Callable[[int], object]


class Missing(Exception):
    """The SDK is not to be had here."""


class Other(Served):
    """uWSGI with one process; whatever it answers, it is there."""

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, OSError):
            return False


def installed(folder: Path, sdk: str) -> Path:
    """The programs of an environment with ``sdk`` and uWSGI; raises ``Missing``."""
    venv.create(folder, with_pip=True)
    done = subprocess.run([folder / "bin" / "pip", "install", "--quiet", sdk, *BESIDE], check=False,
                          capture_output=True, text=True, env={**os.environ, "SETUPTOOLS_SCM_PRETEND_VERSION": "0"})
    if done.returncode:
        raise Missing(done.stderr.strip().rpartition("\n")[2])
    return folder / "bin"


def other(folder: Path, port: int) -> tuple[Served, str]:
    """The other server over the JSON in ``folder``/in, and what it is."""
    checkout = Path(os.environ.get("WEFT_BASYX_SERVER", ""))
    if checkout == Path():
        programs, file, path = installed(folder / "venv", SDK), Path("bench/basyx_server.py"), Path()
        name = f"{SDK}: its objects and JSON adapter behind werkzeug and uWSGI, not its server"
    else:
        programs = installed(folder / "venv", str(checkout / "sdk"))
        file = checkout / "server/app/services/run_repository.py"
        file = file if file.exists() else checkout / "server/app/main.py"  # as it was until 2025
        path = checkout / "server" if "services" in file.parts else file.parent
        name = "the server of basyx-python-sdk, as WEFT_BASYX_SERVER has it, on uWSGI"
    command = [str(programs / "uwsgi"), "--http11-socket", f"127.0.0.1:{port}", "--wsgi-file", str(file), "--processes",
               "1", "--need-app", "--die-on-term", "--disable-logging", "--pythonpath", str(path)]
    inside = str(folder / "in")
    return Other(command, port, INPUT=inside, STORAGE_PATH=inside, API_BASE_PATH="/api/v3.0"), name


async def _fill(home: Path) -> None:
    store = SqliteTwins(str(home / "twins.db"), SystemClock())
    await store.commit([Change("shell", f"urn:example:shell:{number:07}", shell(number)) for number in range(TWINS)])
    await store.commit([Change("submodel", f"urn:example:submodel:{number}", json.dumps(submodel(number)).encode())
                        for number in range(TWINS)])
    await store.close()


def _environment() -> bytes:
    return json.dumps({"assetAdministrationShells": [json.loads(shell(number)) for number in range(TWINS)],
                       "submodels": [submodel(number) for number in range(TWINS)]}).encode()


def _asked(server: Asking) -> dict[str, tuple[Once, int]]:
    """What is asked, and how many times a round."""
    within = f"/api/v3.0/submodels/{encoded(LAST)}"

    def put(turn: int) -> object:
        element: dict[str, Any] = {**submodel(0)["submodelElements"][7], "value": f"{time.time_ns() + turn}.5"}
        return server.ask(f"{within}/submodel-elements/P7", "PUT", json.dumps(element).encode())

    return {
        "GET shell": (lambda _: server.ask(f"/api/v3.0/shells/{encoded(f'urn:example:shell:{ASKED:07}')}"), REQUESTS),
        "GET submodel": (lambda _: server.ask(within), REQUESTS),
        "page of 100 shells": (lambda _: server.ask("/api/v3.0/shells?limit=100"), PAGES),
        "GET $value": (lambda _: server.ask(f"{within}/submodel-elements/P7/$value"), REQUESTS),
        "PUT element": (put, REQUESTS),
    }


def _turn(server: Asking, once: Once, times: int) -> tuple[float, float]:
    """(processor milliseconds, milliseconds by the clock) of a request."""
    begun = time.perf_counter()
    cost = server.cost(once, times)
    return cost, (time.perf_counter() - begun) / times * 1000


def _compared(node: Asking, them: Asking) -> list[Result]:
    told: list[Result] = []
    others = _asked(them)
    for name, (once, times) in _asked(node).items():
        theirs, _ = others[name]
        try:
            theirs(0)
        except RuntimeError as error:
            told.append(Result(f"{name}, against BaSyx", "", f"it has none: {str(error).rpartition(': ')[2][:3]}"))
            continue
        rounds = [(_turn(node, once, times), _turn(them, theirs, times)) for _ in range(ROUNDS + 1)][1:]
        (cost, clock), (cost_2, clock_2) = (
            tuple(min(one[who][what] for one in rounds) for what in (0, 1)) for who in (0, 1))
        told.append(Result(f"{name}, against BaSyx", f"{cost:.3f} ms", f"{cost_2:.3f} ms", cost_2 / cost))
        told.append(Result(f"{name}, by the clock", f"{1000 / clock:,.0f}/s", f"{1000 / clock_2:,.0f}/s",
                           clock_2 / clock))
    return told


def results() -> list[Result]:
    """Each kind of request on both; ratios above 1 are in favour of the node."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        folder, port = Path(name), free_port()
        (folder / "in").mkdir()
        (folder / "in" / "twins.json").write_bytes(_environment())
        try:
            served, what = other(folder, port)
        except Missing as error:
            print(f"NOT MEASURED: {SDK} could not be installed: {error}", file=sys.stderr, flush=True)
            return [Result("against BaSyx", "NOT MEASURED")]
        print(f"the other server: {what}", file=sys.stderr, flush=True)
        firm = Firm(folder, "Firm")
        try:
            asyncio.run(_fill(firm.home))
            return _compared(Asking(firm.up(), firm.token), Asking(served))
        finally:
            firm.end()
            served.end()


if __name__ == "__main__":
    show(results())
