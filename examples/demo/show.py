"""What the viewer sees while the story happens: a line for each step, its time, and the consoles at the end.

Not here: what happens (``story.py``).
"""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Show:
    """Progress for people on stderr; ``steps`` (name, ms) for the report."""

    def __init__(self, steps: int, *, quiet: bool) -> None:
        self.steps: list[dict[str, Any]] = []
        self._console = Console(file=sys.stderr, quiet=quiet)
        self._progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
                                  TimeElapsedColumn(), console=self._console, transient=True)
        self._task = self._progress.add_task("", total=steps)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        """One step: its words while it lasts, its time when it is over."""
        self._progress.update(self._task, description=words)
        began = time.perf_counter()
        yield
        ms = (time.perf_counter() - began) * 1000
        self.steps.append({"name": name, "ms": round(ms, 1)})
        self._progress.update(self._task, advance=1)
        self._console.print(f"  [green]✓[/] {words}  [dim]{ms / 1000:.1f} s[/]")

    def say(self, words: str) -> None:
        """A line in between."""
        self._console.print(f"    [dim]{words}[/]")

    def consoles(self, firms: Iterable[Any]) -> None:
        """Where to look now."""
        self._progress.stop()
        self._console.print("\n节点仍在运行，可打开各自的界面 · the consoles are open, until Ctrl-C:")
        for firm in firms:
            self._console.print(f"  {firm.name:<6} {firm.pair}")
