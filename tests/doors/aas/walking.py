"""A walk through all operations of the OpenAPI, from what one answers to what another needs: ``python -m`` prints it.

The state machine, its rules and its extraction of values are those of schemathesis; the links are ``links.py``.
Rule 1: each step is judged: no 5xx, the answer has the form that the specification gives it, a refusal is one that the
        specification names, and what an answer promises is there when it is asked for (``promises.py``).
Rule 2: the next step is one that has worked least so far, of those that what is known allows.
Rule 3: faults are gathered, not raised: hypothesis never goes back, for a node does not forget what it was told.
"""

import argparse
import random
import traceback
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.generation.stateful.control import TransitionController
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.conformance.node import running
from tests.conformance.suites import fill
from tests.doors.aas import bodies
from tests.doors.aas.fitting import Fitting
from tests.doors.aas.links import ABOUT, linked
from tests.doors.aas.promises import Promises
from tests.doors.aas.specification import FILES, LISTS, bundled, prepared
from weft.twin.names import decode_id

CHECKS = (not_a_server_error, response_schema_conformance, content_type_conformance)
ROOT = Path(__file__).resolve().parents[3]
STEPS = 60  # of one scenario
ENDING = {**dict.fromkeys((  # what takes away a thing that others are still asked about, and so many steps are left
    "DELETE /shells/{aasIdentifier}", "DELETE /submodels/{submodelIdentifier}",
    "DELETE /aas/submodels/{submodelIdentifier}",
    "DELETE /shells/{aasIdentifier}/submodels/{submodelIdentifier}"), 8), **dict.fromkeys((
        "DELETE /aas/submodel-refs/{submodelIdentifier}",
        "DELETE /shells/{aasIdentifier}/submodel-refs/{submodelIdentifier}"), 14)}
ROOTS_EVERY = 8  # steps: then something new may be made without a link
# Statuses with which operations refuse that do not name them themselves ("default" stands for it), and why they may.
UNNAMED = {
    400: "IDTA-01002 §11.5, ClientErrorBadRequest: discovery names none, and an id can be wrong there, too",
    404: "IDTA-01002 §11.5, ClientErrorResourceNotFound: of /aas and /submodel, where the thing has been deleted",
    405: "IDTA-01002 §11.5, ClientMethodNotAllowed: a file is asked of what is no File",
    409: "IDTA-01002 §11.5, ClientErrorResourceConflict: what metamodel 3.1 alone can say is not exported as 3.0",
}


class Onward(HypothesisProvider):
    """Draws from numbers of a seed: hypothesis compares no scenarios with each other where the backend is another."""

    numbers = random.Random(7)

    def __init__(self, data: Any, /) -> None:
        super().__init__(data)
        self._random = random.Random(self.numbers.getrandbits(64))


AVAILABLE_PROVIDERS["onward"] = Onward


class Session(requests.Session):
    """Asks a node; an address that stands for one thing alone is put below that thing's own."""

    def __init__(self) -> None:
        super().__init__()
        self.alone: tuple[str, str] = ("", "")

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As any session."""
        before, after = self.alone
        url = request.url or ""
        if before and url.startswith(before) and url[len(before):len(before) + 1] in ("", "/", "?"):
            request.url = after + url[len(before):]
        return self.answered(request, **kwargs)

    def answered(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """What the node answers; a control puts something else in its place."""
        return super().send(request, **kwargs)


class Steering(TransitionController):
    """Rule 2, over all scenarios of one walk."""

    __slots__ = ("bundles", "low", "steps", "walk")

    def __init__(self, control: TransitionController, walk: "Walk", bundles: Any) -> None:
        super().__init__(control.transitions, control.roots)
        self.walk, self.bundles, self.steps, self.low = walk, bundles, -1, None

    def _least(self) -> int | None:
        """How often that has worked, of all that could be next, which has worked least; None: nothing could be."""
        if self.steps != self.walk.steps:
            self.steps = self.walk.steps
            there = {source for name, kept in self.bundles.items() if kept
                     for source in self.transitions.producer_labels_for_bundle(name)}
            self.low = min((self.walk.rank(link.target.label) for source in there
                            for link in self.transitions.operations[source].outgoing
                            if super(Steering, self).allow_transition(source, link.target.label)), default=None)
        return self.low

    def allow_transition(self, source: str, target: str) -> bool:
        """Whether ``target`` has worked least; from one source it is asked but twice."""
        least = self._least()
        return least is not None and self.walk.rank(target) <= least and super().allow_transition(source, target)

    def allow_root_transition(self, source: str, bundles: Any) -> bool:
        """Now and then something new is made, of each kind in turn; always, while nothing is known."""
        making = [one for one in self.roots if one.startswith("POST ") and "{" not in one and "/submodel/" not in one]
        if source not in making:
            return not making
        ranks = {one: (min(self.walk.rank(link.target.label) for link in self.transitions.operations[one].outgoing),
                       self._root_calls(one)) for one in making}
        made = sum(map(self._root_calls, making))
        least = self._least()
        due = least is None or made * ROOTS_EVERY <= self.walk.scenario or min(ranks.values())[0] < least
        return due and ranks[source] == min(ranks.values())


class Walk:
    """One walk against the node at ``address``."""

    def __init__(self, address: str, whole: dict[str, Any], session: Session | None = None, only: str = "") -> None:
        self.address, self.session = address, session or Session()
        whole, self.kinds = prepared(whole)
        schema = schemathesis.openapi.from_dict(linked(whole, machine_of(address)))
        schema.config.generation.update(modes=[GenerationMode.POSITIVE])  # what is bent, ``bodies.py`` bends
        self.schema = schema.include(path_regex=only) if only else schema
        self.operations = {one.ok().label: one.ok() for one in self.schema.get_all_operations()}
        self.promises = Promises(self.session, address)
        self.fitting = Fitting(self.session, address)
        self.tried: Counter[str] = Counter()
        self.worked: Counter[str] = Counter()
        self.refused: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
        self.unnamed: Counter[int] = Counter()
        self.faults: list[tuple[str, str]] = []
        self.steps = self.scenario = self.cases = 0

    def rank(self, label: str) -> int:
        """What comes next is what has worked least; what never works has its turn more and more rarely.

        What ends a thing that others are still asked about comes late in its scenario; what has not worked by the end
        of the walk comes first in what is added to it, while all is still there.
        """
        if self.steps >= self.cases and not self.worked[label]:
            return -1
        late = self.scenario < STEPS - ENDING.get(label, STEPS)
        return max(self.worked[label], self.tried[label] // 3) + late

    def run(self, cases: int, seed: int = 7) -> None:
        """At least ``cases`` steps, and up to three times as many while some operation has not worked."""
        machine, self.cases = _machine(self), cases
        Onward.numbers = random.Random(seed)
        while self.steps < cases or (self.never() and self.steps < 3 * cases):
            scenarios, before = max(1, (cases - self.steps) // STEPS), self.steps
            try:
                machine.run(settings=settings(
                    max_examples=scenarios, stateful_step_count=STEPS, database=None, deadline=None, backend="onward",
                    phases=[Phase.generate], suppress_health_check=list(HealthCheck)))
            except Exception:  # noqa: BLE001 - an answer that no link can be followed from ends the walk as a fault
                self.faults.append(("the walk itself", traceback.format_exc()[-1500:]))
                break
            if self.steps == before:
                break

    def fit(self, case: Any, about: str, told: set[str]) -> None:
        """Make of what was drawn what is to be sent; ``told``: what of the address a link has told."""
        case.headers.pop(ABOUT, None)
        known = self.kinds.get((case.method, case.operation.path))
        luck = random.Random(f"{case.body} {case.path_parameters} {self.steps}")
        self.session.alone = self.fitting.alone(case.operation.path, about)
        case.path_parameters = self.fitting.path(case, told, luck)
        self.fitting.furnish(case)
        case.query = self.fitting.query(case, about, luck)
        if isinstance(case.body, dict) and case.media_type == "multipart/form-data":
            case.body = self.fitting.form(case, about, luck)
        if known is not None and isinstance(case.body, int | float):
            case.body = self.fitting.body(case, known, about, luck)
            if luck.random() < 0.15:
                case.body = bodies.bent(case.body, luck)

    def judge(self, case: Any, response: Any, about: str) -> None:
        """Rule 1."""
        label, status = case.operation.label, response.status_code
        self.steps += 1
        self.scenario += 1
        self.tried[label] += 1
        path, checks = case.operation.path, list(CHECKS)
        if path in LISTS:
            checks.remove(response_schema_conformance)
        if path.endswith(FILES):
            checks.remove(content_type_conformance)
        try:
            case.validate_response(response, checks=checks)
        except (FailureGroup, AssertionError) as failure:
            told = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
            self.faults += [(label, f"{status}: {one!s:.600}") for one in told]
        if status < 400:
            self.worked[label] += 1
            try:
                broken = self.promises.broken(case, response, about)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                broken = f"unreadable: {error!r:.300}"
            if broken:
                self.faults.append((label, f"{status} {response.request.url}: {broken}"))
            return
        self.refuse(case, status, self.reason(label, status, response))

    def refuse(self, case: Any, status: int, reason: str) -> None:
        """Count a refusal, and whether the operation names it."""
        label = case.operation.label
        self.refused[label][status, reason] += 1
        if str(status) in case.operation.definition.raw["responses"]:
            return
        self.unnamed[status] += 1
        if status not in UNNAMED:
            self.faults.append((label, f"refused with {status} {reason}, which the specification does not name"))

    def reason(self, label: str, status: int, response: Any) -> str:
        """The code of the first message."""
        try:
            return str(response.json()["messages"][0]["correlationId"])
        except (ValueError, KeyError, IndexError, TypeError):
            self.faults.append((label, f"{status} without a reason: {response.text[:200]}"))
            return ""

    def never(self) -> list[str]:
        """Operations that have not worked once."""
        return [label for label in self.operations if not self.worked[label]]

    def table(self) -> str:
        """How often each operation worked, how often it was refused, and why."""
        lines = [f"{'worked':>7} {'refused':>7}  operation"]
        for label in self.operations:
            refused = self.refused[label]
            told = ", ".join(f"{status} {reason} x{count}" for (status, reason), count in refused.most_common())
            lines.append(f"{self.worked[label]:>7} {refused.total():>7}  {label}  {told}".rstrip())
        lines.append(f"{self.worked.total():>7} {sum(one.total() for one in self.refused.values()):>7}  "
                     f"{len(self.operations)} operations, {len(self.never())} never worked, {len(self.faults)} faults")
        lines += [f"{count:>15}  {status} not named by the operation itself: {UNNAMED.get(status, 'FAULT')}"
                  for status, count in self.unnamed.items()]
        return "\n".join(lines)


def _machine(walk: Walk) -> Any:
    """The rules of schemathesis, with ours for what is next, what is sent, and what is judged."""

    class Machine(walk.schema.as_state_machine()):
        def __init__(self) -> None:
            super().__init__()
            self.control = Steering(self.control, walk, self.bundles)
            walk.scenario = 0

        def step(self, input: Any) -> Any:
            try:
                self.about = _about(input.transition)
                walk.fit(input.case, self.about, {name for _, name in input.applied_parameters})
                return super().step(input)
            except Exception:  # noqa: BLE001 - rule 3: the walk's own fault is one, too
                walk.faults.append((input.case.operation.label, traceback.format_exc()[-1500:]))
                return None

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": walk.address, "session": walk.session, "allow_redirects": False, "timeout": 30}

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            walk.judge(case, response, self.about)

    return Machine


def _about(transition: Any) -> str:
    """What the link says that the request is about, as an id."""
    found = transition.parameters.get("headers", {}).get(ABOUT) if transition is not None else None
    told = found.value.ok() if found is not None and isinstance(found.value, Ok) else None
    if not isinstance(told, str):
        return ""
    try:
        return told if ":" in told else decode_id(told)
    except Exception:  # noqa: BLE001 - a package has an id that is no base64url
        return told


def machine_of(address: str) -> tuple[str, str, str]:
    """(shell, submodel, operation) of a machine whose values are read by an operation."""
    cursor: dict[str, str] = {}
    while True:
        page = requests.get(f"{address}/shells", params={"limit": "1000", **cursor}, timeout=30).json()
        found = next((one["id"] for one in page["result"] if ":machine:" in one["id"]), "")
        if found:
            return found, f"{found}:TimeSeries", "ReadRecords"
        cursor = {"cursor": page["paging_metadata"]["cursor"]}


@contextmanager
def furnished() -> Any:
    """The address of a node that has what the conformance suites ask for, and a machine."""
    with running() as address:
        fill(address)
        text = (ROOT / "examples/demo/machines/lathe.td.json").read_text(encoding="utf-8")
        told = requests.post(
            address.replace("/api/v3.0", "/api/weft/v1/commands/machine-add"), timeout=30,
            json={"name": "M1", "description": text, "values": {"NAME": "M1", "ENDPOINT": "opc.tcp://127.0.0.1:9"}},
            headers={"Idempotency-Key": "machine-of-the-walk"})
        assert told.status_code == 200, told.text
        yield address.replace("/api/v3.0", "/api/v3")


def main() -> None:
    """Walk and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.doors.aas.walking")
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    asked = parser.parse_args()
    with furnished() as address:
        walk = Walk(address, bundled(asked.data))
        walk.run(asked.cases)
    print(walk.table())
    for label, told in walk.faults[:60]:
        print(f"FAULT {label}: {told}")


if __name__ == "__main__":
    main()
