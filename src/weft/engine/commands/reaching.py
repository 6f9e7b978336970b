"""How a machine lets us in and we know it again: the login that it asks for, the certificate that it shows.

Rule 1: what is set here is kept in a file of the home, and told to nobody; a machine need not be known yet.
Not here: files and checks (``machines/access.py``), the machines themselves (``floor.py``).
"""

from typing import Any

from weft.basis.errors import Unavailable
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node


class MachineLogin(Params, frozen=True, kw_only=True):
    """``user`` with ``password``, or ``certificate`` with its ``key`` (PEM); nothing at all takes the login away."""

    name: str
    user: str = ""
    password: str = ""
    certificate: str = ""
    key: str = ""


async def machine_login(node: Node, params: MachineLogin, _key: str) -> Done:
    """Set how we log in at a machine, from its next link-up on."""
    _access(node).set_login(params.name, user=params.user, password=params.password,
                            certificate=params.certificate, key=params.key)
    return Done(facts={"machine": params.name})


class MachineTrust(Params, frozen=True, kw_only=True):
    """``fingerprint`` (SHA-256, whole) is what the machine's own screen says of the certificate that waits."""

    name: str
    fingerprint: str


async def machine_trust(node: Node, params: MachineTrust, _key: str) -> Done:
    """Trust the certificate that a machine shows now, and no other."""
    trusted = _access(node).trust(params.name, params.fingerprint)
    return Done(facts={"machine": params.name, "fingerprint": trusted.fingerprint})


def _access(node: Node) -> Any:
    if node.machine_access is None:
        raise Unavailable("machine.no-folder")
    return node.machine_access
