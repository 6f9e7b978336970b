"""The pages, one file each; every page is ``async (visit) -> Response`` with its address in ``PAGES``."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.responses import Response

from weft.doors.console.pages import (
    alarms,
    audits,
    carry,
    data,
    devices,
    mailbox,
    making,
    orders,
    partners,
    pickup,
    price_drafts,
    price_record,
    prices,
    proofs,
    settings,
    shown,
    stock,
    tills,
    today,
    twin_import,
    twins,
)
from weft.doors.console.visit import Visit

Page = Callable[[Visit], Awaitable[Response]]

PAGES: Final[Mapping[str, Page]] = {
    "/": today.page,
    "/more": today.more,
    "/orders": orders.board,
    "/orders/new": orders.new,
    "/orders/{thread}": orders.one,
    "/orders/{thread}/paper": orders.paper,
    "/orders/{thread}/price": proofs.page,
    "/orders/{thread}/price.json": proofs.file,
    "/machines": making.machines,
    "/machines/{name}": making.machine,
    "/jobs": making.jobs,
    "/jobs/{job}": making.job,
    "/jobs/{job}/traveller": making.traveller,
    "/stock": stock.page,
    "/stock/{item:path}": stock.one,
    "/import": stock.imports,
    "/import/{kind}.csv": stock.template,
    "/pick-up": pickup.page,
    "/partners": partners.page,
    "/partners/{thread}": partners.one,
    "/partners/{thread}/price": proofs.page,
    "/partners/{thread}/price.json": proofs.file,
    "/alarms/{name}": alarms.page,
    "/carry": carry.page,
    "/mailbox": mailbox.page,
    "/prices": prices.page,
    "/prices/proofs": proofs.limits,
    "/prices/record": price_record.page,
    "/prices/audits": audits.page,
    "/prices/audits/{audit}": audits.one,
    "/prices/audits/{audit}/plan.json": audits.plan_file,
    "/prices/audits/{audit}/result.json": audits.result_file,
    "/prices/test": prices.test,
    "/prices/diff": prices.diff,
    "/prices/versions/{hash}": prices.version,
    "/prices/versions/{hash}/prices.{kind}": prices.export,
    "/prices/drafts/{draft}": price_drafts.page,
    "/prices/drafts/{draft}/line": price_drafts.line,
    "/prices/drafts/{draft}/card": price_drafts.card,
    "/prices/drafts/{draft}/rule": price_drafts.rule,
    "/prices/drafts/{draft}/test": price_drafts.test,
    "/prices/drafts/{draft}/publish": price_drafts.publish,
    "/prices/drafts/{draft}/prices.{kind}": prices.export,
    "/tills": tills.page,
    "/tills/slips": tills.slips,
    "/tills/slips/{slip}": tills.slip,
    "/tills/slips/{slip}/file": tills.slip_file,
    "/twins": twins.page,
    "/twins/import": twin_import.page,
    "/twins/import/{file}": twin_import.one,
    "/twins/of/{kind}/{name:path}": twins.of,
    "/twins/{shell}": twins.one,
    "/twins/{shell}/value": twins.value,
    "/twins/{shell}/history": twins.history,
    "/twins/{shell}/picture": twins.picture,
    "/twins/{shell}/file": twins.file,
    "/data": data.page,
    "/settings": settings.page,
    "/shown": shown.page,
    "/devices": devices.page,
    "/sheet": devices.paper,
}
# forms whose file is too large for a command, or whose words must not be shown again
POSTED: Final[Mapping[str, Page]] = {
    "/carry/out": carry.out, "/carry/in": carry.come_in, "/data/export": data.export, "/sheet/show": devices.shown,
    "/sheet/use": devices.with_paper, "/tills/use": tills.with_sheet, "/evidence": alarms.evidence,
    "/twin-files/in": twin_import.come_in, "/twin-files/take": twin_import.take, "/twin-files/out": twins.out,
    "/shown/rules": shown.rules, "/audit/in": audits.come_in, "/audit/open": audits.opened,
}
# what a worker's device may open: the shop floor, nothing of customers and money
OPERATOR_PAGES: Final = frozenset({
    "/machines", "/machines/{name}", "/jobs", "/jobs/{job}", "/jobs/{job}/traveller", "/stock", "/stock/{item:path}",
    "/pick-up",
})
