"""A batch binds its firm to each document, shows nothing of the others, and nothing of how many there were."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import canonical
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid
from weft.pricing import commitment
from weft.pricing.leaf import BatchLeaf
from weft.pricing.leaf import encode as encode_leaf
from weft.tlog import merkle

AT = "2026-11-02T08:00:00.000Z"


def drawn(count: int, seed: int = 7):
    """``count`` documents with their salts, and the batch of them."""
    draw = random.Random(seed).randbytes
    documents = [(draw(32), draw(32)) for _ in range(count)]
    return documents, commitment.batch([commitment.commit(*one) for one in documents], draw)


def is_refused(opened, root) -> bool:
    try:
        commitment.verify(opened, root)
    except Invalid as error:
        return error.code == "pricing.opening"
    return False


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 32, 33, 100])
def test_every_document_of_a_batch_opens_under_its_root(count):
    documents, made = drawn(count)
    assert made.n >= max(16, count) and made.n & (made.n - 1) == 0 and made.n < max(17, 2 * count)
    assert made.root == b64(merkle.root_of(made.n, merkle.from_leaves([merkle.leaf_hash(one) for one in made.leaves])))
    for opened, (_, document) in zip(commitment.openings(made, documents), documents, strict=True):
        commitment.verify(opened, made.root)
        assert opened.document == b64(document)
    encode_leaf(BatchLeaf(root=made.root, n=made.n, at=AT))


@given(st.data())
def test_nothing_that_is_changed_in_an_opening_holds(data):
    documents, made = drawn(5)
    opened = commitment.opening(made, *documents[data.draw(st.integers(0, 4))])
    field = data.draw(st.sampled_from(["document", "salt", "index", "n", "path", "root"]))
    fields = {name: getattr(opened, name) for name in opened.__struct_fields__}
    root = made.root
    other = data.draw(st.binary(min_size=32, max_size=32).map(b64))
    if field == "root":
        root = other
    elif field == "path":
        at = data.draw(st.integers(0, len(opened.path) - 1))
        fields["path"] = data.draw(st.sampled_from([
            (*opened.path[:at], other, *opened.path[at + 1:]), opened.path[:-1], (*opened.path, other)]))
    elif field in ("index", "n"):
        fields[field] = data.draw(st.integers(-1, 1 << 21).filter(lambda one: one != fields[field]))
    else:
        fields[field] = data.draw(st.sampled_from([other, "", other[:-1], fields[field] + "A"]))
    changed = commitment.Opening(**fields)
    # a tree of another size may have the very same path to the leaf: what the leaf says of n decides
    assert is_refused(changed, root) or field == "n"


def test_without_its_salt_nobody_can_tell_that_a_guessed_document_is_in_a_batch():
    documents, made = drawn(3)
    guess = documents[0][1]
    assert canonical.digest("price-commitment/1", bytes(32) + guess) not in made.leaves
    assert commitment.commit(documents[0][0], guess) in made.leaves  # the control: with the salt


def test_an_empty_batch_and_a_busy_one_look_alike():
    _, empty = drawn(0)
    _, busy = drawn(16)
    assert empty.n == busy.n == 16
    assert {len(one) for one in empty.leaves} == {len(one) for one in busy.leaves} == {32}
    leaves = [encode_leaf(BatchLeaf(root=one.root, n=one.n, at=AT)) for one in (empty, busy)]
    assert len({len(one) for one in leaves}) == 1


def test_the_place_in_a_batch_tells_nothing_of_the_order_of_documents():
    places = []
    for seed in range(40):
        documents, made = drawn(2, seed)
        places.append([one.index for one in commitment.openings(made, documents)])
    assert any(first < second for first, second in places) and any(first > second for first, second in places)
    assert len({first for first, _ in places}) > 8


def test_a_document_that_is_not_in_the_batch_has_no_opening():
    _, made = drawn(3)
    with pytest.raises(Invalid) as caught:
        commitment.opening(made, bytes(32), bytes(32))
    assert caught.value.code == "pricing.opening"


@pytest.mark.parametrize("call", [
    lambda: commitment.commit(b"short", bytes(32)),
    lambda: commitment.commit(bytes(32), bytes(33)),
    lambda: commitment.batch([b"short"], random.Random(1).randbytes),
], ids=["salt", "document", "batch"])
def test_what_is_no_commitment_is_refused(call):
    with pytest.raises(Invalid) as caught:
        call()
    assert caught.value.code == "pricing.commitment"


def test_an_opening_survives_being_written_as_json():
    documents, made = drawn(1)
    opened = commitment.opening(made, *documents[0])
    read = msgspec.json.decode(msgspec.json.encode(opened), type=commitment.Opening)
    commitment.verify(read, made.root)
    assert unb64(read.document, 32) == documents[0][1]
