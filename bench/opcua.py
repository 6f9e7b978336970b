"""A thousand values ten times a second from a foreign OPC UA server: what one change costs, plain and encrypted.

The server is node-opcua in a process of its own; the baseline is node-opcua's own client on the same server, in turns
with ours. ``heard``: the connection alone, which is what that client does; ``kept``: the whole way of a node, facts,
live values and history on disk. A second server offers more than this machine can carry.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

import pytest

from bench.rounds import Result, limit, show
from tests.machines import npm
from tests.machines.conftest import certificate
from tests.machines.foreign_opcua import Foreign, modules

COUNT: Final = 1_000
HZ: Final = 10
FLOOD_HZ: Final = 40
SECONDS: Final = 8.0
ROUNDS: Final = int(os.environ.get("OPCUA_ROUNDS", "4"))
JS: Final = Path(__file__).with_name("opcua_client.js")


async def _run(*command: str) -> dict[str, Any]:
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=npm.environment(modules()))
    out, _ = await asyncio.wait_for(child.communicate(), 180)
    found: dict[str, Any] = json.loads(next(one for one in out.splitlines() if one.startswith(b"{")))
    found["us"] = found["cpu_s"] * 1e6 / max(1, found["changes"])
    found["rate"] = found["changes"] / found["seconds"]
    found["core"] = 100 * found["cpu_s"] / found["seconds"]
    return found


async def _ours(server: Foreign, secure: str, how: str, folder: Path) -> dict[str, Any]:
    return await _run(sys.executable, "-m", "bench.opcua_client", server.endpoint, str(COUNT), str(SECONDS), secure,
                      how, str(folder))


async def _theirs(server: Foreign, secure: str, folder: Path) -> dict[str, Any]:
    return await _run("node", str(JS), server.endpoint, str(COUNT), str(SECONDS), "1" if secure == "secure" else "0",
                      str(folder / "pki-client"))


def _pem(folder: Path) -> list[str]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    der, key = certificate(folder, "server", "urn:foreign")
    made = folder / "server-chain.pem"
    made.write_bytes(x509.load_der_x509_certificate(Path(der).read_bytes()).public_bytes(Encoding.PEM))
    return [str(made), key]


async def _offered(server: Foreign, measuring: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """What was measured, with what the server really offered meanwhile: it shares the machine."""
    before, began = (await server.tell())["turns"], time.perf_counter()
    told = await measuring
    offered = ((await server.tell())["turns"] - before) * COUNT / (time.perf_counter() - began)
    return {**told, "offered": offered, "share": told["rate"] / offered}


async def _rounds(server: Foreign, secure: str, folder: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    told: dict[str, list[dict[str, Any]]] = {"theirs": [], "heard": [], "kept": []}
    for _ in range(rounds):
        told["theirs"].append(await _offered(server, _theirs(server, secure, folder)))
        told["heard"].append(await _offered(server, _ours(server, secure, "heard", folder)))
        told["kept"].append(await _offered(server, _ours(server, secure, "kept", folder)))
        for name, each in told.items():
            print(f"  {secure} {name}: {each[-1]}", file=sys.stderr, flush=True)
    return told


def _lines(secure: str, told: dict[str, list[dict[str, Any]]]) -> list[Result]:
    """The least cost and the best rate of each; what is beyond its target is said."""
    least = {name: min(one["us"] for one in each) for name, each in told.items()}
    best = {name: max(one["rate"] for one in each) for name, each in told.items()}
    late = min(one["late_p99"] for one in told["kept"])
    most = max(told["kept"], key=lambda one: one["rate"])
    ratio = least["heard"] / least["theirs"]
    return [
        Result(f"OPC UA {secure}: changes a second of {most['offered']:,.0f} offered, kept", f"{best['kept']:,.0f}/s",
               f"{best['theirs']:,.0f}/s", best["kept"] / best["theirs"], ">= 99 %", most["share"] >= 0.99),
        limit(f"OPC UA {secure}: share of a core, kept", most["core"], "%", 20),
        Result(f"OPC UA {secure}: cost of a change, heard", f"{least['heard']:.2f} us", f"{least['theirs']:.2f} us",
               ratio, "<= 1.2x", ratio <= 1.2),
        Result(f"OPC UA {secure}: cost of a change, kept", f"{least['kept']:.2f} us", f"{least['theirs']:.2f} us",
               least["kept"] / least["theirs"]),
        limit(f"OPC UA {secure}: value to $value, p99", late, "ms", 250),
    ]


async def _measured(folder: Path) -> list[Result]:
    lines: list[Result] = []
    for secure in ("plain", "secure"):
        more: dict[str, Any] = {"certificate": _pem(folder), "pki": str(folder / "pki")} if secure == "secure" else {}
        server = Foreign(many=COUNT, hz=HZ, **more)
        await server.begin()
        try:
            lines += _lines(secure, await _rounds(server, secure, folder, ROUNDS))
        finally:
            await server.kill()
    server = Foreign(many=COUNT, hz=FLOOD_HZ)
    await server.begin()
    try:
        told = await _rounds(server, "plain", folder, max(1, ROUNDS // 2))
    finally:
        await server.kill()
    best = {name: max(each, key=lambda one: one["rate"]) for name, each in told.items()}
    lines += [Result(f"OPC UA flood of {COUNT * FLOOD_HZ:,}/s, {name}", f"{best[name]['rate']:,.0f}/s",
                     f"{best['theirs']['rate']:,.0f}/s", best[name]["rate"] / best["theirs"]["rate"])
              for name in ("heard", "kept")]
    return lines


def results() -> list[Result]:
    """The lines of the table."""
    try:
        modules()
    except pytest.skip.Exception as why:
        return [Result(f"OPC UA: {why}", "-")]
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))


if __name__ == "__main__":
    show(results())
