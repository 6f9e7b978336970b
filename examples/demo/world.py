"""The demo world: four firms, their machines and lines, each a process of its own; ``weft demo`` starts this.

    python world.py [--headless] [--json] [--keep DIR] [--seed N] [--kill-at STEP|all|during|writes] [--speed N]

Headless it ends by itself: exit code 0 when every invariant holds, 1 when one is broken, which it names.
``--json`` prints one object on the last line (docs/reference/demo.schema.json), read through the nodes' own APIs.
Not here: the story (``story.py``), what must hold at the end (``checks.py``).
"""

import argparse
import asyncio
import json
import logging
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "machines")]

import founding  # noqa: E402 - the folder of this file comes first
from checks import report  # noqa: E402
from kills import Kills  # noqa: E402
from processes import HERE, Failed, Firm, at_signal, end, first_line, free_port, interrupted, spawn  # noqa: E402
from show import Show  # noqa: E402
from story import Story  # noqa: E402

FIRMS = ("mingji", "hengtai", "jinggong", "haichuan")
PARTNERS = (("hengtai", "mingji"), ("jinggong", "hengtai"), ("haichuan", "hengtai"))  # (who invites, who joins)
STEPS = 18
LINE = ("hengtai", "jinggong")  # the line that the drill cuts


class World:
    """All processes; ``line`` is the one between the valve firm and the machining firm."""

    def __init__(self, given: argparse.Namespace, folder: Path, session: aiohttp.ClientSession, show: Show) -> None:
        self.folder, self.speed, self.show, self.session = folder, given.speed, show, session
        self.kills = Kills(self, random.Random(given.seed), given.kill_at)
        self.uncut: bool = given.uncut
        self.firms: dict[str, Firm] = {}
        self.line: asyncio.subprocess.Process | None = None
        self.starting: list[asyncio.Task[None]] = []
        self.ports: dict[tuple[str, str], int] = {}

    async def build(self) -> None:
        """Homes, nodes, machines, partners, master data."""
        for key in FIRMS:
            self.firms[key] = founding.firm(HERE, key, self.folder, self.session, self.speed)
        self.starting = [asyncio.create_task(one.up()) for firm in self.firms.values() for one in firm.machines]
        with self.show.step("found", "四家企业各建自己的节点 · four firms set up their nodes"):
            await asyncio.gather(*(firm.found() for firm in self.firms.values()))
        with self.show.step("start", "节点与机床启动 · nodes and machines start"):
            for firm in self.firms.values():  # one by one, so that each shows its own time to start
                await firm.up()
            await asyncio.gather(*self.starting)
        self.kills.begin()
        await self.kills.after("start")
        with self.show.step("meet", "邀请与加入 · firms invite each other"):
            await self._meet()
        await self.kills.after("meet")
        with self.show.step("import", "导入物料、工艺、价目 · items, routings and prices are imported"):
            await asyncio.gather(*(founding.furnish(firm, HERE) for firm in self.firms.values()))
        await self.kills.after("import")

    async def _meet(self) -> None:
        await founding.meet(self.firms, PARTNERS)
        self.ports = {LINE: free_port(), (LINE[1], LINE[0]): free_port()}
        await self.join_line()
        for (here, there), port in self.ports.items():
            await self.firms[here].do("set-address", partner=self.firms[there].organisation,
                                      url=f"http://127.0.0.1:{port}")

    async def cut_line(self) -> None:
        """End the process that carries the line (the control leaves it)."""
        if self.uncut:
            return
        await end(self.line, signal.SIGKILL)
        self.line = None

    async def join_line(self) -> None:
        """Start it (again)."""
        if self.line is not None:
            return
        pairs = [f"{port}={self.firms[there].port}" for (_, there), port in self.ports.items()]
        self.line = await spawn(str(HERE / "link.py"), *pairs)
        await first_line(self.line, "the line")

    async def tear_down(self) -> None:
        """End every process, also one that is about to start."""
        for one in self.starting:
            one.cancel()
        await asyncio.gather(*self.starting, return_exceptions=True)
        await asyncio.gather(*(end(firm.process) for firm in self.firms.values()))
        await asyncio.gather(*(end(machine.process) for firm in self.firms.values() for machine in firm.machines))
        await end(self.line)


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(description="A world of four firms and their machines.")
    parser.add_argument("--headless", action="store_true", help="end when the story has ended")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    parser.add_argument("--keep", type=Path, help="keep the homes in this folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=60.0, help="machine seconds per second")
    parser.add_argument("--kill-at", default="", help="kill -9 nodes (chosen by the seed) after these steps, joined by "
                        "commas; all: after each; during: at any moment; writes: while machines are told something")
    parser.add_argument("--uncut", action="store_true", help="control: the line is not cut, and the run must say so")
    return parser.parse_args(argv)


async def _told(world: World) -> dict[str, Any]:
    """The whole story, and what was seen of it."""
    try:
        await world.build()
        story = Story(world, world.show)
        await story.tell()
        await world.kills.end()
        return await report(world, story, world.show)
    except Failed as error:
        return {"ok": False, "broken": [str(error)], "steps": world.show.steps}


async def run(given: argparse.Namespace) -> int:
    """Build the world, tell the story, check it; 0 when all holds."""
    folder = given.keep or Path(tempfile.mkdtemp(prefix="weft-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    with Show(STEPS, quiet=given.json and given.headless) as show:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            world = World(given, folder, session, show)
            telling = asyncio.create_task(_told(world))
            try:
                at_signal(telling.cancel)  # whoever ends us early ends what we have started
                result = await telling
                if not given.headless:
                    show.consoles(world.firms.values())
                    await interrupted()
            finally:
                try:
                    await world.kills.end()
                finally:  # also when a node that was killed did not start again
                    await world.tear_down()
                if given.keep is None:
                    shutil.rmtree(folder, ignore_errors=True)
    for broken in result["broken"]:
        print(f"BROKEN: {broken}", file=sys.stderr)
    if given.json:
        print(json.dumps(result, ensure_ascii=False))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    logging.getLogger("asyncua").setLevel(logging.ERROR)  # it warns of every session's agreed lifetime
    try:
        raise SystemExit(asyncio.run(run(arguments(sys.argv[1:]))))
    except asyncio.CancelledError:
        raise SystemExit(130) from None
