"""What a device may say for its firm: a node everything, a till and a line only what they do themselves.

Rule 1: what is not here is not theirs: a stolen till orders nothing, bills nothing and changes no promise.
Rule 2: a scope is fixed with the delegation; another one needs another key.
Not here: the messages (``trade``, ``stock``, ``shopfloor`` …), the verdict on an event (``thread/standing.py``).
"""

from collections.abc import Mapping
from typing import Final

SCOPE_NODE: Final = "node"  # may sign everything but the key log
ALWAYS: Final = frozenset({"Ack", "KeysSeen"})  # what any device says of what it has read
_JOBS: Final = ("JobStarted", "JobPaused", "JobResumed", "JobCounted", "JobEnded", "JobAborted")
MAY_SAY: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "till": {  # goods and money over the counter
        "order": frozenset({"DespatchAdvice", "ReceiptAdvice"}),
        "relationship": frozenset({"RemittanceConfirmed"}),
        "stock": frozenset({"Received", "Issued", "Counted"}),
    },
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
    if scope == SCOPE_NODE or kind in ALWAYS:
        return True
    return kind in MAY_SAY.get(scope, {}).get(machine.partition("/")[0], frozenset())
