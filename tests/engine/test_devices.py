"""Paired devices: who is let go is out, and a disk that is full makes no secret of it."""

import pytest

from tests.engine.world import Ticking, randomness
from weft.basis.errors import NotFound, Unavailable
from weft.engine.devices import Devices
from weft.stores.memory import MemoryStore


class Filled(MemoryStore):
    """A store whose disk may be full."""

    full = False

    async def commit(self, batch):
        if self.full:
            raise Unavailable("store.full", path="weft.db")
        await super().commit(batch)


async def test_a_device_that_could_not_be_let_go_is_still_shown_and_can_be_let_go_later():
    store = Filled()
    devices = Devices(store, Ticking(), randomness(3))
    token = await devices.pair(await devices.new_code(), "lost phone")
    (phone,) = await devices.all()
    store.full = True
    with pytest.raises(Unavailable, match="full"):
        await devices.revoke(phone.id)
    assert [one.name for one in await devices.all()] == ["lost phone"]
    store.full = False
    await devices.revoke(phone.id)
    assert await devices.authenticate(token) is None
    assert await Devices(store, Ticking(), randomness(3)).authenticate(token) is None, "nor after a new start"
    with pytest.raises(NotFound):
        await devices.revoke(phone.id)
