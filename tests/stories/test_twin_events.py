"""Others are told of changes: whatever is killed, whenever it is, everything arrives and no change goes missing."""

import asyncio
import json
import os
import signal
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.peers.mosquitto import Broker, Listener
from tests.stories.firms import Firm, eventually

pytestmark = pytest.mark.story
CHANGES = 12
KILLED_AT = 5


class Receiver:
    """An HTTP server of its own, in a thread; ``upon`` sees each event before it counts, and may make it not count."""

    def __init__(self) -> None:
        self.got: list[dict] = []
        self.upon: Callable[[dict], bool] = lambda _: True
        told = self

        class Answer(BaseHTTPRequestHandler):
            def do_OPTIONS(self) -> None:
                self.send_response(200)
                self.send_header("WebHook-Allowed-Origin", self.headers["WebHook-Request-Origin"])
                self.end_headers()

            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not told.upon(event):
                    self.close_connection = True
                    return
                told.got.append(event)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def maker(tmp_path):
    firm = Firm(tmp_path / "maker", "Maker")
    yield firm
    firm.kill()


def make(firm: Firm, *names: str) -> None:
    token = (firm.home / "keys" / "owner.token").read_text().strip()
    for name in names:
        body = json.dumps({"modelType": "ConceptDescription", "id": name}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{firm.port}/api/v3/concept-descriptions", data=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()


def subjects(told: list[dict]) -> list[str]:
    return [one["subject"] for one in told if "subject" in one]


def killed_while_it_tells(firm: Firm, receiver: Receiver) -> list[dict]:
    """What arrives where the node is killed as an event is on its way, and started again."""
    firm.up()
    firm.weft("twin", "events", "add", "ERP", receiver.address)
    firm.weft("twin", "events", "pause", "ERP")
    make(firm, *(f"urn:{n}" for n in range(CHANGES)))
    alive, died = firm.process, threading.Event()

    def kill(event: dict) -> bool:
        if event.get("subject") != f"urn:{KILLED_AT}" or died.is_set():
            return True
        os.kill(alive.pid, signal.SIGKILL)
        died.set()
        return False  # it was on its way, and nobody has confirmed it

    receiver.upon = kill
    firm.attempt("twin", "events", "resume", "ERP")
    assert died.wait(30)
    firm.kill()
    before = len(receiver.got)
    firm.up()
    make(firm, "urn:last")
    eventually(lambda: "urn:last" in subjects(receiver.got[before:]))
    return receiver.got


def test_a_node_that_is_killed_between_telling_and_noting_it_tells_again_and_loses_nothing(maker, receiver):
    told = killed_while_it_tells(maker, receiver)
    wanted = [f"urn:{n}" for n in range(CHANGES)] + ["urn:last"]
    again = subjects(told)
    assert list(dict.fromkeys(again)) == wanted  # all, in order, however often
    ids = {one["subject"]: one["id"] for one in told}
    assert len(ids) == len(wanted) and all(ids[one["subject"]] == one["id"] for one in told)  # the same is called so
    assert again[-1] == "urn:last" and len(again) < 2 * len(wanted)


def test_the_control_that_notes_first_loses_what_was_on_its_way(maker, receiver):
    maker.program = ("tests.stories.hasty",)
    told = subjects(killed_while_it_tells(maker, receiver))
    assert told[-1] == "urn:last" and f"urn:{KILLED_AT}" not in told


@pytest.mark.release
def test_who_is_away_is_told_later_and_the_owner_sees_it(maker, receiver):
    receiver.upon = lambda _: False
    maker.up()
    maker.weft("twin", "events", "add", "ERP", receiver.address)
    make(maker, "urn:1", "urn:2", "urn:3")

    def failing():
        [row] = maker.weft("twin", "events", "list")["subscriptions"]
        return row["state"] == "failing" and row["behind"] == 3 and row["code"] and row

    assert eventually(failing)["delivered"] == 0
    maker.stop()
    receiver.upon = lambda _: True
    maker.up()
    eventually(lambda: len(receiver.got) == 3)
    assert subjects(receiver.got) == ["urn:1", "urn:2", "urn:3"]
    [kept] = (maker.home / "keys").glob("events.*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    secret = json.loads(kept.read_text())["secret"]
    everywhere = b"".join(path.read_bytes() for path in maker.home.iterdir() if path.is_file())
    assert secret.startswith("whsec_") and secret.encode() not in everywhere


@pytest.mark.release
async def test_a_broker_that_is_killed_and_started_again_has_told_everything(maker, tmp_path):
    broker = Broker(tmp_path / "broker").up()
    try:
        await asyncio.to_thread(maker.up)
        await asyncio.to_thread(maker.weft, "twin", "events", "add", "Floor", f"mqtt://127.0.0.1:{broker.port}",
                                "--prefix", "plant")
        session = ("-c", "-i", "historian")  # the broker keeps what is for it while it is away
        async with Listener(broker.port, *session) as listener:
            while not listener.heard:
                await asyncio.to_thread(maker.weft, "twin", "events", "test", "Floor")
            await asyncio.to_thread(make, maker, "urn:1", "urn:2")
            await _all(listener, 2)
            heard = list(listener.heard)
        broker.kill()
        await asyncio.to_thread(make, maker, "urn:3", "urn:4")
        broker.up()
        async with Listener(broker.port, *session) as listener:
            await _all(listener, 2)
            heard += listener.heard
    finally:
        broker.kill()
    organisation = (await asyncio.to_thread(maker.weft, "view", "twin-events"))["subscriptions"][0]["topic"]
    assert {topic for topic, _ in heard} == {organisation} and organisation.startswith("plant/")
    told = subjects([json.loads(body) for _, body in heard])
    assert list(dict.fromkeys(told)) == ["urn:1", "urn:2", "urn:3", "urn:4"]


async def _all(listener: Listener, count: int) -> None:
    """Until so many different twins were heard of."""
    async with asyncio.timeout(30):
        while len(set(subjects([json.loads(body) for _, body in listener.heard]))) < count:  # noqa: ASYNC110 - lines
            await asyncio.sleep(0.05)
