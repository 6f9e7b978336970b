"""``weft twin access``: rules go out and come in as they are, and what a partner sees is what it would be given."""

import json

import pytest

from tests.cli.desk import Desk
from tests.engine.dealing import dealt
from tests.engine.home import TOKEN, empty_node
from weft.basis.errors import Invalid, NotFound
from weft.cli import device, twin_access
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.twins.access import HOUSE, PROGRAMS, Access, program
from weft.engine.twins.guarded import CHANGING


async def test_rules_are_shown_as_set_takes_them(tmp_path, capsys):
    node = await empty_node()
    try:
        desk = Desk(node)
        await desk.call(twin_access.show, as_json=True)
        told = json.loads(capsys.readouterr().out)
        assert told == {"AllAccessPermissionRules": {"rules": [HOUSE, PROGRAMS]}}
        file = tmp_path / "rules.json"
        told["AllAccessPermissionRules"]["rules"].pop()
        file.write_text(json.dumps(told))
        await desk.call(twin_access.set_, file=file)
        assert await Access(node).document() == told
        for wrong, code in (("{", "web.body-not-json"), ("[]", "web.body-shape"), ('{"rules": 5}', "query.list")):
            file.write_text(wrong)
            with pytest.raises(Invalid) as refused:
                await desk.call(twin_access.set_, file=file)
            assert refused.value.code == code
        assert await Access(node).document() == told
    finally:
        await node.stop()


async def test_what_a_partner_sees_is_told_and_its_program_let_in(capsys):
    async with dealt() as (shop, factory, thread):
        factory.devices = Devices(factory.store, factory.clock, factory.random, TOKEN)
        desk = Desk(factory)
        await desk.call(twin_access.as_, partner="Shop")
        told = capsys.readouterr().out
        assert "LotNumber" in told and "Whereabouts" not in told
        assert (await factory.state(thread)).order.number in told
        with pytest.raises(NotFound):
            await desk.call(twin_access.as_, partner="Nobody")
        desk.url = lambda: "http://weft.test"
        await desk.call(device.add, key="", scope="owner", name="", partner="Shop", sheet=None)
        code = capsys.readouterr().out.split("type ")[-1].split(",")[0]
        token = await factory.devices.pair(code[-9:])
        found = await factory.devices.authenticate(token)
        assert (found.scope, found.partner) == ("partner", shop.organisation)


async def test_a_program_is_let_in_by_a_command_and_another_says_what_it_may(capsys):
    node = await empty_node()
    try:
        node.devices = Devices(node.store, node.clock, node.random, TOKEN)
        desk = Desk(node)
        await desk.call(device.program, name="ERP", partner="")
        told = capsys.readouterr()
        found = await node.devices.authenticate(told.out.strip())
        assert (found.scope, found.name, found.partner) == ("client", "ERP", "")
        assert told.out.count("\n") == 1 and "ERP" in told.err  # a script reads the token, nothing else
        for unnamed in ("", "  "):
            with pytest.raises(Invalid) as refused:
                await desk.call(device.program, name=unnamed, partner="")
            assert refused.value.code == "device.unnamed"
        access = Access(node)
        assert not (await access.sight(program("ERP"))).gives(CHANGING)
        await desk.call(twin_access.allow, program="ERP", rights=("READ", "UPDATE"))
        await desk.call(twin_access.allow, program="Gauge", rights=())
        await desk.call(twin_access.allow, program="ERP", rights=())
        rules = (await access.document())["AllAccessPermissionRules"]["rules"]
        assert rules[:2] == [HOUSE, PROGRAMS] and len(rules) == 4  # the second word took the place of the first
        assert [rule["ACL"]["RIGHTS"] for rule in rules[2:]] == [["ALL"], ["ALL"]]
        assert [(await access.sight(program(name))).gives(CHANGING) for name in ("ERP", "Gauge", "Other")] == [
            True, True, False]
    finally:
        await node.stop()


async def test_nothing_is_not_said_above_a_table_that_lists_a_twin(capsys):
    async with dealt() as (_, factory, thread):
        desk = Desk(factory)
        await desk.call(twin_access.as_, partner="Shop")
        told = capsys.readouterr().out
        assert "LotNumber" in told and "Nothing" not in told
        await run(factory, "window-shut", {"thread": thread})
        await desk.call(twin_access.as_, partner="Shop")  # control: then it is said, and once
        assert capsys.readouterr().out.strip() == "Nothing."


async def test_the_list_of_devices_names_whose_program_it_is_and_what_each_may(capsys):
    async with dealt() as (shop, factory, _):
        factory.devices = Devices(factory.store, factory.clock, factory.random, TOKEN)
        desk = Desk(factory)
        for name in ("Reader", "Gauge", "ERP"):
            await desk.call(device.program, name=name, partner="")
        await desk.call(device.program, name="ERP", partner="Shop")
        capsys.readouterr()

        async def listed():
            await desk.call(device.show)
            rows = capsys.readouterr().out.splitlines()
            found = {(one.name, one.scope): next(row for row in rows if one.id in row)
                     for one in await factory.devices.all()}
            return [found[one] for one in (("Reader", "client"), ("Gauge", "client"), ("ERP", "client"),
                                           ("ERP", "partner"))]

        reader, gauge, erp, theirs = await listed()
        assert all("reads what your rules show" in row for row in (reader, gauge, erp))
        assert "A program of Shop: sees what Shop sees" in theirs
        await desk.call(twin_access.allow, program="Gauge", rights=("READ", "UPDATE"))
        await desk.call(twin_access.allow, program="ERP", rights=())
        capsys.readouterr()
        reader, gauge, erp, theirs = await listed()
        assert "reads what your rules show" in reader and "changes what your rules allow" in gauge
        assert "everything with the digital twins" in erp and "sees what Shop sees" in theirs
        await desk.call(device.show, as_json=True)
        told = {one["may"]: one for one in json.loads(capsys.readouterr().out)["paired"]}
        assert set(told) == {"client-reads", "client-changes", "client-all", "partner"}
        assert (told["partner"]["partner"], told["partner"]["partner_name"]) == (shop.organisation, "Shop")
        await Access(factory).keep({"rules": [HOUSE]})
        assert "no digital twins" in (await listed())[0]
