"""The suite of all protocols over Sparkplug: Mosquitto, and a foreign edge node with a device behind it."""

import pytest

from tests.machines.sparkplug.conftest import Device
from tests.machines.suite import Counterpart, WriteSuite, opened
from weft.shopfloor.connection import Quality


class TestSparkplug(WriteSuite):
    @pytest.fixture
    def counterpart(self, device: Device) -> Device:
        return device

    async def test_the_devices_refusal_is_its_own_reason(self, counterpart: Counterpart) -> None:
        """A command has no answer in Sparkplug: what the device does not do is not read back, and nothing else."""
        async with opened(counterpart) as (connection, _):
            assert await connection.write({"Alarm": 3}) == {"Alarm": ""}
            assert (await connection.read(["Alarm"]))["Alarm"].value == -7


async def test_members_of_templates_are_metrics_and_what_has_no_plain_form_is_bad(device: Device) -> None:
    async with opened(device) as (connection, _):
        told = await connection.read(["Rpm", "Motor", "Picture"])
        assert told["Rpm"].value == 900
        assert [told[name].quality for name in ("Motor", "Picture")] == [Quality.BAD] * 2


async def test_browsing_tells_the_metrics_of_the_birth(device: Device) -> None:
    async with opened(device) as (connection, _):
        found = {one.href: one for one in await connection.browse()}
        assert (found["Speed"].type, found["Heat"].type, found["LocalReady"].type) == ("integer", "number", "boolean")
        assert found["Settings/Feed"].name == "Feed"
        assert [one.path for one in await connection.browse(1, "Settings")] == ["Feed"]
        assert {one.href for one in await connection.browse(1) if one.kind == "object"} == {"Motor", "Settings"}
