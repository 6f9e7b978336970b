"""What is proposed for a browsed device, by hand-made lists and by a real one."""

import json

import pytest

from tests.machines.conftest import MACHINES, Start
from weft.basis.errors import Invalid
from weft.machines.opcua import discover
from weft.shopfloor.connection import BrowsedNode
from weft.shopfloor.description import Role, Security, StartMode
from weft.shopfloor.propose import Target, machine_at, missing, objects, propose, suggest
from weft.shopfloor.reading import fill, parse, parse_text

TARGET = Target(name="lathe-1", endpoint="opc.tcp://127.0.0.1:4840")


def node(name: str, kind: str = "integer", **more: object) -> BrowsedNode:
    return BrowsedNode(**{"href": f"?id=ns=2;s=L.{name}", "name": name, "path": f"L/{name}", "kind": "variable",
                          "type": kind} | more)


LATHE = [
    BrowsedNode(href="?id=ns=2;s=L", name="L", path="L", kind="object"),
    node("JobId", "string", writable=True), node("State", values=("Idle", "AllowedToStart", "Running", "Warming up")),
    node("PieceCount"), node("TargetCount", writable=True), node("Speed", "number", writable=True, unit="RPM"),
    node("EmergencyStop", "boolean", writable=True), node("Temperature", "number", unit="CEL"),
]


def test_nothing_is_writable_without_limits_and_safety_never() -> None:
    proposal = propose(LATHE, TARGET)
    described = parse(proposal.thing)
    written = {name for name, one in described.properties.items() if one.write}
    assert written == {"JobId", "TargetCount"}
    assert proposal.set_points == ("Speed",)
    assert described.properties["EmergencyStop"].role is Role.SAFETY
    assert described.start_mode is StartMode.OPERATOR
    assert all(one.minimum and one.maximum for one in described.properties.values() if one.write and one.numeric)


def test_the_owners_limits_make_a_set_point() -> None:
    described = parse(propose(LATHE, TARGET, {"Speed": ("100", "4000"), "EmergencyStop": ("0", "1")}).thing)
    speed = described.properties["Speed"]
    assert (speed.role, speed.write, speed.minimum, speed.maximum) == (Role.SETPOINT, True, "100", "4000")
    assert not described.properties["EmergencyStop"].write


def test_what_is_unclear_is_said() -> None:
    codes = {one.code for one in propose(LATHE, TARGET).findings}
    assert codes == {"states-unclear", "assumed-limits", "needs-limits"}
    lacking = [one for one in LATHE if one.name not in ("State", "JobId")]
    missing = [one.facts["role"] for one in propose(lacking, TARGET).findings if one.code == "role-missing"]
    assert missing == ["jobId", "state"]


def test_of_several_machines_the_most_telling_is_taken_and_the_others_are_named() -> None:
    other = [BrowsedNode(href="?id=ns=2;s=M.State", name="State", path="M/State", kind="variable", type="integer")]
    assert objects([*other, *LATHE]) == ("L", "M")
    proposal = propose([*other, *LATHE], TARGET)
    assert any(one.code == "several-machines" and one.facts["others"] == "M" for one in proposal.findings)
    assert set(parse(propose([*other, *LATHE], Target(name="m", endpoint="opc.tcp://a:1", under="M")).thing)
               .properties) == {"State"}


def test_folders_that_complete_each_other_are_one_machine() -> None:
    def within(folder: str, *names: str) -> list[BrowsedNode]:
        return [BrowsedNode(href=f"?id=ns=2;s={folder}.{name}", name=name, path=f"{folder}/{name}", kind="variable",
                            type="integer") for name in names]

    one = [*within("VMC/Production", "State", "PartsCount"), *within("VMC/Status", "AlarmCode", "EmergencyStop"),
           *within("VMC/Spindle", "Load")]
    assert machine_at(one) == ("VMC", ())
    assert set(parse(propose(one, TARGET).thing).properties) == {
        "Production.State", "Production.PartsCount", "Status.AlarmCode", "Status.EmergencyStop", "Spindle.Load"}
    two = [*within("Hall/A", "State", "PartsCount"), *within("Hall/B", "State")]
    assert machine_at(two) == ("Hall/A", ("Hall/B",)), "what says the same twice is two machines"


def test_the_owner_says_what_a_value_is_for() -> None:
    nodes = [node("PieceCount"), node("Output"), node("EmergencyStop", "boolean")]
    rows, _ = suggest(nodes, roles={"Output": Role.COUNT, "EmergencyStop": Role.SIGNAL})
    told = {one.name.rpartition(".")[2]: one.role for one in rows}
    assert (told["Output"], told["PieceCount"], told["EmergencyStop"]) == ("count", "signal", "safety")


def test_numbers_of_states_without_a_meaning_are_told() -> None:
    rows, said = suggest([node("State")])
    assert not said
    assert [one.property for one in missing(rows) if one.code == "states-missing"] == ["L.State"]
    named, _ = suggest([node("State", values=("Idle", "Running"))])
    assert all(one.code != "states-missing" for one in missing(named))


def test_security_is_named_outright() -> None:
    secure = Target(name="l", endpoint="opc.tcp://a:1",
                    security=Security(mode="signAndEncrypt", policy="Basic256Sha256", user=True))
    assert parse(propose(LATHE, secure).thing).security == secure.security


def test_a_device_without_a_machine_is_refused() -> None:
    with pytest.raises(Invalid, match=r"propose\.nothing"):
        propose([node("Humidity", "number")], TARGET)


async def test_the_proposal_for_a_real_machine_agrees_with_the_hand_written_description(machine: Start) -> None:
    process = await machine("lathe")
    nodes = await discover(process.endpoint, Security(), None)
    proposal = propose(nodes, Target(name="M1", endpoint=process.endpoint),
                       {"SpindleSpeed": ("100", "4000"), "Feed": ("10", "600"), "CycleSeconds": ("5", "1800")})
    proposed, written = parse_text(proposal.text), process.description()
    for role in (Role.JOB_ID, Role.PROGRAM, Role.TARGET, Role.STATE, Role.COUNT, Role.SCRAP, Role.ALARM,
                 Role.LOCAL_READY):
        assert proposed.by_role(role) is not None, role
    for name in ("SpindleSpeed", "Feed", "JobId", "TargetCount"):
        ours, theirs = proposed.properties[name], written.properties[name]
        assert (ours.href, ours.write, ours.role, ours.unit or "C62") == (
            theirs.href, theirs.write, theirs.role, theirs.unit or "C62")
    assert proposed.properties["State"].states == written.properties["State"].states
    assert proposed.start_action() is not None


@pytest.mark.parametrize(("kind", "set_points"), [
    ("lathe", {"SpindleSpeed", "Feed", "CycleSeconds"}), ("cell", {"Torque", "CycleSeconds"}),
    ("press", {"MouldTemperature", "ClampForce", "CycleSeconds"})])
def test_every_template_parses_and_its_set_points_have_limits(kind: str, set_points: set[str]) -> None:
    text = (MACHINES / f"{kind}.td.json").read_text(encoding="utf-8")
    described = parse_text(fill(text, {"NAME": "X 1", "ENDPOINT": "opc.tcp://127.0.0.1:4840"}))
    found = {name: one for name, one in described.properties.items() if one.role is Role.SETPOINT}
    assert set(found) == set_points
    assert all(one.write and one.minimum and one.maximum and one.unit for one in found.values())
    assert described.start_mode is StartMode.AUTO
    assert described.by_role(Role.LOCAL_READY) is not None
    with pytest.raises(Invalid, match=r"description\.placeholder"):
        fill(text, {"NAME": "X"})
    assert json.loads(text)["@type"] == "tm:ThingModel"
