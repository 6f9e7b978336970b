"""What a running node says is wrong: its store, forks, conversations that stand still, partners out of reach.

Not here: the home around it (``examining.py``), what the node looks at (``engine/views/health.py``).
"""

from collections.abc import Iterator
from typing import Any

from weft.basis.errors import WeftError
from weft.cli.finding import Finding, told
from weft.cli.words import refusal


def running(view: Any) -> Iterator[Finding]:
    """All findings of the view ``health``."""
    yield told("good", "running")
    if view.get("store"):
        yield Finding("bad", "store", refusal(WeftError(view["store"]["code"], **view["store"]["facts"])))
    if view.get("values"):
        yield Finding("warning", "values", refusal(WeftError(view["values"]["code"], **view["values"]["facts"])))
    if view["forks"]:
        yield told("bad", "forks", n=view["forks"])
    if view.get("stopped"):
        yield told("bad", "standing", n=len(view["stopped"]))
    for alarm in view.get("alarms", ()):
        yield Finding("bad", "alarm", str(alarm))
    yield from _partners(view)


def _partners(view: Any) -> Iterator[Finding]:
    """Who cannot be reached, and why."""
    if view.get("renewed"):
        yield told("bad", "renewed")
    for name in view.get("unheard", ()):
        yield told("warning", "unheard", name=name)
    for name in view.get("newer", ()):
        yield told("warning", "newer", name=name)
    for peer in view.get("peers", ()):
        if peer.get("barred"):
            sentence = refusal(WeftError(peer["barred"]["code"], **peer["barred"]["facts"]))
            yield Finding("warning", "address", f"{peer['name']}: {sentence}")
        elif peer["attempts"]:
            yield told("warning", "peer", name=peer["name"], n=peer["waiting"], attempts=peer["attempts"])
