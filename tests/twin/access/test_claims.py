"""What is known of who asks, and of the world: claims, clocks, other twins; and what is not known opens nothing."""

import pytest

from weft.basis.errors import Invalid
from weft.twin import elements as e
from weft.twin.access import Subject, Target, World, decide, parse, trimmed

NOON = World("2026-05-04T04:00:00Z", "2026-05-04T12:00:00+08:00")
WHO = Subject({"role": ("client",), "name": ("ERP",)})
NOBODY = Subject()
SUBMODEL = e.submodel("urn:s", "S", [e.prop("State", "Idle")])


def rule(formula, attributes=({"GLOBAL": "ANONYMOUS"},), **more):
    return {"ACL": {"ATTRIBUTES": list(attributes), "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
            "OBJECTS": [{"IDENTIFIABLE": "(Submodel)*"}], "FORMULA": formula} | more


def claim(name):
    return {"$attribute": {"CLAIM": name}}


def clock(name):
    return {"$attribute": {"GLOBAL": name}}


def between(name, first, last):
    return {"$and": [{"$ge": [clock(name), {"$timeVal": first}]}, {"$lt": [clock(name), {"$timeVal": last}]}]}


def sees(formula, who=WHO, world=NOON, **more):
    rules = parse({"rules": [rule(formula, **more)]})
    return decide(rules, who, "READ", Target("submodel", "urn:s"), world, (SUBMODEL, ())).allowed


def test_the_firms_own_clock_and_that_of_the_world():
    assert sees(between("LOCALNOW", "08:00", "18:00"))
    assert not sees(between("LOCALNOW", "02:00", "06:00"))
    assert sees(between("UTCNOW", "02:00", "06:00"))


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: {"$not": one},
                                  lambda one: {"$or": [one, {"$boolean": True}]}], ids=["plain", "not", "or"])
def test_what_is_not_known_makes_its_rule_inactive_however_it_is_asked(wrap):
    """A client says nothing of its clock that we believe; a twin that is gone says nothing."""
    gone = {"$eq": [{"$attribute": {"REFERENCE": '$sme("urn:m").State#value'}}, {"$strVal": "Running"}]}
    assert not sees(wrap(between("CLIENTNOW", "00:00", "23:59")))
    assert not sees(wrap(gone))
    assert not sees(wrap(gone), world=World(NOON.utc, references={'$sme("urn:m").State#value': ()}))
    known = World(NOON.utc, references={'$sme("urn:m").State#value': ("Running",)})
    assert sees(gone, world=known)     # the control


def test_a_claim_that_is_not_there_is_equal_to_nothing_not_even_to_another_or_to_a_field_without_value():
    assert not sees({"$eq": [claim("bpn"), {"$field": "$sm#semanticId"}]})
    assert not sees({"$eq": [claim("bpn"), claim("duns")]})
    assert not sees({"$eq": [claim("bpn"), {"$strVal": ""}]})
    assert sees({"$eq": [claim("role"), {"$strVal": "client"}]})
    hidden = rule({"$boolean": True}, FILTER={"FRAGMENT": "$sm#supplementalSemanticIds[]", "CONDITION": {
        "$eq": [{"$field": "$sm#supplementalSemanticIds[]"}, claim("bpn")]}})
    document = {**SUBMODEL, "supplementalSemanticIds": [e.external("urn:secret")]}
    found = decide(parse({"rules": [hidden]}), WHO, "READ", Target("submodel", "urn:s"), NOON, (document, ()))
    assert "supplementalSemanticIds" not in trimmed(document, "submodel", found.grants)


def test_claims_are_demanded_of_who_asks_and_anonymous_is_everybody():
    yes = {"$boolean": True}
    assert sees(yes, NOBODY)
    assert sees(yes, WHO)
    assert not sees(yes, NOBODY, attributes=[{"CLAIM": "role"}])
    assert not sees(yes, NOBODY, attributes=[{"GLOBAL": "UTCNOW"}])
    assert not sees(yes, WHO, attributes=[{"CLAIM": "role"}, {"CLAIM": "organisation"}])
    assert sees({"$not": {"$eq": [claim("role"), {"$strVal": "partner"}]}}, NOBODY)


@pytest.mark.parametrize(("document", "at"), [
    ({"rules": [rule({"$eq": [{"$attribute": {"REFERENCE": "what"}}, {"$strVal": "x"}]})]}, "/rules/0/FORMULA"),
    ({"rules": [rule({"$boolean": True}, [{"REFERENCE": "(Submodel)x"}])]}, "/rules/0/ACL/ATTRIBUTES/0/REFERENCE"),
    ({"rules": [rule({"$boolean": True}, FILTERLIST=[{"FRAGMENT": "$sme", "CONDITION": {"$boolean": True}}] * 101)]},
     "/rules/0/FILTERLIST"),
    ({"rules": [rule({"$boolean": True}, OBJECTS=[{"FRAGMENT": "$sme.A#value"}])]}, "/rules/0/OBJECTS/0/FRAGMENT"),
    ({"rules": [rule({"$boolean": True}, OBJECTS=[{"FRAGMENT": "$aas#idShort"}])]}, "/rules/0/OBJECTS/0/FRAGMENT"),
])
def test_what_would_only_fail_when_it_is_asked_is_refused_at_once(document, at):
    with pytest.raises(Invalid) as refused:
        parse(document)
    assert refused.value.facts["at"] == at
