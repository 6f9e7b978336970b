"""What is sent in a walk: bodies and addresses that fit what is there, so that what lies behind them is reached.

Rule 1: what changes an element or its value is made from what the node tells of it now.
Not here: right bodies of each kind, and bent ones (``bodies.py``); which step is next (``walking.py``).
"""

import copy
import json
import random
from typing import Any
from urllib.parse import unquote

from tests.conformance import environment
from tests.conformance.suites import encoded
from tests.doors.aas import bodies
from tests.twin.aasx.packages import SHELL, packed, plain
from weft.twin.names import decode_id

Json = Any
ALONE = {"/aas": "/shells", "/submodel": "/submodels"}
VALUED = ["Name", "Limits", "Drawing", "Inside", "Inside.Depth", "Inside.Deeper.Count", "Counts", "Counts%5B1%5D",
          "Spindle"]
CONTAINERS = ["Inside", "Inside.Deeper", "Spindle"]
PATHS = [one["idShort"] for one in environment.elements()] + ["Inside.Depth", "Inside.Deeper.Count", "Counts%5B1%5D"]
SPAN = {"Timespan": {"min": "2026-01-01T00:00:00Z", "max": "2036-01-01T00:00:00Z"}}
SPAN_ELEMENT = {"modelType": "Range", "idShort": "Timespan", "valueType": "xs:dateTime", **SPAN["Timespan"]}
FILE = {"file": ("a.txt", b"made before it is asked for", "text/plain"), "fileName": (None, "a.txt")}
ROOTS = {"shells": "$aas", "submodels": "$sm", "concept-descriptions": "$cd", "shell-descriptors": "$aasdesc",
         "submodel-descriptors": "$smdesc"}


class Fitting:
    """Reads through ``session``."""

    def __init__(self, session: Any, address: str) -> None:
        self.session, self.address = session, address

    def alone(self, path: str, about: str) -> tuple[str, str]:
        """The address of the service for one thing, and that of the thing; two empty ones where it has its own."""
        start = "/" + path.split("/")[1]
        if start not in ALONE or not about:
            return "", ""
        return f"{self.address}{start}", f"{self.address}{ALONE[start]}/{encoded(about)}"

    def path(self, case: Any, told: set[str], luck: random.Random) -> dict[str, Json]:
        """The values in the address: ids encoded, and paths of elements that are there, unless a link has told one."""
        given = dict(case.path_parameters or {})
        for name, value in given.items():
            text = unquote(str(value))
            raw = ":" in text or (name == "packageId" and text.isascii() and luck.random() < 0.95)
            if raw and name != "idShortPath":
                given[name] = encoded(text)
            elif name == "idShortPath" and name not in told and luck.random() < 0.95:
                given[name] = luck.choice(_paths(case))
            elif not set(text) - {"."}:
                given[name] = "x"  # a client takes such a segment out of the address before it is sent
        return given

    def body(self, case: Any, known: tuple[str, bool], about: str, luck: random.Random) -> Json:
        """A body of the kind that fits the address and what the request is ``about``."""
        kind, many = known
        path, method = case.operation.path, case.method
        if many:
            return self._many(kind, method, about, luck)
        made = bodies.right(kind, luck)
        if path.startswith("/query/"):
            field = f"{ROOTS[path.rpartition('/')[2]]}#id"
            return {"$condition": {"$eq": [{"$field": field}, {"$strVal": about}]}} if about else made
        if kind in ("AssetAdministrationShell", "Submodel", "SubmodelMetadata", "ConceptDescription") or (
                kind.endswith("Descriptor")):
            return self._whole(case, made, about, luck)
        if kind.startswith("OperationRequest"):
            given: Json = SPAN if kind.endswith("ValueOnly") else [{"value": SPAN_ELEMENT}]
            return {"inputArguments": copy.deepcopy(given), "clientTimeoutDuration": "PT5S"}
        if kind.startswith("SubmodelElement") or kind == "SubmodelValue":
            return self._element(case, kind, made)
        return made

    def _many(self, kind: str, method: str, about: str, luck: random.Random) -> Json:
        if kind == "string":
            return [about] if about else [bodies.right(kind, luck)]
        made = [bodies.right(kind, luck) for _ in range(luck.randrange(1, 3))]
        if method == "PUT" and about and made and "id" in made[0]:
            made[0]["id"] = about
        if kind in ("SpecificAssetId", "AssetLink"):
            return [{"name": f"batch{luck.randrange(10**6)}", "value": "7"}]
        return made

    def _whole(self, case: Any, made: Json, about: str, luck: random.Random) -> Json:
        """The id is that of the address; what is made anew has a name of its own."""
        path, given = case.operation.path, case.path_parameters
        if case.method == "POST":
            made["idShort"] = f"Made{luck.randrange(10**9)}"
            if path == "/shells":
                named = about or self._submodel(luck)
                made["submodels"] = [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": named}]}]
            return made
        if case.method == "PATCH" and path.endswith(("/{submodelIdentifier}", "/submodel")):
            now = self._read(self._here(case))
            return {**now, "description": [{"language": "en", "text": f"Seen {luck.random()}"}]} if now else made
        last = path.removesuffix("/$metadata").rpartition("{")[2].removesuffix("}")
        made["id"] = _decoded(given[last]) if last in given else about or made["id"]
        return made

    def _submodel(self, luck: random.Random) -> str:
        """The id of a submodel that is made for a shell of which no link has told one."""
        made = bodies.right("Submodel", luck)
        self.session.post(f"{self.address}/submodels", json=made, timeout=30)
        name: str = made["id"]
        return name

    def _element(self, case: Any, kind: str, made: Json) -> Json:
        here = self._here(case)
        if kind == "SubmodelElementValue":
            return _other(self._read(here), made)
        if kind == "SubmodelValue":
            now = self._read(here)
            return {name: now[name] for name in ("Name", "Limits") if isinstance(now, dict) and name in now}
        if kind == "SubmodelElementMetadata" or case.method == "PATCH":
            now = self._read(here)
            told = [{"language": "en", "text": f"Seen {len(str(now))}"}]
            return {**now, "description": told} if isinstance(now, dict) and "modelType" in now else made
        if case.method == "PUT":
            made["idShort"] = here.rpartition("/")[2].rpartition(".")[2]
            if made["idShort"].endswith("%5D"):
                return {"modelType": "Property", "valueType": "xs:int", "value": "5"}
        return made

    def query(self, case: Any, about: str, luck: random.Random) -> Json:
        """The parameters behind the address: mostly none, since one that was drawn is mostly refused."""
        if case.operation.path == "/serialization" and about and luck.random() < 0.7:
            kept = ("aasIds", encoded(about)) if self.there("shells", about) else ("submodelIds", encoded(about))
            return {kept[0]: [kept[1]]}
        return {} if luck.random() < 0.6 else case.query

    def form(self, case: Any, about: str, luck: random.Random) -> Json:
        """A form with a file; now and then as it was drawn."""
        if luck.random() < 0.15:
            return case.body
        content = luck.randbytes(20)
        if not case.operation.path.startswith("/packages"):
            return {"fileName": "a.bin", "file": content}
        shell = {**SHELL, "id": about or "urn:x:shell"}
        spec = json.dumps({"assetAdministrationShells": [shell]}).encode()
        return {"fileName": "a.aasx", "file": packed(plain(spec, "aasx/data.json")), "aasIds": shell["id"]}

    def furnish(self, case: Any) -> None:
        """A file is put where one is to be read or deleted."""
        if case.method in ("GET", "DELETE") and case.operation.path.endswith(("/attachment", "/thumbnail")):
            self.session.put(self._here(case), files=FILE, timeout=30)

    def there(self, folder: str, name: str) -> bool:
        """Whether there is such a thing."""
        return self._read(f"{self.address}/{folder}/{encoded(name)}") is not None

    def _here(self, case: Any) -> str:
        path = case.operation.path
        for name, value in case.path_parameters.items():
            path = path.replace(f"{{{name}}}", str(value))
        before, after = self.session.alone
        whole = f"{self.address}{path}"
        return after + whole[len(before):] if before else whole

    def _read(self, url: str) -> Json:
        answer = self.session.get(url, timeout=30, allow_redirects=False)
        return answer.json() if answer.status_code == 200 else None


def _paths(case: Any) -> list[str]:
    path = case.operation.path
    if path.endswith(("attachment",)):
        return ["Manual"]
    if path.endswith("$value"):
        return VALUED
    return CONTAINERS if case.method == "POST" or path.endswith("$path") else PATHS


def _decoded(text: str) -> str:
    try:
        return decode_id(text)
    except Exception:  # noqa: BLE001 - what was drawn need not be an id
        return text


def _other(now: Json, made: Json) -> Json:
    """A value of the same kind as ``now``, and another one where that is easily made."""
    if isinstance(now, bool):
        return not now
    if isinstance(now, int | float):
        return int(now) + 1
    return made if now is None else now
