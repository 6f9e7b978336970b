"""``weft history verify``: whether values of a machine are those that the firm signed for.

Of a machine: the node reads its sealed files. Of a Parquet file: it is read here, and held against what the node's
floor book signs for. 0: all of it is proven. 1: something was changed, left out, added or is another machine's. 2: that
cannot be known for all of it.
Rule 1: a file is judged by what it says, not by its bytes: who stored it anew has changed nothing.
Not here: the events (``engine/views/machine_segments.py``), what values come to (``shopfloor/sealing.py``).
"""

from collections import Counter
from pathlib import Path
from typing import Any, Final

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.cli.client import Node
from weft.cli.printing import Paper
from weft.cli.words import say
from weft.engine.views.machine_segments import CHANGED, PROVEN, UNSIGNED

TRUE, FALSE, UNKNOWN = 0, 1, 2
PART: Final = "part"  # only some of a segment is in the file


def of_machine(node: Node, machine: str, span: tuple[int, int], paper: Paper) -> int:
    """Have the node read its files; the exit code."""
    rows: list[dict[str, Any]] = []
    at: int | None = span[0]
    while at is not None:
        view = node.view("machine-segments", machine=machine, begin=str(at), end=str(span[1]), check="1")
        rows += [one for one in view["segments"] if one not in rows]
        at = view["go_on"]
    return _told(rows, {"machine": machine}, paper)


def of_file(node: Node, path: Path, paper: Paper) -> int:
    """Hold a file against what the node signs for; the exit code."""
    from weft.stores.series_files import Files
    from weft.stores.series_packed import told

    files = Files()
    about = files.about(path)
    try:
        view = node.view("machine-segments", machine=about.machine, begin=str(about.begin), end=str(about.until))
        rows = []
        for one in view["segments"]:
            span = (one["begin"], one["until"])
            whole = about.begin <= span[0] and span[1] <= about.until
            if one["state"] != UNSIGNED:
                one["state"] = PART if not whole else \
                    PROVEN if told(files, path, about.machine, span) == one["digest"] else CHANGED
            rows.append(one)
        beside = _beside(files, path, about.machine, rows)
    except Invalid as error:
        if error.code != "history.file-of-other":
            raise
        return _told([{"begin": about.begin, "until": about.until, "count": about.count, "state": CHANGED}],
                     {"file": str(path), "machine": about.machine}, paper)
    finally:
        files.close()
    return _told(rows, {"file": str(path), "machine": about.machine}, paper, beside)


def _beside(files: Any, path: Path, machine: str, rows: list[dict[str, Any]]) -> int:
    """How many values of a file lie in no span that is signed for."""
    from weft.stores.series_files import within

    columns = files.read(path, files.names(path), machine)
    inside = sum(len(within(one, row["begin"], row["until"]).times) for one in columns.values() for row in rows)
    return max(0, sum(len(one.times) for one in columns.values()) - inside)


def _told(rows: list[dict[str, Any]], about: dict[str, str], paper: Paper, beside: int = 0) -> int:
    states = Counter(one["state"] for one in rows)
    result = FALSE if states[CHANGED] else TRUE if rows and states[PROVEN] == len(rows) and not beside else UNKNOWN
    shown = [{"from": instant.from_ms(one["begin"]), "to": instant.from_ms(one["until"]), "values": one["count"],
              "state": one["state"]} for one in rows]
    if paper.as_json:
        paper.value({**about, "result": ("true", "false", "unknown")[result], "beside": beside, "segments": shown})
        return result
    paper.table([{**one, "state": say(f"history.state.{one['state']}")} for one in shown], "from to values state", {})
    if beside:
        paper.line("cli.history.beside", {}, n=beside)
    paper.line(("cli.history.proven", "cli.history.changed", "cli.history.unknown")[result], {}, n=len(rows))
    return result
