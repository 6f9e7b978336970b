"""Somebody else's Thing Description made into one that this node can use, as far as it goes.

W3C WoT Thing Description 1.1 and its bindings (HTTP, MQTT, Modbus), OPC 10101 (OPC UA).
Rule 1: nothing becomes writable or callable by this: what a description allows, its owner allows again, here.
Rule 2: one property that cannot be read is left out and told; it never keeps out the rest.
Rule 3: security is never weakened: a scheme that we do not have is a refusal, and so is a choice of several.
Rule 4: what we have no use for stays in the text, for those who have.
Not here: what a description must be (``reading.py``), other forms of it (``twin/interfaces``).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from weft.basis.errors import Invalid
from weft.basis.noticed import Grade, Noticed, noticed
from weft.shopfloor import reading
from weft.shopfloor.description import PROPERTIES_MAX

NOTICED_MAX: Final = 500
_DEPTH_MAX: Final = 8
_LEAVES_MAX: Final = 200
_OWN: Final = ("where", "grade", "code")
_POLLING_MAX: Final = 86_400_000
_FLAGS: Final = ("modv:zeroBasedAddressing", "modv:mostSignificantByte", "modv:mostSignificantWord", "mqv:retain")
_NUMBERS: Final = ("modv:pollingTime", "modv:timeout", "modv:quantity", "modv:unitID", "modv:address")
_POINTED: Final = ("mqtt", "http")  # protocols that send whole documents
_SHARED: Final = ("observable", "readOnly", "titles", "descriptions", "weft:scale", "weft:offset")
_READS: Final = ("readproperty", "observeproperty")
_BARE: Final = {"id": "urn:weft:one", "title": "One", "base": "http://one", "security": ["none"],
                "securityDefinitions": {"none": {"scheme": "nosec"}}}


class Adopted(msgspec.Struct, frozen=True):
    """The description (JSON value, ``parse`` takes it), and what was noticed on the way."""

    thing: dict[str, Any]
    noticed: tuple[Noticed, ...]

    @property
    def text(self) -> str:
        """The description as JSON text, for people as long as there is room for that."""
        made = msgspec.json.encode(self.thing)
        shown = msgspec.json.format(made)
        return (shown if len(shown) <= reading.SIZE_MAX else made).decode()


class _Notes(list[Noticed]):
    def add(self, grade: Grade, code: str, where: str, **facts: object) -> None:
        if len(self) < NOTICED_MAX:
            self.append(noticed(grade, code, where, **facts))
        elif len(self) == NOTICED_MAX:
            self.append(noticed("lost", "and-more", where, limit=NOTICED_MAX))


def adopt(given: Any, name: str) -> Adopted:
    """The description ``given`` (JSON value) for the machine ``name``.

    Raises ``Invalid`` where it is none, says nothing that can be read, or asks for security that we do not have.
    """
    if not isinstance(given, dict):
        raise Invalid("description.not-object", where="")
    notes = _Notes()
    thing = dict(given)
    _about(thing, name, notes)
    thing["base"] = _base(thing, notes)
    _security(thing, notes)
    _off(thing, notes)
    thing["properties"] = _properties(thing, notes)
    if not thing["properties"]:
        raise Invalid("description.nothing-read", count=len(notes), first=notes[0].where if notes else "")
    thing["actions"] = _actions(thing, notes)
    for each in _members(thing, "events"):
        notes.add("lost", "event", f"events/{each}")
    _roles(thing, notes)
    reading.parse(thing)
    return Adopted(thing, tuple(notes))


# ---- the whole machine -------------------------------------------------------------------------------


def _about(thing: dict[str, Any], name: str, notes: _Notes) -> None:
    """An id and a name; a description by others often has none."""
    if not isinstance(thing.get("id"), str) or not thing["id"]:
        thing["id"] = f"urn:weft:machine:{name}"
        notes.add("fixed", "no-id", "id", now=thing["id"])
    titles = thing.get("titles")
    if "titles" in thing and not (isinstance(titles, dict) and all(isinstance(one, str) for one in titles.values())):
        del thing["titles"]
        notes.add("lost", "field", "titles")
    if not isinstance(thing.get("title"), str) or not thing["title"]:
        thing["title"] = next(iter(thing.get("titles", {}).values()), name)
        notes.add("fixed", "no-title", "title", now=thing["title"])


def _base(thing: Mapping[str, Any], notes: _Notes) -> str:
    """Where the machine is: its base, else where the first of its forms points."""
    told = thing.get("base")
    if isinstance(told, str) and "://" in told:
        return told
    for name, each in _members(thing, "properties").items():
        for form in _forms(each):
            scheme, netloc = _origin(form.get("href"))
            if netloc:
                notes.add("fixed", "no-base", f"properties/{name}", now=f"{scheme}://{netloc}")
                return f"{scheme}://{netloc}"
    raise Invalid("description.base", value=str(told)[:80] if told else "")


def _origin(href: Any) -> tuple[str, str]:
    try:
        parts = urlsplit(href) if isinstance(href, str) else None
    except ValueError:
        parts = None
    return (parts.scheme, parts.netloc) if parts is not None else ("", "")


def _security(thing: dict[str, Any], notes: _Notes) -> None:
    """Several schemes that all count are taken apart; OPC UA without a login needs none."""
    wanted = thing.get("security", [])
    definitions = _members(thing, "securityDefinitions")
    names = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(names, list):
        raise Invalid("description.security", where="security", scheme="")
    found: list[str] = []
    for one in names:
        scheme = definitions.get(one, {}) if isinstance(one, str) else {}
        inner = scheme.get("allOf")
        if scheme.get("scheme") == "combo" and isinstance(inner, list) and all(isinstance(each, str) for each in inner):
            notes.add("fixed", "combined", "security", scheme=one)
            found += inner
        elif scheme.get("scheme") == "uav:authentication" and scheme.get("uav:userIdentityToken") == "Anonymous":
            notes.add("fixed", "anonymous", "security", scheme=one)
        else:
            found.append(one)
    for one in found:
        token = definitions.get(one, {}).get("uav:userIdentityToken", "UserName") if isinstance(one, str) else ""
        if token not in ("UserName", "Certificate"):
            raise Invalid("description.security", where="securityDefinitions", scheme=str(token)[:40])
    thing["security"] = found


def _off(thing: dict[str, Any], notes: _Notes) -> None:
    """What the description would have this node do by itself."""
    if thing.get("weft:startMode", "operator") != "operator":
        thing["weft:startMode"] = "operator"
        notes.add("kept", "start-off", "weft:startMode")


def _roles(thing: dict[str, Any], notes: _Notes) -> None:
    """A role that two have is the first one's."""
    seen: set[str] = set()
    for name, each in thing["properties"].items():
        role = str(each.get("weft:role", "signal"))
        if role in seen and role not in ("signal", "setpoint", "safety"):
            del each["weft:role"]
            notes.add("kept", "role-again", f"properties/{name}", role=role)
        seen.add(role)


# ---- properties and actions --------------------------------------------------------------------------


def _properties(thing: Mapping[str, Any], notes: _Notes) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, each in _members(thing, "properties").items():
        where = f"properties/{name}"
        if each.get("writeOnly") is True:
            notes.add("lost", "write-only", where)
            continue
        picked = _form(each, thing["base"], where, notes)
        if picked is None:
            continue
        for inner, told in _simple(name, each, picked, thing["base"], notes):
            if len(made) >= PROPERTIES_MAX:
                notes.add("lost", "and-more", where, limit=PROPERTIES_MAX)
                return made
            if inner in made:
                notes.add("lost", "twice", f"properties/{inner}")
            elif _reads(inner, told, f"properties/{inner}", notes):
                made[inner] = told
    return made


def _form(each: Mapping[str, Any], base: str, where: str, notes: _Notes) -> list[dict[str, Any]] | None:
    """The forms of ``each`` that lead to this machine, the one that reads first; None where nothing reads."""
    here = _origin(base)
    forms = [form for form in _forms(each) if _origin(form.get("href"))[1] in ("", here[1])
             and (_origin(form.get("href"))[0] in ("", here[0]))]
    if len(forms) < len(_forms(each)):
        notes.add("lost", "elsewhere", where, count=len(_forms(each)) - len(forms))
    reading_ = next((form for form in forms if not _operations(form) or set(_operations(form)) & set(_READS)), None)
    if reading_ is None:
        notes.add("lost", "no-reading", where)
        return None
    first = {**reading_, **_terms(reading_)}
    told = _operations(first)
    if told and "readproperty" not in told:
        first["op"] = ["readproperty", *told]
        notes.add("fixed", "observed-only", where)
    return [first, *({**form, **_terms(form)} for form in forms if form is not reading_)]


def _terms(form: Mapping[str, Any]) -> dict[str, Any]:
    """Flags and numbers that were written as texts, and the type as the binding spells it."""
    made: dict[str, Any] = {}
    for name in _FLAGS:
        told = {"true": True, "false": False, "1": True, "0": False}.get(str(form.get(name)).lower())
        if isinstance(form.get(name), str) and told is not None:
            made[name] = told
    for name in _NUMBERS:
        if isinstance(form.get(name), str) and form[name].isascii() and form[name].isdecimal():
            made[name] = int(form[name][:12])
    polling = made.get("modv:pollingTime", form.get("modv:pollingTime"))
    if isinstance(polling, int) and 0 < polling <= _POLLING_MAX and "weft:pollingMs" not in form:
        made["weft:pollingMs"] = polling
    if str(form.get("modv:type", "")).startswith("xs:"):
        made["modv:type"] = f"xsd:{form['modv:type'][3:]}"
    return made


def _simple(name: str, each: Mapping[str, Any], forms: list[dict[str, Any]], base: str,
            notes: _Notes) -> Iterator[tuple[str, dict[str, Any]]]:
    """``each`` itself, or of a document its single values, each with where it stands in it."""
    where = f"properties/{name}"
    if each.get("type") != "object" or not isinstance(each.get("properties"), dict):
        yield name, _spelt({**each, "forms": forms}, where, notes)
        return
    if not base.split("://", 1)[0].startswith(_POINTED):
        notes.add("lost", "type", where, type="object")
        return
    leaves = list(_leaves(each, (), where, notes))[:_LEAVES_MAX]
    for path, leaf in leaves:
        pointer = "".join(f"/{one.replace('~', '~0').replace('/', '~1')}" for one in path)
        shared = {key: told for key, told in each.items() if key in _SHARED}
        inner = name if len(leaves) == 1 else ".".join((name, *path))
        told = {**shared, **leaf, "forms": [{**forms[0], "weft:pointer": pointer}]}
        yield inner, _spelt(told, where, notes)
    if leaves:
        notes.add("fixed", "taken-apart", where, count=len(leaves))


def _leaves(each: Mapping[str, Any], path: tuple[str, ...], where: str,
            notes: _Notes) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    for key, inner in _members(each, "properties").items():
        if inner.get("type") == "object" and len(path) < _DEPTH_MAX:
            yield from _leaves(inner, (*path, key), where, notes)
        elif inner.get("type") in ("object", "array", "null"):
            notes.add("lost", "type", "/".join((where, *path, key)), type=inner["type"])
        else:
            yield (*path, key), inner


def _spelt(each: dict[str, Any], where: str, notes: _Notes) -> dict[str, Any]:
    """``each`` with a type, and without a permission (Rule 1)."""
    if "type" not in each:
        each["type"] = _kind(each)
        notes.add("fixed", "no-type", where, now=each["type"])
    if each.pop("weft:write", False):
        notes.add("kept", "write-off", where)
    return each


def _kind(each: Mapping[str, Any]) -> str:
    """The type of a value of which only other things are said."""
    options = each.get("enum")
    sample = each.get("const", options[0] if isinstance(options, list) and options else each.get("default"))
    if isinstance(sample, bool):
        return "boolean"
    if isinstance(sample, int | float) or "minimum" in each or "maximum" in each:
        return "number"
    return "string"


def _reads(name: str, each: dict[str, Any], where: str, notes: _Notes) -> bool:
    """Whether the property can be read as it is; without its options and bounds rather than not at all."""
    lacking = _why(name, each)
    for field in ("enum", "minimum", "maximum", "maxLength", "unit", "title", "observable"):
        if lacking and field in each and str(lacking.facts.get("where")).endswith(f"/{field}"):
            del each[field]
            notes.add("lost", "field", f"{where}/{field}")
            lacking = _why(name, each)
    if lacking and lacking.code == "description.limits":
        del each["minimum"], each["maximum"]
        notes.add("lost", "bounds", where)
        lacking = _why(name, each)
    if lacking and lacking.code == "description.type":
        notes.add("lost", "type", where, type=each["type"])
    elif lacking:
        notes.add("lost", "property", where, **_reason(lacking))
    return lacking is None


def _reason(error: Invalid) -> dict[str, object]:
    return {"reason": error.code, **{name: one for name, one in error.facts.items() if name not in _OWN}}


def _why(name: str, each: dict[str, Any]) -> Invalid | None:
    """Why the property cannot be read, looked at alone."""
    try:
        reading.parse({**_BARE, "properties": {name: each}})
    except Invalid as error:
        return error
    return None


def _actions(thing: Mapping[str, Any], notes: _Notes) -> dict[str, Any]:
    """Actions stay described; none is called before its owner says so."""
    made: dict[str, Any] = {}
    for name, given in _members(thing, "actions").items():
        where, each = f"actions/{name}", dict(given)
        if each.pop("weft:call", False):
            notes.add("kept", "call-off", where)
        read_back = each.get("weft:readBack")
        told = {one: thing["properties"][one] for one in (read_back if isinstance(read_back, dict) else ())
                if one in thing["properties"]}
        try:
            reading.parse({**_BARE, "properties": told, "actions": {name: each}})
        except Invalid as error:
            notes.add("lost", "action", where, **_reason(error))
            continue
        made[name] = each
    return made


def _members(each: Mapping[str, Any], field: str) -> dict[str, dict[str, Any]]:
    """The members of an object that are objects."""
    given = each.get(field)
    return {name: one for name, one in given.items() if isinstance(one, dict)} if isinstance(given, dict) else {}


def _forms(each: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = each.get("forms")
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _operations(form: Mapping[str, Any]) -> list[str]:
    given = form.get("op", [])
    return [given] if isinstance(given, str) else [one for one in given if isinstance(one, str)] \
        if isinstance(given, list) else []
