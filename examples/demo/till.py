"""A till as a browser has it, in the demo's own process: a key, a chain of slips, and what its node told it last.

Rule 1: selling asks nobody: price, slip and signature come from what the till holds.
Rule 2: what the node has not taken is sent again; it takes each slip once.
Not here: the till's page (``/till`` of every node), what becomes of slips (its node).
"""

import asyncio
import secrets
from typing import Any

import aiohttp
from processes import Failed, Firm, until

from weft.basis import instant
from weft.basis.canonical import b64, digest, unb64
from weft.engine.clock import SystemClock
from weft.identity.keys import Signer
from weft.pricing.book import shape
from weft.pricing.evaluate import Attributes, price
from weft.till.slip import Line, Signed, Slip, sign


class Till:
    """One till of ``firm``."""

    def __init__(self, firm: Firm) -> None:
        self.firm, self.signer = firm, Signer(secrets.token_bytes(32))
        self.life, self.slips = b64(secrets.token_bytes(8)), list[Signed]()
        self.cookie, self.known = "", dict[str, Any]()

    async def let_in(self) -> None:
        """It shows its code; the owner types it in, with the key of the recovery sheet."""
        async def open_() -> bool:
            try:
                return await step()
            except Failed:  # the node died meanwhile, and forgot who waits and what was to be signed: ask again
                return False

        async def step() -> bool:
            asked = await self._ask("ask", {"key": self.signer.public, "name": "前台"})
            if asked["state"] == "waiting":
                sheet = (self.firm.home / "recovery-sheet.txt").read_text(encoding="utf-8")
                await self.firm.do("till-let-in", code=asked["code"], sheet=sheet, name="前台")
                return False
            challenge = asked["challenge"]
            signed = self.signer.sign(digest("till-open/1", asked["firm"]["id"].encode(), unb64(challenge)))
            await self._ask("open", {"key": self.signer.public, "challenge": challenge, "signature": b64(signed)})
            self.known = await self._ask("snapshot", None)
            return True

        await until(open_, "a till that is let in")

    def sell(self, item: str, quantity: str) -> Signed:
        """Sell for cash, by the book that it holds, with nobody to ask."""
        book = shape(self.known["books"][0]["book"])
        unit = next(line.unit for line in book.lines if line.item == item)
        told = price(book, Attributes(item=item, quantity=quantity, unit=unit))
        line = Line(item=item, quantity=quantity, unit=unit, unit_price=told.unit_price, base=told.base, net=told.net,
                    tax=told.tax, gross=told.gross, tax_category=told.tax_category, tax_percent=told.tax_percent)
        before = self.slips[-1].slip.hash if self.slips else ""
        slip = Slip(weft="slip/1", firm=self.firm.organisation, till=self.signer.public, life=self.life,
                    n=len(self.slips) + 1, prev=before, at=instant.from_ms(SystemClock().now_ms()), kind="sale",
                    lines=(line,), currency=told.currency, basis=told.basis, net=told.net, tax=told.tax,
                    gross=told.gross, pay="cash", book=told.book)
        self.slips.append(sign(slip, self.signer))
        return self.slips[-1]

    async def bring(self) -> None:
        """Bring everything; the node takes what it has not."""
        sent = [{"bytes": b64(one.slip.canonical), "signature": one.signature} for one in self.slips]
        told = await self._ask("slips", {"slips": sent})
        if told["n"] != len(self.slips) or told.get("refused") or told.get("doubted"):
            raise Failed(f"the till's slips were not taken: {told}")

    async def _ask(self, name: str, body: dict[str, Any] | None) -> Any:
        """One request, as the browser makes it; a node that is down is asked again."""
        for _ in range(1200):
            try:
                async with self.firm.session.request(
                        "GET" if body is None else "POST", f"{self.firm.base}/till/api/{name}", json=body,
                        headers={"Cookie": self.cookie} if self.cookie else {}) as answer:
                    told = await answer.json(content_type=None)
                    if answer.status != 200:
                        raise Failed(f"till {name}: {answer.status} {told}")
                    if name == "open":
                        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
                    return told
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.05)
        raise Failed(f"till {name}: nobody answers")
