"""What a machine did as strips: one bar for each day, each state in its colour and its own pattern.

Rule 1: a state is told by pattern as much as by colour: it is read in print, in grey, and by who sees no colours.
Rule 2: planned time is a line below the bar; what is still to come is empty.
Rule 3: no data is a plain grey: there is nothing to be seen in it.
Rule 4: what is too short to be drawn is drawn by the state that fills most of its place, a stop before the rest.
Not here: what the machine did (``engine/views/machine_timeline.py``).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from markupsafe import Markup

from weft.basis import instant, zone
from weft.basis.zone import Zone
from weft.locale import formats

WIDTH: Final = 720
LEFT: Final = 4
BAR: Final = 34
TOP: Final = 4
HEIGHT: Final = 62
STATES: Final = ("running", "standing", "idle", "blind")
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_LEAST: Final = 1.2  # units of the picture
_STEPS: Final = (10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR)
_TICKS: Final = 6


def state(piece: Any) -> str:
    """How it is drawn: the three of no data alike."""
    return str(piece.state) if piece.state in STATES else "blind"


def patterns() -> Markup:
    """The patterns of all strips of a page; once in it, before the first."""
    return Markup(
        '<svg class="patterns" aria-hidden="true" width="0" height="0"><defs>'
        '<pattern id="p-standing" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="ground" width="6" height="6"/><rect class="mark" width="2.4" height="6"/></pattern>'
        '<pattern id="p-idle" width="8" height="8" patternUnits="userSpaceOnUse">'
        '<rect class="ground" width="8" height="8"/><rect class="mark" y="3.4" width="8" height="1.3"/></pattern>'
        "</defs></svg>")


def key(name: str) -> Markup:
    """A small sample of a state for the legend."""
    return Markup('<svg class="strip sample" viewBox="0 0 26 16" aria-hidden="true">'
                  '<rect class="{}" x=".5" y=".5" width="25" height="15" rx="2"/></svg>').format(name)


def strip(view: Any, span: tuple[int, int], label: str, told: Callable[[Any], str], lang: str) -> Markup:
    """One bar of ``span`` (ms); ``told`` gives the words of a piece."""
    begin, end = span

    def across(at: int) -> float:
        return round(LEFT + (min(max(at, begin), end) - begin) / (end - begin) * (WIDTH - 2 * LEFT), 2)

    parts = [Markup('<svg class="strip" viewBox="0 0 {} {}" role="img"><title>{}</title>').format(WIDTH, HEIGHT, label),
             Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>').format(
                 LEFT, TOP, WIDTH - 2 * LEFT, BAR)]
    for first, last, name, words in _drawn(view.pieces, span, across, told):
        parts.append(Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
            name, first, TOP, round(max(_LEAST, last - first), 2), BAR, words))
    if view.planned:
        parts += [Markup('<rect class="planned" x="{}" y="{}" width="{}" height="3"/>').format(
            across(first), TOP + BAR + 2, round(across(last) - across(first), 2))
            for first, last in view.windows if first < end and last > begin]
    parts += _times(span, zone.of(view.zone), lang, across)
    return Markup("").join(parts) + Markup("</svg>")


def _drawn(pieces: Sequence[Any], span: tuple[int, int], across: Callable[[int], float], told: Callable[[Any], str],
           ) -> Iterator[tuple[float, float, str, str]]:
    """From, to, state and words of each rectangle; rule 4."""
    waiting: list[Any] = []
    for piece in (one for one in pieces if one.begin < span[1] and one.until > span[0]):
        waiting.append(piece)
        if across(waiting[-1].until) - across(waiting[0].begin) >= _LEAST:
            yield _one(waiting, across, told)
            waiting = []
    if waiting:
        yield _one(waiting, across, told)


def _one(pieces: Sequence[Any], across: Callable[[int], float], told: Callable[[Any], str],
         ) -> tuple[float, float, str, str]:
    most = max(pieces, key=lambda one: (one.until - one.begin) * (3 if one.state == "standing" else 1))
    return across(pieces[0].begin), across(pieces[-1].until), state(most), told(most)


def _times(span: tuple[int, int], clock: Zone, lang: str, across: Callable[[int], float]) -> Iterator[Markup]:
    """The hours below."""
    step = next((one for one in _STEPS if (span[1] - span[0]) / one < _TICKS + 0.5), _STEPS[-1])  # of 25 hours, too
    for at in clock.marks(*span, step):
        place = across(at)
        anchor = "start" if place < LEFT + 20 else "end" if place > WIDTH - 24 else "middle"
        words = formats.clock(lang, instant.from_ms(at), clock)
        yield Markup('<path class="tick" d="M{0} {1}v5"/><text x="{0}" y="{2}" text-anchor="{3}">{4}</text>').format(
            place, TOP + BAR, HEIGHT - 3, anchor, "24:00" if at == span[1] and words == "00:00" else words)
