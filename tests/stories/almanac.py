"""A node whose clock is so many milliseconds ahead as a file says: weeks pass while the story goes on.

    python -m tests.stories.almanac FILE up HOME --port …

All else is the real program. The file is read at every look at the clock, so a running node moves with it.
"""

import sys
from pathlib import Path

from weft.__main__ import main
from weft.engine.clock import SystemClock

DAY_MS = 86_400_000


def ahead(file: Path) -> None:
    """From now on the node's clock is ahead by what ``file`` says."""
    real = SystemClock.now_ms

    def now_ms(clock: SystemClock) -> int:
        return real(clock) + int(file.read_text("ascii"))

    SystemClock.now_ms = now_ms  # type: ignore[method-assign]  # the one place where a test bends time


if __name__ == "__main__":
    ahead(Path(sys.argv.pop(1)))
    main()
