"""What is an IRI reference."""

import pytest

from weft.twin.metamodel.iri import is_iri


@pytest.mark.parametrize("text", [
    "", "a", "a/b", "/a//b", "?q", "#f", "urn:炉:7", "https://例子.测试/阀?a=1&b=阀#头", "//u:p@h:8/x", "mailto:a@b",
    "http://[::1]:80/", "//[1:2:3:4:5:6:7:8]", "//[1:2:3:4:5:6:1.2.3.4]", "//[::ffff:1.2.3.4]", "//[v1.a:b]/", "a:%E7",
    "x:\U00010348",
])
def test_these_are(text):
    assert is_iri(text)


@pytest.mark.parametrize("text", [
    " ", "a b", "1a:b", ":a", "a%4", "a%zz", "a|b", "a\\b", "[a]", "//[::1", "//[1:2:3]", "//[::1.2.3.256]", "//[v.a]",
    "#a#b", "a\n", "\ue000", "//h:port",
])
def test_these_are_not(text):
    assert not is_iri(text)


def test_what_is_long_is_told_at_once():
    for text in ("a/" * 50_000 + " ", "%41" * 50_000 + " ", "//" + "a:" * 50_000 + "@ ", "[::" + "1:" * 5_000):
        assert not is_iri(text)
