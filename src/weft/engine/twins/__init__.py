"""The twins of this firm: those that follow from its books, and those that others have written.

    derived     shells and submodels built on demand from books and machines: ``Twins``
    repository  both together: what doors, command line and console use
    writing     what is checked before a write, and how an element is changed
    importing   twins from files, all or none, with a report
    exchange    twins into files and serializations
    naming      what a twin is looked for by
    ports       what the twins ask of a store: ``TwinStore`` and its rows
Not here: what a twin looks like (``twin/``), where stored ones rest (``stores/twins``), HTTP (``doors/aas``).
"""

from weft.engine.twins.derived import Twins

__all__ = ["Twins"]
