"""The format of a bundle: it comes back as it went in, and whatever is done to it is noticed."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thread.firms import Firm, signed
from weft.basis import canonical
from weft.basis.errors import Denied, Invalid, WeftError
from weft.identity.keys import Signer, seal
from weft.thread import bundle, event
from weft.thread.bundle import Carried, Manifest, Reader, Records, Writer, content_of

MAKER, SHOP = Firm(1), Firm(2)
OTHER = Firm(3)
SEED = bytes(range(64))
AT = "2026-11-25T08:00:00.000Z"
MEMBERS = {MAKER.id: "seller", SHOP.id: "buyer"}


def thread_of(count, filler=b""):
    begun = MAKER.begin(MEMBERS)
    events = [begun]
    for n in range(1, count):
        content = canonical.encode({"note": (filler + b"%d" % n).decode()})
        events.append(MAKER.say(begun.thread, n, events[-1].id, content=content))
    return events


EVENTS = thread_of(5)


def manifest_of(events, log=(), **changes):
    told = {
        "by": MAKER.id, "device": MAKER.device.public, "to": SHOP.id, "at": AT, "keys": len(log),
        "content": content_of([one.id for one in (*log, *events)]),
        "threads": [Carried(events[0].thread, [events[-1].id], [], len(events))] if events else [],
    }
    return Manifest(**(told | changes))


def made(events=EVENTS, keys=(), *, manifest=None, seed=SEED, signer=MAKER.device):
    writer = Writer(manifest or manifest_of(events, keys), signer, SHOP.device.public, seed)
    chunks = [writer.begin()]
    for one in (*keys, *events):
        chunks += writer.add(one)
    return b"".join([*chunks, *writer.end()])


def read(data, size=65_536, device=SHOP.device):
    """(what was given out, the refusal or None)."""
    reader, given_out = Reader(device), []
    try:
        for at in range(0, len(data), size):
            given_out.extend(reader.feed(data[at:at + size]))
        given_out.extend(reader.end())
    except WeftError as error:
        return given_out, error.code
    return given_out, None


@pytest.fixture
def small(monkeypatch):
    """Small chunks, so that a few events make many."""
    monkeypatch.setattr(bundle, "CHUNK_BYTES", 256)
    monkeypatch.setattr(bundle, "_FULL", 256 + bundle.TAG_BYTES)


SMALL = 256 + bundle.TAG_BYTES


def head_bytes(data):
    return bundle._OUTER + 4 + int.from_bytes(data[bundle._OUTER:bundle._OUTER + 4], "big")


def chunks_of(data):
    """(all before the chunks, the chunks)."""
    begun = head_bytes(data)
    return data[:begun], [data[at:at + SMALL] for at in range(begun, len(data), SMALL)]


# ---- it comes back


@given(count=st.integers(0, 6), keys=st.booleans(), size=st.integers(1, 5000))
def test_what_goes_in_comes_out_whatever_the_pieces(count, keys, size):
    events, log = thread_of(count) if count else [], MAKER.log if keys else ()
    items, code = read(made(events, log), size)
    assert code is None
    assert [one.event for one in items] == [*log, *events]
    assert [one.thread for one in items] == ["" for _ in log] + [one.thread for one in events]


def test_a_bundle_of_many_chunks_comes_back():
    events = thread_of(400, b"x" * 9_000)
    noisy = [signed(msgspec.structs.replace(one, signature=b""), MAKER.device) for one in events]
    data = made(noisy)
    items, code = read(data, 100_000)
    assert code is None
    assert [one.id for one in items] == [one.id for one in events]


def test_the_same_seed_makes_the_same_bytes_and_another_does_not():
    assert made() == made()
    assert made() != made(seed=bytes(64))
    assert made()[:bundle._OUTER] == made(seed=bytes(64))[:bundle._OUTER]


def test_nothing_can_be_read_from_outside():
    data = made(EVENTS, MAKER.log)
    for hidden in (MAKER.id, SHOP.id, MAKER.device.public, SHOP.device.public, EVENTS[0].thread, AT, "note"):
        assert hidden.encode() not in data
        assert canonical.unb64(hidden)[:12] not in data if len(hidden) == 43 else True
    assert data[:8] == b"weftbdl\x01"


def test_the_manifest_is_there_before_the_first_event(small):
    data = made()
    reader = Reader(SHOP.device)
    assert list(reader.feed(data[:head_bytes(data)])) == []
    assert reader.manifest is not None
    assert reader.manifest.by == MAKER.id


# ---- whatever is done to it is noticed

DATA = made()
REFUSED = {"bundle.not-one", "bundle.version", "bundle.other-recipient", "bundle.damaged", "bundle.truncated",
           "bundle.too-large", "bundle.content", "bundle.malformed"}


@given(st.integers(0, len(DATA) - 1), st.integers(1, 7000))
def test_no_part_of_a_bundle_is_a_bundle(cut, size):
    items, code = read(DATA[:cut], size)
    assert items == []
    assert code in {"bundle.truncated", "bundle.damaged"}


@given(st.integers(0, len(DATA) - 1), st.integers(0, 7))
def test_every_changed_bit_is_noticed(at, bit):
    changed = bytearray(DATA)
    changed[at] ^= 1 << bit
    items, code = read(bytes(changed))
    assert items == []
    assert code in REFUSED


@given(st.binary(min_size=1, max_size=600))
def test_whatever_is_appended_is_noticed(more):
    items, code = read(DATA + more)
    assert (items, code) == ([], "bundle.damaged")


@given(st.data())
def test_moved_repeated_dropped_and_foreign_chunks_are_refused_and_nothing_after_the_last_whole_one_comes_out(data):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bundle, "CHUNK_BYTES", 256)
        patched.setattr(bundle, "_FULL", SMALL)
        events = thread_of(12)
        whole = made(events)
        start, chunks = chunks_of(whole)
        _, foreign = chunks_of(made(events, seed=bytes(64)))
        assert len(chunks) > 4
        before = read(whole)[0]
        where = data.draw(st.integers(0, len(chunks) - 1))
        other = data.draw(st.integers(0, len(chunks) - 1).filter(lambda one: one != where))
        kinds = {
            "moved": lambda: swapped(chunks, where, other),
            "repeated": lambda: [*chunks[:where + 1], *chunks[where:]],
            "dropped": lambda: chunks[:where] + chunks[where + 1:],
            "foreign": lambda: [*chunks[:where], foreign[where], *chunks[where + 1:]],
            "cut off": lambda: chunks[:where],
        }
        name = data.draw(st.sampled_from(sorted(kinds)))
        items, code = read(start + b"".join(kinds[name]()))
        assert code in {"bundle.damaged", "bundle.truncated"}
        good = min(where, other) if name == "moved" else where + 1 if name == "repeated" else where
        reached = read(start + b"".join(chunks[:good]) + bytes(SMALL) * 2)[0]
        assert items == before[:len(items)]
        assert len(items) <= len(reached)


def swapped(chunks, one, two):
    changed = list(chunks)
    changed[one], changed[two] = changed[two], changed[one]
    return changed


def test_a_bundle_cut_after_a_whole_chunk_is_told_as_cut_off(small):
    start, chunks = chunks_of(made(thread_of(12)))
    items, code = read(start + b"".join(chunks[:-1]))
    assert code == "bundle.truncated"
    assert items


def test_it_is_for_one_device_only():
    for device in (OTHER.device, MAKER.device, SHOP.first):
        assert read(DATA, device=device) == ([], "bundle.other-recipient")
    assert read(DATA)[1] is None  # the control


def test_a_false_hint_does_not_open_it():
    changed = DATA[:8] + bundle.hint(OTHER.device.public) + DATA[16:]
    assert read(changed, device=OTHER.device) == ([], "bundle.damaged")


@pytest.mark.parametrize(("data", "code"), [
    (b"", "bundle.truncated"), (b"weft", "bundle.truncated"), (b"PK\x03\x04" + bytes(100), "bundle.not-one"),
    (b"weftbdl\x02" + bytes(100), "bundle.version"), (b"\xff" * 5, "bundle.not-one"),
])
def test_what_is_no_bundle_is_told(data, code):
    assert read(data) == ([], code)


def test_a_manifest_that_the_named_device_did_not_sign_is_refused():
    assert read(made(signer=OTHER.device)) == ([], "bundle.signature")


# ---- a sender that lies


def forged(packed, manifest, *, raw=None):
    """A bundle whose content is ``packed``, whatever that is; sealed and signed as it should be."""
    writer = Writer(manifest_of([]), MAKER.device, SHOP.device.public, SEED)
    raw = canonical.encode(msgspec.to_builtins(manifest)) if raw is None else raw
    head = seal(SHOP.device.public, SEED[:32] + MAKER.device.sign(bundle._signed(raw)) + raw, SEED[32:])
    writer._start = writer._start[:bundle._OUTER] + len(head).to_bytes(4, "big") + head
    writer._bound = bundle.digest("bundle-head/1", writer._start)
    writer._left += packed
    writer._packer = type("Done", (), {"flush": lambda self: b""})()
    return b"".join([writer.begin(), *writer.end()])


def records(*envelopes):
    return b"".join(len(one).to_bytes(4, "big") + one for one in envelopes)


WIRES = [event.wire(one) for one in EVENTS]


def test_the_forger_of_these_tests_can_make_good_bundles():
    items, code = read(forged(zlib.compress(records(*WIRES)), manifest_of(EVENTS)))
    assert (len(items), code) == (len(EVENTS), None)


@pytest.mark.parametrize(("packed", "code"), [
    (zlib.compress(records(*WIRES[:-1])), "bundle.content"),                       # fewer than promised
    (zlib.compress(records(*WIRES, WIRES[0])), "bundle.content"),                  # more
    (zlib.compress(records(*WIRES[::-1])), "bundle.content"),                      # in another order
    (zlib.compress(records(*WIRES) + b"\0"), "bundle.content"),                    # a rest
    (zlib.compress(records(*WIRES)) + b"more", "bundle.content"),                  # after the end
    (zlib.compress(records(*WIRES))[:-1], "bundle.content"),                       # no end
    (zlib.compress(records(*WIRES))[:-4] + b"\0\0\0\0", "bundle.content"),         # another sum
    (zlib.compress(records(*WIRES[:-1], b"{}")), "bundle.content"),                # no event at all
    (zlib.compress(records(*WIRES[:-1], b"[" * 5000)), "bundle.content"),
    (zlib.compress(records(*WIRES[:-1], b'{"e":"\\ud800","g":""}')), "bundle.content"),
    (zlib.compress(records(b"")), "bundle.content"),
    (zlib.compress(b"\xff\xff\xff\xff"), "bundle.too-large"),                      # a record beyond all bounds
    (zlib.compress(bytes(bundle.RECORD_BYTES_MAX), 9), "bundle.content"),
    (records(*WIRES), "bundle.content"), (b"", "bundle.content"),                  # not packed
], ids=range(15))
def test_content_that_is_not_what_the_manifest_says_is_refused(packed, code):
    assert read(forged(packed, manifest_of(EVENTS)))[1] == code


def test_a_zip_bomb_is_stopped_while_it_unpacks():
    bomb = zlib.compress(bundle.RECORD_BYTES_MAX.to_bytes(4, "big") + bytes(7_000_000), 9)
    assert len(bomb) < 7_100
    unpacking = Records([("t", "t", 1_000)])
    with pytest.raises(Invalid, match=r"bundle\.too-large"):
        list(unpacking.take(bomb))
    assert unpacking._unpacked <= bundle.RATIO_FROM + bundle._STEP
    assert read(forged(bomb, manifest_of(EVENTS))) == ([], "bundle.too-large")


def test_more_than_the_whole_may_hold_is_stopped_too(monkeypatch):
    monkeypatch.setattr(bundle, "CONTENT_BYTES_MAX", 20_000)
    assert read(made(thread_of(60)))[1] == "bundle.too-large"
    monkeypatch.undo()
    assert read(made(thread_of(60)))[1] is None


def test_more_chunks_than_there_may_be_are_neither_written_nor_read(small, monkeypatch):
    events = thread_of(30)
    data = made(events)
    monkeypatch.setattr(bundle, "CHUNKS_MAX", 3)
    with pytest.raises(Invalid, match=r"bundle\.too-large"):
        made(events)
    assert read(data)[1] == "bundle.too-large"


def test_more_bytes_than_a_bundle_may_have_are_not_read(monkeypatch):
    monkeypatch.setattr(bundle, "BYTES_MAX", 3_000)
    assert read(DATA + bytes(3_000), 500)[1] in {"bundle.too-large", "bundle.damaged"}
    reader = Reader(SHOP.device)
    with pytest.raises(Invalid, match=r"bundle\.too-large"):
        list(reader.feed(bytes(3_001)))


def test_a_head_of_many_bytes_is_not_waited_for():
    data = DATA[:bundle._OUTER] + (bundle.HEAD_BYTES_MAX + 1).to_bytes(4, "big")
    assert read(data) == ([], "bundle.too-large")


@pytest.mark.parametrize(("changes", "code"), [
    ({"keys": -1}, "bundle.malformed"), ({"keys": 1_001}, "bundle.too-large"),
    ({"at": "yesterday"}, "bundle.malformed"), ({"by": "x"}, "bundle.malformed"), ({"content": ""}, "bundle.malformed"),
    ({"threads": [Carried(EVENTS[0].thread, [], [], 1)] * 2}, "bundle.malformed"),
    ({"threads": [Carried(EVENTS[0].thread, [], [], -5)]}, "bundle.malformed"),
    ({"threads": [Carried(EVENTS[0].thread, [], [], 100_001)]}, "bundle.too-large"),
    ({"threads": [Carried(EVENTS[0].thread, [EVENTS[0].id] * 65, [], 1)]}, "bundle.too-large"),
    ({"threads": [Carried("t", [], [], 1)] * 4_001}, "bundle.too-large"),
], ids=range(10))
def test_a_manifest_beyond_its_limits_is_refused(changes, code):
    assert read(forged(zlib.compress(b""), manifest_of(EVENTS, **changes))) == ([], code)
    with pytest.raises(Invalid, match=code):
        Writer(manifest_of(EVENTS, **changes), MAKER.device, SHOP.device.public, SEED)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"{" * 100, b'{"a":1.5}', b'{"by":"","by":""}', b"\xff"],
                         ids=range(7))
def test_a_manifest_that_is_none_is_refused(raw):
    assert read(forged(zlib.compress(b""), manifest_of(EVENTS), raw=raw)) == ([], "bundle.malformed")


def test_an_event_of_another_thread_is_refused():
    other = MAKER.say(OTHER.id, 1, EVENTS[0].id)
    events = [*EVENTS[:-1], other]
    manifest = manifest_of(events, threads=[Carried(EVENTS[0].thread, [], [], len(events))])
    assert read(made(events, manifest=manifest))[1] == "bundle.content"


def test_a_changed_payload_is_told_and_its_neighbours_come_out():
    envelope = msgspec.json.decode(WIRES[2])
    envelope["b"]["0"][1] = "{}"
    changed = zlib.compress(records(*WIRES[:2], msgspec.json.encode(envelope), *WIRES[3:]))
    items, code = read(forged(changed, manifest_of(EVENTS)))
    assert code is None
    assert [(one.event is None, one.fault) for one in items] == [
        (False, ""), (False, ""), (True, "event.payload-mismatch"), (False, ""), (False, "")]


# ---- the seal


@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_what_is_sealed_to_a_key_is_read_by_its_holder_alone(content, seed):
    sealed = seal(SHOP.device.public, content, seed)
    assert SHOP.device.unseal(sealed) == content
    assert sealed == seal(SHOP.device.public, content, seed)
    with pytest.raises(Invalid, match=r"key\.sealed"):
        OTHER.device.unseal(sealed)


def test_the_seal_is_that_of_libsodium():
    from nacl.public import SealedBox
    from nacl.signing import SigningKey

    key = SigningKey(bytes(32))
    ours = Signer(bytes(32))
    box = SealedBox(key.to_curve25519_private_key())
    assert box.decrypt(seal(ours.public, b"goods", b"s" * 32)) == b"goods"
    assert ours.unseal(SealedBox(key.verify_key.to_curve25519_public_key()).encrypt(b"goods")) == b"goods"


def test_nothing_is_sealed_to_a_key_that_everybody_holds():
    with pytest.raises(Invalid, match=r"key\.weak"):
        seal(canonical.b64(bytes([1]) + bytes(31)), b"goods", b"s" * 32)


def test_a_wrong_recipient_is_denied_not_invalid():
    with pytest.raises(Denied):
        list(Reader(OTHER.device).feed(DATA))
