"""Between payloads on topics and our plain values: which part of which message, and what is published; pure.

W3C WoT MQTT binding (``mqv:topic``, ``mqv:filter``, ``mqv:qos``, ``mqv:retain``), JSON Pointer (RFC 6901; in an address
as its fragment, ``plant/m1/status#/speed``), and our own words (docs/howto/connect-mqtt.md explains each).
Rule 1: what is not of the property's type is BAD with its reason, never guessed; the message's other parts go on.
Rule 2: a message that lay at the broker before we came has no age; one with a time of its own has that.
Rule 3: everything has a bound: text, depth, size.
Not here: what stands where in JSON (``payloads``), links and topics of whole machines (``mqtt``), scaling and limits
(``shopfloor/``).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
import orjson

from weft.basis.errors import Invalid
from weft.machines.mqtt_packets import Message
from weft.machines.payloads import (
    NOTHING,
    Pointer,
    boolean,
    decoded,
    follow,
    instant,
    is_json,
    number,
    pointer,
    put,
    spelled,
    typed,
)
from weft.shopfloor.connection import Quality, Scalar, Value
from weft.shopfloor.description import Description, Property

LEVELS_MAX: Final = 1000  # characters of a topic
_GOOD: Final = frozenset({"true", "good", "192"})
_UNCERTAIN: Final = frozenset({"uncertain", "64"})


class Place(msgspec.Struct, frozen=True):
    """A topic or filter, and where in its JSON the value stands; an empty pointer is the whole."""

    topic: str
    pointer: Pointer = ()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """How one property is read. ``above`` and ``below``: a number that means true and false; ``lamps``: name and place
    of each.
    """

    name: str
    place: Place
    type: str
    qos: int = 1
    json: bool = True
    time: Pointer | None = None
    quality: Pointer | None = None
    stale_ms: int = 0
    above: float | None = None
    below: float | None = None
    lamps: tuple[tuple[str, Pointer], ...] = ()


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """How something is published. ``body``: the JSON that the value is put into."""

    place: Place
    qos: int = 1
    retain: bool = False
    json: bool = True
    body: str = ""


# ---- what the description says ------------------------------------------------------------------------


def place(href: str, base: str, terms: Mapping[str, Scalar], word: str) -> Place:
    """The topic of a form: that of ``word`` or ``mqv:topic`` where it is named, else the address's path."""
    parts = urlsplit(href)
    if (parts.netloc and parts.netloc != urlsplit(base).netloc) or href.endswith("#"):
        raise Invalid("machine.topic", href=href[:120])
    topic = str(terms.get(word) or terms.get("mqv:topic") or unquote(parts.path).lstrip("/"))
    path = pointer(terms.get("weft:pointer", unquote(parts.fragment)))
    return Place(checked(topic, wild=word == "mqv:filter" and word in terms), path)


def checked(topic: str, *, wild: bool = False) -> str:
    """``topic``; raises ``Invalid('machine.topic')`` when it is none (MQTT 5.0 §4.7)."""
    levels = topic.split("/")
    bad = not topic or not topic.isprintable() or len(topic) > LEVELS_MAX
    for at, level in enumerate(levels):
        if "#" in level:
            bad = bad or not wild or level != "#" or at != len(levels) - 1
        if "+" in level:
            bad = bad or not wild or level != "+"
    if bad:
        raise Invalid("machine.topic", href=topic[:120])
    return topic


def source(prop: Property, description: Description) -> Source:
    """How ``prop`` is read; raises ``Invalid`` when its form is no form of MQTT."""
    form = prop.form
    return Source(
        name=prop.name, place=place(prop.href, description.base, form, "mqv:filter"), type=prop.type,
        qos=_qos(form), json=is_json(form), time=_optional(form, "weft:timePointer"),
        quality=_optional(form, "weft:qualityPointer"),
        stale_ms=_whole(form.get("weft:staleMs", description.terms.get("weft:staleMs", 0))),
        above=_number(form, "weft:above"), below=_number(form, "weft:below"), lamps=_lamps(form))


def target(prop: Property, description: Description) -> Target:
    """How ``prop`` is written; raises ``Invalid``."""
    form = prop.write_form or prop.form
    return writing(str(form.get("href", prop.href)), form, description)


def writing(href: str, form: Mapping[str, Scalar], description: Description) -> Target:
    """How something is published to ``href``; raises ``Invalid``."""
    body = form.get("weft:body", "")
    if not isinstance(body, str) or (body and decoded(body.encode()) is NOTHING):
        raise Invalid("machine.term", machine=description.title, term="weft:body")
    return Target(place=place(href, description.base, form, "mqv:topic"), qos=_qos(form),
                  retain=form.get("mqv:retain") is True, json=is_json(form), body=body)


def _qos(form: Mapping[str, Scalar]) -> int:
    return 0 if str(form.get("mqv:qos", "1")) == "0" else 1


def _optional(form: Mapping[str, Scalar], word: str) -> Pointer | None:
    return pointer(form[word]) if word in form else None


def _whole(value: Scalar) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 86_400_000:
        raise Invalid("machine.number", value=str(value)[:40])
    return value


def _number(form: Mapping[str, Scalar], word: str) -> float | None:
    value = form.get(word)
    if value is None:
        return None
    if isinstance(value, bool | str) or not math.isfinite(value):
        raise Invalid("machine.number", value=str(value)[:40])
    return float(value)


def _lamps(form: Mapping[str, Scalar]) -> tuple[tuple[str, Pointer], ...]:
    """``red=/0 green=/1``: the lamps by name, and where each stands."""
    found = []
    for one in str(form.get("weft:lamps", "")).split():
        name, _, where = one.partition("=")
        found.append((name, pointer(where)))
    return tuple(found)


def matches(wanted: str, topic: str) -> bool:
    """Whether ``topic`` is one of those under filter ``wanted`` (MQTT 5.0 §4.7)."""
    if topic.startswith("$") and wanted[:1] in "+#":
        return False
    asked, given = wanted.split("/"), topic.split("/")
    for at, level in enumerate(asked):
        if level == "#":
            return True
        if at >= len(given) or level not in ("+", given[at]):
            return False
    return len(asked) == len(given)


# ---- reading ------------------------------------------------------------------------------------------


def value_of(of: Source, message: Message, document: Any, now_ms: int, before: Scalar | None = None) -> Value:
    """The value of ``of`` in ``message``, whose JSON is ``document``; ``before``: the last one, for ``weft:below``."""
    if message.passed_over:
        return Value(None, Quality.BAD, 0, now_ms, "too-large")
    came_ms = 0 if message.retained else now_ms
    if not of.json:
        try:
            text = message.payload.decode()
        except UnicodeDecodeError:
            return Value(None, Quality.BAD, came_ms, now_ms, "not-utf-8")
        plain, why = _typed(of, text, before)
        return Value(plain, Quality.BAD if why else Quality.GOOD, came_ms, now_ms, why)
    if document is NOTHING:
        return Value(None, Quality.BAD, came_ms, now_ms, "not-json")
    plain, why = _lit(of, document) if of.lamps else _typed(of, follow(document, of.place.pointer), before)
    if of.time is None and of.quality is None:
        return Value(plain, Quality.BAD if why else Quality.GOOD, came_ms, now_ms, why)
    return _stamped(of, document, Value(plain, Quality.BAD if why else Quality.GOOD, came_ms, now_ms, why))


def _stamped(of: Source, document: Any, value: Value) -> Value:
    """``value`` with the time and the quality that the message itself tells."""
    source_ms, quality, detail = value.source_ms, value.quality, value.detail
    if of.time is not None:
        source_ms = instant(follow(document, of.time))
        if not source_ms and quality is Quality.GOOD:
            quality, detail = Quality.UNCERTAIN, "time"
    if of.quality is not None and quality is not Quality.BAD:
        told = spelled(found)[:40] if isinstance(found := follow(document, of.quality), Scalar) else "missing"
        if told.lower() in _UNCERTAIN:
            quality, detail = Quality.UNCERTAIN, f"quality {told}"
        elif told.lower() not in _GOOD:
            return Value(None, Quality.BAD, source_ms, value.server_ms, f"quality {told}")
    return Value(value.value, quality, source_ms, value.server_ms, detail)


def _lit(of: Source, document: Any) -> tuple[Scalar | None, str]:
    """Which lamps are lit, joined by +; ``off`` when none is."""
    lit = []
    for name, where in of.lamps:
        shines = boolean(follow(document, where))
        if shines is None:
            return None, f"lamp {name}"
        if shines:
            lit.append(name)
    return "+".join(lit) or "off", ""


def _typed(of: Source, raw: Any, before: Scalar | None) -> tuple[Scalar | None, str]:
    """``raw`` as the type of the property, or None and why not."""
    if of.above is not None and raw is not NOTHING and raw is not None:
        return _over(of, of.above, raw, before)
    return typed(of.type, raw)


def _over(of: Source, above: float, raw: Any, before: Scalar | None) -> tuple[bool | None, str]:
    """Whether a number lies above; once it did, until it lies below ``weft:below``."""
    found, why = number(raw)
    if found is None:
        return None, why
    low = above if of.below is None else of.below
    return found > above or (before is True and found >= low), ""


# ---- writing ------------------------------------------------------------------------------------------


def payload(parts: Sequence[tuple[Target, Any]]) -> bytes:
    """One message that carries each value at its place; all of one topic."""
    first = parts[0][0]
    if not first.json:
        return spelled(parts[-1][1]).encode() if parts[-1][1] is not None else b""
    document: Any = orjson.loads(first.body) if first.body else None
    for to, value in parts:
        document = put(document, to.place.pointer, value)
    return orjson.dumps(document)
