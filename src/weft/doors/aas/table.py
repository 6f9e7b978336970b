"""The table of addresses: every operation of the OpenAPI of IDTA-01002 v3.1, and who answers it.

Rule 1: a submodel has the same addresses in the repository, below its shell, and alone.
Rule 2: the address of a shell, or of a submodel below it, is the base of a service for that one thing too: who has been
        given it need not know that there are others (the stand-alone profiles are tested in this way).
Not here: how an address is read (``address.py``), how a request is let in (``service.py``).
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final

from starlette.responses import Response

from weft.doors.aas import (
    attachments,
    bulk,
    concepts,
    description,
    discovery,
    elements,
    events,
    invoking,
    packages,
    querying,
    registry,
    serialization,
    shells,
    submodels,
)
from weft.doors.aas.address import Tree
from weft.doors.aas.call import Call

Handler = Callable[[Call], Awaitable[Response]]
Methods = Mapping[str, Handler]

_ELEMENT: Final = "submodel-elements/{path}"
SUBMODEL: Final[Mapping[str, Methods]] = {
    "": {"GET": submodels.get, "PUT": submodels.put, "PATCH": submodels.patch, "DELETE": submodels.delete},
    "$metadata": {"GET": submodels.get_metadata, "PATCH": submodels.patch_metadata},
    "$value": {"GET": submodels.get_value, "PATCH": submodels.patch_value},
    "$reference": {"GET": submodels.get_reference},
    "$path": {"GET": submodels.get_paths},
    "submodel-elements": {"GET": elements.page, "POST": elements.create},
    "submodel-elements/$metadata": {"GET": elements.page_metadata},
    "submodel-elements/$value": {"GET": elements.page_values},
    "submodel-elements/$reference": {"GET": elements.page_references},
    "submodel-elements/$path": {"GET": elements.page_paths},
    _ELEMENT: {"GET": elements.get, "POST": elements.create, "PUT": elements.put, "PATCH": elements.patch,
               "DELETE": elements.delete},
    f"{_ELEMENT}/$metadata": {"GET": elements.get_metadata, "PATCH": elements.patch_metadata},
    f"{_ELEMENT}/$value": {"GET": elements.get_value, "PATCH": elements.patch_value},
    f"{_ELEMENT}/$reference": {"GET": elements.get_reference},
    f"{_ELEMENT}/$path": {"GET": elements.get_paths},
    f"{_ELEMENT}/attachment": {"GET": attachments.get, "PUT": attachments.put, "DELETE": attachments.delete},
    f"{_ELEMENT}/invoke": {"POST": invoking.invoke},
    f"{_ELEMENT}/invoke/$value": {"POST": invoking.invoke_value},
    f"{_ELEMENT}/invoke-async": {"POST": invoking.begin},
    f"{_ELEMENT}/invoke-asnyc": {"POST": invoking.begin},  # as the OpenAPI of v3.1 spells it in one place
    f"{_ELEMENT}/invoke-async/$value": {"POST": invoking.begin_value},
    f"{_ELEMENT}/operation-status/{{handle}}": {"GET": invoking.status},
    f"{_ELEMENT}/operation-results/{{handle}}": {"GET": invoking.outcome},
    f"{_ELEMENT}/operation-results/{{handle}}/$value": {"GET": invoking.outcome_value},
}
SHELL: Final[Mapping[str, Methods]] = {
    "": {"GET": shells.get, "PUT": shells.put, "DELETE": shells.delete},
    "$reference": {"GET": shells.reference},
    "asset-information": {"GET": shells.asset, "PUT": shells.put_asset},
    "asset-information/thumbnail": {"GET": attachments.thumbnail, "PUT": attachments.put_thumbnail,
                                    "DELETE": attachments.delete_thumbnail},
    "submodel-refs": {"GET": shells.submodels, "POST": shells.add_submodel},
    "submodel-refs/{submodel}": {"DELETE": shells.remove_submodel},
}
ALONE: Final[Mapping[str, Methods]] = {
    "description": {"GET": description.description},
    "serialization": {"GET": serialization.serialize},
    "shells": {"GET": shells.only},
}
OTHERS: Final[Mapping[str, Methods]] = {
    "shells": {"GET": shells.page, "POST": shells.create},
    "shells/$reference": {"GET": shells.references},
    "submodels": {"GET": submodels.page, "POST": submodels.create},
    "submodels/$metadata": {"GET": submodels.page_metadata},
    "submodels/$value": {"GET": submodels.page_values},
    "submodels/$reference": {"GET": submodels.page_references},
    "submodels/$path": {"GET": submodels.page_paths},
    "concept-descriptions": {"GET": concepts.page, "POST": concepts.create},
    "concept-descriptions/{concept}": {"GET": concepts.get, "PUT": concepts.put, "DELETE": concepts.delete},
    "{registry}-descriptors": {"GET": registry.page, "POST": registry.create},
    "{registry}-descriptors/{id}": {"GET": registry.get, "PUT": registry.put, "DELETE": registry.delete},
    "shell-descriptors/{id}/submodel-descriptors": {"GET": registry.inner_page, "POST": registry.inner_create},
    "shell-descriptors/{id}/submodel-descriptors/{submodel}": {
        "GET": registry.inner_get, "PUT": registry.inner_put, "DELETE": registry.inner_delete},
    "bulk/{registry}-descriptors": {"POST": bulk.create, "PUT": bulk.replace, "DELETE": bulk.delete},
    "bulk/status/{handle}": {"GET": bulk.status},
    "bulk/result/{handle}": {"GET": bulk.result},
    "lookup/shells": {"GET": discovery.lookup},
    "lookup/shellsByAssetLink": {"POST": discovery.search},
    "lookup/shells/{shell}": {"GET": discovery.links, "POST": discovery.set_links, "DELETE": discovery.remove_links},
    "packages": {"GET": packages.page, "POST": packages.create},
    "packages/{package}": {"GET": packages.get, "PUT": packages.put, "DELETE": packages.delete},
    "query/{what}": {"POST": querying.query},
    "serialization": {"GET": serialization.serialize},
    "description": {"GET": description.description},
    "events": {"GET": events.events},
}

READING: Final[frozenset[Handler]] = frozenset({querying.query, discovery.search})  # asked by POST, they change nothing


def addresses() -> Iterator[tuple[str, Methods, Mapping[str, str]]]:
    """(address, its methods, what is known without a placeholder) of everything that is served."""
    yield from _below(SUBMODEL, ("submodels/{submodel}", "shells/{shell}/submodels/{submodel}",
                                 "aas/submodels/{submodel}", "submodel"))
    yield from _below(SHELL, ("shells/{shell}", "aas"))
    yield from _below(ALONE, ("shells/{shell}", "shells/{shell}/submodels/{submodel}", "aas", "submodel"))
    yield from _others()


def _below(tails: Mapping[str, Methods], bases: tuple[str, ...]) -> Iterator[tuple[str, Methods, Mapping[str, str]]]:
    for base in bases:
        alone = base.partition("/")[0]
        known = {"alone": alone} if alone in ("aas", "submodel") else {}
        for tail, methods in tails.items():
            kept = {name: one for name, one in methods.items() if name != "DELETE" or tail or base != alone}
            yield (f"{base}/{tail}" if tail else base), kept, known


def _others() -> Iterator[tuple[str, Methods, Mapping[str, str]]]:
    for address, methods in OTHERS.items():
        if "{registry}" in address:
            for name in ("shell", "submodel"):
                yield address.replace("{registry}", name), methods, {"registry": name}
        elif "{what}" in address:
            for name in querying.KINDS:
                yield address.replace("{what}", name), methods, {"what": name}
        else:
            yield address, methods, {}


def tree() -> "Tree[tuple[Handler, Mapping[str, str]]]":
    """All addresses."""
    return Tree((address, {name: (handler, known) for name, handler in methods.items()})
                for address, methods, known in addresses())
