"""The headers of EPCIS: which versions are spoken, in which form names are given, what the reader accepts.

EPCIS 2.0 REST binding, "HTTP headers".
Rule 1: names are given as they were recorded (``Never_Translates``); who insists on another form is told no.
"""

from typing import Final

from starlette.requests import Request

from weft import __version__
from weft.basis.errors import Invalid

EPCIS: Final = "2.0.0"
CBV: Final = "2.0.0"
EXTENSIONS: Final = ""
_FORMATS: Final = ("", "No_Preference", "Never_Translates")
_JSON: Final = ("application/json", "application/ld+json", "application/*", "*/*")


def version_headers() -> dict[str, str]:
    """What every answer carries."""
    return {"GS1-EPCIS-Version": EPCIS, "GS1-EPCIS-Min": EPCIS, "GS1-EPCIS-Max": EPCIS, "GS1-CBV-Version": CBV,
            "GS1-CBV-Min": CBV, "GS1-CBV-Max": CBV, "GS1-EPC-Format": "Never_Translates",
            "GS1-Vendor-Version": __version__, "Cache-Control": "no-store"}


def media_type(request: Request) -> str:
    """The form of the answer; raises ``Invalid('web.not-acceptable')`` when none of ours would do."""
    for name, ours in (("gs1-epcis", EPCIS), ("gs1-cbv", CBV)):
        low, high = request.headers.get(f"{name}-min", ""), request.headers.get(f"{name}-max", "")
        if (low and _version(low) > _version(ours)) or (high and _version(high) < _version(ours)):
            raise Invalid("web.not-acceptable", header=name, value=(low or high)[:20])
    if request.headers.get("gs1-epc-format", "") not in _FORMATS:
        raise Invalid("web.not-acceptable", header="gs1-epc-format", value=request.headers["gs1-epc-format"][:40])
    wanted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    found = next((one for one in wanted if one in _JSON), None)
    if found is None:
        raise Invalid("web.not-acceptable", header="accept", value=request.headers["accept"][:80])
    return found if found == "application/ld+json" else "application/json"


def _version(text: str) -> tuple[int, ...]:
    """``2.0`` and ``2.0.0`` are the same; what is no version is the oldest of all."""
    parts = [int(part) if part.isascii() and part.isdecimal() and len(part) < 9 else 0 for part in text.split(".")[:4]]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)
