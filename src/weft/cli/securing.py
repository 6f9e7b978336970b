"""Whether phones and tablets can trust this node: the certificate's end, its names, and that there is HTTPS at all.

Not here: making certificates (``certificates.py``).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from weft.basis.errors import WeftError
from weft.cli.finding import Finding, told
from weft.cli.words import refusal

SOON: Final = timedelta(days=14)
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def https(place: Any, config: Any) -> Iterator[Finding]:
    """What can be said of HTTPS without asking the node."""
    from weft.certificates import Certificates

    if not config.https.port:
        if config.listen.host not in LOOPBACK:
            yield told("warning", "https-none", path=place.settings)
        return
    certificates = Certificates(place.device.parent, config.https, config.firm.name)
    try:
        state = certificates.state()
    except WeftError as error:
        yield Finding("bad", "https", refusal(error))
        return
    if state is not None:  # the node makes one as it starts
        yield from _judged(state, config.https.certificate or place.device.parent)
        yield from (told("warning", "https-name", host=host, path=place.settings)
                    for host in _asked_for(config) if not state.covers(host))


def _judged(state: Any, path: Any) -> Iterator[Finding]:
    """How long the certificate is still good."""
    until, left = state.until.date().isoformat(), state.until - datetime.now(UTC)
    if left < timedelta(0):
        yield told("bad", "https", until=until, path=path)
    elif left < SOON and not state.own:
        yield told("warning", "https", until=until, path=path)
    else:
        yield told("good", "https", until=until, names=", ".join(state.names))


def _asked_for(config: Any) -> list[str]:
    """By which names phones reach the node, as far as the settings know."""
    from weft.certificates import own_addresses

    given = [one.strip().lower() for one in config.https.names.split(",") if one.strip()]
    if given or config.https.certificate:
        return given
    return own_addresses(config.https.host or config.listen.host)
