"""Conditions as SQL: the same twins as the plain reading of the specification names, on the tables of the store."""

import os
import random
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.engine.clock import SystemClock
from weft.engine.twins.ports import KINDS, Change, Where
from weft.stores.twins.asking import ask
from weft.stores.twins.store import SqliteTwins
from weft.twin import elements as e
from weft.twin.query import holds, index, parse, parse_text
from weft.twin.query.tree import Alone, Or

KIND = {kind: place for place, kind in enumerate(KINDS, 1)}


class Tables:
    """The tables of the store, filled with the rows of the query language."""

    def __init__(self, documents: Sequence[tuple[str, dict[str, Any]]]) -> None:
        self.db = apsw.Connection(":memory:")
        sql = resources.files("weft.stores.sql") / "twins" / "migrations" / "0001_start.sql"
        self.db.execute(sql.read_text(encoding="utf-8"))
        self.documents = list(documents)
        for number, (kind, document) in enumerate(self.documents, 1):
            self.db.execute("INSERT INTO twins VALUES (?, ?, ?, 1, '', x'')", (number, KIND[kind], document["id"]))
            for field in index.fields(kind, document):
                self.db.execute("INSERT OR IGNORE INTO fields VALUES (?, ?, ?, ?)",
                                (self.known("titles", field.name), field.value, number, field.place))
            for row in index.elements(document) if kind == "submodel" else ():
                place = self.place(row)
                term = None if row.semantic is None else self.known("terms", row.semantic)
                self.db.execute("INSERT OR IGNORE INTO elements VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                                (number, place, row.language or "", term, row.value_type or "", row.value, row.number,
                                 row.instant))

    def known(self, table: str, text: str) -> int:
        self.db.execute(f"INSERT OR IGNORE INTO {table} (text) VALUES (?)", (text,))
        return next(iter(self.db.execute(f"SELECT number FROM {table} WHERE text = ?", (text,))))[0]

    def place(self, row: index.Element) -> int:
        self.db.execute("INSERT OR IGNORE INTO places (path, shape, tail, id_short) VALUES (?, ?, ?, ?)",
                        (row.path, row.shape, row.tail, row.id_short or ""))
        return next(iter(self.db.execute("SELECT number FROM places WHERE path = ?", (row.path,))))[0]

    def found(self, condition, kind: str) -> tuple[list[str], bool]:
        asked = ask(condition, kind)
        rows = self.db.execute(f"SELECT t.id FROM twins t WHERE t.kind = ? AND ({asked.where}) ORDER BY t.id",
                               (KIND[kind], *asked.bindings))
        found = [row[0] for row in rows]
        each = self.db.execute(f"SELECT t.id FROM twins t WHERE t.kind = ? AND ({asked.each}) ORDER BY t.id",
                               (KIND[kind], *asked.bindings))
        assert [row[0] for row in each] == found
        return found, asked.exact

    def read(self, condition, kind: str) -> list[str]:
        return sorted(one["id"] for of, one in self.documents if of == kind and holds(condition, one, kind))


# ---- what is asked, and of what ---------------------------------------------------------------------------

NAMES = ("A", "B", "Width")
TEXTS = ("", "1", "1.0", "-2.5", "a", "ab", "Ab", "%_", "true", "2026-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00",
         "INF", "中文", "a\U0010ffff")
TERMS = ("urn:w", "urn:h")


def leaf(chance: random.Random, name: str) -> dict[str, Any]:
    term = chance.choice(("", *TERMS))
    text = chance.choice(TEXTS)
    return chance.choice((
        lambda: e.prop(name, text, term, type_="xs:string"),
        lambda: e.prop(name, text, term, type_="xs:string"),
        lambda: {**e.element("Property", name, term), "valueType": "xs:string", "value": ""},
        lambda: e.multi(name, {one: chance.choice(TEXTS) for one in chance.sample(("de", "zh"), 2)}, term),
        lambda: e.range_(name, "1", "2"),
        lambda: e.reference(name, e.external("urn:w")),
        lambda: e.entity(name, "", [e.prop("A", "hidden")]),
    ))()


def below(chance: random.Random, name: str, depth: int) -> dict[str, Any]:
    kind = chance.random() if depth else 0
    if kind < 0.4:
        return leaf(chance, name)
    if kind < 0.7:
        return e.collection(name, several(chance, depth - 1))
    inner = [below(chance, "", depth - 1) for _ in range(chance.randrange(4))]
    return {**e.element("SubmodelElementList", name), "value": inner}


def several(chance: random.Random, depth: int) -> list[dict[str, Any]]:
    return [below(chance, name, depth) for name in chance.sample(NAMES, chance.randrange(1, len(NAMES) + 1))]


def submodels(seed: int) -> list[tuple[str, dict[str, Any]]]:
    chance = random.Random(seed)
    made = []
    for number in range(12):
        terms = [chance.choice(TERMS) for _ in range(chance.randrange(4))]
        one = e.submodel(f"urn:sm:{number}", chance.choice(NAMES), several(chance, 2), terms[0] if terms else "urn:no")
        made.append(("submodel", {**one, "supplementalSemanticIds": [e.external(term) for term in terms[1:]]}))
    return made


PATHS = ("", ".A", ".B", ".A.B", ".A[]", ".A[].B", ".A[0]", ".A[1].B", ".A[][]", ".A[][0]", ".Width", ".B.A[].Width")
ATTRIBUTES = ("value", "value", "value", "idShort", "semanticId", "language", "valueType", "semanticId.keys[].value",
              "supplementalSemanticIds")
FIELDS = st.one_of(
    st.builds(lambda path, attribute: f"$sme{path}#{attribute}", st.sampled_from(PATHS), st.sampled_from(ATTRIBUTES)),
    st.sampled_from(("$sm#id", "$sm#idShort", "$sm#semanticId", "$sm#supplementalSemanticIds[1].keys[].value",
                     "$sm#supplementalSemanticIds[].keys[0].value", "$sm#semanticId.type", "$cd#id")),
).map(lambda name: {"$field": name})
STRING = st.sampled_from((*TEXTS, *NAMES, *TERMS, "urn:sm:1", "de", "xs:string")).map(lambda one: {"$strVal": one})
NUMBER = st.sampled_from((1, -2.5, 0, 1e300)).map(lambda one: {"$numVal": one})
LITERALS = st.one_of(
    STRING, STRING, STRING, NUMBER, NUMBER,
    st.just({"$dateTimeVal": "2026-01-01T00:00:00Z"}), st.just({"$timeVal": "08:00"}),
    st.booleans().map(lambda one: {"$boolean": one}), st.just({"$hexVal": "16#A"}),
)


def cast(inner):
    names = st.sampled_from(("$strCast", "$numCast", "$boolCast", "$dateTimeCast", "$timeCast", "$hexCast"))
    return st.builds(lambda name, one: {name: one}, names, inner)


VALUES = st.one_of(FIELDS, FIELDS, LITERALS, LITERALS, cast(FIELDS), cast(LITERALS))
STRINGS = st.one_of(FIELDS, FIELDS, st.sampled_from(TEXTS).map(lambda one: {"$strVal": one}), FIELDS.map(
    lambda one: {"$strCast": one}))
PLAIN = st.builds(
    lambda op, path, value: {op: [{"$field": f"$sme{path}#value"}, value]},
    st.sampled_from(("$eq", "$ne", "$lt", "$ge")), st.sampled_from(PATHS), LITERALS)
COMPARED = st.one_of(
    PLAIN, PLAIN, PLAIN,
    st.builds(lambda op, *sides: {op: list(sides)}, st.sampled_from(("$eq", "$ne", "$gt", "$ge", "$lt", "$le")), FIELDS,
              VALUES),
    st.builds(lambda op, *sides: {op: list(sides)}, st.sampled_from(("$eq", "$ne", "$gt", "$ge", "$lt", "$le")), VALUES,
              VALUES),
    st.builds(lambda op, *sides: {op: list(sides)}, st.sampled_from(("$contains", "$starts-with", "$ends-with")),
              STRINGS, STRINGS),
    st.builds(lambda field, pattern: {"$regex": [field, {"$strVal": pattern}]}, FIELDS,
              st.sampled_from(("^a", "b$", "^1\\.?0?$", "^2026-01.*Z$", "[A-Z]"))),
    st.booleans().map(lambda one: {"$boolean": one}),
)
SAME = st.sampled_from(PATHS).flatmap(lambda path: st.lists(st.builds(
    lambda op, attribute, literal: {op: [{"$field": f"$sme{path}#{attribute}"}, literal]},
    st.sampled_from(("$eq", "$ne", "$lt", "$ge")), st.sampled_from(("value", "semanticId", "language")), LITERALS),
    min_size=1, max_size=3))
LISTED = st.lists(st.builds(
    lambda op, path, attribute, literal: {op: [{"$field": f"$sme.A[]{path}#{attribute}"}, literal]},
    st.sampled_from(("$eq", "$ne", "$ge")), st.sampled_from(("", ".B", ".A", "[0]", "[]")),
    st.sampled_from(("value", "idShort")), LITERALS), min_size=2, max_size=3)
WHOLE = COMPARED.filter(lambda one: "$sme" not in str(one) and "[]" not in str(one))
MATCHED = st.one_of(SAME, LISTED, st.tuples(SAME, WHOLE).map(lambda two: [*two[0], two[1]])).map(
    lambda parts: {"$match": parts})
CONDITIONS = st.recursive(st.one_of(COMPARED, MATCHED), lambda inner: st.one_of(
    st.lists(inner, min_size=2, max_size=3).map(lambda parts: {"$and": parts}),
    st.lists(inner, min_size=2, max_size=3).map(lambda parts: {"$or": parts}),
    inner.map(lambda part: {"$not": part})), max_leaves=5)

EXAMPLES = int(os.environ.get("WEFT_ASKED", "50"))


@cache
def filled(seed: int) -> Tables:
    return Tables(submodels(seed))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 200), st.lists(CONDITIONS, min_size=1, max_size=8))
def test_sql_and_the_plain_reading_name_the_same_submodels(seed, conditions):
    tables = filled(seed)
    asked = [(one, parse({"$condition": one}).condition) for one in conditions]
    alone = Or(tuple(Alone(condition) for _, condition in asked))  # as a query is put among the rules of who may see
    for one, condition in [*asked, ("all of them, each by itself", alone)]:
        found, exact = tables.found(condition, "submodel")
        wanted = tables.read(condition, "submodel")
        if exact:
            assert found == wanted, one
        else:
            assert set(found) >= set(wanted), one


@pytest.mark.parametrize("condition", [
    {"$eq": [{"$field": "$sme.A#value"}, {"$strVal": "a"}]},
    {"$lt": [{"$field": "$sme#value"}, {"$numVal": 2}]},
    {"$ne": [{"$field": "$sme.A.B#value"}, {"$numVal": 1}]},
    {"$not": {"$ge": [{"$field": "$sme.B#value"}, {"$numVal": 1}]}},
    {"$le": [{"$field": "$sme#value"}, {"$dateTimeVal": "2026-01-01T00:00:00Z"}]},
    {"$contains": [{"$field": "$sme.A[]#value"}, {"$strVal": "a"}]},
    {"$or": [{"$starts-with": [{"$field": "$sme#value"}, {"$strVal": "ab"}]},
             {"$eq": [{"$field": "$sm#semanticId"}, {"$strVal": "urn:w"}]}]},
    {"$match": [{"$eq": [{"$field": "$sme#semanticId"}, {"$strVal": "urn:w"}]},
                {"$lt": [{"$field": "$sme#value"}, {"$numVal": 2}]}]},
    {"$match": [{"$ne": [{"$field": "$sme.A[].A#value"}, {"$strVal": "1"}]},
                {"$ne": [{"$field": "$sme.A[].B#value"}, {"$strVal": "1"}]}]},
    {"$eq": [{"$field": "$sme#language"}, {"$strVal": "de"}]},
])
def test_what_is_usually_asked_is_decided_by_sql_alone(condition):
    asked = parse({"$condition": condition}).condition
    told = [(*filled(seed).found(asked, "submodel"), filled(seed).read(asked, "submodel")) for seed in range(40)]
    assert all(exact and found == wanted for found, exact, wanted in told)
    assert any(0 < len(wanted) < 12 for _, _, wanted in told)


SHELLS = [("shell", {
    "modelType": "AssetAdministrationShell", "id": f"urn:shell:{number}", "idShort": f"S{number % 3}",
    "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:asset:{number}", "specificAssetIds": [
        {"name": "lot", "value": str(number % 4), "externalSubjectId": e.external(f"urn:firm:{number % 2}")},
        {"name": "heat", "value": str(number % 5)}]},
    "submodels": [e.model(("Submodel", f"urn:sm:{number}")), e.model(("Submodel", "urn:sm:all"))],
}) for number in range(20)]
ASSETS = "$aas#assetInformation"


@pytest.mark.parametrize(("condition", "exact", "count"), [
    ({"$eq": [{"$field": "$aas#idShort"}, {"$strVal": "S1"}]}, True, 7),
    ({"$eq": [{"$field": f"{ASSETS}.globalAssetId"}, {"$strVal": "urn:asset:7"}]}, True, 1),
    ({"$eq": [{"$field": f"{ASSETS}.assetKind"}, {"$strVal": "Instance"}]}, False, 20),
    ({"$eq": [{"$field": f"{ASSETS}.specificAssetIds[0].value"}, {"$strVal": "3"}]}, True, 5),
    ({"$eq": [{"$field": f"{ASSETS}.specificAssetIds[].externalSubjectId"}, {"$strVal": "urn:firm:1"}]}, True, 10),
    ({"$eq": [{"$field": "$aas#submodels[1].keys[].value"}, {"$strVal": "urn:sm:all"}]}, True, 20),
    ({"$eq": [{"$field": "$aas#submodels"}, {"$strVal": "urn:sm:5"}]}, True, 1),
    ({"$not": {"$starts-with": [{"$field": "$aas#id"}, {"$strVal": "urn:shell:1"}]}}, True, 9),
    ({"$match": [{"$eq": [{"$field": f"{ASSETS}.specificAssetIds[].name"}, {"$strVal": "heat"}]},
                 {"$eq": [{"$field": f"{ASSETS}.specificAssetIds[].value"}, {"$strVal": "4"}]}]}, True, 4),
    ({"$and": [{"$eq": [{"$field": f"{ASSETS}.specificAssetIds[].name"}, {"$strVal": "lot"}]},
               {"$eq": [{"$field": f"{ASSETS}.specificAssetIds[].value"}, {"$strVal": "4"}]}]}, True, 4),
    ({"$match": [{"$eq": [{"$field": f"{ASSETS}.specificAssetIds[].name"}, {"$strVal": "lot"}]},
                 {"$eq": [{"$field": f"{ASSETS}.specificAssetIds[].value"}, {"$strVal": "4"}]}]}, True, 0),
])
def test_shells_are_found_by_their_own_fields(condition, exact, count):
    tables = Tables(SHELLS)
    read = parse({"$condition": condition}).condition
    found, sure = tables.found(read, "shell")
    wanted = tables.read(read, "shell")
    assert (sure, len(wanted)) == (exact, count)
    assert found == wanted if exact else set(found) >= set(wanted)


def test_the_control_is_seen(monkeypatch):
    """An index that takes every text for a number, as a careless cast would, must be caught."""
    documents = [("submodel", e.submodel("urn:sm:0", "A", [e.prop("Width", "n/a")]))]
    asked = parse({"$condition": {"$lt": [{"$field": "$sme.Width#value"}, {"$numVal": 5}]}}).condition
    honest = Tables(documents)
    assert honest.found(asked, "submodel")[0] == honest.read(asked, "submodel") == []
    rows = index.elements
    monkeypatch.setattr(index, "elements", lambda document: [one._replace(number=one.number or 0.0)
                                                             for one in rows(document)])
    wrong = Tables(documents)
    assert wrong.found(asked, "submodel")[0] != wrong.read(asked, "submodel")


def test_values_travel_as_bindings():
    evil = "x' OR 1=1 --"
    asked = ask(parse({"$condition": {"$eq": [{"$field": "$sme.A#value"}, {"$strVal": evil}]}}).condition, "submodel")
    assert evil not in asked.where
    assert evil in asked.bindings


def test_what_also_asks_of_submodels_is_looked_up_by_what_it_asks_of_the_shell():
    tables = Tables(SHELLS)
    both = {"$and": [{"$eq": [{"$field": "$aas#idShort"}, {"$strVal": "S2"}]},
                     {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Five"}]}]}
    found, exact = tables.found(parse({"$condition": both}).condition, "shell")
    assert not exact
    assert "urn:shell:5" in found
    assert len(found) == 6


async def test_a_page_of_the_store_is_what_the_plain_reading_names():
    store = SqliteTwins(":memory:", SystemClock())
    documents = submodels(7)
    await store.commit([Change("submodel", one["id"], msgspec.json.encode(one)) for _, one in documents])
    for asked in ({"$lt": [{"$field": "$sme#value"}, {"$numVal": 2}]},
                  {"$regex": [{"$field": "$sme.B#value"}, {"$strVal": "^a"}]}):
        condition = parse({"$condition": asked}).condition
        wanted = sorted(one["id"] for _, one in documents if holds(condition, one, "submodel"))
        assert 0 < len(wanted) < 12
        rows = await store.page("submodel", "", 2, Where(condition=condition))
        assert [one.id for one in rows] == wanted[:2]
        behind = await store.page("submodel", rows[-1].id, 100, Where(condition=condition))
        assert [one.id for one in behind] == wanted[2:]
    await store.close()


@pytest.mark.parametrize("text", [
    "$sme.Number#value $ge 0",                                            # all
    '$not($sme.Colour#value $eq "red")', '$sme.Colour#value $eq "red"',      # many
    "$sme.Number#value $eq 777", "$sme.Number#value $lt 0",                # one, none
    "$sme.Number#value $lt 450",                                           # many at first, then none
    "$sme.Number#value $gt 950", "$or($sme.Number#value $lt 3, $sme.Number#value $gt 996)",
    '$regex($sme.Number#value, "^9")', '$regex($sme.Number#value, "0$")',
    '$and($sm#idShort $eq "Even", $sme.Number#value $gt 500)', '$sm#idShort $ne "Even"',
    '$starts-with($sm#id, "urn:sm:09")',
])
async def test_pages_are_the_same_whether_much_or_little_is_found(large, text):
    store, documents = large
    condition = parse_text(text).condition
    wanted = [one["id"] for one in documents if holds(condition, one, "submodel")]
    for limit in (7, 150):
        found, after = [], ""
        while rows := await store.page("submodel", after, limit, Where(condition=condition)):
            assert len(rows) <= limit
            found += [one.id for one in rows]
            after = rows[-1].id
            if len(found) > 60 and limit == 7:
                break
        assert found == wanted[:len(found)]
        assert len(found) == len(wanted) or limit == 7


@pytest.fixture
async def large():
    store = SqliteTwins(":memory:", SystemClock())
    documents = [e.submodel(f"urn:sm:{number:04d}", "Odd" if number % 2 else "Even", [
        e.prop("Number", str(number)), e.prop("Colour", ("red", "blue", "green")[number % 3])])
        for number in range(1000)]
    await store.commit([Change("submodel", one["id"], msgspec.json.encode(one)) for one in documents])
    yield store, documents
    await store.close()
