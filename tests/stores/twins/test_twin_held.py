"""Rows that are held in memory: never older than what stands, never more than was said."""

import pytest

from tests.stores.twins.making import opened, prop, put, run, submodel
from weft.basis.errors import Refused, WeftError
from weft.engine.twins.ports import Change, Row
from weft.stores.twins.held import Held
from weft.stores.twins.store import SHORT_MAX


def row(name, size=0):
    return Row("shell", name, 1, "", b"x" * size)


def test_what_was_asked_for_longest_ago_goes_first_and_no_more_is_held_than_was_said():
    held = Held(3_000)
    for name in "abc":
        held.put(row(name, 400))
    assert held.get("shell", "a") and not held.get("submodel", "a")
    held.put(row("d", 400))
    assert [held.get("shell", name) is not None for name in "abcd"] == [True, False, True, True]
    held.put(row("large", 5_000))
    assert not any(held.get("shell", name) for name in ("a", "c", "d", "large"))
    held.put(row("e"))
    held.forget()
    assert held.get("shell", "e") is None


async def story(store):
    """Write in every way, each time after a look; the values that were read."""
    told = []

    async def look():
        found = await store.get("submodel", "urn:a")
        told.append(None if found is None else (found.revision, b'"value":"5"' in found.body))

    def changed(value):
        return put("submodel", submodel("urn:a", prop("P", value)))

    await look()
    for commit in ([changed("4")], [changed("5")], [Change("submodel", "urn:a")],
                   [changed("4"), *(put("submodel", submodel(f"urn:{n}")) for n in range(SHORT_MAX))], [changed("5")]):
        await store.commit(commit)
        await look()
    with pytest.raises(Refused):
        await store.commit([changed("6"), put("submodel", submodel("urn:1"), expected=9)])
    await look()
    await store.close()
    with pytest.raises(WeftError):
        await store.get("submodel", "urn:a")
    return told


STANDS = [None, (1, False), (2, True), None, (4, False), (5, True), (5, True)]


def test_what_is_held_is_never_older_than_what_stands(tmp_path):
    assert run(story(opened(str(tmp_path / "twins.db")))) == STANDS


def test_a_store_that_forgets_nothing_is_found_out(tmp_path):
    store = opened(str(tmp_path / "twins.db"))
    store._held.forget = lambda: None
    assert run(story(store)) != STANDS
