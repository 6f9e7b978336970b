"""A file that describes how a machine is reached, made into what ``machine-add`` takes: nothing is written here.

A file is a Thing Description (W3C WoT TD 1.1), a submodel or an environment of the AAS as JSON or XML, or a package
(AASX); of the latter every Asset Interfaces Description (IDTA 02017) counts, with the Thing Description beside it.
Rule 1: each way to reach the machine is one offer; whoever asked chooses, and nothing is chosen for them.
Rule 2: what does not fit is told with the offer, and an offer that cannot be used says why.
Rule 3: no permission comes from a file: what it would let this node write is told, and off, unless the owner says so.
Not here: keeping a machine (``commands/floor.py``), browsing a machine (``machines``).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.basis.noticed import Noticed, noticed
from weft.shopfloor import adopting
from weft.shopfloor.description import Description
from weft.shopfloor.reading import SIZE_MAX, parse, parse_text
from weft.twin.aasx.container import Limits
from weft.twin.aasx.reading import Package
from weft.twin.interfaces import mappings, reading
from weft.twin.interfaces.reading import Interface
from weft.twin.interfaces.words import TD_TYPE

FILE_MAX: Final = 5 << 20  # so that it fits into a request of the API, as base64
_LIMITS: Final = Limits(spec=64 << 20, total=256 << 20, twins=20_000)
_DEEP: Final = 200  # brackets within brackets: no description of a machine has more


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach the machine. ``description``: for ``machine-add``; "" where ``refused`` says why there is none.

    ``writes``: what the file would let this node write or call; ``whole``: the file brought a Thing Description.
    """

    interface: str
    title: str
    address: str = ""
    protocol: str = ""
    whole: bool = False
    properties: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    description: str = ""
    noticed: tuple[Noticed, ...] = ()
    refused: str = ""
    facts: dict[str, str | int] = {}


class _Told(msgspec.Struct, frozen=True):
    """What a file holds: Thing Descriptions by themselves, or submodels with the files that they name."""

    things: Sequence[Any] = ()
    submodels: Sequence[tuple[Mapping[str, Any], Mapping[str, bytes]]] = ()


def offers(content: bytes, machine: str, *, writing: bool = False) -> list[Offer]:
    """The ways in which ``content`` says that the machine, to be called ``machine``, is reached.

    ``writing``: what it says may be written counts, too. Raises ``Invalid`` where nothing of the kind is in it.
    """
    if len(content) > FILE_MAX:
        raise Invalid("describing.too-large", limit=FILE_MAX >> 20)
    told = _told(content)
    made = [_offer(Interface(name="", title="", submodel="", thing=one), one, machine, writing=writing)
            for one in told.things]
    blobs = [found for submodel, _ in told.submodels for found in _blobs(submodel)]
    asked = [one for submodel, _ in told.submodels if mappings.is_aimc(submodel) for one in mappings.read(submodel)]
    for submodel, files in told.submodels:
        if reading.is_aid(submodel):
            made += [_described(mappings.applied(one, asked), files, blobs, machine, writing=writing)
                     for one in reading.read(submodel)]
    if not made:
        raise Invalid("describing.nothing", count=len(told.submodels))
    return made


def chosen(found: Sequence[Offer], interface: str) -> Offer:
    """The offer called ``interface``, or the only one; raises ``Invalid`` where none is said, or it is of no use."""
    wanted = [one for one in found if one.interface == interface] if interface else list(found)
    if not wanted:
        raise Invalid("describing.interface-unknown", interface=interface[:80], known=_names(found))
    if len(wanted) > 1:
        raise Invalid("describing.choose", known=_names(found))
    if wanted[0].refused:
        raise Invalid(wanted[0].refused, **wanted[0].facts)
    return wanted[0]


def _names(found: Sequence[Offer]) -> str:
    return ", ".join(one.interface for one in found)[:200]


# ---- what is in the file -----------------------------------------------------------------------------


def _told(content: bytes) -> _Told:
    head = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if content[:2] == b"PK" or head == b"<":
        return _packed(content)
    try:
        data = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid("describing.not-readable", detail=str(error)[:80]) from error
    if _deeper(data, _DEEP):
        raise Invalid("describing.not-readable", detail=f"> {_DEEP}")
    several = data if isinstance(data, list) else [data]
    submodels = [one for each in several for one in _submodels(each)]
    if submodels:
        return _Told(submodels=[(one, {}) for one in submodels])
    return _Told(things=[one for one in several if isinstance(one, dict) and ("properties" in one or "forms" in one
                                                                             or "@context" in one)])


def _submodels(data: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(data, dict) and data.get("modelType") == "Submodel":
        yield data
    elif isinstance(data, dict) and isinstance(data.get("submodels"), list):
        yield from (one for one in data["submodels"] if isinstance(one, dict))


def _deeper(data: Any, limit: int) -> bool:
    level, depth = [data], 0
    while level and depth <= limit:
        level = [inner for one in level if isinstance(one, dict | list)
                 for inner in (one.values() if isinstance(one, dict) else one)]
        depth += 1
    return bool(level)


def _packed(content: bytes) -> _Told:
    """Submodels of a package, or of an environment in XML; of files only descriptions are read."""
    found = []
    package = Package(io.BytesIO(content), limits=_LIMITS)
    try:
        for one in package.documents():
            if one.document.tag == "submodel":
                files = {each.value: b"".join(each.chunks()) for each in one.files
                         if each.size <= SIZE_MAX and _is_description(each.value, each.content_type)}
                found.append((one.document.body, files))
    finally:
        package.close()
    return _Told(submodels=found)


def _is_description(value: str, content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == TD_TYPE or value.lower().endswith((".td.json", ".jsonld"))


def _blobs(submodel: Mapping[str, Any]) -> Iterator[bytes]:
    """Thing Descriptions that stand in a submodel itself, as in ours."""
    for one in submodel.get("submodelElements") or ():
        if isinstance(one, dict) and one.get("modelType") == "Blob" and one.get("contentType") == TD_TYPE:
            try:
                yield msgspec.convert(one.get("value"), bytes)
            except msgspec.ValidationError:
                continue


# ---- what is offered ---------------------------------------------------------------------------------


def _described(one: Interface, files: Mapping[str, bytes], blobs: Sequence[bytes], machine: str, *,
               writing: bool) -> Offer:
    """The offer of an interface: by the Thing Description that lies beside it, else by what AID itself says."""
    named = [value for value, kind in one.descriptors if _is_description(value, kind)]
    missing = [value for value in named if value not in files]
    for data in [files[value] for value in named if value in files] + [each for each in blobs if _is_of(each, one)]:
        try:
            thing = msgspec.json.decode(data)
            made = _offer(one, thing, machine, text=data.decode(), writing=writing)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            continue
        if not made.refused:
            return made
    told = tuple(noticed("kept", "descriptor-missing", one.name, file=value) for value in missing)
    return _offer(msgspec.structs.replace(one, noticed=(*told, *one.noticed)), one.thing, machine, writing=writing)


def _is_of(data: bytes, one: Interface) -> bool:
    """Whether a Thing Description leads to where the interface leads."""
    try:
        thing = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(thing, dict) and bool(one.thing.get("base")) and thing.get("base") == one.thing["base"]


def _offer(one: Interface, thing: Any, machine: str, *, text: str = "", writing: bool) -> Offer:
    """What comes of ``thing``, word for word (``text``) where its permissions count."""
    whole = thing is not one.thing or not one.name
    wanted = _permissions(thing) if whole else ()
    told = () if whole and one.name else one.noticed
    made: tuple[Noticed, ...] = ()
    title = str(thing.get("title") or one.title)[:200] if isinstance(thing, dict) else one.title
    try:
        if whole and writing and _usable(thing):
            found = text or msgspec.json.format(msgspec.json.encode(thing)).decode()
        else:
            found, made = (adopted := adopting.adopt(thing, machine)).text, adopted.noticed
        described = parse_text(found)
    except Invalid as error:
        return Offer(interface=one.name, title=title, whole=whole, noticed=told, refused=error.code,
                     facts={name: str(value) for name, value in error.facts.items()})
    return _ready(one, described, found, whole=whole, writes=wanted, noticed=(*told, *made))


def _usable(thing: Any) -> bool:
    """Whether ``thing`` can be kept word for word."""
    try:
        parse(thing)
    except Invalid:
        return False
    return True


def _ready(one: Interface, described: Description, text: str, **more: Any) -> Offer:
    return Offer(interface=one.name, title=described.title, address=described.base, protocol=described.scheme,
                 properties=tuple(described.properties), description=text, **more)


def _permissions(thing: Any) -> tuple[str, ...]:
    """Properties that may be written, and actions that may be called, by a description's own words."""
    def of(field: str, word: str) -> Iterator[str]:
        given = thing.get(field) if isinstance(thing, dict) else None
        for name, each in given.items() if isinstance(given, dict) else ():
            if isinstance(each, dict) and each.get(word) is True:
                yield str(name)

    return (*of("properties", "weft:write"), *of("actions", "weft:call"))
