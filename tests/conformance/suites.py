"""The four public suites of ``aas-test-engines`` 1.0.3 against a running node, and its file checks on every export.

The stand-alone profiles run against one object: a shell, and a submodel below it.
Not here: what is stored for them (``environment.py``), starting a node (``node.py``).
"""

import base64
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from aas_test_engines import api, config, file, http

from tests.conformance.environment import SHELL, SUBMODEL, environment

_PROFILE = "https://admin-shell.io/aas/API/3/0/{}ServiceSpecification/SSP-002"
CHECKS = {"AssetAdministrationShellRepository": 112, "SubmodelRepository": 106, "AssetAdministrationShell": 94,
          "Submodel": 76}  # as many as the engine has for each: 388
# The engine warns of it in one operation whatever a server answers, since its suite never asks for the cursor there
# (GetAllSubmodelElements-Reference has no set-up in 1.0.3).
WARNED_IN_VAIN = "Cannot check pagination, there must be at least 2 entities"
VAIN_MAX = 1


@dataclass(frozen=True)
class Verdict:
    """One suite: checks that passed, and every operation that is not fully right, with why."""

    suite: str
    passed: int
    checks: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all checks of the engine ran and passed."""
        return not self.faults and self.passed == self.checks


def encoded(name: str) -> str:
    """``name`` as it stands in an address."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def fill(address: str) -> None:
    """Write what the suites ask for, by the same door."""
    told = environment()
    for folder, documents in (("concept-descriptions", told["conceptDescriptions"]), ("submodels", told["submodels"]),
                              ("shells", told["assetAdministrationShells"])):
        for document in documents:
            answer = requests.post(f"{address}/{folder}", json=document, timeout=30)
            assert answer.status_code == 201, answer.text
    picture = {"file": ("lathe.png", b"\x89PNG\r\n\x1a\n", "image/png"), "fileName": (None, "lathe.png")}
    told_of = requests.put(f"{address}/shells/{encoded(SHELL)}/asset-information/thumbnail", files=picture, timeout=30)
    assert told_of.status_code == 204, told_of.text


def clean(address: str) -> None:
    """Take away what ``fill`` wrote: the engine looks at the first shell that it finds."""
    for folder, name in (("shells", SHELL), ("submodels", SUBMODEL)):
        requests.delete(f"{address}/{folder}/{encoded(name)}", timeout=30)


def run(address: str) -> Iterator[Verdict]:
    """A verdict for each suite."""
    shell = f"{address}/shells/{encoded(SHELL)}"
    at = {"AssetAdministrationShell": (shell, "/aas"),
          "Submodel": (f"{shell}/submodels/{encoded(SUBMODEL)}", "/submodel")}
    for suite, checks in CHECKS.items():
        host, prefix = at.get(suite, (address, ""))
        asked = config.CheckApiConfig(suite=_PROFILE.format(suite))
        result, counts = api.execute_tests(http.HttpClient(host, remove_path_prefix=prefix), asked)
        passed = counts.valid_accepted + counts.invalid_rejected
        found = faults(result.to_dict())
        if found.count(WARNED_IN_VAIN) == VAIN_MAX:
            found.remove(WARNED_IN_VAIN)
        yield Verdict(suite, passed, checks, tuple(found))


def faults(result: Any) -> list[str]:
    """What the engine holds for an error (or warns of), from the innermost."""
    within = [one for one in result["s"] if one["l"] >= 1]
    if not within:
        return [result["m"]] if result["l"] >= 1 else []
    return [fault for one in within for fault in faults(one)]


def exports(address: str) -> Iterator[Verdict]:
    """The engine's file check on each form that a node exports."""
    forms = {"json": ("application/json", file.check_json_file), "xml": ("application/xml", file.check_xml_file),
             "aasx": ("application/asset-administration-shell-package+xml", file.check_aasx_file)}
    for name, (kind, check) in forms.items():
        told = requests.get(f"{address}/serialization", headers={"Accept": kind}, timeout=120)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"export.{name}"
            path.write_bytes(told.content)
            if name == "aasx":
                with path.open("rb") as opened:
                    result = check(opened)
            else:
                with path.open("r", encoding="utf-8") as opened:
                    result = check(opened)
        found = tuple(faults(result.to_dict())) if told.status_code == 200 else (told.text[:200],)
        yield Verdict(f"export as {name}", int(not found), 1, found)
