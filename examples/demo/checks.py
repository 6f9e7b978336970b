"""What must hold when the story has ended, read through the nodes' own APIs; and the report.

Rule 1: every invariant has a name; a broken one is told with what was seen instead.
Rule 2: what is read and what is judged are apart, so that the judges themselves can be put to the test.
Not here: the story (``story.py``).
"""

import asyncio
import json
from decimal import Decimal
from typing import Any

from control import Panel
from processes import Failed, Firm, until
from story import AGREED

MAY_CROSS = ("OrderChange", "OrderChangeResponse", "OrderChangeWithdrawn")

async def report(world: Any, story: Any, show: Any) -> dict[str, Any]:
    """Everything that happened, and whether all of it was right."""
    with show.step("check", "核对全部不变量 · every invariant is checked"):
        await _quiet(world)
        broken: list[str] = []
        equal, unequal = judge_heads(await heads(world))
        starts = await starts_seen(world)
        broken += [*unequal, *judge_starts(starts), *judge_acknowledged(*await acknowledged(world))]
        writes = await machine_writes(world)
        traced = await trace_events(world, broken)
        await goods_and_material(world, broken)
        await money(world, story, broken)
        children = await child_orders(world, story, broken)
        await nothing_left(world, broken)
    drill = story.drill
    broken += judge_drill(drill)
    timings = {name: round(value, 1) for name, value in story.timings.items()}
    timings["start_to_ready"] = round(sorted(firm.ready_ms for firm in world.firms.values())[1], 1)
    return {
        "ok": not broken, "broken": broken,
        "firms": {firm.key: {"name": firm.name, "organisation": firm.organisation, "kills": firm.kills}
                  for firm in world.firms.values()},
        "steps": show.steps, "heads_equal": equal, "order": story.order, "machine_writes": writes,
        "job_starts_seen_by_machines": starts, "trace_events": traced,
        "offline_drill": {"events_while_cut": len(drill["said"]), "apart_while_cut": len(drill["apart"]),
                          "converged": drill["converged"], "lost": len(drill["lost"])},
        "child_orders": children, "timings_ms": timings,
    }


async def _quiet(world: Any) -> None:
    """Wait until no node has anything left to say or to deliver."""
    async def still() -> Any:
        for firm in world.firms.values():
            if (await firm.view("health"))["waiting"]:
                return False
        return await _same_heads(world)

    await until(still, "quiet")
    await asyncio.sleep(0.3)
    await until(still, "quiet")


async def _threads(firm: Firm) -> dict[str, Any]:
    return {one["thread"]: one for one in (await firm.get("/api/weft/v1/threads"))["threads"]}


async def _same_heads(world: Any) -> bool:
    return not judge_heads(await heads(world))[1]


async def heads(world: Any) -> dict[str, list[Any]]:
    """Of every thread, as each member tells it: heads, hash of the folded state, how many members."""
    seen: dict[str, list[Any]] = {}
    for firm in world.firms.values():
        for name, one in (await _threads(firm)).items():
            seen.setdefault(name, []).append((one["heads"], one["state_hash"], len(one["members"])))
    return seen


def judge_heads(seen: dict[str, list[Any]]) -> tuple[dict[str, bool], list[str]]:
    """Every thread: the same heads and the same folded state on all sides."""
    equal = {name: len(sides) == sides[0][2] and all(side == sides[0] for side in sides)
             for name, sides in seen.items()}
    return equal, [f"heads-equal: thread {name} differs" for name, same in equal.items() if not same]


async def starts_seen(world: Any) -> list[dict[str, Any]]:
    """How often each machine itself was told to start each job."""
    starts = []
    for firm in world.firms.values():
        for machine in firm.machines:
            async with Panel(machine.endpoint, machine.name) as panel:
                for job, count in (await panel.starts_seen()).items():
                    starts.append({"machine": machine.name, "job": job, "starts": count})
    return starts


def judge_starts(starts: list[dict[str, Any]]) -> list[str]:
    """No job twice, and every machine had its job."""
    told = [f"job-started-once: {one['machine']} saw {one['job']} start {one['starts']} times"
            for one in starts if one["starts"] != 1]
    if len(starts) < 4:
        told.append(f"jobs-reach-machines: only {len(starts)} jobs were started on machines")
    return told


async def acknowledged(world: Any) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(what people were told is stored, what is there), by firm and thread."""
    told: dict[str, list[str]] = {}
    there: dict[str, list[str]] = {}
    for firm in world.firms.values():
        for thread, ids in firm.acknowledged:
            told.setdefault(f"{firm.key} {thread}", []).extend(ids)
        for thread in {one for one, _ in firm.acknowledged}:
            log = (await firm.get(f"/api/weft/v1/threads/{thread}"))["log"]
            there[f"{firm.key} {thread}"] = [one["id"] for one in log]
    return told, there


def judge_acknowledged(told: dict[str, list[str]], there: dict[str, list[str]]) -> list[str]:
    """Whatever was answered is there, once, whoever was killed since."""
    lost = [f"acknowledged-kept: {place} has lost {one}" for place, ids in told.items() for one in ids
            if one not in there.get(place, ())]
    return lost + [f"acknowledged-once: {place} holds {one} twice" for place, ids in there.items()
                   for one in set(ids) if ids.count(one) > 1]


def judge_drill(drill: dict[str, Any]) -> list[str]:
    """While the line was cut both sides held something alone; nothing of it is lost."""
    told = []
    if not drill.get("apart"):
        told.append("offline-drill: both sides held the same while the line was cut: the cut did not cut")
    if drill.get("lost") or not drill.get("converged"):
        told.append(f"offline-drill: lost {drill.get('lost')}")
    return told


async def machine_writes(world: Any) -> dict[str, int]:
    """Commands by outcome, from the floor books."""
    counts: dict[str, int] = {}
    for firm in world.firms.values():
        for thread in (await firm.get("/api/weft/v1/threads", kind="floor"))["threads"]:
            for one in (await firm.get(f"/api/weft/v1/threads/{thread['thread']}"))["log"]:
                if one["kind"].startswith("Command"):
                    counts[one["kind"]] = counts.get(one["kind"], 0) + 1
    return counts


async def trace_events(world: Any, broken: list[str]) -> dict[str, int]:
    """EPCIS events by firm and type, from the EPCIS doors."""
    counts: dict[str, int] = {}
    for firm in world.firms.values():
        told = await firm.get("/epcis/v2/events", perPage="200")
        for event in told["epcisBody"]["queryResults"]["resultsBody"]["eventList"]:
            name = f"{firm.key}:{event['type']}"
            counts[name] = counts.get(name, 0) + 1
    for needed in ("hengtai:TransformationEvent", "jinggong:TransformationEvent", "haichuan:TransformationEvent",
                   "hengtai:ObjectEvent", "mingji:ObjectEvent"):
        if not counts.get(needed):
            broken.append(f"trace: no {needed}")
    return counts


async def goods_and_material(world: Any, broken: list[str]) -> None:
    """Goods: what was ordered is at the shop. Material: what the factory sent is used up or back, and still its own."""
    rows = {row["id"]: row for row in (await world.firms["mingji"].view("stock"))["items"]}
    expected = Decimal(5) + Decimal(AGREED) - 1
    if Decimal(rows["BV-DN15"]["on_hand"]) != expected:
        broken.append(f"goods: the shop has {rows['BV-DN15']['on_hand']} valves, not {expected}")
    for firm, item, left in (("hengtai", "CAST-BODY", 376), ("hengtai", "CAST-STEM", 376)):
        row = next(row for row in (await world.firms[firm].view("stock"))["items"] if row["id"] == item)
        if Decimal(row["on_hand"]) != left or Decimal(row["at_partners"]) != 0:
            broken.append(f"material: {firm} has {row['on_hand']} {item}, {row['at_partners']} at partners")
    for row in (await world.firms["jinggong"].view("stock"))["items"]:
        if Decimal(row["of_partners"]) != 0:
            broken.append(f"material: jinggong still holds {row['of_partners']} {row['id']} of its customer")


async def money(world: Any, story: Any, broken: list[str]) -> None:
    """Both sides fold the same debt, and it is settled."""
    for one, other in (("hengtai", "mingji"), ("mingji", "hengtai")):
        firm = world.firms[one]
        partners = (await firm.view("partners"))["partners"]
        row = next(row for row in partners if row["organisation"] == world.firms[other].organisation)
        if Decimal(row["owed_to_us"] or 0) or Decimal(row["owed_by_us"] or 0):
            broken.append(f"money: {one} and {other} are not settled: {row}")
    order = await world.firms["mingji"].view("order", thread=story.thread)
    bills = [bill["payable"] for bill in await _bills(world, "mingji", "hengtai") if not bill["ours"]]
    if bills != [order["gross"]]:
        broken.append(f"money: the order comes to {order['gross']}, billed are {bills}")
    lines = order["lines"]
    if lines[0]["received"] != AGREED or lines[0]["open"] != "0":
        broken.append(f"order: {lines[0]}")


async def _bills(world: Any, firm: str, partner: str) -> list[dict[str, Any]]:
    held = (await world.firms[firm].view("partners"))["partners"]
    thread = next(one["thread"] for one in held if one["organisation"] == world.firms[partner].organisation)
    return list((await world.firms[firm].view("partner", thread=thread))["invoices"])


async def child_orders(world: Any, story: Any, broken: list[str]) -> list[dict[str, Any]]:
    """The child orders; and nobody learns of anybody he does not deal with."""
    held = (await world.firms["hengtai"].view("order", thread=story.thread))["children"]
    shop, gross = world.firms["mingji"], (await world.firms["hengtai"].view("order", thread=story.thread))["gross"]
    for key in ("jinggong", "haichuan"):
        told = await _everything(world.firms[key])
        for secret in (shop.organisation, shop.name, story.thread, gross):
            if secret in told:
                broken.append(f"privacy: {key} has learnt {secret!r}")
    told = await _everything(shop)
    for key in ("jinggong", "haichuan"):
        if world.firms[key].organisation in told or world.firms[key].name in told:
            broken.append(f"privacy: the shop has learnt of {key}")
    return [{"thread": one["thread"], "partner": one["partner_name"], "phase": one["phase"]} for one in held]


async def _everything(firm: Firm) -> str:
    threads = [await firm.get(f"/api/weft/v1/threads/{name}") for name in await _threads(firm)]
    return json.dumps(threads, ensure_ascii=False)


async def nothing_left(world: Any, broken: list[str]) -> None:
    """No trouble that a reaction met, no alarm, no void event that nobody explains."""
    for firm in world.firms.values():
        health = await firm.view("health")
        for trouble in health["troubles"]:
            broken.append(f"trouble: {firm.key} {json.dumps(trouble, ensure_ascii=False)}")
        broken += [f"alarm: {firm.key} {thread} {why}" for thread, why in health["stopped"].items()]
        for name, one in (await _threads(firm)).items():
            if one["void"] and (void := await _unexplained(firm, name)):
                broken.append(f"void: {firm.key} {name} {void}")
    if not world.firms:
        raise Failed("no firms")


async def _unexplained(firm: Firm, thread: str) -> list[str]:
    """Void events besides those about dates: an answer and a newer proposal may cross on their way."""
    log = (await firm.get(f"/api/weft/v1/threads/{thread}"))["log"]
    return [f"{one['kind']} {one['void']}" for one in log if one["void"] and one["kind"] not in MAY_CROSS]
