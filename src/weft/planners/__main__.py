"""The process of one search: a task on standard input, its answer on standard output.

Rule 1: it lives no longer than who asked: standard input stays open meanwhile, and its end is the end of the search.
Not here: the search (``search.py``), who starts it (``process.py``).
"""

import os
import sys
import threading

import msgspec

from weft.planners.search import Task, improve


def _outlive_nobody() -> None:
    """End at once when the other end of standard input is gone."""
    sys.stdin.buffer.read(1)
    os._exit(1)


def main() -> None:
    """Read, search, write; at low priority, for orders and machines come first."""
    os.nice(10)
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    sys.stdout.buffer.write(msgspec.json.encode(improve(task)))
    sys.stdout.buffer.flush()
    os._exit(0)  # a thread that reads would keep the interpreter waiting


if __name__ == "__main__":
    main()
