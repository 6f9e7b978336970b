"""Erased for good: not one byte of what a deleted twin said is left in the files of its store; a receipt says so."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from tests.engine.home import empty_node
from tests.stores.twins.making import Hands, chunks, opened, prop, put, submodel
from weft.basis.canonical import unb64
from weft.basis.errors import Refused
from weft.engine.commands import run
from weft.engine.twins import erasing
from weft.engine.twins.ports import Change
from weft.engine.views import VIEWS
from weft.identity.keys import verify
from weft.stores.twins.applying import Kept
from weft.stores.twins.store import GRACE_MS

SECRET = "a recipe that nobody must find again"
DAY_MS = 86_400_000


def story(action):
    return asyncio.run(asyncio.wait_for(action, 60))


def left(path):
    """Whether any file of the store has a byte of it."""
    return [one.name for one in Path(path).parent.glob("twins.db*") if SECRET.encode() in one.read_bytes()]


async def home(path, **kept):
    """A node whose twin ``urn:a`` had a secret, and was deleted with its file; ``urn:b`` stands and had one, too."""
    node = await empty_node()
    clock = Hands()
    store = opened(str(path), clock=clock, kept=Kept(**kept))
    node.twins.opening = lambda: store
    digest = await store.keep_file(chunks((SECRET + " in a file").encode()), "text/plain", "f.txt")
    held = {"modelType": "File", "idShort": "F", "contentType": "text/plain", "value": "/f.txt"}
    for name in ("urn:a", "urn:b"):
        for value in (SECRET, f"{SECRET} 2", "plain"):
            more = [held] if name == "urn:a" else []
            await store.commit([put("submodel", submodel(name, prop("P", value, "xs:string"), *more, id_short="Pump"),
                                    files=(("/f.txt", digest),) if more else ())])
    await store.commit([Change("submodel", "urn:a", None)])
    clock.ms += GRACE_MS + 1
    return node, store, clock


def test_a_deleted_twin_is_erased_from_the_very_file_and_the_receipt_holds(tmp_path):
    async def told():
        node, store, _ = await home(tmp_path / "twins.db")
        view = await VIEWS["twin-deleted"](node)
        assert [(one.id, one.name, one.states) for one in view.twins] == [("urn:a", "Pump", 3)] and view.days == 400
        with pytest.raises(Refused, match=r"twin\.not-sure"):
            await run(node, "twin-erase", {"id": "urn:a"}, key="1")
        assert (await VIEWS["twin-deleted"](node)).twins
        done = await run(node, "twin-erase", {"id": "urn:a", "sure": True}, key="2")
        receipt = msgspec.convert(done.facts["receipt"], erasing.Receipt)
        assert (receipt.id, receipt.states) == ("urn:a", 3) and receipt.bytes > len(SECRET)
        assert verify(receipt.device, erasing.DOMAIN + erasing.content(receipt), unb64(receipt.signature))
        bent = msgspec.structs.replace(receipt, states=2)
        assert not verify(bent.device, erasing.DOMAIN + erasing.content(bent), unb64(bent.signature))
        view = await VIEWS["twin-deleted"](node)
        assert view.twins == () and view.receipts == (receipt,)
        assert [(row.revision, row.body) for row in await store.history("submodel", "urn:a", 0, 9)] == [(4, b"")]
        assert len(await store.history("submodel", "urn:b", 0, 9)) == 3, "others keep theirs"
        with pytest.raises(Refused, match=r"twin\.nothing-to-erase"):
            await run(node, "twin-erase", {"id": "urn:a", "sure": True}, key="3")
        assert await store.check() == "ok"
        await run(node, "twin-erase", {"id": "urn:b", "sure": True}, key="4")
        [row] = await store.history("submodel", "urn:b", 0, 9)
        assert row.revision == 3 and b"plain" in row.body, "of one that stands, what it is now"
        assert left(store.path) == []
        await store.commit([put("submodel", submodel("urn:b", prop("P", "again", "xs:string")))])
        await store.commit([put("submodel", submodel("urn:a", prop("P", "new", "xs:string")))])
        assert (await store.get("submodel", "urn:a")).revision == 5, "no revision is told a second time"
        assert len(await store.history("submodel", "urn:b", 0, 9)) == 2
        await node.twins.close()

    story(told())


def test_control_deleting_alone_leaves_what_it_said_in_the_file(tmp_path):
    async def told():
        node, store, _ = await home(tmp_path / "twins.db")
        await store.sweep()
        assert left(store.path)
        await node.twins.close()
        assert left(store.path)

    story(told())


def test_what_was_deleted_is_kept_as_long_as_the_settings_say(tmp_path):
    async def told():
        node, store, clock = await home(tmp_path / "twins.db", deleted_ms=3 * DAY_MS)
        clock.ms += 2 * DAY_MS
        await store.sweep()
        assert len(await store.history("submodel", "urn:a", 0, 9)) == 4
        clock.ms += DAY_MS + 1
        await store.sweep()
        assert await store.history("submodel", "urn:a", 0, 9) == []
        assert not await store.deleted(None, 9)
        await node.twins.close()

    story(told())


def test_deleted_twins_come_page_by_page(tmp_path):
    async def told():
        store = opened(str(tmp_path / "twins.db"))
        names = [f"urn:{n}" for n in range(5)]
        for name in names:
            await store.commit([put("submodel", submodel(name))])
            await store.commit([Change("submodel", name, None)])
        found, after = [], None
        while page := await store.deleted(after, 2):
            found += [one.id for one in page]
            after = page[-1].kind, page[-1].id
        assert found == names
        await store.close()

    story(told())
