"""Sealed values are proven against the book of a real node; what was bent, left out or is another's is found out."""

import json
import time
from pathlib import Path

import duckdb
import pytest

from tests.stories.firms import Firm, eventually, free_port
from weft.basis.errors import Invalid
from weft.cli import history_proof
from weft.cli.client import Node
from weft.cli.printing import Paper
from weft.stores.series import SqliteSeries

pytestmark = pytest.mark.story

LATHE = Path(__file__).resolve().parents[2] / "examples" / "demo" / "machines" / "lathe.td.json"
DAY = 86_400_000
BEGIN = (int(time.time() * 1000) // DAY - 6) * DAY  # midnight six days ago


@pytest.fixture
def works(tmp_path):
    """A firm whose two lathes told something six days ago, and for two days."""
    firm = Firm(tmp_path / "home", "Jinggong")
    try:
        firm.up()
        for name in ("L1", "L2"):
            firm.weft("machine", "add", name, str(LATHE), f"NAME={name}",
                      f"ENDPOINT=opc.tcp://127.0.0.1:{free_port()}")
        firm.stop()
        store = SqliteSeries(str(firm.home / "values.db"), BEGIN)
        for place in range(48):
            at = BEGIN + place * 3_600_000
            store.append([(name, "SpindleSpeed", (at, 1_000.0 + place, 0)) for name in ("L1", "L2")], at)
        store.close()
        firm.up()
        eventually(lambda: [one["state"] for one in firm.weft("view", "machine-segments", "machine=L2")["segments"]]
                   == ["signed"] * 2, "what is old is sealed and signed for")
        yield firm
    finally:
        firm.stop()


def verified(firm: Firm, what: object) -> int:
    """What the command ends with; 0: proven, 1: bent, 2: nobody knows."""
    node, paper = Node(firm.home), Paper(as_json=True)
    if isinstance(what, Path):
        return history_proof.of_file(node, what, paper)
    return history_proof.of_machine(node, str(what), (0, 1 << 44), paper)


def bent(source: Path, target: Path, select: str) -> Path:
    """Another file of the same: as somebody would make it who knows how ours look."""
    connection = duckdb.connect()
    ((told,),) = connection.execute("SELECT value FROM parquet_kv_metadata(?)", [str(source)]).fetchall()
    told = told.decode().replace("'", "''").replace('"L2"', '"L1"')
    form = f"(FORMAT parquet, KV_METADATA {{weft: '{told}'}})"
    connection.execute(f"COPY ({select.format(file=source)}) TO '{target}' {form}")
    return target


def test_values_are_proven_and_whatever_is_bent_is_found_out(works, tmp_path):
    firm = works
    assert verified(firm, "L1") == 0
    exports = {}
    for name in ("L1", "L2"):
        exports[name] = tmp_path / f"{name}.parquet"
        firm.weft("history", "export", name, "--parquet", "--from", _told(BEGIN), "--to", _told(BEGIN + 2 * DAY),
                  "--out", str(exports[name]))
        assert verified(firm, exports[name]) == 0
    one = exports["L1"]
    all_of_it = bent(one, tmp_path / "again.parquet", "SELECT * FROM '{file}' ORDER BY \"time\" DESC")
    assert verified(firm, all_of_it) == 0  # stored anew, nothing changed
    changed = bent(one, tmp_path / "changed.parquet", "SELECT * REPLACE (CASE WHEN value = 1007 THEN 1007.5 ELSE value "
                                                      "END AS value) FROM '{file}'")
    assert verified(firm, changed) == 1
    lacking = bent(one, tmp_path / "lacking.parquet", "SELECT * FROM '{file}' WHERE value <> 1007")
    assert verified(firm, lacking) == 1
    others = bent(exports["L2"], tmp_path / "others.parquet", "SELECT * REPLACE ('L1' AS machine, value + 1 AS value) "
                                                              "FROM '{file}'")
    assert verified(firm, others) == 1
    mixed = bent(exports["L2"], tmp_path / "mixed.parquet", "SELECT * FROM '{file}'")  # says L1, and holds L2's
    assert verified(firm, mixed) == 1
    part = tmp_path / "part.parquet"
    firm.weft("history", "export", "L1", "--parquet", "--from", _told(BEGIN + DAY // 2), "--to", _told(BEGIN + DAY),
              "--out", str(part))
    assert verified(firm, part) == 2
    with pytest.raises(Invalid, match=r"history\.file"):
        verified(firm, LATHE)
    kept = next(firm.home.glob("values/L1-*/*.parquet"))
    bent(kept, kept.with_suffix(".new"), "SELECT * REPLACE (value + 1 AS value) FROM '{file}'").replace(kept)
    assert verified(firm, "L1") == 1
    done = firm.attempt("history", "verify", "L2")
    assert (done.returncode, json.loads(done.stdout)["result"]) == (0, "true")

    view = firm.weft("view", "machine-timeline", "machine=L1", f"begin={BEGIN + 5 * DAY}")
    assert {one["state"] for one in view["pieces"]} <= {"off", "lost", "unknown", "idle"}
    assert view["total"]["blind_ms"] > 0  # nobody heard it since, and nobody makes that up
    assert view["total"]["running_ms"] == view["total"]["standing_ms"] == 0


def _told(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at / 1000))
