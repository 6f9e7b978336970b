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
    UNTRUSTED = "untrusted"  # the machine does not trust our certificate yet
    SECURITY = "security"  # it does not offer what the description asks for
    REFUSED = "refused"  # somebody is there, but nobody answers at this port
    SILENT = "silent"  # nobody answers
    NAME = "name"  # the name in the address is not known
    DESCRIPTION = "description"  # what we have written down of it
    FULL = "full"  # it has no room for us
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
    (Remedy.DESCRIPTION, r"machine\.|description\.|BadNodeId"),
)
_VALUE: Final[Sequence[tuple[Bad, str]]] = (
    (Bad.GONE, r"NodeId|unknown-property|href|namespace|illegal.?data.?address|404|not-found|AttributeId|missing"),
    (Bad.FORBIDDEN, r"AccessDenied|NotReadable|UserAccess|403|401"),
    (Bad.SENSOR, r"Sensor|DeviceFailure|OutOfService|NotConnected|NoCommunication|Communication|UNAVAILABLE"),
    (Bad.WAITING, r"WaitingForInitialData|NoData|LastKnown|no-value"),
    (Bad.TYPE, r"type|nan|not-a-number"),
    (Bad.CONVERSION, r"OutOfRange|range|json|pointer|payload|utf"),
    (Bad.NO_ANSWER, r"timeout|no-answer|link"),
)


def remedy(error: str) -> Remedy:
    """What to do about a link that ended by ``error``."""
    return next((one for one, words in _LINK if re.search(words, error, re.IGNORECASE)), Remedy.OTHER)


def bad(detail: str) -> Bad:
    """What ``detail`` of a bad value means."""
    return next((one for one, words in _VALUE if re.search(words, detail, re.IGNORECASE)), Bad.OTHER)
