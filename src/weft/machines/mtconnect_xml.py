"""Documents of an MTConnect agent, read: devices with their data items, observations, errors; pure.

MTConnect 1.3 to 2.x: MTConnectDevices, MTConnectStreams, MTConnectError; XML 1.0 by expat, whatever the namespace.
Rule 1: no document type, no entities; depth, the number of elements and the length of one tag have bounds.
Rule 2: what is not understood is passed over; what is no MTConnect document is refused.
Not here: what an observation means for a property (``mtconnect_values``), HTTP (``mtconnect``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from weft.machines.payloads import TEXT_MAX, instant

DEPTH_MAX: Final = 64
ITEMS_MAX: Final = 20_000
NAME_MAX: Final = 120  # of one component in a path, and of a code
ELEMENTS_MAX: Final = 200_000
PIECE: Final = 64 * 1024  # bytes that are read before it is asked whether to go on; no tag is longer
_LONG: Final = re.compile(rb"<[^<>]{%d}" % PIECE)
_GROUPS: Final = {"Samples": "SAMPLE", "Events": "EVENT", "Condition": "CONDITION"}


@dataclass(slots=True)
class Element:
    """One element without its namespace."""

    tag: str
    given: dict[str, str]
    inside: "list[Element]" = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> "Iterator[Element]":
        """The elements ``tag`` directly inside."""
        return (one for one in self.inside if one.tag == tag)


@dataclass(frozen=True, slots=True)
class Item:
    """A data item as ``probe`` declares it; ``path``: names of the components it lies in."""

    id: str
    name: str
    category: str
    type: str
    sub_type: str
    units: str
    path: str


@dataclass(frozen=True, slots=True)
class Observation:
    """One value that was observed; of a condition ``level`` is Normal, Warning, Fault or Unavailable."""

    item: str
    text: str
    at_ms: int
    sequence: int
    level: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Streams:
    """What ``current`` or ``sample`` tell; ``next``: the sequence number to go on from."""

    instance: str
    first: int
    next: int
    at_ms: int
    observations: tuple[Observation, ...]


class Told(Exception):
    """The agent answered with an error; its code is the message."""


def element(body: bytes) -> Element:
    """The root of the document; raises ``ValueError``."""
    root = Element("", {})
    open_: list[Element] = [root]
    left = ELEMENTS_MAX
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, given: dict[str, str]) -> None:
        nonlocal left
        left -= 1
        if len(open_) > DEPTH_MAX or left < 0:
            raise ValueError("xml")
        one = Element(tag.rpartition(" ")[2], given)
        open_[-1].inside.append(one)
        open_.append(one)

    def end(_tag: str) -> None:
        open_.pop()

    def text(data: str) -> None:
        open_[-1].text += data

    def refuse(*_: Any) -> None:
        raise ValueError("xml")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse
    parser.buffer_text = True
    _parse(parser, body)
    return root.inside[0]


def _parse(parser: expat.XMLParserType, body: bytes) -> None:
    """Read ``body`` piece by piece: what refuses it stops it."""
    if _LONG.search(body):
        raise ValueError("xml")
    try:
        for begin in range(0, len(body), PIECE):
            parser.Parse(body[begin:begin + PIECE], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ValueError("xml") from error


def _document(body: bytes, tag: str) -> Element:
    root = element(body)
    if root.tag == "MTConnectError":
        codes = [one.given.get("errorCode", "") for group in (root, *root.all("Errors")) for one in group.inside]
        raise Told(next((one for one in codes if one), "error")[:40])
    if root.tag != tag:
        raise ValueError("xml")
    return root


def devices(body: bytes) -> dict[str, Item]:
    """The data items that ``probe`` declares, by id; raises ``ValueError``, ``Told``."""
    found: dict[str, Item] = {}
    for group in _document(body, "MTConnectDevices").all("Devices"):
        for device in group.inside:
            _walk(device, "", found)
    return found


def _walk(component: Element, above: str, found: dict[str, Item]) -> None:
    path = f"{above}/{(component.given.get('name') or component.tag)[:NAME_MAX]}".lstrip("/")
    for group in component.all("DataItems"):
        for one in group.all("DataItem"):
            given = one.given
            if len(found) < ITEMS_MAX and given.get("id"):
                found[given["id"]] = Item(
                    id=given["id"], name=given.get("name", ""), category=given.get("category", ""),
                    type=given.get("type", ""), sub_type=given.get("subType", ""), units=given.get("units", ""),
                    path=path)
    for group in component.all("Components"):
        for below in group.inside:
            _walk(below, path, found)


def streams(body: bytes) -> Streams:
    """What was observed; raises ``ValueError``, ``Told``."""
    root = _document(body, "MTConnectStreams")
    header = next(root.all("Header"), Element("", {})).given
    try:
        first, following = int(header.get("firstSequence", "0")), int(header["nextSequence"])
    except (KeyError, ValueError) as error:
        raise ValueError("xml") from error
    return Streams(header.get("instanceId", ""), first, following, instant(_zoned(header.get("creationTime", ""))),
                   tuple(_observed(root)))


def _observed(root: Element) -> Iterator[Observation]:
    for group in root.all("Streams"):
        for device in group.all("DeviceStream"):
            for component in device.all("ComponentStream"):
                for kind in component.inside:
                    if kind.tag in _GROUPS:
                        for one in kind.inside:
                            yield _observation(one, condition=kind.tag == "Condition")


def _observation(one: Element, *, condition: bool) -> Observation:
    given = one.given
    sequence = given.get("sequence", "")
    return Observation(
        item=given.get("dataItemId", ""), text=one.text.strip()[:TEXT_MAX + 1],
        at_ms=instant(_zoned(given.get("timestamp", ""))),
        sequence=int(sequence) if sequence.isascii() and sequence.isdigit() else 0,
        level=one.tag if condition else "", code=(given.get("nativeCode") or given.get("conditionId", ""))[:NAME_MAX])


def _zoned(text: str) -> str:
    """A stamp with its zone: some agents leave out that it is UTC."""
    return text if text.endswith("Z") or "+" in text or "-" in text[10:] else f"{text}Z"
