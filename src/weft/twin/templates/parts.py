"""What builders of several templates share: supplemental ids, typed lists, a firm's address, names.

Not here: single elements (``twin/elements.py``), what a template asks for (its own module).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis import instant, zone
from weft.basis.errors import Invalid
from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.templates.gaps import Gap

ADDRESS: Final = "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/AddressInformation"
CONTACT: Final = "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/ContactInformation"
_DROP_IN: Final = ("https://admin-shell.io/smt-dropin/smt-dropin-use/1/0", "0112/2///61360_7#AAS002#001",
                   "0173-1#02-AAQ837#008/0173-1#01-ADR448#008")
POSTAL: Final = ("street", "zipcode", "city", "country")


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A firm as papers name it; ``country`` is ISO 3166 alpha-2, ``lang`` the language of its texts."""

    organisation: str
    name: str
    lang: str = "en"
    street: str = ""
    zipcode: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    telephone: str = ""
    email: str = ""
    address: str = ""
    tax_number: str = ""
    url: str = ""
    time_zone: str = "UTC"

    def day(self, at: str) -> str:
        """The date of an instant where the firm is; what is none stays as it is, as far as a date goes."""
        try:
            return zone.of(self.time_zone).day(instant.to_ms(at))
        except Invalid:
            return at[:10]


def lacking(template: str, party: Party, *fields: str) -> list[Gap]:
    """A gap for each of ``fields`` that the firm's settings leave empty."""
    return [Gap(template, f"setting-{one}") for one in fields if not getattr(party, one)]


def also(element: Json, *ids: str) -> Json:
    """``element`` with supplemental semantic ids."""
    return {**element, "supplementalSemanticIds": [e.external(one) for one in ids]}


def listing(id_short: str, elements: Sequence[Json], sem: str, entry: str = "", of: str = "SubmodelElementCollection",
            value_type: str = "") -> Json:
    """A list whose entries all have the semantic id ``entry``."""
    made = e.listing(id_short, elements, sem, of)
    if entry:
        made["semanticIdListElement"] = e.external(entry)
    if value_type:
        made["valueTypeListElement"] = value_type
    return made


def same(text: str) -> dict[str, str]:
    """``text``, a name that is the same in both languages."""
    return {"zh": text, "en": text}


def named(zh: str, en: str) -> dict[str, str]:
    """What a person called a thing, by language; {} when nobody did."""
    return {lang: text for lang, text in (("zh", zh), ("en", en)) if text}


def submodel(name: str, id_short: str, elements: Sequence[Json], semantic: str, version: Mapping[str, str]) -> Json:
    """A Submodel that claims a template; ``version``: version, revision and perhaps templateId of it."""
    made = e.submodel(name, id_short, elements, semantic)
    return {**made, "administration": dict(version)}


def address(id_short: str, party: Party) -> Json:
    """The address of ``party`` as a drop-in of IDTA 02002 (Contact Information)."""
    return also(contact(id_short, party, ADDRESS), *_DROP_IN)


def contact(id_short: str, party: Party, sem: str) -> Json:
    """How ``party`` is reached, as IDTA 02002 has it."""
    def text(name: str, value: str, sem: str) -> list[Json]:
        return [e.multi(name, {party.lang: value}, sem)] if value else []

    inner: list[Json] = [
        *text("Company", party.name, "0173-1#02-AAW001#001"),
        *text("Street", party.street, "0173-1#02-AAO128#002"),
        *text("Zipcode", party.zipcode, "0173-1#02-AAO129#002"),
        *text("CityTown", party.city, "0173-1#02-AAO132#002"),
        *text("StateCounty", party.state, "0173-1#02-AAO133#002"),
        *text("NationalCode", party.country, "0173-1#02-AAO134#002"),
    ]
    if party.telephone:
        inner.append(e.collection("Phone", text("TelephoneNumber", party.telephone, "0173-1#02-AAO136#002"),
                                  f"{CONTACT}/Phone"))
    if party.email:
        inner.append(e.collection("Email", [e.prop("EmailAddress", party.email, "0173-1#02-AAO198#002")],
                                  "0173-1#02-AAQ836#005"))
    return e.collection(id_short, inner, sem)


def optional(made: Any, given: object) -> list[Json]:
    """[``made``] when ``given`` is something, else []: what the firm does not know is left out."""
    return [made] if given else []
