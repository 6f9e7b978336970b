"""``weft pickup``: a parcel from the buyer's choice over the shop's counter and back, every step a command."""

import json

import pytest

from tests.cli.desk import Desk
from tests.engine.picking import three
from tests.engine.world import until
from weft.basis.errors import NotFound, Refused
from weft.cli import pickup as told
from weft.cli import pickup_places
from weft.engine import pickup
from weft.engine.commands import run
from weft.engine.views import VIEWS
from weft.trade.order_state import Phase


async def test_every_step_at_the_counter_is_a_command(capsys):
    async with three() as world:
        buyer, maker, shop = (Desk(node) for node in world.all)
        await maker.call(pickup_places.places)
        assert "Corner Shop" in capsys.readouterr().out
        world.order = (await run(world.buyer, "request-quotation", {
            "supplier": "Maker", "lines": [{"item": "V15", "quantity": "4"}]})).thread
        await until(lambda: world.phase(world.order, Phase.QUOTED))
        await world.offered()
        await buyer.call(pickup_places.order, order=world.order, at="")
        assert "1 Main Street" in capsys.readouterr().out
        with pytest.raises(NotFound, match=r"pickup\.no-place"):
            await buyer.call(pickup_places.order, order=world.order, at="Elsewhere")
        await buyer.call(pickup_places.order, order=world.order, at="Corner Shop")
        code = await world.code()
        shown = capsys.readouterr().out
        assert f"{code[:4]} {code[4:]}" in shown
        assert "not there yet" in shown
        await run(world.buyer, "order", {"thread": world.order})
        await until(world.coming)
        await shop.call(told.show)
        shown = capsys.readouterr().out
        assert "on its way" in shown
        assert "Maker" in shown
        (parcel,) = (await VIEWS["pick-ups"](world.shop)).parcels
        await shop.call(told.inspect, parcel=parcel.label.lower(), lines=("1=3",), damaged=("1=1",), refused=(),
                        reason="dented")

        async def ready():
            fetch = await pickup.row(world.buyer, pickup.FETCHES, world.order, pickup.Fetch)
            return fetch.ready == {"1": "3"}

        await until(ready)
        capsys.readouterr()
        await shop.call(told.show, as_json=True)
        (parcel,) = json.loads(capsys.readouterr().out)["parcels"]
        assert (parcel["state"], parcel["goods"][0]["here"], parcel["goods"][0]["lost"]) == ("here", "3", "1")
        with pytest.raises(Refused, match=r"pickup\.wrong-code"):
            await shop.call(told.hand_out, code="AAAABBBB", parcel=parcel["label"])
        await shop.call(told.hand_out, code=f"{parcel['label']} {code}", parcel="")
        with pytest.raises(Refused, match=r"pickup\.handed-out"):
            await shop.call(told.hand_out, code=code, parcel=parcel["label"])
        await shop.call(told.take_back, code=code, items=("V15=2",), parcel=parcel["label"], reason="too small")
        await shop.call(told.send_back, parcel=parcel["label"])
        await world.quiet()
        assert (await world.where())["shop"] == {}
        await maker.call(pickup_places.drop, place="Corner Shop")
        assert await pickup.shops(world.maker) == []


async def test_a_parcel_that_is_not_here_is_refused_in_words():
    async with three() as world:
        desk = Desk(world.shop)
        with pytest.raises(NotFound, match=r"pickup\.no-parcel"):
            await desk.call(told.send_back, parcel="ABCD")


async def test_a_place_is_offered_by_a_command(capsys):
    async with three() as world:
        await run(world.maker, "pickup-shop-drop", {"place": (await pickup.shops(world.maker))[0].place.id})
        desk = Desk(world.maker)
        await desk.call(pickup_places.offer, partner="Shop", item="PICK", place="Station",
                        address="Platform 1", return_days=3)
        await desk.call(pickup_places.places, as_json=True)
        (row,) = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (row["place"]["name"], row["place"]["return_days"]) == ("Station", 3)
