"""How a world begins: firms with their homes and machines, who meets whom, what is imported; alike for every world.

A world is a folder. ``firms/KEY/firm.json`` is a firm: its name, rules, and ``machines``, each with a ``name``, its
``description`` (a Thing Description) and how to ``start`` it (a script and its arguments), as ``Machine`` says; paths
are told from the world's folder. Beside it lie the tables of the firm, as its owner would import them.
Not here: which firms there are, and what happens then (``world.py``, ``story.py``).
"""

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from processes import READY_S, Failed, Firm, Machine, free_port

TABLES = ("items", "stock", "calendars", "work-centres", "bills", "routings", "supply-rules", "prices")


def firm(world: Path, key: str, homes: Path, session: aiohttp.ClientSession, speed: float) -> Firm:
    """The firm ``key`` of ``world``, with its machines, none of which is started."""
    given = json.loads((world / "firms" / key / "firm.json").read_text(encoding="utf-8"))
    port = free_port()
    machines = [_machine(world, one, homes, speed) for one in given.get("machines", [])]
    return Firm(key, homes / key, port, f"http://127.0.0.1:{port}", given, session, machines)


def _machine(world: Path, given: Mapping[str, Any], homes: Path, speed: float) -> Machine:
    script, *arguments = given["start"]
    return Machine(given["name"], (str(world / script), *arguments), world / given["description"], speed,
                   homes / f"{given['name']}.log", given.get("ready_s", READY_S))


async def meet(firms: Mapping[str, Firm], partners: Iterable[tuple[str, str]]) -> None:
    """Each of ``partners`` (who invites, who joins) know each other then."""
    for inviter, joiner in partners:
        link = (await firms[inviter].do("invite"))["facts"]["link"]
        await firms[joiner].do("join", link=link)
    for pair in partners:
        for one, other in (pair, pair[::-1]):
            await _known(firms[one], firms[other])


async def _known(firm: Firm, other: Firm) -> None:
    for _ in range(400):
        partners = (await firm.view("partners"))["partners"]
        if any(one["organisation"] == other.organisation and one["state"] == "open" for one in partners):
            return
        await asyncio.sleep(0.05)
    raise Failed(f"{firm.key} and {other.key} did not become partners")


async def furnish(firm: Firm, world: Path) -> None:
    """Import the firm's tables, and add the machines that are there."""
    for kind in TABLES:
        file = world / "firms" / firm.key / f"{kind}.csv"
        if file.exists():
            content = base64.b64encode(file.read_bytes()).decode()
            done = await firm.do("import", kind=kind, name=file.name, content=content)
            if done.get("facts", {}).get("problems"):
                raise Failed(f"{firm.key} {file.name}: {done['facts']['problems'][:3]}")
    for machine in firm.machines:
        if machine.endpoint:
            await firm.do("machine-add", name=machine.name, description=machine.description.read_text(encoding="utf-8"),
                          values={"NAME": machine.name, "ENDPOINT": machine.endpoint})
