"""Links for the OpenAPI of IDTA-01002 v3.1, which has none: what an answer tells that another request needs.

OpenAPI 3.0.3 §4.7.20 (Link Object).
Rule 1: what was created is read, changed, queried and deleted under the id that its own answer tells.
Rule 2: ``ABOUT`` is no parameter of any operation: it says which thing a request is about where its address does not
        (the service of one thing alone, a query, a body), and is taken out before anything is sent.
Not here: walking along the links (``walking.py``), the specification (``specification.py``).
"""

from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
ABOUT = "Weft-About"
METHODS = ("get", "post", "put", "patch", "delete")
BASES = ("/aas/submodels/{submodelIdentifier}", "/submodel", "/shells/{aasIdentifier}/submodels/{submodelIdentifier}",
         "/submodels/{submodelIdentifier}")
ELEMENT = "/submodel-elements/{idShortPath}"
BODY_ID = "$response.body#/id"
FIRST_SUBMODEL = "$response.body#/submodels/0/keys/0/value"
FILES = "Manual"  # the File of each submodel that is made
HANDLE = "$response.header.Location#regex:(?:operation-status|status)/([^/]+)$"
HAPPENING = ("operation-status", "operation-results")


class Linking:
    """Adds links to one specification."""

    def __init__(self, whole: Json, machine: tuple[str, str, str]) -> None:
        """``machine``: id of a shell, of its submodel, and the path of an operation that the node can do."""
        self.whole, self.machine = whole, machine
        self.count = 0

    def operations(self) -> Iterator[tuple[str, str]]:
        """(method, address) of all."""
        for path, known in self.whole["paths"].items():
            yield from ((method, path) for method in known if method in METHODS)

    def add(self, source: tuple[str, str, str], wanted: Callable[[str, str], bool], values: Json) -> None:
        """From the answer ``source`` (method, address, status) to all operations that are ``wanted``.

        Of ``values`` those are given that the address of the target has a place for, ``ABOUT``, and constants.
        """
        method, path, status = source
        response = self.whole["paths"][path][method]["responses"][status]
        if "$ref" in response:  # one answer of many operations has links of its own in each
            response = self.whole["paths"][path][method]["responses"][status] = dict(self._resolved(response["$ref"]))
        links = response.setdefault("links", {})
        for verb, target in self.operations():
            if wanted(verb, target):
                given = {f"path.{name}": one for name, one in values.items() if f"{{{name}}}" in target}
                given |= {f"header.{ABOUT}": values[ABOUT]} if ABOUT in values else {}
                given |= {name: one for name, one in values.items() if name.startswith("query.")}
                self.count += 1
                links[f"l{self.count}"] = {"operationRef": f"#/paths/{_escaped(target)}/{verb}", "parameters": given}

    def _resolved(self, ref: str) -> Json:
        here: Any = self.whole
        for part in ref.removeprefix("#/").split("/"):
            here = here[part]
        found: Json = here
        return found


def _escaped(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1")


def below(*starts: str) -> Callable[[str, str], bool]:
    """Operations whose address is one of ``starts`` or below it; those that need a machine or a handle are not."""
    def wanted(_: str, path: str) -> bool:
        inside = any(path == one or path.startswith(f"{one}/") for one in starts)
        return inside and "/invoke" not in path and not any(one in path for one in HAPPENING)

    return wanted


def exactly(*paths: str) -> Callable[[str, str], bool]:
    """Operations at these addresses."""
    return lambda _, path: path in paths


def linked(whole: Json, machine: tuple[str, str, str]) -> Json:
    """``whole`` with all links."""
    to = Linking(whole, machine)
    _of_submodels(to)
    _of_shells(to)
    _of_elements(to)
    _of_invocations(to)
    _of_registries(to)
    _of_others(to)
    return whole


def _of_submodels(to: Linking) -> None:
    made = ("post", "/submodels", "201")
    values = {"submodelIdentifier": BODY_ID, ABOUT: BODY_ID}
    plain = below("/submodels", "/submodel", "/query/submodels", "/serialization", "/description")
    to.add(made, lambda verb, path: plain(verb, path) and not path.endswith("attachment"), values)
    to.add(made, lambda verb, path: plain(verb, path) and path.endswith("attachment"), {**values, "idShortPath": FILES})
    to.add(made, lambda verb, path: (verb, path) == ("post", "/shells"), values)


def _of_shells(to: Linking) -> None:
    made = ("post", "/shells", "201")
    values = {"aasIdentifier": BODY_ID, "submodelIdentifier": FIRST_SUBMODEL, ABOUT: BODY_ID}
    plain = below("/shells", "/aas", "/lookup/shells", "/query/shells", "/serialization")
    to.add(made, lambda verb, path: plain(verb, path) and not path.endswith("attachment"), values)
    to.add(made, lambda verb, path: plain(verb, path) and path.endswith("attachment"), {**values, "idShortPath": FILES})


def _of_elements(to: Linking) -> None:
    """An element that was added, by its own name."""
    for base in BASES:
        values = {name: f"$request.path.{name}" for name in ("aasIdentifier", "submodelIdentifier") if name in base}
        alone = {"/submodel": "submodels", "/aas/submodels/{submodelIdentifier}": "shells"}.get(base)
        if alone:
            values[ABOUT] = f"$response.header.Location#regex:/{alone}/([^/]+)/"
        at = below(base + ELEMENT)
        to.add(("post", f"{base}/submodel-elements", "201"),
               lambda verb, path, at=at: at(verb, path) and not path.endswith("attachment"),
               {**values, "idShortPath": "$response.body#/idShort"})


def _of_invocations(to: Linking) -> None:
    shell, submodel, path = to.machine
    fixed = {"aasIdentifier": shell, "submodelIdentifier": submodel, "idShortPath": path}
    for base in BASES:
        about = {ABOUT: submodel if base == "/submodel" else shell}
        to.add(("post", "/submodels", "201"),
               lambda _, target, base=base: target.startswith(f"{base}{ELEMENT}/invoke"), {**fixed, **about})
        for verb, begun in list(to.operations()):
            if begun.startswith(f"{base}{ELEMENT}/invoke-a"):
                to.add((verb, begun, "202"), lambda _, target, base=base: target.startswith(base + ELEMENT) and any(
                    one in target for one in HAPPENING), {**fixed, **about, "handleId": HANDLE})


def _of_registries(to: Linking) -> None:
    inner = "/shell-descriptors/{aasIdentifier}/submodel-descriptors"
    to.add(("post", "/shell-descriptors", "201"), lambda verb, path: below(
        "/shell-descriptors", "/query/shell-descriptors", "/bulk/shell-descriptors")(verb, path) and path != (
        f"{inner}/{{submodelIdentifier}}"), {"aasIdentifier": BODY_ID, ABOUT: BODY_ID})
    to.add(("post", inner, "201"), below(inner), {
        "aasIdentifier": "$request.path.aasIdentifier", "submodelIdentifier": BODY_ID})
    to.add(("post", "/submodel-descriptors", "201"), below(
        "/submodel-descriptors", "/query/submodel-descriptors", "/bulk/submodel-descriptors"), {
        "submodelIdentifier": BODY_ID, ABOUT: BODY_ID})
    for name in ("shell", "submodel"):
        for verb in ("post", "put", "delete"):
            to.add((verb, f"/bulk/{name}-descriptors", "202"),
                   exactly("/bulk/status/{handleId}", "/bulk/result/{handleId}"), {"handleId": HANDLE})


def _of_others(to: Linking) -> None:
    to.add(("post", "/concept-descriptions", "201"), below("/concept-descriptions", "/query/concept-descriptions"), {
        "cdIdentifier": BODY_ID, ABOUT: BODY_ID})
    to.add(("post", "/shells", "201"), exactly("/packages"), {ABOUT: BODY_ID})
    to.add(("post", "/packages", "201"), below("/packages"), {
        "packageId": "$response.body#/packageId", ABOUT: "$response.body#/packageId"})
    to.add(("post", "/lookup/shells/{aasIdentifier}", "201"), below("/lookup"), {
        "aasIdentifier": "$request.path.aasIdentifier", ABOUT: "$request.path.aasIdentifier"})
