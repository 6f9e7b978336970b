"""What an answer promises is looked for by a second request: what was made is there, what was deleted is not.

Rule 1: "" means that the promise was kept, or that the operation promises nothing; else it is a sentence.
Not here: the form of an answer (the checks of schemathesis), walking (``walking.py``).
"""

from typing import Any

Json = Any
PAGE = {"limit": 1000}
_BY_NAME = ("/shells", "/submodels", "/concept-descriptions")


def lost(got: Json, sent: Json, at: str = "", *, rest: bool = False) -> str:
    """Where ``got`` is not what was sent; "" when all of it stands there, whatever else does.

    ``rest``: lists may hold more than was sent, too; elements are told apart by their names. Nothing is as good as
    an empty value; values by name may come in several objects.
    """
    if sent in (None, [], {}) and (got is None or "twin.value-absent" in str(got)):
        return ""
    if isinstance(sent, list) and isinstance(got, dict) and all(isinstance(one, dict) for one in sent):
        sent = {name: value for one in sent for name, value in one.items()}
    if isinstance(sent, dict) and isinstance(got, dict):
        inner = (lost(got.get(name), one, f"{at}/{name}", rest=rest) for name, one in sent.items())
        return next(filter(None, inner), "")
    if rest and isinstance(sent, list) and isinstance(got, list) and all(_named(one) for one in [*sent, *got]):
        held = {one["idShort"]: one for one in got}
        inner = (lost(held.get(one["idShort"]), one, f"{at}/{one['idShort']}", rest=rest) for one in sent)
        return next(filter(None, inner), "")
    if isinstance(sent, list) and isinstance(got, list) and (len(got) == len(sent) or (rest and len(got) > len(sent))):
        pairs = enumerate(zip(got, sent, strict=False))
        inner = (lost(one, other, f"{at}/{place}", rest=rest) for place, (one, other) in pairs)
        return next(filter(None, inner), "")
    same = str(got).lower() == str(sent).lower()
    return "" if same else f"at {at or '/'}: sent {sent!s:.200}, found {got!s:.200}"


def _named(one: Json) -> bool:
    return isinstance(one, dict) and "idShort" in one


class Promises:
    """Asks through ``session``; ``address`` is that of the API."""

    def __init__(self, session: Any, address: str) -> None:
        self.session, self.address = session, address
        self.linked: dict[str, Json] = {}

    def broken(self, case: Any, response: Any, about: str) -> str:
        """What was not kept of an answer that says that the operation worked."""
        here = response.request.url.partition("?")[0]
        path, method = case.operation.path, case.method
        if path.startswith("/bulk/"):
            return self._bulk(case, response)
        if path.startswith("/query/"):
            return self._queried(case, response, about)
        if "/invoke" in path:
            return self._invoked(response) if response.status_code == 200 else ""
        if method == "DELETE":
            return self._gone(path, here)
        if method == "POST":
            return self._made(case, response, here)
        return self._changed(case, response, here) if method in ("PUT", "PATCH") else ""

    def _get(self, url: str, **query: Any) -> Any:
        return self.session.get(url, params=query, timeout=30, allow_redirects=False)

    def _told(self, url: str, **query: Any) -> Json:
        answer = self._get(url, **query, extent="withBlobValue")
        return answer.json() if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"

    # ---- one thing --------------------------------------------------------------------------------

    def _gone(self, path: str, here: str) -> str:
        if path.endswith("/submodel-refs/{submodelIdentifier}"):
            holder, _, name = here.rpartition("/")
            return "still named" if encoded_in(self._told(holder, **PAGE), name) else ""
        if path.startswith("/lookup/"):
            left = self._told(here)
            written = self.linked.pop(here, [])
            return "links still there" if isinstance(left, list) and any(one in left for one in written) else ""
        if here.endswith(("%5D", "]")):
            return ""  # the next entry of the list has moved up
        status = self._get(here).status_code
        return "" if status == 404 else f"deleted, and then {status}"

    def _changed(self, case: Any, response: Any, here: str) -> str:
        if "multipart" in str(response.request.headers.get("Content-Type", "")):
            content = self._get(here).content
            return "" if content in response.request.body else f"not the file that was sent, but {content[:40]!r}"
        return lost(self._told(here), case.body, rest=case.method == "PATCH")

    def _made(self, case: Any, response: Any, here: str) -> str:
        path = case.operation.path
        if path.endswith("/submodel-refs"):
            return "" if case.body in self._told(here, **PAGE)["result"] else "reference not there"
        if path.startswith("/lookup/shells/"):
            self.linked[here] = case.body
            found = self._told(here)
            return "" if all(one in found for one in case.body) else f"links {found!s:.300}"
        if path.startswith("/lookup/"):
            return ""
        where = response.headers.get("location", [""])[0]
        if path == "/packages":
            return "" if self._get(where).content in response.request.body else "not the package that was sent"
        return lost(self._told(where), case.body) or self._listed(path, here, case.body)

    def _listed(self, path: str, here: str, body: Json) -> str:
        """Whether what was made stands in the page of all."""
        if path.endswith("/{idShortPath}"):
            return ""
        key = "idShort" if path.endswith("submodel-elements") else "id"
        named = {"idShort": body["idShort"]} if path in _BY_NAME and "idShort" in body else {}
        cursor: dict[str, str] = {}
        for _ in range(30):
            page = self._told(here, **PAGE, **named, **cursor)
            if not isinstance(page, dict) or any(one.get(key) == body[key] for one in page["result"]):
                break
            cursor = {"cursor": page["paging_metadata"].get("cursor", "")}
            if not cursor["cursor"]:
                return f"{body[key]} does not stand among all"
        return "" if isinstance(page, dict) else f"page: {page}"

    # ---- many, and answers that come later -----------------------------------------------------------

    def _bulk(self, case: Any, response: Any) -> str:
        if case.method == "GET":
            return ""
        handle = response.headers["location"][0].rpartition("/")[2]
        result = self._get(f"{self.address}/bulk/result/{handle}").status_code
        if result != 204:
            return "" if result == 400 else f"result {result}"
        folder = f"{self.address}/{case.operation.path.rpartition('/')[2]}"
        names = case.body if case.method == "DELETE" else [one["id"] for one in case.body]
        wanted = 404 if case.method == "DELETE" else 200
        found = [self._get(f"{folder}/{encoded(one)}").status_code for one in names]
        return "" if set(found) <= {wanted} else f"{case.method} of many, and then {found}"

    def _queried(self, case: Any, response: Any, about: str) -> str:
        asked = case.body.get("$condition", {}) if isinstance(case.body, dict) else {}
        if not about or case.query or list(asked) != ["$eq"] or about not in str(asked):
            return ""
        if self._get(f"{self.address}/{case.operation.path.rpartition('/')[2]}/{encoded(about)}").status_code != 200:
            return ""
        found = response.json()["result"]
        return "" if any(about in str(one) for one in found) else f"{about} was asked for and not found"

    @staticmethod
    def _invoked(response: Any) -> str:
        told = response.json()
        done = told.get("executionState") == "Completed" and told.get("outputArguments")
        return "" if done else f"invoked: {told!s:.300}"


def encoded(name: str) -> str:
    """``name`` as it stands in an address."""
    from tests.conformance.suites import encoded as as_address

    return as_address(name)


def encoded_in(page: Json, name: str) -> bool:
    """Whether a page of references names the submodel that stands in addresses as ``name``."""
    return any(encoded(one["keys"][0]["value"]) == name for one in page["result"])
