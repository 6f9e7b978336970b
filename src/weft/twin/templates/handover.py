"""Handover Documentation (IDTA 02004-2-0-1) of a lot: its quality papers, each with where its file lies.

Filled from: the papers that the stock book names for the lot, written ``name`` or ``name address``
(``EN10204-3.1 https://papers.example/7-31.pdf``); the partner they came with; the firm's name (settings).
Rule 1: a paper without a file is no document; it is a gap, never an empty entry.
Rule 2: classes are those of VDI 2770: certificates are 02-04.
Not here: the papers' names alone (``twin/lot.py``).
"""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import Party, listing, same, submodel

ID_SHORT: Final = "HandoverDocumentation"
SEMANTIC: Final = "0173-1#01-AHF578#003"
VERSION: Final = {"version": "2", "revision": "0", "templateId": "https://admin-shell.io/idta-02004-2-0"}
SYSTEM: Final = "VDI2770:2020"
CERTIFICATE: Final = "02-04"
CLASS: Final = {"zh": "证书、声明", "en": "Certificates, declarations"}  # what VDI 2770 calls it
_DOCUMENT: Final = "0173-1#02-ABI500#003/0173-1#01-AHF579#003"
_IDS: Final = "0173-1#02-ABI501#003/0173-1#01-AHF580#003"
_CLASSES: Final = "0173-1#02-ABI502#003/0173-1#01-AHF581#003"
_VERSIONS: Final = "0173-1#02-ABI503#003/0173-1#01-AHF582#003"
_TYPES: Final = {"pdf": "application/pdf", "json": "application/json", "jsonld": "application/ld+json",
                 "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "xml": "application/xml",
                 "html": "text/html", "txt": "text/plain"}


class Papers(msgspec.Struct, frozen=True, kw_only=True):
    """The papers of ``lot``; ``issuer``: name of the partner they came with, or ours; ``at``: date of their booking."""

    lot: str
    item: str
    papers: tuple[str, ...]
    issuer: str
    at: str
    keeper: Party


def split(paper: str) -> tuple[str, str]:
    """(name, address) of a paper as the stock book has it; the address is "" when there is none."""
    name, _, address = paper.strip().rpartition(" ")
    if urlsplit(address).scheme in ("http", "https", "urn") and name:
        return name.strip(), address
    return ("", paper.strip()) if urlsplit(paper.strip()).scheme in ("http", "https") else (paper.strip(), "")


def gaps(papers: Papers) -> list[Gap]:
    """A lot without papers, papers without an address, a lot without the date of its booking."""
    if not papers.papers:
        return [Gap(ID_SHORT, "no-papers", {"lot": papers.lot})]
    undated = [] if papers.at else [Gap(ID_SHORT, "paper-date", {"lot": papers.lot})]
    return undated + [Gap(ID_SHORT, "paper-address", {"lot": papers.lot, "paper": one})
                      for one in papers.papers if not split(one)[1]]


def build(name: str, papers: Papers) -> Json:
    """The submodel whose id is ``name``."""
    documents = [_document(papers, one) for one in papers.papers]
    return submodel(name, ID_SHORT, [listing("Documents", documents, "0173-1#02-ABI500#003", _DOCUMENT)],
                    SEMANTIC, VERSION)


def _document(papers: Papers, paper: str) -> Json:
    called, address = split(paper)
    title = called or address.rsplit("/", 1)[-1]
    identifier = e.collection("", [
        e.prop("DocumentDomainId", papers.keeper.organisation, "0173-1#02-ABH994#003"),
        e.prop("DocumentIdentifier", f"{papers.lot}/{title}", "0173-1#02-AAO099#004"),
        e.prop("DocumentIsPrimary", True, "0173-1#02-ABH995#003"),
    ], _IDS)
    classified = e.collection("", [
        e.prop("ClassId", CERTIFICATE, "0173-1#02-ABH996#003"),
        e.multi("ClassName", CLASS, "0173-1#02-ABJ219#002"),
        e.prop("ClassificationSystem", SYSTEM, "0173-1#02-ABH997#003"),
    ], _CLASSES)
    return e.collection("", [
        listing("DocumentIds", [identifier], "0173-1#02-ABI501#003", _IDS),
        listing("DocumentClassifications", [classified], "0173-1#02-ABI502#003", _CLASSES),
        listing("DocumentVersions", [_version(papers, title, address)], "0173-1#02-ABI503#003", _VERSIONS),
    ], _DOCUMENT)


def _version(papers: Papers, title: str, address: str) -> Json:
    """The one version we hold: it is called by the day on which it was booked with the lot."""
    lang = papers.keeper.lang
    kind = _TYPES.get(address.rsplit(".", 1)[-1].lower(), "application/octet-stream")
    return e.collection("", [
        listing("Language", [e.prop("", lang, "0173-1#02-AAN468#008")], "0173-1#02-AAN468#008", of="Property"),
        e.prop("Version", papers.at, "0173-1#02-AAP003#005"),
        e.multi("Title", same(title), "0173-1#02-ABG940#003"),
        e.multi("Description", same(f"{title}, {papers.item}, {papers.lot}"), "0173-1#02-AAN466#004"),
        e.prop("StatusSetDate", papers.at, "0173-1#02-ABI000#003", type_="xs:date"),
        e.prop("StatusValue", "Released", "0173-1#02-ABI001#003"),
        e.prop("OrganizationShortName", papers.issuer, "https://api.eclass-cdp.com/0173-1-02-ABI002-003"),
        e.prop("OrganizationOfficialName", papers.issuer, "0173-1#02-ABI004#003"),
        listing("DigitalFiles", [e.file("", address, kind, "0173-1#02-ABK126#002")],
                "0173-1#02-ABK126#002", of="File"),
    ], _VERSIONS)
