"""How a phone or tablet comes to trust this node: its certificate to install, and how, for whoever asks.

Rule 1: it is public and holds nothing but the certificate that every visitor of HTTPS is shown anyway.
Rule 2: it is of use only to who compares the fingerprint with the node's own screen; so it says to do that.
Not here: making certificates (``certificates.py``).
"""

from typing import Final

from starlette.responses import Response

from weft.basis.errors import NotFound
from weft.doors.console.visit import HEADERS, Visit

CERTIFICATE: Final = "application/x-x509-ca-cert"  # by which phones know what to do with the file
DEVICES: Final = (("ios", 4), ("android", 3), ("harmony", 3), ("windows", 3), ("mac", 3))  # and how many steps


async def page(visit: Visit) -> Response:
    """What to do, in a few steps for each kind of device."""
    https = visit.node.https
    pairs = https.fingerprint.split() if https else []
    rows = [" ".join(pairs[at:at + 8]) for at in range(0, len(pairs), 8)]
    here = visit.request.url.scheme == "https"
    return visit.plain("trust.html", https=https, rows=rows, here=here, devices=DEVICES)


async def certificate(visit: Visit) -> Response:
    """The file that a phone installs."""
    data = visit.node.https.authority if visit.node.https else b""
    if not data:
        raise NotFound("https.none")
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="weft-ca.crt"'}
    return Response(data, 200, headers, CERTIFICATE)
