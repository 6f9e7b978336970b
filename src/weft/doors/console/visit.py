"""One visit of a person: language, device, what was just done, and how a page is rendered.

Rule 1: pages show read models of ``engine/views`` and nothing else; codes become words only here.
Rule 2: no page holds inline scripts or styles, so that the content security policy can forbid them.
Not here: pages (``pages/``), forms (``forms.py``), who may come in (``web.py``).
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from weft import web
from weft.basis import instant
from weft.basis.errors import Invalid, Refused, WeftError
from weft.basis.zone import Zone
from weft.doors.console import figures, gantt
from weft.engine.views import VIEWS, today
from weft.locale import formats, known, spoken, text
from weft.shopfloor import remedies

POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FLASH: Final = "weft_flash"
FLASH_BYTES_MAX: Final = 3500
FLASH_SECONDS: Final = 60


class Flash(msgspec.Struct, frozen=True):
    """What was just done: the command's name and the facts of its sentence."""

    command: str
    facts: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Failed:
    """A form that was refused: which one, why, and what had been typed."""

    form: str
    error: WeftError
    typed: Mapping[str, str]


@cache
def templates() -> jinja2.Environment:
    """The one template environment."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("weft.doors.console"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )


@dataclass(slots=True)
class Visit:
    """One request of a person, with all that a page needs to answer it."""

    node: Any
    request: Request
    lang: str
    failed: Failed | None = None
    status: int = 200
    seen: int = 0  # how many changes the node had had before anything was read for this page
    problems: list[dict[str, Any]] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The address of the page, with its query."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def now_ms(self) -> int:
        """The present time, for words such as "3 min ago"."""
        return int(self.node.clock.now_ms())

    @property
    def zone(self) -> Zone:
        """The clock of the firm's place."""
        return cast(Zone, self.node.config.firm.zone)

    @property
    def firm(self) -> str:
        """Our firm's name."""
        return str(self.node.config.firm.name)

    @property
    def base(self) -> str:
        """The address at which phones reach this page, for QR codes on paper."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    @property
    def only_here(self) -> bool:
        """Whether ``base`` is good on this computer alone."""
        name = self.request.url.hostname or ""
        return name in ("localhost", "::1") or name.startswith("127.")

    @property
    def operator(self) -> bool:
        """Whether a worker's device asks: jobs and machines only."""
        device = self.request.scope.get("state", {}).get("device")
        return device is not None and device.scope in (web.OPERATOR, web.WORKER)

    @property
    def worker(self) -> bool:
        """Whether a worker's own phone asks: jobs and his own work only."""
        device = self.request.scope.get("state", {}).get("device")
        return device is not None and device.scope == web.WORKER

    @property
    def person(self) -> str:
        """Whose phone asks: the owner's word, else what was typed when it was let in; "" for the owner's own."""
        device = self.request.scope.get("state", {}).get("device")
        return (device.person or device.name) if device is not None and device.scope != web.OWNER else ""

    def asked(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query_params.get(name, default)

    def named(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params.get(name, ""))

    async def view(self, name: str, /, **params: Any) -> Any:
        """A read model."""
        return await VIEWS[name](self.node, **params)

    def text(self, key: str, **facts: Any) -> str:
        """The sentence of ``key`` in the visitor's language."""
        return text(self.lang, key, **facts)

    def error(self, error: WeftError) -> str:
        """What is wrong, where, and how to mend it."""
        key = f"error.{error.code}"
        if not known(self.lang, key):
            return text(self.lang, "error.unnamed", code=error.code)
        return text(self.lang, key, **{name: self.reason(str(value)) if name == "detail" else self._fact(value)
                                         for name, value in error.facts.items()})

    def reason(self, detail: str) -> str:
        """The word of a device or of the operating system in ours, where we know it."""
        code = remedies.reason(detail)
        return self.text(f"reason.{code}") if code else detail

    def _fact(self, value: str | int) -> str:
        return formats.day_clock(self.lang, str(value), self.zone) if formats.is_instant(value) else str(value)

    def priced(self, code: str, facts: Mapping[str, str | int], *, own: bool = False) -> str:
        """The sentence of what was found about a price; days are written out, as it may be read much later.

        ``own``: it is ours, and who reads it is its seller.
        """
        told = {name: formats.date(self.lang, str(value), self.zone) if formats.is_instant(value) else value
                for name, value in facts.items()}
        family = "price.own" if own and known(self.lang, f"price.own.{code}") else "price.finding"
        return self.text(f"{family}.{code}", **told)

    def trouble(self, task: Any) -> str:
        """Why the node could not do something by itself."""
        return self.error(Refused(task.number, **task.facts))

    def invitation(self, link: str) -> str:
        """``link`` as a page of ours that any phone can open, if ours can be reached from outside."""
        url = str(self.node.config.firm.url).rstrip("/")
        return f"{url}/join?{link.partition('?')[2]}" if url else link

    def why(self, one: Any) -> str:
        """One line of an explanation of a date."""
        return self.text(f"production.why.{one.code}", **{name: self._fact(value) for name, value in one.facts.items()})

    def told_problems(self) -> list[dict[str, str]]:
        """Problems of a table by row and column, in words."""
        return [{"row": str(one["row"] or ""), "column": one.get("column", ""),
                 "words": self.error(Invalid(one["code"], **one.get("facts", {})))} for one in self.problems]

    def flash(self) -> Flash | None:
        """What was done by the form before this page."""
        packed = self.request.cookies.get(FLASH, "")
        if not packed or self.failed:
            return None
        try:
            return msgspec.json.decode(urlsafe_b64decode(packed.encode()), type=Flash)
        except (ValueError, msgspec.DecodeError):
            return None

    async def page(self, template: str, *, tab: str = "", live: str | None = None, **context: Any) -> Response:
        """The page ``template``; ``tab`` is marked in the menu, ``live`` says which changes refresh it."""
        flash = self.flash()
        own = self.operator
        waiting = 0 if own else await today.waiting(self.node)
        body = templates().get_template(template).render(
            **self._words(), **context, visit=self, tab=tab, live=live, flash=flash, waiting=waiting,
            firm=self.firm, dev_open=self.node.dev_open, operator=own, own_phone=self.worker,
        )
        response = HTMLResponse(body, self.status, {**HEADERS, "Content-Language": self.lang})
        if flash is not None:
            response.delete_cookie(FLASH)
        return response

    def plain(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page without menu, for who has not come in yet, and for errors."""
        body = templates().get_template(template).render(
            **self._words(), **context, visit=self, tab="", live=None, flash=None, waiting=0,
            firm=self.firm, dev_open=False, operator=False, own_phone=False)
        return HTMLResponse(body, status, {**HEADERS, "Content-Language": self.lang})

    def go(self, address: str, flash: Flash | None = None) -> Response:
        """On to ``address``, with a word about what was done."""
        response = RedirectResponse(address, 303, HEADERS)
        if flash is not None:
            packed = urlsafe_b64encode(msgspec.json.encode(flash)).decode()
            if len(packed) <= FLASH_BYTES_MAX:
                response.set_cookie(FLASH, packed, max_age=FLASH_SECONDS, httponly=True, samesite="strict",
                                    secure=self.request.url.scheme == "https")
        return response

    def _words(self) -> dict[str, Any]:
        lang, zone, now_ms = self.lang, self.zone, self.now_ms

        def name_of(thing: Any) -> str:
            """The name of ``thing`` in the visitor's language, else in the other, else its id."""
            names = [getattr(thing, lang, ""), getattr(thing, "en" if lang == "zh" else "zh", "")]
            number = getattr(thing, "item", "") or getattr(thing, "id", "")
            return next((one for one in names if one), "") or str(number)

        return {
            "lang": lang,
            "t": self.text,
            "reason": self.reason,
            "has": lambda key: known(lang, key),
            "day": lambda at: formats.day(lang, at, zone),
            "date": lambda at: formats.date(lang, at, zone),
            "clock": lambda at: formats.clock(lang, at, zone),
            "day_clock": lambda at: formats.day_clock(lang, at, zone),
            "local_day": lambda at: formats.local_day(at, zone),
            "ago": lambda at: formats.ago(lang, at, now_ms),
            "at": instant.from_ms,
            "number": lambda value: formats.number(lang, str(value)),
            "amount": lambda value, code="C62": formats.amount(lang, str(value), code),
            "unit": lambda code: formats.unit(lang, code),
            "money": lambda value, currency: formats.money(lang, value, currency),
            "seconds": lambda value: formats.seconds(lang, str(value)),
            "name_of": name_of,
            "spark": figures.spark,
            "plan_link": gantt.plan_page,
            "gantt": lambda plan, **look: gantt.gantt(plan, gantt.Look(lang, zone, **look)),
            "qr": figures.qr,
            "new_key": lambda: secrets.token_urlsafe(12),
        }


def visit_of(node: Any, request: Request) -> Visit:
    """The visit behind ``request``."""
    lang = spoken(web.language(request, node.config.firm.lang))
    return Visit(node=node, request=request, lang=lang, seen=node.changed)
