"""A firm writes no key log that its partners would not take, and never half of what is to be said."""

import pytest

from tests.engine.test_keyring import SHOP, Desk, paper_of, two
from tests.engine.world import FOUNDERS, NEXT_SEEDS, SHEETS, quiet
from weft.basis.errors import Denied, Invalid, Refused
from weft.engine import exchange, handle, keys
from weft.identity import keylog, sheet
from weft.identity.keys import Signer


async def test_a_key_log_grows_no_further_than_partners_take_and_there_is_room_to_let_a_device_go(monkeypatch):
    _, shop, factory = await two()
    monkeypatch.setattr(keylog, "EVENTS_MAX", 10)
    given = paper_of(shop)
    added = [Signer(bytes([number]) * 32).public for number in range(9)]
    with pytest.raises(Refused, match=r"keylog\.full"):
        for device in added:
            await keys.add_device(shop, given, device, "till")
    held = await shop.keys(shop.organisation)
    assert len(held.events) == 9, "the last tenth is kept free"
    await keys.revoke_device(shop, given, added[0])
    await quiet(shop, factory)
    assert await factory.keys(shop.organisation) == await shop.keys(shop.organisation)
    with pytest.raises(Refused, match=r"keylog\.full"):
        await keys.revoke_device(shop, given, added[1])
    await keys._say(shop, FOUNDERS[shop.organisation], [])  # nothing is nothing
    monkeypatch.setattr(keylog, "EVENTS_MAX", 20)
    await keys.revoke_device(shop, given, added[1])
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


@pytest.mark.parametrize("turns", [1, 2])
async def test_a_recovery_that_broke_off_is_finished_by_the_sheet_in_force_and_the_old_one_is_worth_nothing(
        monkeypatch, turns):
    _, shop, factory = await two()
    old = "\n".join([SHEETS[shop.organisation], *sheet.rows(NEXT_SEEDS[shop.organisation])])
    desk, device, done, turn = Desk(), Signer(b"d" * 32), [], keys._turn

    async def breaks(*given):
        if len(done) == turns:
            raise Denied("broken-off")
        done.append(await turn(*given))
        if len(done) == 2:
            raise Denied("broken-off")
        return done[-1]

    monkeypatch.setattr(keys, "_turn", breaks)
    with pytest.raises(Denied, match="broken-off"):
        await keys.recover(shop, await keys.hands(shop, old), desk, SHOP, device)
    assert len(done) == turns
    monkeypatch.undo()
    typed = old if turns == 1 else desk.text
    if turns == 2:
        with pytest.raises(Denied, match=r"paper\.other"):
            await keys.hands(shop, old)
    await keys.recover(shop, await keys.hands(shop, typed), desk, SHOP, device)
    with pytest.raises(Denied, match=r"paper\.other"):
        await keys.hands(shop, old)
    given = await keys.hands(shop, desk.text)
    assert given.present is not None
    assert given.following is not None
    assert not (await shop.keys(shop.organisation)).devices[device.public].revoked
    await quiet(shop, factory)
    assert await factory.keys(shop.organisation) == await shop.keys(shop.organisation)
