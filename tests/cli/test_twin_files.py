"""Twins from files and into files at the command line: a node at rest, a node that runs, and files that are none."""

import io

import msgspec
import pytest
from aas_test_engines import file as engine

from tests.stories.firms import Firm
from tests.twin.aasx.packages import DOCUMENTS, aas4j, bodies, opened
from tests.twin.aasx.test_older import LOST, package
from weft import locale
from weft.basis.errors import Invalid, Unavailable
from weft.cli import twin, twin_files
from weft.cli.printing import Paper


@pytest.fixture
def firm(tmp_path):
    made = Firm(tmp_path / "mill", "mill", reachable=False)
    yield made
    assert made.stop() == ""


def attempt(firm, *arguments, code):
    refused = firm.attempt("twin", *arguments)
    assert refused.returncode == 2, (refused.stdout, refused.stderr)
    assert refused.stderr.strip().endswith(f"[{code}]"), refused.stderr
    assert "Traceback" not in refused.stderr


def test_twins_come_in_from_a_file_and_go_out_again_through_a_node_that_runs(firm, tmp_path):
    firm.up()
    source, older, damaged, out = (tmp_path / name for name in ("pump.aasx", "old.aasx", "damaged.aasx", "out.aasx"))
    source.write_bytes(aas4j())
    older.write_bytes(package(LOST["asset-alone"]))
    damaged.write_bytes(aas4j()[:-40])
    report = firm.weft("twin", "import", str(source), "--report-only")
    assert not report["taken"] and report["submodels"] == 1 and report["report"]["totals"]["fixed"] > 0
    attempt(firm, "export", "urn:x:pump", "-o", str(out), code="twin.none")
    done = firm.weft("twin", "import", str(source))
    assert done["taken"] and done["changed"] == 3 and done["report"] == report["report"]
    made = firm.weft("twin", "export", "urn:x:pump", "-o", str(out))
    assert (made["shells"], made["submodels"], made["concepts"], made["files"]) == (1, 1, 1, 2)
    assert bodies(opened(out.read_bytes())[0]) == DOCUMENTS
    assert engine.check_aasx_file(io.BytesIO(out.read_bytes())).ok()
    refused = firm.attempt("twin", "import", str(older))
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    attempt(firm, "import", str(damaged), code="aasx.not-zip")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.release
def test_twins_come_in_from_a_file_and_go_out_again_while_the_node_rests(firm, tmp_path):
    source, damaged = tmp_path / "pump.aasx", tmp_path / "damaged.aasx"
    source.write_bytes(aas4j())
    damaged.write_bytes(aas4j()[:-40])
    assert firm.weft("twin", "import", str(source))["taken"]
    for name in ("out.aasx", "out.json", "out.xml"):
        firm.weft("twin", "export", "urn:x:pump", "-o", str(tmp_path / name))
        assert bodies(opened((tmp_path / name).read_bytes())[0]) == DOCUMENTS
    attempt(firm, "import", str(damaged), code="aasx.not-zip")
    attempt(firm, "export", "-o", str(tmp_path / "out.pdf"), code="aasx.form")
    attempt(firm, "export", "-o", str(tmp_path / "no" / "out.json"), code="cli.file-unwritten")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(("language", "words"), [
    ("en", ("Put right", "is called external", "/_rels/.rels")), ("zh", ("已更正", "标为外部", "/_rels/.rels"))])
def test_findings_are_told_in_both_languages(language, words, monkeypatch, capsys):
    monkeypatch.setenv("WEFT_LANG", language)
    _, _, read = opened(aas4j())
    twin.told(Paper(as_json=False), msgspec.to_builtins(read.findings.report()))
    told = capsys.readouterr().out
    assert all(word in told for word in words) and "⟦" not in told


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Invalid) as refused:
        twin_files.imported(tmp_path, tmp_path / "none", lambda _: None, report_only=True)
    assert refused.value.code == "cli.file-unreadable"


@pytest.mark.parametrize("lines", [[], [b'{"done": 3}\n'], [b'{"done'], [b"[]"]])
def test_where_the_node_does_not_say_what_became_of_a_file_the_file_is_named(lines):
    with pytest.raises(Unavailable) as told:
        twin_files._followed(lines, lambda _: None, "pump.aasx")
    for language in ("en", "zh"):
        text = locale.text(language, f"error.{told.value.code}", **told.value.facts)
        assert "pump.aasx" in text and "file ." not in text and "{" not in text.replace('{"done', "")
