"""How ``weft price verify`` tells what a file shows: for people, and for programs.

Rule 1: of a slip alone, and where no rule was reckoned with, nothing is said that would need one.
Not here: the check itself (``proving.py``), the audits of many prices (``price_audit_told.py``).
"""

import time
from collections.abc import Mapping
from typing import Any, Final

import click
import msgspec

from weft.cli.words import say, zoned

_RULE_FITS: Final = frozenset({"not-logged", "no-witnesses", "unseen", "too-few"})


def _sentence(told: Any, code: str, facts: Mapping[str, Any]) -> str:
    steps = {step.name: step.state for step in told.verdict.steps}
    key = f"price.finding.{code}"
    if code == "book-missing" or (code == "keys-missing" and "committed" not in steps):
        key = f"cli.price.{'in-file' if 'committed' in steps else 'alone'}.{code}"
    elif code in _RULE_FITS and steps.get("price") != "ok":
        key = "cli.price.no-rule-yet"
    return say(key, **{name: zoned(value) for name, value in facts.items()})


def value(told: Any, result: str) -> dict[str, Any]:
    """For programs; ``result``: true, false or unknown."""
    one, verdict = told.document, told.verdict
    return {
        "result": result, "follows": verdict.follows, "colour": verdict.colour, "level": verdict.level,
        "said": verdict.said, "sentence": _sentence(told, verdict.said, verdict.facts),
        "findings": [{**msgspec.to_builtins(found), "sentence": _sentence(told, found.code, found.facts)}
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
                   gross=one.gross, currency=one.currency, at=zoned(one.at)))
    click.echo(say(f"cli.price.{result}", why=_sentence(told, verdict.said, verdict.facts)))
    if verdict.as_of:
        click.echo(say("cli.price.as-of", day=verdict.as_of[:10], n=_age_days(verdict.as_of)))
    named = verdict.level == 0 and verdict.follows is None and bool(one.books)
    click.echo(say("cli.price.level", level=verdict.level,
                   what=say("cli.price.level-named" if named else f"price.level.{verdict.level}")))
    for step in verdict.steps:
        click.echo("  " + say("cli.price.step", step=say(f"price.step.{step.name}"),
                              state=say(f"price.state.{step.state}")))
    said = {verdict.said: _sentence(told, verdict.said, verdict.facts)}
    for found in verdict.findings:
        sentence = _sentence(told, found.code, found.facts)
        if found.code not in said and sentence not in said.values():
            click.echo(f"- {sentence}")
            said[found.code] = sentence
    policy = "own-policy" if told.own_policy else "makers-policy" if told.by else "no-policy"
    click.echo(say(f"cli.price.{policy}", by=told.by[:8]))

