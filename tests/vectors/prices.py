"""Seeded price books and what each gives for many attributes: the same for the node and for a till in a browser.

Most results are named by the start of the SHA-256 of their canonical bytes; one in twenty-four stands there whole.
"""

import hashlib
from random import Random

import msgspec

from weft.basis import canonical, quantity
from weft.basis.errors import Invalid
from weft.pricing import book as books
from weft.pricing.evaluate import Attributes, price
from weft.pricing.schema import PriceBook

SEED = 20_261_125
RANDOM_BOOKS = 68
ASKS = 18
WHOLE_EACH = 24
LONG = 20  # steps: too long to stand here whole
NAMED_CHARACTERS = 22
ITEMS = ["V15", "SCREW M4×16", "球阀 DN25", "阀体/铸件", "Ünï-ß", "a b", '"q"\\', "<&>", "\U0001f529", "Ⅷ", "长" * 61]
VALUES = {
    "zone": ["east", "west", "华东", "北方"], "lead_time": ["standard", "express", "T-2"],
    "payment_term": ["D30", "cash", "月结60"], "packaging": ["bulk", "box.10", "纸箱"],
    "published_class": ["C1", "C2", "A+"],
}
RATES = [("S", "13"), ("S", "6"), ("S", "0"), ("S", "19"), ("S", "7.7"), ("L", "2.25"), ("M", "0.0001"), ("S", "100"),
         ("Z", "0"), ("E", "0")]
MALFORMED = ["", "abc", "1e3", "0", "-1", "0.000", "01", "1.", ".5", "１", " 1", "1\n", "+1", "1,5",
             "1234567890123456789", "0.0000000000000000001", "9" * 40, "-0", "NaN", "1_000"]


def decimal(random: Random, high: int, places: int) -> str:
    """A decimal up to ``high`` with up to ``places`` decimals, in its one spelling."""
    places = random.randint(0, places)
    return quantity.text(quantity.decimal(f"{random.randint(0, high)}.{random.randint(0, 10**places - 1):0{places}d}"
                                          if places else str(random.randint(0, high))))


def line(random: Random, item: str) -> dict:
    starts = sorted({decimal(random, random.choice([3, 200, 5_000]), random.choice([0, 0, 3, 6]))
                     for _ in range(random.randint(1, 6))}, key=float)
    top, places = random.choice([(1, 6), (50, 2), (900, 6), (99_999_999, 4), (10**11, 0)])
    prices = sorted((decimal(random, top, places) for _ in starts), key=float, reverse=True)
    return {"item": item, "unit": random.choice(["C62", "KGM", "MTR", "SET", "HUR"]),
            "base": random.choice(["1", "1", "100", "1000"]),
            "tiers": [{"from": start, "price": cost} for start, cost in zip(starts, prices, strict=True)]}


def rule(random: Random, name: str, draft: dict) -> dict:
    conditions = []
    for _ in range(random.randint(0, 2)):
        about = random.choice(["item", "quantity", *draft["attributes"]])
        if about == "quantity":
            low = random.randint(0, 300)
            conditions.append(random.choice([
                {"attribute": about, "at_least": str(low) + random.choice(["", ".5"])},
                {"attribute": about, "below": str(low + 1)},
                {"attribute": about, "at_least": str(low), "below": str(low * 2 + 5)}]))
        else:
            known = [one["item"] for one in draft["lines"]] if about == "item" else draft["attributes"][about]
            conditions.append({"attribute": about, "one_of": random.sample(known, random.randint(1, len(known)))})
    sign = random.choice(["", "", "-"])
    effect = random.choice([
        {"multiply": f"{random.randint(1, 40)}/{random.randint(1, 40)}"},
        {"multiply": f"{random.randint(1, 10**9 - 1)}/{random.randint(1, 10**9 - 1)}"},
        {"add": sign + decimal(random, 5, 6)}, {"add": sign + decimal(random, 90, 2), "per": "line"}])
    return {"id": name, "when": conditions, **effect, "name": random.choice(["", "加急", "small order"])}


def draft(random: Random, number: int) -> dict:
    category, percent = random.choice(RATES)
    made = {
        "id": f"b{number}", "name": random.choice(["阀门价目", "Valves"]), "valid_from": "2026-11-01T00:00:00.000Z",
        "currency": random.choice(sorted(quantity.MINOR_UNITS)), "basis": random.choice(["net", "gross"]),
        "tax": {"category": category, "percent": percent},
        "attributes": {name: random.sample(values, random.randint(1, len(values)))
                       for name, values in VALUES.items() if random.random() < 0.4},
        "lines": [line(random, item) for item in random.sample(ITEMS, random.randint(1, 5))],
    }
    made["rules"] = [rule(random, f"r{at}", made) for at in range(random.choice([0, 1, 2, 4, 8]))]
    return made


def sound(random: Random, number: int) -> PriceBook:
    while True:
        try:
            return books.load(draft(random, number))
        except Invalid:
            continue


EDGE = {"id": "edge", "name": "边界", "currency": "CNY", "basis": "net", "valid_from": "2026-11-01T00:00:00.000Z",
        "tax": {"category": "S", "percent": "13"}}


def edge(**fields) -> PriceBook:
    tiers = fields.pop("tiers", [{"from": "0", "price": "0.005"}])
    return books.load({**EDGE, "lines": [{"item": "A", "unit": "C62", "base": fields.pop("base", "1"), "tiers": tiers}],
                       **fields})


def edges() -> list[tuple[PriceBook, list[str]]]:
    """Books by hand, each with quantities at which something turns."""
    halves = ["1", "3", "0.5", "0.999999", "1.000001", "100", "0.000001"]
    thirds = {"rules": [{"id": "third", "multiply": "1/3"}, {"id": "seventh", "multiply": "1/7"}]}
    charge = {"rules": [{"id": "charge", "add": "0.005", "per": "line"}, {"id": "less", "add": "-0.004999"}]}
    long = {"rules": [{"id": f"r{at}", "multiply": f"{999_999_937 - at}/{999_999_929 - 2 * at}"} for at in range(100)],
            "tiers": [{"from": str(at * 7), "price": str(999_999_999_999_999_999 - at)} for at in range(20)]}
    steps = {"tiers": [{"from": "10", "price": "3"}, {"from": "10.5", "price": "2"}, {"from": "11", "price": "0"}]}
    return [
        (edge(), halves), (edge(basis="gross"), halves),
        (edge(currency="JPY", tiers=[{"from": "0", "price": "0.5"}]), halves),
        (edge(base="1000", tiers=[{"from": "0", "price": "12.345678"}]), ["1", "40.5", "1000", "405001", "0.1"]),
        (edge(**thirds), halves), (edge(basis="gross", **thirds), halves), (edge(**charge), halves),
        (edge(rules=[{"id": "less", "add": "-0.006"}]), halves),
        (edge(rules=[{"id": "less", "add": "-1", "per": "line"}]), ["1", "199", "200", "201", "100000"]),
        (edge(**long), ["1", "7", "6.999999", "133", "999999999999999999"]),
        (edge(base="1000", basis="gross", currency="KRW", **long), ["1", "133", "0.000000000000000001"]),
        (edge(**steps), ["9.999999", "10", "10.499999", "10.5", "10.999", "11", "12"]),
        (edge(tax={"category": "S", "percent": "33.3333"}, basis="gross"), halves),
    ]


def ask(random: Random, book: PriceBook) -> Attributes:
    """Attributes for ``book``: mostly as it sells, now and then not."""
    chosen = random.choice(book.lines)
    tier = random.choice(chosen.tiers)
    near = quantity.decimal(tier.from_)
    count = random.choice([
        quantity.text(near), quantity.text(near + quantity.decimal("0.000001")),
        quantity.text(max(near - quantity.decimal("0.001"), quantity.decimal("0.001"))),
        decimal(random, 9_000, 6), decimal(random, 40, 0), decimal(random, 10**9, 3), str(random.randint(1, 300))])
    fields = {name: random.choice(["", *values]) for name, values in book.attributes.items()}
    given = {"item": chosen.item, "unit": chosen.unit, "quantity": count, **fields}
    if random.random() < 0.12:
        given |= random.choice([
            {"item": "nothing"}, {"item": "长" * 62}, {"unit": "TNE"}, {"unit": ""}, {"currency": "XAU"},
            {"quantity": random.choice(MALFORMED)}, {"quantity": random.choice(MALFORMED)},
            {"zone": "nowhere"}, {"lead_time": "明天" * 21}, {"packaging": "bulk"}, {"published_class": "C9"}])
    elif random.random() < 0.3:
        given["currency"] = book.currency
    return Attributes(**given)


def told(book: PriceBook, given: Attributes) -> dict:
    """What ``book`` answers, as a case holds it: ``priced`` whole, or ``error``."""
    try:
        return {"priced": msgspec.to_builtins(price(book, given))}
    except Invalid as error:
        return {"error": error.code, "facts": error.facts}


def named(priced: dict) -> str:
    return canonical.b64(hashlib.sha256(canonical.encode(priced)).digest())[:NAMED_CHARACTERS]


def everything() -> dict:
    random = Random(SEED)
    made = [(book, [Attributes(item="A", unit="C62", quantity=count) for count in counts]) for book, counts in edges()]
    for number in range(RANDOM_BOOKS):
        book = sound(random, number)
        made.append((book, [ask(random, book) for _ in range(ASKS)]))
    made[0][1].extend(Attributes(item="A", unit="C62", quantity=count) for count in MALFORMED)
    cases: list[dict] = []
    by_hand = len(edges())
    for at, (book, asks) in enumerate(made):
        for given in asks:
            case = {"book": at, "ask": msgspec.to_builtins(given), **told(book, given)}
            seldom = at >= by_hand and len(cases) % WHOLE_EACH
            if "priced" in case and (seldom or len(case["priced"]["trace"]) > LONG):
                case["named"] = named(case.pop("priced"))
            cases.append(case)
    return {"books": [{"canonical": book.canonical.decode(), "hash": book.hash} for book, _ in made], "cases": cases}
