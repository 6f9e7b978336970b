"""What somebody must see: a naive reading of access rules, written without the product's own, and random worlds.

A part of a twin is known by its place (keys and indices from the top). Each rule that gives a twin hides some places; a
place is shown where one of these rules does not hide it, nor anything around it.
"""

import copy
import random
import re
from typing import Any

Json = dict[str, Any]
Place = tuple[str | int, ...]
HOLDS = {"Submodel": ["submodelElements"], "SubmodelElementCollection": ["value"], "SubmodelElementList": ["value"],
         "Entity": ["statements"], "AnnotatedRelationshipElement": ["annotations"],
         "Operation": ["inputVariables", "outputVariables", "inoutputVariables"]}
TELLS = {"Property": ["value"], "File": ["value"], "Blob": ["value"], "ReferenceElement": ["value"],
         "Range": ["min", "max"], "RelationshipElement": ["first", "second"], "BasicEventElement": ["observed"],
         "AnnotatedRelationshipElement": ["first", "second"], "Entity": ["globalAssetId", "specificAssetIds"]}
NAMES = ("A", "B", "Secret", "Open", "C")
WORDS = ("x", "y", "zz", "secret", "7")


# ---- worlds ---------------------------------------------------------------------------------------------

def _reference(word: str) -> Json:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": f"urn:{word}"}]}


def _model(word: str) -> Json:
    return {"type": "ModelReference", "keys": [{"type": "Submodel", "value": f"urn:{word}"}]}


def _leaf(luck: random.Random, kind: str) -> Json:
    word = luck.choice(WORDS)
    return {
        "Property": {"valueType": "xs:string", "value": word},
        "Range": {"valueType": "xs:int", "min": "1", "max": "7"},
        "MultiLanguageProperty": {"value": [{"language": "de", "text": word}, {"language": "en", "text": "y"}]},
        "Blob": {"contentType": "text/plain", "value": "c2VjcmV0"},
        "File": {"contentType": "text/plain", "value": word},
        "ReferenceElement": {"value": _reference(word)}, "Capability": {},
        "RelationshipElement": {"first": _model(word), "second": _model("y")},
        "AnnotatedRelationshipElement": {"first": _model(word), "second": _model("y")},
        "Entity": {"entityType": "SelfManagedEntity", "globalAssetId": f"urn:{word}"},
        "BasicEventElement": {"observed": _model(word), "direction": "output", "state": "on"}, "Operation": {},
    }[kind]


_LEAVES = ("Property", "Property", "Range", "MultiLanguageProperty", "Blob", "File", "ReferenceElement", "Capability",
           "RelationshipElement", "BasicEventElement", "Operation")
_HOLDERS = ("SubmodelElementCollection", "SubmodelElementList", "Entity", "AnnotatedRelationshipElement", "Operation")


def _element(luck: random.Random, depth: int, kind: str = "") -> Json:
    kind = kind or luck.choice(_LEAVES + (_HOLDERS * 2 if depth < 3 else ()))
    made: Json = {"modelType": kind}
    if luck.random() < 0.3:
        made["semanticId"] = _reference(luck.choice(WORDS))
    if luck.random() < 0.2:
        made["description"] = [{"language": "en", "text": luck.choice(WORDS)}]
    if kind == "SubmodelElementList":
        inner = luck.choice(("Property", "SubmodelElementCollection", "Entity"))
        each = [_element(luck, depth + 1, inner) for _ in range(luck.randrange(1, 4))]
        return made | {"typeValueListElement": inner, "value": each,
                       **({"valueTypeListElement": "xs:string"} if inner == "Property" else {})}
    if kind not in ("SubmodelElementCollection", "SubmodelElementList"):
        made |= _leaf(luck, kind)
    if kind in HOLDS and depth < 4:
        some = _elements(luck, depth + 1)
        if kind == "Operation":
            made[luck.choice(HOLDS[kind])] = [{"value": one} for one in some]
        elif kind == "AnnotatedRelationshipElement":
            made["annotations"] = [one for one in some if one["modelType"] in _LEAVES[:7]] or [
                {"modelType": "Property", "valueType": "xs:string", "value": "secret", "idShort": "Secret"}]
        else:
            made[HOLDS[kind][0]] = some
    return made


def _elements(luck: random.Random, depth: int) -> list[Json]:
    names = luck.sample(NAMES, luck.randrange(1, 4))
    return [{"idShort": name, **_element(luck, depth)} for name in names]


def world(luck: random.Random) -> dict[str, list[Json]]:
    """A few submodels, shells that name some of them, and a concept."""
    submodels = []
    for number in range(luck.randrange(1, 4)):
        one: Json = {"modelType": "Submodel", "id": f"urn:s{number}", "idShort": luck.choice(NAMES)}
        if luck.random() < 0.6:
            one["semanticId"] = _reference(luck.choice(WORDS))
        submodels.append(one | {"submodelElements": _elements(luck, 0)})
    named = [[{"name": luck.choice(NAMES), "value": luck.choice(WORDS)} for _ in range(2)] for _ in range(2)]
    shells = [{"modelType": "AssetAdministrationShell", "id": f"urn:a{number}", "idShort": luck.choice(NAMES),
               "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:asset{number}",
                                    "specificAssetIds": named[number]},
               "submodels": [_model(f"s{place}") for place in range(len(submodels)) if luck.random() < 0.8]
               or [_model("s0")]} for number in range(2)]
    concepts = [{"modelType": "ConceptDescription", "id": "urn:c0", "idShort": luck.choice(NAMES)}]
    return {"submodel": submodels, "shell": shells, "concept": concepts}


def inside(document: Json) -> list[tuple[str, Json, Place, bool]]:
    """(path, element, place, whether an address reaches it) of all elements, the outer before the inner."""
    found = []

    def look(holder: Json, path: str, place: Place, reached: bool) -> None:
        kind = holder["modelType"]
        for key in HOLDS.get(kind, []):
            for number, entry in enumerate(holder.get(key, [])):
                one = entry["value"] if kind == "Operation" else entry
                at = (*place, key, number, *(("value",) if kind == "Operation" else ()))
                if kind == "SubmodelElementList":
                    here = f"{path}[{number}]"
                else:
                    here = f"{path}.{one.get('idShort')}" if path else str(one.get("idShort"))
                known = reached and kind != "Operation"
                found.append((here, one, at, known))
                look(one, here, at, known)

    look(document, "", (), True)
    return found


# ---- rules ----------------------------------------------------------------------------------------------

def _some_path(luck: random.Random, submodels: list[Json]) -> str:
    paths = [path for one in submodels for path, _, _, reached in inside(one) if reached]
    path = luck.choice(paths)
    return re.sub(r"\[\d+\]", "[]", path) if luck.random() < 0.5 else path


def condition(luck: random.Random, root: str, paths: list[str], depth: int = 0) -> Json:
    """A condition about twins of ``root``, or about their elements."""
    if depth < 2 and luck.random() < 0.25:
        inner = [condition(luck, root, paths, depth + 1) for _ in range(2)]
        return luck.choice(({"$and": inner}, {"$or": inner}, {"$not": inner[0]}))
    fields = [f"${root}#idShort", f"${root}#id"] if root != "sme" else ["$sme#idShort", "$sme#value", "$sme#semanticId"]
    if root == "sm":
        fields += ["$sm#semanticId", "$sme#value", "$sme#idShort"]
    if root in ("sm", "sme") and paths:
        fields += [f"$sme.{luck.choice(paths)}#value", f"$sme.{luck.choice(paths)}#idShort"]
    if root == "aas":
        fields += ["$aas#submodels[].keys[].value", "$aas#assetInformation.specificAssetIds[].value"]
    word = luck.choice((*WORDS, *NAMES, "urn:s0", "urn:secret", "urn:x"))
    operator = luck.choice(("$eq", "$eq", "$ne", "$contains", "$starts-with"))
    return {operator: [{"$field": luck.choice(fields)}, {"$strVal": word}]}


def rule(luck: random.Random, made: dict[str, list[Json]]) -> Json:
    """One rule for programs of the firm."""
    submodels = made["submodel"]
    paths = [_some_path(luck, submodels) for _ in range(3)]
    name = luck.choice(submodels)["id"]
    kind = luck.choice(("shell", "submodel", "submodel", "submodel", "element", "element", "fragment", "route", "all"))
    objects: dict[str, list[Json]] = {
        "shell": [{"IDENTIFIABLE": "(AssetAdministrationShell)*"}], "submodel": [{"IDENTIFIABLE": "(Submodel)*"}],
        "element": [{"REFERABLE": f'$sme("{luck.choice((name, "*"))}").{paths[0]}'}],
        "fragment": [{"FRAGMENT": f"$sme.{paths[0]}"}],
        "route": [{"ROUTE": luck.choice(("/submodels*", "/shells*"))}],
        "all": [{"ROUTE": "*"}]}
    listed = objects[kind]
    if kind == "submodel" and luck.random() < 0.5:
        listed = [{"IDENTIFIABLE": f"(Submodel){name}"}]
    formula: Json = {"$boolean": True}
    if luck.random() < 0.4 and kind in ("shell", "submodel", "element", "fragment"):
        formula = condition(luck, "aas" if kind == "shell" else "sm", paths)
    found: Json = {"ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
                   "OBJECTS": listed, "FORMULA": formula}
    hidden = ["$sme", "$sme", "$sme#value", "$sme#semanticId", "$sme#idShort", f"$sme.{paths[1]}",
              f"$sme.{paths[2]}#value", "$sm#semanticId", "$sm#idShort"]
    if kind == "shell":
        hidden = ["$aas#submodels[]", "$aas#assetInformation.specificAssetIds[]", "$aas#idShort",
                  "$aas#assetInformation.globalAssetId"]
    if luck.random() < 0.65:
        one = luck.choice(hidden)
        about = {"$aas#submodels[]": "$aas#submodels[].keys[].value",
                 "$aas#assetInformation.specificAssetIds[]": "$aas#assetInformation.specificAssetIds[].value"}
        judged = condition(luck, one[1:].partition("#")[0].partition(".")[0], [paths[1]])
        if one in about:
            judged = {luck.choice(("$eq", "$ne", "$contains")): [{"$field": about[one]}, {"$strVal": luck.choice(
                ("urn:s0", "s1", *WORDS))}]}
        found["FILTER"] = {"FRAGMENT": one, "CONDITION": judged}
        if luck.random() < 0.2:
            found["FILTERLIST"] = [found.pop("FILTER"), {"FRAGMENT": "$sme", "CONDITION": condition(luck, "sme", [])}]
    return found


# ---- conditions -----------------------------------------------------------------------------------------

def _first(reference: Json | None) -> list[str]:
    return [reference["keys"][0]["value"]] if reference else []


def _of_element(one: Json, attribute: str) -> list[str]:
    if attribute == "idShort":
        return [one["idShort"]] if "idShort" in one else []
    if attribute == "semanticId":
        return _first(one.get("semanticId"))
    kind, value = one["modelType"], one.get("value")
    if kind == "MultiLanguageProperty":
        return [text["text"] for text in value or []]
    if kind == "ReferenceElement":
        return _first(value)
    return [value] if kind in ("Property", "File") and value is not None else []


def _steps(path: str) -> list[str]:
    return [one for one in re.split(r"\.|(?=\[)", path) if one]


def ends(path: str, wanted: str) -> bool:
    """Whether ``path`` ends with the steps ``wanted``, in which [] is any index."""
    mine, theirs = _steps(path), _steps(wanted)
    tail = mine[-len(theirs):]
    if len(tail) < len(theirs) or (len(mine) > len(theirs) and theirs[0].startswith("[")):
        return False
    return all(one == other or (other == "[]" and one.startswith("[")) for one, other in zip(tail, theirs, strict=True))


def _values(field: str, document: Json, seen: list[tuple[str, Json]]) -> list[str]:
    head, _, attribute = field.partition("#")
    root, _, path = head[1:].partition(".")
    if root == "sme":
        return [value for at, one in seen if not path or ends(at, path) for value in _of_element(one, attribute)]
    if (root == "aas") is not (document["modelType"] == "AssetAdministrationShell"):
        return []
    if attribute == "semanticId":
        return _first(document.get("semanticId"))
    if attribute == "submodels[].keys[].value":
        return [key["value"] for one in document.get("submodels", []) for key in one["keys"]]
    if attribute.endswith("specificAssetIds[].value"):
        return [one["value"] for one in document["assetInformation"].get("specificAssetIds", [])]
    return [document[attribute]] if attribute in document else []


def true(asked: Json, document: Json, seen: list[tuple[str, Json]]) -> bool:
    """Whether a condition holds, where only the elements ``seen`` are there."""
    name, inner = next(iter(asked.items()))
    if name == "$boolean":
        return inner
    if name in ("$and", "$or"):
        return {"$and": all, "$or": any}[name]([true(one, document, seen) for one in inner])
    if name == "$not":
        return not true(inner, document, seen)
    word = inner[1]["$strVal"]
    tests = {"$eq": str.__eq__, "$ne": str.__ne__, "$contains": str.__contains__, "$starts-with": str.startswith}
    return any(tests[name](value, word) for value in _values(inner[0]["$field"], document, seen))


def reached(document: Json) -> list[tuple[str, Json]]:
    """The elements that a query looks at: not those in entities, relationships and operations."""
    found: list[tuple[str, Json]] = []

    def look(holder: Json, path: str) -> None:
        if holder["modelType"] not in ("Submodel", "SubmodelElementCollection", "SubmodelElementList"):
            return
        for at, one, place, _ in inside(holder):
            if len(place) == 2:
                here = f"{path}{'' if at.startswith('[') or not path else '.'}{at}"
                found.append((here, one))
                look(one, here)

    look(document, "")
    return found


# ---- what is shown --------------------------------------------------------------------------------------

def _hidden(document: Json, of: Json) -> set[Place]:
    """The places that one filter hides."""
    head, _, attribute = of["FRAGMENT"].partition("#")
    root, _, path = head[1:].partition(".")
    asked = of["CONDITION"]
    kind = {"AssetAdministrationShell": "aas", "Submodel": "sm"}.get(document["modelType"], "")
    if root == "sme" and kind == "sm":
        return _hidden_elements(document, path, attribute, asked)
    return _hidden_field(document, attribute, asked) if root == kind else set()


def _hidden_field(document: Json, attribute: str, asked: Json) -> set[Place]:
    *way, last = attribute.removesuffix("[]").split(".")
    holder, found = document, set()
    for step in way:
        holder = holder.get(step, {})
    if last not in holder:
        return set()
    if not attribute.endswith("[]"):
        return set() if true(asked, document, reached(document)) else {(*way, last)}
    for number, entry in enumerate(holder[last]):
        one: Json = {**holder, last: [entry]}
        if not true(asked, {**document, way[0]: one} if way else one, []):
            found.add((*way, last, number))
    return found


def _hidden_elements(document: Json, path: str, attribute: str, asked: Json) -> set[Place]:
    found: set[Place] = set()
    every = inside(document)
    for at, one, place, _ in every:
        if path and not ends(at, path):
            continue
        if attribute:
            found |= _hidden_attribute(document, (at, one, place), attribute, asked)
        elif path:
            below = [(f"{at}{'' if here.startswith('[') else '.'}{here}", element)
                     for here, element in reached(one)]
            if not true(asked, document, [(at, one), *below]):
                found.add(place)
        elif not true(asked, document, [(at, one)]):
            found |= {place}
    return found if path or attribute else _bare(every, found)


def _bare(every: list[tuple[str, Json, Place, bool]], hidden: set[Place]) -> set[Place]:
    """Collections and lists that are hidden stand bare where something in them is shown."""
    gone: set[Place] = set()
    for _, one, place, _ in reversed(every):      # the inner before the outer
        if place not in hidden:
            continue
        held = [other for _, _, other, _ in every if len(other) == len(place) + 2 and other[:len(place)] == place]
        if one["modelType"] in ("SubmodelElementCollection", "SubmodelElementList") and set(held) - gone:
            kept = ("modelType", "idShort", "value", "typeValueListElement", "valueTypeListElement", "orderRelevant")
            gone |= {(*place, key) for key in one if key not in kept}
        else:
            gone.add(place)
    return gone


def _hidden_attribute(document: Json, element: tuple[str, Json, Place], attribute: str, asked: Json) -> set[Place]:
    at, one, place = element
    if attribute == "value" and one["modelType"] == "MultiLanguageProperty":
        return {(*place, "value", number) for number, text in enumerate(one.get("value", []))
                if not true(asked, document, [(at, {**one, "value": [text]})])}
    names = TELLS.get(one["modelType"], []) if attribute == "value" else [attribute]
    if not any(name in one for name in names) or true(asked, document, [(at, one)]):
        return set()
    whole = attribute == "value" and one["modelType"] in (
        "RelationshipElement", "AnnotatedRelationshipElement", "BasicEventElement")
    return {place} if attribute == "idShort" or whole else {(*place, name) for name in names if name in one}


def without(document: Json, hidden: list[set[Place]]) -> Json:
    """``document`` less what all rules hide that give it."""
    def covered(place: Place) -> bool:
        return all(any(place[:end] in one for end in range(1, len(place) + 1)) for one in hidden)

    gone = object()

    def less(value: Any, place: Place) -> Any:
        if place and covered(place):
            return gone
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if pairs is None:
            return value
        kept = [(key, copied) for key, one in pairs if (copied := less(one, (*place, key))) is not gone]
        if not kept and value and place != ("assetInformation",):
            return gone
        return dict(kept) if isinstance(value, dict) else [one for _, one in kept]

    return less(document, ())


ROUTES = {"shell": "/shells", "submodel": "/submodels", "concept": "/concept-descriptions"}


def gives(of: Json, kind: str, document: Json, path: str = "") -> bool:
    """Whether a rule gives a twin, or the element of a submodel at ``path``."""
    item, literal = next(iter(of["OBJECTS"][0].items()))
    if item == "ROUTE":
        covered = literal == "*" or f"{ROUTES[kind]}/x".startswith(literal[:-1])
    elif item == "IDENTIFIABLE":
        wanted, _, name = literal[1:].partition(")")
        covered = {"Submodel": "submodel", "AssetAdministrationShell": "shell"}[wanted] == kind and name in (
            "*", document["id"])
    else:
        match = re.fullmatch(r'\$sme\("(.*)"\)\.(.*)', literal)
        name, allowed = (match[1], match[2]) if match else ("*", literal.removeprefix("$sme."))
        mine, theirs = _steps(path), _steps(allowed)
        covered = kind == "submodel" and name in ("*", document["id"]) and len(mine) >= len(theirs) and all(
            one == other or (other == "[]" and one.startswith("[")) for one, other in zip(mine, theirs, strict=False))
    return covered and true(of["FORMULA"], document, reached(document) if kind == "submodel" else [])


def _hides(of: Json, document: Json) -> set[Place]:
    each = of.get("FILTERLIST", [of["FILTER"]] if "FILTER" in of else [])
    return set().union(*(_hidden(document, one) for one in each))


def shown(rules: list[Json], kind: str, document: Json) -> Json | None:
    """The twin as it must be shown; None: not at all."""
    mine = [one for one in rules if gives(one, kind, document)]
    return without(document, [_hides(one, document) for one in mine]) if mine else None


def alone(rules: list[Json], document: Json, path: str) -> Json | None:
    """The submodel with the element at ``path`` as it must be shown alone, all else as it is; None: not at all."""
    mine = [one for one in rules if gives(one, "submodel", document, path) and not gives(one, "submodel", document)]
    place = next((place for at, _, place, reached_ in inside(document) if reached_ and at == path), None)
    hidden = [_hides(one, document) for one in mine]
    if not mine or place is None or all(any(place[:end] in one for end in range(1, len(place) + 1)) for one in hidden):
        return None
    below = [{other[len(place):] for other in one if len(other) > len(place) and other[:len(place)] == place}
             if not any(place[:end] in one for end in range(1, len(place) + 1)) else None for one in hidden]
    holder = document = copy.deepcopy(document)
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = without(holder[place[-1]], [one for one in below if one is not None])
    return document
