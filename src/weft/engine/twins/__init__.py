"""The twins of this firm: those that follow from its books, and those that others have written.

    derived     shells and submodels built on demand from books and machines: ``Twins``
    ports       what the twins ask of a store: ``TwinStore`` and its rows
Not here: what a twin looks like (``twin/``), where stored ones rest (``stores/twins``), HTTP (``doors/aas``).
"""

from weft.engine.twins.derived import Twins

__all__ = ["Twins"]
