"""Submodels that are not what a template asks for: one mandatory element removed or mistyped, each told by its path.

What is mandatory is read here from the template's qualifiers, not by the code under test.
"""

import copy
import itertools

from weft.twin.templates.check import compared, template_for
from weft.twin.templates.slots import children_of, joined, semantics_of

ARBITRARY = "https://admin-shell.io/SMT/General/Arbitrary"
KEYS = {"Submodel": "submodelElements", "SubmodelElementCollection": "value", "SubmodelElementList": "value",
        "Entity": "statements", "AnnotatedRelationshipElement": "annotations"}
SAMPLES = {"xs:boolean": "true", "xs:date": "2026-11-25", "xs:dateTime": "2026-11-25T08:15:30Z", "xs:time": "08:15:30",
           "xs:duration": "PT60S", "xs:string": "text", "xs:anyURI": "https://weft.example/x"}
VALUED = ("Property", "MultiLanguageProperty", "File", "Blob", "ReferenceElement", "Range")


def cardinality(element):
    """The template's word for how often, "" when it has none."""
    told = [one.get("value", "") for one in element.get("qualifiers", ())
            if one["type"].endswith(("Cardinality", "Multiplicity"))]
    return told[0] if told else ""


def arbitrary(element):
    return joined(element.get("semanticId")).startswith(ARBITRARY)


def filled(template):
    """A submodel with everything that the template names, each with a value; qualifiers stay, to tell what it asks."""
    made = copy.deepcopy(template)
    made["kind"] = "Instance"
    _fill(made)
    return made


def _fill(element):
    key = KEYS.get(element["modelType"])
    if key:
        inner = [one for one in element.get(key, ()) if not arbitrary(one)]
        twice = [{**copy.deepcopy(one), "idShort": f"{one['idShort']}2"} for one in inner
                 if cardinality(one) == "TwoToMany"]
        element[key] = inner + twice
    if element["modelType"] in VALUED:
        _give(element)
    for one in children_of(element):
        _fill(one)


def _give(element):
    kind = element["modelType"]
    if kind == "MultiLanguageProperty":
        element["value"] = [{"language": "en", "text": "text"}, {"language": "zh", "text": "文字"}]
    elif kind == "ReferenceElement":
        element["value"] = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "urn:x"}]}
    elif kind == "Range":
        element["min"] = element["max"] = SAMPLES.get(element["valueType"], "1")
    elif not element.get("value"):
        choices = [one["value"].split(";") for one in element.get("qualifiers", ()) if one["type"] == "FormChoices"]
        element["value"] = choices[0][0] if choices else SAMPLES.get(element.get("valueType", "xs:string"), "1")


def mandatory_ids(template):
    """Semantic ids of which the template makes every element mandatory."""
    found, optional = set(), set()
    for element, parent in _walk(template):
        sort = mandatory(element, parent)
        (found if sort else optional).add(semantics_of(element)[0])
    return found - optional - {""}


def mandatory(element, parent):
    told = cardinality(element).lower()
    if parent["modelType"] == "Operation":
        return True
    return told in ("one", "onetomany", "twotomany") or not told


def _walk(element):
    for one in children_of(element):
        if not arbitrary(one):
            yield one, element
            yield from _walk(one)


def places(submodel, wanted):
    """(container list, index, path) of the elements that ``wanted`` says are mandatory; the only ones of their kind."""
    yield from _places(submodel, "", wanted)


def _places(element, path, wanted):
    key = KEYS.get(element["modelType"])
    inner = element.get(key, []) if key else []
    listed = element["modelType"] == "SubmodelElementList"
    for index, one in enumerate(inner):
        here = f"{path}[{index}]" if listed else f"{path}.{one['idShort']}" if path else one["idShort"]
        twins = [each for each in inner if semantics_of(each)[0] == semantics_of(one)[0]]
        alone = len(twins) == (2 if cardinality(one) == "TwoToMany" else 1)
        if alone and wanted(one, element):
            yield inner, index, here
        yield from _places(one, here, wanted)


def _removed(inner, index):
    del inner[index]


def _other_kind(inner, index):
    one = inner[index]
    kind = "Property" if one["modelType"] != "Property" else "MultiLanguageProperty"
    inner[index] = {"modelType": kind, **{key: one[key] for key in ("idShort", "semanticId") if key in one}}
    if kind == "Property":
        inner[index]["valueType"] = "xs:string"


def _other_type(inner, index):
    if "valueType" in inner[index]:
        wanted = "xs:hexBinary" if inner[index]["valueType"] != "xs:hexBinary" else "xs:string"
        inner[index] = {**inner[index], "valueType": wanted}
        return True
    return False


def _other_meaning(inner, index):
    if not semantics_of(inner[index])[0]:
        return False
    one = {key: value for key, value in inner[index].items() if key != "supplementalSemanticIds"}
    inner[index] = {**one, "semanticId": {"type": "ExternalReference", "keys": [
        {"type": "GlobalReference", "value": "urn:example:another-meaning"}]}}
    return True


def _no_value(inner, index):
    if inner[index]["modelType"] not in VALUED:
        return False
    inner[index] = {key: value for key, value in inner[index].items() if key not in ("value", "min", "max")}
    return True


def _empty_value(inner, index):
    kind = inner[index]["modelType"]
    if kind not in ("Property", "MultiLanguageProperty", "File", "Blob"):
        return False
    inner[index] = {**inner[index], "value": [] if kind == "MultiLanguageProperty" else ""}
    return True


def _twice(inner, index):
    """Once more, where the template says that there is one."""
    if cardinality(inner[index]).lower() not in ("one", "zerotoone") or "idShort" not in inner[index]:
        return False
    inner.insert(index + 1, {**copy.deepcopy(inner[index]), "idShort": f"{inner[index]['idShort']}Again"})
    return True


MUTATIONS = {"removed": _removed, "other kind": _other_kind, "other type": _other_type,
             "other meaning": _other_meaning, "no value": _no_value, "empty value": _empty_value, "twice": _twice}


def mutants(submodel, wanted, step=1):
    """(name of the mutation, path, the submodel so bent) for every mandatory element; it is unbent afterwards.

    With a ``step`` every element is still removed; of the other mutations every ``step``-th is made.
    """
    turn = itertools.count()
    for inner, index, path in list(places(submodel, wanted)):
        for name, bend in MUTATIONS.items():
            if name != "removed" and next(turn) % step:
                continue
            before = list(inner)
            if bend(inner, index) is not False:
                yield name, path, submodel
            inner[:] = before


def unreported(template, submodel, wanted, step=1):
    """(number of mutants, those of which no deviation is told at their own place)."""
    count, missed = 0, []
    slot = template_for(template, submodel)
    for name, path, bent in mutants(submodel, wanted, step):
        count += 1
        stem = path.rpartition(".")[0] or path.rpartition("[")[0]
        told = [one for one in compared(slot, bent) if one.path.startswith(stem)]
        if not told and not (name in ("no value", "empty value") and path.startswith("Metadata.Record")):
            missed.append((name, path))
    return count, missed
