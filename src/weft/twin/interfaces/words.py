"""What a Thing Description and an Asset Interfaces Description call the same things.

IDTA 02017-1-1, annex C (mappings); W3C WoT TD 1.1 and its bindings; OPC 10101 (OPC UA).
Rule 1: AID writes ``modv_function`` for ``modv:function``, and texts for flags and numbers; both ways stand here once.
Not here: building (``twin/templates/interfaces.py``), reading (``reading.py``).
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from weft.twin.names import semantic, short

AID: Final = "https://admin-shell.io/idta/AssetInterfacesDescription"
TD: Final = "https://www.w3.org/2019/wot/td"
SCHEMA: Final = "https://www.w3.org/2019/wot/json-schema"
FORM: Final = "https://www.w3.org/2019/wot/hypermedia"
HTTP: Final = "https://www.w3.org/2011/http"
SECURITY: Final = "https://www.w3.org/2019/wot/security"
UA: Final = "http://opcfoundation.org/UA/WoT-Binding/"
TD_TYPE: Final = "application/td+json"
CONTEXT: Final = ("https://www.w3.org/2022/wot/td/v1.1",
                  {"uav": UA, "modv": "https://www.w3.org/2019/wot/modbus#", "mqv": "https://www.w3.org/2019/wot/mqtt#",
                   "htv": "http://www.w3.org/2011/http#", "weft": "https://weft.example/vocabulary/1#"})

Sort = Literal["text", "flag", "number"]


class Protocol(NamedTuple):
    """How an interface is called, by which id its protocol is known, and what its values are sent as."""

    id_short: str
    known_by: str
    content_type: str


BINARY: Final = "application/octet-stream"  # says nothing: of protocols whose values need no form
_OPC_UA: Final = Protocol("InterfaceOPCUA", UA, BINARY)
_MODBUS: Final = Protocol("InterfaceMODBUS", "http://www.w3.org/2011/modbus", BINARY)
_MQTT: Final = Protocol("InterfaceMQTT", "http://www.w3.org/2011/mqtt", "application/json")
_HTTP: Final = Protocol("InterfaceHTTP", "http://www.w3.org/2011/http", "application/json")
PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "opc.tcp": _OPC_UA, "modbus+tcp": _MODBUS, "mqtt": _MQTT, "mqtts": _MQTT, "http": _HTTP, "https": _HTTP}


def protocol(scheme: str) -> Protocol:
    """How interfaces of ``scheme`` are called; one that AID does not know yet has a name and an id of our own."""
    return PROTOCOLS.get(scheme) or Protocol(
        short(scheme.replace("+", "_"), "Interface_"), semantic(f"Protocol:{scheme}"), BINARY)


class Term(NamedTuple):
    """One word of a form: its semantic id, and what its text means."""

    semantic: str
    sort: Sort = "text"


# Words of a form as a Thing Description writes them; AID has "_" for ":".
TERMS: Final[Mapping[str, Term]] = {
    "contentType": Term(f"{FORM}#forContentType"),
    "subprotocol": Term(f"{FORM}#forSubProtocol"),
    "htv:methodName": Term(f"{HTTP}#methodName"),
    "modv:function": Term("https://www.w3.org/2019/wot/modbus#hasFunction"),
    "modv:entity": Term("https://www.w3.org/2019/wot/modbus#hasEntity"),
    "modv:zeroBasedAddressing": Term("https://www.w3.org/2019/wot/modbus#hasZeroBasedAddressingFlag", "flag"),
    "modv:pollingTime": Term("https://www.w3.org/2019/wot/modbus#hasPollingTime", "number"),
    "modv:timeout": Term("https://www.w3.org/2019/wot/modbus#hasTimeout", "number"),
    "modv:type": Term("https://www.w3.org/2019/wot/modbus#hasPayloadDataType"),
    "modv:mostSignificantByte": Term("https://www.w3.org/2019/wot/modbus#hasMostSignificantByte", "flag"),
    "modv:mostSignificantWord": Term("https://www.w3.org/2019/wot/modbus#hasMostSignificantWord", "flag"),
    "mqv:retain": Term("https://www.w3.org/2019/wot/mqtt#hasRetainFlag", "flag"),
    "mqv:controlPacket": Term("https://www.w3.org/2019/wot/mqtt#ControlPacket"),
    "mqv:qos": Term("https://www.w3.org/2019/wot/mqtt#hasQoSFlag"),
    "uav:browsePath": Term(f"{UA}browsePath"),
}
OF_ENDPOINT: Final = ("modv:mostSignificantByte", "modv:mostSignificantWord")  # may stand once for all forms


class Scheme(NamedTuple):
    """One way to be let in: what AID calls it, its semantic id, its fields (as a Thing Description has them)."""

    id_short: str
    semantic: str
    said: str
    fields: tuple[str, ...] = ()


# By the scheme of a Thing Description.
SCHEMES: Final[Mapping[str, Scheme]] = {
    "nosec": Scheme("nosec_sc", f"{SECURITY}#NoSecurityScheme", "nosec"),
    "auto": Scheme("auto_sc", f"{SECURITY}#AutoSecurityScheme", "auto", ("proxy",)),
    "basic": Scheme("basic_sc", f"{SECURITY}#BasicSecurityScheme", "basic", ("name", "in", "proxy")),
    "digest": Scheme("digest_sc", f"{SECURITY}#DigestSecurityScheme", "digest", ("name", "in", "qop", "proxy")),
    "apikey": Scheme("apikey_sc", f"{SECURITY}#APIKeySecurityScheme", "apikey", ("name", "in", "proxy")),
    "bearer": Scheme("bearer_sc", f"{SECURITY}#BearerSecurityScheme", "bearer",
                     ("name", "in", "authorization", "alg", "format", "proxy")),
    "psk": Scheme("psk_sc", f"{SECURITY}#PSKSecurityScheme", "psk", ("identity", "proxy")),
    "oauth2": Scheme("oauth2_sc", f"{SECURITY}#OAuth2SecurityScheme", "oauth2",
                     ("token", "refresh", "authorization", "flow", "proxy")),
    "uav:channel-security": Scheme("opcua_channel_sc", f"{UA}OPCUASecurityChannelScheme", "ua_channelsec",
                                   ("proxy", "uav:securityMode", "uav:securityPolicy")),
    "uav:authentication": Scheme("opcua_authentication_sc", f"{UA}OPCUASecurityAuthenticationScheme",
                                 "ua_authentication", ("proxy", "uav:userIdentityToken")),
}
ADDRESSES: Final = ("token", "refresh")  # these are addresses, and so is an authorization of oauth2, and its proxy
SECURITY_MODES: Final[Mapping[str, str]] = {"none": "None", "sign": "Sign", "signandencrypt": "SignAndEncrypt"}


def in_aid(term: str) -> str:
    """``term`` of a Thing Description as AID writes it."""
    return term.replace(":", "_", 1)
