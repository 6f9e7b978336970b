"""What partners call themselves cannot command the terminal of who reads it."""

import pytest

from weft.cli.printing import Paper
from weft.cli.words import harmless, say

HOSTILE = ("[/b] [bold]x", "[link=http://x]y[/link]", "\x1b[31mred\x1b[0m", "a\rb", "\u202egnp.exe", "\x07\x9b1m")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_printed_as_letters(capsys, name):
    Paper(as_json=False).table([{"name": name}], "name")
    Paper(as_json=False).done({"thread": "x", "facts": {"name": name}})
    told = capsys.readouterr().out
    assert harmless(name) in told
    assert not set("\x1b\r\x07\x9b\u202e") & set(told)


def test_a_sentence_with_a_name_in_it_is_letters_too():
    assert "\x1b" not in say("today.quote", partner="\x1b[2J")
    assert harmless("经纬 é 😀\tx\n") == "经纬 é 😀\tx\n"
