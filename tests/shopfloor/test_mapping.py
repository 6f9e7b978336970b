"""Rows of a mapping, as their owner edits them, become a description; typed addresses; what to do about what fails."""

from pathlib import Path

import msgspec
import pytest

from weft.basis.errors import Invalid
from weft.locale import LANGUAGES, known, text
from weft.shopfloor.description import Role, Security
from weft.shopfloor.jobcontrol import JobState
from weft.shopfloor.mapping import (
    Row,
    Target,
    again,
    changed,
    read_table,
    rows_of,
    states_meant,
    states_of,
    table,
    thing,
)
from weft.shopfloor.reading import fill, parse, parse_text
from weft.shopfloor.remedies import Bad, Remedy, bad, reason, remedy, remedy_of
from weft.shopfloor.typed import readable, spelled

MACHINES = Path(__file__).parents[2] / "examples" / "demo" / "machines"
TARGET = Target(name="L1", endpoint="opc.tcp://10.0.0.5:4840", title="车床 1",
                security=Security(mode="signAndEncrypt", policy="Basic256Sha256", user=True))
ROWS = (
    Row(name="Speed", address="?id=ns=2;s=L1.Speed", unit="RPM", minimum="100", maximum="4000", role="setpoint",
        write=True),
    Row(name="Temperature", address="?id=ns=2;s=L1.T", scale="0.1", offset="-40"),
    Row(name="State", address="?id=ns=2;s=L1.State", type="integer", role="state",
        states={"0": "Idle", "2": "Running"}),
    Row(name="Start", address="?id=ns=2;s=L1.Start", role="start", action=True, owner="?id=ns=2;s=L1"),
)


def test_rows_become_a_description_and_nothing_else_is_in_it():
    described = parse(thing(TARGET, ROWS))
    assert (described.title, described.security) == ("车床 1", TARGET.security)
    speed, temperature = described.properties["Speed"], described.properties["Temperature"]
    assert (speed.write, speed.minimum, speed.maximum, speed.role) == (True, "100", "4000", Role.SETPOINT)
    assert (temperature.write, temperature.scale, temperature.offset) == (False, "0.1", "-40")
    assert described.properties["State"].states == {"0": "Idle", "2": "Running"}
    assert described.start_action().object == "?id=ns=2;s=L1"


@pytest.mark.parametrize(("changed", "code"), [
    ({"write": True, "role": "setpoint"}, "write-without-limits"), ({"write": True, "role": "safety"}, "safety-write"),
    ({"scale": "0"}, "number"), ({"minimum": "9", "maximum": "1"}, "limits"), ({"role": "boss"}, "role-unknown")])
def test_what_a_row_may_not_say_the_reader_refuses(changed, code):
    with pytest.raises(Invalid, match=rf"description\.{code}"):
        parse(thing(TARGET, [msgspec.structs.replace(ROWS[1], **changed)]))


def test_a_row_with_its_own_address_for_writing_has_two_forms():
    row = Row(name="V", address="m/1", write_address="m/1/set", type="string", role="setpoint", write=True)
    described = parse(thing(Target(name="M", endpoint="mqtt://10.0.0.5"), [row])).properties["V"]
    assert (described.href, described.write_form["href"], described.write) == ("m/1", "m/1/set", True)


def test_a_machine_set_up_alike_has_its_own_name_and_address_and_the_same_values():
    text = msgspec.json.encode(thing(TARGET, ROWS)).decode()
    other = parse_text(again(text, Target(name="L2", endpoint="opc.tcp://10.0.0.6:4840"), ("L1", "L2")))
    assert (other.id, other.base) == ("urn:weft:machine:L2", "opc.tcp://10.0.0.6:4840")
    assert other.properties["Speed"].href == "?id=ns=2;s=L2.Speed"
    assert other.start_action().object == "?id=ns=2;s=L2"
    assert other.properties["Speed"].maximum == "4000"
    assert other.security == TARGET.security


@pytest.mark.parametrize("chinese", [True, False])
def test_a_table_holds_all_that_its_owner_set(chinese):
    text = table(ROWS, chinese=chinese)
    grid = [(n, line.split(",")) for n, line in enumerate(text.strip().split("\r\n"), 1)]
    rows, problems = read_table(grid)
    assert not problems
    told = [msgspec.structs.replace(one, action=False) for one in ROWS[:3]]
    assert list(rows) == told


def test_a_cell_is_never_a_formula():
    row = Row(name="=cmd()", address="@x", title='say "hi", twice')
    text = table([row], chinese=False)
    assert "'=cmd()" in text and "'@x" in text and '"say ""hi"", twice"' in text
    rows, _ = read_table([(1, ["name", "address"]), (2, ["'=cmd()", "'@x"])])
    assert (rows[0].name, rows[0].address) == ("=cmd()", "@x")


@pytest.mark.parametrize(("typed", "href", "entity", "kind"), [
    ("40101", "/1/100?quantity=1", "HoldingRegister", "integer"),
    ("400101", "/1/100?quantity=1", "HoldingRegister", "integer"),
    ("holding 100 float", "/1/100?quantity=2", "HoldingRegister", "number"),
    ("30008 int32", "/1/7?quantity=2", "InputRegister", "integer"),
    ("unit 3 coil 5", "/3/5?quantity=1", "Coil", "boolean"),
    ("站 2 离散输入 0", "/2/0?quantity=1", "DiscreteInput", "boolean")])
def test_registers_are_typed_as_people_write_them(typed, href, entity, kind):
    row = spelled(Row(name="V", address=typed), "modbus+tcp")
    assert (row.address, row.form["modv:entity"], row.type) == (href, entity, kind)
    assert row.writable is (entity in {"Coil", "HoldingRegister"})
    assert spelled(Row(name="V", address=typed), "opc.tcp").address == typed


@pytest.mark.parametrize("typed", ["/1/100?quantity=2", "40000", "holding 1 nonsense", "temperature"])
def test_what_is_no_such_spelling_stays_as_it_is(typed):
    assert spelled(Row(name="V", address=typed), "modbus+tcp").address == typed


@pytest.mark.parametrize("typed", ["abc", "?id=ns=2;s=x", "holding 1 nonsense", "/1/2/3"])
def test_what_can_be_no_register_is_told(typed):
    assert not readable(typed, "modbus+tcp")
    assert readable(typed, "opc.tcp")
    assert all(readable(one, "modbus+tcp") for one in ("/40016", "40016", "/1/100?quantity=2"))
    _, problems = read_table([(1, ["name", "address"]), (2, ["A", typed])],
                             lambda one: readable(one.address, "modbus+tcp"))
    assert [(one.row, one.column, one.code) for one in problems] == [(2, "address", "connect.register")]


def test_a_table_takes_the_words_of_the_form():
    for lang in LANGUAGES:
        for role in Role:
            assert _read("role", text(lang, f"role.{role.value}")).role == role.value
        for kind in ("number", "integer", "boolean", "string"):
            assert _read("type", text(lang, f"connect.type.{kind}")).type == kind
        for state in JobState:
            told = text(lang, f"jobstate.{state.value}")
            assert states_of(f"2={told}") == {"2": state.value}
    assert states_of("0=空闲;2：运行") == {"0": "Idle", "2": "Running"}
    assert states_meant({"Running": "2, 3", "Idle": "0"}) == {"2": "Running", "3": "Running", "0": "Idle"}


def _read(column, word):
    rows, problems = read_table([(1, ["name", "address", column]), (2, ["A", "?x", word])])
    assert not problems, (column, word)
    return rows[0]


def test_each_fault_of_a_table_is_told_once_with_its_row_and_column():
    head = ["名称", "地址", "用途", "下限", "上限", "可写", "状态对照"]
    rows = [["A", "?a", "怪", "", "", "", ""], ["B", "?b", "", "9", "1", "", ""],
            ["E", "?e", "安全", "", "", "是", ""], ["S", "?s", "状态", "", "", "", "0=nonsense"],
            ["T", "?t", "状态", "", "", "", "nonsense"], ["U", "?u", "", "", "", "是", ""],
            ["C", "?c", "", "1", "5", "", ""]]
    _, problems = read_table([(1, head), *((n, one) for n, one in enumerate(rows, 2))])
    assert [(one.row, one.column, one.code) for one in sorted(problems, key=lambda one: (one.row, one.code))] == [
        (2, "用途", "table.choice"), (3, "下限", "description.limits"), (4, "可写", "description.safety-write"),
        (5, "状态对照", "description.state-unknown"), (6, "用途", "description.role-twice"),
        (6, "状态对照", "table.pair"), (7, "可写", "description.role-not-writable")]
    allowed = next(one for one in problems if one.code == "table.choice").facts["allowed"]
    assert allowed.split(", ") == [one.value for one in Role], "every choice, none cut off"


def test_states_are_read_as_they_are_typed():
    assert states_of("0=Idle; 1 = Running；2=Ended\nx") == {"0": "Idle", "1": "Running", "2": "Ended"}


@pytest.mark.parametrize(("said", "what"), [
    ("Connection refused", Remedy.REFUSED), ("Connect call failed ('10.0.0.5', 4840)", Remedy.REFUSED),
    ("timeout", Remedy.SILENT), ("silent", Remedy.SILENT), ("No route to host", Remedy.SILENT),
    ("Name or service not known", Remedy.NAME), ("machine.certificate-changed", Remedy.CERTIFICATE),
    ("BadUserAccessDenied", Remedy.LOGIN), ("machine.no-login", Remedy.WANTED), ("Not authorized", Remedy.LOGIN),
    ("BadCertificateUntrusted", Remedy.UNTRUSTED), ("machine.security-not-offered", Remedy.SECURITY),
    ("BadTooManySessions", Remedy.FULL), ("controller-not-running", Remedy.CONTROLLER),
    ("linuxcnc-not-installed", Remedy.PROGRAM), ("something new", Remedy.OTHER)])
def test_every_reason_has_a_remedy(said, what):
    assert remedy(said) is what


@pytest.mark.parametrize(("code", "detail", "what"), [
    ("machine.broker-gone", "Connection refused", Remedy.REFUSED), ("machine.broker-gone", "timeout", Remedy.SILENT),
    ("machine.broker-gone", "", Remedy.SILENT), ("machine.not-heard", "timeout: /.well-known/wot", Remedy.SILENT),
    ("machine.unreachable", "No route to host", Remedy.SILENT), ("machine.unreachable", "something", Remedy.OTHER),
    ("machine.certificate-changed", "timeout", Remedy.CERTIFICATE), ("timeout", "", Remedy.SILENT),
    ("machine.look-too-long", "", Remedy.PART)])
def test_what_the_device_or_the_network_said_decides_what_to_do(code, detail, what):
    assert remedy_of(code, detail) is what


def test_who_never_logged_in_is_told_that_a_login_is_wanted():
    assert remedy("BadIdentityTokenRejected", login=False) is Remedy.WANTED
    assert remedy("BadIdentityTokenRejected") is Remedy.LOGIN
    assert remedy("timeout", login=False) is Remedy.SILENT


@pytest.mark.parametrize(("said", "what"), [
    ("Connection refused", "refused"), ("timeout: /.well-known/wot", "silent"), ("connection lost", "lost"),
    ("BadIdentityTokenRejected", "login"), ("illegal address (2)", "address"), ("BadNotWritable", "read-only"),
    ("something new", "")])
def test_what_devices_say_has_a_word_of_ours(said, what):
    assert reason(said) == what
    assert not what or all(known(lang, f"reason.{what}") for lang in LANGUAGES)


@pytest.mark.parametrize(("said", "what"), [
    ("illegal address (2)", Bad.GONE),
    ("BadNodeIdUnknown", Bad.GONE), ("unknown-property", Bad.GONE), ("BadSensorFailure", Bad.SENSOR),
    ("BadWaitingForInitialData", Bad.WAITING), ("type", Bad.TYPE), ("BadNotReadable", Bad.FORBIDDEN), ("", Bad.OTHER)])
def test_every_bad_value_has_a_reason(said, what):
    assert bad(said) is what


def test_a_machine_that_is_changed_keeps_what_rows_cannot_say():
    text = (MACHINES / "lathe.td.json").read_text(encoding="utf-8")
    before = msgspec.json.decode(fill(text, {"NAME": "M1", "ENDPOINT": "opc.tcp://10.0.0.5:4840"}))
    described = parse(before)
    rows = rows_of(described)
    target = Target(name="M1", endpoint=described.base, title=described.title, security=described.security)
    same = parse(changed(before, thing(target, rows)))
    assert same == described
    more = [*(one for one in rows if one.name != "Feed"), Row(name="New", address="?id=ns=2;s=new")]
    made = parse(changed(before, thing(target, more)))
    assert "New" in made.properties and "Feed" not in made.properties
    assert made.start_mode is described.start_mode
    assert made.by_role(Role.ALARM).alarms == described.by_role(Role.ALARM).alarms != {}
