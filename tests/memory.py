"""How much memory this process has held at most, for tests and programs of tests that bound it.

Rule 1: the kernel's own count of this program's memory (``VmHWM``, Linux): ``ru_maxrss`` begins with what the process
held that started it, so that below a large one every growth goes unseen and every bound is broken.
"""

import re
from pathlib import Path

_PEAK = re.compile(r"VmHWM:\s+([0-9]+) kB")


def peak_kb() -> int:
    """Kilobytes; raises ``OSError`` where there is no ``/proc``."""
    found = _PEAK.search(Path("/proc/self/status").read_text(encoding="ascii", errors="replace"))
    assert found is not None
    return int(found[1])
