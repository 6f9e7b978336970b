"""Spans of time as people type them, by the firm's clock.

Not here: the commands (``history.py``).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from weft.basis.errors import Invalid
from weft.basis.zone import Zone
from weft.cli.client import Node

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def span_of(node: Node, given: dict[str, Any]) -> tuple[tuple[int, int], Zone]:
    """Begin and end (ms), the last day unless they say otherwise; and the firm's clock."""
    from weft.launch import Home

    zone = Home(node.home).config().firm.zone
    end = moment(given["end"], zone) if given["end"] else datetime.now(UTC)
    begin = moment(given["begin"], zone) if given["begin"] else end - timedelta(days=1)
    if begin >= end:
        raise Invalid("values.span", begin=given["begin"], end=given["end"])
    return (round(begin.timestamp() * 1000), round(end.timestamp() * 1000)), zone


def moment(text: str, zone: Zone) -> datetime:
    """An instant as people type it: a day, or a day and a time, by the firm's clock unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo:
            return found
        wall = found.replace(tzinfo=UTC) - _EPOCH
        return _EPOCH + timedelta(milliseconds=zone.utc(wall // timedelta(milliseconds=1)))
    except (ValueError, OverflowError) as error:
        raise Invalid("values.moment", value=text[:40]) from error
