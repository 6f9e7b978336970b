"""Which events a query asks for: the simple event query of EPCIS 2.0, as far as it is answered here.

EPCIS 2.0 §8.2.7.1 (SimpleEventQuery) and its REST binding. A list is separated by ``|`` or comma: any may match.
Rule 1: a parameter that is not known is refused, never ignored: an answer that is too large would be a lie.
Rule 2: GS1 keys are compared in canonical form, so that a URN finds a Digital Link and the other way round.
Not here: paging (``doors/epcis``), queries over sensor values and master data.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from weft.basis.errors import Invalid
from weft.trace.epc import canonical

Event = Mapping[str, Any]
Test = Callable[[Event], bool]
VALUES_MAX: Final = 100
PAGING: Final = frozenset({"perPage", "nextPageToken", "eventCountLimit", "maxEventCount", "orderBy", "orderDirection"})

_EPC_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "MATCH_epc": ("epcList", "childEPCs"),
    "MATCH_parentID": ("parentID",),
    "MATCH_inputEPC": ("inputEPCList",),
    "MATCH_outputEPC": ("outputEPCList",),
    "MATCH_anyEPC": ("epcList", "childEPCs", "parentID", "inputEPCList", "outputEPCList"),
    "MATCH_epcClass": ("quantityList", "childQuantityList"),
    "MATCH_inputEPCClass": ("inputQuantityList",),
    "MATCH_outputEPCClass": ("outputQuantityList",),
    "MATCH_anyEPCClass": ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"),
}
_WORD_FIELDS: Final = {"eventType": "type", "EQ_action": "action", "EQ_eventID": "eventID", "EQ_bizStep": "bizStep",
                       "EQ_disposition": "disposition", "EQ_transformationID": "transformationID"}
_PLACE_FIELDS: Final = {"EQ_readPoint": "readPoint", "EQ_bizLocation": "bizLocation"}
_LIST_FIELDS: Final = {"EQ_bizTransaction": ("bizTransactionList", "bizTransaction"),
                       "EQ_source": ("sourceList", "source"), "EQ_destination": ("destinationList", "destination")}
_TIME_FIELDS: Final = {"eventTime": "eventTime", "recordTime": "recordTime"}
_CBV: Final = re.compile(r"(?:urn:epcglobal:cbv:(?:bizstep|disp):|https?://(?:ref|ns)\.gs1\.org/cbv/(?:BizStep|Disp)-)")


def tests(parameters: Iterable[tuple[str, str]]) -> list[Test]:
    """What an event must pass to be in the answer; raises ``Invalid`` for what is not understood (Rule 1)."""
    found = []
    for name, value in parameters:
        if name not in PAGING:
            found.append(_test(name, value))
    return found


def _test(name: str, value: str) -> Test:
    bound, _, field = name.partition("_")
    if field in _TIME_FIELDS and bound in ("GE", "LT"):
        return _time(_TIME_FIELDS[field], bound, value, name)
    listed = next((one for one in _LIST_FIELDS if name.startswith(one + "_")), "")
    if listed:
        return _listed(*_LIST_FIELDS[listed], name.removeprefix(listed + "_"), _values(name, value))
    values = _values(name, value)
    if name in _EPC_FIELDS:
        return _matching(_EPC_FIELDS[name], values)
    if name in _WORD_FIELDS:
        key, wanted = _WORD_FIELDS[name], {_word(one) for one in values}
        return lambda event: _word(str(event.get(key, ""))) in wanted
    if name in _PLACE_FIELDS:
        key, places = _PLACE_FIELDS[name], {canonical(one) for one in values}
        return lambda event: canonical(str(event.get(key, {}).get("id", ""))) in places
    if name in ("EXISTS_errorDeclaration", "EXISTS_ilmd"):
        return lambda event: name.removeprefix("EXISTS_") in event
    raise Invalid("trace.query-parameter", name=name[:60])


def _values(name: str, value: str) -> list[str]:
    values = [one for one in re.split(r"[|,]", value) if one]
    if not values or len(values) > VALUES_MAX:
        raise Invalid("trace.query-value", name=name[:60], value=value[:60])
    return values


def _word(text: str) -> str:
    return _CBV.sub("", text)


def _time(field: str, bound: str, value: str, name: str) -> Test:
    limit = _moment(value.replace(" ", "+"), name)
    after = bound == "GE"

    def test(event: Event) -> bool:
        given = event.get(field)
        return given is not None and (_moment(given, field) >= limit) is after

    return test


def _moment(text: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise Invalid("trace.query-value", name=name[:60], value=text[:60]) from error
    if moment.tzinfo is None:
        raise Invalid("trace.query-value", name=name[:60], value=text[:60])
    return moment


def _matching(fields: tuple[str, ...], values: list[str]) -> Test:
    exact = {canonical(one) for one in values if not one.endswith("*")}
    heads = tuple(canonical(one[:-1]) for one in values if one.endswith("*"))

    def test(event: Event) -> bool:
        names = {canonical(name) for field in fields for name in _named(event.get(field, ()))}
        return not exact.isdisjoint(names) or (bool(heads) and any(name.startswith(heads) for name in names))

    return test


def _named(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return (one["epcClass"] if isinstance(one, Mapping) else one for one in value)


def _listed(field: str, key: str, kind: str, values: list[str]) -> Test:
    wanted = {canonical(one) for one in values}
    return lambda event: any(
        (not kind or one.get("type") == kind) and canonical(one[key]) in wanted for one in event.get(field, ()))
