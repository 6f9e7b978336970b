"""Writes those pages of the reference that are made from the code, or says which are stale.

    python docs/generate.py            writes them
    python docs/generate.py --check    names what would change; exit code 1 if anything would

Rule 1: what can be read from tables of the program is never written by hand here.
Not here: prose (the pages beside this file).
"""

import importlib
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from weft import cli, config, locale
from weft.basis import noticed
from weft.cli import clicking
from weft.trade import order_rules, relationship
from weft.twin.aasx.findings import CODES

DOCS = Path(__file__).resolve().parent
WIDTH = 100
ENDINGS = {"en": ".md", "zh": ".zh-CN.md"}
WORDS = {
    "en": {
        "made": "Made by `docs/generate.py`; change the code, not this page.",
        "settings": "Settings",
        "settings-about": "A node reads `weft.toml` in its home when it starts; a variable wins over the file. "
        "What is unknown or out of range is refused with its place. Secrets are files of the home, never settings.",
        "setting": "setting", "default": "default", "allowed": "allowed", "meaning": "meaning", "variable": "variable",
        "commands": "Command line",
        "commands-about": "Exit codes: 0 done; 1 done, and something is wrong (`doctor`, `log verify`, `price "
        "verify`); 2 refused, with the reason on stderr; 130 interrupted. With `--json` the answer is one JSON value. "
        "`WEFT_HOME` names the home, `WEFT_LANG` the language (zh or en).",
        "errors": "Refusals",
        "errors-about": "Every refusal has a code that never changes and a sentence in the reader's language. "
        "In the JSON API the code is in `code` of the problem details (RFC 9457), its facts in `facts`.",
        "findings": "What is found in files of twins",
        "findings-about": "`weft twin import` and `weft twin export` tell what they found, each with its grade, its "
        "place and a sentence. Beside these stand the rules of the metamodel itself, whose codes begin with `twin.` "
        "and are among the [refusals](errors.md): what breaks a rule is kept as it is; what lacks the shape of a twin "
        "cannot be taken over, and then nothing of the file is. Of files of metamodel 1 and 2 nothing is taken over "
        "if anything would be lost.",
        "noticed": "What is noticed in files that describe a machine",
        "noticed-about": "[`weft machine add`](../howto/describe-a-machine.md) and the page *Machine from a file* "
        "tell what they noticed, each with its grade, place and sentence. Nothing is left out without one. A file "
        "that cannot be used at all is a [refusal](errors.md) with the code `describing.…` or `description.…`.",
        "code": "code", "sentence": "sentence",
    },
    "zh": {
        "made": "由 `docs/generate.py` 生成；请改代码，不要改本页。",
        "settings": "设置",
        "settings-about": "节点启动时读取主目录中的 `weft.toml`；环境变量优先于文件。"
        "未知或超出范围的设置会指明位置并拒绝。密钥是主目录中的文件，不是设置。",
        "setting": "设置", "default": "默认", "allowed": "可取", "meaning": "含义", "variable": "环境变量",
        "commands": "命令行",
        "commands-about": "退出码：0 完成；1 完成但发现问题（`doctor`、`log verify`、`price verify`）；"
        "2 被拒绝，原因见 stderr；130 中断。带 `--json` 时输出一个 JSON 值。"
        "`WEFT_HOME` 指定主目录，`WEFT_LANG` 指定语言（zh 或 en）。",
        "errors": "拒绝代码",
        "errors-about": "每个拒绝都有不变的代码和读者语言的说明。"
        "JSON API 中代码在 problem details（RFC 9457）的 `code`，相关数据在 `facts`。",
        "findings": "数字孪生文件中的发现",
        "findings-about": "`weft twin import` 和 `weft twin export` 会说明发现了什么，每条附等级、位置和一句话。"
        "此外还有元模型自身的规则，代码以 `twin.` 开头，列在[拒绝代码](errors.zh-CN.md)中：违反规则的原样保留；"
        "不具备数字孪生形状的无法接收，此时整个文件都不接收。元模型 1 和 2 的文件只要有任何内容会丢失，就全不接收。",
        "noticed": "描述机床的文件中的发现",
        "noticed-about": "[`weft machine add`](../howto/describe-a-machine.zh-CN.md) 和“从文件添加机床”页面"
        "会说明发现了什么，每条附等级、位置和一句话。凡未接收的内容，必有其中一条。完全无法使用的文件会被[拒绝](errors.zh-CN.md)，"
        "代码为 `describing.…` 或 `description.…`。",
        "code": "代码", "sentence": "说明",
    },
}


def pages(lang: str) -> Iterator[tuple[Path, str]]:
    """Every generated page in ``lang``, the language that this process speaks."""
    reference = DOCS / "reference"
    yield reference / f"configuration{ENDINGS[lang]}", settings(lang)
    yield reference / f"command-line{ENDINGS[lang]}", commands(lang)
    yield reference / f"errors{ENDINGS[lang]}", errors(lang)
    yield reference / f"twin-findings{ENDINGS[lang]}", findings(lang, "findings", "finding", CODES)
    yield reference / f"machine-findings{ENDINGS[lang]}", findings(lang, "noticed", "noticed", noticed.CODES)
    explained = DOCS / "explanation" / f"threads{ENDINGS[lang]}"
    yield explained, with_blocks(explained.read_text(encoding="utf-8"), lang)


def head(lang: str, title: str) -> list[str]:
    words = WORDS[lang]
    return [f"# {words[title]}", "", f"<!-- {words['made']} -->", "", words[f"{title}-about"], ""]


def settings(lang: str) -> str:
    words = WORDS[lang]
    lines = head(lang, "settings")
    section = ""
    place = list(config.SECTIONS).index
    for one in sorted((*config.settings(), *config.OLD), key=lambda one: place(one.section)):
        if one.section != section:
            section = one.section
            titles = (words[name] for name in ("setting", "default", "allowed", "meaning", "variable"))
            lines += ["", f"## [{section}]", "", "| " + " | ".join(titles) + " |", "|---|---|---|---|---|"]
        allowed = config.expected(one).replace("|", "\\|")
        usual = "–" if one.now else f"`{config.written(one.default)}`"
        cells = (f"`{one.name}`", usual, allowed, one.about[lang], f"`{one.variable}`")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def commands(lang: str) -> str:
    lines = head(lang, "commands")
    clicking.speak()
    for name in cli.COMMANDS:
        command = importlib.import_module(f"weft.cli.{name}").command
        lines += ["", f"## weft {name}", "", *usage(f"weft {name}", command)]
        if isinstance(command, click.Group):
            for inner in command.list_commands(click.Context(command)):
                lines += ["", f"### weft {name} {inner}", "", *usage(f"weft {name} {inner}", command.commands[inner])]
    return "\n".join(lines) + "\n"


def usage(path: str, command: click.Command) -> list[str]:
    context = click.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH,
                            help_option_names=["-h", "--help"])
    return ["```text", command.get_help(context), "```"]


def errors(lang: str) -> str:
    words = WORDS[lang]
    lines = [*head(lang, "errors"), f"| {words['code']} | {words['sentence']} |", "|---|---|"]
    for key, sentence in sorted(locale.sentences(lang).items()):
        if key.startswith("error."):
            told = sentence.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| `{key.removeprefix('error.')}` | {told} |")
    return "\n".join(lines) + "\n"


def findings(lang: str, title: str, family: str, codes_of: Mapping[Any, str]) -> str:
    """What may be found in files, by grade; sentences are those of ``family``."""
    words = WORDS[lang]
    sentences = locale.sentences(lang)
    lines = head(lang, title)
    for grade, codes in codes_of.items():
        lines += [f"## {sentences[f'{family}.grade.{grade}']} (`{grade}`)", "",
                  f"| {words['code']} | {words['sentence']} |", "|---|---|"]
        lines += [f"| `{code}` | {sentences[f'{family}.{code}']} |" for code in codes.split()] + [""]
    return "\n".join(lines[:-1]) + "\n"


# ---- diagrams and tables inside a page of prose


def with_blocks(page: str, lang: str) -> str:
    """``page`` with each ``<!-- generated: NAME -->`` block made anew."""

    def made(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n{BLOCKS[found[1]](lang)}\n<!-- end -->"

    return re.sub(r"<!-- generated: ([a-z-]+) -->\n.*?<!-- end -->", made, page, flags=re.DOTALL)


def diagram(_lang: str) -> str:
    """The order's tables as a Mermaid state diagram; words that lead nowhere new are left to the tables themselves."""
    rows: dict[tuple[str, str], list[str]] = {}
    for phase, turns in order_rules.RULES.items():
        for (role, kind), usual in turns.items():
            for following in (usual, *order_rules.OUTCOMES.get((phase, kind), ())):
                words = rows.setdefault((phase.value, following.value), []) if following is not phase else []
                words += [f"{role} {kind.__name__}"]
    lines = [f"    {before} --> {after}: {'<br>'.join(words)}" for (before, after), words in rows.items()]
    ends = [phase.value for phase in order_rules.RULES if phase.value not in {before for before, _ in rows}]
    first = next(iter(order_rules.RULES)).value
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *lines,
                      *(f"    {phase} --> [*]" for phase in ends), "```"])


def crossings(lang: str) -> str:
    """Which word is read before which, and why (the reasons stand in the code, in English)."""
    titles = {"en": "| is read before | these, if they crossed | why |", "zh": "| 先读 | 后读（若交叉） |"}
    lines = [titles[lang], "|---" * (titles[lang].count("|") - 1) + "|"]
    for first, others, why in order_rules.READ_FIRST:
        row = f"| {first.__name__} | {', '.join(one.__name__ for one in others)} |"
        lines.append(row if lang == "zh" else f"{row} {why} |")
    return "\n".join(lines)


def messages(_lang: str) -> str:
    return textwrap.fill(", ".join(f"`{name}`" for name in relationship.MESSAGES), WIDTH)


BLOCKS = {"order-turns": diagram, "order-crossings": crossings, "relationship-messages": messages}


def speak(lang: str, *, check: bool) -> int:
    stale = 0
    for path, text in pages(lang):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(path.relative_to(DOCS.parent))
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and stale > 0)


def main(arguments: list[str]) -> int:
    """Once for each language, each in a process of its own: the command line speaks one at a time."""
    if arguments[:1] == ["--lang"]:
        return speak(arguments[1], check="--check" in arguments)
    codes = [
        subprocess.run([sys.executable, __file__, "--lang", lang, *arguments], check=False,
                       env={**os.environ, "WEFT_LANG": lang, "COLUMNS": str(WIDTH)}).returncode
        for lang in ENDINGS
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
