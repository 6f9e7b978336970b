"""Whatever the file of written twins says beside the truth is found; of a sound one nothing is said."""

import pytest

from tests.stores.twins.making import chunks, opened, prop, put, run, shell, submodel
from weft.stores.twins.examining import Fault, faults

DAMAGES = {
    "UPDATE twins SET body = '{\"id\":\"urn:b\"' WHERE id = 'urn:a'": [("urn:a", "body"), ("", "index")],
    "UPDATE twins SET id = 'urn:z' WHERE id = 'urn:s'": [("urn:z", "body"), ("urn:z", "index")],
    "UPDATE elements SET value = '9' WHERE value = '1'": [("urn:a", "index")],
    "DELETE FROM elements WHERE value = '1'": [("urn:a", "index"), ("", "index")],
    "DELETE FROM names WHERE id = 'urn:s'": [("urn:s", "index"), ("", "index")],
    "DELETE FROM fields": [("urn:s", "index"), ("urn:a", "index"), ("", "index")],
    "INSERT INTO names VALUES (1, 'of nobody', 'urn:y')": [("", "index")],
    "UPDATE history SET head = head - 1 WHERE id = 'urn:a'": [("urn:a", "history")],
    "DELETE FROM history WHERE id = 'urn:a' AND revision = 2": [("urn:a", "history")],
    "UPDATE pieces SET content = zeroblob(length(content))": [("urn:a", "file")],
    "DELETE FROM files": [("urn:a", "file")],
}


async def kept():
    """A store with a shell, and a submodel with a past and a file."""
    store = opened()
    digest = await store.keep_file(chunks(b"manual"), "application/pdf", "m.pdf")
    file = {"modelType": "File", "idShort": "F", "contentType": "application/pdf", "value": "/m.pdf"}
    for n in (5, 4, 3, 1):
        await store.commit([put("submodel", submodel("urn:a", prop("P", str(n)), file), files=(("/m.pdf", digest),))])
    await store.commit([put("shell", shell("urn:s"))])
    return store


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_at_its_twin(damage):
    async def story():
        store = await kept()
        assert [one async for one in faults(store)] == []
        store._connection.execute(damage)
        assert store._connection.changes()
        found = [one async for one in faults(store)]
        assert found == [Fault(*one) for one in DAMAGES[damage]]
        await store.close()

    run(story())
