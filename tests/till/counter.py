"""A till as tests have it: a key, a life, and slips that follow each other; what the browser does, in Python."""

from dataclasses import dataclass, field
from typing import Any

from weft.basis import instant
from weft.basis.canonical import b64, digest
from weft.identity.keys import Signer
from weft.pricing.evaluate import Attributes, price
from weft.pricing.schema import PriceBook
from weft.till import closing, returns, totals
from weft.till.slip import Line, Signed, Slip, sign

FIRM = b64(digest("test", b"firm"))
BEGAN_MS = instant.to_ms("2026-11-25T02:00:00.000Z")


@dataclass
class Counter:
    """One till. ``book`` prices what is sold; without one the price is made at the counter."""

    firm: str = FIRM
    book: PriceBook | None = None
    seed: int = 1
    currency: str = "CNY"
    memory: int = 1
    slips: list[Signed] = field(default_factory=list)
    at_ms: int = BEGAN_MS

    @property
    def signer(self) -> Signer:
        return Signer(digest("test-till", str(self.seed).encode()))

    @property
    def key(self) -> str:
        return self.signer.public

    @property
    def life(self) -> str:
        return b64(digest("test-life", str(self.memory).encode())[:8])

    def reborn(self) -> None:
        """The memory is lost: another life begins."""
        self.memory, self.slips = self.memory + 1, []

    def line(self, item: str, quantity: str, unit_price: str = "") -> Line:
        unit = next((line.unit for line in self.book.lines if line.item == item), "C62") if self.book else "C62"
        if self.book is not None and not unit_price:
            told = price(self.book, Attributes(item=item, quantity=quantity, unit=unit))
            return Line(item=item, quantity=quantity, unit=unit, unit_price=told.unit_price, base=told.base,
                        net=told.net, tax=told.tax, gross=told.gross, tax_category=told.tax_category,
                        tax_percent=told.tax_percent)
        amount = totals.minor(totals.amount(quantity, unit_price or "10", "1", self.currency), self.currency)
        money = [totals.written(units, self.currency) for units in totals.taxed(amount, self.basis, "13")]
        return Line(item=item, quantity=quantity, unit=unit, unit_price=unit_price or "10", net=money[0], tax=money[1],
                    gross=money[2], tax_category="S", tax_percent="13")

    def sale(self, *wanted: tuple[str, str], pay: str = "cash", unit_price: str = "", **more: Any) -> Signed:
        lines = tuple(self.line(item, quantity, unit_price) for item, quantity in wanted)
        if self.book is not None:
            more = {"book": self.book.hash, "off_book": bool(unit_price), **more}
        return self._say("sale", lines, pay=pay, **more)

    @property
    def basis(self) -> Any:
        return self.book.basis if self.book is not None else "net"

    def take_back(self, sale: Slip, *wanted: tuple[int, str], pay: str = "cash", **more: Any) -> Signed:
        earlier = [one.slip for one in self.slips]
        return self._say("return", returns.lines(sale, earlier, wanted), pay=pay, of=sale.hash, book=sale.book,
                         off_book=sale.off_book, **more)

    def close(self, opening: str = "100.00", counted: str = "", removed: str = "0.00") -> Signed:
        last = next((n for n in range(len(self.slips), 0, -1) if self.slips[n - 1].slip.kind == "close"), 0)
        since = [one.slip for one in self.slips[last:]]
        dry = closing.close(since, self.currency, last + 1, (opening, counted or "0.00", removed))
        cash = (opening, counted or dry.cash.expected, removed)
        return self._say("close", (), close=closing.close(since, self.currency, last + 1, cash))

    def _say(self, kind: Any, lines: tuple[Line, ...], **more: Any) -> Signed:
        self.at_ms += 1_000
        sums = totals.total(totals.read(line, self.currency) for line in lines)
        if lines:
            more = {"basis": self.basis, **more}
            more = {"net": totals.written(sums.net, self.currency), "tax": totals.written(sums.tax, self.currency),
                    "gross": totals.written(sums.gross, self.currency), **more}
        slip = Slip(weft="slip/1", firm=self.firm, till=self.key, life=self.life, n=len(self.slips) + 1,
                    prev=self.slips[-1].slip.hash if self.slips else "", at=instant.from_ms(self.at_ms), kind=kind,
                    currency=self.currency, lines=lines, **more)
        made = sign(slip, self.signer)
        self.slips.append(made)
        return made
