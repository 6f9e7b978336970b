"""Which ways of security an OPC UA server offers, before anybody has chosen one.

OPC 10000-4 GetEndpoints; only what ``opcua_channel`` can keep is told, the safest first.
Not here: choosing (the owner), keeping to it (``opcua_channel``).
"""

from typing import Any, Final

from asyncua import ua

from weft.basis.errors import Unavailable
from weft.engine.discovery import Offered
from weft.machines.opcua_bounds import BoundedClient
from weft.machines.opcua_services import reason

TIMEOUT_S: Final = 6.0
_MODES: Final = {ua.MessageSecurityMode.None_: "none", ua.MessageSecurityMode.Sign: "sign",
                 ua.MessageSecurityMode.SignAndEncrypt: "signAndEncrypt"}
_BEST: Final = ("signAndEncrypt", "sign", "none")
_POLICIES: Final = ("Aes256_Sha256_RsaPss", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "None")


async def offered(address: str) -> tuple[Offered, ...]:
    """What the server at ``address`` offers; raises ``Unavailable('machine.unreachable')``."""
    try:
        endpoints = await BoundedClient(address, TIMEOUT_S).connect_and_get_server_endpoints() or []
    except Exception as error:  # whatever the library raises at what answers there
        raise Unavailable("machine.unreachable", machine=address[:80], detail=reason(error)) from error
    found = {(one.mode, one.policy): one for one in map(_told, endpoints) if one is not None}
    return tuple(sorted(found.values(), key=lambda one: (
        _BEST.index(one.mode), _POLICIES.index(one.policy or "None"))))


def _told(endpoint: Any) -> Offered | None:
    mode = _MODES.get(endpoint.SecurityMode, "")
    policy = str(endpoint.SecurityPolicyUri or "").rsplit("#", 1)[-1]
    if not mode or policy not in _POLICIES:
        return None
    kinds = {one.TokenType for one in endpoint.UserIdentityTokens or ()}
    return Offered(mode=mode, policy="" if mode == "none" else policy,
                   anonymous=ua.UserTokenType.Anonymous in kinds or not kinds,
                   user=bool(kinds - {ua.UserTokenType.Anonymous}))
