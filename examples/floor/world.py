"""The floor: one order drives machines by other makers, each through its own protocol, and the counts come back.

    python world.py [--headless] [--json] [--keep DIR] [--speed N] [--only NAME,…] [--kill NAME | --idle NAME]

A buyer orders one kind of part from each work centre of a factory; at each stands a foreign counterpart
(``counterpart.py``), none of them ours. A counterpart that cannot run here is told in ``missing``, and the order is
placed without its part. Exit code 0 when all that was ordered was made, counted, sent and received; 1 otherwise.
``--json`` prints one object on the last line. ``--kill`` kills one counterpart in the midst, ``--idle`` has one make
nothing: controls, whose part must be told as not completed.
Not here: firms and processes (those of the demo), what a counterpart is (``counterpart.py``).
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

HERE = Path(__file__).parent

sys.path[:0] = [str(HERE.parent / "demo")]

import founding  # noqa: E402 - the folder of the demo comes first
from processes import Failed, Machine, end, interrupted, until  # noqa: E402
from show import Show  # noqa: E402

BUYER, WORKS = "buyer", "works"
STEPS = 8
STALLED_S = 60.0
WATCH_S = 0.2
OVER = ("done", "aborted")


class Floor:
    """All processes, and the order; what was seen is in its fields."""

    def __init__(self, given: argparse.Namespace, folder: Path, session: aiohttp.ClientSession, show: Show) -> None:
        self.given, self.show = given, show
        self.firms = {key: founding.firm(HERE, key, folder, session, given.speed) for key in (BUYER, WORKS)}
        self.buyer, self.works = self.firms[BUYER], self.firms[WORKS]
        entries = {one["name"]: one for one in self.works.given["machines"]}
        only = set(filter(None, given.only.split(","))) or set(entries)
        if unknown := (only - set(entries)) | ({given.kill, given.idle} - {"", *only}):
            raise SystemExit(f"no such machine: {', '.join(sorted(unknown))}")
        self.works.machines = [one for one in self.works.machines if one.name in only]
        self.makes: dict[str, Mapping[str, Any]] = entries
        for machine in self.works.machines:
            machine.start = (*machine.start, *(["--idle"] if machine.name == given.idle else []))
        self.thread = ""
        self.killed = False

    @property
    def here(self) -> list[Machine]:
        """The counterparts that could be started."""
        return [one for one in self.works.machines if one.endpoint]

    async def tell(self) -> None:
        """From founding the firms to the goods at the buyer."""
        for name, words, part in (
            ("found", "两家企业各建自己的节点 · two firms set up their nodes", self.start),
            ("start", "别家的机床启动 · machines by other makers start", self.start_machines),
            ("meet", "邀请与加入 · the firms invite each other", lambda: founding.meet(self.firms, [(WORKS, BUYER)])),
            ("import", "导入物料、工艺、价目，接入机床 · tables are imported, machines connected", self.furnish),
            ("ask", "一张询价单，每台机床一种零件 · one request, a part from each machine", self.ask),
            ("order", "下单 · the order", self.order),
            ("machines", "各机床自动开工、计数 · machines run and count", self.run),
            ("deliver", "发货，收货入库 · despatch and receipt", self.deliver),
        ):
            with self.show.step(name, words):
                await part()

    async def start(self) -> None:
        """Homes and nodes."""
        await asyncio.gather(*(firm.found() for firm in self.firms.values()))
        await asyncio.gather(*(firm.up() for firm in self.firms.values()))

    async def start_machines(self) -> None:
        """The counterparts, all at once; at least one must be there."""
        await asyncio.gather(*(one.up() for one in self.works.machines))
        for one in self.works.machines:
            if one.missing:
                self.show.say(f"{one.name}: {one.missing}")
        if not self.here:
            raise Failed("no-counterpart: " + "; ".join(one.missing for one in self.works.machines))

    async def furnish(self) -> None:
        """Tables and machines, and each machine is heard."""
        await asyncio.gather(*(founding.furnish(firm, HERE) for firm in self.firms.values()))

        async def heard() -> bool:
            rows = (await self.works.view("connections"))["connections"]
            return sum(one["state"] == "up" for one in rows) == len(self.here)

        await until(heard, "a connection to every machine", STALLED_S)

    async def ask(self) -> None:
        """One line for each machine; the factory quotes by itself."""
        made = [self.makes[one.name] for one in self.here]
        done = await self.buyer.do("request-quotation", supplier=self.works.organisation, lines=[
            {"item": one["makes"], "quantity": str(one["quantity"])} for one in made])
        self.thread = done["thread"]
        await self._phase("quoted")

    async def order(self) -> None:
        """Order what was quoted; the factory accepts and plans by itself."""
        await self.buyer.do("order", thread=self.thread)
        await self._phase("confirmed")

    async def _phase(self, wanted: str) -> None:
        async def there() -> bool:
            seen = await self.buyer.view("order", thread=self.thread)
            if seen["phase"] == "declined":
                raise Failed(f"declined: {json.dumps(seen['documents'][-1]['message'], ensure_ascii=False)}")
            return bool(seen["phase"] == wanted)

        await until(there, f"an order that is {wanted}")

    async def jobs(self) -> dict[str, Any]:
        """The order's jobs as the factory tells them, by item."""
        return {one["item"]: one for one in (await self.works.view("order", thread=self.thread))["jobs"]}

    async def run(self) -> None:
        """Wait until all jobs are over, or nothing has moved for long (their dates in the plan do, all the time)."""
        seen: dict[str, Any] = {}
        moved = time.monotonic()
        while len(seen) < len(self.here) or any(state not in OVER for state, *_ in seen.values()):
            jobs = await self.jobs()
            now = {item: (one["state"], one["good"], one["scrap"]) for item, one in jobs.items()}
            if now != seen:
                seen, moved = now, time.monotonic()
                self._kill_in_the_midst(jobs)
            if time.monotonic() - moved > self.given.patience:
                return
            await asyncio.sleep(WATCH_S)

    def _kill_in_the_midst(self, jobs: Mapping[str, Any]) -> None:
        """Kill the counterpart itself once it has counted something, if that was asked for."""
        if not self.given.kill or self.killed:
            return
        job = jobs.get(self.makes[self.given.kill]["makes"])
        if job and job["state"] == "running" and float(job["good"]) > 0:
            machine = next(one for one in self.here if one.name == self.given.kill)
            os.kill(machine.told["pid"], signal.SIGKILL)
            self.killed = True

    async def deliver(self) -> None:
        """All lines that were made are received; what was not made is not waited for."""
        done = {item for item, job in (await self.jobs()).items() if job["state"] == "done"}

        async def received() -> bool:
            lines = (await self.buyer.view("order", thread=self.thread))["lines"]
            return all(float(one["received"]) >= float(one["quantity"]) for one in lines if one["item"] in done)

        await until(received, "what was made at the buyer", STALLED_S)

    async def report(self) -> dict[str, Any]:
        """What each machine was told, what it made, and whether that is all."""
        order = await self.buyer.view("order", thread=self.thread)
        lines = {one["item"]: one for one in order["lines"]}
        jobs = await self.jobs()
        links = {one["name"]: one for one in (await self.works.view("connections"))["connections"]}
        rows = [_row(one, self.makes[one.name], jobs, lines, links[one.name]) for one in self.here]
        missing = [{"machine": one.name, "reason": one.missing} for one in self.works.machines if one.missing]
        broken = [told for row in rows for told in judge(row)]
        broken += [f"trouble: {key} {json.dumps(one, ensure_ascii=False)}" for key, firm in self.firms.items()
                   for one in (await firm.view("health"))["troubles"]]
        if not broken and order["phase"] != "closed":
            broken.append(f"order: everything was received, but it is {order['phase']}")
        return {"ok": not broken, "broken": broken, "missing": missing, "machines": rows, "steps": self.show.steps,
                "order": {"thread": self.thread, "phase": order["phase"], "gross": order["gross"],
                          "currency": order["currency"]}}

    async def tear_down(self) -> None:
        """End every process; a CNC controller takes its time."""
        await asyncio.gather(*(end(one.process, patience=40) for one in self.works.machines))
        await asyncio.gather(*(end(firm.process) for firm in self.firms.values()))


def _row(machine: Machine, made: Mapping[str, Any], jobs: Mapping[str, Any], lines: Mapping[str, Any],
         link: Mapping[str, Any]) -> dict[str, Any]:
    """One machine: what was ordered of it, what came back, and what it has logged by itself."""
    job, line = jobs.get(made["makes"], {}), lines[made["makes"]]
    log = machine.state.read_text(encoding="utf-8").splitlines() if machine.state.exists() else []
    return {
        "machine": machine.name, "counterpart": machine.told["is"], "protocol": machine.endpoint.partition(":")[0],
        "job": job.get("id", ""), "item": made["makes"], "ordered": line["quantity"], "good": job.get("good", "0"),
        "scrap": job.get("scrap", "0"), "state": job.get("state", "none"), "received": line["received"],
        machine.told["logs"]: len(log), "link": link["state"], "why": link["error"],
    }


def judge(row: Mapping[str, Any]) -> list[str]:
    """What is not as it was ordered, by name."""
    told = []
    if row["state"] != "done" or float(row["good"]) < float(row["ordered"]):
        link = "" if row["link"] == "up" else f", and its connection is {row['link']} ({row['why']})"
        told.append(f"not-completed: {row['machine']} has made {row['good']} of {row['ordered']} {row['item']}: "
                    f"its job is {row['state']}{link}")
    elif float(row["received"]) != float(row["ordered"]):
        told.append(f"not-received: {row['received']} of {row['ordered']} {row['item']} of {row['machine']}")
    if row.get("starts", 1) != 1 and row["state"] != "none":
        told.append(f"started-once: {row['machine']} saw {row['starts']} starts")
    return told


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(description="One order for machines by other makers.")
    parser.add_argument("--headless", action="store_true", help="end when the goods are there")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--keep", type=Path, help="keep the homes in this folder")
    parser.add_argument("--seed", type=int, default=1, help="nothing here is left to chance")
    parser.add_argument("--speed", type=float, default=60.0, help="machine seconds per second")
    parser.add_argument("--only", default="", help="only these machines, joined by commas")
    parser.add_argument("--kill", default="", help="control: kill this counterpart once it has made something")
    parser.add_argument("--idle", default="", help="control: this one takes its job, and makes nothing")
    parser.add_argument("--patience", type=float, default=STALLED_S, help="seconds in which something must move")
    return parser.parse_args(argv)


async def run(given: argparse.Namespace) -> int:
    """Build the floor, place the order, report; 0 when all was made."""
    folder = given.keep or Path(tempfile.mkdtemp(prefix="weft-floor-"))
    folder.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"ok": False, "broken": [], "missing": [], "machines": []}
    with Show(STEPS, quiet=given.json and given.headless) as show:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            floor = Floor(given, folder, session, show)
            try:
                await floor.tell()
                result = await floor.report()
            except Failed as error:
                missing = [{"machine": one.name, "reason": one.missing} for one in floor.works.machines if one.missing]
                result |= {"broken": [str(error)], "missing": missing, "steps": show.steps}
            try:
                if not given.headless:
                    show.consoles(floor.firms.values())
                    await interrupted()
            finally:
                await floor.tear_down()
    if given.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    _tell(result)
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
    return 0 if result["ok"] else 1


def _tell(result: Mapping[str, Any]) -> None:
    """For people: a line for each machine, and loudly what is missing or broken."""
    for row in result["machines"]:
        print(f"  {row['machine']:<7} {row['counterpart']:<44} {row['state']:<8} {row['good']}/{row['ordered']} good, "
              f"{row['scrap']} scrap", file=sys.stderr)
    for one in result["missing"]:
        print(f"MISSING: {one['machine']}: {one['reason']}", file=sys.stderr)
    for broken in result["broken"]:
        print(f"BROKEN: {broken}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(run(arguments(sys.argv[1:]))))
