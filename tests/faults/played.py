"""The worlds of a campaign added up: their figures, and what was found in them."""

from collections import Counter
from collections.abc import Iterable, Mapping


def played(worlds: Iterable[tuple[Mapping[str, int], str]]) -> tuple[Counter[str], list[str]]:
    """(sum of the figures, all that was found)."""
    figures: Counter[str] = Counter()
    found: list[str] = []
    for one, told in worlds:
        figures.update(one)
        found += [told] if told else []
    return figures, found
