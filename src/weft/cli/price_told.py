"""How ``weft price verify`` tells what a file shows: for people, and for programs.

Not here: the check itself (``proving.py``), the audits of many prices (``price_audit_told.py``).
"""

import time
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from weft.cli.words import say


def _sentence(code: str, facts: Mapping[str, Any]) -> str:
    return say(f"price.finding.{code}", **facts)


def value(told: Any, result: str) -> dict[str, Any]:
    """For programs; ``result``: true, false or unknown."""
    one, verdict = told.document, told.verdict
    return {
        "result": result, "follows": verdict.follows, "colour": verdict.colour, "level": verdict.level,
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


def people(told: Any, result: str) -> None:
    """For people: one sentence, how old and how much it is, each step and what else was found."""
    one, verdict = told.document, told.verdict
    click.echo(say("cli.price.about", kind=say(f"price.kind.{one.kind}"), number=one.number, seller=one.seller[:8],
                   gross=one.gross, currency=one.currency, at=one.at))
    click.echo(say(f"cli.price.{result}", why=_sentence(verdict.said, verdict.facts)))
    if verdict.as_of:
        click.echo(say("cli.price.as-of", day=verdict.as_of[:10], n=_age_days(verdict.as_of)))
    click.echo(say("cli.price.level", level=verdict.level, what=say(f"price.level.{verdict.level}")))
    for step in verdict.steps:
        click.echo(f"  {say(f'price.step.{step.name}')}: {say(f'price.state.{step.state}')}")
    for found in verdict.findings:
        if found.code != verdict.said:
            click.echo(f"- {_sentence(found.code, found.facts)}")
    click.echo(say("cli.price.own-policy" if told.own_policy else "cli.price.makers-policy", by=told.by[:8]))

