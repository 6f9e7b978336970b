"""Files of twins: they come in by pieces, are found by their digest, and go when nobody names them."""

import hashlib

import pytest

from tests.stores.twins.making import Hands, chunks, encoded, opened, put, run, shell, submodel
from weft.basis.errors import NotFound, Refused
from weft.engine.twins.ports import Change
from weft.stores.twins.applying import GONE_MS
from weft.stores.twins.store import GRACE_MS, PIECE


def file(name: str, value: str) -> dict[str, str]:
    return {"modelType": "File", "idShort": name, "contentType": "application/pdf", "value": value}


async def content(found) -> bytes:
    return b"".join([piece async for piece in found.chunks()])


def pieces(store) -> int:
    return store._read("SELECT count(*) FROM pieces", ())[0][0]


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE - 1])
def test_a_file_comes_back_as_it_came(size):
    async def story():
        store = opened()
        data = bytes(range(256)) * (size // 256 + 1)
        digest = await store.keep_file(chunks(data[:size]), "application/pdf", "manual.pdf")
        found = await store.file(digest)
        assert digest == hashlib.sha256(data[:size]).hexdigest()
        assert (found.size, found.content_type, found.name) == (size, "application/pdf", "manual.pdf")
        assert await content(found) == data[:size]
        assert await store.file("0" * 64) is None
        assert await store.file("") is None
        await store.close()

    run(story())


def test_the_same_file_twice_takes_its_room_once():
    async def story():
        store = opened()
        data = b"x" * (PIECE + 5)
        first = await store.keep_file(chunks(data), "a/b", "one")
        assert await store.keep_file(chunks(data), "a/b", "two") == first
        await store.sweep()
        assert pieces(store) == 2
        assert await content(await store.file(first)) == data
        await store.close()

    run(story())


def test_what_is_too_large_or_breaks_off_leaves_nothing():
    async def story():
        store = opened(file_max=PIECE)
        with pytest.raises(Refused) as caught:
            await store.keep_file(chunks(b"x" * (2 * PIECE)), "a/b", "large")
        assert caught.value.code == "twin.file-size"

        async def breaking():
            yield b"x" * PIECE
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await store.keep_file(breaking(), "a/b", "broken")
        assert pieces(store)
        await store.sweep()
        assert not pieces(store)
        assert not store._read("SELECT 1 FROM files", ())
        await store.close()

    run(story())


def test_a_twin_means_a_file_for_as_long_as_it_names_it():
    async def story():
        clock = Hands()
        store = opened(clock=clock)
        one, two = [await store.keep_file(chunks(data), "application/pdf", "f.pdf") for data in (b"one", b"two")]
        await store.commit([put("submodel", submodel("urn:a", file("F", "/a.pdf"), file("G", "/b.pdf")),
                                files=(("/a.pdf", one), ("/b.pdf", two)))])
        assert await content(await store.file_of("submodel", "urn:a", "/a.pdf")) == b"one"
        assert await store.file_of("submodel", "urn:b", "/a.pdf") is None
        await store.commit([put("submodel", submodel("urn:a", file("F", "/a.pdf")))])
        assert await store.files_of("submodel", "urn:a") == [("/a.pdf", one)]
        await store.sweep()
        assert await store.file(two), "it may still be named"
        clock.ms += GRACE_MS + 1
        assert await store.sweep() == 1
        assert await store.file(two) is None
        assert await store.file(one)
        await store.commit([Change("submodel", "urn:a", None)])
        clock.ms += GRACE_MS + 1
        await store.sweep()
        assert not pieces(store)
        await store.close()

    run(story())


def test_another_file_under_the_same_name_is_a_change():
    async def story():
        store = opened()
        one, two = [await store.keep_file(chunks(data), "application/pdf", "f.pdf") for data in (b"one", b"two")]
        document = submodel("urn:a", file("F", "/a.pdf"))
        await store.commit([put("submodel", document, files=(("/a.pdf", one),))])
        [row] = await store.commit([put("submodel", document, files=(("/a.pdf", two),))])
        assert row.revision == 2
        assert await content(await store.file_of("submodel", "urn:a", "/a.pdf")) == b"two"
        await store.close()

    run(story())


def test_a_thumbnail_and_a_package_name_files_too():
    async def story():
        store = opened()
        digest = await store.keep_file(chunks(b"png"), "image/png", "p.png")
        document = shell("urn:s")
        document["assetInformation"]["defaultThumbnail"] = {"path": "/p.png", "contentType": "image/png"}
        package = encoded({"packageId": "p1", "file": "x.aasx"})
        await store.commit([put("shell", document, files=(("/p.png", digest),)),
                            Change("package", "p1", package, files=(("x.aasx", digest),))])
        assert await store.file_of("shell", "urn:s", "/p.png")
        assert await store.file_of("package", "p1", "x.aasx")
        await store.close()

    run(story())


def test_a_file_that_was_never_kept_cannot_be_named():
    async def story():
        store = opened()
        with pytest.raises(NotFound):
            await store.commit([put("submodel", submodel("urn:a", file("F", "/a.pdf")), files=(("/a.pdf", "0" * 64),))])
        assert await store.get("submodel", "urn:a") is None
        await store.close()

    run(story())


def test_what_had_not_come_in_whole_goes_after_a_crash(tmp_path):
    path = str(tmp_path / "twins.db")

    async def story():
        store = opened(path)

        async def crashing():
            yield b"x" * PIECE
            yield b"x" * PIECE
            store.crash()
            yield b"x"

        with pytest.raises(Exception, match="closed"):
            await store.keep_file(crashing(), "a/b", "f")
        again = opened(path)
        assert pieces(again) == 2
        await again.sweep()
        assert not pieces(again)
        await again.close()

    run(story())


def test_a_sweep_that_was_cut_off_goes_on_after_the_crash(tmp_path):
    path = str(tmp_path / "twins.db")

    async def story():
        clock = Hands()
        store = opened(path, clock=clock)
        digest = await store.keep_file(chunks(b"x" * (3 * PIECE)), "a/b", "f")
        clock.ms += GRACE_MS + 1
        plain = store._commit

        async def crashing(work):
            if not store._read("SELECT 1 FROM files WHERE digest <> ''", ()):
                store.crash()
            await plain(work)

        store._commit = crashing
        with pytest.raises(Exception, match="closed"):
            await store.sweep()
        again = opened(path, clock=clock)
        assert pieces(again) == 3
        assert await again.file(digest) is None
        assert await again.keep_file(chunks(b"y" * PIECE), "a/b", "g"), "its number is not given to another"
        await again.sweep()
        assert pieces(again) == 1
        await again.close()

    run(story())


def test_a_twin_deleted_long_ago_is_forgotten():
    async def story():
        clock = Hands()
        store = opened(clock=clock)
        await store.commit([put("submodel", submodel("urn:a"))])
        await store.commit([Change("submodel", "urn:a", None)])
        clock.ms += GONE_MS + 1
        assert await store.sweep() == 1
        assert await store.history("submodel", "urn:a", 0, 9) == []
        [row] = await store.commit([put("submodel", submodel("urn:a"))])
        assert row.revision == 3, "no revision is told a second time, though nobody knows of the first any more"
        [row] = await store.commit([put("submodel", submodel("urn:b"))])
        assert row.revision == 3, "nor of a twin of which nothing is known"
        await store.commit([Change("submodel", "urn:b", None)])
        [row] = await store.commit([put("submodel", submodel("urn:b"))])
        assert row.revision == 5
        assert await store.sweep() == 0, "what stands for all that was forgotten stays"
        assert not await store.deleted(None, 9)
        await store.close()

    run(story())
