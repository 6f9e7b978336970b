"""A price book being written: its parts, one line, one rule, and the summary before it is published.

Rule 1: what the linter finds stands beside the field that it concerns, in words that tell how to mend it.
Rule 2: a form carries the mark of what it showed, so that two open pages overwrite nothing of each other unseen.
Not here: keeping drafts (``engine/drafts.py``), published versions (``prices.py``).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound
from weft.basis.quantity import MINOR_UNITS
from weft.doors.console.pages.naming import item_names
from weft.doors.console.pages.prices import MOVES_SHOWN, lines_of, test, units
from weft.doors.console.visit import Visit
from weft.pricing.draft import NEW
from weft.pricing.form import TAX_CATEGORIES
from weft.pricing.schema import ATTRIBUTES, Finding

ROWS_MORE: Final = 2
ROWS_MAX: Final = 20
FINDINGS_SHOWN: Final = 30
FIRST_SHOWN: Final = 20  # prices of a first version before it is published
UNWRITTEN: Final = frozenset({"pricing.no-lines", "pricing.tax-missing"})  # not wrong, only not there yet
CHANGED: Final = "pricing.draft-changed"
_CATEGORIES: Final = ("S", "Z", "E", "AE", "G", "K", "O", "L", "M")
assert set(_CATEGORIES) == TAX_CATEGORIES

__all__ = ["card", "line", "page", "publish", "rule", "test"]


class Findings:
    """What is wrong with a draft, in the visitor's words, by the place where it is to be mended."""

    def __init__(self, visit: Visit, found: Iterable[Finding], rules: Mapping[str, str]) -> None:
        told = list(found)
        self.all = [(one.place, _words(visit, one, rules)) for one in told]
        self.wrong = [pair for pair, one in zip(self.all, told, strict=True) if one.code not in UNWRITTEN]

    def at(self, *places: str) -> list[str]:
        """Sentences about exactly these places, where something is wrong."""
        return [words for place, words in self.wrong if place in places]

    def under(self, place: str) -> list[str]:
        """Sentences about ``place`` and all that is in it, where something is wrong."""
        return [words for one, words in self.wrong if one == place or one.startswith(f"{place}.")]

    def shown(self) -> list[tuple[str, str]]:
        """As many as a page bears: (place, sentence)."""
        return self.all[:FINDINGS_SHOWN]


def _words(visit: Visit, one: Finding, rules: Mapping[str, str]) -> str:
    facts = dict(one.facts)
    for name, value in one.facts.items():
        key = {"attribute": f"attribute.{value}", "what": f"prices.what.{value}", "where": f"prices.what.{value}",
               "category": f"prices.tax.{value}"}.get(name, "")
        told = visit.text(key) if key else ""
        if name in {"rule", "other"}:
            facts[name] = rules.get(str(value), value)
        elif told and not told.startswith("⟦"):
            facts[name] = told
        elif one.code == "pricing.unknown-attribute" and name == "known":
            facts[name] = visit.text("word.list-comma").join(visit.text(f"attribute.{one}") for one in ATTRIBUTES)
    return visit.error(Invalid(one.code, **facts))


async def _opened(visit: Visit, place: str = "") -> tuple[Any, Findings, dict[str, str]]:
    view = await visit.view("price-draft", draft=visit.named("draft"), place=place)
    rules = {rule.id: rule.name or rule.id for rule in view.book.rules}
    return view, Findings(visit, view.findings, rules), rules


async def page(visit: Visit) -> Response:
    """The draft as a whole."""
    view, found, _ = await _opened(visit)
    taxes = [(code, visit.text(f"prices.tax.{code}")) for code in _CATEGORIES]
    known = (*ATTRIBUTES, *(name for name in view.book.attributes if name not in ATTRIBUTES))
    return await visit.page(
        "price_draft.html", tab="prices", view=view, found=found, own_errors=True, taxes=taxes, attributes=known,
        currencies=[(code, code) for code in MINOR_UNITS], **await lines_of(visit, view.book))


async def line(visit: Visit) -> Response:
    """One line: item, unit, and its steps."""
    place = await _place(visit, "lines", "item", lambda one: one.item)
    view, found, _ = await _opened(visit, place)
    held = _part(view.book.lines, place)
    tiers = [(one.quantity, one.price) for one in held.tiers] if held else [("1", "")]
    asked = visit.asked("rows")
    rows = int(asked) if asked.isdecimal() and len(asked) < 3 else len(tiers) + ROWS_MORE
    if visit.failed:
        typed = [int(name.split(".")[1]) for name in visit.failed.typed if name.startswith("tiers.")
                 and name.split(".")[1].isdecimal()]
        rows = max([rows, *(n + 1 for n in typed)])
    stock = await visit.view("stock")
    return await visit.page(
        "price_line.html", tab="prices", view=view, found=found, place=place, line=held, tiers=tiers, own_errors=True,
        rows=max(len(tiers), min(ROWS_MAX, rows)), units=units(), items=stock.items, names=await item_names(visit))


async def card(visit: Visit) -> Response:
    """One rate card for parts made to a drawing."""
    place = await _place(visit, "cards", "item", lambda one: one.item)
    view, found, _ = await _opened(visit, place)
    held = _part(view.book.cards, place)
    rows = {kind: _rows(visit, kind, getattr(held, kind) if held else ())
            for kind in ("materials", "minutes", "finishes")}
    stock = await visit.view("stock")
    return await visit.page("price_card.html", tab="prices", view=view, found=found, place=place, card=held,
                            rows=rows, units=units(), items=stock.items, own_errors=True)


def _rows(visit: Visit, kind: str, held: Any) -> list[tuple[str, str, str]]:
    """The rates of one kind as rows of a form, with room for more: (name, price, per)."""
    told = [(one.name, one.price, getattr(one, "per", "")) for one in held]
    typed = [int(at) for name in (visit.failed.typed if visit.failed else ()) if name.startswith(f"{kind}.")
             and (at := name.split(".")[1]).isdecimal()]
    wanted = max([len(told) + (ROWS_MORE if told else 1), *(n + 1 for n in typed)])
    return told + [("", "", "")] * (min(ROWS_MAX, wanted) - len(told))


async def rule(visit: Visit) -> Response:
    """One rule, in plain words."""
    place = await _place(visit, "rules", "name", lambda one: one.name or one.id)
    view, found, _ = await _opened(visit, place)
    held = _part(view.book.rules, place)
    when = {one.attribute: one for one in held.when} if held else {}
    own = {name: (*view.book.attributes.get(name, ()), *(value for value in one.values if value not in
           view.book.attributes.get(name, ()))) for name, one in when.items() if name not in {"quantity", "item"}}
    listed = {**view.book.attributes, **own}
    return await visit.page("price_rule.html", tab="prices", view=view, found=found, place=place, rule=held, when=when,
                            listed=listed, own_errors=True, names=await item_names(visit), **_effect(held))


def _effect(held: Any) -> dict[str, Any]:
    """The rule's effect as its form says it: less or more, how much, of what."""
    if held is None:
        return {"way": "less", "much": "", "how": "percent", "factor": ""}
    if held.multiply and not held.percent:
        return {"way": "less", "much": "", "how": "factor", "factor": held.multiply}
    told = held.percent or held.add
    how = "percent" if held.multiply else "line" if held.per == "line" else "each"
    return {"way": "less" if told.startswith("-") or not told else "more", "much": told.removeprefix("-"),
            "how": how, "factor": ""}


async def _place(visit: Visit, kind: str, field: str, name_of: Any) -> str:
    """Which part the page is about; after a refusal because of another window, where that part stands now."""
    place = visit.asked("at", f"{kind}.{NEW}")[:20]
    if visit.failed is None or visit.failed.error.code != CHANGED:
        return place
    view = await visit.view("price-draft", draft=visit.named("draft"))
    wanted = visit.failed.typed.get(field, "")
    return next((f"{kind}.{n}" for n, one in enumerate(getattr(view.book, kind)) if name_of(one) == wanted),
                f"{kind}.{NEW}")


def _part(parts: tuple[Any, ...], place: str) -> Any:
    at = place.partition(".")[2]
    if at == NEW:
        return None
    if not at.isdecimal() or len(at) > 6 or int(at) >= len(parts):
        raise NotFound("pricing.draft-place", place=place)
    return parts[int(at)]


async def publish(visit: Visit) -> Response:
    """What becomes dearer, what cheaper, from when; then the button."""
    view, found, _ = await _opened(visit)
    told = await visit.view("price-diff", old=view.current, new=view.draft) if view.current else None
    return await visit.page("price_publish.html", tab="prices", view=view, found=found, diff=told, own_errors=True,
                            lines=list(enumerate(view.book.lines[:FIRST_SHOWN])), first_shown=FIRST_SHOWN,
                            most=MOVES_SHOWN, names=await item_names(visit))
