"""Between MTConnect observations and our plain values: what is unavailable, which alarm is on; pure.

MTConnect Part 3: UNAVAILABLE, Condition (Normal, Warning, Fault). A property's address is ``?id=DATAITEM`` (or its
name), or ``?category=CONDITION`` for the gravest condition of the whole device.
Rule 1: UNAVAILABLE is no data, not bad data: the agent has nothing from the machine.
Rule 2: an alarm is the native code of the gravest condition that is on, a fault before a warning, the older first;
        none is the empty text. A condition without a code counts by its words.
Rule 3: what ``probe`` did not declare is not kept; of one item's conditions no more than ``CONDITIONS_MAX``.
Not here: documents (``mtconnect_xml``), states of jobs (``shopfloor/jobcontrol``).
"""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from weft.basis.errors import Invalid
from weft.machines.mtconnect_xml import Item, Observation
from weft.machines.payloads import typed
from weft.shopfloor.connection import BrowsedNode, Quality, Value
from weft.shopfloor.description import Property

ALL_CONDITIONS: Final = "*"
CODE_MAX: Final = 80
CONDITIONS_MAX: Final = 100  # of one item that are on
_UNAVAILABLE: Final = "UNAVAILABLE"
_GRAVITY: Final = {"Fault": 0, "Warning": 1}
UNITS: Final[Mapping[str, str]] = {  # UNECE Recommendation 20
    "AMPERE": "AMP", "CELSIUS": "CEL", "COUNT": "C62", "DEGREE": "DD", "HERTZ": "HTZ", "KILOWATT": "KWT",
    "KILOGRAM": "KGM", "LITER": "LTR", "MILLIMETER": "MMT", "MILLIMETER/SECOND": "C16", "NEWTON": "NEW",
    "NEWTON_METER": "NU", "PASCAL": "PAL", "PERCENT": "P1", "REVOLUTION/MINUTE": "RPM", "SECOND": "SEC", "VOLT": "VLT",
    "WATT": "WTT", "WATT_SECOND": "JOU",
}
_STANDARD: Final = {  # type and sub-type -> the name by which a job knows it
    ("EXECUTION", ""): "Execution", ("PROGRAM", ""): "Program", ("PROGRAM", "MAIN"): "Program",
    ("PART_COUNT", ""): "PartCount", ("PART_COUNT", "GOOD"): "PartCount", ("PART_COUNT", "ALL"): "PartCount",
    ("PART_COUNT", "BAD"): "ScrapCount",
}
_WHOLE: Final = frozenset({"PART_COUNT", "LINE", "LINE_NUMBER", "TOOL_NUMBER", "BLOCK_COUNT"})


def item_named(href: str) -> str:
    """The data item that an address names, or ``ALL_CONDITIONS``; raises ``Invalid('machine.href')``."""
    parts = urlsplit(href)
    asked = parse_qs(parts.query)
    if asked.get("category") == ["CONDITION"]:
        return ALL_CONDITIONS
    named = asked.get("id", [parts.path.strip("/")])[0]
    if not named:
        raise Invalid("machine.href", href=href[:120])
    return named


def kind_of(item: Item) -> str:
    """The type of a property for ``item``."""
    if item.category == "SAMPLE":
        return "number"
    return "integer" if item.type in _WHOLE else "string"


def browsed(items: Iterable[Item]) -> list[BrowsedNode]:
    """The data items as they are offered: what a job needs under the standard's own name, the rest under theirs."""
    found: list[BrowsedNode] = []
    taken: set[str] = set()
    for one in items:
        name = _STANDARD.get((one.type, one.sub_type), one.name or one.id)
        if f"{one.path}/{name}" in taken:
            name = one.name or one.id
        taken.add(f"{one.path}/{name}")
        found.append(BrowsedNode(href=f"?id={one.id}", name=name, path=f"{one.path}/{name}", kind="variable",
                                 type=kind_of(one), unit=UNITS.get(one.units, one.units)))
        if one.type == "EXECUTION" and f"{one.path}/Alarm" not in taken:  # beside the state: what is wrong anywhere
            taken.add(f"{one.path}/Alarm")
            found.append(BrowsedNode(href="?category=CONDITION", name="Alarm", path=f"{one.path}/Alarm",
                                     kind="variable", type="string"))
    return found


class Observed:
    """The newest observation of each data item, and of conditions all that are on."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self._items = items
        self._names = {one.name: one.id for one in items.values() if one.name}
        self._newest: dict[str, Observation] = {}
        self._on: dict[str, dict[str, Observation]] = {}

    def find(self, named: str) -> str | None:
        """The id of the item that is called ``named``."""
        return named if named in self._items or named == ALL_CONDITIONS else self._names.get(named)

    def take(self, observations: Iterable[Observation]) -> set[str]:
        """Take in what was observed; the ids of the items that it is about."""
        touched = set()
        for one in observations:
            if one.item not in self._items:
                continue
            touched.add(one.item)
            self._newest[one.item] = one
            if one.level:
                touched.add(ALL_CONDITIONS)
                self._condition(self._on.setdefault(one.item, {}), one)
        return touched

    def _condition(self, on: dict[str, Observation], one: Observation) -> None:
        if one.level in _GRAVITY:
            on[one.code or one.text] = one
            if len(on) > CONDITIONS_MAX:
                del on[next(iter(on))]
        elif one.level == "Normal" and one.code:
            on.pop(one.code, None)
        else:
            on.clear()

    def value(self, prop: Property, item: str, server_ms: int) -> Value:
        """What is now known of ``item``, as the type of ``prop``."""
        if item == ALL_CONDITIONS or self._items[item].category == "CONDITION":
            return self._alarm(prop, item, server_ms)
        newest = self._newest.get(item)
        if newest is None or newest.text == _UNAVAILABLE:
            return Value(None, Quality.MISSING, newest.at_ms if newest else 0, server_ms, "unavailable")
        found, why = typed(prop.type, newest.text)
        return Value(found, Quality.BAD if why else Quality.GOOD, newest.at_ms, server_ms, why)

    def _alarm(self, prop: Property, item: str, server_ms: int) -> Value:
        concerned = [one for one in self._newest.values() if one.level] if item == ALL_CONDITIONS else [
            self._newest[item]] if item in self._newest else []
        known = [one for one in concerned if one.level != "Unavailable"]
        if not known:
            return Value(None, Quality.MISSING, 0, server_ms, "unavailable")
        on = [one for group in (self._on.values() if item == ALL_CONDITIONS else [self._on.get(item, {})])
              for one in group.values()]
        gravest = min(on, key=lambda one: (_GRAVITY[one.level], one.at_ms, one.sequence), default=None)
        at_ms = gravest.at_ms if gravest else max(one.at_ms for one in known)
        code = (gravest.code or gravest.text or gravest.level)[:CODE_MAX] if gravest else ""
        found, why = typed(prop.type, code or "0") if prop.numeric else (code, "")
        return Value(found, Quality.BAD if why else Quality.GOOD, at_ms, server_ms, why)
