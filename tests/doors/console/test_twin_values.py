"""What others write into twins is shown as it was meant, however odd, and never keeps the page or the node waiting."""

from urllib.parse import quote

import pytest

from tests.doors.console.test_twins import Owner
from tests.engine.home import busy_node
from weft.locale import formats
from weft.twin.names import encode_id

SUBMODEL = "urn:odd:submodel"


def value(name, kind, text):
    return {"modelType": "Property", "idShort": name, "valueType": kind, "value": text}


@pytest.fixture
async def owner():
    one = Owner(await busy_node())
    yield one
    await one.node.twins.close()


async def shown(owner, lang="en", **fields):
    """The page of a submodel with these members."""
    made = {"modelType": "Submodel", "id": SUBMODEL, "idShort": "Odd", **fields}
    await owner.node.twins.create("submodel", made)
    return await owner.sees(f"/twins/{quote(encode_id(SUBMODEL))}?open=0", lang)


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_a_description_in_another_language_is_shown_where_there_is_none_in_the_reader_s(owner, lang):
    page = await shown(owner, lang, description=[{"language": "de", "text": "Eine Pumpe"},
                                                  {"language": "fr", "text": "Une pompe"}])
    assert "Eine Pumpe" in page and "Une pompe" not in page


async def test_numbers_are_written_out_as_long_as_somebody_could_read_them(owner):
    long = "123456789012345678901234567890"
    page = await shown(owner, submodelElements=[
        value("Long", "xs:integer", long), value("Small", "xs:double", "1e-100000000"),
        value("Plain", "xs:int", "1234567")])
    assert long in page and "1e-100000000" in page and "1,234,567" in page


async def test_what_is_no_number_and_no_instant_is_left_as_it_is(owner):
    page = await shown(owner, submodelElements=[
        value("Year", "xs:gYear", "2026"), value("Hex", "xs:hexBinary", "1234"),
        value("Text", "xs:string", "2026-01-01T00:00:00Z"), value("At", "xs:dateTime", "2026-01-01T00:00:00Z")])
    assert "2026" in page
    assert "2,026" not in page and "1,234" not in page and "2026-01-01T00:00:00Z" in page


@pytest.mark.parametrize("text", ["1e-100000000", "1e999999999", "9" * 400, "0." + "1" * 60])
def test_a_number_that_nobody_could_read_stands_as_it_was_told(text):
    assert formats.number("en", text) == formats.number("zh", text) == text
