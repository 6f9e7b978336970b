"""``weft twin events``: an address is added, tried out, seen in words, paused and taken away, secrets from files."""

import json

import pytest

from tests.cli.desk import Desk
from tests.engine.home import TOKEN
from tests.engine.twins.test_delivering import delivering, make, until
from tests.peers.test_webhook import SECRET, Receiver, serving
from weft.basis.errors import NotFound, Unavailable
from weft.cli import twin_events
from weft.engine.clock import system_random
from weft.engine.devices import Devices

PLAIN = {"types": (), "ids": (), "sees": "firm", "without_handshake": False, "batch": False, "secret_file": None,
         "prefix": "", "channel": "", "user": "", "password_file": None, "ca_file": None, "from_oldest": False}


async def test_the_secret_is_printed_once_and_how_it_stands_in_words(capsys):
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        node.devices = Devices(node.store, node.clock, system_random, TOKEN)
        desk = Desk(node)
        await desk.call(twin_events.add, name="ERP", address=address, **PLAIN)
        assert "whsec_" in capsys.readouterr().out
        await desk.call(twin_events.test, name="ERP")
        assert "ERP" in capsys.readouterr().out and len(receiver.got) == 1
        await make(node, "urn:1")
        await until(lambda: node.twin_events.named("ERP").progress.delivered == 1)
        await desk.call(twin_events.show)
        told = capsys.readouterr().out
        assert "ERP" in told and "127.0.0.1" in told and "whsec_" not in told and "hook" not in told
        await desk.call(twin_events.pause, name="ERP")
        await make(node, "urn:2")
        await desk.call(twin_events.show, as_json=True)
        [row] = json.loads(capsys.readouterr().out.splitlines()[-1])["subscriptions"]
        assert (row["state"], row["behind"]) == ("paused", 1)
        await desk.call(twin_events.resume, name="ERP", now=True)
        receiver.status = 500
        with pytest.raises(Unavailable):
            await desk.call(twin_events.test, name="ERP")
        await desk.call(twin_events.remove, name="ERP")
        assert not node.twin_events.known


async def test_what_is_secret_is_read_from_files(tmp_path, capsys):
    for name, content in (("secret", SECRET + "\nmore"), ("password", "pass word\r\n"), ("ca", "-----BEGIN…")):
        (tmp_path / name).write_text(content, newline="")
    async with delivering() as node:
        node.devices = Devices(node.store, node.clock, system_random, TOKEN)
        desk = Desk(node)
        await desk.call(twin_events.add, name="A", address="https://x.example/h",
                        **{**PLAIN, "secret_file": tmp_path / "secret"})
        assert "whsec_" not in capsys.readouterr().out  # the owner has it already
        await desk.call(twin_events.add, name="B", address="mqtts://x.example", **{
            **PLAIN, "user": "weft", "password_file": tmp_path / "password", "ca_file": tmp_path / "ca"})
        held = [json.loads(one) for one in node.twin_events.safe.held.values()]
        assert held == [{"secret": SECRET}, {"user": "weft", "password": "pass word", "ca": "-----BEGIN…"}]
        (tmp_path / "bent").write_bytes(b"\xff\xfe")
        with pytest.raises(NotFound):
            await desk.call(twin_events.add, name="C", address="https://x.example/h",
                            **{**PLAIN, "secret_file": tmp_path / "bent"})
