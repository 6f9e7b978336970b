"""What a submodel of one megabyte costs: read and written in its own types, judged whole, and in one element.

Baselines of the same run: the standard library's JSON, orjson (both know no metamodel) and aas-core3.1's reader,
verifier and writer (which know it). The best of several turns, each measure in its turn.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from aas_core3_1 import jsonization, verification

from bench.rounds import Result, limit, show
from weft.twin.elements import Json, collection, prop, submodel
from weft.twin.metamodel import canonical, findings, findings_of_element, read, written
from weft.twin.paths import placed, resolve, trail
from weft.twin.values import parse_value, value_json, with_value

ELEMENTS: Final = 4_900
TURNS: Final = 9
TYPE: Final = "xs:double"


def sample() -> Json:
    """A submodel of about 1 MB: properties with semantic ids and titles, in collections of fifty."""
    made = [
        collection(f"Group{group}", [
            prop(f"Value{place}", f"{place}.500", "0173-1#02-BAA120#008", type_=TYPE, title={"en": f"Value {place}"})
            for place in range(50)
        ]) for group in range(ELEMENTS // 50)
    ]
    return submodel("urn:weft:bench:submodel", "Bench", made)


def fastest(measures: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Milliseconds of the processor for each measure at its best; they take turns, and the first does not count."""
    told: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(TURNS + 1):
        for name, measure in measures.items():
            begun = time.process_time()
            measure()
            if turn:
                told[name].append((time.process_time() - begun) * 1000)
    return {name: min(values) for name, values in told.items()}


def results() -> list[Result]:
    """The table: whole documents first, then one element of them."""
    document = sample()
    body = canonical("Submodel", document)
    plain, struct = json.loads(body), read("Submodel", body)
    known = jsonization.submodel_from_jsonable(plain)
    path = "Group40.Value40"
    steps, old = trail(plain, path), resolve(plain, path)

    def one_value() -> None:
        """PATCH $value from the bytes of the request to the judged submodel, without reading or writing the whole."""
        changed = placed(plain, path, with_value(old, parse_value(b"0.250"), path))
        assert not findings_of_element(changed, steps)

    measures: dict[str, Callable[[], Any]] = {
        "read": lambda: read("Submodel", body), "json read": lambda: json.loads(body),
        "orjson read": lambda: orjson.loads(body),
        "core read": lambda: jsonization.submodel_from_jsonable(json.loads(body)),
        "write": lambda: written(struct), "json write": lambda: json.dumps(plain, ensure_ascii=False).encode(),
        "orjson write": lambda: orjson.dumps(plain),
        "core write": lambda: json.dumps(jsonization.to_jsonable(known)).encode(),
        "canonical": lambda: canonical("Submodel", body),
        "judge": lambda: findings("Submodel", plain),
        "core judge": lambda: list(verification.verify(jsonization.submodel_from_jsonable(plain))),
        "value": lambda: value_json(plain), "one": one_value,
    }
    best = fastest(measures)
    size = len(body) / 1e6

    def against(name: str, ours: str, other: str, most: float) -> Result:
        return limit(f"{name}, {size:.2f} MB", best[ours], "ms", most, best[other])

    return [
        against("submodel read as structs | json", "read", "json read", 12),
        against("submodel read as structs | orjson", "read", "orjson read", 12),
        against("submodel read as structs | aas-core3.1", "read", "core read", 12),
        against("submodel written | json", "write", "json write", 4),
        against("submodel written | orjson", "write", "orjson write", 4),
        against("submodel written | aas-core3.1", "write", "core write", 4),
        limit(f"canonical bytes from any order of keys, {size:.2f} MB", best["canonical"], "ms", 15),
        against("submodel judged | aas-core3.1 alone", "judge", "core judge", 400),
        limit(f"value only with every digit, {size:.2f} MB", best["value"], "ms", 60),
        against("one value set and judged | whole judged", "one", "judge", 2),
    ]


if __name__ == "__main__":
    show(results())
