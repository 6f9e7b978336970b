"""Networks of their own for nodes that nobody may reach: routes out to the keepers, none to each other.

As root, each firm lives in a network namespace whose one wire leads to the square where the keepers are; the square
passes nothing on, and a firm knows no way but to the keepers. Elsewhere ``available`` is False, and a test falls back
on firms that listen on loopback ports which nobody is told.
"""

import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from typing import Self


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


def available() -> bool:
    """Whether this machine lets us make network namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"weft{uuid.uuid4().hex[:8]}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


@dataclass
class Town:
    """One namespace for the keepers (``square``), one for each firm; wires lead from the square to each firm alone."""

    name: str = field(default_factory=lambda: f"wt{uuid.uuid4().hex[:6]}")
    houses: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        subprocess.run([*inside(self._house("square")), "sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"],
                       check=True, capture_output=True, timeout=10)
        return self

    def __exit__(self, *_: object) -> None:
        for house in self.houses:
            subprocess.run(["ip", "netns", "del", house], check=False, capture_output=True, timeout=10)

    def _house(self, name: str) -> str:
        full = f"{self.name}-{name}"
        _ip("netns", "add", full)
        self.houses.append(full)
        _ip("-n", full, "link", "set", "lo", "up")
        return full

    @property
    def square(self) -> str:
        """The namespace of the keepers."""
        return self.houses[0]

    def firm(self, number: int) -> str:
        """A new namespace, whose one wire leads to the square at 10.77.``number``.1; the firm is .2 there."""
        house = self._house(f"f{number}")
        here, there = f"{self.name}{number}a", f"{self.name}{number}b"
        _ip("-n", self.square, "link", "add", here, "type", "veth", "peer", "name", there, "netns", house)
        _ip("-n", self.square, "addr", "add", f"10.77.{number}.1/24", "dev", here)
        _ip("-n", house, "addr", "add", f"10.77.{number}.2/24", "dev", there)
        for place, link in ((self.square, here), (house, there)):
            # no IPv6 address of its own that comes a second later: to a browser that is a change of the network
            _ip("-n", place, "link", "set", link, "addrgenmode", "none")
            _ip("-n", place, "link", "set", link, "up")
        return house

    def link(self, number: int, address: str) -> None:
        """The square also answers to ``address`` (a /32 of its own), and the firm ``number`` knows the way there."""
        subprocess.run(["ip", "-n", self.square, "addr", "add", f"{address}/32", "dev", "lo"], check=False,
                       capture_output=True, timeout=10)
        _ip("-n", self.houses[number], "route", "add", f"{address}/32", "via", f"10.77.{number}.1")


def inside(house: str) -> list[str]:
    """What goes before a command to run it in ``house``."""
    return ["ip", "netns", "exec", house] if house else []
