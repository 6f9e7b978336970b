"""``weft price verify``: whether a price follows its public rule, told by a file alone, without a node or a network.

0: it does. 1: it does not, and why. 2: that cannot be known, and why.
Not here: the check (``pricing/check.py``), files (``engine/pricelog``), price books (``price.py``), how it is told
(``price_told.py``).
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from weft.basis.errors import Invalid, WeftError
from weft.cli import price_told
from weft.cli.printing import Paper
from weft.cli.words import refusal, say

TRUE, FALSE, UNKNOWN = 0, 1, 2
RESULTS: Final = {TRUE: "true", FALSE: "false", UNKNOWN: "unknown"}
FILE_BYTES_MAX: Final = 16 * 1024 * 1024


def content(source: str) -> bytes:
    """The bytes that are meant: those of a file, or the text of a slip's QR code itself; raises ``Invalid``."""
    from weft.engine.pricelog.slip_evidence import PREFIX

    if source.startswith(PREFIX):
        return source.encode()
    try:
        with Path(source).open("rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise Invalid("cli.price.unreadable", file=source) from error


def is_proof(data: bytes) -> bool:
    """Whether ``data`` is something that proves a price (or a fork), and no price book."""
    from weft.engine.pricelog import evidence, forks, slip_evidence

    text = data.strip()
    return (evidence.is_evidence(text) or forks.is_fork(text) or text.startswith(slip_evidence.PREFIX.encode())
            or b'"slip/1"' in text)


def verify(data: bytes, options: Mapping[str, Path | None], paper: Paper, max_age_days: int) -> int:
    """Check ``data`` and print what it shows; ``options``: policy, book, beside. The exit code."""
    from weft.engine.pricelog import forks

    try:
        if forks.is_fork(data):
            return _fork(data, paper)
        told = _told(data, options, max_age_days)
    except WeftError as error:
        return _false(paper, error.code, refusal(error))
    result = {True: TRUE, False: FALSE, None: UNKNOWN}[told.verdict.follows]
    price_told.people(told, RESULTS[result]) if not paper.as_json else paper.value(
        price_told.value(told, RESULTS[result]))
    return result


def _told(data: bytes, options: Mapping[str, Path | None], max_age_days: int) -> Any:
    from weft.engine.pricelog import evidence, slip_evidence
    from weft.tlog import policy

    given = {name: b"" if path is None else path.read_bytes() for name, path in options.items()}
    trusted = policy.parse(given["policy"]) if given["policy"] else None
    now_ms = int(time.time() * 1000)
    text = data.strip()
    if evidence.is_evidence(text):
        return evidence.verify_file(text, trusted, now_ms if trusted else None, max_age_days=max_age_days)
    pair = slip_evidence.read(text)
    if pair is None:
        raise Invalid("evidence.malformed")
    book = slip_evidence.book_bytes(given["book"]) if given["book"] else b""
    beside = evidence.parse(given["beside"].strip()) if given["beside"] else None
    return slip_evidence.verify_slip(pair, book, beside, trusted, now_ms, max_age_days)


def _fork(data: bytes, paper: Paper) -> int:
    from weft.engine.pricelog import forks

    shown = forks.verify(data)
    return _false(paper, f"fork.{shown.code}", say(f"price.fork.{shown.code}", **shown.facts))


def _false(paper: Paper, said: str, why: str) -> int:
    paper.line("cli.price.false", {"result": "false", "follows": False, "said": said, "sentence": why}, why=why)
    return FALSE
