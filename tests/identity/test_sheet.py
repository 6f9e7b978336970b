"""Keys on paper: read back as written, whatever eyes confuse; and a row that was copied wrongly is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.identity import sheet

SEEDS = st.binary(min_size=32, max_size=32)


@given(SEEDS, SEEDS)
def test_a_sheet_is_read_back(one, two):
    text = "Weft\n" + "\n".join(f"   1.  {row}" for seed in (one, two) for row in sheet.rows(seed))
    assert sheet.seeds_in(text) == [one, two]


@given(SEEDS)
def test_small_letters_and_letters_that_look_alike_are_forgiven(seed):
    typed = "\n".join(sheet.rows(seed)).lower().replace("0", "o").replace("1", "l")
    assert sheet.seeds_in(typed) == [seed]


@given(SEEDS, st.integers(0, 3), st.integers(0, 15), st.integers(1, 31))
def test_one_wrong_letter_is_found_in_its_row(seed, row, place, by):
    """Two bytes of check: a wrong letter is overlooked once in 65,536, and a sheet has another three rows."""
    rows = sheet.rows(seed)
    letters = list(rows[row].replace(" ", ""))
    known = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    letters[place] = known[(known.index(letters[place]) + by) % 32]
    rows[row] = " ".join("".join(letters[k:k + 4]) for k in range(0, 16, 4))
    try:
        assert sheet.seed_of(rows) != seed
    except Invalid as error:
        assert error.facts == {"row": row + 1}


@given(SEEDS)
def test_rows_that_changed_places_are_found(seed):
    rows = sheet.rows(seed)
    with pytest.raises(Invalid, match=r"paper\.row"):
        sheet.seed_of([rows[1], rows[0], *rows[2:]])


def test_the_first_sheets_in_hexadecimal_still_count():
    seed = bytes(range(32))
    groups = " ".join(seed.hex()[k:k + 8] for k in range(0, 64, 8))
    assert sheet.seeds_in(f"next key   {groups}") == [seed]


@pytest.mark.parametrize("text", ["", "nothing here", "ABCD EFGH", "ABCD EFGH JKMN PQRS"])
def test_what_holds_no_key_is_told(text):
    with pytest.raises(Invalid, match=r"paper\.row"):
        sheet.seeds_in(text)
