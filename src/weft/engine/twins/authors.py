"""Who made a revision of a twin: scope, organisation and name, as they are kept beside it.

Rule 1: what is written down names a program, a device or a file by the name it had then; no token, no key.
Not here: where they are kept (``stores/twins``), the sentence that says it (``engine/views/twin_history.py``).
"""

from typing import Final, NamedTuple

from weft.twin.access import Subject

STRANGER: Final = "stranger"  # whoever shows no token, where a rule lets everybody change something
IMPORT: Final = "import"  # the name is that of the file
HOME: Final = "home"  # what the home's own token is called: the firm itself, not one of its devices
NAME_MAX: Final = 200


class Author(NamedTuple):
    """``scope``: owner, operator, client, partner, stranger or import; ``organisation``: of a partner's program."""

    scope: str
    organisation: str = ""
    name: str = ""

    def written(self) -> str:
        """As it is kept."""
        return f"{self.scope}/{self.organisation}/{self.name[:NAME_MAX]}"


HOUSE: Final = Author("owner").written()  # whoever runs the house, by console or command line


def read(kept: str) -> Author:
    """What was ``written``; the name may have any characters."""
    return Author(*kept.split("/", 2))


def of(subject: Subject) -> str:
    """A program, as its claims say who it is; a stranger has none."""
    claims = {name: next(iter(values), "") for name, values in subject.claims.items()}
    return Author(claims.get("role", STRANGER), claims.get("organisation", ""), claims.get("name", "")).written()
