"""All benchmarks, one table: ``python -m bench [name ...]``."""

import importlib
import sys

from bench.rounds import Result, show

NAMES = (
    "start", "appends", "receive", "orders", "quote", "series", "twin_value", "twin_store", "twin_http", "twin_basyx",
    "twin_metamodel", "twin_query", "twin_import", "twin_access", "price_log", "price_proof", "witness", "plan",
    "opcua", "modbus", "mqtt",
)


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; prints one table."""
    results: list[Result] = []
    for name in names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results.extend(importlib.import_module(f"bench.{name}").results())
    show(results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
