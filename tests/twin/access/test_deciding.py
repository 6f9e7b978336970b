"""Access rules of IDTA-01004: the specification's own examples, objects, claims, pages, and where a mistake is."""

import pytest

from weft import locale
from weft.basis.errors import Invalid
from weft.twin import elements as e
from weft.twin.access import Subject, Target, World, decide, parse, permit, told, trimmed
from weft.twin.access.deciding import references
from weft.twin.access.objects import fragment, read
from weft.twin.query import holds
from weft.twin.query.tree import Boolean, written

NOON = World("2026-05-04T12:00:00Z")
NIGHT = World("2026-05-04T22:00:00Z")
NOBODY = Subject()


def someone(**claims):
    return Subject({name: (value,) if isinstance(value, str) else value for name, value in claims.items()})


def rules(formula=None, objects=None, rights=("READ",), attributes=({"GLOBAL": "ANONYMOUS"},), **more):
    return {"ACL": {"ATTRIBUTES": list(attributes), "RIGHTS": list(rights), "ACCESS": "ALLOW"},
            "OBJECTS": objects or [{"ROUTE": "*"}], "FORMULA": formula or {"$boolean": True}, **more}


def read_rules(*listed, **defined):
    return parse({"AllAccessPermissionRules": {**defined, "rules": list(listed)}})


def eq(left, right):
    return {"$eq": [left, {"$strVal": right}]}


NAMEPLATE = e.submodel("https://company1.com/n", "Nameplate", [e.prop("A", "1")], "SemanticID-Nameplate")
OTHER = e.submodel("https://company1.com/o", "Other", [e.prop("A", "1")], "SemanticID-Other")
SEMANTIC = {"$or": [eq({"$field": "$sm#semanticId"}, "SemanticID-Nameplate"),
                    eq({"$field": "$sm#semanticId"}, "SemanticID-TechnicalData")]}
ANY_SUBMODEL = Target("submodel", route="/submodels")


def sees(document, of, who=NOBODY, world=NOON, right="READ", kind="submodel"):
    return decide(of, who, right, Target(kind, document["id"], route="/submodels/x"), world, (document, ())).allowed


def test_nothing_is_allowed_without_a_rule():
    decision = decide(read_rules(), someone(email="a@b"), "READ", ANY_SUBMODEL, NOON)
    assert not decision.allowed
    assert [one.code for one in decision.why] == ["access.why.nothing"]


def test_the_whole_api_for_everybody():
    of = read_rules(rules())
    assert sees(NAMEPLATE, of)
    assert sees(NAMEPLATE, of, someone(email="a@b"))
    assert not sees(NAMEPLATE, of, right="UPDATE")


def test_semantic_ids_pattern_of_ids_company_and_office_hours():
    of = read_rules(rules({"$and": [
        SEMANTIC, eq({"$attribute": {"CLAIM": "companyName"}}, "company1-name"),
        {"$regex": [{"$attribute": {"REFERENCE": "(Submodel)*#Id"}}, {"$strVal": "^https://company1.com/.*$"}]},
        {"$ge": [{"$attribute": {"GLOBAL": "UTCNOW"}}, {"$timeVal": "09:00"}]},
        {"$le": [{"$attribute": {"GLOBAL": "UTCNOW"}}, {"$timeVal": "17:00"}]},
    ]}, attributes=[{"CLAIM": "companyName"}]))
    who = someone(companyName="company1-name")
    assert sees(NAMEPLATE, of, who)
    assert not sees(NAMEPLATE, of, who, NIGHT)
    assert not sees(OTHER, of, who)
    assert not sees({**NAMEPLATE, "id": "https://company2.com/n"}, of, who)
    assert not sees(NAMEPLATE, of, someone(companyName="company2-name"))
    assert not sees(NAMEPLATE, of, someone(email="a@company1.com"))
    assert not sees(NAMEPLATE, of)


def test_reuse_of_lists_objects_and_formulas():
    of = read_rules(
        {"USEACL": "acl1", "USEOBJECTS": ["Properties"], "USEFORMULA": "allowSubjectGroup1"},
        DEFATTRIBUTES=[{"name": "who", "attributes": [{"CLAIM": "email"}]}],
        DEFACLS=[{"name": "acl1", "acl": {"USEATTRIBUTES": "who", "RIGHTS": ["READ", "UPDATE"], "ACCESS": "ALLOW"}}],
        DEFOBJECTS=[{"name": "One", "objects": [{"REFERABLE": "(Submodel)https://s1.com, (Property)p1"}]},
                    {"name": "Properties", "USEOBJECTS": ["One", "Two"]},
                    {"name": "Two", "objects": [{"REFERABLE": '$sme("https://s1.com").p2.q'}]}],
        DEFFORMULAS=[{"name": "allowSubjectGroup1",
                      "formula": eq({"$attribute": {"CLAIM": "email"}}, "user1@company1.com")}])
    who = someone(email="user1@company1.com")
    for path, allowed in (("p1", True), ("p1.inner[0]", True), ("p2.q", True), ("p2", False), ("p10", False),
                          ("", False)):
        target = Target("submodel", "https://s1.com", path)
        assert decide(of, who, "UPDATE", target, NOON).allowed is allowed, path
    assert not decide(of, who, "DELETE", Target("submodel", "https://s1.com", "p1"), NOON).allowed
    assert not decide(of, who, "UPDATE", Target("submodel", "https://s2.com", "p1"), NOON).allowed


@pytest.mark.parametrize(("item", "route", "covered"), [
    ("*", "/anything", True), ("/shells", "/shells", True), ("/shells", "/shells/x", False),
    ("/shells/*", "/shells/x", True), ("/shells/*", "/submodels/x", False), ("/api/v3/shells/*", "/shells/x", True),
    ("https://host/api/v3.0/shells", "/shells", True),
])
def test_routes(item, route, covered):
    of = read_rules(rules(objects=[{"ROUTE": item}]))
    assert decide(of, NOBODY, "READ", Target("shell", "x", route=route), NOON).allowed is covered


@pytest.mark.parametrize("item", [
    {"IDENTIFIABLE": "(Submodel)https://company1.com/n"}, {"IDENTIFIABLE": '$sm("https://company1.com/n")'},
    {"IDENTIFIABLE": "(Submodel)*"}, {"IDENTIFIABLE": '$sm("*")'},
])
def test_identifiables_in_both_writings(item):
    of = read_rules(rules(objects=[item]))
    assert sees(NAMEPLATE, of)
    assert sees(OTHER, of) is ("*" in str(item))
    assert not sees({**NAMEPLATE}, of, kind="shell")


def test_a_page_is_asked_only_for_what_may_be_seen():
    of = read_rules(rules(SEMANTIC, [{"IDENTIFIABLE": "(Submodel)*"}]),
                    rules(objects=[{"IDENTIFIABLE": "(Submodel)https://company1.com/o"}]),
                    rules({"$lt": [{"$numCast": {"$field": "$sm#id"}}, {"$numVal": 5}]}))
    found = permit(of, NOBODY, "READ", Target("submodel", route="/submodels"), NOON)
    third = {**OTHER, "id": "urn:third"}
    assert [holds(found.condition, one, "submodel") for one in (NAMEPLATE, OTHER, third)] == [True, True, False]
    assert permit(of, NOBODY, "DELETE", Target("submodel"), NOON).condition == Boolean(value=False)
    assert permit(read_rules(rules()), NOBODY, "READ", ANY_SUBMODEL, NOON).condition == Boolean(value=True)


def test_an_invalid_formula_makes_its_rule_inactive_and_no_other():
    bad = {"$or": [{"$boolean": True}, {"$lt": [{"$numCast": {"$strVal": "abc"}}, {"$numVal": 1}]}]}
    assert not sees(NAMEPLATE, read_rules(rules(bad)))
    assert sees(NAMEPLATE, read_rules(rules(bad), rules()))


def test_a_right_to_read_is_one_to_see_but_not_the_other_way_round():
    assert sees(NAMEPLATE, read_rules(rules()), right="VIEW")
    assert not sees(NAMEPLATE, read_rules(rules(rights=["VIEW"])))
    assert sees(NAMEPLATE, read_rules(rules(rights=["ALL"])), right="DELETE")


def test_a_rule_that_is_switched_off_allows_nothing():
    one = rules()
    one["ACL"]["ACCESS"] = "DISABLED"
    decision = decide(read_rules(one), NOBODY, "READ", ANY_SUBMODEL, NOON)
    assert [item.code for item in decision.why] == ["access.why.disabled"]


def test_the_state_of_a_machine_may_decide():
    of = read_rules(rules(eq({"$attribute": {"REFERENCE": '$sme("urn:ops").State#value'}}, "Idle"), rights=["EXECUTE"]))
    assert [(name, one[0]) for name, one in references(of).items()] == [('$sme("urn:ops").State#value', "urn:ops")]
    target = Target("submodel", "urn:x", "Run", "/submodels/x/submodel-elements/Run/invoke")
    for state, allowed in (("Idle", True), ("Running", False)):
        world = World(NOON.utc, references={'$sme("urn:ops").State#value': (state,)})
        assert decide(of, NOBODY, "EXECUTE", target, world).allowed is allowed
    assert not decide(of, NOBODY, "EXECUTE", target, NOON).allowed


# ---- what is shown ----------------------------------------------------------------------------------------

DESCRIPTOR = {"id": "urn:d", "specificAssetIds": [
    {"name": "manufacturerPartId", "value": "99991", "externalSubjectId": e.external("PUBLIC_READABLE")},
    {"name": "customerPartId", "value": "ACME001"}, {"name": "customerPartId", "value": "OTHER"},
    {"name": "partInstanceId", "value": "1"},
    {"name": "secret", "value": "x", "externalSubjectId": e.external("BPNL00000000000A")},
    {"name": "secret", "value": "y", "externalSubjectId": e.external("BPNL00000000000B")}]}
IDS = "$aasdesc#specificAssetIds[]"


def pair(name, value):
    return {"$match": [eq({"$field": f"{IDS}.name"}, name), eq({"$field": f"{IDS}.value"}, value)]}


def test_the_filter_of_the_specification():
    bpn = {"$attribute": {"CLAIM": "BusinessPartnerNumber"}}
    of = read_rules(rules(
        {"$and": [eq(bpn, "BPNL00000000000A"), pair("manufacturerPartId", "99991"), pair("customerPartId", "ACME001")]},
        [{"DESCRIPTOR": "(aasDesc)*"}], attributes=[{"CLAIM": "BusinessPartnerNumber"}],
        FILTER={"FRAGMENT": IDS, "CONDITION": {"$or": [
            pair("manufacturerPartId", "99991"), pair("customerPartId", "ACME001"),
            eq({"$field": f"{IDS}.name"}, "partInstanceId"),
            {"$eq": [{"$field": f"{IDS}.externalSubjectId"}, bpn]}]}}))
    target = Target("shell-descriptor", "urn:d")
    who = someone(BusinessPartnerNumber="BPNL00000000000A")
    decision = decide(of, who, "READ", target, NOON, (DESCRIPTOR, ()))
    assert decision.allowed
    shown = trimmed(DESCRIPTOR, "shell-descriptor", decision.grants)
    assert [one["value"] for one in shown["specificAssetIds"]] == ["99991", "ACME001", "1", "x"]
    assert len(DESCRIPTOR["specificAssetIds"]) == 6
    assert not decide(of, someone(BusinessPartnerNumber="B"), "READ", target, NOON, (DESCRIPTOR, ())).allowed


DEEP = e.submodel("urn:s", "S", [
    e.prop("Open", "1"), e.prop("Secret", "2"),
    e.collection("Group", [e.prop("Open", "3"), e.prop("Secret", "4")]),
    e.collection("Hidden", [e.prop("Secret", "5")]),
    e.listing("Rows", [e.collection("", [e.prop("Open", "a")]), e.collection("", [e.prop("Secret", "b")])])])


def shown(fragment_, condition, *more):
    of = read_rules(rules(FILTER={"FRAGMENT": fragment_, "CONDITION": condition}), *more)
    found = decide(of, NOBODY, "READ", Target("submodel", "urn:s", route="/submodels/s"), NOON, (DEEP, ()))
    return trimmed(DEEP, "submodel", found.grants)


def paths(document):
    from weft.twin.query import index
    return [one.path for one in index.nodes(document)]


def test_elements_are_shown_one_by_one():
    only = eq({"$field": "$sme#idShort"}, "Open")
    assert paths(shown("$sme", only)) == ["Open", "Group", "Group.Open", "Rows", "Rows[0]", "Rows[0].Open"]
    assert paths(shown("$sme.Rows[]", only))[-3:] == ["Rows", "Rows[0]", "Rows[0].Open"]
    hidden = shown("$sme#value", only)
    assert [one.get("value") for one in hidden["submodelElements"][:2]] == ["1", None]


def test_what_one_rule_hides_another_may_show():
    only = eq({"$field": "$sme#idShort"}, "Open")
    assert shown("$sme", only, rules()) == DEEP
    both = shown("$sme", only, rules(FILTER={"FRAGMENT": "$sme", "CONDITION": eq({"$field": "$sme#value"}, "5")}))
    assert "Hidden.Secret" in paths(both)
    assert "Secret" not in paths(both)


@pytest.mark.parametrize(("literal", "attribute"), [
    ("$aasdesc#specificAssetIds[]", "specificAssetIds[]"), ("$aas#assetInformation.globalAssetId",
                                                            "assetInformation.globalAssetId"),
    ("$sm#semanticId", "semanticId"), ("$aas#submodels[]", "submodels[]"), ("$sme.A[]#value", "value"), ("$sme.A", ""),
])
def test_fragments(literal, attribute):
    assert written(fragment(literal, "").attribute) == attribute


# ---- mistakes, sentences ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("document", "code", "at"), [
    ([], "query.object", "/"),
    ({"rules": {}}, "query.list", "/rules"),
    ({"rules": [], "DEF": []}, "query.operator", "/DEF"),
    ({"rules": [rules(), {**rules(), "USEACL": "x"}]}, "access.one-of", "/rules/1"),
    ({"rules": [{**rules(), "FORMULA": {"$x": 1}}]}, "query.operator", "/rules/0/FORMULA/$x"),
    ({"rules": [rules(rights=["SEE"])]}, "query.value", "/rules/0/ACL/RIGHTS"),
    ({"rules": [rules(attributes=[{"GLOBAL": "NOW"}])]}, "query.value", "/rules/0/ACL/ATTRIBUTES/0/GLOBAL"),
    ({"rules": [rules(objects=[{"IDENTIFIABLE": "Submodel"}])]}, "access.object", "/rules/0/OBJECTS/0/IDENTIFIABLE"),
    ({"rules": [rules(objects=[{"IDENTIFIABLE": "(aasdesc)*"}])]}, "access.object", "/rules/0/OBJECTS/0/IDENTIFIABLE"),
    ({"rules": [rules(objects=[{"REFERABLE": "(Submodel)*"}])]}, "access.object", "/rules/0/OBJECTS/0/REFERABLE"),
    ({"rules": [rules(objects=[{"ROUTE": "/a*b"}])]}, "access.object", "/rules/0/OBJECTS/0/ROUTE"),
    ({"rules": [rules(FILTER={"FRAGMENT": "x", "CONDITION": {"$boolean": True}})]}, "access.object",
     "/rules/0/FILTER/FRAGMENT"),
    ({"rules": [{"USEACL": "no", "OBJECTS": [], "FORMULA": {"$boolean": True}}]}, "access.unknown", "/rules/0/USEACL"),
    ({"rules": [], "DEFFORMULAS": [{"name": "a", "formula": {"$boolean": True}}] * 2}, "access.name",
     "/DEFFORMULAS/1/name"),
    ({"rules": [], "DEFOBJECTS": [{"name": "a", "USEOBJECTS": ["a"]}]}, "access.circle", "/DEFOBJECTS/0"),
])
def test_every_mistake_is_refused_with_the_pointer_of_its_place(document, code, at):
    with pytest.raises(Invalid) as refused:
        parse(document)
    assert (refused.value.code, refused.value.facts["at"]) == (code, at)


def test_groups_that_multiply_are_stopped():
    groups = [{"name": f"g{place}", "USEOBJECTS": [f"g{place + 1}"] * 10} for place in range(12)]
    groups.append({"name": "g12", "objects": [{"ROUTE": "*"}]})
    with pytest.raises(Invalid, match=r"access\.circle"):
        parse({"rules": [], "DEFOBJECTS": groups})


def test_an_object_that_is_none_is_refused():
    with pytest.raises(Invalid):
        read({"IDENTIFIABLE": "$sm(x)"}, "")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_a_subject_sees_is_told_in_sentences(lang):
    end = {"$lt": [{"$attribute": {"GLOBAL": "UTCNOW"}}, {"$dateTimeVal": "2026-06-01T00:00:00Z"}]}
    of = read_rules(
        rules(end, [{"IDENTIFIABLE": "(Submodel)urn:s"}], attributes=[{"CLAIM": "organisation"}],
              FILTER={"FRAGMENT": "$sme", "CONDITION": eq({"$field": "$sme#idShort"}, "State")}),
        rules({"$and": [SEMANTIC, end]}, attributes=[{"CLAIM": "role"}]))
    found = told(of, someone(organisation="did:x"), NOON)
    assert [one.code for one in found] == ["access.sees.submodel", "access.sees.until", "access.sees.only"]
    sentences = [locale.text(lang, one.code, **one.facts) for one in found]
    assert "2026-06-01T00:00:00Z" in sentences[1]
    assert all(one and "access." not in one and "{" not in one for one in sentences)
    assert [one.code for one in told(of, NOBODY, NOON)] == ["access.sees.nothing"]
    late = World("2026-06-02T00:00:00Z")
    assert [one.code for one in told(of, someone(organisation="did:x"), late)] == ["access.sees.nothing"]
