"""Reads an access document as JSON, resolves what its rules reuse, and says where it is wrong.

IDTA-01004 v3.0.2, JSON serialization (AllAccessPermissionRules); of 3.1: FILTERLIST.
Rule 1: a document is taken whole or not at all: a mistake in one rule refuses all of them, with its JSON pointer.
Rule 2: groups that use themselves are refused; so are names that nobody defines, or that are defined twice.
Not here: formulas (``twin/query/reading``), what a rule allows (``deciding``).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from weft.basis.errors import Invalid
from weft.twin.access import objects
from weft.twin.access.model import RIGHTS, Acl, Filter, Object, Rule, Rules
from weft.twin.query.reading import attribute, parse_condition
from weft.twin.query.tree import Attribute, Condition, attributes_in

T = TypeVar("T")
RULES_MAX: Final = 2000
FILTERS_MAX: Final = 100
EXPANDED_MAX: Final = 20_000  # groups, as often as other groups use them
_NESTED_MAX: Final = 16
_TOP: Final = {"DEFATTRIBUTES", "DEFACLS", "DEFOBJECTS", "DEFFORMULAS", "rules"}
_OF_RULE: Final = {"ACL", "USEACL", "OBJECTS", "USEOBJECTS", "FORMULA", "USEFORMULA", "FILTER", "FILTERLIST"}


def parse(document: Any) -> Rules:
    """The rules in ``document`` (decoded JSON, with or without the key AllAccessPermissionRules around it).

    Raises ``Invalid`` (``access.…`` or ``query.…``) whose fact ``at`` is the JSON pointer.
    """
    at = ""
    if isinstance(document, dict) and set(document) == {"AllAccessPermissionRules"}:
        document, at = document["AllAccessPermissionRules"], "/AllAccessPermissionRules"
    _keys(document, at, _TOP)
    if not isinstance(document.get("rules"), list) or len(document["rules"]) > RULES_MAX:
        raise Invalid("query.list", at=f"{at}/rules", least=0, most=RULES_MAX)
    reader = _Reader(document, at)
    return Rules(tuple(reader.rule(one, f"{at}/rules/{place}", place) for place, one in enumerate(document["rules"])))


def _keys(document: Any, at: str, known: set[str]) -> None:
    if not isinstance(document, dict):
        raise Invalid("query.object", at=at or "/", wanted=", ".join(sorted(known)))
    for name in document:
        if name not in known:
            raise Invalid("query.operator", at=f"{at}/{str(name)[:80]}", found=str(name)[:80])


class _Reader:
    """One document with its definitions, each read when the first rule uses it."""

    def __init__(self, document: Mapping[str, Any], at: str) -> None:
        self.expanded = 0
        self.attribute_groups = _named(document, at, "DEFATTRIBUTES", {"attributes", "USEATTRIBUTES"})
        self.acls = _named(document, at, "DEFACLS", {"acl"})
        self.object_groups = _named(document, at, "DEFOBJECTS", {"objects", "USEOBJECTS"})
        self.formulas = _named(document, at, "DEFFORMULAS", {"formula"})
        for name in self.attribute_groups:  # what no rule uses is read too: a document is right or it is not
            self.attributes_of(name, at)
        for acl, where in self.acls.values():
            self.acl(acl.get("acl"), f"{where}/acl")
        for name in self.object_groups:
            self.objects_of(name, at)
        for formula, where in self.formulas.values():
            _condition(formula.get("formula"), f"{where}/formula")

    def rule(self, document: Any, at: str, place: int) -> Rule:
        _keys(document, at, _OF_RULE)
        if "FILTER" in document and "FILTERLIST" in document:
            raise Invalid("access.one-of", at=at, words="FILTER, FILTERLIST")
        listed = document.get("FILTERLIST", [])
        if not isinstance(listed, list) or len(listed) > FILTERS_MAX:
            raise Invalid("query.list", at=f"{at}/FILTERLIST", least=0, most=FILTERS_MAX)
        filters = [self.filter(one, f"{at}/FILTERLIST/{number}") for number, one in enumerate(listed)]
        if "FILTER" in document:
            filters = [self.filter(document["FILTER"], f"{at}/FILTER")]
        acl = self.chosen(document, at, "ACL", "USEACL")
        if acl == "USEACL":
            known, where = _known(self.acls, document["USEACL"], f"{at}/USEACL")
            made = self.acl(known.get("acl"), f"{where}/acl")
        else:
            made = self.acl(document["ACL"], f"{at}/ACL")
        return Rule(place, made, self.objects(document, at, 0), self.formula(document, at, "FORMULA"), tuple(filters))

    @staticmethod
    def chosen(document: Mapping[str, Any], at: str, *names: str) -> str:
        """The one of ``names`` that stands there."""
        there = [one for one in names if one in document]
        if len(there) != 1:
            raise Invalid("access.one-of", at=at or "/", words=", ".join(names))
        return there[0]

    def acl(self, document: Any, at: str) -> Acl:
        _keys(document, at, {"ATTRIBUTES", "USEATTRIBUTES", "RIGHTS", "ACCESS"})
        if self.chosen(document, at, "ATTRIBUTES", "USEATTRIBUTES") == "ATTRIBUTES":
            attributes = _each(document["ATTRIBUTES"], f"{at}/ATTRIBUTES", _attribute)
        else:
            attributes = self.attributes_of(document["USEATTRIBUTES"], f"{at}/USEATTRIBUTES")
        given = document.get("RIGHTS")
        if not isinstance(given, list) or not given or any(one not in (*RIGHTS, "ALL") for one in given):
            raise Invalid("query.value", at=f"{at}/RIGHTS", wanted=", ".join((*RIGHTS, "ALL")))
        if document.get("ACCESS") not in ("ALLOW", "DISABLED"):
            raise Invalid("query.value", at=f"{at}/ACCESS", wanted="ALLOW, DISABLED")
        rights = frozenset(RIGHTS) if "ALL" in given else frozenset(given)
        return Acl(tuple(attributes), rights, document["ACCESS"] == "DISABLED")

    def attributes_of(self, name: Any, at: str, depth: int = 0) -> list[Attribute]:
        """The attributes of a group, and of the groups it uses."""
        group, where = _known(self.attribute_groups, name, at)
        self.count(where, name, depth)
        found = _each(group.get("attributes", []), f"{where}/attributes", _attribute)
        used = group.get("USEATTRIBUTES", [])
        for one in used if isinstance(used, list) else [used]:
            found += self.attributes_of(one, f"{where}/USEATTRIBUTES", depth + 1)
        return found

    def objects(self, document: Mapping[str, Any], at: str, depth: int) -> tuple[Object, ...]:
        if self.chosen(document, at, "OBJECTS", "USEOBJECTS") == "OBJECTS":
            return tuple(_each(document["OBJECTS"], f"{at}/OBJECTS", objects.read))
        return self.used(document["USEOBJECTS"], f"{at}/USEOBJECTS", depth)

    def used(self, names: Any, at: str, depth: int) -> tuple[Object, ...]:
        if not isinstance(names, list):
            raise Invalid("query.list", at=at, least=0, most=RULES_MAX)
        return tuple(one for place, name in enumerate(names) for one in self.objects_of(name, f"{at}/{place}", depth))

    def objects_of(self, name: Any, at: str, depth: int = 0) -> tuple[Object, ...]:
        group, where = _known(self.object_groups, name, at)
        self.count(where, name, depth)
        if self.chosen(group, where, "objects", "USEOBJECTS") == "objects":
            return tuple(_each(group["objects"], f"{where}/objects", objects.read))
        return self.used(group["USEOBJECTS"], f"{where}/USEOBJECTS", depth + 1)

    def count(self, where: str, name: Any, depth: int) -> None:
        """Rule 2: a group that is used within itself, or so often that it must be meant badly."""
        self.expanded += 1
        if depth > _NESTED_MAX or self.expanded > EXPANDED_MAX:
            raise Invalid("access.circle", at=where, name=str(name)[:80])

    def formula(self, document: Mapping[str, Any], at: str, own: str) -> Condition:
        if self.chosen(document, at, own, "USEFORMULA") == own:
            return _condition(document[own], f"{at}/{own}")
        known, where = _known(self.formulas, document["USEFORMULA"], f"{at}/USEFORMULA")
        return _condition(known.get("formula"), f"{where}/formula")

    def filter(self, document: Any, at: str) -> Filter:
        _keys(document, at, {"FRAGMENT", "CONDITION", "USEFORMULA"})
        return Filter(objects.fragment(document.get("FRAGMENT"), f"{at}/FRAGMENT"),
                      self.formula(document, at, "CONDITION"))


def _attribute(item: Any, at: str) -> Attribute:
    found = attribute(item, at)
    assert isinstance(found, Attribute)
    if found.source == "REFERENCE":
        objects.reference(found.name, f"{at}/REFERENCE")
    return found


def _condition(document: Any, at: str) -> Condition:
    """A formula; what it refers to is looked for when it is asked, and must be readable now."""
    found = parse_condition(document, at, attributes=True)
    for one in attributes_in(found):
        if one.source == "REFERENCE":
            objects.reference(one.name, at)
    return found


def _each(items: Any, at: str, read: Callable[[Any, str], T]) -> list[T]:
    if not isinstance(items, list) or len(items) > RULES_MAX:
        raise Invalid("query.list", at=at, least=0, most=RULES_MAX)
    return [read(one, f"{at}/{place}") for place, one in enumerate(items)]


Definitions = dict[str, tuple[Mapping[str, Any], str]]


def _named(document: Mapping[str, Any], at: str, kind: str, holds: set[str]) -> Definitions:
    """The definitions of one ``kind`` by name, each with its JSON pointer."""
    listed = document.get(kind, [])
    if not isinstance(listed, list):
        raise Invalid("query.list", at=f"{at}/{kind}", least=0, most=RULES_MAX)
    found: Definitions = {}
    for place, one in enumerate(listed):
        where = f"{at}/{kind}/{place}"
        _keys(one, where, {"name", *holds})
        name = one.get("name")
        if not isinstance(name, str) or not name or name in found:
            raise Invalid("access.name", at=f"{where}/name", name=str(name)[:80])
        found[name] = (one, where)
    return found


def _known(definitions: Definitions, name: Any, at: str) -> tuple[Mapping[str, Any], str]:
    if not isinstance(name, str) or name not in definitions:
        raise Invalid("access.unknown", at=at, name=str(name)[:80])
    return definitions[name]
