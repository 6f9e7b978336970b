"""The integrator's first ten minutes: every line of the tutorial is run as it stands, and prints what it says."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.firms import free_port

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
PORT = "8441"

pytestmark = pytest.mark.story


def blocks(name: str) -> list[tuple[str, str]]:
    """What is typed (``sh``) and what is printed (``text``), in the order of the page."""
    return re.findall(r"```(sh|text)\n(.*?)```", (TUTORIAL / name).read_text(encoding="utf-8"), re.DOTALL)


def missing(told: list[tuple[str, str]], printed: str) -> list[str]:
    """The lines that the page shows and nobody printed; an ellipsis stands for anything."""
    wanted = [line for kind, text in told if kind == "text" for line in text.splitlines()]
    return [line for line in wanted
            if not re.search("^" + ".*".join(map(re.escape, line.split("…"))) + "$", printed, re.MULTILINE)]


def test_both_languages_type_and_show_the_same():
    def neutral(text: str) -> str:
        return re.sub(r"--lang \w+", "", text)

    first, second = (blocks(name) for name in ("first-twin.md", "first-twin.zh-CN.md"))
    assert [(kind, neutral(text)) for kind, text in first] == [(kind, neutral(text)) for kind, text in second]


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="no curl or no bash here")
def test_every_line_runs_as_it_stands_and_prints_what_the_page_says(tmp_path):
    port = str(free_port())
    told = [(kind, text.replace(PORT, port)) for kind, text in blocks("first-twin.md")]
    typed = [text for kind, text in told if kind == "sh"]
    at = next(n for n, text in enumerate(typed) if text.startswith("weft up"))
    around = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    given = {"cwd": tmp_path, "text": True, "env": {
        **around, "WEFT_LANG": "en", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}}

    def run(script: list[str]) -> str:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", "".join(script)], capture_output=True,
                              timeout=120, check=False, **given)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    run(typed[:at])
    node = subprocess.Popen(["bash", "-c", f"exec {typed[at]}"], stdout=subprocess.PIPE, **given)
    try:
        assert node.stdout is not None
        assert f"http://127.0.0.1:{port}" in node.stdout.readline()
        printed = run(typed[at + 1:])
    finally:
        node.send_signal(signal.SIGTERM)
        node.communicate(timeout=20)
    assert missing(told, printed) == []
    assert missing([("text", '{"Pressure":…99}\n'), ("text", "201\n")], printed) == ['{"Pressure":…99}']  # control
    lines = printed.splitlines()
    assert lines.count("201") == 2 and lines.count("204") == 4 and not re.search(r"^[345]\d\d$", printed, re.MULTILINE)
