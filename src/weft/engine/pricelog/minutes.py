"""The machine minutes of an order's line: as billed, as the firm's own record has them, and as a file for an auditor.

    {"weft": "minutes-record/1", "seller", "events", "key_logs", "quotation", "line", "runs", "device", "seal"}

``events``: the first event of the thread without its content, the quotation, and the word that was said of the minutes;
``runs``: for each job its class of work centre and when it started, stopped, went on and ended.
Rule 1: a record comes from the production book alone, where machines and people reported it at the time.
Rule 2: the file is made for an auditor and for nobody else; the seller's seal makes the record its own word.
Not here: the bands (``pricing/attest.py``), saying it (``engine/reactions/attesting.py``).
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis import canonical
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine.node import Node
from weft.engine.pricelog import evidence, results
from weft.engine.receive import key_log_of
from weft.identity import keys as ed25519
from weft.pricing import attest
from weft.pricing.attest import Mark, Run
from weft.thread.event import signed_bytes, unwire, wire
from weft.trade.attested import MinutesAttested
from weft.trade.messages import Quotation

KIND: Final = "minutes-record/1"
_MARKS: Final = {"JobStarted": "started", "JobPaused": "paused", "JobResumed": "resumed", "JobEnded": "ended",
                 "JobAborted": "aborted"}


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The file; see the module's first lines."""

    weft: str
    seller: str
    events: tuple[str, ...]
    key_logs: dict[str, tuple[str, ...]]
    line: str
    quantity: str
    runs: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    device: str = ""
    seal: str = ""


class Told(NamedTuple):
    """What a file shows: what was said, and what the record comes to, in the same words. ``holds``: they agree."""

    said: MinutesAttested
    found: attest.Band
    minutes: Mapping[str, Fraction]

    @property
    def holds(self) -> bool:
        """Whether the word is what the record comes to."""
        return self.said.within_percent == self.found


async def runs_of(node: Node, thread: str, line: str, classes: Sequence[str]) -> list[Run]:
    """The jobs of a line as they ran, each under the first of ``classes`` that its work centre is of, else its name."""
    production = await node.book_state("production")
    jobs = {job for order in production.orders.values()
            if (order.demand.thread, order.demand.line) == (thread, line) for job in order.jobs}
    marks: dict[str, list[Mark]] = {}
    for one in await node.log(node.book("production")):
        what = _MARKS.get(type(one.message).__name__)
        if what and not one.void and one.message.job in jobs and one.message.at:
            marks.setdefault(one.message.job, []).append(Mark(what, one.message.at))
    found = []
    for name in sorted(marks):
        job = production.jobs[name]
        centre = production.master.work_centres.get(job.work_centre)
        own = (*(centre.capabilities if centre else ()), job.work_centre)
        found.append(Run(name, next((one for one in own if one in classes), own[0]),
                         sorted(marks[name], key=lambda mark: mark.at)))
    return found


async def record(node: Node, thread: str, line: str) -> bytes:
    """The file about ``line`` of the order in ``thread``; raises ``NotFound('pricing.minutes-unsaid')``."""
    said = [one for one in await node.log(thread) if isinstance(one.message, MinutesAttested)
            and one.message.line == line and one.author == node.organisation and not one.void]
    state = await node.state(thread)
    if not said or line not in state.lines:
        raise NotFound("pricing.minutes-unsaid", line=line[:40])
    rows = await node.store.events(thread, limit=1)
    begun = msgspec.structs.replace((await node.with_payloads(thread, rows))[0], payloads={})
    events = [begun, *[await node.event(thread, name) for name in (state.quotation_id, said[-1].id)]]
    runs = await runs_of(node, thread, line, list(said[-1].message.billed))
    file = File(
        weft=KIND, seller=node.organisation, events=tuple(wire(one).decode() for one in events if one is not None),
        key_logs={node.organisation: await key_log_of(node, node.organisation)}, line=line,
        quantity=state.lines[line].ordered,
        runs=tuple((one.job, one.name, tuple((mark.what, mark.at) for mark in one.marks)) for one in runs))
    return results.encode(results.sealed(file, node.identity.signer))


def is_record(data: bytes) -> bool:
    """Whether ``data`` says of itself that it is such a file."""
    return f'"{KIND}"'.encode() in data[-256:] or f'"weft":"{KIND}"'.encode() in data


def verify(data: bytes) -> Told:
    """What the file shows; raises ``Invalid('pricing.minutes-record')`` when it is no such record of the seller's."""
    try:
        file: File = msgspec.convert(canonical.decode(data), File)
        keys = evidence.keys_of(file.seller, file.key_logs[file.seller])
        if file.weft != KIND or results.encode(file) != data or not results.sealed_by(file, keys):
            raise Invalid("pricing.minutes-record")
        said, offer = _words(file, keys)
        billed = attest.billed(next(one for one in offer.lines if one.line == file.line).inputs, file.quantity)
        if {name: Fraction(minutes) for name, minutes in said.billed.items()} != billed:
            raise Invalid("pricing.minutes-record")
        runs = [Run(job, name, [Mark(*mark) for mark in marks]) for job, name, marks in file.runs]
        minutes = attest.recorded(runs)
    except (WeftError, msgspec.ValidationError, KeyError, StopIteration, ValueError) as error:
        raise Invalid("pricing.minutes-record") from error
    return Told(said, attest.band(billed, minutes), minutes)


def _words(file: File, keys: Any) -> tuple[MinutesAttested, Quotation]:
    """The seller's word and its quotation, both signed by a device of the seller in one thread."""
    begun, *rest = [unwire(one.encode()) for one in file.events]
    if not isinstance(begun.header.mem, dict) or begun.header.mem.get(file.seller) != "seller":
        raise Invalid("pricing.minutes-record")
    found: dict[type, Any] = {}
    for event in rest:
        signed = ed25519.verify(event.header.d, signed_bytes(event.id), event.signature)
        word = evidence.word_of(event)
        if word is None or event.thread != begun.thread or event.author != file.seller or not signed \
                or event.header.d not in keys.devices:
            raise Invalid("pricing.minutes-record")
        found[type(word.message)] = word.message
    said: MinutesAttested = found[MinutesAttested]
    if said.line != file.line:
        raise Invalid("pricing.minutes-record")
    return said, found[Quotation]
