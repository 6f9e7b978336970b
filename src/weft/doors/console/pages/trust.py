"""How a phone or tablet comes to trust this node: its certificate to install, and how, for whoever asks.

Rule 1: it is public and holds nothing but the certificate that every visitor of HTTPS is shown anyway.
Rule 2: it is of use only to who compares the fingerprint with the node's own screen; so it says to do that.
Not here: making certificates (``certificates.py``).
"""

from ipaddress import ip_address
from typing import Final

from starlette.responses import Response

from weft.basis.errors import NotFound
from weft.doors.console.visit import HEADERS, Visit

CERTIFICATE: Final = "application/x-x509-ca-cert"  # by which phones know what to do with the file
PORT: Final = 8444  # what is proposed for HTTPS: not the one that the plain door has in most places
ANY: Final = "0.0.0.0"  # noqa: S104 - a proposal to read, nothing is opened
DEVICES: Final = (("ios", 4), ("android", 3), ("harmony", 3), ("windows", 3), ("mac", 3))  # and how many steps


async def page(visit: Visit) -> Response:
    """What to do, in a few steps for each kind of device."""
    https = visit.node.https
    pairs = https.fingerprint.split() if https else []
    rows = [" ".join(pairs[at:at + 8]) for at in range(0, len(pairs), 8)]
    here = visit.request.url.scheme == "https"
    return visit.plain("trust.html", https=https, rows=rows, here=here, devices=DEVICES,
                       port=PORT if visit.request.url.port != PORT else PORT + 1, host=_address(visit))


def _address(visit: Visit) -> str:
    """The machine's address on the network as the visitor has it; from the machine itself: all that it has."""
    try:
        found = ip_address(visit.request.url.hostname or "")
    except ValueError:
        return ANY
    return ANY if found.is_loopback else str(found)


async def certificate(visit: Visit) -> Response:
    """The file that a phone installs."""
    data = visit.node.https.authority if visit.node.https else b""
    if not data:
        raise NotFound("https.none")
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="weft-ca.crt"'}
    return Response(data, 200, headers, CERTIFICATE)
