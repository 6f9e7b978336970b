"""Ours and ``@thingweb/aas-aid`` (Eclipse) read each other: names, types, units, bounds, addresses, words of bindings.

That reader gives all words of a form as texts and whole addresses; it keeps of OPC UA's security nothing but its name.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.machines import npm
from tests.twin.interfaces.things import ALL, KEPT, absolute
from weft.shopfloor.adopting import adopt
from weft.shopfloor.reading import parse
from weft.twin.interfaces.reading import is_aid, read
from weft.twin.templates import interfaces

SCRIPT = Path(__file__).parent / "aas_aid.js"


@pytest.fixture(scope="module")
def foreign():
    """(way, document) -> what Eclipse's library makes of it, all in one run: "aid" of a description, "td" of an AID."""
    modules = npm.package("@thingweb/aas-aid", "1.0.2")
    asked = [("td", json.dumps(one)) for one in (*map(ours, ALL.values()), bent())]
    asked += [("aid", json.dumps(absolute(one))) for one in ALL.values()]
    ran = subprocess.run(["node", str(SCRIPT)], input=json.dumps(asked), env=npm.environment(modules),
                         capture_output=True, text=True, timeout=60, check=True)
    made = dict(zip(asked, map(json.loads, json.loads(ran.stdout)), strict=True))
    return lambda way, document: made[way, json.dumps(document)]


def ours(thing):
    return interfaces.build("urn:x:aid", interfaces.described("L1", json.dumps(thing)))


def bent():
    return json.loads(json.dumps(ours(ALL["modbus"])).replace("40089", "40090"))


def of(each):
    return {name: each[name] for name in KEPT if name in each}


def words(form):
    """The words of a form as the texts that AID has for them."""
    return {name: one if isinstance(one, str) else json.dumps(one) for name, one in form.items()
            if ":" in name or name == "contentType"}


@pytest.mark.parametrize("protocol", ALL)
def test_what_we_write_is_read_by_them(foreign, protocol):
    thing = ALL[protocol]
    read_back = foreign("td", ours(thing))
    assert (read_back["title"], read_back["base"]) == (thing["title"], thing["base"])
    assert read_back["security"] == ["nosec_sc"] and read_back["securityDefinitions"]["nosec_sc"]["scheme"] == "nosec"
    assert list(read_back["properties"]) == list(thing["properties"])
    for name, each in absolute(thing)["properties"].items():
        found = read_back["properties"][name]
        assert of(found) == of(each)
        assert found["forms"][0]["href"] == each["forms"][0]["href"]
        told = words(found["forms"][0])
        assert {key: told[key] for key in words(each["forms"][0])} == words(each["forms"][0])


@pytest.mark.parametrize("protocol", ALL)
def test_what_they_write_is_read_by_us(foreign, protocol):
    thing = ALL[protocol]
    written = foreign("aid", absolute(thing))
    assert is_aid(written)
    (interface,) = read(written)
    assert [one for one in interface.noticed if one.grade == "lost"] == []
    described = parse(adopt(interface.thing, "L1").thing)
    expected = parse(thing)
    assert (described.base, described.scheme) == (expected.base, expected.scheme)
    for name, wanted in expected.properties.items():
        found = described.properties[name]
        lost = {"enum": ()} if wanted.enum else {}  # theirs writes none
        assert (found.title, found.type, found.unit, found.minimum, found.maximum, found.observe, found.enum) == (
            wanted.title, wanted.type, wanted.unit, wanted.minimum, wanted.maximum, found.observe,
            lost.get("enum", wanted.enum))
        assert found.href.lstrip("/") == wanted.href.lstrip("/")
        bound = {key: one for key, one in wanted.form.items() if key.startswith(("modv:", "mqv:", "htv:"))}
        assert {key: found.form[key] for key in bound} == bound


@pytest.mark.parametrize("protocol", ALL)
def test_there_and_back_by_them_is_the_same_as_by_us_alone(foreign, protocol):
    by_them = parse(adopt(foreign("td", ours(ALL[protocol])), "L1").thing)
    by_us = parse(adopt(read(ours(ALL[protocol]))[0].thing, "L1").thing)
    for name, one in by_us.properties.items():
        found = by_them.properties[name]
        assert (found.title, found.type, found.unit, found.minimum, found.maximum, found.observe) == (
            one.title, one.type, one.unit, one.minimum, one.maximum, one.observe)
        assert found.form == {"contentType": found.form["contentType"], **one.form}  # which they always say


def test_they_would_notice_an_address_that_is_wrong(foreign):
    """The control: a bent address comes back bent."""
    assert "40089" not in json.dumps(foreign("td", bent()))
