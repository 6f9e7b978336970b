"""We reach the shop floor: one connection per machine, one runner that joins it to the book.

API:
    connect(description, secrets, machine, sessions) -> AssetConnection by the scheme of the description's address
    runner.MachineRunner   one machine: values -> facts -> book; load and start jobs; recover after a crash
    fleet.Fleet            all machines of the folded book, opened and closed as it changes
Not here: rules (``shopfloor/``), live values (``engine/live.py``).
"""

from pathlib import Path
from typing import Any

from weft.basis.errors import Invalid
from weft.shopfloor.connection import AssetConnection
from weft.shopfloor.description import Description

SCHEMES = ("opc.tcp", "modbus+tcp", "http", "https", "mtconnect+http", "mqtt", "mqtts", "sparkplug+mqtt",
           "sparkplug+mqtts", "linuxcnc")

Sessions = dict[str, Any]  # what the connections of one node share, by protocol


def connect(
    description: Description, secrets: Path, machine: str, sessions: Sessions | None = None
) -> AssetConnection:
    """The connection for ``description``, not yet open; ``secrets`` is the folder for keys and trusted certificates.

    ``sessions`` is empty at first and the same for all machines of one node: to a Sparkplug broker it is one host.
    """
    if description.scheme == "opc.tcp":
        from weft.machines.opcua import OpcUaConnection  # asyncua takes half a second to import
        from weft.machines.opcua_channel import OpcUaFiles

        return OpcUaConnection(description, OpcUaFiles.under(secrets, machine))
    if description.scheme == "modbus+tcp":
        from weft.machines.modbus import ModbusConnection

        return ModbusConnection(description)
    if description.scheme in ("mqtt", "mqtts"):
        from weft.machines.mqtt import MqttConnection

        return MqttConnection(description, secrets, machine)
    if description.scheme in ("http", "https"):
        from weft.machines.access import Files
        from weft.machines.http import HttpConnection

        return HttpConnection(description, Files.under(secrets, machine))
    if description.scheme in ("sparkplug+mqtt", "sparkplug+mqtts"):
        from weft.machines.sparkplug.connection import SparkplugConnection
        from weft.machines.sparkplug.hosts import Hosts

        hosts = {} if sessions is None else sessions
        return SparkplugConnection(description, secrets, machine, hosts.setdefault("sparkplug", Hosts(secrets)))
    if description.scheme == "mtconnect+http":
        from weft.machines.mtconnect import MtConnectConnection

        return MtConnectConnection(description)
    if description.scheme == "linuxcnc":
        from weft.machines.linuxcnc import LinuxCncConnection

        return LinuxCncConnection(description)
    raise Invalid("machine.scheme", scheme=description.scheme, known=", ".join(SCHEMES))
