"""What every read model is made of.

Rule 1: a view holds codes, ids, decimal strings and instants; words in a language are made at the edge.
Not here: one view per file beside this one; the table of all of them is ``VIEWS``.
"""

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Something to show or to serve as JSON."""


class Named(View, frozen=True, kw_only=True):
    """Something with an id and a name in two languages, either of which may be missing."""

    id: str
    zh: str = ""
    en: str = ""
