"""Everything that people read exists in every language, with the same facts in it."""

import ast
import re
import string
from pathlib import Path

import pytest

from weft import locale
from weft.basis.zone import fixed
from weft.locale import formats, negotiate, sentences, text

SOURCE = Path(locale.__file__).parents[1]
TEMPLATES = SOURCE / "doors" / "console" / "templates"
RAISED = {"Invalid", "Refused", "Denied", "NotFound", "Unavailable", "Finding", "fault"}
CODE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
STATIC = re.compile(r"\bt\('([\w.-]+)'\s*[,)]")
DYNAMIC = re.compile(r"\bt\('([\w.-]+\.)'\s*~")


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def plain(lang: str) -> set[str]:
    """Keys without the forms for one thing, which a language may or may not need."""
    return {key for key in sentences(lang) if not key.endswith(".one")}


def codes() -> set[str]:
    """Every code that the source raises as a literal, or names where its refusals are chosen."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                given = [*node.args, *(one.value for one in node.keywords if one.arg == "code")]
                if name in RAISED:
                    found |= {code for arg in given for code in literals(arg) if CODE.fullmatch(code)}
    return found


def literals(argument: ast.expr) -> list[str]:
    """The literals that ``argument`` may be."""
    if isinstance(argument, ast.IfExp):
        return [*literals(argument.body), *literals(argument.orelse)]
    return [argument.value] if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else []


def test_every_language_has_the_same_keys():
    zh, en = plain("zh"), plain("en")
    assert zh == en, sorted(zh ^ en)


def test_every_sentence_has_the_same_facts_in_every_language():
    faults = [key for key in plain("zh") & plain("en")
              if placeholders(sentences("zh")[key]) != placeholders(sentences("en")[key])]
    assert not faults


def test_no_sentence_is_empty_and_none_is_left_untranslated():
    for lang in locale.LANGUAGES:
        assert not [key for key, sentence in sentences(lang).items() if not sentence.strip()]
    same = [key for key, sentence in sentences("en").items() if sentences("zh").get(key) == sentence
            and re.search("[a-z]{4}", re.sub(r"{[^}]*}", "", sentence))]
    assert not same


def test_every_refusal_of_the_node_has_a_sentence():
    assert len(codes()) > 200
    missing = sorted(code for code in codes() if f"error.{code}" not in sentences("en"))
    assert not missing


def test_every_refusal_has_the_facts_of_its_sentence():
    lacking = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in RAISED or not node.args:
                continue
            given = {one.arg for one in node.keywords}
            for code in literals(node.args[0]):
                wanted = placeholders(sentences("en").get(f"error.{code}", ""))
                if CODE.fullmatch(code) and None not in given and wanted - given:
                    lacking.append((path.name, node.lineno, code, wanted - given))
    assert not lacking


def test_every_key_of_a_page_exists():
    used, begun = set(), set()
    for path in TEMPLATES.rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        used |= set(STATIC.findall(source))
        begun |= set(DYNAMIC.findall(source))
    assert len(used) > 150
    assert not sorted(used - set(sentences("en")))
    assert not [prefix for prefix in begun if not any(key.startswith(prefix) for key in sentences("en"))]


def test_a_missing_key_or_fact_shows_and_does_not_break():
    assert text("en", "no.such-key") == "⟦no.such-key⟧"
    assert "⟦when⟧" in text("en", "today.due")


def test_one_thing_has_its_own_form():
    assert text("en", "import.problems", n=1) == "1 problem"
    assert text("en", "import.problems", n=2) == "2 problems"


@pytest.mark.parametrize(("accept", "default", "expected"), [
    ("zh-CN,zh;q=0.9,en;q=0.8", "en", "zh"), ("en-GB", "zh", "en"), ("de, en;q=0.4, zh;q=0.6", "en", "zh"),
    ("", "zh", "zh"), ("fr", "en", "en"), ("zh;q=0, en;q=nonsense", "zh", "zh"), ("*", "fr", "en"),
])
def test_the_language_is_the_one_that_the_reader_likes_best(accept, default, expected):
    assert negotiate(accept, default) == expected


def test_dates_follow_the_firm_s_own_clock():
    late = "2026-05-03T17:30:00.000Z"
    assert formats.day("zh", late, fixed(480)) == "5月4日周一"
    assert formats.day("en", late, fixed(0)) == "Sun 3 May"
    assert formats.day_clock("en", late, fixed(120)) == "Sun 3 May 19:30"
    assert formats.local_day(late, fixed(480)) == "2026-05-04"
    assert formats.day("en", "not a date") == "not a date"


def test_no_digit_of_a_price_or_quantity_is_lost():
    assert formats.money("zh", "1234.5", "CNY") == "¥1,234.50"
    assert formats.money("en", "0.123456", "CNY") == "¥0.123456"
    assert formats.money("en", "12", "EUR") == "€12.00"
    assert formats.money("en", "1200", "JPY").endswith("1,200")
    assert formats.amount("zh", "12000.050", "KGM") == "12,000.050 千克"
    assert formats.amount("en", "3", "ZZZ") == "3 ZZZ"
    assert formats.number("en", "many") == "many"


@pytest.mark.parametrize(("passed", "expected"), [
    (0, "just now"), (59_000, "just now"), (61_000, "1 min ago"), (3 * 3_600_000, "3 h ago"), (86_400_000, "1 day ago"),
    (-2 * 86_400_000 - 1, "in 2 days"),
])
def test_time_is_told_as_people_tell_it(passed, expected):
    assert formats.ago("en", "1970-01-11T00:00:00.000Z", 864_000_000 + passed) == expected


def test_durations_are_told_as_people_tell_them():
    assert formats.seconds("en", "45") == "45 s"
    assert formats.seconds("en", "150") == "2 min 30 s"
    assert formats.seconds("en", "3900") == "1 h 5 min"
    assert formats.seconds("en", "0") == "0 s"
