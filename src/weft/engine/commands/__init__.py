"""Everything that a person or a program may ask of the node: one table, the same for console, API and command line."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis.canonical import b64, digest
from weft.basis.errors import Denied, Invalid, NotFound, Refused, WeftError
from weft.engine.commands import (
    auditing,
    billing,
    connecting,
    data,
    describing,
    devices,
    floor,
    keeping,
    mailbox,
    operating,
    orders,
    partners,
    pickup,
    planning,
    pricing,
    reaching,
    restoring,
    showing,
    tills,
    twin_events,
    twins,
    work,
)
from weft.engine.commands.params import Command, Done
from weft.engine.handle import OPENED
from weft.engine.memory import BOOKS
from weft.engine.node import Node
from weft.engine.ports import Batch

COMMANDS: Final[Mapping[str, Command]] = {
    "invite": Command(partners.Invite, partners.invite),
    "join": Command(partners.Join, partners.join),
    "update-party": Command(partners.UpdateParty, partners.update_party),
    "set-address": Command(partners.SetAddress, partners.set_address),
    "end-relationship": Command(partners.EndRelationship, partners.end_relationship),
    "mailbox-offer": Command(mailbox.Offer, mailbox.offer),
    "mailbox-end": Command(mailbox.End, mailbox.end),
    "mailbox-use": Command(mailbox.Use, mailbox.use),
    "mailbox-drop": Command(mailbox.Drop, mailbox.drop),
    "mailbox-agree": Command(mailbox.Agree, mailbox.agree),
    "go-on": Command(partners.GoOn, partners.go_on),
    "restored-go-on": Command(restoring.RestoredGoOn, restoring.go_on),
    "request-quotation": Command(orders.RequestQuotation, orders.request_quotation),
    "quote": Command(orders.Quote, orders.quote),
    "decline": Command(orders.Reasoned, orders.decline),
    "counter-offer": Command(orders.CounterParams, orders.counter_offer),
    "order": Command(orders.PlaceOrder, orders.order),
    "respond": Command(orders.Respond, orders.respond),
    "order-children": Command(orders.Thread, orders.order_children),
    "propose-change": Command(orders.ProposeChange, orders.propose_change),
    "propose-promise": Command(orders.Line, orders.propose_promise),
    "answer-change": Command(orders.AnswerChange, orders.answer_change),
    "withdraw-change": Command(orders.Reasoned, orders.withdraw_change),
    "cancel": Command(orders.Reasoned, orders.cancel),
    "despatch": Command(orders.Despatch, orders.despatch),
    "receive": Command(orders.Receive, orders.receive),
    "short-close": Command(orders.ShortClose, orders.short_close),
    "invoice": Command(billing.InvoiceOrder, billing.invoice),
    "credit": Command(billing.Credit, billing.credit),
    "statement": Command(billing.StatementFor, billing.statement),
    "answer-statement": Command(billing.AnswerStatement, billing.answer_statement),
    "remit": Command(billing.Remit, billing.remit),
    "confirm-remittance": Command(billing.ConfirmRemittance, billing.confirm_remittance),
    "twin-value": Command(twins.Value, twins.value),
    "twin-delete": Command(twins.Delete, twins.delete),
    "twin-import-stop": Command(twins.Stop, twins.stop),
    "twin-erase": Command(twins.EraseTwin, twins.erase),
    "twin-events-add": Command(twin_events.Add, twin_events.add),
    "twin-events-pause": Command(twin_events.Named, twin_events.pause),
    "twin-events-resume": Command(twin_events.Resume, twin_events.resume),
    "twin-events-remove": Command(twin_events.Named, twin_events.remove),
    "twin-events-test": Command(twin_events.Named, twin_events.test),
    "import": Command(data.ImportTable, data.import_table),
    "publish-prices": Command(data.PublishPrices, data.publish_prices),
    "withdraw-prices": Command(data.WithdrawPrices, data.withdraw_prices),
    "price-draft": Command(pricing.DraftBegin, pricing.begin),
    "price-draft-head": Command(pricing.DraftHead, pricing.head),
    "price-draft-attributes": Command(pricing.DraftAttributes, pricing.attributes),
    "price-draft-line": Command(pricing.DraftLine, pricing.line),
    "price-draft-card": Command(pricing.DraftCard, pricing.card),
    "price-draft-rule": Command(pricing.DraftRule, pricing.rule),
    "price-draft-import": Command(pricing.DraftImport, pricing.take_in),
    "price-draft-publish": Command(pricing.DraftPublish, pricing.bring_out),
    "price-draft-drop": Command(pricing.DraftNamed, pricing.drop),
    "price-audit-begin": Command(auditing.BeginAudit, auditing.begin),
    "price-audit-file": Command(auditing.AuditFile, auditing.file),
    "price-audit-sign": Command(auditing.SignAudit, auditing.sign),
    "price-audit-take": Command(auditing.TakeAudit, auditing.take),
    "partner-number": Command(data.PartnerNumber, data.partner_number),
    "stock-receive": Command(data.StockReceive, data.stock_receive, "operator"),
    "stock-issue": Command(data.StockIssue, data.stock_issue, "operator"),
    "stock-count": Command(data.StockCount, data.stock_count, "operator"),
    "stock-move": Command(data.StockMove, data.stock_move),
    "job-start": Command(floor.JobAt, floor.job_start, "operator"),
    "job-pause": Command(floor.JobReason, floor.job_pause, "operator"),
    "job-resume": Command(floor.JobReason, floor.job_resume, "operator"),
    "job-count": Command(floor.JobCount, floor.job_count, "operator"),
    "job-scrap": Command(floor.JobScrap, floor.job_scrap, "operator"),
    "job-end": Command(floor.JobEnd, floor.job_end, "operator"),
    "job-abort": Command(floor.JobReason, floor.job_abort, "operator"),
    "work-report": Command(work.WorkReport, work.report, "worker", signed=True),
    "work-settle": Command(work.WorkSettle, work.settle),
    "instruction-set": Command(work.InstructionOf, work.instruct),
    "piece-rate": Command(work.PieceRate, work.rate),
    "wages-close": Command(work.CloseWages, work.close),
    "job-lock": Command(planning.JobLock, planning.job_lock),
    "job-unlock": Command(planning.JobUnlock, planning.job_unlock),
    "work-centre-machine": Command(planning.WorkCentreMachine, planning.work_centre_machine),
    "machine-add": Command(floor.MachineAdd, floor.machine_add),
    "machine-read": Command(describing.MachineRead, describing.machine_read),
    "machine-remove": Command(floor.MachineName, floor.machine_remove),
    "machine-login": Command(reaching.MachineLogin, reaching.machine_login),
    "machine-trust": Command(reaching.MachineTrust, reaching.machine_trust),
    "machine-settle": Command(floor.MachineSettle, floor.machine_settle, "operator"),
    "machine-operate": Command(operating.Operate, operating.operate),
    "machine-draft": Command(connecting.LookBegin, connecting.begin),
    "machine-draft-of": Command(connecting.DraftOf, connecting.begin_of),
    "machine-draft-address": Command(connecting.DraftAddress, connecting.move),
    "machine-draft-secure": Command(connecting.DraftSecurity, connecting.secure),
    "machine-draft-pick": Command(connecting.DraftPick, connecting.pick),
    "machine-draft-propose": Command(connecting.DraftPropose, connecting.propose),
    "machine-draft-row": Command(connecting.DraftRow, connecting.row),
    "machine-draft-unpick": Command(connecting.DraftUnpick, connecting.unpick),
    "machine-draft-import": Command(connecting.LookImport, connecting.take_in),
    "machine-draft-try": Command(connecting.DraftWrite, connecting.trial),
    "machine-draft-add": Command(connecting.LookNamed, connecting.add),
    "machine-draft-drop": Command(connecting.LookNamed, connecting.drop),
    "machine-copy": Command(connecting.MachineCopy, connecting.copy),
    "stop-writing": Command(floor.StopWriting, floor.stop_writing, "operator"),
    "dismiss": Command(floor.Dismiss, floor.dismiss),
    "window-open": Command(showing.KeepOpen, showing.keep_open),
    "window-shut": Command(showing.Shut, showing.shut),
    "twin-rules": Command(showing.Rules, showing.rules),
    "twin-rule-remove": Command(showing.RuleRemove, showing.rule_remove),
    "close": Command(keeping.CloseThread, keeping.close),
    "erase": Command(keeping.Erase, keeping.erase),
    "prune": Command(keeping.Prune, keeping.prune),
    "new-code": Command(devices.NewCode, devices.new_code),
    "new-program": Command(devices.NewProgram, devices.new_program),
    "revoke-device": Command(devices.Revoke, devices.revoke),
    "add-key": Command(devices.AddKey, devices.add_key),
    "revoke-key": Command(devices.RevokeKey, devices.revoke_key),
    "rotate-keys": Command(devices.Sheet, devices.rotate),
    "sheet-kept": Command(devices.Kept, devices.kept),
    "till-let-in": Command(tills.LetIn, tills.let_in),
    "till-let-go": Command(tills.LetGo, tills.let_go),
    "till-settle": Command(tills.SettleSlip, tills.settle),
    "till-seen": Command(tills.Seen, tills.seen),
    "till-not-short": Command(tills.NotShort, tills.not_short),
    "till-customer": Command(tills.AddCustomer, tills.add_customer),
    "till-paid": Command(tills.Paid, tills.paid),
    "pickup-shop": Command(pickup.AddShop, pickup.add_shop),
    "pickup-shop-drop": Command(pickup.DropShop, pickup.drop_shop),
    "pick-up": Command(pickup.PickUp, pickup.pick_up),
    "inspect": Command(pickup.Inspect, pickup.inspect, "operator"),
    "hand-out": Command(pickup.HandOut, pickup.hand_out, "operator"),
    "take-back": Command(pickup.TakeBack, pickup.take_back, "operator"),
    "send-back": Command(pickup.Parcel, pickup.send_back, "operator"),
}


class Caller(NamedTuple):
    """Who asks: the scope of the device, and whose it is."""

    scope: str
    person: str = ""


_MAY: Final = {"owner": ("owner",), "operator": ("owner", "operator"), "worker": ("owner", "operator", "worker")}
KEY_MAX: Final = 200
ASKED: Final = "asked"  # bucket: which request a key was used for
ASKED_BYTES: Final = 2  # so much of its digest tells a slip of the caller, and nobody what was erased since


async def run(node: Node, name: str, given: Any, key: str = "", scope: str | Caller = "owner", *,
              strict: bool = True) -> Done:
    """Run command ``name`` with ``given`` (builtins); raises ``WeftError``. ``scope`` is the caller's, or who it is."""
    scope, person = scope if isinstance(scope, Caller) else Caller(scope)
    command = COMMANDS.get(name)
    if command is None:
        raise NotFound("command.unknown", name=name[:60])
    if scope not in _MAY[command.scope]:
        raise Denied("command.scope", name=name)
    if command.signed and scope != "owner":
        if not person:
            raise Refused("work.nobody")
        given = {**given, "worker": person}  # whose phone it is says whose work it is
    if len(key) > KEY_MAX:
        raise Invalid("command.key", limit=KEY_MAX)
    try:
        params = msgspec.convert(given, command.params, strict=strict)
    except msgspec.ValidationError as error:
        raise Invalid("command.params", name=name, detail=str(error)[:160]) from error
    return await _once(node, command, (name, params), key) if key else await command.run(node, params, "")


async def _once(node: Node, command: Command, asked: tuple[str, Any], key: str) -> Done:
    """Run ``command`` once for ``key``; asked again it says what it said first."""
    name, params = asked
    seen = digest("asked/1", name.encode(), msgspec.json.encode(params))[:ASKED_BYTES]
    request = f"{name} {b64(seen)}".encode()
    before = await node.store.value(ASKED, key)
    if before not in (None, request):
        raise Refused("command.key-reused", name=before.decode().partition(" ")[0])
    said_as = f"{ASKED}:{key}"  # so that no caller takes the key of a reaction
    try:
        done = await command.run(node, params, said_as)
    except WeftError:
        first = await _first(node, params, said_as)
        if first is None:
            raise
        done = first
    if before is None:
        await node.store.commit(Batch(values=[(ASKED, key, request)]))
    return done


async def _first(node: Node, params: Any, said_as: str) -> Done | None:
    """What was said the first time, where a node that died before it answered could not say the same again."""
    opened = await node.store.done(OPENED, said_as)
    if opened is not None:
        return Done(thread=opened.decode())
    for thread in (getattr(params, "thread", ""), *map(node.book, BOOKS), *node.partners.values()):
        said = await node.answered(thread, said_as)
        if said is not None:
            return Done(thread=thread, events=said)
    return None
