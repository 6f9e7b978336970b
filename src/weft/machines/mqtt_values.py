"""Between payloads on topics and our plain values: which part of which message, and what is published; pure.

W3C WoT MQTT binding (``mqv:topic``, ``mqv:filter``, ``mqv:qos``, ``mqv:retain``), JSON Pointer (RFC 6901; in an address
as its fragment, ``plant/m1/status#/speed``), and our own words (docs/howto/connect-mqtt.md explains each).
Rule 1: what is not of the property's type is BAD with its reason, never guessed; the message's other parts go on.
Rule 2: a message that lay at the broker before we came has no age; one with a time of its own has that.
Rule 3: everything has a bound: text, depth, size.
Not here: links and topics of whole machines (``mqtt``), scaling and limits (``shopfloor/``).
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
import orjson

from weft.basis.errors import Invalid
from weft.machines.mqtt_packets import Message
from weft.shopfloor.connection import Quality, Scalar, Value
from weft.shopfloor.description import Description, Property

TEXT_MAX: Final = 4096
LEVELS_MAX: Final = 1000  # characters of a topic
WHOLE_MAX: Final = 2**63
POINTER_MAX: Final = 16  # levels
SECONDS_BELOW: Final = 100_000_000_000  # a number below it is a time in seconds, else in ms
YEARS_MS: Final = 253_402_300_800_000  # the year 10000
_TRUE: Final = frozenset({"true", "1", "on", "yes"})
_FALSE: Final = frozenset({"false", "0", "off", "no"})
_GOOD: Final = frozenset({"true", "good", "192"})
_UNCERTAIN: Final = frozenset({"uncertain", "64"})
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

Pointer = tuple[str, ...]


class _Nothing:
    """That a pointer leads nowhere."""


NOTHING: Final = _Nothing()


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
    for number, level in enumerate(levels):
        if "#" in level:
            bad = bad or not wild or level != "#" or number != len(levels) - 1
        if "+" in level:
            bad = bad or not wild or level != "+"
    if bad:
        raise Invalid("machine.topic", href=topic[:120])
    return topic


def pointer(text: object) -> Pointer:
    """The reference tokens of a JSON Pointer; raises ``Invalid('machine.pointer')``."""
    if not isinstance(text, str) or (text and not text.startswith("/")) or text.count("/") > POINTER_MAX:
        raise Invalid("machine.pointer", pointer=str(text)[:80])
    return tuple(one.replace("~1", "/").replace("~0", "~") for one in text.split("/")[1:])


def source(prop: Property, description: Description) -> Source:
    """How ``prop`` is read; raises ``Invalid`` when its form is no form of MQTT."""
    form = prop.form
    return Source(
        name=prop.name, place=place(prop.href, description.base, form, "mqv:filter"), type=prop.type,
        qos=_qos(form), json=_is_json(form), time=_optional(form, "weft:timePointer"),
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
                  retain=form.get("mqv:retain") is True, json=_is_json(form), body=body)


def _qos(form: Mapping[str, Scalar]) -> int:
    return 0 if str(form.get("mqv:qos", "1")) == "0" else 1


def _is_json(form: Mapping[str, Scalar]) -> bool:
    kind = str(form.get("contentType", "application/json")).partition(";")[0].strip().lower()
    if kind.startswith("text/"):
        return False
    if kind != "application/json" and not kind.endswith("+json"):
        raise Invalid("machine.content-type", type=kind[:60])
    return True


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
    for number, level in enumerate(asked):
        if level == "#":
            return True
        if number >= len(given) or level not in ("+", given[number]):
            return False
    return len(asked) == len(given)


# ---- reading ------------------------------------------------------------------------------------------


def decoded(payload: bytes) -> Any:
    """The JSON in ``payload``; ``NOTHING`` when it is none (also NaN, too deep, not UTF-8)."""
    try:
        return orjson.loads(payload)
    except (orjson.JSONDecodeError, RecursionError):
        return NOTHING


def follow(document: Any, path: Pointer) -> Any:
    """What stands at ``path``; ``NOTHING`` where it leads nowhere (RFC 6901 §4)."""
    for key in path:
        if type(document) is dict:
            document = document.get(key, NOTHING)
        elif type(document) is list and _INDEX.fullmatch(key):
            document = document[int(key)] if int(key) < len(document) else NOTHING
        else:
            return NOTHING
    return document


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
        shines = _boolean(follow(document, where))
        if shines is None:
            return None, f"lamp {name}"
        if shines:
            lit.append(name)
    return "+".join(lit) or "off", ""


def _typed(of: Source, raw: Any, before: Scalar | None) -> tuple[Scalar | None, str]:
    """``raw`` as the type of the property, or None and why not."""
    if raw is NOTHING or raw is None:
        return None, "no-such-field" if raw is NOTHING else "null"
    if of.above is not None:
        return _over(of, of.above, raw, before)
    if of.type == "string":
        if not isinstance(raw, str):
            return None, "type"
        return (raw, "") if len(raw) <= TEXT_MAX else (None, "too-long")
    if of.type == "boolean":
        shines = _boolean(raw)
        return shines, "" if shines is not None else "type"
    number, why = _as_number(raw)
    if number is not None and of.type == "integer" and isinstance(number, float):
        return (int(number), "") if number.is_integer() else (None, "type")
    return number, why


def _over(of: Source, above: float, raw: Any, before: Scalar | None) -> tuple[bool | None, str]:
    """Whether a number lies above; once it did, until it lies below ``weft:below``."""
    number, why = _as_number(raw)
    if number is None:
        return None, why
    low = above if of.below is None else of.below
    return number > above or (before is True and number >= low), ""


def _boolean(raw: Any) -> bool | None:
    if isinstance(raw, bool):
        return raw
    text = raw.strip().lower() if isinstance(raw, str) else str(raw) if isinstance(raw, int) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def _as_number(raw: Any) -> tuple[int | float | None, str]:
    if isinstance(raw, str):
        text = raw.strip()
        if len(text) > 60 or not text.isascii() or not _NUMBER.fullmatch(text):
            return None, "not-a-number"
        raw = int(text) if text.lstrip("+-").isdigit() else float(text)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None, "type"
    if not math.isfinite(raw) or (isinstance(raw, int) and abs(raw) >= WHOLE_MAX):
        return None, "out-of-range"
    return raw, ""


def instant(raw: Any) -> int:
    """Milliseconds since 1970 of a number (in seconds where it is small) or a text (RFC 3339); 0 when it is none."""
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            return 0
        return round(moment.timestamp() * 1000) if moment.tzinfo is not None else 0
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return 0
    stamp = round(raw * 1000) if abs(raw) < SECONDS_BELOW else round(raw)
    return stamp if 0 < stamp < YEARS_MS else 0


# ---- writing ------------------------------------------------------------------------------------------


def fits(prop: Property, value: Scalar) -> bool:
    """Whether ``value`` is of the type of ``prop``."""
    if prop.type == "boolean":
        return isinstance(value, bool)
    if prop.type == "string":
        return isinstance(value, str)
    if isinstance(value, bool | str) or not math.isfinite(value):
        return False
    return prop.type == "number" or float(value).is_integer()


def spelled(value: Scalar) -> str:
    """``value`` as plain text."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def payload(parts: Sequence[tuple[Target, Any]]) -> bytes:
    """One message that carries each value at its place; all of one topic."""
    first = parts[0][0]
    if not first.json:
        return spelled(parts[-1][1]).encode() if parts[-1][1] is not None else b""
    document: Any = orjson.loads(first.body) if first.body else None
    for to, value in parts:
        document = _put(document, to.place.pointer, value)
    return orjson.dumps(document)


def _put(document: Any, path: Pointer, value: Any) -> Any:
    """``document`` with ``value`` at ``path``; objects on the way are made where there are none."""
    if not path:
        return {**document, **value} if isinstance(document, dict) and isinstance(value, dict) else value
    key, rest = path[0], path[1:]
    if isinstance(document, list) and _INDEX.fullmatch(key) and int(key) < len(document):
        document[int(key)] = _put(document[int(key)], rest, value)
        return document
    made = document if isinstance(document, dict) else {}
    made[key] = _put(made.get(key), rest, value)
    return made
