"""What a subject sees, in sentences: each a code (``access.sees.…`` in ``locale``) and its facts.

Rule 1: sentences are made from the rules that decide, never kept beside them.
Rule 2: an end that the clock sets is said as a date; what has no words of its own is said as a formula.
Not here: the sentences themselves (``locale/``).
"""

from collections.abc import Iterator

import msgspec

from weft.twin.access.deciding import NOTHING, Reason, bound, refusal, simplified
from weft.twin.access.model import RIGHTS, Fragment, Object, Route, Rule, Rules, Subject, Twin, World
from weft.twin.query.text import text_of
from weft.twin.query.tree import And, Attribute, Boolean, Compare, Condition, Constant, written
from weft.twin.query.values import text_of as value_of

_ENDS = frozenset({"$lt", "$le"})
_NOW = frozenset({"UTCNOW", "LOCALNOW", "CLIENTNOW"})


def told(rules: Rules, subject: Subject, world: World, right: str = "READ") -> tuple[Reason, ...]:
    """What ``subject`` may do by ``right``, rule by rule; one sentence that says so when it is nothing."""
    found: list[Reason] = []
    for rule in rules.rules:
        if refusal(rule, subject, right) is None and not over(rule, world) and possible(rule, subject, world):
            found += _rule(rule, subject, world)
    return tuple(found) or (Reason("access.sees.nothing"),)


def possible(rule: Rule, subject: Subject, world: World) -> bool:
    """False when who asks, and when, already says that ``rule`` shows nothing."""
    return simplified(bound(rule.formula, subject, world)) != NOTHING


def _rule(rule: Rule, subject: Subject, world: World) -> Iterator[Reason]:
    for one in rule.objects:
        yield _object(one)
    rest = []
    for part in _parts(rule.formula):
        end = until(part)
        if end:
            yield Reason("access.sees.until", {"at": end})
        elif simplified(bound(part, subject, world)) != Boolean(value=True):  # what holds anyhow need not be said
            rest.append(part)
    if rest:
        yield Reason("access.sees.where", {"formula": text_of(bound(And(tuple(rest)), subject, world))})
    for hidden in rule.filters:
        yield Reason("access.sees.only", {"part": _fragment(hidden.fragment),
                                          "formula": text_of(bound(hidden.condition, subject, world))})


class Account(msgspec.Struct, frozen=True):
    """One rule in parts: for whom it is, what he may (RIGHTS), with what, under which conditions, until when ("")."""

    who: Reason
    rights: tuple[str, ...]
    what: tuple[Reason, ...]
    only: tuple[Reason, ...]
    until: str = ""


def accounted(rule: Rule) -> Account:
    """``rule`` as a person reads it, whoever asks."""
    known, rest, end = {}, [], ""
    for part in _parts(rule.formula):
        name, value = _claimed(part)
        if name:
            known[name] = value
        elif until(part):
            end = min(end, until(part)) if end else until(part)
        elif part != Boolean(value=True):
            rest.append(part)
    only = [Reason("access.sees.where", {"formula": text_of(And(tuple(rest)) if len(rest) > 1 else rest[0])})] if rest \
        else []
    only += [Reason("access.sees.only", {"part": _fragment(one.fragment), "formula": text_of(one.condition)})
             for one in rule.filters]
    given = rule.acl.rights - ({"VIEW"} if "READ" in rule.acl.rights else set())
    rights = tuple(one for one in RIGHTS if one in given)
    return Account(_who(rule, known), rights, tuple(_object(one) for one in rule.objects), tuple(only), end)


def _claimed(part: Condition) -> tuple[str, str]:
    """The claim that ``part`` wants, and its value; ("", "") when it says something else."""
    if not isinstance(part, Compare) or part.op != "$eq":
        return "", ""
    if not isinstance(part.left, Attribute) or not isinstance(part.right, Constant):
        return "", ""
    wanted = part.left.source == "CLAIM" and part.right.type == "str"
    return (part.left.name, str(part.right.value)) if wanted else ("", "")


def _who(rule: Rule, known: dict[str, str]) -> Reason:
    role = known.get("role", "")
    if "organisation" in known:
        return Reason("access.who.partner", {"partner": known["organisation"]})
    if role == "client" and "name" in known:
        return Reason("access.who.program", {"name": known["name"]})
    if role in _ROLES:
        return Reason(_ROLES[role])
    claims = [one.name for one in rule.acl.attributes if one.source == "CLAIM"]
    if not claims and not known and any(one == Attribute("GLOBAL", "ANONYMOUS") for one in rule.acl.attributes):
        return Reason("access.who.everybody")
    names = [f"{name} = {known[name]}" if name in known else name for name in dict.fromkeys([*claims, *known])]
    return Reason("access.who.claims", {"names": ", ".join(names)}) if names else Reason("access.who.anyone-known")


_ROLES = {"client": "access.who.programs", "partner": "access.who.partners", "owner": "access.who.house",
          "operator": "access.who.house"}


def _object(one: Object) -> Reason:
    if isinstance(one, Route):
        return Reason("access.sees.everything") if one.path == "*" else Reason("access.sees.route", {"path": one.path})
    if isinstance(one, Fragment):
        return Reason("access.sees.part", {"part": _fragment(one)})
    assert isinstance(one, Twin)
    if one.path:
        return Reason("access.sees.element", {"id": one.id, "path": one.path})
    return Reason(f"access.sees.all-{one.kind}" if one.id == "*" else f"access.sees.{one.kind}", {"id": one.id})


def _fragment(one: Fragment) -> str:
    path = f".{written(one.path)}" if one.path else ""
    return f"${one.root}{path}" + (f"#{written(one.attribute)}" if one.attribute else "")


def _parts(formula: Condition) -> tuple[Condition, ...]:
    if isinstance(formula, And):
        return tuple(part for one in formula.parts for part in _parts(one))
    return (formula,)


def until(part: Condition) -> str:
    """The instant before which ``part`` holds, when that is what it says; else ""."""
    if isinstance(part, Compare) and part.op in _ENDS and isinstance(part.left, Attribute):
        now, end = part.left, part.right
        if now.source == "GLOBAL" and now.name in _NOW and isinstance(end, Constant) and end.type == "dateTime":
            return value_of(end)
    return ""


def over(rule: Rule, world: World) -> bool:
    """True when the clock has ended ``rule``: its instant is past."""
    ends = [end for part in _parts(rule.formula) if (end := until(part))]
    return any(_passed(end, world.utc) for end in ends)


def _passed(end: str, now: str) -> bool:
    from weft.twin.query.values import instant
    at, present = instant(end), instant(now)
    return at is not None and present is not None and at < present
