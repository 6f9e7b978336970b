"""Signed notes: the examples of the specification and of Go's checksum database hold, and nothing else does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlog.logs import LOG, LOG_KEY, ORIGIN, code
from weft.identity.keys import Signer
from weft.tlog import note
from weft.tlog.note import COSIGNATURE, Note, Signature

# The notes with which golang.org/x/mod/sumdb/note tests itself (its keys, text and signatures).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
BY_PETER = ("— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ"
            "nAM=\n")
BY_ENOCH = ("— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ"
            "=\n")
# The example of signed-note v1.0.0.
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
BY_FOO = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""


def opened(text, *vkeys):
    """The names of those among ``vkeys`` who signed the note ``text``."""
    found = note.verify(note.parse(text.encode()), [note.parse_vkey(one) for one in vkeys])
    return [key.name for key in found]


def test_the_examples_of_the_specification_and_of_go_hold():
    assert opened(BY_FOO, FOO) == ["example.com/foo"]
    assert opened(f"{TEXT}\n{BY_PETER}{BY_ENOCH}", PETER) == ["PeterNeumann"]
    assert opened(f"{TEXT}\n{BY_PETER}{BY_ENOCH}", PETER, ENOCH) == ["PeterNeumann", "EnochRoot"]
    assert opened(f"{TEXT}\n{BY_PETER}{BY_PETER}{BY_ENOCH}{BY_ENOCH}", PETER) == ["PeterNeumann"]


def test_we_sign_as_go_does_to_the_byte():
    peter = Signer(base64.b64decode(PETER_SECRET)[1:])
    assert note.vkey(note.key_of("PeterNeumann", peter)) == PETER
    assert note.encode(Note(TEXT, (note.sign(TEXT, "PeterNeumann", peter),))).decode() == f"{TEXT}\n{BY_PETER}"


def test_who_is_not_asked_for_does_not_count_even_with_the_name_or_the_id_of_one_who_is():
    read = note.parse(f"{TEXT}\n{BY_PETER}".encode())
    peter, enoch = note.parse_vkey(PETER), note.parse_vkey(ENOCH)
    assert code(note.verify, read, []) == "tlog.note-unsigned"
    assert code(note.verify, read, [enoch]) == "tlog.note-unsigned"
    stranger = note.key_of("PeterNeumann", Signer(bytes(32)))
    assert code(note.verify, read, [stranger]) == "tlog.note-unsigned"
    forged = Signature("PeterNeumann", enoch.id, bytes(64)), Signature("EnochRoot", peter.id, bytes(64))
    assert list(note.verify(read._replace(signatures=(*forged, *read.signatures)), [peter, enoch])) == [peter]


def test_one_bad_signature_of_a_known_key_spoils_the_note_and_an_unknown_one_does_not():
    bad = BY_PETER.replace("x08go/ZJ", "x08go/ZK")
    assert code(opened, f"{TEXT}\n{bad}", PETER) == "tlog.note-signature"
    assert code(opened, f"{TEXT}\n{BY_PETER}{bad}", PETER) == "tlog.note-signature"
    assert code(opened, f"{TEXT}\n{bad}{BY_ENOCH}", PETER, ENOCH) == "tlog.note-signature"
    assert opened(f"{TEXT}\n{bad}{BY_ENOCH}", ENOCH) == ["EnochRoot"]


def test_keys_that_a_line_cannot_tell_apart_are_our_own_mistake(monkeypatch):
    peter, enoch = note.parse_vkey(PETER), note.parse_vkey(ENOCH)
    read = note.parse(f"{TEXT}\n{BY_PETER}".encode())
    assert list(note.verify(read, [peter, enoch, peter])) == [peter]
    monkeypatch.setattr(note.VerifierKey, "id", b"same")
    assert code(note.verify, read, [peter, enoch._replace(name="PeterNeumann")]) == "tlog.keys-alike"


@given(st.integers(0, len(PETER) - 1), st.integers(1, 255))
def test_no_other_text_is_a_vkey(at, change):
    octets = bytearray(PETER.encode())
    octets[at] = (octets[at] + change) % 256
    assert code(note.parse_vkey, octets.decode("latin-1")) in {"tlog.vkey-malformed", "tlog.key-name"}
    assert code(note.parse_vkey, PETER[:at]) in {"tlog.vkey-malformed", "tlog.key-name"}


@pytest.mark.parametrize("vkey", [
    "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
    "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "", "a", "a+b", "a+00000000+", "++",
])
def test_keys_of_a_wrong_length_or_an_unknown_kind_are_refused(vkey):
    assert code(note.parse_vkey, vkey) == "tlog.vkey-malformed"


def test_a_key_that_would_accept_anybodys_signature_is_refused():
    for public in (bytes(32), b"\x01" + bytes(31), b"\xff" * 32):
        weak = note.vkey(note.VerifierKey("weak.example", note.ED25519, public))
        assert code(note.parse_vkey, weak) == "tlog.vkey-malformed"
    assert note.parse_vkey(note.vkey(LOG_KEY)) == LOG_KEY  # the control: a sound one passes


@pytest.mark.parametrize("name", [
    "", "a b", "a+b", "a\u3000b", "a\u0085b", "a\u00a0b", "a\nb", "a\x01b", "\ud800", "é" * 200])
def test_a_name_has_no_spaces_no_plus_and_a_limit(name):
    assert code(note.key_of, name, LOG) == "tlog.key-name"


@pytest.mark.parametrize("text", [
    "", "\n", "\n\n", TEXT, f"{TEXT}\n", f"{TEXT}{BY_PETER}", f"{TEXT}\n{BY_PETER[:-1]}", f"{TEXT}\n{BY_PETER}\n",
    f"{TEXT}\n{BY_PETER[2:]}", f"{TEXT}\n{BY_PETER.replace('— ', '- ')}", f"{TEXT}\n{BY_PETER}x\n",
    f"{TEXT}\r\n\r\n{BY_PETER}", f"{TEXT}\x00\n{BY_PETER}", f"{TEXT}\t\n\n{BY_PETER}",
    f"{TEXT}\n— PeterNeumann x08go/Y=\n— PeterNeumann \n", f"{TEXT}\n— PeterNeumann x08go/ZJkuBS9UG=\n",
    f"{TEXT}\n— PeterNeumann x08g\n", f"{TEXT}\n— PeterNeumann x08gow==\n", f"{TEXT}\n—  x08go/ZJkuBS9UG/\n",
    f"{TEXT}\n— Peter Neumann x08go/ZJkuBS9UG/\n",
])
def test_what_is_no_note_is_refused(text):
    assert code(note.parse, text.encode()) in {"tlog.note-malformed", "tlog.key-name"}


def test_a_note_is_utf8_and_has_limits():
    whole = f"{TEXT}\n{BY_PETER}".encode()
    assert code(note.parse, b"\xff" + whole) == "tlog.note-malformed"
    assert code(note.parse, b"\xed\xa0\x80" + whole) == "tlog.note-malformed"
    assert code(note.parse, b"a" * note.NOTE_BYTES_MAX + whole) == "tlog.note-too-large"
    assert code(note.parse, f"{TEXT}\n{BY_PETER * 65}".encode()) == "tlog.note-too-large"
    assert len(note.parse(f"{TEXT}\n{BY_PETER * 64}".encode()).signatures) == 64
    large = Signature("post.example", b"quan", bytes(5_000))
    assert len(note.parse(note.encode(Note(TEXT, (large,) * 16))).signatures) == 16


def test_a_text_may_hold_empty_lines_and_is_cut_at_the_last():
    text = "one\n\ntwo\n\n\n— not a signature\n"
    made = Note(text, (note.sign(text, ORIGIN, LOG),))
    assert note.parse(note.encode(made)) == made
    note.verify(made, [LOG_KEY])


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60).map(lambda text: text + "\n"))
def test_whatever_is_signed_reads_back_and_holds_and_no_other_text_does(text):
    made = Note(text, (note.sign(text, ORIGIN, LOG),))
    read = note.parse(note.encode(made))
    assert read == made
    assert list(note.verify(read, [LOG_KEY])) == [LOG_KEY]
    assert code(note.verify, read._replace(text="x" + text), [LOG_KEY]) == "tlog.note-signature"


def test_a_signature_of_one_kind_is_none_of_another():
    made = Note(TEXT, (note.sign(TEXT, ORIGIN, LOG),))
    assert code(note.verify, made, [note.key_of(ORIGIN, LOG, COSIGNATURE)]) == "tlog.note-unsigned"
    assert not note.is_signed(note.key_of(ORIGIN, LOG, COSIGNATURE), TEXT, made.signatures[0].value)


def test_a_note_that_would_not_read_back_is_not_written():
    for text in ("no newline", "tab\t\n", ""):
        assert code(note.encode, Note(text, (note.sign(text, ORIGIN, LOG),))) == "tlog.note-malformed"
    assert code(note.encode, Note(TEXT, ())) == "tlog.note-malformed"
