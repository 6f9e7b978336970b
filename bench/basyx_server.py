"""The objects of the BaSyx Python SDK and its JSON adapter, served over WSGI in the way of the SDK's own server.

Runs in an environment of its own, with the SDK and without us: for where the server itself, which is no package, is not
at hand (``WEFT_BASYX_SERVER``). It does of each request what that server does, and less: it looks a twin up in the
dictionary of the SDK, encodes it with ``AASToJsonEncoder``, and puts what came through ``StrictAASFromJsonDecoder``.
"""

import base64
import itertools
import json
import os
from typing import Any

from basyx.aas import model
from basyx.aas.adapter import load_directory
from basyx.aas.adapter.json import AASToJsonEncoder, StrictAASFromJsonDecoder
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, Rule

TWINS, _ = load_directory(os.environ["INPUT"])


class Base64(BaseConverter):
    """An id in an address."""

    def to_python(self, value: str) -> str:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()


def told(value: Any) -> Response:
    """``value`` as JSON."""
    return Response(json.dumps(value, cls=AASToJsonEncoder, separators=(",", ":")), content_type="application/json")


def twin(_: Request, name: str) -> Response:
    """One shell or submodel."""
    return told(TWINS.get(name))


def page(request: Request) -> Response:
    """The first shells."""
    limit = int(request.args.get("limit", "10"))
    found = (one for one in TWINS if isinstance(one, model.AssetAdministrationShell))
    return told({"paging_metadata": {"cursor": str(limit)}, "result": list(itertools.islice(found, limit))})


def put(request: Request, name: str, path: str) -> Response:
    """One element in the place of another."""
    new = json.loads(request.get_data(), cls=StrictAASFromJsonDecoder)
    TWINS.get(name).get_referable(path).update_from(new)
    return Response(status=204)


BASE = "/api/v3.0"
ADDRESSES = Map([
    Rule(f"{BASE}/shells", endpoint=page, methods=["GET"]),
    Rule(f"{BASE}/shells/<base64:name>", endpoint=twin, methods=["GET"]),
    Rule(f"{BASE}/submodels/<base64:name>", endpoint=twin, methods=["GET"]),
    Rule(f"{BASE}/submodels/<base64:name>/submodel-elements/<path>", endpoint=put, methods=["PUT"]),
], converters={"base64": Base64}, strict_slashes=False)


def application(environ: Any, start_response: Any) -> Any:
    """The WSGI application."""
    try:
        endpoint, values = ADDRESSES.bind_to_environ(environ).match()
        response = endpoint(Request(environ), **values)
    except HTTPException as error:
        response = error.get_response(environ)
    return response(environ, start_response)
