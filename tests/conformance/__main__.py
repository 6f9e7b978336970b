"""``make conformance``: the official engine against a node of its own; the last line is one line of figures.

Exits with 1 unless every check of every suite passes, and every export.
"""

import json
import sys

from tests.conformance import suites
from tests.conformance.node import running

SHOWN_MAX = 20


def main() -> int:
    """Run everything and tell; 0 when nothing is wrong."""
    verdicts = []
    with running() as address:
        for one in exports_then_suites(address):
            verdicts.append(one)
            print(f"{'ok  ' if one.ok else 'FAIL'} {one.suite}: {one.passed} of {one.checks}", flush=True)
            for fault in one.faults[:SHOWN_MAX]:
                print(f"       {fault}")
    counted = [one for one in verdicts if one.suite in suites.CHECKS]
    print(json.dumps({"checks": sum(one.passed for one in counted), "of": sum(suites.CHECKS.values()),
                      "exports": sum(one.ok for one in verdicts if one not in counted),
                      "suites fully right": sum(one.ok for one in counted)}))
    return int(not all(one.ok for one in verdicts))


def exports_then_suites(address: str):
    """What the node exports by itself, and then with what the suites ask for."""
    yield from suites.exports(address)
    suites.fill(address)
    yield from suites.exports(address)
    yield from suites.run(address)


if __name__ == "__main__":
    sys.exit(main())
