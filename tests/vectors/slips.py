"""Seeded slips: chains of tills with sales, returns and day closes, what is wrong with others, and texts of QR codes.

What a wrong slip is told is said here by hand, never asked of the program.
"""

import hashlib
import zlib
from random import Random

import msgspec

from tests.vectors.curve import TORSION, encoded
from weft.basis import canonical, instant
from weft.basis.canonical import b64
from weft.basis.errors import WeftError
from weft.identity.keys import Signer
from weft.till import closing, qr, returns, slip, totals
from weft.till.slip import Line, Slip

SEED = 20_261_126
KINDS = [("CNY", "gross"), ("CNY", "net"), ("JPY", "gross"), ("EUR", "net"), ("EUR", "gross")]
EACH = 44
FIRM = b64(hashlib.sha256(b"firm").digest())
PARTNER = b64(hashlib.sha256(b"partner").digest())
BOOK = b64(hashlib.sha256(b"book").digest())
START_MS = instant.to_ms("2026-11-25T08:00:00.000Z")
ITEMS = ["V15-DN25", "球阀 DN25", "SCREW M4×16", 'A "quoted"\\ item', "\U0001f529", "Ünï-ß", "阀体/铸件 <&>"]
RATES = [("S", "13"), ("S", "6"), ("Z", "0"), ("L", "2.25")]


class Till:
    """One till: its key, its memory, and what it has said since its last close."""

    def __init__(self, number: int, random: Random) -> None:
        self.random = random
        self.signer = Signer(hashlib.sha256(f"till {number}".encode()).digest())
        self.life = b64(hashlib.sha256(f"life {number}".encode()).digest()[:8])
        self.currency, self.basis = KINDS[number]
        self.chain: list[Slip] = []
        self.day = 0  # where in the chain the day began
        self.last: Slip | None = None

    def say(self, **fields) -> Slip:
        n = len(self.chain) + 1
        said = Slip(weft="slip/1", firm=FIRM, till=self.signer.public, life=self.life, n=n,
                    prev=self.chain[-1].hash if self.chain else "", currency=self.currency,
                    at=instant.from_ms(START_MS + n * 61_007), **fields)
        self.chain.append(said)
        return said

    def line(self) -> Line:
        random = self.random
        count = random.choice([str(random.randint(1, 40)), f"{random.randint(0, 9)}.{random.randint(1, 9)}25"])
        cost = random.choice([str(random.randint(1, 900)), f"{random.randint(0, 99)}.{random.randint(1, 9)}",
                              f"0.00{random.randint(1, 9)}"])
        category, percent = random.choice(RATES)
        base = random.choice(["1", "1", "100", "1000"])
        sums = totals.taxed(totals.minor(totals.amount(count, cost, base, self.currency), self.currency),
                            self.basis, percent)
        return Line(item=random.choice(ITEMS), lot=random.choice(["", "L2611-07", "批次七"]), quantity=count,
                    unit=random.choice(["C62", "KGM"]), unit_price=cost, base=base, **self.told(sums),
                    tax_category=category, tax_percent=percent)

    def told(self, sums) -> dict[str, str]:
        return {name: totals.written(units, self.currency) for name, units in sums._asdict().items()}

    def sums(self, lines) -> dict[str, str]:
        return self.told(totals.total(totals.read(one, self.currency) for one in lines))

    def sell(self, count: int) -> Slip:
        pay = self.random.choice(["cash", "cash", "transfer", "account"])
        lines = tuple(self.line() for _ in range(count))
        attributes = self.random.choice([{}, {"zone": "east"}, {"lead_time": "T-2", "zone": "华东"}])
        return self.say(kind="sale", basis=self.basis, lines=lines, **self.sums(lines), pay=pay,
                        partner=PARTNER if pay == "account" else "", attributes=attributes,
                        **self.random.choice([{"book": BOOK}, {"book": BOOK, "off_book": True}, {}]))

    def take_back(self, sale: Slip) -> Slip | None:
        left = returns.left(sale, self.chain)
        wanted = [(at, self.random.choice([have, *(less for less in ("1", "0.5") if float(less) <= float(have))]))
                  for at, have in enumerate(left, 1) if float(have) > 0][:2]
        if not wanted:
            return None
        lines = returns.lines(sale, self.chain, wanted)
        return self.say(kind="return", of=sale.hash, lines=lines, **self.sums(lines), pay="cash", basis=sale.basis,
                        book=sale.book, attributes=sale.attributes, off_book=sale.off_book)

    def close(self) -> Slip:
        opened = closing.opening(self.last, self.currency) or self.money(20_000)
        counted = self.money(90_000 + self.random.randint(-500, 500))
        made = closing.close(self.chain[self.day:], self.currency, self.day + 1, (opened, counted, self.money(70_000)))
        self.last = self.say(kind="close", close=made)
        self.day = len(self.chain)
        return self.last

    def money(self, units: int) -> str:
        return totals.written(units, self.currency)


def till(number: int, random: Random) -> Till:
    """A till with some days behind it."""
    made = Till(number, random)
    made.close()  # a day without a sale
    while len(made.chain) < EACH:
        made.sell(random.choice([1, 1, 2, 3]))
        sales = [one for one in made.chain if one.kind == "sale"]
        if random.random() < 0.3:
            made.take_back(random.choice(sales[-4:]))
        if random.random() < 0.08:
            made.close()
    if number == 0:
        made.sell(8)
        made.sell(30)
        made.close()
    return made


def signed(made: Till, one: Slip) -> slip.Signed:
    return slip.sign(one, made.signer)


def chains(tills: list[Till]) -> list[dict]:
    return [{"hash": one.hash, "number": one.number, "text": signed(made, one).canonical.decode()}
            for made in tills for one in made.chain]


# ---- what is wrong with a slip taken alone


def wrong(made: Till) -> list[dict]:
    """One thing wrong with each, signed anew by the till's own key; ``codes`` are all that are told."""
    sale = next(one for one in made.chain if one.kind == "sale" and len(one.lines) > 1)
    taken = next(one for one in made.chain if one.kind == "return")
    close = [one for one in made.chain if one.kind == "close"][-1]
    line, *more = sale.lines
    replace = msgspec.structs.replace

    def lined(**fields) -> Slip:
        return replace(sale, lines=(replace(line, **fields), *more))

    def closed(**fields) -> Slip:
        return replace(close, close=replace(close.close, **fields))

    def drawer(**fields) -> Slip:
        return closed(cash=replace(close.close.cash, **fields))

    cent = totals.written(totals.minor(line.tax, made.currency) + 1, made.currency)
    cases = [
        ("firm", replace(sale, firm="x"), "name"), ("life", replace(sale, life=""), "name"),
        ("previous", replace(sale, prev=sale.prev[:-1] + "B"), "name"), ("book", replace(sale, book="b"), "name"),
        ("no n", replace(sale, n=0), "chain-start"), ("first with one before", replace(sale, n=1), "chain-start"),
        ("later with none before", replace(sale, prev=""), "chain-start"),
        ("at without milliseconds", replace(sale, at="2026-11-25T08:00:00Z"), "instant"),
        ("at no day", replace(sale, at="2026-02-30T08:00:00.000Z"), "instant"),
        ("at hour 24", replace(sale, at="2026-02-01T24:00:00.000Z"), "instant"),
        ("at year 0", replace(sale, at="0000-02-01T00:00:00.000Z"), "instant"),
        ("currency", replace(sale, currency="XAU"), "currency"),
        ("currency of the engine", replace(sale, currency="toString"), "currency"),
        ("nine attributes", replace(sale, attributes={f"a{at}": "b" for at in range(9)}), "too-many"),
        ("empty attribute", replace(sale, attributes={"zone": ""}), "text"),
        ("no way of payment", replace(sale, pay="", partner=""), "field"),
        ("account of nobody", replace(sale, pay="account", partner=""), "field"),
        ("sale of a sale", replace(sale, of=sale.hash), "field"), ("return of nothing", replace(taken, of=""), "field"),
        ("close in a sale", replace(sale, close=close.close), "field"),
        ("close with a book", replace(close, book=BOOK), "field"),
        ("close with a total", replace(close, gross="1.00"), "field"),
        ("close of gross", replace(close, basis="gross"), "field"),
        ("close without sums", replace(close, close=None), "field"),
        ("no item", lined(item=" \x1f\u3000"), "text"), ("long item", lined(item="长" * 121), "text"),
        ("blank lot", lined(lot=" "), "text"), ("unit", lined(unit="ELL"), "unit"),
        ("sold in a sale", lined(sold=1), "field"), ("quantity 0", lined(quantity="0"), "number"),
        ("quantity below 0", lined(quantity="-1"), "number"), ("quantity 1.0", lined(quantity="1.0"), "number"),
        ("quantity in Arabic", lined(quantity="١"), "number"),
        ("price of seven places", lined(unit_price="0.0000001"), "number"),
        ("percent 101", lined(tax_percent="101"), "tax line-tax"), ("category", lined(tax_category="s"), "tax"),
        ("money without cents", lined(net="1"), "money total"),
        ("money of three places", lined(tax="0.001"), "money total"),
        ("tax a cent more", lined(tax=cent), "line-sum total"),
        ("tax and gross a cent more", lined(tax=cent, gross=shifted(made, line.gross, 1)), "line-tax total"),
        ("gross a cent less in the sum", replace(sale, gross=shifted(made, sale.gross, -1)), "total"),
        ("total in words", replace(sale, gross="one"), "money"), ("no total", replace(sale, net=""), "money"),
        ("201 lines", replace(sale, lines=(line,) * 201), "too-many"),
        ("close from 0", closed(first=0), "close-count"),
        ("close of one sale more", closed(sales=close.close.sales + 1), "close-count close-sum"),
        ("close without rates", closed(rates=()), "close-sum"),
        ("close without ways", closed(ways=()), "close-sum close-sum close-sum"),
        ("counted more", drawer(counted=shifted(made, close.close.cash.counted, 1)), "close-sum"),
        ("left less", drawer(left=shifted(made, close.close.cash.left, -1)), "close-sum"),
        ("drawer below nothing", drawer(removed="99999.00"), "close-drawer"),
        ("opening in words", drawer(opening="much"), "money"),
    ]
    return [{"name": name, "text": signed(made, one).canonical.decode(), "codes": codes.split()}
            for name, one, codes in cases]


def shifted(made: Till, text: str, units: int) -> str:
    return totals.written(totals.minor(text, made.currency) + units, made.currency)


def forged(made: Till) -> list[dict]:
    """Sound slips that the till's key did not sign."""
    first, second = (signed(made, one) for one in made.chain[1:3])
    other = Signer(b"o" * 32)
    swapped = msgspec.structs.replace
    small = b64(encoded(TORSION))
    cases = [
        ("signature of another slip", swapped(first, signature=second.signature), "signature"),
        ("signature by another key", swapped(first, signature=b64(other.sign(first.slip.digest))), "signature"),
        ("signature over the bytes", swapped(first, signature=b64(made.signer.sign(first.slip.canonical))),
         "signature"),
        ("signature of zeros", swapped(first, signature=b64(bytes(64))), "signature"),
        ("signature too short", swapped(first, signature=first.signature[:-2]), "signature"),
        ("signature empty", swapped(first, signature=""), "signature"),
        ("signature with padding", swapped(first, signature=first.signature + "=="), "signature"),
        ("a cent more in a lot", swapped(first, slip=swapped(first.slip, at="2026-11-25T09:00:00.000Z")), "signature"),
        ("another till's key", swapped(first, slip=swapped(first.slip, till=other.public)), "signature"),
        ("key of small order", swapped(first, slip=swapped(first.slip, till=small)), "key"),
        ("key of zeros", swapped(first, slip=swapped(first.slip, till=b64(bytes(32)))), "key"),
        ("no key", swapped(first, slip=swapped(first.slip, till="")), "name key"),
    ]
    return [{"name": name, "text": one.canonical.decode(), "codes": codes.split()} for name, one, codes in cases]


# ---- bytes and texts


def spellings(made: Till) -> list[dict]:
    """Bytes that are no slip, or one in another spelling: its code, or how that begins; "" where they are a slip."""
    good = next(one for one in made.chain if one.pay == "cash" and not one.off_book)
    good, n = good.canonical.decode(), f'"n":{good.n}'
    cases = [
        (good, ""), ("", "canonical."), ("[]", "slip.shape"), ("{}", "slip.shape"), ("null", "slip.shape"),
        (good + " ", "canonical."), (good.replace(n, n + ".0"), "canonical."),
        (good.replace(n, '"n":9007199254740993'), "canonical."),
        (good.replace(n, '"n":"2"'), "slip.shape"), (good.replace(n, '"n":true'), "slip.shape"),
        (good.replace('"kind":"sale"', '"kind":"gift"'), "slip.shape"),
        (good.replace("slip/1", "slip/2"), "slip.shape"),
        (good.replace('"weft":"slip/1"', '"weft":"slip/1","x":1'), "slip.shape"),
        (good.replace(',"pay"', ',"off_book":0,"pay"'), "slip.shape"),
        (good.replace(',"pay"', ',"off_book":false,"pay"'), "slip.spelling"),
        (good.replace(',"pay"', ',"of":"","pay"'), "slip.spelling"),
        (good.replace(',"currency"', ',"close":null,"currency"'), "slip.spelling"),
        (good.replace(',"currency"', ',"close":{},"currency"'), "slip.shape"),
        ('{"__proto__":{},' + good[1:], "slip.shape"),
        (good.replace('"item":"', '"item":"\\ud800'), "canonical."),
    ]
    return [{"text": text, "code": code} for text, code in cases]


def texts(made: Till) -> list[dict]:
    """Texts of QR codes: the hash of the slip that each holds, or the code of its refusal."""
    eight = signed(made, next(one for one in made.chain if len(one.lines) == 8))
    good = qr.encode(eight)
    head, packed, signature = good.split(".")
    raw = eight.slip.canonical
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    plain = b64(stored.compress(raw) + stored.flush())
    deflated = canonical.unb64(packed)

    def packing(data: bytes) -> str:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return b64(packer.compress(data) + packer.flush())

    cases = [
        (good, ""), (f" {good}\n", ""), (f"{head}.{plain}.{signature}", ""), (good.lower(), "slip.qr-not-one"),
        ("", "slip.qr-not-one"),
        (good.replace(":1.", ":2."), "slip.qr-version"), (f"{head}.{packed}", "slip.qr-not-one"),
        (good + ".x", "slip.qr-not-one"), (f"{head}.{b64(deflated[:-1])}.{signature}", "slip.qr-damaged"),
        (f"{head}.{b64(deflated + b'x')}.{signature}", "slip.qr-damaged"),
        (f"{head}.{b64(raw)}.{signature}", "slip.qr-damaged"),
        (f"{head}.A.{signature}", "slip.qr-damaged"), (f"{head}.{packing(b'{}')}.{signature}", "slip.shape"),
        (f"{head}.{packing(b' ' * 70_000)}.{signature}", "slip.too-large"),
        (f"{head}.{packing(b' ' * 50_000_000)[:4000]}.{signature}", "slip.too-large"),
        (f"{head}.{packing(raw + b' ')}.{signature}", "canonical."), ("x" * 5_000, "slip.qr-not-one"),
    ]
    return [{"text": text, "hash": "" if code else eight.slip.hash, "code": code} for text, code in cases]


# ---- what needs other slips


def following(made: Till) -> list[dict]:
    """Two slips, the later first (``before`` "": none), and what keeps them from being neighbours."""
    one, two, three = made.chain[:3]
    replace = msgspec.structs.replace
    cases = [
        (one, None, ""), (two, one, ""), (two, None, "chain-gap"), (three, one, "chain-gap"),
        (two, replace(one, at="2026-11-25T07:00:00.000Z"), "chain-broken"),
        (replace(two, life=b64(bytes(8))), one, "chain-other"), (replace(two, firm=PARTNER), one, "chain-other"),
    ]
    return [{"slip": later.canonical.decode(), "before": before.canonical.decode() if before else "",
             "codes": codes.split()} for later, before, codes in cases]


def taking(made: Till) -> list[dict]:
    """What a return of ``wanted`` from ``sale`` after ``earlier`` holds, or why it is refused."""
    lines = tuple(made.line() for _ in range(3))
    sale = made.say(kind="sale", basis=made.basis, lines=lines, **made.sums(lines), pay="cash")
    made.chain.pop()
    ten = made.told(totals.taxed(1000, made.basis, "13"))
    three = msgspec.structs.replace(lines[0], quantity="3", unit="C62", unit_price="3", base="1", **ten,
                                    tax_category="S", tax_percent="13")
    thirds = msgspec.structs.replace(sale, lines=(three, *lines[1:]))
    cases, earlier = [], []
    for wanted in ([(1, "1")], [(1, "1"), (1, "0.5")], [(1, "0.5")], [(1, "0.000001")], [(4, "1")], [(0, "1")],
                   [(2, "0")], [(2, "x")], [(3, lines[2].quantity)], [(2, lines[1].quantity), (3, "0.001")]):
        case = {"sale": thirds.canonical.decode(), "wanted": wanted,
                "earlier": [one.canonical.decode() for one in earlier]}
        try:
            back = returns.lines(thirds, earlier, wanted)
        except WeftError as error:
            cases.append({**case, "error": error.code})
            continue
        cases.append({**case, "lines": canonical.encode(msgspec.to_builtins(back)).decode()})
        earlier.append(made.say(kind="return", of=thirds.hash, basis=made.basis, lines=back, **made.sums(back),
                                pay="cash"))
        made.chain.pop()
    return cases


def everything() -> dict:
    random = Random(SEED)
    tills = [till(number, random) for number in range(len(KINDS))]
    return {
        "slips": chains(tills),
        "wrong": [*wrong(tills[0]), *forged(tills[1])],
        "spellings": spellings(tills[1]),
        "texts": texts(tills[0]),
        "following": following(tills[2]),
        "taking": [case for made in tills[:2] for case in taking(made)],
    }
