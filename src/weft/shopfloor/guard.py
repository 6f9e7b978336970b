"""The write guard: a value goes to the machine only inside what its description allows.

Rule 1: off by default: without ``weft:write`` every write is refused.
Rule 2: the machine's own type and limits are checked on the engineering value, before scaling back.
Rule 3: a refused value is never clipped to the nearest allowed one; a person or the plan must decide.
Not here: who may ask for a write (scopes), reading back (``jobcontrol``).
"""

from decimal import Decimal, InvalidOperation
from typing import NoReturn

from weft.basis.errors import Refused
from weft.shopfloor.connection import Scalar, Value
from weft.shopfloor.description import WRITABLE_ROLES, Property, to_device

_INTEGERS = 2**53
_DIGITS = 60  # of a number as it is written, and of its power of ten


def check(prop: Property, wanted: Scalar, current: Value | None = None, elapsed_ms: int | None = None) -> Scalar:
    """The device value to write for ``wanted`` (engineering unit; decimal strings allowed).

    ``current`` is the present engineering value (for ``max_step``), ``elapsed_ms`` the time since the
    last write of this property, None when never written. Raises ``Refused`` with a ``guard.*`` code.
    """
    if not prop.write or prop.role not in WRITABLE_ROLES:
        _refuse("guard.not-writable", prop, wanted)
    if elapsed_ms is not None and elapsed_ms < prop.min_interval_ms:
        raise Refused("guard.too-soon", property=prop.name, wait_ms=prop.min_interval_ms - elapsed_ms)
    value = _typed(prop, wanted)
    if prop.enum and _spelled(value) not in prop.enum:
        raise Refused("guard.not-listed", property=prop.name, value=_short(wanted), allowed=", ".join(prop.enum)[:120])
    if isinstance(value, Decimal):
        _check_range(prop, value)
        _check_step(prop, value, current)
        return to_device(prop, int(value) if prop.type == "integer" else float(value))
    return value


def _typed(prop: Property, wanted: Scalar) -> Decimal | bool | str:
    if prop.type == "boolean":
        if not isinstance(wanted, bool):
            _refuse("guard.type", prop, wanted)
        return wanted
    if prop.type == "string":
        if not isinstance(wanted, str):
            _refuse("guard.type", prop, wanted)
        if len(wanted) > prop.length or any(ord(one) < 32 for one in wanted):
            _refuse("guard.text", prop, wanted)
        return wanted
    return _exact(prop, wanted)


def _exact(prop: Property, wanted: Scalar) -> Decimal:
    if isinstance(wanted, bool):
        _refuse("guard.type", prop, wanted)
    written = str(wanted)
    if not written.isascii() or len(written) > _DIGITS:  # digits of other scripts are none of XML Schema's
        _refuse("guard.type", prop, wanted)
    try:
        exact = Decimal(written)
    except InvalidOperation:
        _refuse("guard.type", prop, wanted)
    if not exact.is_finite() or abs(exact.adjusted()) > _DIGITS or abs(exact) > _INTEGERS:  # no context overflows
        _refuse("guard.type", prop, wanted)
    if prop.type == "integer" and exact != exact.to_integral_value():
        _refuse("guard.type", prop, wanted)
    return exact


def _check_range(prop: Property, value: Decimal) -> None:
    low, high = prop.minimum, prop.maximum
    if (low and value < Decimal(low)) or (high and value > Decimal(high)):
        raise Refused("guard.out-of-limits", property=prop.name, value=str(value)[:40],
                      minimum=low, maximum=high, unit=prop.unit)


def _check_step(prop: Property, value: Decimal, current: Value | None) -> None:
    if not prop.max_step:
        return
    if current is None or not current.good or not isinstance(current.value, int | float):
        raise Refused("guard.step-unknown", property=prop.name)
    if abs(value - Decimal(str(current.value))) > Decimal(prop.max_step):
        raise Refused("guard.step", property=prop.name, value=str(value)[:40], step=prop.max_step, unit=prop.unit)


def _spelled(value: Decimal | bool | str) -> str:  # noqa: FBT001 - it is the value
    if isinstance(value, Decimal):
        return "0" if value == 0 else format(value.normalize(), "f")
    return str(value)


def _refuse(code: str, prop: Property, wanted: Scalar) -> NoReturn:
    raise Refused(code, property=prop.name, value=_short(wanted), type=prop.type)


def _short(wanted: Scalar) -> str:
    return str(wanted)[:40]
