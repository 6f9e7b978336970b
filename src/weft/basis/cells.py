"""A text of others as a cell that no spreadsheet takes for a formula, and back to what it was.

Strangers choose names: a partner, a customer, a machine by another maker. A spreadsheet that opens our file would run
``=cmd|' /C calc'!A0``.
Rule 1: a text that begins with a sign of formulas, also a wide one or one behind blanks and control signs, gets an
        apostrophe in front; so does what would be a cell of its own where semicolons or tabs part cells.
Rule 2: a number stays a number.
Rule 3: what we wrote ourselves is read again as it was meant.
Not here: tables (``rows.py``), files (``engine/sheets.py``, ``engine/export_tables.py``).
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

_SIGNS: Final = "=+\\-@＝＋－＠﹦﹢﹣﹫"
_FIRST: Final = re.compile(f"[\\s\\x00-\\x1f]*[{_SIGNS}]|[\\t\\r\\n]")
_AGAIN: Final = re.compile(  # a negative number in a list is no formula
    f"([;\\t]\\s*)(?=[=@＝＠﹦﹫]|[{_SIGNS}][^\\d\\s.,])")
_MARKED: Final = re.compile(f"([;\\t]\\s*)'(?=[{_SIGNS}])")


def harmless(text: str) -> str:
    """``text`` as no spreadsheet takes it for a formula."""
    if _is_number(text):
        return text
    told = _AGAIN.sub(r"\1'", text)
    return f"'{told}" if _FIRST.match(text) else told


def as_meant(text: str) -> str:
    """The text of which ``harmless`` made ``text``; ``text`` itself where it made none.

    Who writes an apostrophe before a sign of formulas himself means the same as we do, and loses it.
    """
    found = _MARKED.sub(r"\1", text.removeprefix("'"))
    return found if found != text and harmless(found) == text else text


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True
