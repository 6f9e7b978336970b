"""The door for trace: EPCIS 2.0 queries over the firm's own events, at ``/epcis/v2``.

EPCIS 2.0 REST binding (events, event types, the simple event query). Read-only: events come from what happened.
Not here: deriving events (``trace/events.py``), which events a query asks for (``trace/query.py``).
"""

from weft.doors.epcis.service import routes

__all__ = ["routes"]
