"""What is wrong with a document: where, which rule, and the facts to say it in any language.

Rule 1: ``code`` never changes once released; its sentence is ``error.<code>`` in ``locale/``, as of any refusal.
Rule 2: a place is told twice: ``path`` as the way through the JSON, ``where`` as a person names it (ids, idShortPath).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid

WHERE_MAX: Final = 300
SHOWN_MAX: Final = 120
Steps = tuple[str | int, ...]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong. ``constraint``: its name in the standard, such as AASd-107, or "".

    ``allowed``: the one version of the metamodel in which this is right, "3.0" or "3.1", or "" for none.
    """

    path: str
    code: str
    where: str = ""
    facts: dict[str, str] = {}
    constraint: str = ""
    allowed: str = ""

    @property
    def told(self) -> dict[str, str]:
        """All facts that fill the sentence ``error.<code>``."""
        return {**self.facts, "where": self.where or "·", "constraint": self.constraint}


class Faulty(Invalid):
    """A document that breaks the metamodel: the first finding is the error's own code, all are in ``findings``."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        super().__init__(first.code, **first.told)
        self.findings = tuple(findings)


def shown(value: Any) -> str:
    """``value`` as it may stand in a sentence: short, and without what a terminal would take for a command."""
    text = value if isinstance(value, str) else repr(value)
    kept = "".join(one if one.isprintable() else "·" for one in text[:SHOWN_MAX])
    return kept + ("…" if len(text) > SHOWN_MAX else "")


def dotted(steps: Steps) -> str:
    """``steps`` as a way through the JSON: ``submodelElements[0].value``."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps).lstrip(".")


def located(document: Any, steps: Steps) -> str:
    """``steps`` as a person names the place: the id, then the idShortPath, then the attribute."""
    named, path, within = _step(document, "", "", "", 0) if _is_thing(document) else ("", "", "")
    at, rest, place = document, list[str | int](), 0
    for step in steps:
        rest.append(step)
        place = step if isinstance(step, int) else place
        at = _inside(at, step)
        if _is_thing(at):
            named, path, within = _step(at, named, path, within, place)
            rest = []
    return " › ".join(one for one in (named, path, dotted(tuple(rest))) if one)[:WHERE_MAX]


def _inside(at: Any, step: str | int) -> Any:
    try:
        return at[step]
    except (KeyError, IndexError, TypeError):
        return None


def _is_thing(at: Any) -> bool:
    """Whether ``at`` is an element or an identifiable: what people name."""
    kind = at.get("modelType") if isinstance(at, Mapping) else None
    return isinstance(at, Mapping) and ("id" in at or (isinstance(kind, str) and not kind.startswith("DataSpec")))


def _step(at: Mapping[str, Any], named: str, path: str, within: str, place: int) -> tuple[str, str, str]:
    """(id, idShortPath, kind) of ``at``, which lies at ``place`` in a thing of kind ``within``."""
    kind, short = str(at.get("modelType", "")), at.get("idShort")
    if "id" in at:
        return shown(at["id"]), "", kind
    if within == "SubmodelElementList" or not isinstance(short, str):
        return named, f"{path}[{place}]" if within else "", kind
    return named, f"{path}.{shown(short)}" if path else shown(short), kind


def finding(document: Any, steps: Steps, code: str, constraint: str = "", **facts: Any) -> Finding:
    """A finding at ``steps`` within ``document``."""
    told = {name: shown(value) for name, value in facts.items()}
    return Finding(dotted(steps), f"twin.{code}", located(document, steps), told, constraint)
