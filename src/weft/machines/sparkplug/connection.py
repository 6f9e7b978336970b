"""The asset connection by way of Sparkplug: a machine is an edge node or a device of one; its hrefs are metric names.

``sparkplug+mqtt://broker:1883/GROUP/NODE`` or ``…/GROUP/NODE/DEVICE``; ``sparkplug+mqtts`` by TLS.
Rule 1: the link is up from a birth to a death; in between unchanged values hold, for the edge node tells changes.
Rule 2: a command is sent once (QoS 0, as the standard asks) while the machine is alive; what it did is read back.
Rule 3: a value is as old as the edge node's own clock says.
Not here: births and deaths (``edge``), the session (``hosts``).
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from weft.basis.errors import Invalid, WeftError
from weft.machines.brokered import BrokeredConnection
from weft.machines.keeping import Pace
from weft.machines.mqtt_access import door
from weft.machines.mqtt_browse import folders
from weft.machines.sparkplug import payload as sp
from weft.machines.sparkplug.edge import BDSEQ, Edge, Heard, Kind
from weft.machines.sparkplug.hosts import Host, Hosts, Seat
from weft.machines.sparkplug.payload import Metric
from weft.shopfloor.connection import BrowsedNode, Capability, Change, Quality, Scalar, Value
from weft.shopfloor.description import Description

CAPABILITIES: Final = frozenset(Capability)


def placed(description: Description) -> tuple[Seat, str]:
    """Where the machine sits: its edge node and device ("": the node itself); raises ``Invalid('machine.topic')``."""
    parts = [unquote(one) for one in urlsplit(description.base).path.strip("/").split("/")]
    bad = len(parts) not in (2, 3) or any(
        not one or not one.isprintable() or any(sign in one for sign in "+#/") for one in parts)
    if bad or parts[0] == "STATE":
        raise Invalid("machine.topic", href=description.base[:120])
    return Seat(parts[0], parts[1]), parts[2] if len(parts) == 3 else ""


class SparkplugConnection(BrokeredConnection):
    """One machine behind an edge node; see ``AssetConnection``. ``hosts`` are those of the node, else of its own."""

    def __init__(self, description: Description, secrets: Path | None = None, machine: str = "",
                 hosts: Hosts | None = None, pace: Pace | None = None) -> None:
        super().__init__(description, pace)
        self._seat, self._device = placed(description)
        self._door = door(description, secrets, machine or description.id)
        self._hosts = hosts or Hosts(secrets)
        self._host: Host | None = None
        self._edge: Edge | None = None
        self._by_metric: dict[str, list[str]] = {}
        for name, prop in description.properties.items():
            self._by_metric.setdefault(prop.href, []).append(name)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    # ---- the link --------------------------------------------------------------------------------------

    async def _live(self) -> None:
        if self._host is None:
            self._host = self._hosts.at(self._door, self._pace)  # raises while the login is missing
            self._edge = self._host.join(self._seat, self._on_heard)
        if self._host.line is not None and self._alive():
            self._all_present()  # born before this link began: by us or by another machine of this node
        await self._stay()

    async def close(self) -> None:
        """Let the link go; who is the last at a broker says goodbye for all."""
        await super().close()
        host, self._host = self._host, None
        if host is not None:
            await host.leave(self._seat, self._on_heard)

    def _alive(self) -> bool:
        edge = self._edge
        return edge is not None and edge.online and (not self._device or edge.devices.get(self._device) == "")

    def _absence(self) -> str:
        host, edge = self._host, self._edge
        if host is None or edge is None:
            return "machine.broker-gone"
        if host.line is None:
            if isinstance(host.error, WeftError):
                raise host.error
            return "machine.broker-gone"
        self.notice = host.notice
        if not edge.online:
            return edge.why
        return edge.devices.get(self._device, "machine.not-announced") if self._device else ""

    def _on_heard(self, heard: Sequence[Heard]) -> None:
        now = time.monotonic()
        for one in heard:
            if one.device != self._device:
                continue
            if one.died:
                self._forget()
                self._turn(self._away() or "machine.offline")
            elif one.born:
                self._all_present()
                self._turn(self._away())
            else:
                self._took(list(self._named(one.metrics)), now)
        self._news.set()

    def _away(self) -> str:
        try:
            return self._absence()
        except WeftError as error:
            return error.code

    def _all_present(self) -> None:
        """Take all values as the birth and what followed tell them; a property that no birth told of is wrong."""
        assert self._edge is not None
        kinds = self._edge.kinds.get(self._device, {})
        self._wrong = {name: "unknown-metric" for href, names in self._by_metric.items() if href not in kinds
                       for name in names}
        self._forget()
        at = self._edge.at.get(self._device, {})
        for metric, value in self._edge.values.get(self._device, {}).items():
            for name in self._by_metric.get(metric, ()):
                self._newest[name], self._at[name] = self._typed(name, value), at[metric]

    def _named(self, metrics: Sequence[tuple[str, Value]]) -> Sequence[Change]:
        return [(name, self._typed(name, value)) for metric, value in metrics
                for name in self._by_metric.get(metric, ())]

    def _typed(self, name: str, value: Value) -> Value:
        """``value`` where it is of the property's type, else BAD."""
        kind, raw = self.description.properties[name].type, value.value
        fits = raw is None or (isinstance(raw, bool) if kind == "boolean" else isinstance(raw, str)
                               if kind == "string" else not isinstance(raw, bool | str))
        return value if fits else Value(None, Quality.BAD, value.source_ms, value.server_ms, "type")

    # ---- commands --------------------------------------------------------------------------------------

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """One command; gives per name an empty string, or why it was not sent."""
        if self._host is None or self._host.line is None or not self._linked:
            raise self._unreachable()
        metrics: dict[str, Metric] = {}
        refused: dict[str, str] = {}
        for name, value in values.items():
            prop = self.description.properties.get(name)
            made = self._metric(prop.write_form.get("href", prop.href), value) if prop else "unknown-property"
            if isinstance(made, str):
                refused[name] = made
            else:
                metrics[name] = made
        if refused:
            return {name: refused.get(name, "not-sent") for name in values}
        return dict.fromkeys(values, await self._send(list(metrics.values()), ", ".join(values)))

    def _metric(self, href: Any, value: Scalar) -> Metric | str:
        """The metric that brings ``href`` to ``value``, by alias where its birth gave one, or why not."""
        kind: Kind | None = self._edge.kinds.get(self._device, {}).get(str(href)) if self._edge is not None else None
        if kind is None:
            return "unknown-metric"
        fitting = sp.fitting(value, kind.datatype)
        if fitting is None:
            return "type"
        return Metric(name="" if kind.alias >= 0 else kind.name, alias=kind.alias, datatype=kind.datatype,
                      value=fitting)

    async def _send(self, metrics: Sequence[Metric], about: str) -> str:
        host = self._host
        assert host is not None
        try:
            return await host.send(self._seat, self._device, metrics)
        except (WeftError, TimeoutError) as error:
            raise self._no_answer(f"{self._reason(error)}: {about}") from error

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Write the metric of an action: its one argument, or true where it has none."""
        known = self.description.actions.get(action)
        if known is None:
            return "unknown-action"
        if len(arguments) != len(known.arguments) or len(arguments) > 1:
            return "arguments"
        if self._host is None or self._host.line is None or not self._linked:
            raise self._unreachable()
        made = self._metric(known.href, arguments[0] if arguments else True)
        return made if isinstance(made, str) else await self._send([made], action)

    # ---- browsing --------------------------------------------------------------------------------------

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:
        """The metrics of the birth; folders as objects."""
        if not self._linked or self._edge is None:
            raise self._unreachable()
        above = f"{under}/" if under else ""
        found, deeper = [], set()
        for name, kind in self._edge.kinds.get(self._device, {}).items():
            path = name.removeprefix(above)
            if name == BDSEQ or not name.startswith(above):
                continue
            if path.count("/") >= max(1, depth):
                deeper.add("/".join(path.split("/")[:max(1, depth)]) + "/")
                continue
            found.append(BrowsedNode(href=name, name=name.rpartition("/")[2], path=path,
                                     kind="object" if kind.datatype == sp.TEMPLATE else "variable",
                                     type=sp.NAMES.get(kind.datatype, ""), writable=kind.datatype in sp.NAMES))
        return [*folders([*(one.path for one in found), *deeper], above), *found]
