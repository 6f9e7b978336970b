"""Puts right what tools write in another way than the standard wants, where one thing alone can be meant; and says so.

IDTA-01001 v3.0 and v3.1 (metamodel, JSON mapping).
Rule 1: a value is never changed: "0.000" stays; only where JSON has a number instead of a text does it become its text.
Rule 2: whatever is taken away or put in another way is told, with its path; what is in no class of the model is "lost".
Rule 3: what could mean two things stays as it is: the checks of the metamodel say what is wrong with it.
Not here: words of lists (``spellings.py``), older metamodels (``older.py``), parts of packages.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from weft.twin.aasx.findings import Grade
from weft.twin.aasx.spellings import GLOBAL_KEYS, IDENTIFIABLE_KEYS, enumerated, is_word, meant
from weft.twin.elements import Json, external
from weft.twin.xml.shape import ANY, CLASSES, ELEMENTS, FLAG, IDENTIFIABLES, TEXT, TYPED, Field, model_type, tag_of

Tell = Callable[[Grade, str, str, Mapping[str, str | int]], None]  # grade, code, path, facts
IEC61360: Final = "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3"
_IEC61360: Final = re.compile(r"https?://(?:www\.)?admin-shell\.io/DataSpecificationTemplates/"
                              r"DataSpecificationIEC61360(?:/\d+){0,2}/?", re.IGNORECASE)
DEPTH_MAX: Final = 150
# Texts in which blanks at the ends and an empty one may be meant.
_FREE: Final = frozenset({("property", "value"), ("qualifier", "value"), ("extension", "value"), ("blob", "value"),
                          ("range", "min"), ("range", "max")})
_MAY_BE_EMPTY: Final = frozenset({"xs:string", "xs:anyURI", "xs:base64Binary", "xs:hexBinary"})
_OPTIONAL: Final = frozenset({("dataSpecificationIec61360", "dataType"), ("qualifier", "kind"), ("submodel", "kind")})
_REFERABLE: Final = ELEMENTS | frozenset(IDENTIFIABLES)
_FREE_NAMES: Final = frozenset({"text"})


class Number(str):
    """A number of JSON in its own digits, where a text should be."""

    __slots__ = ()


class TooDeep(Exception):
    """Elements within elements without end."""


class Tidier:
    """Tidies documents one after the other; ``tell`` hears of each change."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._steps: list[str] = []
        self._more: list[dict[str, Json]] = []  # of each element that is open: extensions for what it has no place for

    def document(self, made: Any, tag: str, place: str) -> Json | None:
        """``made`` as an object of the class ``tag``; None when it is none. Raises ``TooDeep``."""
        self._steps, self._more = [place], []
        return self._object(made, tag)

    def _told(self, grade: Grade, code: str, step: str = "", **facts: str | int) -> None:
        path = ""
        for one in (*self._steps, step):
            path += one if one.startswith("[") or not path or not one else f".{one}"
        self._tell(grade, code, path, facts)

    def _object(self, made: Any, tag: str) -> Json | None:
        if not isinstance(made, dict):
            self._told("lost", "not-an-object", said=str(made)[:60])
            return None
        if len(self._steps) > DEPTH_MAX:
            raise TooDeep
        if tag in _REFERABLE:
            self._more.append({})
        tidied = self._mended(self._fields(made, tag), tag)
        more = self._more.pop() if tag in _REFERABLE else {}
        if tidied is not None and more:
            tidied["extensions"] = [*tidied.get("extensions", ()), *more.values()]
        return tidied

    def _fields(self, made: Json, tag: str) -> Json:
        fields = CLASSES[tag]
        tidied: Json = {"modelType": model_type(tag)} if tag in TYPED else {}
        for name in made:
            if name not in fields and name != "modelType":
                self._told("lost", "unknown-field", name[:100])
        for name, field in fields.items():
            if name not in made:
                continue
            self._steps.append(name)
            value = self._field(made[name], name, field, tag)
            self._steps.pop()
            if value is not None:
                tidied[name] = value
        return tidied

    def _kept_in_full(self, name: str, value: str) -> str:
        """Keep what the model has no place for as an extension of the element around it; the extension's name."""
        more = self._more[-1]
        name = f"full.{name}" if f"full.{name}" not in more else f"full.{name}.{len(more) + 1}"
        more[name] = {"name": name, "valueType": "xs:string", "value": value}
        return name

    def _mended(self, tidied: Json, tag: str) -> Json | None:
        mend = _MENDED.get(tag)
        made: Json | None = mend(self, tidied) if mend else tidied
        if made and "embeddedDataSpecifications" in made:
            self._titled(made)
        return made

    def _field(self, value: Any, name: str, field: Field, tag: str) -> Any:
        if value is None:
            self._told("fixed", "null")
            return None
        if field.many:
            return self._list(value, field)
        if field.of == TEXT:
            return self._text(value, name, tag)
        if field.of == FLAG:
            return self._flag(value)
        if field.of == ANY:
            inner = self._kind(value, contents=name == "dataSpecificationContent")
            return self._object(value, inner) if inner else None
        return self._object(value, field.of)

    def _list(self, value: Any, field: Field) -> list[Any] | None:
        if isinstance(value, dict):
            self._told("fixed", "not-a-list")
            value = [value]
        if not isinstance(value, list):
            self._told("lost", "not-a-list-at-all", said=str(value)[:60])
            return None
        tidied = []
        for at, one in enumerate(value):
            name = one.get("idShort") if isinstance(one, dict) else None
            self._steps.append(f"[{at}]({name})" if isinstance(name, str) and name else f"[{at}]")
            tag = field.of if field.of != ANY else self._kind(one, contents=False)
            inner = self._object(one, tag) if tag else None
            self._steps.pop()
            if inner is not None:
                tidied.append(inner)
        if not value:
            self._told("fixed", "empty-list")
        return tidied or None

    def _kind(self, value: Any, *, contents: bool) -> str:
        """The class of an element that says itself what it is; "" when it does not."""
        if not isinstance(value, dict):
            self._told("lost", "not-an-object", said=str(value)[:60])
            return ""
        said = value.get("modelType")
        if isinstance(said, dict) and isinstance(said.get("name"), str):
            self._told("fixed", "old-name", said="modelType.name")
            said = said["name"]
        if contents:
            if said != "DataSpecificationIec61360":
                self._told("fixed", "model-type", said=str(said)[:60], now="DataSpecificationIec61360")
            return "dataSpecificationIec61360"
        tag = tag_of(said) if isinstance(said, str) else ""
        if tag in ELEMENTS:
            return tag
        folded = {one.casefold(): one for one in ELEMENTS}.get(tag.replace("_", "").casefold(), "")
        if folded:
            self._told("fixed", "model-type", said=str(said)[:60], now=model_type(folded))
            return folded
        self._told("lost", "no-such-element", said=str(said)[:60])
        return ""

    def _text(self, value: Any, name: str, tag: str) -> str | None:
        if not isinstance(value, str) or isinstance(value, Number):
            value = self._as_text(value)
            if value is None:
                return None
        if (tag, name) not in _FREE and name not in _FREE_NAMES and value.strip() != value:
            self._told("fixed", "blanks")
            value = value.strip()
        if not value and (tag, name) not in _FREE:
            self._told("fixed", "empty-text")
            return None
        if enumerated(tag, name):
            word = meant(tag, name, value)
            if word != value:
                self._told("fixed", "spelling", said=value[:60], now=word)
            elif (tag, name) in _OPTIONAL and not is_word(tag, name, word):
                self._told("fixed", "word-kept", said=word[:60], now=self._kept_in_full(name, word))
                return None
            return word
        return str(value)

    def _as_text(self, value: Any) -> str | None:
        if isinstance(value, bool):
            self._told("fixed", "not-text", said=str(value).lower())
            return str(value).lower()
        if isinstance(value, Number):
            self._told("fixed", "not-text", said=str(value))
            return str(value)
        keys = value.get("keys") if isinstance(value, dict) else None
        last = keys[-1].get("value") if isinstance(keys, list) and keys and isinstance(keys[-1], dict) else None
        if isinstance(last, str) and last:
            self._told("fixed", "reference-for-text", now=last[:200])
            return last
        self._told("lost", "not-a-text", said=str(value)[:60])
        return None

    def _flag(self, value: Any) -> bool | None:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in ("true", "1", "false", "0"):
            self._told("fixed", "not-a-flag", said=word)
            return word in ("true", "1")
        self._told("lost", "not-a-flag-at-all", said=word[:60])
        return None

    # ---- classes that tools write without something, or with too much ----

    def reference(self, made: Json) -> Json | None:
        keys = [key for key in made.get("keys", ()) if key.get("value")]
        if not keys:
            self._told("fixed", "empty-reference")
            return None
        first = keys[0].get("type", "")
        wanted = "ModelReference" if first in IDENTIFIABLE_KEYS else "ExternalReference" if first in GLOBAL_KEYS else ""
        said = made.get("type", "")
        if wanted and said != wanted:
            self._told("fixed", "reference-type", said=said, now=wanted)
            made["type"] = wanted
        if len(keys) != len(made["keys"]):
            self._told("fixed", "empty-key")
            made["keys"] = keys
        return made

    def language(self, made: Json, limit: int) -> Json | None:
        """A text in a language: one without any words is none, one that is too long for the model is cut."""
        if len(made.get("text", "")) > limit:
            name = self._kept_in_full(f"{self._steps[-2]}.{made.get('language', 'en')}", made["text"])
            self._told("fixed", "text-cut", "text", count=len(made["text"]), limit=limit, now=name)
            made["text"] = made["text"][:limit]
        if made.get("text") and made.get("language"):
            return made
        if made.get("text"):
            self._told("fixed", "language")
            return {"language": "en", **made}
        self._told("fixed", "empty-text")
        return None

    def valued(self, made: Json) -> Json:
        """A property, range or qualifier: one without a type holds text."""
        if "valueType" not in made:
            self._told("fixed", "no-value-type")
            made["valueType"] = "xs:string"
        return self.lexical(made)

    def lexical(self, made: Json) -> Json:
        """Blanks around what is no text, and a value that is empty where none can be."""
        if made.get("valueType", "xs:string") in _MAY_BE_EMPTY:
            return made
        for name in ("value", "min", "max"):
            value = made.get(name)
            if value is None or (value and value == value.strip()):
                continue
            self._told("fixed", "blanks" if value.strip() else "empty-text", name)
            made[name] = value.strip()
            if not made[name]:
                del made[name]
        return made

    def listing(self, made: Json) -> Json:
        if "typeValueListElement" not in made:
            kinds = {one["modelType"] for one in made.get("value", ())}
            made["typeValueListElement"] = kinds.pop() if len(kinds) == 1 else "SubmodelElement"
            self._told("fixed", "no-list-type", now=made["typeValueListElement"])
        kind = made["typeValueListElement"]
        if kind in ("Property", "Range") and "valueTypeListElement" not in made:
            types = {one.get("valueType") for one in made.get("value", ())}
            if len(types) == 1 and (only := types.pop()):
                made["valueTypeListElement"] = only
                self._told("fixed", "no-list-value-type", now=only)
        return made

    def specification(self, made: Json) -> Json | None:
        if "dataSpecificationContent" not in made:
            self._told("fixed" if len(made) == 0 else "lost", "empty-specification")
            return None
        if "dataSpecification" not in made:
            self._told("fixed", "no-specification-reference")
            made["dataSpecification"] = external(IEC61360)
        for key in made["dataSpecification"]["keys"]:
            if key["value"] != IEC61360 and _IEC61360.fullmatch(key["value"]):
                self._told("fixed", "specification-name", said=key["value"])
                key["value"] = IEC61360
        return made

    def iec61360(self, made: Json) -> Json | None:
        """One without its name in full takes the short one."""
        if "preferredName" not in made and "shortName" in made:
            self._told("fixed", "preferred-name", now=made["shortName"][0]["text"])
            made["preferredName"] = [dict(one) for one in made["shortName"]]
        if not made.get("valueList", {"valueReferencePairs": 1}).get("valueReferencePairs"):
            self._told("fixed", "empty-list", "valueList")
            del made["valueList"]
        return made

    def _titled(self, holder: Json) -> None:
        """Data specifications without any name take that of what holds them; where it has none they cannot stay."""
        name, kept = holder.get("idShort", ""), []
        for one in holder["embeddedDataSpecifications"]:
            content = one["dataSpecificationContent"]
            if "preferredName" not in content and name:
                self._told("fixed", "preferred-name", now=name[:255])
                content["preferredName"] = [{"language": "en", "text": name[:255]}]
            if "preferredName" in content:
                kept.append(one)
            else:
                self._told("lost", "no-preferred-name")
        if kept:
            holder["embeddedDataSpecifications"] = kept
        else:
            del holder["embeddedDataSpecifications"]

    def asset(self, made: Json) -> Json:
        if "assetKind" not in made:
            self._told("fixed", "no-asset-kind", now="NotApplicable")
            made["assetKind"] = "NotApplicable"
        return made

    def resource(self, made: Json) -> Json | None:
        if not made.get("path"):
            self._told("fixed", "empty-text")
            return None
        return made


def _limited(limit: int) -> Callable[[Tidier, Json], Json | None]:
    return lambda tidier, made: tidier.language(made, limit)


_LONGEST: Final = {
    "langStringNameType": 128, "langStringTextType": 1023, "langStringPreferredNameTypeIec61360": 255,
    "langStringShortNameTypeIec61360": 18, "langStringDefinitionTypeIec61360": 1023}
_MENDED: Final[Mapping[str, Callable[[Tidier, Json], Json | None]]] = {
    "reference": Tidier.reference, "submodelElementList": Tidier.listing, "assetInformation": Tidier.asset,
    "embeddedDataSpecification": Tidier.specification, "dataSpecificationIec61360": Tidier.iec61360,
    "resource": Tidier.resource,
    "extension": Tidier.lexical, **dict.fromkeys(("property", "range", "qualifier"), Tidier.valued),
    **{tag: _limited(limit) for tag, limit in _LONGEST.items()}}
