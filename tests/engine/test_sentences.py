"""Sentences that a node says of itself tell times by the firm's own clock."""

import msgspec
import pytest

from tests.engine.world import Wires, found
from weft.basis import zone


@pytest.mark.parametrize(("minutes", "lang", "told"), [
    (480, "en", "3 May 2026 07:30"), (480, "zh", "2026年5月3日 07:30"), (0, "en", "2 May 2026 23:30"),
    (-60, "en", "2 May 2026 22:30")])
async def test_a_refusal_with_a_time_in_it_names_the_local_time(minutes, lang, told):
    node = await found(Wires(), "Factory")
    try:
        firm = msgspec.structs.replace(node.config.firm, time_zone=zone.fixed(minutes).name)
        node.config = msgspec.structs.replace(node.config, firm=firm)
        said = node.translate(lang, "error.pricing.already-withdrawn", {"at": "2026-05-02T23:30:00.000Z"})
        assert told in said
        assert "Z" not in said
        assert "7 MB" in node.translate("en", "cli.doctor.disk.warning", {"free": 7}), "all else stays as it is"
    finally:
        await node.stop()
