"""Liveness, metrics and who we are: ``/health``, ``/metrics``, and ``did.json``, ``did.jsonl``, ``weft.json``.

W3C did:web; did:webvh 1.0; Prometheus text format 0.0.4.
Rule 1: what anybody may read says nothing about partners, volume or trade.
"""

import resource
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import __version__, web
from weft.basis.canonical import b64, digest, encode
from weft.basis.errors import NotFound
from weft.engine import keys as keys_of_ours
from weft.engine.node import Node
from weft.identity import did, webvh

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


def routes(node: Node) -> list[BaseRoute]:
    """All addresses of this door."""

    async def health(_request: Request) -> Response:
        return web.json({"ok": True, "version": __version__})

    async def metrics(_request: Request) -> Response:
        return Response(await exposition(node), media_type=PROMETHEUS)

    async def did_document(request: Request) -> Response:
        keys = await node.keys(node.organisation)
        url = node.config.firm.url or str(request.base_url).rstrip("/")
        active = [device for device, held in keys.devices.items() if not held.revoked] if keys else []
        document = did.document(did.did_web(url), node.organisation, active, url)
        return Response(msgspec.json.encode(document), media_type="application/did+json")

    async def did_log(_request: Request) -> Response:
        log = await keys_of_ours.public_log(node)
        if not log:
            raise NotFound("webvh.none")
        return Response(webvh.lines(log), media_type="text/jsonl")

    async def card(_request: Request) -> Response:
        return web.json(signed_card(node))

    def route(path: str, handler: web.Handler, scopes: frozenset[str]) -> Route:
        return Route(path, web.guard(node, handler, scopes=scopes), methods=list(web.ALL_METHODS))

    return [
        route("/health", health, web.PUBLIC),
        route("/metrics", metrics, web.ANYONE_KNOWN),
        route("/.well-known/did.json", did_document, web.PUBLIC),
        route("/.well-known/did.jsonl", did_log, web.PUBLIC),
        route("/.well-known/weft.json", card, web.PUBLIC),
    ]


def signed_card(node: Node) -> dict[str, object]:
    """The firm card: who we are and where, signed by this node's device."""
    firm = node.config.firm
    card = {"v": 1, "firm": node.organisation, "name": firm.name, "lang": firm.lang, "url": firm.url,
            "device": node.identity.signer.public}
    return {**card, "sig": b64(node.identity.signer.sign(digest("card/1", encode(card))))}


async def exposition(node: Node) -> str:
    """Counters and gauges as text."""
    outbox = await node.store.outbox()
    values = {
        "weft_threads": len(node.threads("order")) + len(node.threads("relationship")),
        "weft_partners": len(node.partners),
        "weft_outbox_waiting": len(outbox),
        "weft_effects_waiting": len(node.work.waiting),
        "weft_process_resident_memory_max_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    return "".join(f"# TYPE {name} gauge\n{name} {value}\n" for name, value in values.items())
