"""Rows of a mapping: which value of a device is which property of a machine, as its owner edits it; pure.

A Thing Description is made of rows, and a table (CSV, XLSX) is read into them and written from them.
Rule 1: a row says nothing that the description cannot; what is wrong in it, the description's reader says.
Rule 2: a machine that is set up like another has the same rows; only its name and its address are its own.
Not here: which rows are proposed for a device (``propose``), files (``engine/sheets.py``).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.cells import harmless
from weft.basis.errors import Invalid
from weft.basis.rows import Column, Grid, Problem, plain, tabled
from weft.basis.rows import Row as Line
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import REPEATABLE_ROLES, Description, Role, Security
from weft.shopfloor.jobcontrol import JobState
from weft.shopfloor.reading import parse

NAME_MAX: Final = 120
JOB: Final = "#job/"  # in an address: after the object that keeps the job orders, before what of a job is meant
TEXT_MAX: Final = 1000
_SIGNS: Final = re.compile("[＝:：]")  # what people write for a sign of equality
_LIST: Final = re.compile("[,，、;；]")
_CONTEXT: Final = ("https://www.w3.org/2022/wot/td/v1.1",
                   {"uav": "http://opcfoundation.org/UA/WoT-Binding/", "weft": "https://weft.example/vocabulary/1#"})
_OF_ROWS: Final = frozenset({"title", "type", "unit", "minimum", "maximum", "weft:scale", "weft:offset", "weft:states",
                             "weft:role", "weft:write", "readOnly", "forms"})
_TYPES: Final[Mapping[str, str]] = {
    "number": "number", "float": "number", "double": "number", "real": "number", "数": "number", "小数": "number",
    "integer": "integer", "int": "integer", "整数": "integer", "wholenumber": "integer",
    "boolean": "boolean", "bool": "boolean", "开关": "boolean", "是或否": "boolean", "yesorno": "boolean",
    "string": "string", "text": "string", "文字": "string"}
_YES: Final[Mapping[str, bool]] = {
    one: told for told, words in ((True, "yes y true 1 是 可写 写"), (False, "no n false 0 否 只读 不"))
    for one in words.split()}
_ROLES: Final[Mapping[str, str]] = {
    **{role.value.lower(): role.value for role in Role},
    "值": "signal", "读数": "signal", "状态": "state", "计数": "count", "件数": "count", "良品数": "count",
    "废品数": "scrap", "报警": "alarm", "就绪": "localReady", "工单号": "jobId", "程序": "program", "目标数": "target",
    "设定值": "setpoint", "启动": "start", "安全": "safety",
    "工单状态": "state", "良品计数": "count", "废品计数": "scrap", "允许远程启动": "localReady", "要做的件数": "target",
    "安全永远只读": "safety",
    "reading": "signal", "stateofthejob": "state", "counterofgoodpieces": "count", "counterofscrap": "scrap",
    "readyforremotestart": "localReady", "numberofthejob": "jobId", "piecestomake": "target", "setvalue": "setpoint",
    "safetyonlyread,ever": "safety"}
_STATES: Final[Mapping[str, str]] = {
    **{state.value.lower(): state.value for state in JobState},
    **{word: state.value for state, words in (
        (JobState.IDLE, "空闲 待机 没有工单 nojob"), (JobState.NOT_ALLOWED, "还不能启动 notallowedyet"),
        (JobState.ALLOWED, "可以启动 待启动 已装载 maybestarted"), (JobState.RUNNING, "加工中 运行 运行中 atwork"),
        (JobState.INTERRUPTED, "中断 暂停 paused"), (JobState.ENDED, "做完 完成 结束 done"),
        (JobState.ABORTED, "已中止 中止 brokenoff")) for word in words.split()}}
_UNITS: Final[Mapping[str, str]] = {
    "°c": "CEL", "℃": "CEL", "c": "CEL", "rpm": "RPM", "r/min": "RPM", "1/min": "RPM", "转/分": "RPM", "%": "P1",
    "mm/min": "H81", "mm/s": "C16", "bar": "BAR", "kw": "KWT", "a": "AMP", "n": "NEW", "mm": "MMT", "s": "SEC",
    "秒": "SEC", "min": "MIN", "h": "HUR", "kwh": "KWH", "pcs": "C62", "件": "C62", "个": "C62"}
_FIELDS: Final[Mapping[str, str]] = {
    "weft:scale": "scale", "weft:offset": "offset", "minimum": "min", "maximum": "max", "unit": "unit", "type": "type",
    "weft:role": "role", "forms": "address", "weft:states": "states"}
_COLUMN: Final[Mapping[str, str]] = {
    "description.limits": "min", "description.safety-write": "write", "description.role-not-writable": "write",
    "description.read-only": "write", "description.write-without-limits": "min", "description.no-write-form": "write"}
COLUMNS: Final = (
    Column("name", "名称|变量|tag|property", required=True), Column("address", "地址|href|node|topic|register",
                                                                   required=True),
    Column("title", "显示名|label"), Column("type", "类型|data type"), Column("unit", "单位"),
    Column("scale", "倍率|factor"), Column("offset", "偏移|零点"), Column("min", "下限|最小值|minimum|low"),
    Column("max", "上限|最大值|maximum|high"), Column("role", "用途|角色"), Column("write", "可写|writable"),
    Column("states", "状态对照|state names"), Column("write address", "写地址|write href"),
    Column("terms", "附加|form"),
)


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value of a device as a property of the machine; with ``action`` a method that starts a job.

    ``writable``: the device itself would take a new value. ``write``: the owner lets the node write it. ``owner``: the
    ``href`` of what a method belongs to. Everything else as in ``description.Property``.
    """

    name: str
    address: str
    title: str = ""
    type: str = "number"
    unit: str = ""
    scale: str = "1"
    offset: str = "0"
    minimum: str = ""
    maximum: str = ""
    role: str = Role.SIGNAL.value
    write: bool = False
    writable: bool = False
    states: dict[str, str] = {}
    write_address: str = ""
    form: dict[str, Scalar] = {}
    action: bool = False
    owner: str = ""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be described: our short ``name``, the ``endpoint``, and which object of the device (a path)."""

    name: str
    endpoint: str
    title: str = ""
    under: str = ""
    security: Security = Security()


def thing(target: Target, rows: Iterable[Row]) -> dict[str, Any]:
    """The Thing Description of ``rows`` at ``target``, where the operator starts jobs; not checked yet."""
    security = target.security
    channel = {"scheme": "nosec"} if security.mode == "none" else {
        "scheme": "uav:channel-security", "uav:securityMode": security.mode, "uav:securityPolicy": security.policy}
    definitions: dict[str, Any] = {"channel": channel}
    if security.user:
        definitions["login"] = {"scheme": "basic"}
    told = tuple(rows)
    control = next((one.address.partition(JOB)[0] for one in told if JOB in one.address), "")
    return {
        "@context": list(_CONTEXT), "id": f"urn:weft:machine:{target.name}", "title": target.title or target.name,
        "base": target.endpoint, "securityDefinitions": definitions, "security": list(definitions),
        "weft:startMode": "operator", **({"weft:jobControl": control} if control else {}),
        "properties": {one.name: _property(one) for one in told if not one.action},
        "actions": {one.name: _action(one) for one in told if one.action},
    }


def rows_of(description: Description) -> tuple[Row, ...]:
    """The rows that ``description`` says; what rows cannot say is left out (``changed`` keeps it)."""
    values = [Row(name=one.name, address=one.href, title=one.title, type=one.type, unit=one.unit, scale=one.scale,
                  offset=one.offset, minimum=one.minimum, maximum=one.maximum, role=one.role.value, write=one.write,
                  writable=one.write, states=one.states, write_address=str(one.write_form.get("href", "")),
                  form=one.form) for one in description.properties.values()]
    starts = [Row(name=one.name, address=one.href, title=one.title, role=one.role.value, action=True, owner=one.object,
                  form={name: value for name, value in one.form.items() if name != "weft:object"})
              for one in description.actions.values() if one.role is Role.START]
    return (*values, *starts)


def changed(before: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Thing Description ``before`` with what ``told`` (made of rows) says; all else in it stays."""
    values, actions = before.get("properties") or {}, before.get("actions") or {}
    made = {**before, **{name: told[name] for name in ("title", "base", "securityDefinitions", "security")}}
    made["properties"] = {name: {**{key: value for key, value in values.get(name, {}).items() if key not in _OF_ROWS},
                                 **one, **{key: values[name][key] for key in ("observable",)
                                           if key in values.get(name, {})}}
                          for name, one in told["properties"].items()}
    kept = {name: one for name, one in actions.items() if one.get("weft:role") != Role.START.value}
    made["actions"] = {**kept, **{name: {**one, **actions.get(name, {}), "forms": one["forms"]}
                                  for name, one in told["actions"].items()}}
    return made


def _property(one: Row) -> dict[str, Any]:
    told: dict[str, Any] = {"title": one.title or one.name, "type": one.type, "observable": one.role != Role.START}
    said: tuple[tuple[str, Any, Any], ...] = (
        ("unit", one.unit, ""), ("minimum", one.minimum, ""), ("maximum", one.maximum, ""),
        ("weft:scale", one.scale, "1"), ("weft:offset", one.offset, "0"), ("weft:states", one.states, {}),
        ("weft:role", one.role, Role.SIGNAL.value))
    told.update({name: value for name, value, plain in said if value != plain})
    told["weft:write" if one.write else "readOnly"] = True
    apart = one.write and one.write_address
    operations = ["readproperty", *(["writeproperty"] if one.write and not apart else []), "observeproperty"]
    told["forms"] = [{"href": one.address, "op": operations, **one.form}]
    if apart:
        told["forms"].append({"href": one.write_address, "op": ["writeproperty"], **one.form})
    return told


def _action(one: Row) -> dict[str, Any]:
    form = {"href": one.address, "op": "invokeaction", **one.form}
    if one.owner:
        form["weft:object"] = one.owner
    return {"title": one.title or one.name, "weft:role": Role.START.value, "weft:arguments": ["jobId"], "forms": [form]}


# ---- the machine beside it ---------------------------------------------------------------------------


def again(text: str, target: Target, swap: tuple[str, str] = ("", "")) -> str:
    """Thing Description ``text`` for the machine ``target`` that is set up alike; in addresses ``swap`` is replaced.

    Raises ``Invalid('description.not-json')``. Not yet checked.
    """
    try:
        told = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid("description.not-json", detail=str(error)[:80]) from error
    told |= {"id": f"urn:weft:machine:{target.name}", "title": target.title or target.name, "base": target.endpoint}
    told.pop("titles", None)
    if swap[0]:
        for each in ("properties", "actions"):
            for one in (told.get(each) or {}).values():
                one["forms"] = [_swapped(form, swap) for form in one.get("forms", [])]
    return msgspec.json.format(msgspec.json.encode(told)).decode()


def _swapped(form: Mapping[str, Any], swap: tuple[str, str]) -> dict[str, Any]:
    places = ("href", "weft:object")
    return {name: value.replace(*swap) if name in places and isinstance(value, str) else value
            for name, value in form.items()}


# ---- tables ------------------------------------------------------------------------------------------


def table(rows: Sequence[Row], *, chinese: bool) -> str:
    """``rows`` as CSV, as ``read_table`` takes them; methods are not in it."""
    head = tuple(column.label(chinese=chinese) for column in COLUMNS)
    lines = (head, *(_cells(one) for one in rows if not one.action))
    return "".join(",".join(map(_quoted, line)) + "\r\n" for line in lines)


def _cells(one: Row) -> tuple[str, ...]:
    states = "; ".join(f"{raw}={name}" for raw, name in one.states.items())
    terms = msgspec.json.encode(one.form).decode() if one.form else ""
    return (one.name, one.address, one.title, one.type, one.unit, one.scale, one.offset, one.minimum, one.maximum,
            one.role, "yes" if one.write else "no", states, one.write_address, terms)


def _quoted(cell: str) -> str:
    """``cell`` as CSV (RFC 4180), and as no spreadsheet takes it for a formula."""
    tame = harmless(cell)
    return '"' + tame.replace('"', '""') + '"' if set(tame) & set(',"\r\n') else tame


def read_table(
    grid: Grid, readable: Callable[[Row], bool] = lambda _: True
) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """The rows of a table, and all that is wrong in it; ``readable``: whether the address of a row can be one."""
    read = tabled(grid, COLUMNS)
    rows = [_row(line) for line in read.rows]
    seen: dict[str, int] = {}
    for line, one in zip(read.rows, rows, strict=True):
        if one.name in seen:
            line.fault("name", "connect.row-twice", name=one.name[:40], row=seen[one.name])
        seen.setdefault(one.name, line.number)
        if one.address and not readable(one):
            line.fault("address", "connect.register", value=one.address[:40])
    _check(read.rows, rows)
    return tuple(rows), tuple(read.problems)


def _check(lines: Sequence[Line], rows: Sequence[Row]) -> None:
    """Note at its line what a description would not take, where its cells can be read at all."""
    roles: dict[str, str] = {}
    unread = {problem.row for line in lines[:1] for problem in line.problems}
    for line, one in zip(lines, rows, strict=True):
        try:
            parse(thing(Target(name="row", endpoint="http://row"), [one] if line.number not in unread else []))
        except Invalid as error:
            places = [_FIELDS[part] for part in str(error.facts.get("where", "")).split("/")[2:] if part in _FIELDS]
            column = next(iter(places), _COLUMN.get(error.code, "name"))
            line.fault(column, error.code, **{**error.facts, "where": one.name})
        if one.role in roles:
            line.fault("role", "description.role-twice", role=one.role, first=roles[one.role], second=one.name)
        if Role(one.role) not in REPEATABLE_ROLES:
            roles.setdefault(one.role, one.name)


def _row(line: Line) -> Row:
    for column in ("name", "address"):
        if not line.text(column):
            line.fault(column, "table.cell-empty")
    unit = line.text("unit").strip()
    return Row(
        name=line.text("name").strip()[:NAME_MAX], title=line.text("title")[:NAME_MAX],
        address=line.text("address").strip()[:TEXT_MAX], unit=_UNITS.get(unit.lower(), unit)[:20],
        type=_choice(line, "type", _TYPES, ("number", "integer", "boolean", "string")),
        scale=line.number_of("scale", "1", lambda value: value != 0),
        offset=_number(line, "offset") or "0", minimum=_number(line, "min"), maximum=_number(line, "max"),
        role=_choice(line, "role", _ROLES, tuple(Role)), write=_yes(line), states=_states(line),
        write_address=line.text("write address").strip()[:TEXT_MAX], form=_terms(line))


def _number(line: Line, column: str) -> str:
    return line.number_of(column, check=lambda _: True) if line.has(column) else ""


def _yes(line: Line) -> bool:
    told = line.text("write").strip().lower()
    if told and told not in _YES:
        line.fault("write", "table.choice", value=told[:40], allowed="yes, no")
    return _YES.get(told, False)


def _choice(line: Line, column: str, words: Mapping[str, str], allowed: Sequence[str]) -> str:
    """The cell by any of its ``words``; the first of ``allowed`` when it is empty or a problem."""
    told = words.get(plain(line.text(column)))
    if told is None and line.has(column):
        line.fault(column, "table.choice", value=line.text(column)[:40], allowed=", ".join(allowed))
    return told or allowed[0]


def _states(line: Line) -> dict[str, str]:
    told = states_of(line.text("states"))
    if line.has("states") and not told:
        line.fault("states", "table.pair", value=line.text("states")[:40])
    return told


def states_of(text: str) -> dict[str, str]:
    """``0=Idle; 1=加工中`` as a table, words of people as states; parts without a sign of equality are left out."""
    parts = [(part if "=" in part else _SIGNS.sub("=", part, count=1)).partition("=")
             for part in text.replace("；", ";").replace("\n", ";").split(";")]
    return {raw.strip(): _STATES.get(plain(name), name.strip())
            for raw, sign, name in parts if sign and raw.strip() and name.strip()}


def states_meant(told: Mapping[str, str]) -> dict[str, str]:
    """The same from a state's name -> the machine's values that mean it (``1, 3``)."""
    return {raw.strip(): name for name, values in told.items() for raw in _LIST.split(values) if raw.strip()}


def _terms(line: Line) -> dict[str, Scalar]:
    text = line.text("terms").strip()
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Scalar])
    except msgspec.DecodeError:
        line.fault("terms", "connect.terms")
        return {}
