"""What simulated firms have before they begin: items, stock and prices; in factories also bills, routings, a machine.

A light firm trades two valves from stock. In a world of factories the maker assembles valves from bodies that the
foundry turns of the maker's castings on a lathe and a bench; the others sell what lies in their stock.
Not here: who trades with whom (``plan.py``).
"""

import base64
import random
from dataclasses import dataclass
from typing import Any

from tests.simulation import lathe, words
from weft.config import Rules
from weft.engine.commands import run
from weft.engine.node import Node
from weft.stock.book import Several as Stock
from weft.stock.messages import Item, ItemDefined, LotIn, Received

AUTO = Rules(quote="auto", order="auto", change="auto", despatch="auto", subcontract="auto", receive="auto",
             invoice="auto", alarm_minutes=1, promise_move_minutes=1)
LIGHT_STOCK = {words.ITEMS[0]: "60", words.ITEMS[1]: "25", words.MATERIAL: "120"}
ALWAYS = "calendar,utc_offset,day,start,end\nday,+00:00,1-7,00:00,24:00\n"


@dataclass(frozen=True, slots=True)
class House:
    """What a firm of a factory world is furnished with. ``sells`` maps an item to its price."""

    tables: tuple[tuple[str, str], ...]
    sells: dict[str, str]
    lathe: bool = False
    makes: bool = False


HOUSES = {
    "shop": House((("items", "item,name,unit\nV15,Valve,C62\nBAR,Bar,C62\n"),), {}),
    "maker": House((
        ("items", "item,name,unit,kind\nV15,Valve,C62,product\nBODY,Body,C62,part\nSEAL,Seal,C62,part\n"
                  "CAST,Casting,C62,material\nHND,Handle,C62,product\nBAR,Bar,C62,material\n"),
        ("stock", "item,quantity\nCAST,300\nSEAL,300\nBAR,60\n"), ("calendars", ALWAYS),
        ("work-centres", "id,name,calendar\nASM,Assembly,day\n"),
        ("bills", "parent,component,quantity\nV15,BODY,1\nV15,SEAL,1\nHND,BAR,2\n"),
        ("routings", "item,number,work_centre,setup_s,run_s\nV15,10,ASM,1,1\nHND,10,ASM,1,1\n"),
        ("supply-rules", "item,source,supplier,lead_days,free_issue\nBODY,buy,foundry,2,CAST\n"),
    ), {"V15": "40", "HND": "6"}, makes=True),
    "foundry": House((
        ("items", "item,name,unit,kind\nBODY,Body,C62,part\nCAST,Casting,C62,material\nBAR,Bar,C62,material\n"),
        ("calendars", ALWAYS),
        ("work-centres", f"id,name,machine,calendar,start\nCNC,Lathe,{lathe.NAME},day,auto\nBENCH,Bench,,day,\n"),
        ("bills", "parent,component,quantity,source\nBODY,CAST,1,free-issue\n"),
        ("routings", "item,number,work_centre,setup_s,run_s\nBODY,10,CNC,1,1\nBODY,20,BENCH,1,1\n"),
    ), {"BODY": "9"}, lathe=True, makes=True),
    "steel": House((("items", "item,name,unit\nBAR,Bar,C62\n"), ("stock", "item,quantity\nBAR,200\n")), {"BAR": "2"}),
    "plater": House((("items", "item,name,unit\nRING,Ring,C62\nBAR,Bar,C62\n"),
                     ("stock", "item,quantity\nRING,50\n")), {"RING": "1"}),
}


def drawn(luck: random.Random) -> Rules:
    """What a light firm lets its node do by itself."""
    def policy() -> Any:
        return luck.choice(("auto", "ask"))

    return Rules(order=policy(), receive=policy(), invoice="auto" if luck.random() < 0.8 else "ask")


async def light(node: Node) -> None:
    """Items and stock of a firm that only trades."""
    lots = tuple(LotIn(item=item, quantity=amount) for item, amount in LIGHT_STOCK.items())
    await node.say(node.book("stock"), Stock(messages=(
        *(ItemDefined(item=Item(id=item, en=item, unit="C62")) for item in LIGHT_STOCK),
        Received(ref="opening", why="opening", lots=lots))))


async def factory(node: Node, house: House) -> None:
    """Everything of a firm that makes, by the tables that an owner would import."""
    for kind, text in house.tables:
        content = base64.b64encode(text.encode()).decode()
        done = await run(node, "import", {"kind": kind, "content": content})
        assert not done.facts["problems"], done.facts["problems"]
    if house.lathe:
        await run(node, "machine-add", {"name": lathe.NAME, "description": lathe.TEMPLATE.read_text(encoding="utf-8"),
                                        "values": {"NAME": lathe.NAME, "ENDPOINT": "opc.tcp://127.0.0.1:4840"}})
    if house.sells:
        await run(node, "publish-prices", {"book": _prices(house.sells)})


def _prices(sells: dict[str, str]) -> dict[str, Any]:
    lines = [{"item": item, "unit": "C62", "tiers": [{"from": "1", "price": price}]} for item, price in sells.items()]
    return {"id": "list", "name": "list", "currency": "CNY", "basis": "net",
            "tax": {"category": "S", "percent": "13"}, "lines": lines, "valid_from": "2020-01-01T00:00:00Z"}
