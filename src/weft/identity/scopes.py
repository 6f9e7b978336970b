"""What a device may say for its firm: a node everything, a line what it does itself, a till nothing in any thread.

Rule 1: what is not here is not theirs: a stolen till orders nothing, bills nothing and changes no promise. It signs its
        slips alone, which are no events; what follows from them the node says.
Rule 2: a scope is fixed with the delegation; another one needs another key.
Not here: the messages (``trade``, ``stock``, ``shopfloor`` …), the verdict on an event (``thread/standing.py``).
"""

from collections.abc import Mapping
from typing import Final

SCOPE_NODE: Final = "node"  # may sign everything but the key log
ALWAYS: Final = frozenset({"Ack", "KeysSeen"})  # what any device that says anything says of what it has read
_JOBS: Final = ("JobStarted", "JobPaused", "JobResumed", "JobCounted", "JobEnded", "JobAborted")
MAY_SAY: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "till": {},
    "line": {  # what machines and people at them did
        "floor": frozenset({*_JOBS, "MachineAlarmed", "MachineCleared"}),
        "production": frozenset({*_JOBS, "JobScrapped"}),
        "stock": frozenset({"Consumed", "Produced", "Scrapped"}),
        "trace": frozenset({"TraceRecorded"}),
        "order": frozenset({"ProgressNotice"}),
    },
}
SCOPES: Final = frozenset({SCOPE_NODE, *MAY_SAY})


def may_say(scope: str, machine: str, kind: str) -> bool:
    """Whether a device of ``scope`` may say ``kind`` in a thread of ``machine`` (name/version)."""
    if scope == SCOPE_NODE:
        return True
    own = MAY_SAY.get(scope, {})
    return bool(own) and (kind in ALWAYS or kind in own.get(machine.partition("/")[0], frozenset()))
