"""The event hash id of an EPCIS event: one fingerprint, whatever the spelling of the event.

CBV 2.0 §8.9.2; numbers in comments are the rules there. The table below is its canonical property order.
Rule 1: recordTime, eventID, errorDeclaration and @context do not count; everything else does.
Not here: signing (an event's evidence is the signed book that holds it).
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from weft.trace.epc import canonical

_CBV: Final = "https://ref.gs1.org/cbv/"
_PREFIXES: Final = {"gs1": "https://gs1.org/voc/", "epcis": "https://ref.gs1.org/epcis/", "cbv": _CBV}
_WORDS: Final = {"bizStep": "BizStep-", "disposition": "Disp-", "set": "Disp-", "unset": "Disp-",
                 "bizTransactionList": "BTT-", "sourceList": "SDT-", "destinationList": "SDT-"}
_URNS: Final = {"urn:epcglobal:cbv:bizstep:": "BizStep-", "urn:epcglobal:cbv:disp:": "Disp-",
                "urn:epcglobal:cbv:btt:": "BTT-", "urn:epcglobal:cbv:sdt:": "SDT-"}
_REPORTED: Final = {"type": _PREFIXES["gs1"], "exception": _PREFIXES["gs1"] + "SensorAlertType-",
                    "component": _CBV + "Comp-"}
_QUANTITY: Final = ("epcClass", "quantity", "uom")
_METADATA: Final = ("time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData",
                    "dataProcessingMethod", "bizRules")
_REPORT: Final = (
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism",
    "chemicalSubstance", "value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue", "minValue",
    "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem")
_ORDER: Final = (
    "eventTime", "eventTimeZoneOffset", "certificationInfo", "parentID", "epcList", "inputEPCList", "childEPCs",
    "quantityList", "childQuantityList", "inputQuantityList", "outputEPCList", "outputQuantityList", "action",
    "transformationID", "bizStep", "disposition", "persistentDisposition", "readPoint", "bizLocation",
    "bizTransactionList", "sourceList", "destinationList", "sensorElementList")
_IGNORED: Final = frozenset({"@context", "type", "recordTime", "eventID", "errorDeclaration", "ilmd", "rdfs:comment"})
_TYPED: Final = {"bizTransactionList": "bizTransaction", "sourceList": "source", "destinationList": "destination"}


def event_id(event: Mapping[str, Any], context: Any = None) -> str:
    """``ni:///sha-256;…?ver=CBV2.0`` of ``event``; ``context`` declares the namespaces of extensions."""
    return f"ni:///sha-256;{hashlib.sha256(prehash(event, context).encode()).hexdigest()}?ver=CBV2.0"


def prehash(event: Mapping[str, Any], context: Any = None) -> str:
    """The canonical text of ``event`` that is hashed."""
    names = _namespaces([context, event.get("@context")])
    parts = [f"eventType={event['type']}"]
    parts += [_field(key, event[key], names) for key in _ORDER if key in event]  # rules 1, 4
    ilmd = event.get("ilmd")
    if ilmd:
        parts.append("ilmd" + _extensions(ilmd, names))  # rule 19
    rest = {key: value for key, value in event.items() if key not in _ORDER and key not in _IGNORED}
    parts.append(_extensions(rest, names))  # rule 20
    return "".join(parts)


def _field(key: str, value: Any, names: Mapping[str, str]) -> str:
    if key in _TYPED:
        return key + "".join(sorted(_typed(key, one, names) for one in value)) if value else ""
    if key.endswith("uantityList"):
        return _list(key, ["quantityElement" + _ordered(one, _QUANTITY, names) for one in value])
    if key in ("epcList", "inputEPCList", "outputEPCList", "childEPCs"):
        return _list(key, [_pair("epc", one, names) for one in value])
    if key == "sensorElementList":
        return _list(key, [_sensor(one, names) for one in value])
    if key == "persistentDisposition":
        return key + "".join("".join(sorted(_pair(one, word, names) for word in value[one]))
                             for one in ("set", "unset") if one in value)
    if isinstance(value, Mapping):  # readPoint, bizLocation; rule 21
        return key + _ordered(value, ("id",), names)
    if isinstance(value, list):
        return "".join(sorted(_pair(key, one, names) for one in value))
    return _pair(key, value, names)


def _list(key: str, elements: list[str]) -> str:
    return key + "".join(sorted(elements)) if elements else ""  # rules 10 to 12


def _typed(key: str, one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    kind = str(one.get("type", ""))
    child = _TYPED[key]
    before = f"type={_word(kind, _WORDS[key], names)}" if kind else ""
    return before + _pair(child, one[child], names)  # rule 13, read as every implementation does: the type first


def _sensor(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    metadata = one.get("sensorMetadata")
    text = "sensorMetadata" + _ordered(metadata, _METADATA, names) if metadata else ""
    reports = sorted("sensorReport" + _ordered({**report, **_spelled(report)}, _REPORT, names)
                     for report in one.get("sensorReport", ()))
    rest = {key: value for key, value in one.items() if key not in ("sensorMetadata", "sensorReport", "type")}
    return "sensorElement" + text + "".join(reports) + _extensions(rest, names)


def _spelled(report: Mapping[str, Any]) -> dict[str, str]:
    """Rule 16 within a sensor report, whose ``type`` is a word of the GS1 web vocabulary."""
    return {key: prefix + report[key] for key, prefix in _REPORTED.items() if key in report and ":" not in report[key]}


def _ordered(value: Mapping[str, Any], order: tuple[str, ...], names: Mapping[str, str]) -> str:
    text = "".join(_pair(key, value[key], names) for key in order if key in value)
    return text + _extensions({key: inner for key, inner in value.items() if key not in order}, names)


def _pair(key: str, value: Any, names: Mapping[str, str]) -> str:
    return f"{key}={_text(key, value, names)}"  # rule 3


def _text(key: str, value: Any, names: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    text = str(value).strip()  # rule 5
    if key in ("eventTime", "time", "startTime", "endTime"):
        return _instant(text)
    return canonical(_word(text, _WORDS.get(key, ""), names))  # rules 17, 18


def _word(text: str, bare: str, names: Mapping[str, str]) -> str:
    """Rules 14 to 16: CBV URNs, CURIEs and bare words become web URIs."""
    for urn, family in _URNS.items():
        if text.startswith(urn):
            return _CBV + family + text.removeprefix(urn)
    prefix, colon, rest = text.partition(":")
    if colon and prefix in names and not rest.startswith("//"):
        return names[prefix] + rest
    return _CBV + bare + text if bare and not colon else text


def _number(value: float | Decimal) -> str:
    exact = Decimal(str(value))
    return format(exact.normalize(), "f") if exact else "0"  # rule 6


def _instant(text: str) -> str:
    """Rules 8 and 9: UTC with milliseconds."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    rounded = round(moment.timestamp() * 1000)
    return datetime.fromtimestamp(rounded // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rounded % 1000:03d}Z"


def _extensions(value: Mapping[str, Any], names: Mapping[str, str]) -> str:
    parts: list[str] = []
    for key, inner in value.items():
        parts += [_extension(key, one, names) for one in (inner if isinstance(inner, list) else [inner])]
    return "".join(sorted(parts))


def _extension(key: str, value: Any, names: Mapping[str, str]) -> str:
    prefix, colon, local = key.partition(":")
    name = f"{{{names[prefix]}}}{local}" if colon and prefix in names else key
    return name + _extensions(value, names) if isinstance(value, Mapping) else _pair(name, value, names)


def _namespaces(contexts: Any) -> dict[str, str]:
    found = dict(_PREFIXES)
    waiting = [contexts]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            found |= {key: value for key, value in one.items() if isinstance(value, str)}
        elif isinstance(one, list):
            waiting += one
    return found
