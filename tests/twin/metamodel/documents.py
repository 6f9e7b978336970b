"""Documents of every class from a seed: whole and sound ones, and a way to bend one in one place."""

import base64
import copy
import random

from hypothesis import strategies as st

SEEDS = st.integers(0, 2**40)
NAMES = ("Ab", "Speed", "Load_2", "Q7", "Zz", "Name", "Ort", "Temperature1")
TEXTS = ("a", "球阀 DN15", "a b", "ü", "<&>", "x" * 40)
IRIS = ("urn:x:a", "https://example.com/ids/1", "0173-1#02-BAA120#008", "urn:炉:7")
VALUES = {
    "xs:int": ("0", "-7", "+12", "007"), "xs:double": ("0.000", "-1.5e3", "INF", "NaN", "-0.0"),
    "xs:decimal": ("0.10", "100000.00", "126789672374892739424.543233", ".5", "-1"),
    "xs:boolean": ("true", "false", "1", "0"), "xs:string": ("", "a b", "球阀"),
    "xs:dateTime": ("2026-11-25T08:15:30.250Z", "2026-11-25T08:15:30+08:00"), "xs:date": ("2026-11-25",),
    "xs:anyURI": ("https://example.com/a",), "xs:unsignedLong": ("18446744073709551615",),
    "xs:integer": ("126789675432332938792837429837429837429",), "xs:duration": ("PT30S",),
    "xs:base64Binary": ("YWI=",), "xs:float": ("1.25", "3e38"), "xs:hexBinary": ("6b75",),
}
DATA = ("Property", "MultiLanguageProperty", "Range", "File", "Blob", "ReferenceElement")
PLAIN = (*DATA, *DATA, "RelationshipElement", "Capability", "Operation", "BasicEventElement")
DEEP = ("SubmodelElementCollection", "SubmodelElementList", "Entity", "AnnotatedRelationshipElement")


class Maker:
    """Draws from a seed."""

    def __init__(self, seed):
        self.lot = random.Random(seed)

    def often(self, share=0.5):
        return self.lot.random() < share

    def reference(self, kind=""):
        kind = kind or self.lot.choice(["ExternalReference", "ModelReference"])
        if kind == "ExternalReference":
            return {"type": kind, "keys": [{"type": "GlobalReference", "value": self.lot.choice(IRIS)}]}
        keys = [{"type": "Submodel", "value": self.lot.choice(IRIS)}]
        if self.often():
            keys.append({"type": "SubmodelElementCollection", "value": self.lot.choice(NAMES)})
        return {"type": kind, "keys": keys}

    def languages(self):
        tags = self.lot.sample(["zh", "en", "de-CH"], self.lot.randint(1, 3))
        return [{"language": tag, "text": self.lot.choice(TEXTS)} for tag in tags]

    def head(self, kind, name=None):
        made = {"modelType": kind} | ({"idShort": name} if name else {})
        if self.often():
            made["semanticId"] = self.reference("ExternalReference")
            if self.often(0.3):
                made["supplementalSemanticIds"] = [self.reference()]
        if self.often(0.2):
            made["displayName"] = self.languages()
        if self.often(0.2):
            made["qualifiers"] = [{"type": self.lot.choice(NAMES), "valueType": "xs:int", "value": "3"}]
        if self.often(0.1):
            made["extensions"] = [{"name": self.lot.choice(NAMES), "valueType": "xs:string", "value": "e"}]
        return made

    def several(self, kinds, depth, most=3):
        names = self.lot.sample(NAMES, self.lot.randint(1, most))
        return [self.element(name, self.lot.choice(kinds), depth) for name in names]

    def element(self, name=None, kind=None, depth=2):
        kind = kind or self.lot.choice(PLAIN + DEEP if depth else PLAIN)
        return self.head(kind, name) | getattr(self, f"make_{kind.lower()}")(depth)

    def perhaps(self, **fields):
        return {key: value for key, value in fields.items() if self.often(0.8) and value not in ([], None)}

    def make_property(self, _, type_=""):
        type_ = type_ or self.lot.choice(sorted(VALUES))
        return {"valueType": type_} | self.perhaps(value=self.lot.choice(VALUES[type_]))

    def make_range(self, _):
        type_ = self.lot.choice(["xs:decimal", "xs:int", "xs:date"])
        return {"valueType": type_} | self.perhaps(min=self.lot.choice(VALUES[type_]),
                                                   max=self.lot.choice(VALUES[type_]))

    def make_multilanguageproperty(self, _):
        return self.perhaps(value=self.languages(), valueId=self.reference())

    def make_file(self, _):
        return {"contentType": "application/pdf"} | self.perhaps(value="/aasx/files/a.pdf")

    def make_blob(self, _):
        content = base64.b64encode(self.lot.randbytes(self.lot.randint(1, 6))).decode()
        return {"contentType": "text/plain"} | self.perhaps(value=content)

    def make_referenceelement(self, _):
        return self.perhaps(value=self.reference())

    def make_relationshipelement(self, _):
        return {"first": self.reference("ModelReference"), "second": self.reference()}

    def make_annotatedrelationshipelement(self, _):
        return self.make_relationshipelement(0) | self.perhaps(annotations=self.several(DATA, 0))

    def make_capability(self, _):
        return {}

    def make_operation(self, _):
        return self.perhaps(inputVariables=[{"value": one} for one in self.several(DATA, 0)])

    def make_basiceventelement(self, _):
        return {"observed": self.reference("ModelReference"), "direction": "output", "state": "on"} | self.perhaps(
            lastUpdate="2026-11-25T08:00:00Z", maxInterval="PT30S")

    def make_entity(self, depth):
        own = self.lot.choice([{"entityType": "SelfManagedEntity", "globalAssetId": "urn:x:asset"},
                               {"entityType": "SelfManagedEntity", "specificAssetIds": [{"name": "n", "value": "v"}]},
                               {"entityType": "CoManagedEntity"}])
        return self.perhaps(statements=self._inside(depth)) | own

    def make_submodelelementcollection(self, depth):
        return self.perhaps(value=self._inside(depth))

    def _inside(self, depth):
        return self.several(PLAIN + DEEP if depth > 1 else PLAIN, depth - 1)

    def make_submodelelementlist(self, depth):
        kind = self.lot.choice(["Property", "SubmodelElementCollection", "MultiLanguageProperty", "Operation"])
        semantic = self.reference("ExternalReference")
        inner = [{"modelType": kind} | (self.make_property(0, "xs:decimal") if kind == "Property"
                                        else getattr(self, f"make_{kind.lower()}")(depth - 1))
                 | ({"semanticId": semantic} if self.often() else {}) for _ in range(self.lot.randint(0, 3))]
        made = {"typeValueListElement": kind} | ({"valueTypeListElement": "xs:decimal"} if kind == "Property" else {})
        return made | self.perhaps(semanticIdListElement=semantic, value=inner)

    def submodel(self):
        made = self.head("Submodel", self.lot.choice(NAMES)) | {"id": self.lot.choice(IRIS), "kind": "Instance"}
        inner = self.perhaps(administration={"version": "1", "revision": "0"},
                             submodelElements=self.several(PLAIN + DEEP, 2, 5))
        return made | inner

    def bent(self, document):
        """``document`` with one place replaced, taken away, added to or doubled."""
        made = copy.deepcopy(document)
        *before, last = self.lot.choice([way for way in places(made) if way])
        parent = made
        for step in before:
            parent = parent[step]
        how = self.lot.choice(["replace", "replace", "remove", "add"])
        if how == "remove":
            del parent[last]
        elif how == "replace":
            parent[last] = copy.deepcopy(self.lot.choice(BENT))
        elif isinstance(parent, dict):
            parent[self.lot.choice(["nonsense", "idShort", "value"])] = self.lot.choice(["x", "Ab", "A-b", 1])
        else:
            parent.append(copy.deepcopy(parent[last]))
        return made


BENT = [None, 7, True, [], {}, "", "x y", "a" * 3000, "-1", "xs:int", ["a"], {"a": 1}, "\x0b", "Ab", "Property"]


def places(value, at=()):
    """Every way into ``value``."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*at, key))


def submodel(seed):
    return Maker(seed).submodel()


def bent(seed):
    maker = Maker(seed)
    return maker.bent(maker.submodel())


SUBMODELS = SEEDS.map(submodel)
BENT_SUBMODELS = SEEDS.map(bent)
