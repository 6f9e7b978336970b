"""GS1 keys: EPC URNs as GS1 Digital Links, and Digital Links in their constrained canonical form.

EPC Tag Data Standard 2.0 §6, GS1 Digital Link URI Syntax 1.2 §4.11, CBV 2.0 §8.9.2 rules 17 and 18.
Rule 1: what is not a GS1 key that is known here stays exactly as it is.
Not here: RFID encodings, resolving a link.
"""

import re
from typing import Final
from urllib.parse import quote, unquote

CANONICAL: Final = "https://id.gs1.org"
# EPC scheme -> (digits of prefix and reference together, does the reference start with an indicator)
_KEYS: Final = {"sgtin": (13, True), "lgtin": (13, True), "sscc": (17, True), "sgln": (12, False), "pgln": (12, False),
               "grai": (12, False), "gdti": (12, False)}
_PLACES: Final = {"sscc": "00", "pgln": "417", "grai": "8003/0", "gdti": "253"}
_URN: Final = re.compile(r"urn:epc:(?:id|class|idpat):(sgtin|lgtin|sscc|sgln|pgln|grai|gdti):"
                         r"(\d{6,12})\.(\d*)(?:\.(.+))?")
_GIAI: Final = re.compile(r"urn:epc:id:giai:(\d{6,12})\.([^.]+)")
_LINK: Final = re.compile(r"https?://[^/?#]+(?:/[^?#]*?)?/(00|01|253|255|401|402|414|417|8003|8004|8006|8010|8017|8018)"
                          r"/([^/?#]+)((?:/[^?#]*)?)(?:[?#].*)?")
_QUALIFIERS: Final = {"01": ("21", "10", "235"), "414": ("254",), "8006": ("21", "10"), "8010": ("8011",)}


def check_digit(digits: str) -> str:
    """The GS1 check digit behind ``digits`` (GS1 General Specifications §7.9)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def canonical(uri: str) -> str:
    """``uri`` as a constrained canonical GS1 Digital Link when it is a GS1 key, else unchanged."""
    urn = _URN.fullmatch(uri)
    if urn:
        return _from_urn(urn) or uri
    asset = _GIAI.fullmatch(uri)
    if asset:
        return f"{CANONICAL}/8004/{asset[1]}{asset[2]}"
    link = _LINK.fullmatch(uri)
    return _constrained(link) or uri if link else uri


def _from_urn(urn: re.Match[str]) -> str:
    scheme, prefix, reference, rest = urn[1], urn[2], urn[3], urn[4]
    length, indicator = _KEYS[scheme]
    if len(prefix) + len(reference) != length:
        return ""
    digits = reference[:1] + prefix + reference[1:] if indicator else prefix + reference
    key = digits + check_digit(digits)
    last = quote(unquote(rest), safe="") if rest else ""
    if scheme in ("sgtin", "lgtin"):
        qualifier = "21" if scheme == "sgtin" else "10"
        return f"{CANONICAL}/01/{key}" + ("" if rest == "*" or not rest else f"/{qualifier}/{last}")
    if scheme == "sgln":
        return f"{CANONICAL}/414/{key}" + ("" if rest in ("0", None) else f"/254/{last}")
    serial = "" if rest == "*" or scheme in ("sscc", "pgln") else last
    return f"{CANONICAL}/{_PLACES[scheme]}{'' if scheme == 'grai' else '/'}{key}{serial}"


def _constrained(link: re.Match[str]) -> str:
    key, value, rest = link[1], link[2], link[3].strip("/").split("/")
    pairs = dict(zip(rest[::2], rest[1::2], strict=False))
    qualifier = next((one for one in _QUALIFIERS.get(key, ()) if one in pairs), "")
    base = f"{CANONICAL}/{key}/{value.zfill(14) if key == '01' else value}"
    return f"{base}/{qualifier}/{pairs[qualifier]}" if qualifier else base
