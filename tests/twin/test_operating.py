"""Operations of a machine as elements: each means its own property, whatever it is called; values are kept."""

from decimal import Decimal

from aas_test_engines import file as engine
from hypothesis import given
from hypothesis import strategies as st

from weft.twin import elements as e
from weft.twin import machine, operating
from weft.twin.paths import resolve

NAMES = st.text("AbZ09_-. /ä阀", min_size=1, max_size=8)
TYPES = st.sampled_from(["boolean", "integer", "number", "string"])
SIGNALS = st.lists(st.builds(
    lambda name, kind, write: machine.Signal(name=name, title=name, type=kind, write=write, minimum="1", maximum="9",
                                             unit="RPM"), NAMES, TYPES, st.booleans()),
    max_size=6, unique_by=lambda one: one.name)


def made(signals, *, takes_jobs=False, actions=()):
    return machine.Machine(shell="urn:weft:F:machine:M", name="M", signals=tuple(signals), takes_jobs=takes_jobs,
                           actions=dict.fromkeys(actions, "Act"))


@given(SIGNALS, st.booleans(), st.sets(NAMES, max_size=3))
def test_each_operation_means_its_own_property_and_nothing_means_what_may_not_be_written(signals, takes_jobs, actions):
    thing = made(signals, takes_jobs=takes_jobs, actions=actions)
    submodel = machine.submodel(thing, operating.ID_SHORT)
    found = {}
    for group in submodel.get("submodelElements", ()):
        for one in group["value"]:
            path = f"{group['idShort']}.{one['idShort']}"
            assert resolve(submodel, path)["modelType"] == "Operation"
            found[path] = operating.meant(thing, path)
    assert None not in found.values() and len(set(found.values())) == len(found)
    wanted = {("read", one.name) for one in signals} | {("write", one.name) for one in signals if one.write}
    wanted |= {("load", ""), ("start", "")} if takes_jobs else set()
    wanted |= {("call", one) for one in actions}
    assert set(found.values()) == wanted
    for path in ("Write", "Read.", "Job.Stop", "Write.Nothing9", "", "Job.Load" if not takes_jobs else "Job"):
        assert operating.meant(thing, path) is None


def test_what_is_made_keeps_the_rules_of_the_metamodel():
    signals = [machine.Signal(name=f"P{place}", title="P", type=kind, write=True, unit="RPM", minimum="1", maximum="9",
                              step="2", allowed=("1", "2")) for place, kind in enumerate(operating.TYPES)]
    submodel = machine.submodel(made(signals, takes_jobs=True), operating.ID_SHORT)
    assert engine.check_json_data({"submodels": [submodel]}).ok()
    write = submodel["submodelElements"][0]["value"][0]
    twice = {**write, "outputVariables": write["inputVariables"]}     # the control: an output called as an input is
    broken = {**submodel, "submodelElements": [e.collection("Write", [twice])]}
    assert not engine.check_json_data({"submodels": [broken]}).ok()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-10**12, max_value=10**12, places=6))
def test_a_number_reaches_the_guard_as_it_was_written(number):
    for text in (str(number), f"{number:E}", f"+{number}" if number >= 0 else str(number)):
        told = operating.scalar({"valueType": "xs:double", "value": text})
        assert Decimal(told) == number and "E" not in told
    assert operating.scalar({"valueType": "xs:string", "value": str(number)}) == str(number)


def test_what_is_no_value_of_its_kind_stays_text_for_the_guard_to_refuse():
    for text in ("", "fast", "NaN", "INF", "1e999", "0x10"):
        assert operating.scalar({"valueType": "xs:double", "value": text}) == text
    assert operating.scalar({"valueType": "xs:boolean", "value": "yes"}) == "yes"
    assert operating.scalar({"valueType": "xs:boolean", "value": "1"}) is True


def test_what_a_machine_says_is_told_only_where_it_fits_its_type():
    fits = [(True, "xs:boolean", "true"), (5, "xs:long", "5"), (5.0, "xs:long", "5"), (5, "xs:double", "5.0"),
            (1.5, "xs:double", "1.5"), ("BODY", "xs:string", "BODY")]
    for value, kind, text in fits:
        assert operating.lexical(value, kind) == text
    for value, kind in ((1, "xs:boolean"), (1.5, "xs:long"), ("5", "xs:long"), (5, "xs:string"), (True, "xs:double")):
        assert operating.lexical(value, kind) == ""
