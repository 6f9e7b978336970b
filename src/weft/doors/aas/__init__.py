"""The door for twins: the read services of the AAS API, at ``/api/v3.0`` and ``/api/v3``.

IDTA-01002 v3.1.2 (repositories of shells and submodels, shell and submodel service, discovery, description,
serialization as JSON). Read-only: other methods are told so.
Not here: what a twin looks like (``twin/``), which twins there are (``engine/twins``).
"""

from weft.doors.aas.service import routes

__all__ = ["routes"]
