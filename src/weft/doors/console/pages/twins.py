"""Digital twins to look through: the list, one twin as a tree that opens piece by piece, a value, the history.

Rule 1: what is open stands in the address, so that the page is the same without scripts, and after a reload.
Rule 2: files of others are given to save, never to be shown as pages of ours; of pictures only plain ones are shown.
Rule 3: a twin goes out by a button, never by a link.
Not here: files that come in (``twin_import.py``), what is shown (``engine/views/twins.py``).
"""

import base64
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from weft import web
from weft.basis.errors import NotFound, Refused, WeftError
from weft.doors.console import forms
from weft.doors.console.visit import HEADERS, Failed, Visit
from weft.engine.twins import exchange
from weft.engine.views.twin_parts import LEVEL, Opened
from weft.engine.views.twins import WHICH, address_of
from weft.locale import formats, known
from weft.twin.lexical import REAL, WHOLE
from weft.twin.names import decode_id, encode_id

LIVE: Final = "values floor production stock order twins"
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
TYPES: Final = {"aasx": "application/aas+zip", "json": "application/json", "xml": "application/xml"}
MORE: Final = 5  # so many times as much is shown of a level when more is wanted
STEP: Final = 1 << 18
ENTER: Final = {  # where what a template lacks is entered
    "bill": "/import?kind=bills", "capability": "/import?kind=work-centres", "work-centre": "/import?kind=work-centres",
    "operation-name": "/import?kind=routings",
    "co2-at": "/import?kind=items", "co2-kg": "/import?kind=items", "co2-methods": "/import?kind=items",
    "co2-phases": "/import?kind=items",
    "nothing-ended": "/jobs", "no-numbers": "/machines/{machine}", "no-property": "/machines/{machine}",
    "not-ordered": "/orders/{thread}",
    "no-papers": "/import?kind=stock", "paper-address": "/import?kind=stock", "paper-date": "/import?kind=stock"}
_NUMBERED: Final = re.compile(r"([A-Za-z]+?)_*(\d+)_*")
_OF: Final = re.compile(r"(Part|HasPart)_(.+)")
_SPLIT: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")


class Names:
    """What elements are called in the visitor's language, and what their values look like."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    def name(self, one: Any) -> str:
        """Its own name, else its concept's, else the word that we know for it, its idShort in words, its id."""
        first, second = (one.zh, one.en) if self.visit.lang == "zh" else (one.en, one.zh)
        return first or self.word(one) or second or plain(one.id_short) or getattr(one, "id", "")

    def word(self, one: Any) -> str:
        """What we call an element of a template, "" for what we do not know."""
        return self.called(one.id_short) if getattr(one, "known", True) else ""

    def called(self, id_short: str) -> str:
        """The word for ``id_short``, with its number behind it."""
        if known(self.visit.lang, f"twin.word.{id_short}"):
            return self.visit.text(f"twin.word.{id_short}")
        match = _NUMBERED.fullmatch(id_short) or _OF.fullmatch(id_short)
        if match and known(self.visit.lang, f"twin.word.{match[1]}"):
            further = str(int(match[2])) if match[2].isdecimal() else match[2].removeprefix("Part_").replace("_", "-")
            return f"{self.visit.text(f'twin.word.{match[1]}')} {further}"
        return ""

    def label(self, id_short: str) -> str:
        """The word for ``id_short``, else itself in words."""
        return self.called(id_short) or plain(id_short)

    def beside(self, one: Any) -> str:
        """Its name in the other language and its idShort, for those who look for it there."""
        other = one.en if self.visit.lang == "zh" else one.zh
        return " · ".join(dict.fromkeys(word for word in (other, one.id_short) if word and word != self.name(one)))

    def value(self, one: Any) -> str:
        """What it says."""
        if one.texts:
            told = {lang.split("-")[0].lower(): text for lang, text in reversed(one.texts)}
            return str(told.get(self.visit.lang) or told.get("en") or one.texts[0][1])
        if one.kind == "Range":
            return f"{self._typed(one.low, one.type) or '…'} – {self._typed(one.high, one.type) or '…'}"
        return self._typed(one.value, one.type)

    def _typed(self, value: str, kind: str) -> str:
        lang = self.visit.lang
        if kind == "xs:boolean" and value in ("true", "false", "1", "0"):
            return self.visit.text("twin.yes" if value in ("true", "1") else "twin.no")
        if kind == "xs:dateTime" and formats.is_instant(value):
            return formats.day_clock(lang, value, self.visit.zone)
        return formats.number(lang, value) if kind in WHOLE or kind in REAL else value

    def size(self, count: int) -> str:
        """So many bytes."""
        return f"{count / 1024 ** 2:.1f} MB" if count >= 1024 ** 2 else f"{max(1, count // 1024)} KB" if count else ""


def plain(id_short: str) -> str:
    """An idShort as words: ``MaxRotationSpeed`` is "Max rotation speed"."""
    words = [one for one in _SPLIT.split(id_short) if one]
    told = [words[0], *(one if one.isupper() and len(one) > 1 else one.lower() for one in words[1:])] if words else []
    return " ".join(told) or id_short


class Openings:
    """Links that open or close one piece and leave the others as they are."""

    def __init__(self, address: str, opened: Opened) -> None:
        self.address, self.pieces = address, dict(opened.pieces)

    def toggle(self, n: int, path: str = "") -> str:
        """Open the piece; one that is open is closed, with all that lies in it."""
        if (n, path) not in self.pieces:
            return self._link({**self.pieces, (n, path): LEVEL})
        return self._link({(m, at): most for (m, at), most in self.pieces.items()
                           if m != n or not (at == path or not path or at.startswith((f"{path}.", f"{path}[")))})

    def further(self, n: int, path: str = "") -> str:
        """More of the piece."""
        return self._link({**self.pieces, (n, path): self.pieces.get((n, path), LEVEL) * MORE})

    def _link(self, pieces: dict[tuple[int, str], int]) -> str:
        tokens = [f"{n}{':' if path else ''}{path}{f'~{most}' if most != LEVEL else ''}"
                  for (n, path), most in pieces.items()]
        query = f"?{urlencode({'open': ' '.join(tokens)})}" if tokens else ""
        return f"/twins/{self.address}{query}"


async def page(visit: Visit) -> Response:
    """The list."""
    query, kind = visit.asked("q")[:60].strip(), visit.asked("kind")
    kind = kind if kind in WHICH else ""
    view = await visit.view("twins", q=query, kind=kind, cursor=visit.asked("after")[:12_000])
    return await visit.page("twins.html", tab="twins", live="twins", view=view, query=query, kind=kind, kinds=WHICH,
                            names=Names(visit), urlencode=urlencode, going_on=bool(visit.asked("after")),
                            bare=not query and not kind and all(one.kind == "firm" for one in view.twins))


async def of(visit: Visit) -> Response:
    """On to the twin of a thing of ours."""
    kind, name = visit.named("kind"), visit.named("name")
    found = await address_of(visit.node, kind, name)
    if not found:
        raise NotFound("twin.shell", id=name[:80])
    return visit.go(f"/twins/{encode_id(found)}")


async def one(visit: Visit) -> Response:
    """One twin."""
    address, opened = visit.named("shell"), visit.asked("open")
    view = await visit.view("twin", twin=address, open=opened)
    if not opened and len(view.sections) == 1:
        opened = "0"
        view = await visit.view("twin", twin=address, open=opened)
    return await visit.page(
        "twin.html", tab="twins", live=LIVE, view=view, row=view.row, names=Names(visit), own_errors=True,
        openings=Openings(address, Opened.read(opened)), kept=_kept(view), lacks=_lacks(visit, view),
        here=f"{visit.base}/twins/{address}", api=f"/api/v3.0/{'submodels' if view.alone else 'shells'}/{address}")


def _kept(view: Any) -> str:
    """Where in the console the thing is kept, whose twin this is; "" for one that was written."""
    kind = view.row.kind
    if kind == "firm":
        return "/settings"
    if kind in ("item", "lot"):
        return f"/stock/{quote(view.item or view.name)}"
    if kind == "machine":
        return f"/machines/{quote(view.name, safe='')}"
    if kind in ("order", "purchase"):
        return f"/orders/{view.thread}" if view.thread else "/jobs"
    return ""


def _lacks(visit: Visit, view: Any) -> dict[str, list[tuple[str, str]]]:
    """By template: (sentence, where to enter it) of what it lacks."""
    found: dict[str, list[tuple[str, str]]] = {}
    for gap in view.lacks:
        key = f"twin.lacks.{gap.code}"
        words = visit.text(key if known(visit.lang, key) else f"twin.gap.{gap.code}", **gap.facts)
        where = ENTER.get(gap.code, "").format_map({name: quote(value, safe="") for name, value in gap.facts.items()})
        found.setdefault(Names(visit).label(gap.template), []).append((words, where))
    return found


async def value(visit: Visit) -> Response:
    """One value, to be changed."""
    part = await visit.view("twin-part", submodel=visit.asked("sm")[:12_000], at=visit.asked("at")[:2000])
    address = visit.named("shell")
    if visit.failed and visit.failed.error.code == "twin.changed":
        visit.failed = replace(visit.failed, error=Refused("twin.changed-meanwhile"))
    return await visit.page("twin_value.html", tab="twins", view=part, part=part.part, names=Names(visit),
                            own_errors=True, back=f"/twins/{address}?{urlencode({'open': visit.asked('open')})}",
                            form="twin-value")


async def history(visit: Visit) -> Response:
    """How a twin, or one section of it, came to be what it is."""
    address, section = visit.named("shell"), visit.asked("sm")[:12_000]
    view = await visit.view("twin-history", twin=section or address, kind=visit.asked("kind"),
                            before=visit.asked("before"))
    query = {"sm": section, "kind": visit.asked("kind")}
    return await visit.page("twin_history.html", tab="twins", view=view, back=f"/twins/{address}",
                            older=f"/twins/{address}/history?{urlencode({**query, 'before': view.before})}")


async def picture(visit: Visit) -> Response:
    """The picture of a twin, if it is one that is safe to show."""
    found = await visit.node.twins.thumbnail(decode_id(visit.named("shell")))
    if found.content_type.partition(";")[0].strip().lower() not in PICTURES:
        raise NotFound("twin.no-thumbnail")
    return StreamingResponse(found.chunks(), media_type=found.content_type, headers={
        **HEADERS, "Content-Length": str(found.size)})


async def file(visit: Visit) -> Response:
    """A file that an element of a twin holds, to save."""
    submodel, path = decode_id(visit.asked("sm")[:12_000]), visit.asked("at")[:2000]
    element = await visit.node.twins.element(submodel, path)
    if element["modelType"] == "Blob":
        data = base64.b64decode(element.get("value", ""))
        return Response(data, headers=_saved(f"{element.get('idShort', 'file')}{_ending(element)}"))
    found = await visit.node.twins.attachment(submodel, path)
    return StreamingResponse(found.chunks(), headers={
        **_saved(found.name or "file"), "Content-Length": str(found.size)})


def _ending(element: dict[str, Any]) -> str:
    return {"json": ".json", "xml": ".xml", "pdf": ".pdf", "plain": ".txt", "png": ".png"}.get(
        str(element.get("contentType", "")).rpartition("/")[2].rpartition("+")[2], "")


def _saved(name: str) -> dict[str, str]:
    return {**HEADERS, "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


async def out(visit: Visit) -> Response:
    """The twins that are asked for, as a file."""
    typed = (await forms.read(visit.request)).shown
    form, version, name = typed.get("kind", "aasx"), typed.get("version", "3.0"), typed.get("id", "")
    held: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the answer
    try:
        await exchange.export(visit.node.twins, held, [name] if name else [], form=form, version=version)
        size = held.tell()
        held.seek(0)
    except WeftError as error:
        held.close()
        return await _again(visit, name, error)
    except BaseException:
        held.close()
        raise
    title = (name.rpartition(":")[2].rpartition("/")[2] or "twin") if name else "twins"
    return StreamingResponse(_pieces(held), headers={
        **_saved(f"{title}.{form}"), "Content-Type": TYPES[form], "Content-Length": str(size)})


async def _pieces(held: BinaryIO) -> AsyncIterator[bytes]:
    with held:
        while piece := held.read(STEP):
            yield piece


async def _again(visit: Visit, name: str, error: WeftError) -> Response:
    """The page from which the file was asked for, with what stands in its way."""
    visit.failed, visit.status = Failed("twin-out", error, {}), web.status_of(error)
    address = encode_id(name) if name else ""
    path = f"/twins/{address}" if name else "/twins"
    visit.request = Request({**visit.request.scope, "path": path, "raw_path": path.encode(), "query_string": b"",
                             "path_params": {"shell": address}})
    return await (one(visit) if name else page(visit))
