"""The process of one search: a task on standard input, its answer on standard output."""

import os
import sys

import msgspec

from weft.planners.search import Task, improve


def main() -> None:
    """Read, search, write; at low priority, for orders and machines come first."""
    os.nice(10)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.json.encode(improve(task)))


if __name__ == "__main__":
    main()
