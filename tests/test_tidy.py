"""Taste that a machine can judge: sizes, first sentences, banned names, reasons beside every exception."""

import ast
import gc
import re
import subprocess
import tokenize
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_MAX = 500
COMMAND_LINES_MAX = 120
FUNCTION_LINES_MAX = 70
LINE_CHARACTERS_MAX = 120
PARAMETERS_MAX = 6
SENTENCE_CHARACTERS_MAX = 116
BANNED_NAMES = {
    "util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "manager", "managers", "stuff", "tools",
}
# Words split so that this file does not find itself.
BANNED_WORDS = re.compile(r"\b(FIX" + r"ME|TO" + r"DO|X" + r"XX|HA" + r"CK)\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|root|home|Users|tmp)/[\w.]")
REGISTRY_HOSTS = re.compile(
    r"\b(pypi\.org|pythonhosted\.org|npmjs\.(org|com)|crates\.io|proxy\.golang\.org|debian\.org)\b"
)
TEXT_ENDINGS = {
    ".py", ".toml", ".md", ".sql", ".html", ".css", ".js", ".txt", ".in", ".lock", ".json", ".yml", ".yaml", ".csv",
    ".svg", ".ini", "",
}


@cache
def files() -> list[Path]:
    """Every file of the project: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout
    return [path for name in sorted(set(listed.split("\0"))) if name and (path := ROOT / name).is_file()]


def python() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def sources() -> list[Path]:
    return [path for path in python() if named(path).startswith("src/")]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path):
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.fixture(scope="module", autouse=True)
def kept_trees():
    """Millions of nodes stay to the end: looking for garbage among them would take three times as long as parsing."""
    gc.disable()
    yield
    tree.cache_clear()
    gc.enable()


def told(faults: list[str]) -> None:
    assert not faults, "\n" + "\n".join(faults)


def test_there_is_something_to_judge():
    assert len(sources()) > 30


def test_no_file_is_longer_than_500_lines():
    told([
        f"{named(path)}: {count} lines"
        for path in python()
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    ])


def test_each_command_is_one_short_file():
    told([
        f"{named(path)}: {count} lines"
        for path in sources()
        if named(path).startswith("src/weft/cli/")
        and (count := len(path.read_text(encoding="utf-8").splitlines())) > COMMAND_LINES_MAX
    ])


def test_no_line_is_longer_than_120_characters():
    told([
        f"{named(path)}:{number}: {len(line)} characters"
        for path in python()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(re.sub(r"\s*# (noqa|type: ignore).*", "", line)) > LINE_CHARACTERS_MAX
    ])


def test_no_function_is_longer_than_70_lines():
    told([
        f"{named(path)}:{node.lineno}: {node.name} has {length} lines"
        for path in python()
        for node in functions(path)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ])


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    own = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in own if name not in {"self", "cls"}])


def test_no_function_of_the_product_has_more_than_6_parameters():
    def handed_over(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Click hands one parameter for each option; it is no signature that people call."""
        return "/cli/" in named(path) and any("command" in ast.unparse(one) for one in node.decorator_list)

    told([
        f"{named(path)}:{node.lineno}: {node.name} has {count} parameters"
        for path in sources()
        for node in functions(path)
        if (count := parameters(node)) > PARAMETERS_MAX and not handed_over(path, node)
    ])


def test_every_module_begins_with_a_sentence():
    faults = []
    for path in python():
        if not path.read_text(encoding="utf-8").strip():
            continue
        first = (ast.get_docstring(tree(path)) or "").partition("\n\n")[0].partition("\n")[0].strip()
        if not re.match(r"[A-Z0-9`\"'\u4e00-\u9fff]", first):
            faults.append(f"{named(path)}: no first sentence")
        elif len(first) > SENTENCE_CHARACTERS_MAX:
            faults.append(f"{named(path)}: the first line has {len(first)} characters")
        elif path in sources() and first[-1] not in ".:;,)":
            faults.append(f"{named(path)}: the first sentence has no end: {first!r}")
    told(faults)


def test_names_say_what_a_thing_is():
    told([named(path) for path in files() if BANNED_NAMES & set(re.split(r"[/.]", named(path).lower()))])


def text_files() -> list[Path]:
    return [path for path in files() if path.suffix in TEXT_ENDINGS and path.stat().st_size < 2_000_000]


def matches(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    faults = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found = [(at, line.strip()[:100]) for at, line in enumerate(lines, 1) if pattern.search(line)]
        faults += [f"{named(path)}:{at}: {line}" for at, line in found]
    return faults


def test_nothing_is_left_to_do_in_a_comment():
    told(matches(BANNED_WORDS, [path for path in text_files() if path != Path(__file__).resolve()]))


def test_no_path_of_somebodys_machine():
    told(matches(MACHINE_PATHS, [path for path in text_files() if path != Path(__file__).resolve()]))


def test_no_package_registry_is_named():
    told(matches(REGISTRY_HOSTS, [path for path in text_files() if path != Path(__file__).resolve()]))


def comments(path: Path) -> list[tuple[int, str]]:
    with path.open("rb") as handle:
        every = list(tokenize.tokenize(handle.readline))
    return [(one.start[0], one.string) for one in every if one.type == tokenize.COMMENT]


REASONED = re.compile(r"(noqa: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)*|type: ignore\[[\w-]+(, ?[\w-]+)*\])\s+(-|#|—)\s*\S+")


def test_a_reason_stands_beside_every_exception_to_a_rule():
    """``# noqa: CODE - reason`` or ``# type: ignore[code]  # reason``; once in a block is enough."""
    faults = []
    for path in python():
        given: set[str] = set()
        for at, comment in comments(path):
            found = re.search(r"(noqa|type: ignore)(:? ?\[?[\w, -]*\]?)?", comment)
            if not found or path == Path(__file__).resolve():
                continue
            codes = set(re.findall(r"[A-Z]+[0-9]+|(?<=\[)[\w-]+", comment))
            if REASONED.search(comment):
                given |= codes
            elif not codes or not codes <= given:
                faults.append(f"{named(path)}:{at}: {comment}")
    told(faults)


def test_every_ignored_lint_rule_has_a_reason():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    told([line.strip() for line in lines if re.match(r'\s+"[A-Z]+\d*",', line) and "#" not in line])


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9_.-]+)==([^ ;]+)", text, re.MULTILINE))


@pytest.mark.parametrize("smaller", ["runtime.lock", "build.lock"])
def test_the_locks_agree(smaller):
    every = pins("dev.lock")
    assert pins(smaller).items() <= every.items()


def test_what_the_package_says_it_needs_is_what_is_locked():
    with (ROOT / "pyproject.toml").open("rb") as handle:
        declared = {re.split(r"[; ]", one)[0] for one in tomllib.load(handle)["project"]["dependencies"]}
    wanted = set((ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8").split())
    assert declared == wanted
