"""The story: a shop runs low on valves, and one order travels through three firms to the machines and back.

Rule 1: everything is done and seen through the nodes' own APIs, as owners and operators do; nothing is wired in.
Rule 2: whatever a person does here goes on over a power cut: what was not answered is asked again with its key.
Not here: processes (``processes.py``), what must hold at the end (``checks.py``).
"""

import asyncio
import contextlib
import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import proofs
from control import Panel
from processes import PATIENCE_S, Failed, Firm, Machine, stopped, until
from till import Till

from weft.engine.pricelog import evidence

WANTED, AGREED = "30", "24"
ALARM = 101
SAMPLES = 40
BOUND = 3  # the level at which the seller has bound itself to this very slip
UNDER_WAY_S = 2.0  # what has not arrived by then is not merely on its way


class Story:
    """Tells the story over a built ``world``; what it saw is in its fields."""

    def __init__(self, world: Any, show: Any) -> None:
        self.world, self.show = world, show
        self.mingji: Firm = world.firms["mingji"]
        self.hengtai: Firm = world.firms["hengtai"]
        self.jinggong: Firm = world.firms["jinggong"]
        self.haichuan: Firm = world.firms["haichuan"]
        self.thread = ""
        self.timings: dict[str, float] = {}
        self.order: dict[str, Any] = {}
        self.drill: dict[str, Any] = {}
        self.settled: list[dict[str, Any]] = []
        self._bench_open = asyncio.Event()

    async def tell(self) -> None:
        """The whole story."""
        people = [asyncio.create_task(work) for work in (self._work_at_the_bench(), self._look_at_machines())]
        try:
            for name, words, part in (
                ("ask-stock", "小询价：库存件即时报价 · a small request, quoted from stock", self.ask_for_handles),
                ("ask", "明记库存见底，向恒泰询价 · the shop runs low and asks for valves", self.ask_for_valves),
                ("counter", "还价：改数量再报 · counter-offer on quantity", self.counter),
                ("order", "下单，逐级外协 · order, and child orders down two more firms", self.place_order),
                ("machines", "机床开工 · jobs run on machines", self.machines_run),
                ("alarm", "车床报警，交期自动变更 · a lathe alarms and the promise moves", self.alarm),
                ("accept", "买方选择接受新交期 · the buyer takes the later date", self.accept_change),
                ("cut", "恒泰与精工断网，各自继续 · the line is cut, both go on", self.work_while_cut),
                ("join", "恢复连接，自动收敛 · the line returns, all converge", self.converge),
                ("twin", "机床数值进入数字孪生 · a machine's value reaches its twin", self.watch_twin),
                ("deliver", "完工发货，收货入库 · despatch and receipt", self.deliver),
                ("settle", "对账、付款 · one statement, settled once", self.settle),
                ("prove", "买方取回价格证明 · the shop takes home the proof of its prices", self.take_proofs),
                ("counter-sale", "断网时柜台卖出一只 · one valve over the counter, with no network", self.sell_one),
            ):
                with self.show.step(name, words):
                    await part()
                await self.world.kills.after(name)
        finally:
            await stopped(people)

    # ---- talking ---------------------------------------------------------------------------------

    async def _order_at(self, firm: Firm) -> Any:
        return await firm.view("order", thread=self.thread)

    async def _quoted(self, firm: Firm, thread: str, quantity: str) -> Any:
        async def look() -> Any:
            seen = await firm.view("order", thread=thread)
            if seen["phase"] == "declined":
                raise Failed(f"declined: {json.dumps(seen['documents'][-1]['message'])}")
            lines = seen["lines"]
            return seen if seen["phase"] == "quoted" and lines and lines[0]["quantity"] == quantity else None

        return await until(look, f"a quotation for {quantity}", pause=0.005)

    async def ask_for_handles(self) -> None:
        """A warm request for what is in stock: price and date at once."""
        best = 1e9
        for place in range(5):
            began = time.perf_counter()
            done = await self.mingji.do("request-quotation", supplier=self.hengtai.organisation,
                                 lines=[{"item": "HANDLE-L", "quantity": str(10 + place)}])
            await self._quoted(self.mingji, done["thread"], str(10 + place))
            best = min(best, (time.perf_counter() - began) * 1000)
            await self.mingji.do("decline", thread=done["thread"], reason="demo")
        self.timings["rfq_to_quote"] = best

    async def ask_for_valves(self) -> None:
        """The shop's stock has run low: it asks, the factory asks its suppliers, and quotes."""
        low = [row for row in (await self.mingji.view("stock"))["items"] if row["low"]]
        if [row["id"] for row in low] != ["BV-DN15"]:
            raise Failed(f"the shop should be low on BV-DN15, but it is on {low}")
        began = time.perf_counter()
        done = await self.mingji.do("request-quotation", supplier=self.hengtai.organisation,
                             lines=[{"item": "BV-DN15", "quantity": WANTED}])
        self.thread = done["thread"]
        await self._quoted(self.mingji, self.thread, WANTED)
        self.timings["rfq_to_quote_three_tiers"] = (time.perf_counter() - began) * 1000

    async def counter(self) -> None:
        """Fewer pieces, asked again through all tiers."""
        await self.mingji.do("counter-offer", thread=self.thread, lines=[{"line": "1", "quantity": AGREED}])
        seen = await self._quoted(self.mingji, self.thread, AGREED)
        self.show.say(f"{AGREED} × BV-DN15: {seen['gross']} {seen['currency']}, {seen['promise']}")

    async def place_order(self) -> None:
        """Order; the factory confirms, orders from its suppliers, and sends them castings."""
        await self.mingji.do("order", thread=self.thread)

        async def confirmed() -> Any:
            seen = await self._order_at(self.mingji)
            return seen if seen["phase"] == "confirmed" else None

        seen = await until(confirmed, "the factory's confirmation")
        self.order["first_promise"] = seen["first_promise"]

        async def children() -> Any:
            held = (await self._order_at(self.hengtai))["children"]
            return len(held) == 3 and all(one["phase"] == "confirmed" for one in held)

        await until(children, "three confirmed child orders")

    # ---- machines --------------------------------------------------------------------------------

    def _machine(self, name: str) -> Machine:
        return next(one for firm in self.world.firms.values() for one in firm.machines if one.name == name)

    async def _jobs(self, firm: Firm) -> list[Any]:
        return [job for queue in (await firm.view("jobs"))["queues"] for job in queue["jobs"]]

    async def machines_run(self) -> None:
        """Castings arrive, both lathes run and count."""
        async def turning() -> Any:
            jobs = [job for job in await self._jobs(self.jinggong)
                    if job["state"] == "running" and int(job["good"]) >= 2]
            return any(job["item"] == "BODY-DN15" for job in jobs)

        await until(turning, "a lathe that turns bodies")

    async def watch_twin(self) -> None:
        """99th percentile of the time from a change at the machine to the twin's ``$value``, in ms."""
        shell = f"urn:weft:{self.jinggong.organisation}:machine:Lathe2"
        submodels = await self.jinggong.get(f"/api/v3/shells/{_b64(shell)}/submodel-refs")
        names = [ref["keys"][0]["value"] for ref in submodels["result"]]
        name = next(one for one in names if "OperationalData" in one)
        path = f"/api/v3/submodels/{_b64(name)}/submodel-elements/Feed/$value"
        samples = []
        machine = self._machine("Lathe2")
        async with Panel(machine.endpoint, machine.name) as panel:
            before = await panel.read("Feed")
            for place in range(SAMPLES):
                kills, began = self.jinggong.kills, time.perf_counter()
                await panel.write("Feed", 150.0 + place)
                while await self._shown(path) != 150 + place:
                    if time.perf_counter() - began > PATIENCE_S:
                        raise Failed("a machine's value did not reach its twin")
                    await asyncio.sleep(0.001)
                if kills == self.jinggong.kills:
                    samples.append((time.perf_counter() - began) * 1000)
            await panel.write("Feed", float(before))
        self.timings["machine_to_twin_p99"] = sorted(samples)[max(0, int(len(samples) * 0.99) - 1)]

    async def _shown(self, path: str) -> float | None:
        """The value in the twin; None while the machine is not heard yet after a power cut."""
        try:
            value = await self.jinggong.get(path)
        except Failed:
            return None
        return float(value) if value not in (None, "") else None

    async def alarm(self) -> None:
        """A tool breaks: plan, promise, order change, up to the shop, by itself."""
        machine = self._machine("Lathe1")

        async with Panel(machine.endpoint, machine.name) as panel:
            began = time.perf_counter()
            await panel.raise_alarm(ALARM)
        change = await until(self._later, "an order change at the shop", pause=0.005)
        self.timings["alarm_to_change_offer"] = (time.perf_counter() - began) * 1000
        self.order["change_offered"] = [option["kind"] for option in change["options"]]

    async def _later(self) -> Any:
        """The factory's offer of a later date, as it lies on the shop's table."""
        changes = (await self._order_at(self.mingji))["changes"]
        return next((one for one in changes if not one["ours"] and
                     any(option["id"] == "later" for option in one["options"])), None)

    async def accept_change(self) -> None:
        """The shop can wait; the operator clears the alarm."""
        async def accepted() -> Any:
            change = await self._later()
            if change is None:
                return False
            try:
                return await self.mingji.do("answer-change", thread=self.thread, option="later", change=change["id"])
            except Failed:
                return False  # a newer date has taken its place: look again

        async def moved() -> Any:
            seen = await self._order_at(self.hengtai)
            return seen["promise"] > self.order["first_promise"] and seen["promise"]

        await until(accepted, "an answer to the change")
        self.order["after_alarm_promise"] = await until(moved, "the later promise at the factory")
        self.order["change_accepted"] = "later"
        machine = self._machine("Lathe1")
        async with Panel(machine.endpoint, machine.name) as panel:
            await panel.clear_alarm()

    async def _work_at_the_bench(self) -> None:
        """The operator at the deburring bench, with the phone: start, count, done; his shift begins after the cut."""
        await self._bench_open.wait()
        while True:
            with contextlib.suppress(Failed):
                for job in await self._jobs(self.jinggong):
                    if job["work_centre"] != "BENCH" or job["state"] not in ("free", "running"):
                        continue
                    if job["state"] == "free":
                        await self.jinggong.do("job-start", key=f"bench-start-{job['id']}", job=job["id"],
                                               operator="老周")
                    await self.jinggong.do("job-count", key=f"bench-count-{job['id']}", job=job["id"], good="6")
                    await self.jinggong.do("job-end", key=f"bench-end-{job['id']}", job=job["id"], good=job["quantity"])
            await asyncio.sleep(0.3)

    async def _look_at_machines(self) -> None:
        """After a power cut it may be unknown whether a command took effect: somebody walks up to the machine."""
        while True:
            for firm in self.world.firms.values():
                for machine in firm.machines:
                    with contextlib.suppress(Failed, OSError):
                        await self._settle(firm, machine)
            await asyncio.sleep(1.0)

    async def _settle(self, firm: Firm, machine: Machine) -> None:
        for command in (await firm.view("machine", name=machine.name))["commands"]:
            if command["status"] != "unknown":
                continue
            async with Panel(machine.endpoint, machine.name) as panel:
                loaded, started = await panel.read("JobId"), await panel.starts_seen()
            done = command["job"] in started if command["kind"] == "start" else loaded == command["job"]
            self.show.say(f"{machine.name}: {command['kind']} {command['job']}: {'done' if done else 'not done'}")
            await firm.do("machine-settle", key=f"settle-{command['id']}", command=command["id"], done=done)
            self.settled.append({"command": command["id"], "done": done})

    # ---- the line is cut -------------------------------------------------------------------------

    async def _shared(self, firm: Firm, other: Firm) -> dict[str, Any]:
        told = (await firm.get("/api/weft/v1/threads"))["threads"]
        return {one["thread"]: one for one in told if other.organisation in one["members"]}

    async def _ids(self, firm: Firm, other: Firm) -> set[str]:
        found = set()
        for thread in await self._shared(firm, other):
            found |= {one["id"] for one in (await firm.get(f"/api/weft/v1/threads/{thread}"))["log"]}
        return found

    async def work_while_cut(self) -> None:
        """Both firms go on without each other: the lathe turns, the factory asks for more."""
        await self.world.cut_line()
        before = await self._ids(self.hengtai, self.jinggong) | await self._ids(self.jinggong, self.hengtai)
        self._bench_open.set()
        done = await self.hengtai.do("request-quotation", supplier=self.jinggong.organisation,
                             lines=[{"item": "STEM-DN15", "quantity": "40"}], note="下月用量")
        self.drill["asked"] = done["thread"]

        async def said_alone() -> Any:
            now = await self._ids(self.jinggong, self.hengtai)
            return len(now - before) >= 1

        await until(said_alone, "something said by the machining firm while cut off")
        here, there = await self._ids(self.hengtai, self.jinggong), await self._ids(self.jinggong, self.hengtai)
        await asyncio.sleep(UNDER_WAY_S)
        self.drill["said"] = sorted((here | there) - before)
        self.drill["apart"] = sorted((here - await self._ids(self.jinggong, self.hengtai))
                                     | (there - await self._ids(self.hengtai, self.jinggong)))
        if not self.drill["apart"]:
            raise Failed("offline-drill: the line was cut, yet both sides hold the same: the cut did not cut")

    async def converge(self) -> None:
        """The line returns; whatever was said is on both sides, in the same order."""
        await self.world.join_line()

        async def equal() -> Any:
            here = await self._shared(self.hengtai, self.jinggong)
            there = await self._shared(self.jinggong, self.hengtai)
            return here.keys() == there.keys() and all(
                one["heads"] == there[name]["heads"] and one["state_hash"] == there[name]["state_hash"]
                for name, one in here.items())

        await until(equal, "equal heads on both sides of the line")
        both = await self._ids(self.hengtai, self.jinggong) & await self._ids(self.jinggong, self.hengtai)
        self.drill["lost"] = [one for one in self.drill["said"] if one not in both]
        self.drill["converged"] = True
        await self._quoted(self.hengtai, self.drill["asked"], "40")
        await self.hengtai.do("decline", thread=self.drill["asked"], reason="next month")

    # ---- goods and money -------------------------------------------------------------------------

    async def deliver(self) -> None:
        """Bodies, stems and seals arrive, the cell assembles, the shop receives."""
        async def received() -> Any:
            seen = await self._order_at(self.mingji)
            return seen["phase"] == "closed" and seen

        seen = await until(received, "all valves at the shop")
        self.order["received"] = seen["lines"][0]["received"]

    async def settle(self) -> None:
        """The factory's statement over all orders is confirmed line by line and paid once."""
        async def billed() -> Any:
            told = await self.hengtai.view("partner", thread=await self._relationship(self.hengtai, self.mingji))
            return [bill for bill in told["invoices"] if bill["ours"]]

        await until(billed, "the factory's invoice")
        await self.hengtai.do("statement", partner=self.mingji.organisation)
        thread = await self._relationship(self.mingji, self.hengtai)

        async def to_answer() -> Any:
            told = await self.mingji.view("partner", thread=thread)
            return [one for one in told["statements"] if one["to_answer"]]

        statement = (await until(to_answer, "the statement at the shop"))[0]
        await self.mingji.do("answer-statement", partner=self.hengtai.organisation, statement=statement["id"])
        await self.mingji.do("remit", partner=self.hengtai.organisation, method="transfer")

        async def paid() -> Any:
            told = await self.hengtai.view("partner", thread=await self._relationship(self.hengtai, self.mingji))
            return [one for one in told["remittances"] if one["state"] == "announced"]

        payment = (await until(paid, "the payment's notice at the factory"))[0]
        await self.hengtai.do("confirm-remittance", partner=self.mingji.organisation, remittance=payment["id"])

    async def _relationship(self, firm: Firm, other: Firm) -> str:
        partners = (await firm.view("partners"))["partners"]
        return str(next(one["thread"] for one in partners if one["organisation"] == other.organisation))

    async def take_proofs(self) -> None:
        """The price of the valves, as it was offered and as it was billed, each in a file that proves itself."""
        thread = await self._relationship(self.mingji, self.hengtai)
        bills = (await self.mingji.view("partner", thread=thread))["invoices"]
        bill = next(one["id"] for one in bills if not one["ours"] and one["kind"] == "goods")
        offer = (await self._order_at(self.mingji))["quotation"]
        self.order["proofs"] = await proofs.take(
            self.world, self.mingji, {"quotation": (self.thread, offer), "invoice": (thread, bill)})

    async def sell_one(self) -> None:
        """One valve over the counter, out of the same stock, while the shop's node is down; its slip is kept."""
        till = Till(self.mingji)
        await till.let_in()
        async with self.mingji.dark():
            slip = till.sell("BV-DN15", "1").slip
        await till.bring()

        async def booked() -> Any:
            return [one for one in (await self.mingji.view("item", item="BV-DN15"))["movements"]
                    if one["ref"] == f"slip:{slip.hash}:1"]

        await until(booked, "the sold valve out of stock")

        async def proven() -> Any:
            file = (await self.mingji.view("slip-file", hash=slip.hash))["file"]
            verdict = evidence.verify_file(file.encode()).verdict
            return verdict.follows and verdict.level >= BOUND and file

        file = await until(proven, "a slip whose price is proven by its file alone", pause=0.3)
        folder = self.world.folder / "exports"
        folder.mkdir(exist_ok=True)
        (folder / "slip.json").write_text(file, encoding="utf-8")


def _b64(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")
