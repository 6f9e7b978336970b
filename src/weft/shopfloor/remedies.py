"""What to do about a link that is down and a value that is bad: a remedy for every reason; pure.

Reasons are codes of ours, words of the operating system, status names of OPC UA (10000-4 §7.38) and of HTTP.
Rule 1: every reason has a remedy; one that is not known is shown as it is, with the most general remedy.
Not here: the sentences (``locale/``), how a link does (``connection.Health``).
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final


class Remedy(StrEnum):
    """What an owner can do; its sentence is ``remedy.<value>``."""

    CERTIFICATE = "certificate"  # the machine shows a certificate that waits for the owner's word
    LOGIN = "login"  # user name or password
    WANTED = "login-wanted"  # it wants a login, and none was set
    UNTRUSTED = "untrusted"  # the machine does not trust our certificate yet
    SECURITY = "security"  # it does not offer what the description asks for
    REFUSED = "refused"  # somebody is there, but nobody answers at this port
    SILENT = "silent"  # nobody answers
    NAME = "name"  # the name in the address is not known
    DESCRIPTION = "description"  # what we have written down of it
    FULL = "full"  # it has no room for us
    PART = "part"  # it answers, and has more to say than anybody waits for
    PROGRAM = "program"  # a program or library is missing on this computer
    CONTROLLER = "controller"  # the controller on this computer does not run
    OTHER = "other"


class Bad(StrEnum):
    """Why a value is bad; its sentence is ``bad.<value>``."""

    GONE = "gone"  # the machine knows nothing by this address
    FORBIDDEN = "forbidden"
    SENSOR = "sensor"
    WAITING = "waiting"  # the machine has no value yet
    TYPE = "type"
    CONVERSION = "conversion"
    NO_ANSWER = "no-answer"
    OTHER = "other"


_LINK: Final[Sequence[tuple[Remedy, str]]] = (
    (Remedy.SECURITY, r"certificate-untrusted"),
    (Remedy.CERTIFICATE, r"machine\.certificate"),
    (Remedy.LOGIN, r"login-refused"),
    (Remedy.LOGIN, r"machine\.no-login|UserAccessDenied|IdentityToken|not authori[sz]ed|bad user|401|403|password"),
    (Remedy.UNTRUSTED, r"CertificateUntrusted|SecurityChecksFailed|CertificateUseNotAllowed|BadCertificate"),
    (Remedy.SECURITY, r"security-not-offered|password-in-clear|PolicyRejected|ModeRejected"),
    (Remedy.SECURITY, r"No matching endpoints|CERT.*VERIFY|WRONG_VERSION"),
    (Remedy.PROGRAM, r"not-installed|No module named|No such file"),
    (Remedy.CONTROLLER, r"controller-|agent-ended"),
    (Remedy.REFUSED, r"refused|Connect call failed|111"),
    (Remedy.NAME, r"Name or service not known|No address associated|getaddrinfo|nodename|Temporary failure in name"),
    (Remedy.FULL, r"TooMany|BadMaxConnections|Resource"),
    (Remedy.SILENT, r"timeout|timed out|silent|No route|unreachable|Host is down|reset|closed|Broken pipe|gap|Timeout"),
    (Remedy.SILENT, r"broker-gone|broker-refused|machine\.offline|not-announced|messages-lost"),
    (Remedy.PART, r"look-too-long"),
    (Remedy.DESCRIPTION, r"machine\.|description\.|BadNodeId"),
)
_HEARD: Final = frozenset({"machine.unreachable", "machine.no-answer", "machine.not-heard"})  # its detail says it all
_AWAY: Final = _HEARD | {"machine.broker-gone"}
_VALUE: Final[Sequence[tuple[Bad, str]]] = (
    (Bad.GONE, r"NodeId|unknown-property|href|namespace|illegal.?(data.?)?address|404|not-found|AttributeId|missing"),
    (Bad.FORBIDDEN, r"AccessDenied|NotReadable|UserAccess|403|401"),
    (Bad.SENSOR, r"Sensor|DeviceFailure|OutOfService|NotConnected|NoCommunication|Communication|UNAVAILABLE"),
    (Bad.WAITING, r"WaitingForInitialData|NoData|LastKnown|no-value"),
    (Bad.TYPE, r"type|nan|not-a-number"),
    (Bad.CONVERSION, r"OutOfRange|range|json|pointer|payload|utf"),
    (Bad.NO_ANSWER, r"timeout|no-answer|link"),
)
_REASON: Final[Sequence[tuple[str, str]]] = (
    ("login", r"IdentityToken|UserAccessDenied|http 401|not authori[sz]ed|bad user"),
    ("forbidden", r"AccessDenied|http 403|NotReadable"),
    ("read-only", r"NotWritable|WriteNotSupported"),
    ("range", r"OutOfRange|illegal data value|illegal value"),
    ("type", r"TypeMismatch|^type$"),
    ("address", r"NodeIdUnknown|NodeIdInvalid|illegal (data )?address|http 404|unknown-property"),
    ("function", r"illegal function|MethodInvalid|ServiceUnsupported|http 405"),
    ("device", r"device failure|DeviceFailure|SensorFailure"),
    ("busy", r"device busy|TooManySessions|MaxConnections"),
    ("certificate", r"CertificateUntrusted|SecurityChecksFailed|CertificateInvalid|CERTIFICATE_VERIFY"),
    ("refused", r"Connection refused|Connect call failed|^refused$"),
    ("name", r"Name or service not known|No address associated|getaddrinfo|Temporary failure in name"),
    ("no-way", r"No route|Network is unreachable|Host is down|Host is unreachable"),
    ("lost", r"connection lost|Connection reset|Broken pipe|closed|disconnected"),
    ("silent", r"timeout|timed out|BadTimeout|^silent$|no-answer"),
    ("server-error", r"http 5\d\d"),
)
_PLAIN: Final = frozenset({"", "refused", "name", "no-way", "lost", "silent"})  # our word says as much


def remedy(error: str, *, login: bool = True) -> Remedy:
    """What to do about a link that ended by ``error``; ``login``: whether we log in at all."""
    found = next((one for one, words in _LINK if re.search(words, error, re.IGNORECASE)), Remedy.OTHER)
    return Remedy.WANTED if found is Remedy.LOGIN and (not login or error == "machine.no-login") else found


def remedy_of(code: str, detail: str, *, login: bool = True) -> Remedy:
    """What to do about an error of ours: what the device or the operating system said decides where it is known."""
    found = remedy(detail, login=login) if detail and code in _AWAY else Remedy.OTHER
    return remedy(code, login=login) if found is Remedy.OTHER and not (detail and code in _HEARD) else found


def reason(detail: str) -> str:
    """What ``detail``, the word of a device or of the operating system, means: ``reason.<it>``; "" when unknown."""
    return next((one for one, words in _REASON if re.search(words, detail, re.IGNORECASE)), "")


def own_word(detail: str) -> str:
    """The device's own word, where ours stands in its place and somebody may want to look it up; "" otherwise."""
    return detail if reason(detail) not in _PLAIN else ""


def bad(detail: str) -> Bad:
    """What ``detail`` of a bad value means."""
    return next((one for one, words in _VALUE if re.search(words, detail, re.IGNORECASE)), Bad.OTHER)
