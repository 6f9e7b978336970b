"""A firm writes no key log that its partners would not take, and never half of what is to be said."""

import pytest

from tests.engine.test_keyring import paper_of, two
from tests.engine.world import FOUNDERS, quiet
from weft.basis.errors import Invalid, Refused
from weft.engine import exchange, handle, keys
from weft.identity import keylog
from weft.identity.keys import Signer


async def test_a_key_log_grows_no_further_than_partners_take_and_there_is_room_to_let_a_device_go(monkeypatch):
    _, shop, factory = await two()
    monkeypatch.setattr(keylog, "EVENTS_MAX", 10)
    sheet = paper_of(shop)
    added = [Signer(bytes([number]) * 32).public for number in range(9)]
    with pytest.raises(Refused, match=r"keylog\.full"):
        for device in added:
            await keys.add_device(shop, sheet, device, "till")
    held = await shop.keys(shop.organisation)
    assert len(held.events) == 9, "the last tenth is kept free"
    await keys.revoke_device(shop, sheet, added[0])
    await quiet(shop, factory)
    assert await factory.keys(shop.organisation) == await shop.keys(shop.organisation)
    with pytest.raises(Refused, match=r"keylog\.full"):
        await keys.revoke_device(shop, sheet, added[1])
    await keys._say(shop, FOUNDERS[shop.organisation], [])  # nothing is nothing
    monkeypatch.setattr(keylog, "EVENTS_MAX", 20)
    await keys.revoke_device(shop, sheet, added[1])
    monkeypatch.setattr(keylog, "EVENTS_MAX", 10)
    with pytest.raises(Invalid, match=r"keylog\.keys"):  # the control: what is said all the same is refused
        await exchange.answer(factory, shop.organisation, await exchange.own(shop))


async def test_half_a_revocation_is_never_said(monkeypatch):
    _, shop, factory = await two()
    device = Signer(b"p" * 32).public
    await keys.add_device(shop, paper_of(shop), device, "node")
    monkeypatch.setattr(keys, "PLACES_MAX", 16)
    source, said = handle.commit, []

    async def once(memory, after, events, *more, **named):
        said.append(len(events))
        await source(memory, after, events, *more, **named)

    monkeypatch.setattr(handle, "commit", once)
    await keys.revoke_device(shop, paper_of(shop), device)
    assert said[0] == 4, "64 places in four messages, by one transaction"
    await quiet(shop, factory)
    assert await factory.keys(shop.organisation) == await shop.keys(shop.organisation)
