"""Files carried by hand from the command line: nodes at rest, a node that runs, and files that are none."""

import json

import pytest

from tests.stories.firms import Firm


@pytest.fixture
def firms(tmp_path):
    made = [Firm(tmp_path / name, name, reachable=False) for name in ("mill", "shop")]
    yield made
    assert [one.stop() for one in made] == ["", ""]


def attempt(firm, *arguments, code):
    refused = firm.attempt("bundle", *arguments)
    assert refused.returncode == 2, refused.stdout
    assert refused.stderr.strip().endswith(f"[{code}]"), refused.stderr
    assert "Traceback" not in refused.stderr


def test_firms_that_never_reach_each_other_meet_by_files_with_their_nodes_at_rest_and_running(firms, tmp_path):
    mill, shop = firms
    there, back = tmp_path / "there.weft-bundle", tmp_path / "back.weft-bundle"
    mill.up()
    link = mill.weft("peer", "invite")["facts"]["link"]
    mill.stop()
    shop.up()
    organisation = shop.weft("peer", "add", link)["facts"]["organisation"]
    assert shop.weft("bundle", "export", "--for", organisation, str(there))["bytes"] == there.stat().st_size
    shop.stop()
    again = tmp_path / "again"
    shop.weft("bundle", "export", "--for", organisation, str(again))  # at rest
    told = mill.attempt("bundle", "import", str(there), "--home", str(mill.home), home=False)  # at rest
    assert "1 new" in told.stdout
    assert "Partners" in told.stdout, "people read what it is, not the name of a machine"
    assert mill.weft("bundle", "import", str(again))["known"] == 1
    assert json.loads(mill.attempt("log", "verify", str(mill.home), "--json", home=False).stdout)["faults"] == []
    mill.up()
    assert [one["name"] for one in mill.weft("peer", "list")] == ["shop"]
    mill.weft("bundle", "export", "--for", "shop", str(back))  # running
    shop.up()
    assert shop.weft("bundle", "import", str(back))["name"] == "mill"
    assert [(one["name"], one["state"]) for one in shop.weft("peer", "list")] == [("mill", "open")]
    attempt(shop, "import", str(there), code="bundle.other-recipient")
    attempt(shop, "export", "--for", "nobody", str(again), code="partner.unknown")
    shop.stop()
    attempt(shop, "import", str(there), code="bundle.other-recipient")
    attempt(shop, "export", "--for", "nobody", str(tmp_path / "never"), code="partner.unknown")
    assert not (tmp_path / "never").exists()
    assert not list(tmp_path.glob("*.part"))
    damaged = tmp_path / "damaged"
    damaged.write_bytes(back.read_bytes()[:-1])
    attempt(shop, "import", str(damaged), code="bundle.damaged")
    attempt(shop, "export", "--for", "mill", str(tmp_path / "no" / "folder"), code="cli.bundle-unwritten")


def test_a_film_is_no_bundle_whether_the_node_runs_or_not(firms, tmp_path):
    mill, _shop = firms
    with (tmp_path / "film").open("wb") as film:
        film.truncate(50 * 1024**3)  # a hole: it takes no room
    attempt(mill, "import", str(tmp_path / "film"), code="bundle.too-large")
    mill.up()
    attempt(mill, "import", str(tmp_path / "film"), code="bundle.too-large")
