"""What an audit file shows, told to a person or a program.

Not here: the check (``engine/pricelog/auditing.py``), the other words of ``weft price audit`` (``price_audit.py``).
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import msgspec

from weft.basis.errors import Invalid
from weft.cli.options import found
from weft.cli.printing import Paper
from weft.cli.words import say


def told_of(data: bytes, *, as_json: bool) -> int:
    """Check and print what ``data`` shows; 0: all right, 1: not, 2: some of it cannot be known."""
    from weft.engine.pricelog import auditing, minutes
    from weft.pricing.audit import missed, percent

    if minutes.is_record(data):
        return _record(data, as_json=as_json)
    told = auditing.verify_file(data)
    result = told.result
    code = 1 if result.wrong or result.faults else 0 if result.is_clean else 2
    if as_json:
        Paper(as_json=True).value({**msgspec.to_builtins(result), "clean": result.is_clean, "faults_found": [
            {"code": one.code, "place": list(one.place)} for one in told.faults], "wrong_found": [
                {"document": one.document, "code": one.code, "facts": dict(one.facts)} for one in told.wrong]})
        return code
    click.echo(say(f"cli.price.audit.result.{code}", documents=result.documents, right=result.right,
                   exceptions=result.exceptions, unknown=result.unknown, wrong=result.wrong))
    for fault in told.faults:
        click.echo(say(f"price.audit.{fault.code}", leaf=fault.place[0], place=fault.place[1]))
    for one in told.wrong:
        click.echo(f"- {one.document[:8]}…: {say(f'price.finding.{one.code}', **one.facts)}")
    for share in (1, 5):
        click.echo(say("cli.price.audit.missed", share=share,
                       chance=percent(missed(Fraction(share, 100), result.documents))))
    return code


def _record(data: bytes, *, as_json: bool) -> int:
    """Whether a word on machine minutes is what the record shown for it comes to; 0: it is, 1: it is not."""
    from weft.engine.pricelog import minutes
    from weft.pricing.exact import written

    told = minutes.verify(data)
    ran = {name: written(value) for name, value in told.minutes.items()}
    code = "true" if told.holds else "false"
    Paper(as_json=as_json).line(
        f"cli.price.audit.minutes.{code}", {"holds": told.holds, "said": told.said.within_percent, "found": told.found,
                                            "minutes": ran},
        said=told.said.within_percent, found=told.found, minutes=", ".join(f"{one} {ran[one]}" for one in ran) or "-")
    return 0 if told.holds else 1


def content_of(file: Path, home: Path | None) -> bytes:
    """The file's bytes, opened with our node's key if it was sealed to us."""
    from weft.engine.pricelog import auditing

    data: bytes = file.read_bytes().strip()
    if not auditing.is_sealed(data):
        return data
    return auditing.unsealed(data, _signer(home))


def _signer(home: Path | None) -> Any:
    from weft import launch

    try:
        return launch.Home(found(home)).signer()
    except OSError as error:
        raise Invalid("pricing.audit-file") from error
