"""How a machine lets us in and we know it again: by commands of the owner, and nothing of it in a book or an answer."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.engine.home import empty_node
from tests.machines.conftest import certificate
from weft.basis.errors import Denied, Invalid, NotFound, Refused, Unavailable
from weft.engine import commands
from weft.engine.node import Node
from weft.engine.views import VIEWS
from weft.machines.access import Access, Files, check


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    one = await empty_node()
    one.machine_access = Access(tmp_path / "keys")
    return one


async def told(node: Node) -> Any:
    return msgspec.to_builtins(await VIEWS["machine-access"](node, name="M1"))


async def test_a_login_is_set_by_the_owner_alone_and_is_nowhere_but_in_its_file(node: Node, tmp_path: Path) -> None:
    given = {"name": "M1", "user": "weft", "password": "s3cret-9"}
    with pytest.raises(Denied, match=r"command\.scope"):
        await commands.run(node, "machine-login", given, scope="operator")
    done = await commands.run(node, "machine-login", given)
    assert "s3cret-9" not in str(msgspec.to_builtins(done)) and "s3cret-9" not in str(await told(node))
    assert (await told(node))["login"] == "password"
    assert Files.under(tmp_path / "keys", "M1").read_login().password == "s3cret-9"
    assert b"s3cret-9" not in msgspec.json.encode(await node.book_state("floor"))
    await commands.run(node, "machine-login", {"name": "M1"})
    assert (await told(node))["login"] == ""
    with pytest.raises(Invalid, match=r"floor\.machine-name"):
        await commands.run(node, "machine-login", {"name": "", "user": "a"})


async def test_a_certificate_is_trusted_by_its_whole_fingerprint(node: Node, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"machine\.nothing-to-trust"):
        await commands.run(node, "machine-trust", {"name": "M1", "fingerprint": "00"})
    offered = Path(certificate(tmp_path, "old", "urn:x", days=(-9, -1))[0]).read_bytes()
    with pytest.raises(Denied, match=r"machine\.certificate-expired"):
        check(Files.under(tmp_path / "keys", "M1"), offered, "localhost", "M1")
    waiting = (await told(node))["offered"]
    assert waiting["reason"] == "expired"
    with pytest.raises(Refused, match=r"machine\.other-fingerprint"):
        await commands.run(node, "machine-trust", {"name": "M1", "fingerprint": waiting["fingerprint"][:-1] + "x"})
    await commands.run(node, "machine-trust", {"name": "M1", "fingerprint": waiting["fingerprint"]})
    view = await told(node)
    assert (view["offered"], view["trusted"]["fingerprint"]) == (None, waiting["fingerprint"])


async def test_a_node_without_a_folder_says_so() -> None:
    with pytest.raises(Unavailable, match=r"machine\.no-folder"):
        await commands.run(await empty_node(), "machine-login", {"name": "M1", "user": "a", "password": "b"})
