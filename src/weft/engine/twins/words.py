"""The words by which people look for a twin: names in all languages, idShort, ids, asset ids and semantic ids.

Rule 1: a Chinese, Japanese or Korean character is a word; other letters go together, and so do digits: of ``DN15`` both
        parts are found, and of ``MaxSpeed`` the parts and the whole. Case, width and accents do not matter.
Rule 2: all that is typed must be there, the last part of each word may be begun: ``ball val`` finds ``Ball valve``.
Rule 3: no twin has more than ``WORDS_MAX`` words; what a body says in another shape is not found, and does no harm.
Not here: the index (``stores/twins/searching.py``), what identifies a twin for programs (``naming.py``).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from weft.engine.twins.ports import Kind

WORDS_MAX: Final = 400
ASKED_MAX: Final = 8
PARTS_MAX: Final = 4  # letters and digits that change places more often are no name but a number: it stands whole
SEARCHED: Final[tuple[Kind, ...]] = ("shell", "submodel", "concept")
_TEXT_MAX: Final = 400
_IDEOGRAMS: Final = ("\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
                     "\U00020000-\U0003ffff")
_RUN: Final = re.compile(rf"[{_IDEOGRAMS}]|[^\W_{_IDEOGRAMS}]+")
_PART: Final = re.compile(r"\d+|[^\d]+")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words(kind: Kind, document: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of ``document``, in their order; none for a kind that nobody looks for."""
    if kind not in SEARCHED:
        return ()
    return tuple(_words(" ".join(text[:_TEXT_MAX] for text in _texts(kind, document))))[:WORDS_MAX]


def asked(query: str) -> list[list[Sequence[str]]]:
    """What must be there: of each group one of its phrases, a phrase being words that follow each other.

    The last word of a phrase may go on.
    """
    groups: list[list[Sequence[str]]] = []
    for runs in filter(None, (_RUN.findall(piece) for piece in _plain(query).split())):
        before = [part for one in runs[:-1] for part in _parts(one)]
        split, whole = [*before, *_parts(runs[-1])], [*before, runs[-1].lower()]
        groups.append([split] if split == whole else [split, whole])  # the beginning of a number has few parts
    return groups[:ASKED_MAX]


def found(query: str, there: Sequence[str]) -> bool:
    """Whether ``there``, the words of a twin, are what ``query`` asks for; a query of nothing finds nothing."""
    groups = asked(query)
    return bool(groups) and all(any(_stands(phrase, there) for phrase in group) for group in groups)


def _stands(phrase: Sequence[str], there: Sequence[str]) -> bool:
    *whole, begun = phrase
    return any(list(there[at:at + len(whole)]) == whole and there[at + len(whole)].startswith(begun)
               for at in range(len(there) - len(whole)))


def _words(text: str) -> Iterator[str]:
    for run in _RUN.findall(_plain(text)):
        yield from _parts(run)
        humps = _HUMP.split(run)
        if len(humps) > 1:
            yield from (one.lower() for one in humps)


def _parts(run: str) -> list[str]:
    parts = _PART.findall(run.lower())
    return parts if len(parts) <= PARTS_MAX else [run.lower()]


def _plain(text: str) -> str:
    """Without accents and width; case stays, since it tells where a word begins."""
    spread = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFKC", "".join(one for one in spread if not unicodedata.combining(one)))


# ---- what a document says ------------------------------------------------------------------------------


def _texts(kind: Kind, document: Mapping[str, Any]) -> Iterator[str]:
    yield from _spoken(document.get("displayName"))
    yield _text(document.get("idShort"))
    if kind == "concept":
        for one in _list(document.get("embeddedDataSpecifications")):
            content = _object(_object(one).get("dataSpecificationContent"))
            yield from _spoken(content.get("preferredName"))
            yield from _spoken(content.get("shortName"))
    if kind == "shell":
        asset = _object(document.get("assetInformation"))
        for one in _list(asset.get("specificAssetIds")):
            yield _text(_object(one).get("value"))
        yield _text(asset.get("globalAssetId"))
        yield _text(asset.get("assetType"))
    yield _text(document.get("id"))
    for reference in (document.get("semanticId"), *_list(document.get("supplementalSemanticIds"))):
        for key in _list(_object(reference).get("keys")):
            yield _text(_object(key).get("value"))


def _spoken(texts: Any) -> Iterator[str]:
    for one in _list(texts):
        yield _text(_object(one).get("text"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
