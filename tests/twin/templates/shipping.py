"""What the program carries of each template, made from the published file or its outline: ``python -m`` writes it.

Carried is what a check asks for (``slots.py``): no texts, no examples, nothing that only people read.
"""

import json
from pathlib import Path

from tests.twin.templates import outlines
from tests.twin.templates.published import published
from tests.twin.templates.records import RECORDS
from weft.twin.templates.slots import CHILDREN, VARIABLES

FOLDER = Path(__file__).parents[3] / "src" / "weft" / "engine" / "twins" / "idta"
ASKED = ("Cardinality", "Multiplicity", "AllowedValue", "AllowedRange", "AllowedIdShort", "RequiredLang", "EitherOr",
         "FormChoices", "EditIdShort")
KEPT = ("modelType", "idShort", "valueType", "typeValueListElement", "valueTypeListElement")


def carried(id_short):
    """What is carried of the template of our submodel ``id_short``."""
    root = (outlines.template(id_short) or published(id_short))["submodels"][0]
    return {"submodels": [{"kind": "Template", "id": str(root["id"]).strip(), **_stripped(root)}]}


def _stripped(element):
    made = {key: element[key] for key in KEPT if key in element}
    if "semanticId" in element:
        made["semanticId"] = _keys(element["semanticId"])
    if element.get("supplementalSemanticIds"):
        made["supplementalSemanticIds"] = [_keys(one) for one in element["supplementalSemanticIds"]]
    told = [{"type": one["type"], "value": one.get("value", "")} for one in element.get("qualifiers", ())
            if one["type"].removeprefix("SMT/").removeprefix("SMT/") in ASKED]
    if told:
        made["qualifiers"] = told
    inner = CHILDREN.get(element["modelType"])
    if inner and isinstance(element.get(inner), list):
        made[inner] = [_stripped(one) for one in element[inner]]
    for key in VARIABLES if element["modelType"] == "Operation" else ():
        if key in element:
            made[key] = [{"value": _stripped(one["value"])} for one in element[key]]
    return made


def _keys(reference):
    return {"keys": [{"value": one["value"]} for one in reference["keys"]]}


def main():
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for id_short in RECORDS:
        text = json.dumps(carried(id_short), ensure_ascii=False, separators=(",", ":"))
        (FOLDER / f"{id_short}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
