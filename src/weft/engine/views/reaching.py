"""How a machine lets us in and which certificate it shows; never a secret.

Not here: setting either (``engine/commands/reaching.py``), files and checks (``machines/access.py``).
"""

from typing import Any

from weft.engine.views.shape import View


class CertificateView(View, frozen=True, kw_only=True):
    """A certificate of a machine. ``reason``: why it waits for a word (expired, not-yet-valid, host, changed)."""

    fingerprint: str
    subject: str
    since: str
    until: str
    hosts: tuple[str, ...] = ()
    reason: str = ""


class MachineAccessView(View, frozen=True, kw_only=True):
    """``login``: password, certificate or "" (none); ``offered`` waits for the owner's word."""

    name: str
    login: str = ""
    trusted: CertificateView | None = None
    offered: CertificateView | None = None


async def machine_access(node: Any, name: str) -> MachineAccessView:
    """How the machine ``name`` is reached; it need not be known yet."""
    access = node.machine_access
    if access is None:
        return MachineAccessView(name=name)
    return MachineAccessView(name=name, login=access.login(name), trusted=_shown(access.trusted(name)),
                             offered=_shown(access.offered(name)))


def _shown(one: Any) -> CertificateView | None:
    return None if one is None else CertificateView(
        fingerprint=one.fingerprint, subject=one.subject, since=one.since, until=one.until, hosts=one.hosts,
        reason=one.reason)
