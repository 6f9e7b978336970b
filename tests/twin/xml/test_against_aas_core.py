"""Our XML is that of aas-core, both ways, and nothing is lost between JSON and XML."""

import json
from pathlib import Path

import pytest
from aas_core3_1 import jsonization, xmlization
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.aasx.packages import DOCUMENTS, ELEMENTS, ENVIRONMENT, SUBMODEL
from weft.basis.errors import Invalid
from weft.twin.xml import shape
from weft.twin.xml.reading import Reader
from weft.twin.xml.writing import written

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


def read(data, step=1 << 16):
    documents, notes = [], []
    reader = Reader(lambda _tag, body, _line: documents.append(body), lambda *told: notes.append(told))
    for at in range(0, len(data), step):
        reader.feed(data[at:at + step])
    reader.close()
    return documents, notes


def text(documents, version="3.1"):
    return b"".join(written(documents, version))


def test_aas_core_reads_what_we_write():
    environment = xmlization.environment_from_str(text(DOCUMENTS).decode())
    assert jsonization.to_jsonable(environment) == ENVIRONMENT


def test_we_read_what_aas_core_writes():
    plain = json.loads(json.dumps(ENVIRONMENT).replace("\\r", ""))  # aas-core writes a carriage return that gets lost
    documents, notes = read(xmlization.to_str(jsonization.environment_from_jsonable(plain)).encode())
    assert documents == [one for name in ENVIRONMENT for one in plain[name]] and notes == []


def test_every_published_template_is_the_same_both_ways(published: Path):
    seen = 0
    for path in sorted((published / "aas-templates").glob("*.json")):
        environment = json.loads(path.read_text(encoding="utf-8"))
        documents = [one for name in ENVIRONMENT for one in environment.get(name, ())]
        data = text(documents)
        assert read(data)[0] == documents
        core = jsonization.to_jsonable(xmlization.environment_from_str(data.decode()))
        assert core == {name: found for name, found in environment.items() if found}
        seen += 1
    assert seen > 10


@given(TEXTS, TEXTS)
def test_texts_come_back_as_they_went_in(value, name):
    element = {**ELEMENTS[0], "valueType": "xs:string", "value": value + "\r\n\t", "category": name}
    documents = [{**SUBMODEL, "submodelElements": [element]}]
    assert read(text(documents))[0] == documents


@given(st.integers(1, 400))
def test_pieces_may_be_cut_anywhere(step):
    assert read(text(DOCUMENTS), step) == (DOCUMENTS, [])


def test_a_character_that_xml_has_not_is_refused_with_its_path():
    for bad in ("\x00", "\x0b", "\ufffe"):
        with pytest.raises(Invalid) as refused:
            text([{**SUBMODEL, "submodelElements": [{**ELEMENTS[0], "value": bad}]}])
        assert refused.value.code == "xml.character"
        assert refused.value.facts["path"] == "urn:x:pump:data.submodelElements[0].value"


def test_a_field_that_the_model_does_not_know_is_refused_and_not_left_out():
    with pytest.raises(Invalid) as refused:
        text([{**SUBMODEL, "colour": "red"}])
    assert refused.value.code == "xml.unknown-field"


def test_the_table_of_classes_is_complete():
    for fields in shape.CLASSES.values():
        for field in fields.values():
            assert field.of in (shape.TEXT, shape.FLAG, shape.ANY) or field.of in shape.CLASSES
    kinds = {shape.model_type(one) for one in shape.ELEMENTS}
    assert kinds == {one["modelType"] for one in ELEMENTS}
