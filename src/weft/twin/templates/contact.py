"""Contact Information (IDTA 02002-1-0-1) of the firm itself.

Filled from: the firm's name and address (settings).
Not here: the address within a nameplate (``parts.address``).
"""

from typing import Final

from weft.twin.elements import Json
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import CONTACT, POSTAL, Party, contact, lacking, submodel

ID_SHORT: Final = "ContactInformations"
SEMANTIC: Final = "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations"
VERSION: Final = {"version": "1", "revision": "0"}


def gaps(party: Party) -> list[Gap]:
    """What the firm has to enter first."""
    return lacking(ID_SHORT, party, "name", *POSTAL)


def build(name: str, party: Party) -> Json:
    """The submodel whose id is ``name``."""
    return submodel(name, ID_SHORT, [contact("ContactInformation", party, CONTACT)], SEMANTIC, VERSION)
