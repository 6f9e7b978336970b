"""The AAS metamodel, 3.0 and 3.1: typed structs, canonical bytes, and what stands against a document.

IDTA-01001 v3.1.2 and v3.0.1.

API (all pure):
    read, canonical            bytes <-> structs, lossless, keys in the metamodel's order
    findings, check            all that is wrong with a document, each at its place; or Faulty raised
    findings_of_element        the same for one element within its submodel, without the rest of it
    against_3_0                why a document that is right in 3.1 is not one of 3.0
    KINDS                      the names of all classes that can be asked for
Not here: value-only and metadata forms (``twin/values.py``), XML (``twin/xml.py``).
"""

from weft.twin.metamodel.finding import Faulty, Finding
from weft.twin.metamodel.judge import check, check_element, findings, findings_of_element
from weft.twin.metamodel.kinds import KINDS, canonical, plain, read, written
from weft.twin.metamodel.versions import against_3_0

__all__ = [
    "KINDS", "Faulty", "Finding", "against_3_0", "canonical", "check", "check_element", "findings",
    "findings_of_element", "plain", "read", "written",
]
