"""Read a decoded Thing Description piece by piece into the structs of ``description``.

Each refusal names the place (``where``) as a path into the JSON.
Not here: the words and rules (``description``).
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import msgspec

from weft.basis.errors import Invalid
from weft.basis.quantity import text as plain
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import (
    PROPERTIES_MAX,
    REPEATABLE_ROLES,
    WRITABLE_ROLES,
    Action,
    Description,
    Property,
    Role,
    Security,
    StartMode,
    TwinTarget,
)
from weft.shopfloor.jobcontrol import state_named

SIZE_MAX: Final = 256 * 1024
FORMS_MAX: Final = 8
TERMS_MAX: Final = 40
TERM_MAX: Final = 1000
_TYPES = ("boolean", "integer", "number", "string")
_MODES = {"none": "none", "sign": "sign", "signandencrypt": "signAndEncrypt"}
_POLICIES = ("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
_LOGINS = ("basic", "bearer", "uav:authentication")
_ARGUMENTS = ("jobId", "program", "target")


def parse_text(text: str) -> Description:
    """The checked description of Thing Description ``text`` (JSON); raises ``Invalid``."""
    if len(text.encode()) > SIZE_MAX:
        raise Invalid("description.too-large", limit=SIZE_MAX)
    try:
        thing = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("description.not-json", detail=str(error)[:80]) from error
    return parse(thing)


_PLACEHOLDER = re.compile(r"\{\{([A-Z0-9_]+)\}\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Thing Model ``text`` with each ``{{NAME}}`` filled (TD 1.1 §10.3.4); raises ``Invalid`` if one is left."""

    def one(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise Invalid("description.placeholder", name=match[1])
        return msgspec.json.encode(values[match[1]]).decode()[1:-1]

    return _PLACEHOLDER.sub(one, text)


def parse(thing: Any) -> Description:
    """The description of ``thing``; raises ``Invalid`` with the place that is wrong."""
    if not isinstance(thing, dict):
        raise Invalid("description.not-object", where="")
    base = _text(thing, "base", "")
    properties = _each(thing, "properties")
    if len(properties) > PROPERTIES_MAX:
        raise Invalid("description.too-many", limit=PROPERTIES_MAX)
    description = Description(
        id=_text(thing, "id", ""),
        title=_text(thing, "title", ""),
        titles=_names(thing.get("titles", {}), "titles"),
        base=base,
        scheme=_scheme(base),
        polling_ms=max(20, _whole(thing, "weft:pollingMs", "", 500)),
        terms=_terms({name: one for name, one in thing.items() if name.startswith("weft:")}, ""),
        kind=_text(thing, "weft:kind", "", default=""),
        security=_security(thing, opcua=base.startswith("opc.tcp:")),
        start_mode=_start_mode(thing),
        ready_max_age_ms=_whole(thing, "weft:readyMaxAgeMs", "", 5000),
        count_every=max(1, _whole(thing, "weft:countEvery", "", 1)),
        link_grace_ms=_whole(thing, "weft:linkGraceMs", "", 5000),
        readback_ms=_whole(thing, "weft:readBackMs", "", 3000),
        start_ms=_whole(thing, "weft:startMs", "", 5000),
        properties={name: _property(name, each) for name, each in properties.items()},
        actions={name: _action(name, each) for name, each in _each(thing, "actions").items()},
    )
    _check_roles(description)
    _check_actions(description)
    return description


def _property(name: str, each: dict[str, Any]) -> Property:
    where = f"properties/{name}"
    kind = _text(each, "type", where)
    if kind not in _TYPES:
        raise Invalid("description.type", where=where, type=kind[:40])
    href, operations, form = _form(each, where, "readproperty")
    writing = _later_form(each, where, "writeproperty")
    one = Property(
        name=name,
        title=_text(each, "title", where, default=name),
        type=kind,
        href=href,
        role=_role(each, where),
        unit=_text(each, "unit", where, default=""),
        write=_flag(each, "weft:write", where, default=False),
        observe=_flag(each, "observable", where, default=True),
        minimum=_number(each, "minimum", where, ""),
        maximum=_number(each, "maximum", where, ""),
        length=_whole(each, "maxLength", where, 80),
        enum=_choices(each, where),
        scale=_number(each, "weft:scale", where, "1"),
        offset=_number(each, "weft:offset", where, "0"),
        deadband=_number(each, "weft:deadband", where, "0"),
        max_step=_number(each, "weft:maxStep", where, ""),
        min_interval_ms=_whole(each, "weft:minIntervalMs", where, 0),
        states=_states(each, where),
        alarms=_names(each.get("weft:alarms", {}), f"{where}/weft:alarms"),
        twin=_twin(name, each, where),
        form=form,
        write_form=writing,
        observe_form=_later_form(each, where, "observeproperty"),
    )
    _check_limits(one, where)
    _check_write(one, each, ("writeproperty",) if writing else operations, where)
    return one


def _check_limits(one: Property, where: str) -> None:
    if one.minimum and one.maximum and Decimal(one.minimum) > Decimal(one.maximum):
        raise Invalid("description.limits", where=where, minimum=one.minimum, maximum=one.maximum)
    if Decimal(one.scale) == 0:
        raise Invalid("description.number", where=f"{where}/weft:scale")
    if Decimal(one.deadband) < 0 or (one.max_step and Decimal(one.max_step) <= 0):
        raise Invalid("description.number", where=where)


def _check_write(one: Property, each: dict[str, Any], operations: tuple[str, ...], where: str) -> None:
    if one.role is Role.SAFETY and (one.write or "writeproperty" in operations):
        raise Invalid("description.safety-write", where=where)
    if not one.write:
        return
    if one.role not in WRITABLE_ROLES:
        raise Invalid("description.role-not-writable", where=where, role=one.role.value)
    if _flag(each, "readOnly", where, default=False):
        raise Invalid("description.read-only", where=where)
    if operations and "writeproperty" not in operations:
        raise Invalid("description.no-write-form", where=where)
    if one.numeric and not one.enum and not (one.minimum and one.maximum):
        raise Invalid("description.write-without-limits", where=where)


def _action(name: str, each: dict[str, Any]) -> Action:
    where = f"actions/{name}"
    href, _, form = _form(each, where, "invokeaction")
    role = _role(each, where)
    if role not in (Role.START, Role.SIGNAL, Role.SAFETY):
        raise Invalid("description.role-unknown", where=where, role=role.value)
    arguments = each.get("weft:arguments", ["jobId"] if role is Role.START else [])
    if not isinstance(arguments, list) or any(one not in _ARGUMENTS for one in arguments):
        raise Invalid("description.field-type", where=f"{where}/weft:arguments")
    read_back = _read_back(each, where)
    call = _flag(each, "weft:call", where, default=False)
    if call and role is Role.SAFETY:
        raise Invalid("description.safety-write", where=where)
    if call and (role is not Role.SIGNAL or arguments or not read_back):
        raise Invalid("description.call", where=where)
    return Action(
        name=name,
        title=_text(each, "title", where, default=name),
        href=href,
        role=role,
        object=_text(each["forms"][0], "weft:object", f"{where}/forms/0", default=""),
        arguments=tuple(arguments),
        call=call,
        read_back=read_back,
        form=form,
    )


def _read_back(each: dict[str, Any], where: str) -> dict[str, str]:
    given = each.get("weft:readBack", {})
    inside = f"{where}/weft:readBack"
    if not isinstance(given, dict) or not all(isinstance(one, str | int | float) for one in given.values()):
        raise Invalid("description.field-type", where=inside)
    return {name: ("true" if one else "false") if isinstance(one, bool) else one if isinstance(one, str)
            else _decimal(one, inside) for name, one in given.items()}


def _check_actions(description: Description) -> None:
    """What is read back after an action is a property, and its value one of that property's kind."""
    for action in description.actions.values():
        for name, text in action.read_back.items():
            prop = description.properties.get(name)
            fits = prop is not None and (
                text in ("true", "false") if prop.type == "boolean" else not prop.numeric or _is_number(text))
            if not fits:
                raise Invalid("description.read-back", where=f"actions/{action.name}/weft:readBack/{name}"[:120])


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _check_roles(description: Description) -> None:
    seen: dict[Role, str] = {}
    for one in description.properties.values():
        if one.role in REPEATABLE_ROLES:
            continue
        if one.role in seen:
            raise Invalid("description.role-twice", role=one.role.value, first=seen[one.role], second=one.name)
        seen[one.role] = one.name
    if description.start_mode is not StartMode.AUTO:
        return
    for role in (Role.JOB_ID, Role.STATE, Role.LOCAL_READY):
        if role not in seen:
            raise Invalid("description.auto-needs", role=role.value)
    start = description.by_role(Role.START)
    if description.start_action() is None and (start is None or not start.write):
        raise Invalid("description.auto-needs", role=Role.START.value)


def _form(each: dict[str, Any], where: str, needed: str) -> tuple[str, tuple[str, ...], dict[str, Scalar]]:
    """Address, operations and further terms of the first form."""
    forms = _forms(each, where)
    href = _text(forms[0], "href", f"{where}/forms/0")
    operations = _operations(forms[0], f"{where}/forms/0")
    if operations and needed not in operations:
        raise Invalid("description.form-op", where=f"{where}/forms/0", needed=needed)
    return href, operations, _terms(forms[0], f"{where}/forms/0")


def _later_form(each: dict[str, Any], where: str, operation: str) -> dict[str, Scalar]:
    """The terms of a later form that is for ``operation``, with its address; empty where there is none."""
    for number, form in enumerate(_forms(each, where)[1:], 1):
        inside = f"{where}/forms/{number}"
        if operation in _operations(form, inside):
            return {"href": _text(form, "href", inside), **_terms(form, inside)}
    return {}


def _forms(each: dict[str, Any], where: str) -> list[dict[str, Any]]:
    forms = each.get("forms")
    if not isinstance(forms, list) or not forms or not all(isinstance(one, dict) for one in forms[:FORMS_MAX]):
        raise Invalid("description.form-missing", where=where)
    return forms[:FORMS_MAX]


def _operations(form: dict[str, Any], where: str) -> tuple[str, ...]:
    given = form.get("op", [])
    operations = tuple([given] if isinstance(given, str) else given) if isinstance(given, list | str) else ()
    if not all(isinstance(one, str) for one in operations):
        raise Invalid("description.field-type", where=f"{where}/op")
    return operations


def _terms(each: dict[str, Any], where: str) -> dict[str, Scalar]:
    """What else is said, as far as it is single values: each protocol takes the terms that it understands."""
    told = {name: one for name, one in each.items() if name not in ("href", "op") and isinstance(one, Scalar)}
    if len(told) > TERMS_MAX or any(isinstance(one, str) and len(one) > TERM_MAX for one in told.values()):
        raise Invalid("description.too-many-terms", limit=TERMS_MAX, where=where)
    return told


def _security(thing: dict[str, Any], *, opcua: bool) -> Security:
    wanted = thing.get("security", [])
    names = [wanted] if isinstance(wanted, str) else wanted
    definitions = thing.get("securityDefinitions", {})
    if not isinstance(names, list) or not isinstance(definitions, dict) or not names:
        raise Invalid("description.security", where="security", scheme="")
    mode, policy, user, token = "", "", False, False
    for name in names:
        one = definitions.get(name) if isinstance(name, str) else None
        if not isinstance(one, dict):
            raise Invalid("description.security", where="securityDefinitions", scheme=str(name)[:40])
        scheme = str(one.get("scheme", ""))
        if scheme == "nosec":
            mode = mode or "none"
        elif scheme == "uav:channel-security":
            mode, policy = _channel(one)
        elif scheme in _LOGINS:
            user, token, mode = True, token or scheme == "bearer", mode or ("" if opcua else "none")
        else:
            raise Invalid("description.security", where="securityDefinitions", scheme=scheme[:40])
    if not mode:
        raise Invalid("description.security", where="security", scheme="")
    return Security(mode=mode, policy=policy, user=user, token=token)


def _channel(one: dict[str, Any]) -> tuple[str, str]:
    mode = _MODES.get(str(one.get("uav:securityMode", "")).lower())
    policy = str(one.get("uav:securityPolicy", "")).rsplit("#", 1)[-1]
    if mode is None:
        raise Invalid("description.security", where="uav:securityMode", scheme=str(one.get("uav:securityMode"))[:40])
    if mode == "none":
        return mode, ""
    if policy not in _POLICIES:
        raise Invalid("description.security", where="uav:securityPolicy", scheme=policy[:40])
    return mode, policy


def _start_mode(thing: dict[str, Any]) -> StartMode:
    given = thing.get("weft:startMode", StartMode.OPERATOR.value)
    if given not in (StartMode.OPERATOR.value, StartMode.AUTO.value):
        raise Invalid("description.start-mode", value=str(given)[:40])
    return StartMode(given)


def _states(each: dict[str, Any], where: str) -> dict[str, str]:
    states = _names(each.get("weft:states", {}), f"{where}/weft:states")
    for raw, name in states.items():
        if state_named(name) is None:
            raise Invalid("description.state-unknown", where=f"{where}/weft:states/{raw}"[:120], value=name[:40])
    return states


def _twin(name: str, each: dict[str, Any], where: str) -> TwinTarget:
    given = each.get("weft:twin", {})
    if not isinstance(given, dict):
        raise Invalid("description.field-type", where=f"{where}/weft:twin")
    inside = f"{where}/weft:twin"
    submodel = _text(given, "submodel", inside, default="OperationalData")
    return TwinTarget(submodel, _text(given, "path", inside, default=name[:1].upper() + name[1:]))


def _role(each: dict[str, Any], where: str) -> Role:
    given = each.get("weft:role", Role.SIGNAL.value)
    try:
        return Role(given)
    except ValueError as error:
        raise Invalid("description.role-unknown", where=where, role=str(given)[:40]) from error


def _scheme(base: str) -> str:
    try:
        parts = urlsplit(base)
    except ValueError as error:
        raise Invalid("description.base", value=base[:80]) from error
    if not parts.scheme or not parts.netloc:
        raise Invalid("description.base", value=base[:80])
    if "@" in parts.netloc:  # a secret does not belong in a description that partners may see
        raise Invalid("description.base-credentials")
    return parts.scheme


def _each(thing: dict[str, Any], field: str) -> dict[str, dict[str, Any]]:
    given = thing.get(field, {})
    if not isinstance(given, dict):
        raise Invalid("description.field-type", where=field)
    for name, each in given.items():
        if not isinstance(each, dict):
            raise Invalid("description.field-type", where=f"{field}/{name}"[:120])
        if not name or len(name) > 120:
            raise Invalid("description.field-type", where=f"{field}/{name}"[:120])
    return given


def _names(given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise Invalid("description.field-type", where=where)
    return dict(given)


def _choices(each: dict[str, Any], where: str) -> tuple[str, ...]:
    given = each.get("enum", [])
    if not isinstance(given, list) or not all(isinstance(one, str | int | float) for one in given):
        raise Invalid("description.field-type", where=f"{where}/enum")
    return tuple(one if isinstance(one, str) else _decimal(one, f"{where}/enum") for one in given)


def _text(each: dict[str, Any], field: str, where: str, default: str | None = None) -> str:
    value = each.get(field, default)
    at = f"{where}/{field}".lstrip("/")
    if value is None or (value == "" and default is None):
        raise Invalid("description.field-missing", where=at)
    if not isinstance(value, str):
        raise Invalid("description.field-type", where=at)
    return value


def _flag(each: dict[str, Any], field: str, where: str, *, default: bool) -> bool:
    value = each.get(field, default)
    if not isinstance(value, bool):
        raise Invalid("description.field-type", where=f"{where}/{field}")
    return value


def _whole(each: dict[str, Any], field: str, where: str, default: int) -> int:
    value = each.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 86_400_000:
        raise Invalid("description.field-type", where=f"{where}/{field}".lstrip("/"))
    return value


def _number(each: dict[str, Any], field: str, where: str, default: str) -> str:
    value = each.get(field)
    return default if value is None else _decimal(value, f"{where}/{field}")


def _decimal(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        _not_number(where)
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        _not_number(where)
    if not exact.is_finite() or abs(exact.adjusted()) > 30:
        _not_number(where)
    return plain(exact)


def _not_number(where: str) -> NoReturn:
    raise Invalid("description.number", where=where)
