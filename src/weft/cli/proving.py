"""``weft price verify``: whether a price follows its public rule, told by a file alone, without a node or a network.

0: it does. 1: it does not, and why. 2: that cannot be known, and why.
Rule 1: what is not whole, and what the reader itself brings and cannot be used, speaks against nobody: it is told as
        what cannot be known, never as false.
Not here: the check (``pricing/check.py``), files (``engine/pricelog``), price books (``price.py``), how it is told
(``price_told.py``).
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from weft.basis.errors import Invalid, WeftError
from weft.cli import price_told
from weft.cli.price_brought import Brought, brought
from weft.cli.price_reading import whole
from weft.cli.printing import Paper
from weft.cli.words import refusal, say, zoned

TRUE, FALSE, UNKNOWN = 0, 1, 2
RESULTS: Final = {TRUE: "true", FALSE: "false", UNKNOWN: "unknown"}


def verify(data: bytes, options: Mapping[str, Path | None], paper: Paper, max_age_days: int) -> int:
    """Check ``data`` and print what it shows; ``options``: policy, book, beside. The exit code."""
    from weft.engine.pricelog import forks, slip_evidence

    try:
        whole(data.strip())
        own = brought(options, data.strip())
    except WeftError as error:
        return unknown(paper, error)
    try:
        if forks.is_fork(data):
            return _fork(data, paper)
        close = slip_evidence.closed(data.strip(), own.beside)
        if close is not None:
            return _close(paper, *close)
        told = _told(data.strip(), own, max_age_days)
    except WeftError as error:
        return _false(paper, error.code, refusal(error))
    result = {True: TRUE, False: FALSE, None: UNKNOWN}[told.verdict.follows]
    price_told.people(told, RESULTS[result]) if not paper.as_json else paper.value(
        price_told.value(told, RESULTS[result]))
    return result


def unknown(paper: Paper, error: WeftError) -> int:
    """Tell that nothing can be known, because of ``error``; the exit code."""
    why = refusal(error)
    paper.line("cli.price.unknown", {"result": "unknown", "follows": None, "said": error.code, "sentence": why},
               why=why)
    return UNKNOWN


def _told(text: bytes, own: Brought, max_age_days: int) -> Any:
    from weft.engine.pricelog import evidence, slip_evidence

    now_ms = int(time.time() * 1000)
    if evidence.is_evidence(text):
        return evidence.verify_file(text, own.policy, now_ms if own.policy else None, max_age_days=max_age_days)
    pair = slip_evidence.read(text)
    if pair is None:
        raise Invalid("evidence.malformed")
    return slip_evidence.verify_slip(pair, own.book, own.beside, own.policy, now_ms, max_age_days)


def _close(paper: Paper, pair: Any, findings: tuple[Any, ...]) -> int:
    """The close of a day has no price; whether a till of the firm has signed it is all that there is to tell."""
    one = pair.slip
    found = next((found for found in sorted(findings, key=lambda found: found.weight != "red")), None)
    if found is not None and found.weight == "red":
        return _false(paper, found.code, say(f"price.finding.{found.code}", **found.facts))
    result = TRUE if found is None else UNKNOWN
    why = say("cli.price.close" if found is None else "cli.price.close.no-keys", number=one.number,
              seller=one.firm[:8], at=zoned(one.at), place=one.n)
    told = {"result": RESULTS[result], "follows": None, "said": "close" if found is None else found.code,
            "sentence": why, "document": {"kind": "close", "id": one.hash, "number": one.number, "seller": one.firm,
                                          "at": one.at, "currency": one.currency}}
    paper.line(f"cli.price.{RESULTS[result]}", told, why=why)
    return result


def _fork(data: bytes, paper: Paper) -> int:
    from weft.engine.pricelog import forks

    shown = forks.verify(data)
    return _false(paper, f"fork.{shown.code}", say(f"price.fork.{shown.code}", **shown.facts))


def _false(paper: Paper, said: str, why: str) -> int:
    paper.line("cli.price.false", {"result": "false", "follows": False, "said": said, "sentence": why}, why=why)
    return FALSE
