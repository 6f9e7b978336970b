"""Whatever a file holds, it is read or refused: documents of any shape, bent at any place, in either metamodel."""

import copy
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.aasx.packages import ENVIRONMENT, opened, xml
from tests.twin.aasx.test_older import xml as older
from weft.basis.errors import Invalid
from weft.twin.aasx import older_xml
from weft.twin.aasx.reading import Package
from weft.twin.metamodel import canonical, findings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        "modelType id idShort value keys type semanticId valueType text language identification name".split()), inner,
        max_size=4), max_leaves=8)
OLDER = older_xml.read(older(), "old")


def places(document, at=()):
    """Every way into ``document``."""
    yield at
    if isinstance(document, dict | list):
        for step, one in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(one, (*at, step))


PLACES = [at for at in places(ENVIRONMENT) if at]
PLACES_OLDER = [at for at in places(OLDER) if at]


def bent(document, at, value):
    made = copy.deepcopy(document)
    inner = made
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return made


def judged(data):
    """Read ``data`` as an import would; whether it could be."""
    try:
        found, _, package = opened(data)
    except Invalid as error:
        assert error.facts
        return False
    for one in found:
        document = one.document.body
        wrong = findings(document["modelType"], document)
        if not any(one.code.startswith(("twin.shape", "twin.too")) for one in wrong):
            assert canonical(document["modelType"], document)
    assert package.findings.report().totals
    return True


@given(st.sampled_from(PLACES), JSON)
def test_json_that_is_bent_anywhere_is_read_or_refused(at, value):
    judged(json.dumps(bent(ENVIRONMENT, at, value)).encode())


@given(st.sampled_from(PLACES_OLDER), JSON)
def test_an_older_document_that_is_bent_anywhere_is_read_or_refused(at, value):
    judged(json.dumps(bent(OLDER, at, value)).encode())


@given(JSON)
def test_any_json_is_read_or_refused(value):
    judged(json.dumps(value).encode())
    judged(json.dumps({"submodels": value, "assets": value}).encode())
    judged(json.dumps({"assetAdministrationShells": [value]}).encode())


@pytest.mark.parametrize("document", [xml(), older()], ids=["now", "older"])
@given(data=st.data())
@settings(max_examples=150)
def test_xml_whose_tags_are_bent_is_read_or_refused(document, data):
    tags = re.findall(rb"<[^<>]*>", document)
    before = data.draw(st.sampled_from(tags))
    after = data.draw(st.sampled_from([*tags, b"", b"<x/>", b"<value/>", b"text"]))
    judged(document.replace(before, after, data.draw(st.integers(1, 3))))


def test_what_is_not_bent_is_read():
    assert all(judged(one) for one in (xml(), older(), json.dumps(ENVIRONMENT).encode(), json.dumps(OLDER).encode()))
    with pytest.raises(Invalid):  # the control: what is no document at all is refused
        list(Package(io.BytesIO(b"\x00\x01\x02")).documents())
