"""Decides whether a subject may do something with a twin, and what must hold of each twin of a page.

IDTA-01004 v3.0.2, access rule model.
Rule 1: nothing is allowed unless a rule that is active allows it; an invalid formula makes a rule inactive, not all.
    So does a formula that asks for what is not known: the client's clock, a twin that is not there.
Rule 2: one evaluator: formulas are conditions of ``twin/query``, with what is known of subject and world put in.
Rule 3: a rule with claims is for who has them all; one for ANONYMOUS is for everybody; else a known subject is needed.
Rule 4: READ includes VIEW. A rule for an element is no rule for the submodel around it; its path begins at the top.
Not here: which parts are shown (``trimming``), sentences (``telling``).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, get_args

import msgspec

from weft.basis.errors import Invalid
from weft.twin.access import objects
from weft.twin.access.model import (
    KIND_OF,
    RIGHTS,
    Filter,
    Fragment,
    Object,
    Route,
    Rule,
    Rules,
    Subject,
    Target,
    Twin,
    World,
    put_in,
)
from weft.twin.metamodel.words import ElementKind
from weft.twin.paths import steps
from weft.twin.query import holds, values
from weft.twin.query.tree import (
    ANY,
    Alone,
    And,
    Attribute,
    Boolean,
    Cast,
    Compare,
    Condition,
    Constant,
    Field,
    Given,
    Not,
    Operand,
    Or,
    Part,
    Token,
    attributes_in,
)

_BASE: Final = re.compile(r"^/api/v3(?:\.[0-9])?(?=/|$)")
_ROOT_OF: Final[Mapping[str, str]] = {kind: root for root, kind in KIND_OF.items()}
NOTHING: Final = Boolean(value=False)
_UNKNOWN: Final = Cast("dateTime", Constant("str", ""))  # has no result: what asks for it makes its rule inactive
_DATA: Final = ("Property", "MultiLanguageProperty", "Range", "Blob", "File", "ReferenceElement")
_GENERAL: Final[Mapping[str, frozenset[str]]] = {  # each kind of element, with the general ones that it is of
    one: frozenset({one, "SubmodelElement"} | ({"DataElement"} if one in _DATA else set())
                   | ({"RelationshipElement"} if one == "AnnotatedRelationshipElement" else set())
                   | ({"EventElement"} if one == "BasicEventElement" else set())) for one in get_args(ElementKind)}
_OPEN: Final = 999_999_999  # stands for an index that is left open; no list is as long


class Grant(msgspec.Struct, frozen=True):
    """A rule that may allow what was asked: what must hold of the twin, and what of it is shown.

    ``ids``: the only twins that the rule names; None when it names no single ones.
    """

    rule: Rule
    condition: Condition
    filters: tuple[Filter, ...] = ()
    ids: tuple[str, ...] | None = None


class Permit(msgspec.Struct, frozen=True):
    """What is allowed of a whole page: twins for which ``condition`` holds; pushed into its query."""

    condition: Condition
    grants: tuple[Grant, ...]

    @property
    def possible(self) -> bool:
        """False when nothing at all is allowed."""
        return bool(self.grants)

    @property
    def ids(self) -> list[Sequence[str]] | None:
        """The only twins that can be allowed at all, sorted, by rule, where rules name them one by one; else None."""
        found: list[Sequence[str]] = [one.ids for one in self.grants if one.ids is not None]
        return found if len(found) == len(self.grants) else None


class Reason(msgspec.Struct, frozen=True):
    """A sentence by its code (``access.why.…`` in ``locale``) and facts."""

    code: str
    facts: Mapping[str, str | int] = {}


class Decision(msgspec.Struct, frozen=True):
    """Whether it is allowed, by which grants (their filters say what is shown), and why."""

    allowed: bool
    grants: tuple[Grant, ...]
    why: tuple[Reason, ...]


def permit(rules: Rules, subject: Subject, right: str, target: Target, world: World) -> Permit:
    """What ``subject`` may do with twins of ``target.kind`` (all of them, or the one called ``target.id``)."""
    grants = []
    for rule in rules.rules:
        if refusal(rule, subject, right) is not None:
            continue
        where = _where(rule, target)
        if where is None:
            continue
        filters = tuple(Filter(one.fragment, bound(one.condition, subject, world)) for one in rule.filters)
        named = tuple(Alone(one.condition) for one in filters if _hides_id(one, target.kind))
        whole = simplified(And((*where, *named, bound(rule.formula, subject, world))))
        if whole != NOTHING:
            grants.append(Grant(rule, whole, filters, _ids(where)))
    return Permit(simplified(Or(tuple(Alone(one.condition) for one in grants))), tuple(grants))


def settled(rules: Rules, subject: Subject, world: World) -> Rules:
    """Those of ``rules`` that may give ``subject`` something now, with all that is known put in: for many decisions."""
    found = []
    for rule in rules.rules:
        if all(refusal(rule, subject, right) is not None for right in RIGHTS):
            continue
        formula = simplified(bound(rule.formula, subject, world))
        if formula != NOTHING:
            filters = tuple(Filter(one.fragment, bound(one.condition, subject, world)) for one in rule.filters)
            found.append(put_in(rule, formula, filters))
    return Rules(tuple(found))


def decide(
    rules: Rules, subject: Subject, right: str, target: Target, world: World,
    of: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]] = ({}, ()),
) -> Decision:
    """Whether ``subject`` may; ``of``: the twin as it is (or shall be), and the shells or submodels beside it."""
    possible = permit(rules, subject, right, target, world)
    granted = tuple(one for one in possible.grants if holds(one.condition, of[0], target.kind, of[1]))
    if granted:
        return Decision(True, granted, tuple(_told("access.why.rule", one.rule) for one in granted))
    return Decision(False, (), _refusals(rules, subject, right, target, possible))


def _refusals(rules: Rules, subject: Subject, right: str, target: Target, possible: Permit) -> tuple[Reason, ...]:
    near = {one.rule.place for one in possible.grants}
    found = []
    for rule in rules.rules:
        code = refusal(rule, subject, right)
        if rule.place in near:
            found.append(_told("access.why.formula", rule))
        elif code is None:
            reached = _where(rule, target) is not None
            found.append(_told("access.why.formula" if reached else "access.why.object", rule))
        elif code != "access.why.right":
            found.append(_told(code, rule))
    return tuple(found) or (Reason("access.why.nothing", {"right": right}),)


def _told(code: str, rule: Rule) -> Reason:
    return Reason(code, {"rule": rule.name or rule.place + 1})


def refusal(rule: Rule, subject: Subject, right: str) -> str | None:
    """Why ``rule`` is not for this subject and right; None when it is."""
    if rule.acl.disabled:
        return "access.why.disabled"
    if right not in rule.acl.rights and not (right == "VIEW" and "READ" in rule.acl.rights):
        return "access.why.right"
    claims = {one.name for one in rule.acl.attributes if one.source == "CLAIM"}
    everybody = any(one == Attribute("GLOBAL", "ANONYMOUS") for one in rule.acl.attributes)
    if not claims <= set(subject.claims) or (subject.anonymous and not everybody):
        return "access.why.subject"
    return None


# ---- objects --------------------------------------------------------------------------------------------

def _where(rule: Rule, target: Target) -> tuple[Condition, ...] | None:
    """What must hold of a twin so that one of the objects is it; None when none can be."""
    if any(_covers(one, target) for one in rule.others):
        return ()
    if target.id:
        return () if target.id in rule.known.get(target.kind, ()) else None
    named = rule.named.get(target.kind)
    return None if named is None else (Compare("$eq", Field(_ROOT_OF[target.kind], ("id",)), named),)  # type: ignore[arg-type]  # a root


def _ids(where: tuple[Condition, ...]) -> tuple[str, ...] | None:
    named = where[0].right if where and isinstance(where[0], Compare) else None
    return named.values if isinstance(named, Given) else None


def _hides_id(one: Filter, kind: str) -> bool:
    """Whether a filter is one of the id of a twin of ``kind``: without its id nothing of it can be shown."""
    return one.fragment.attribute == ("id",) and one.fragment.root == _ROOT_OF.get(kind)


def _covers(one: Object, target: Target) -> bool:
    """Whether ``one``, which names no single whole twin, is what was asked for or lies around it."""
    if isinstance(one, Route):
        return bool(target.route) and _on_route(one.path, target.route)
    if isinstance(one, Fragment):
        element = target.kind == "submodel" and bool(target.path)
        return element and (not one.path or _within(one.path, target.path))
    if one.kind != target.kind or one.id not in {"*", target.id}:
        return False
    return not one.path or _within(way(one.path), target.path)


@lru_cache(4096)
def way(path: str) -> tuple[Token, ...]:
    """The idShorts and indices of a path, as a rule or an address has it; nothing for what is none."""
    try:
        found = steps(path.replace("[]", f"[{_OPEN}]"))
    except Invalid:
        return ()
    return tuple(ANY if one == _OPEN else one for one in found)


def _within(allowed: tuple[Token, ...], path: str) -> bool:
    """Whether the element at ``path`` is the one that is allowed, or lies in it."""
    asked = way(path) if path else ()
    return 0 < len(allowed) <= len(asked) and all(
        one == other or (one == ANY and isinstance(other, int))
        for one, other in zip(allowed, asked, strict=False))


def of_kind(grants: Sequence[Grant], target: Target, element: Mapping[str, Any]) -> bool:
    """Whether one of ``grants`` lets ``element`` be at ``target``: where its rule says a kind, only one of that."""
    found = str(element.get("modelType", ""))
    return any((said := _said(one.rule, target)) is None or not said.isdisjoint(_GENERAL.get(found, frozenset({found})))
               for one in grants)


def _said(rule: Rule, target: Target) -> frozenset[str] | None:
    """The kinds that ``rule`` says the element at ``target`` is of; None where it does not say."""
    if target.id in rule.known.get(target.kind, ()):
        return None
    around = [one for one in rule.others if _covers(one, target)]
    said = [one.element if isinstance(one, Twin) and len(way(one.path)) == len(way(target.path)) else ""
            for one in around]
    return frozenset(said) if all(said) else None


def names(rule: Rule, target: Target) -> bool:
    """Whether ``rule`` speaks of ``target``, whatever else must hold."""
    return _where(rule, target) is not None


def elements_of(rule: Rule, submodel: str) -> list[tuple[Token, ...]]:
    """The ways to the elements of ``submodel`` (its id) that ``rule`` names; all of them is the empty way."""
    found = []
    for one in rule.others:
        if isinstance(one, Fragment):
            found.append(one.path)
        elif isinstance(one, Twin) and one.kind == "submodel" and one.path and one.id in {"*", submodel}:
            found.append(way(one.path))
    return found


def fits(allowed: tuple[Token, ...], path: str) -> bool:
    """Whether the element at ``path`` is one that ``allowed`` names (of all: one at the top)."""
    asked = way(path)
    return len(asked) == max(1, len(allowed)) and (not allowed or _within(allowed, path))


def _on_route(pattern: str, route: str) -> bool:
    path, asked = _BASE.sub("", pattern), _BASE.sub("", route)
    return asked.startswith(path[:-1]) if path.endswith("*") else asked.rstrip("/") == path.rstrip("/")


# ---- attributes ----------------------------------------------------------------------------------------

def bound(condition: Condition, subject: Subject, world: World) -> Condition:
    """``condition`` with claims, instants and references put in; a claim that is not there is equal to nothing."""
    if isinstance(condition, Compare):
        asked = attributes_in(condition)
        if any(one.source == "CLAIM" and not subject.claims.get(one.name) for one in asked):
            return NOTHING
        return Compare(condition.op, _value(condition.left, subject, world), _value(condition.right, subject, world))
    if isinstance(condition, Not | Alone):
        return type(condition)(bound(condition.part, subject, world))
    if isinstance(condition, Boolean):
        return condition
    parts: tuple[Any, ...] = tuple(bound(one, subject, world) for one in condition.parts)
    return type(condition)(parts)


def _value(operand: Operand, subject: Subject, world: World) -> Operand:
    if isinstance(operand, Cast):
        return Cast(operand.to, _value(operand.of, subject, world))
    if isinstance(operand, Part):
        return Part(operand.which, _value(operand.of, subject, world))
    return _known(operand, subject, world) if isinstance(operand, Attribute) else operand


def _known(attribute: Attribute, subject: Subject, world: World) -> Operand:
    if attribute.source == "CLAIM":
        return Given(tuple(subject.claims.get(attribute.name, ())))
    if attribute.source == "REFERENCE":
        meant = objects.reference(attribute.name, "")
        if not isinstance(meant, tuple):
            return meant
        known = world.references.get(meant[0])
        return Given(known) if known else _UNKNOWN
    if attribute.name == "ANONYMOUS":
        return Constant("bool", subject.anonymous)
    text = {"UTCNOW": world.utc, "LOCALNOW": world.local or world.utc, "CLIENTNOW": world.client}[attribute.name]
    return values.typed(text, "dateTime") or _UNKNOWN


def simplified(condition: Condition) -> Condition:
    """The same condition with what is decided already left out."""
    if isinstance(condition, Alone):
        inner = simplified(condition.part)
        return inner if isinstance(inner, Boolean) else Alone(inner)
    if isinstance(condition, And | Or):
        ends = isinstance(condition, Or)  # a true part decides an $or, a false one an $and
        if ends and not all(isinstance(one, Alone) for one in condition.parts):
            return condition  # a part without result spoils the others: it must stay
        parts = [simplified(one) for one in condition.parts]
        if any(isinstance(one, Boolean) and one.value is ends for one in parts):
            return Boolean(ends)
        left = tuple(one for one in parts if not isinstance(one, Boolean))
        return left[0] if len(left) == 1 else type(condition)(left) if left else Boolean(not ends)
    if isinstance(condition, Compare) and not _fields_in(condition):
        return Boolean(holds(condition, {}, ""))
    return condition


def _fields_in(node: Compare) -> bool:
    for side in (node.left, node.right):
        inner = side
        while isinstance(inner, Cast | Part):
            inner = inner.of
        if isinstance(inner, Field | Attribute):
            return True
    return False


def references(rules: Rules) -> dict[str, tuple[str, Field]]:
    """(id, field) of each single twin that some formula refers to, by its literal: the world must know them."""
    found: dict[str, tuple[str, Field]] = {}
    for rule in rules.rules:
        for condition in (rule.formula, *(one.condition for one in rule.filters)):
            for asked in attributes_in(condition):
                meant = objects.reference(asked.name, "") if asked.source == "REFERENCE" else None
                if isinstance(meant, tuple):
                    found[asked.name] = (meant[1], meant[2])
    return found
