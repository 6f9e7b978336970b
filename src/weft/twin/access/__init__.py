"""Who may do what with which twins: access documents of IDTA-01004 (ABAC), decided with the query language.

    parse      decoded JSON -> ``Rules``; every mistake names its JSON pointer
    decide     rules, subject, right, target, world -> ``Decision`` (allowed, grants, why)
    permit     the same for a page: a condition for its query
    trimmed    a document, less what the filters of its grants hide; ``trimmed_at``: one part of it
    told       what a subject sees, as sentences by code
Not here: where rules are kept, the window of an order (``engine/twins/access``).
"""

from weft.twin.access.deciding import Decision, Permit, Reason, decide, permit
from weft.twin.access.model import Rules, Subject, Target, World
from weft.twin.access.reading import parse
from weft.twin.access.telling import told
from weft.twin.access.trimming import trimmed, trimmed_at

__all__ = ["Decision", "Permit", "Reason", "Rules", "Subject", "Target", "World", "decide", "parse", "permit", "told",
           "trimmed", "trimmed_at"]
