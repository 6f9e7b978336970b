"""Ids and idShorts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.twin import names

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(TEXT, st.sampled_from(names.KINDS))
def test_an_id_gives_back_what_it_was_made_of(name, kind):
    shell = names.shell_id("Org_1-x", kind, name)
    assert shell.isascii() and names.read_shell("Org_1-x", shell) == (kind, name)
    assert names.read_submodel("Org_1-x", names.submodel_id(shell, "LotData")) == (kind, name, "LotData")
    assert names.read_shell("Org_2", shell) is None
    assert names.decode_id(names.encode_id(shell)) == shell


@given(TEXT)
def test_every_name_has_an_id_short(name):
    assert re.fullmatch("[A-Za-z][A-Za-z0-9_]*", names.short(name)) and len(names.short(name)) <= 128


@given(st.sets(st.text("aB1-_. 阀", min_size=1, max_size=4), max_size=8))
def test_siblings_have_different_id_shorts(siblings):
    assert len(set(names.shorts(siblings).values())) == len(siblings)


def test_a_good_name_stays_as_it_is():
    assert names.short("Spindle_2") == "Spindle_2"
    assert names.short("BV-15", "Item_") == "Item_BV_15"
    assert names.short("球阀") != names.short("阀门")


@pytest.mark.parametrize("text", ["urn:weft:O:item:a%2fb", "urn:weft:O:item:a b", "urn:weft:O:thing:a", "item",
                                  "urn:weft:O:item:a:b", "urn:weft:O:item:%zz", "urn:weft:O:item:%ff"])
def test_another_spelling_is_no_id_of_ours(text):
    assert names.read_shell("O", text) is None


@pytest.mark.parametrize("text", ["invalid-base64url=====", "", "=", "äö", "/w", "_w", "a"])
def test_what_is_no_base64url_is_refused(text):
    with pytest.raises(Invalid):
        names.decode_id(text)


def test_padding_does_no_harm():
    assert names.decode_id("YWI=") == names.decode_id("YWI") == "ab"
