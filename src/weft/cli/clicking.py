"""The sentences of click itself, such as ``Usage:`` and ``No such option``, in the reader's language.

Rule 1: the table is ``click.…`` in ``locale/``; its English is click's own, word for word, and finds the sentence.
Not here: our own sentences (``words.py``).
"""

from functools import cache
from typing import Any, Final

import click.core
import click.decorators
import click.exceptions
import click.formatting
import click.parser
import click.termui
import click.types

from weft import locale
from weft.cli.words import language, say, word

_SPEAKING: Final = (click.core, click.decorators, click.exceptions, click.formatting, click.parser, click.termui,
                    click.types)
_KINDS: Final = frozenset({"number_type"})  # facts of click that are words themselves


class Sentence(str):
    """One sentence of click, still to be filled."""

    __slots__ = ()

    def format(self, *args: Any, **facts: Any) -> str:
        """The sentence with its facts."""
        told = {name: word("click.kind", str(fact).replace(" ", "-")) if name in _KINDS else fact
                for name, fact in facts.items()}
        return super().format(*args, **told)


class Formatter(click.HelpFormatter):
    """Help as click writes it; what stands for options and commands is named in the reader's language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The usage line."""
        for said, key in (("[OPTIONS]", "options"), ("COMMAND [ARGS]...", "command")):
            args = args.replace(said, say(f"click.usage.{key}"))
        super().write_usage(prog, args, prefix)


@cache
def _keys() -> dict[str, str]:
    return {sentence: key for key, sentence in locale.sentences("en").items() if key.startswith("click.")}


def told(sentence: str) -> str:
    """What click says as ``sentence``, in the reader's language; one that is not in the table stays as it is."""
    return Sentence(locale.sentences(language()).get(_keys().get(sentence, ""), sentence))


def told_of(one: str, many: str, number: int) -> str:
    """``one`` or ``many``, as there are."""
    return told(one if number == 1 else many)


def speak() -> None:
    """Let click say its sentences in the reader's language, from now on."""
    for module in _SPEAKING:
        vars(module).update({name: ours for name, ours in (("_", told), ("ngettext", told_of)) if name in vars(module)})
    click.Context.formatter_class = Formatter
