"""Values of about the right shape, and now and then none at all, by a seed: for the tests of what comes in."""

from base64 import b64encode
from pathlib import Path
from random import Random

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "first-order"
TABLES = ("items", "calendars", "work-centres", "bills", "routings", "supply-rules", "stock", "prices")
TABLES_AT_HAND = [(EXAMPLE / f"{table}.csv").read_bytes() for table in TABLES]
WORDS = [
    "", " ", "0", "-1", "1", "1.5", "1e9", "NaN", "9" * 400, "0.0000000000000000001", "2026-02-30T00:00:00.000Z",
    "2026-12-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "QQQ", "CNY", "C62", "stone", "\0", "\u202e", "😀", "é",
    "[/b]", "<script>", "=cmd|' /C calc'!A0", "'; DROP TABLE events;--", "../../etc/passwd", "http://[", "A" * 3_000,
    "weft:join?firm=x", "{{ 7*7 }}", "%s%n", "{}", '{"a":1}', "[" * 50]
NUMBERS = ["1", "2", "60", "0.5", "0", "-3", "1000000", "999999999999", "123456789012345678", "1.0000001", "1e3", "٣"]
TABLE = b"item,en,unit\nF-%d,Fuzz,C62\n"
ODD = [None, True, 1, -1, 2**60, -(2**70), 1.5, 1e300, [], {}, [[]], {"": ""}, {"é": "1"}, [None], {"a": {"b": [1]}}]
# what is right, by the name of the parameter
RIGHT = {
    "partner": ["Corner Shop"], "supplier": ["Corner Shop", "Jinggong"], "item": ["SHAFT-20", "ST-304"],
    "quantity": NUMBERS, "good": NUMBERS, "scrap": NUMBERS, "line": ["1", "2"], "unit": ["C62", "KGM"],
    "currency": ["CNY", "JPY", "EUR"], "kind": ["items", "stock", "bills", "routings", "work-centres", "calendars",
                                               "supply-rules", "prices", "change", "goods", "later"],
    "wanted_by": ["2026-12-24T08:00:00.000Z"], "code": ["AP", "RE"], "why": ["sale", "sample", "own-use"],
    "reason": ["material", "work", ""], "scope": ["owner", "operator", "client"], "net": NUMBERS, "tax": NUMBERS,
    "gross": NUMBERS, "amount": NUMBERS, "unit_price": NUMBERS, "url": ["http://127.0.0.1:1", "ftp://x", "http://["],
}


class Maker:
    """Makes parameters of about the right shape by a seed; one value in ``wild`` is anything at all."""

    def __init__(self, number: int, known: list[str], schemas: dict) -> None:
        self.luck, self.known, self.schemas = Random(number), known, schemas
        self.wild = self.luck.choice([0.0, 0.05, 0.2])

    def of(self, schema: dict, name: str = ""):
        """A value for ``schema``."""
        if self.luck.random() < self.wild:
            return self.luck.choice([self.luck.choice(ODD), self.luck.choice(WORDS)])
        if not isinstance(schema, dict):  # "anything"
            return self.word(name)
        if "$ref" in schema:
            return self.of(self.schemas[schema["$ref"].rpartition("/")[2]], name)
        if "enum" in schema:
            return self.luck.choice(schema["enum"])
        return self.of_type(schema, name)

    def of_type(self, schema: dict, name: str):
        """A value of the type that ``schema`` names."""
        match schema.get("type"):
            case "object" if "properties" in schema:
                required = schema.get("required", ())
                return {field: self.of(one, field) for field, one in schema["properties"].items()
                        if field in required or self.luck.random() < 0.4}
            case "object":
                return {self.word(""): self.of(schema.get("additionalProperties") or {}, "quantity")
                        for _ in range(self.luck.randint(0, 2))}
            case "array":
                return [self.of(schema.get("items", {}), name) for _ in range(self.luck.randint(0, 3))]
            case "integer":
                return self.luck.choice([0, 1, 2, 14, 90, 91, -1, 2**53])
            case "boolean":
                return self.luck.random() < 0.5
        return self.word(name)

    def word(self, name: str) -> str:
        """A string for the parameter ``name``."""
        if name == "content":
            table = TABLE % self.luck.randint(1, 99)
            return b64encode(self.luck.choice([table, *TABLES_AT_HAND, b"PK\3\4", b"\xff"])).decode()
        if name in RIGHT and self.luck.random() < 0.8:
            return self.luck.choice(RIGHT[name])
        return self.luck.choice([*self.known, "1", self.luck.choice(WORDS)])
