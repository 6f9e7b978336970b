"""``weft price verify``: whether a price follows its public rule, told by a file alone, without a node or a network.

0: it does. 1: it does not, and why. 2: that cannot be known, and why.
Not here: the check (``pricing/check.py``), files (``engine/pricelog``), price books (``price.py``).
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from weft.basis.errors import Invalid, WeftError
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
    _print(told, result) if not paper.as_json else paper.value(_value(told, result))
    return result


def _told(data: bytes, options: Mapping[str, Path | None], max_age_days: int) -> Any:
    from weft.engine.pricelog import evidence, slip_evidence
    from weft.tlog import policy

    given = {name: b"" if path is None else path.read_bytes() for name, path in options.items()}
    trusted = policy.parse(given["policy"]) if given["policy"] else None
    now_ms = int(time.time() * 1000)
    text = data.strip()
    if evidence.is_evidence(text):
        asked_ms = now_ms if trusted is not None else None
        return evidence.verify_file(text, trusted, asked_ms, max_age_days=max_age_days)
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


def _sentence(code: str, facts: Mapping[str, Any]) -> str:
    return say(f"price.finding.{code}", **facts)


def _value(told: Any, result: int) -> dict[str, Any]:
    one, verdict = told.document, told.verdict
    return {
        "result": RESULTS[result], "follows": verdict.follows, "colour": verdict.colour, "level": verdict.level,
        "said": verdict.said, "sentence": _sentence(verdict.said, verdict.facts),
        "findings": [{**msgspec.to_builtins(found), "sentence": _sentence(found.code, found.facts)}
                     for found in verdict.findings],
        "steps": {step.name: step.state for step in verdict.steps},
        "document": {"kind": one.kind, "id": one.id, "number": one.number, "seller": one.seller, "at": one.at,
                     "currency": one.currency, "net": one.net, "tax": one.tax, "gross": one.gross},
        "book_at": verdict.book_at, "as_of": verdict.as_of, "days": _age_days(verdict.as_of),
        "seen": list(verdict.seen), "by": told.by, "own_policy": told.own_policy}


def _age_days(as_of: str) -> int | None:
    """How many days ago that was; None: nobody who counts has seen anything."""
    from weft.basis import instant

    return max(0, int(time.time() * 1000) - instant.to_ms(as_of)) // 86_400_000 if as_of else None


def _print(told: Any, result: int) -> None:
    one, verdict = told.document, told.verdict
    click.echo(say("cli.price.about", kind=say(f"price.kind.{one.kind}"), number=one.number, seller=one.seller[:8],
                   gross=one.gross, currency=one.currency, at=one.at))
    click.echo(say(f"cli.price.{RESULTS[result]}", why=_sentence(verdict.said, verdict.facts)))
    if verdict.as_of:
        click.echo(say("cli.price.as-of", day=verdict.as_of[:10], n=_age_days(verdict.as_of)))
    click.echo(say("cli.price.level", level=verdict.level, what=say(f"price.level.{verdict.level}")))
    for step in verdict.steps:
        click.echo(f"  {say(f'price.step.{step.name}')}: {say(f'price.state.{step.state}')}")
    for found in verdict.findings:
        if found.code != verdict.said:
            click.echo(f"- {_sentence(found.code, found.facts)}")
    click.echo(say("cli.price.own-policy" if told.own_policy else "cli.price.makers-policy", by=told.by[:8]))

