"""What a node makes of strangers and of partners that lie: a real process, and every byte by hand.

Each attack has its control: the same thing done rightly is taken.
"""

import gzip
import json
import os
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tests.stories.firms import Firm, eventually
from tests.stories.made import Maker
from tests.stories.stranger import ORDER, RELATIONSHIP, Stranger
from tests.thread.firms import signed
from weft.basis import canonical
from weft.basis.canonical import b64
from weft.basis.errors import WeftError
from weft.cli.client import Node as Client
from weft.engine import requests, sync
from weft.engine.receive import CHAINS_MAX, PENDING_MAX
from weft.identity.keylog import DeviceDelegation
from weft.thread.event import to_envelope
from weft.trade.messages import ORDER_MESSAGES, RELATIONSHIP_MESSAGES, Order, Party, PartyUpdated

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:  # all are in a hurry here; see test_budgets.py
        for setting in ("STRANGERS_REQUESTS_PER_S", "STRANGERS_KILOBYTES_PER_S", "STRANGERS_AT_ONCE_REQUESTS",
                        "REQUESTS_PER_S"):
            patched.setenv(f"WEFT_LIMITS_{setting}", "1000")
        firm = Firm(tmp_path_factory.mktemp("hostile") / "home", "Jinggong").up()
    yield firm
    assert firm.stop() == "", "nothing that comes from outside reaches stderr"


@pytest.fixture(scope="module")
def organisation(node):
    return link(node)["firm"]


def link(node) -> dict[str, str]:
    told = Client(node.home).do("invite")["facts"]["link"]
    return {name: values[0] for name, values in parse_qs(urlsplit(told).query).items()}


@pytest.fixture
def stranger(node, organisation):
    return Stranger(node.port, organisation)


@pytest.fixture
def partner(node, organisation):
    one = Stranger(node.port, organisation)
    one.meet(link(node)["secret"])
    eventually(lambda: thread_of(node, one.thread)["state"]["phase"] == "active", "accepted")
    return one


def thread_of(node, thread):
    return Client(node.home).view(f"threads/{thread}")


def all_threads(node):
    return {one["thread"]: (one["heads"], one["length"]) for one in Client(node.home).view("threads")["threads"]}


WORDS_SAID = int(os.environ.get("WEFT_FUZZ", "300")) // 2
NOWHERE = b64(b"n" * 32)
UNKNOWN = (404, {"code": "peer.unknown"}, "")


# ---- who asks -------------------------------------------------------------------------------------


def test_a_stranger_gets_the_same_answer_whatever_it_sends(node, stranger):
    before = all_threads(node)
    body = msgspec.json.encode(sync.SyncRequest(thread="x" * 43, heads=[]))
    good, _ = requests.sign_request(stranger.memory, stranger.host, sync.SYNC_PATH, body)
    who, of, nonce = good.rpartition(".")[0].partition(".")[0], good.split(".")[1], good.split(".")[3]
    times = [f"{who}.{of}.{stamp}.{nonce}.{good.split('.')[4]}" for stamp in ("9" * 300, "-5", "²³", "", "0x1")]
    for header in ("", "x", "....", good, good + ".x", *times):
        assert stranger.post(sync.SYNC_PATH, body, header) == UNKNOWN
    for strange in (b"\xff", b"[" * 100_000, b"{}", b'{"thread":1}', gzip.compress(body), b""):
        assert stranger.post(sync.SYNC_PATH, strange)[0] in (404, 415)
        assert stranger.post(sync.POLL_PATH, strange)[0] in (404, 415)
    first = stranger.proposal("guessed")
    assert stranger.push(first.thread, first) == UNKNOWN
    assert stranger.push(stranger.request().thread, stranger.request()) == UNKNOWN
    assert all_threads(node) == before
    assert node.attempt("view", f"threads/{stranger.id}").returncode == 2, "not even its keys are kept"


def test_a_stranger_cannot_leave_the_keys_of_others(node, stranger, organisation):
    third = Stranger(node.port, organisation)
    first, other = stranger.proposal("guessed"), third.proposal("guessed")
    assert stranger.push(first.thread, first, other) == UNKNOWN
    assert node.attempt("view", f"threads/{third.id}").returncode == 2


def test_a_request_counts_once_for_its_node_and_in_its_time(node, partner):
    body = msgspec.json.encode(sync.SyncRequest(thread=partner.thread, heads=[]))

    def header(audience=partner.host, path=sync.SYNC_PATH, of=body):
        return requests.sign_request(partner.memory, audience, path, of)[0]

    good = header()
    assert partner.post(sync.SYNC_PATH, body, good)[0] == 200
    assert partner.post(sync.SYNC_PATH, body, good) == UNKNOWN, "replayed"
    assert partner.post(sync.SYNC_PATH, body, header(audience=partner.id)) == UNKNOWN, "meant for another"
    assert partner.post(sync.SYNC_PATH, body, header(path=sync.POLL_PATH)) == UNKNOWN, "meant for another address"
    assert partner.post(sync.SYNC_PATH, body, header(of=body + b" ")) == UNKNOWN, "another body"
    parts = header().split(".")
    forged = ".".join([*parts[:4], b64(b"\0" * 64)])
    assert partner.post(sync.SYNC_PATH, body, forged) == UNKNOWN
    for minutes in (11, -11):
        partner.clock.ahead_ms = minutes * 60_000
        old = header()
        status, told, reply = partner.post(sync.SYNC_PATH, body, old)
        assert (status, told["code"], bool(reply)) == (409, "peer.request-time", True)
        assert abs(told["now_ms"] + partner.clock.ahead_ms - partner.clock.now_ms()) < 5_000, "the time of the node"
        forged = ".".join([*old.split(".")[:4], b64(b"\0" * 64)])
        assert partner.post(sync.SYNC_PATH, body, forged) == UNKNOWN
    partner.clock.ahead_ms = 9 * 60_000
    status, told, reply = partner.post(sync.SYNC_PATH, body, header())
    assert (status, bool(told["heads"]), bool(reply)) == (200, True, True)


@pytest.mark.parametrize(("body", "status", "code"), [
    (b"\xff\xfe", 400, "sync.malformed"), (b"{", 400, "sync.malformed"), (b"[" * 200_000, 400, "sync.malformed"),
    (b'{"thread":"\\ud800","heads":[]}', 400, "sync.malformed"), (b'{"thread":1,"heads":[]}', 400, "sync.malformed"),
    (b'{"thread":"a","heads":[],"more":1}', 400, "sync.malformed"),
    (b'{"thread":' + b"9" * 5000 + b"}", 400, "sync.malformed"),
    (json.dumps({"thread": "a", "heads": ["x"] * 5000}).encode(), 400, "sync.too-many"),
    (json.dumps({"thread": "a", "heads": [], "events": [{"e": "", "g": ""}] * 300}).encode(), 400, "sync.too-many"),
    (json.dumps({"thread": "\0'; DROP TABLE events;--", "heads": []}).encode(), 404, "peer.unknown"),
    (b" " * (2 * 1024 * 1024 + 1), 413, "web.body-too-large"),
], ids=range(11))
def test_what_a_partner_sends_is_readable_or_refused_with_a_code(node, partner, body, status, code):
    before = all_threads(node)
    found, told, _ = partner.post(sync.SYNC_PATH, body)
    assert (found, told["code"]) in {(status, code), (422, code)}
    assert all_threads(node) == before


def test_packed_bodies_are_not_unpacked(partner):
    assert partner.post(sync.SYNC_PATH, gzip.compress(b"x" * 9_000_000), **{"content-encoding": "gzip"})[0] == 415


@pytest.mark.parametrize("path", [
    "/peer/v1/../v1/sync", "//peer/v1/sync", "/peer/v1/sync/", "/peer/v1/sync%00", "/peer", "/peer/v1/%2e%2e/sync",
    "/static/../../weft.toml", "/static/%2e%2e/__init__.py"])
def test_no_path_leads_around_the_door(partner, path):
    assert 300 <= partner.post(path, b"{}", "")[0] < 500


# ---- who may begin --------------------------------------------------------------------------------


def test_an_invitation_lets_in_one_firm(node, organisation):
    secret = link(node)["secret"]
    one, two = Stranger(node.port, organisation), Stranger(node.port, organisation)
    one.meet(secret)
    late = two.proposal(secret)
    assert two.push(late.thread, late) == UNKNOWN
    again = one.message(None, one.proposal(secret).payloads[0].content, RELATIONSHIP, y="RelationshipProposed",
                        g=b64(b"another sixteen!"), mem={organisation: "inviter", one.id: "invitee"})
    assert one.push(again.thread, again) == UNKNOWN, "nor a second time the same one"


def test_a_thread_begins_with_us_two_in_our_roles_and_with_a_word_that_counts(node, partner, organisation):
    before = all_threads(node)
    third = NOWHERE
    for members in ({partner.id: "buyer", third: "seller"},
                    {partner.id: "buyer", organisation: "seller", third: "carrier"},
                    {partner.id: "seller", organisation: "buyer"}, {partner.id: "buyer", organisation: "buyer"},
                    {partner.id: "buyer"}, {partner.id: "owner", organisation: "owner"}):
        genesis = partner.request(members, mark=str(sorted(members.values())))
        assert partner.push(genesis.thread, genesis) == UNKNOWN, members
    denied = partner.request(quantity="-1", mark="negative")
    assert partner.push(denied.thread, denied) == UNKNOWN
    book = partner.message(None, b"{}", "stock/1", y="BookOpened", g=b64(b"x" * 16), mem={partner.id: "owner"})
    assert partner.push(book.thread, book) == UNKNOWN
    assert all_threads(node) == before
    right = partner.request(mark="right")
    assert partner.push(right.thread, right)[0] == 200, "the control"
    assert right.thread in all_threads(node)


def test_a_thread_of_others_does_not_exist(node, partner, organisation):
    other = Stranger(node.port, organisation)
    other.meet(link(node)["secret"])
    word = partner.message(other.thread, PartyUpdated(party=Party(name="Eve")), RELATIONSHIP, x=[other.last])
    for thread in (other.thread, organisation, other.id, NOWHERE):
        assert partner.push(thread, word)[0] == 404
        assert partner.push(thread)[0] == 404


def test_a_device_cannot_write_its_firm_s_keys(node, partner):
    """Whoever stole a device key must not make it two."""
    before = thread_of(node, partner.id)
    new = partner.message(partner.id, DeviceDelegation(device=partner.following.public, scope="node"), "keylog/1",
                          n=0, i=b64(b"life-two"), x=[partner.log[-1].id])
    assert partner.push(partner.id, new)[0] == 404
    assert thread_of(node, partner.id) == before


# ---- what they say --------------------------------------------------------------------------------


def test_what_is_no_valid_event_is_named_and_not_taken(node, partner):
    before = thread_of(node, partner.thread)
    update = PartyUpdated(party=Party(name="Stranger Ltd"))
    good = partner.message(partner.thread, update, RELATIONSHIP, n=1, p=partner.last)
    other = Stranger(node.port, partner.host)
    sent = to_envelope(good)
    cases = {
        "canonical.not-canonical": msgspec.structs.replace(sent, e=sent.e.replace('{"a"', '{ "a"')),
        "canonical.not-json": msgspec.structs.replace(sent, e="{"),
        "canonical.type": msgspec.structs.replace(sent, e='{"n":1.5}'),
        "canonical.too-deep": msgspec.structs.replace(sent, e="[" * 40 + "]" * 40),
        "event.header-malformed": msgspec.structs.replace(sent, e='{"a":1}'),
        "event.header-too-large": msgspec.structs.replace(sent, e='"' + "x" * 9000 + '"'),
        "event.payload-mismatch": msgspec.structs.replace(sent, b={"0": (sent.b["0"][0], "{}")}),
        "event.payload-missing": msgspec.structs.replace(sent, b={}),
        "event.payload-unknown": msgspec.structs.replace(sent, b={"9": sent.b["0"]}),
        "event.signature": to_envelope(signed(good, partner.following)),
        "event.unknown-device": to_envelope(signed(partner.message(
            partner.thread, update, RELATIONSHIP, d=partner.following.public), partner.following)),
        "event.stranger": to_envelope(other.message(partner.thread, update, RELATIONSHIP, x=[partner.last])),
        "event.unknown-key-event": to_envelope(partner.message(partner.thread, update, RELATIONSHIP, ks=NOWHERE)),
        "event.other-machine": to_envelope(partner.message(partner.thread, update, ORDER, n=1, p=partner.last)),
        "event.chain-form": to_envelope(partner.message(partner.thread, update, RELATIONSHIP, n=7, p=partner.last)),
    }
    for code, envelope in cases.items():
        asked = sync.SyncRequest(thread=partner.thread, heads=[], events=[envelope])
        status, told, _ = partner.post(sync.SYNC_PATH, msgspec.json.encode(asked))
        assert (status, [one for _, one in told["invalid"]]) == (200, [code])
    assert thread_of(node, partner.thread) == before
    status, told, _ = partner.push(partner.thread, good)
    assert (status, told.get("invalid", [])) == (200, []), "the control"
    assert thread_of(node, partner.thread)["length"] > before["length"]


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b'{"party":1}', b'{"party":{"name":"A"},"party":{"name":"B"}}', b'{"party":{"name":"A"} }',
    b'{"party":{"name":"A"},"x":1.5}', b'{"party":{"name":"A"},"x":' + b"9" * 5000 + b"}",
    b'{"party":{"name":"A"},"x":' + b"[" * 5000 + b"]" * 5000 + b"}", '{"party":{"name":"A"},"é":"1"}'.encode(),
], ids=range(10))
def test_a_signed_word_that_nobody_can_read_is_void_and_in_the_heads(node, partner, content):
    before = thread_of(node, partner.thread)
    word = partner.message(partner.thread, content, RELATIONSHIP, y="PartyUpdated", n=1, p=partner.last)
    status, told, _ = partner.push(partner.thread, word)
    assert (status, told.get("invalid", [])) == (200, [])
    after = thread_of(node, partner.thread)
    assert after["void"] == {word.id: "event.message-malformed"}
    assert after["state_hash"] == before["state_hash"]
    eventually(lambda: word.id not in thread_of(node, partner.thread)["heads"], "acknowledged as any other")


def test_a_word_that_the_rules_deny_is_void_on_both_sides(node, partner):
    first = partner.request(mark="void")
    assert partner.push(first.thread, first)[0] == 200
    early = partner.message(first.thread, Order(number="P-1", quotation=NOWHERE), ORDER, n=1, p=first.id)
    status, told, _ = partner.push(first.thread, early)
    assert (status, told.get("invalid", [])) == (200, [])
    held = thread_of(node, first.thread)
    assert held["void"] == {early.id: "order.not-now"} or list(held["void"]) == [early.id]
    assert held["state"]["phase"] == "requested"


def test_two_words_at_one_place_are_proof_and_stop_what_runs_by_itself(node, partner):
    first = partner.request(mark="fork")
    assert partner.push(first.thread, first)[0] == 200
    one, two = (partner.message(first.thread, Order(number=number, quotation=NOWHERE), ORDER, n=1, p=first.id)
                for number in ("P-1", "P-2"))
    assert partner.push(first.thread, one)[0] == 200
    forks = Client(node.home).view("health")["forks"]
    for _ in range(3):
        status, told, _ = partner.push(first.thread, two)
        assert (status, told["invalid"]) == (200, [[two.id, "event.fork"]])
    health = Client(node.home).view("health")
    assert health["forks"] == forks + 1
    assert health["stopped"][first.thread] == "fork"
    assert node.attempt("do", "go-on", "thread=" + NOWHERE).returncode == 2
    node.weft("do", "go-on", f"thread={first.thread}")
    partner.push(first.thread, two)
    stopped = Client(node.home).view("health").get("stopped", {})
    assert first.thread not in stopped, "a proof that is known is no new alarm"


def test_orphans_fill_their_quota_and_shut_nobody_out(node, partner):
    first = partner.request(mark="orphans")
    assert partner.push(first.thread, first)[0] == 200
    codes = []
    for batch in range(3):
        lives = [b64((1000 * batch + n).to_bytes(8, "big")) for n in range(120)]
        orphans = [partner.message(first.thread, b"{}", ORDER, y="Note", i=life, x=[NOWHERE]) for life in lives]
        status, told, _ = partner.push(first.thread, *orphans)
        assert status == 200
        codes += [code for _, code in told.get("invalid", [])]
    assert codes == ["sync.too-many-pending"] * (3 * 120 - PENDING_MAX)
    honest = partner.message(first.thread, Order(number="P-1", quotation=NOWHERE), ORDER, n=1, p=first.id)
    assert partner.push(first.thread, honest)[1].get("invalid", []) == []
    assert thread_of(node, first.thread)["length"] >= 2
    assert partner.push(partner.thread)[0] == 200


def test_a_firm_cannot_speak_with_a_thousand_tongues(node, partner):
    """To read many chains side by side takes long: each member has its share of them."""
    first = partner.request(mark="tongues")
    assert partner.push(first.thread, first)[0] == 200
    codes = []
    for batch in range(2):
        lives = [b64((5000 + 1000 * batch + n).to_bytes(8, "big")) for n in range(60)]
        status, told, _ = partner.push(first.thread, *(
            partner.message(first.thread, b"{}", ORDER, y="Note", i=life, x=[first.id]) for life in lives))
        assert status == 200
        codes += [code for _, code in told.get("invalid", [])]
    assert codes == ["event.too-many-chains"] * (120 - CHAINS_MAX + 1)


def test_no_signed_word_is_an_error_of_ours(node, partner):
    """Words of about the right shape with all kinds of values in them: each is stored, and counts or is void."""
    first = partner.request(mark="fuzz")
    assert partner.push(first.thread, first)[0] == 200
    for thread, m, kinds in ((first.thread, ORDER, ORDER_MESSAGES),
                             (partner.thread, RELATIONSHIP, RELATIONSHIP_MESSAGES)):
        names = sorted(kinds)
        told, schemas = msgspec.json.schema_components([kinds[name] for name in names], ref_template="#/{name}")
        n, last = 1, first.id if m == ORDER else partner.last
        known = [first.thread, partner.thread, partner.id, partner.host, last, "SHAFT-20"]
        for number in range(WORDS_SAID):
            place = number % len(names)
            made = Maker(number, known, schemas).of(told[place], names[place])
            try:
                content = canonical.encode(made)
            except WeftError:
                continue
            word = partner.message(thread, content, m, y=names[place], n=n, p=last)
            status, said, _ = partner.push(thread, word)
            assert status == 200, (number, names[place], content)
            assert said.get("invalid", []) == []
            n, last = n + 1, word.id
        held = thread_of(node, thread)
        assert held["length"] > n
        assert set(held["void"].values()) > {"event.message-malformed"}
        eventually(lambda: len(thread_of(node, thread)["heads"]) == 1, "acknowledged")  # noqa: B023 - asked at once
