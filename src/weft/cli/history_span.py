"""Spans of time as people type them, by the firm's clock.

Not here: the commands (``history.py``).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from weft.basis.errors import Invalid
from weft.cli.client import Node


def span_of(node: Node, given: dict[str, Any]) -> tuple[tuple[int, int], int]:
    """Begin and end (ms), the last day unless they say otherwise; and minutes of the firm's clock ahead of UTC."""
    from weft.launch import Home

    offset = Home(node.home).config().firm.utc_offset_minutes
    end = moment(given["end"], offset) if given["end"] else datetime.now(UTC)
    begin = moment(given["begin"], offset) if given["begin"] else end - timedelta(days=1)
    if begin >= end:
        raise Invalid("values.span", begin=given["begin"], end=given["end"])
    return (round(begin.timestamp() * 1000), round(end.timestamp() * 1000)), offset


def moment(text: str, offset: int) -> datetime:
    """An instant as people type it: a day, or a day and a time, by the firm's clock unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else (found - timedelta(minutes=offset)).replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("values.moment", value=text[:40]) from error
