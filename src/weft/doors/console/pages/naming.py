"""What an item is called on a page that knows only its number."""

from collections.abc import Callable

from weft.doors.console.visit import Visit


async def item_names(visit: Visit) -> Callable[[str], str]:
    """A function from an item's number to its name in the visitor's language, or to the number itself."""
    state = await visit.node.book_state("stock")
    first, second = ("zh", "en") if visit.lang == "zh" else ("en", "zh")

    def name(item: str) -> str:
        known = state.items.get(item)
        return (getattr(known, first) or getattr(known, second) or item) if known else item

    return name
