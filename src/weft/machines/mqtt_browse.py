"""What is published at a broker within some seconds, as things that a machine may offer: each topic and JSON field.

Rule 1: bounded in time, topics, levels, fields and bytes; what is too large is named without its parts. A topic that
        no description may name, and a field whose place is longer, are left out.
Rule 2: a type is proposed only where every message heard agrees on it.
Not here: what the names may mean (``shopfloor/propose``), the connection (``mqtt_line``).
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from weft.basis.errors import Refused
from weft.machines import mqtt_values, payloads
from weft.machines.mqtt_line import Line
from weft.machines.mqtt_packets import Message
from weft.shopfloor.connection import BrowsedNode, Scalar
from weft.shopfloor.description import Description

LISTEN_S: Final = 3.0
TOPICS_MAX: Final = 2000
NODES_MAX: Final = 5000
FIELDS_MAX: Final = 200  # of one message
PAYLOAD_MAX: Final = 64 * 1024
_KINDS: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}


class Hearing:
    """What was heard so far, at most ``depth`` levels below ``above``; paths begin there."""

    def __init__(self, depth: int, above: str = "") -> None:
        self._above = f"{above}/" if above else ""
        self._depth = max(1, depth) + self._above.count("/")
        self._found: dict[str, dict[str, BrowsedNode]] = {}  # topic -> href -> node
        self._count = 0
        self._deeper: set[str] = set()  # paths below which there is more

    async def listen(self, line: Line, wanted: str, description: Description, timeout_s: float) -> None:
        """Hear what is published under filter ``wanted``; raises ``Refused`` where the broker does not allow it."""
        mqtt_values.checked(wanted, wild=True)
        told = description.terms.get("weft:browseS", LISTEN_S)
        seconds = told if isinstance(told, int | float) else LISTEN_S
        refused = await line.subscribe({wanted: 0}, timeout_s)
        if refused:
            raise Refused("machine.browse-refused", machine=description.title, filter=wanted, detail=refused[wanted])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(60.0, seconds)):
                await line.ended.wait()

    def take(self, messages: Sequence[Message]) -> None:
        """Note what is new in ``messages``."""
        for one in messages:
            if len(one.topic) > mqtt_values.LEVELS_MAX or not one.topic.isprintable():
                continue
            known = self._found.get(one.topic)
            if known is None and len(self._found) + len(self._deeper) >= TOPICS_MAX:
                continue
            if one.topic.count("/") >= self._depth:
                self._deeper.add("/".join(one.topic.split("/")[:self._depth]).removeprefix(self._above))
                continue
            known = self._found.setdefault(one.topic, {})
            for node in _offered(one, self._path(one.topic)):
                before = known.get(node.href)
                if before is None and self._count < NODES_MAX:
                    known[node.href] = node
                    self._count += 1
                elif before is not None and before.type != node.type:
                    known[node.href] = _wider(before, node)

    def nodes(self) -> Sequence[BrowsedNode]:
        """Topics and fields, by name; what lies above them as objects."""
        found = [node for topic in sorted(self._found) for node in self._found[topic].values()]
        return [*folders([*(one.path for one in found), *(f"{one}/" for one in self._deeper)], self._above), *found]

    def _path(self, topic: str) -> str:
        """Where it stands below ``above``; the topic of that name itself is only its fields."""
        return topic.removeprefix(self._above) if f"{topic}/" != self._above else ""


def folders(paths: Sequence[str], above: str) -> list[BrowsedNode]:
    """What lies above ``paths`` without being one of them, as objects whose addresses begin with ``above``."""
    found = {place for path in paths for place in _above(path)} - set(paths)
    return [BrowsedNode(href=f"{above}{path}", name=path.rpartition("/")[2], path=path, kind="object",
                        parent=f"{above}{path.rpartition('/')[0]}" if "/" in path else "") for path in sorted(found)]


def _offered(message: Message, path: str) -> Iterable[BrowsedNode]:
    topic = message.topic
    name = topic.rpartition("/")[2]
    if message.passed_over or len(message.payload) > PAYLOAD_MAX:
        yield BrowsedNode(href=topic, name=name, path=path, kind="variable")
        return
    document = payloads.decoded(message.payload)
    if document is payloads.NOTHING:
        try:
            text = message.payload.decode()
        except UnicodeDecodeError:
            text = None
        yield BrowsedNode(href=topic, name=name, path=path, kind="variable", type="" if text is None else "string",
                          form={"contentType": "text/plain"})
        return
    for pointer, value in islice(_leaves(document, "", payloads.POINTER_MAX), FIELDS_MAX):
        if len(pointer) > mqtt_values.LEVELS_MAX or not pointer.isprintable():
            continue
        last = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        yield BrowsedNode(href=f"{topic}#{pointer}" if pointer else topic, name=last or name,
                          path=f"{path}{pointer}".lstrip("/"), kind="variable", type=_KINDS.get(type(value), ""))


def _leaves(document: Any, pointer: str, depth: int) -> Iterable[tuple[str, Scalar | None]]:
    if isinstance(document, dict | list) and depth:
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            token = str(key).replace("~", "~0").replace("/", "~1")
            yield from _leaves(value, f"{pointer}/{token}", depth - 1)
    elif document is None or isinstance(document, Scalar):
        yield pointer, document


def _wider(one: BrowsedNode, other: BrowsedNode) -> BrowsedNode:
    """Of whole numbers and others: numbers; of anything else that differs: no type."""
    kind = "number" if {one.type, other.type} == {"integer", "number"} else ""
    return BrowsedNode(href=one.href, name=one.name, path=one.path, kind=one.kind, type=kind, form=one.form)


def _above(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        if path:
            yield path
