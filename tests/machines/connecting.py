"""A node that connects machines, and the commands of its owner."""

from contextlib import asynccontextmanager

from tests.engine.home import empty_node
from tests.machines.conftest import PACE, Process
from weft.engine.commands import run
from weft.engine.dispatch import Dispatcher
from weft.engine.ordering import Ordering
from weft.engine.views import VIEWS
from weft.machines.access import Access
from weft.machines.discovering import Discovering
from weft.machines.fleet import Fleet
from weft.machines.opcua import OpcUaConnection
from weft.machines.opcua_channel import OpcUaFiles
from weft.machines.runner import floor_book


class Owner:
    """Whoever connects machines to ``node``."""

    def __init__(self, node):
        self.node = node

    async def do(self, command, key="", /, **given):
        return (await run(self.node, command, given, key, strict=False)).facts

    async def view(self, view, /, **given):
        return await VIEWS[view](self.node, **given)


@asynccontextmanager
async def lathe(folder, name):
    """A lathe of the demo that runs for itself, seen by whoever connects it."""
    process = Process(name, "lathe", ["--seed", "7", "--speed", "60", "--scrap-rate", "0",
                                      "--state", str(folder / f"{name}.starts")])
    await process.begin()
    try:
        yield process
    finally:
        await process.kill()


@asynccontextmanager
async def connecting(folder):
    """A node without machines; its dispatcher takes nothing up by itself."""
    node = await empty_node()

    def connect(described, name):
        return OpcUaConnection(described, OpcUaFiles.under(folder, name), PACE)

    node.machine_access = Access(folder)
    node.floor = Dispatcher(node, Fleet(floor_book(node), node.live, node.clock, connect))
    node.ordering = Ordering(node.floor)
    node.discovery = Discovering(connect, ("opc.tcp", "modbus+tcp"))
    try:
        yield Owner(node)
    finally:
        await node.discovery.close()
        await node.floor.stop()
        await node.twins.close()
