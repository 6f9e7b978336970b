"""The way to an element, and copies changed at its end."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.samples import EVERY_KIND
from weft.basis.errors import Invalid, NotFound, Refused
from weft.twin import elements as e
from weft.twin import paths, values


@pytest.mark.parametrize(("path", "steps"), [("a", ["a"]), ("A.b[0].c", ["A", "b", 0, "c"]), ("a[1][2]", ["a", 1, 2])])
def test_a_path_is_read(path, steps):
    assert paths.steps(path) == steps


@pytest.mark.parametrize("path", ["", ".", "a.", "a..b", "[0]", "a[x]", "a[-1]", "a[", "1a", "a b", "a" * 3000, "a[1]b",
                                  "a[" + "9" * 10 + "]"])
def test_a_wrong_path_is_refused(path):
    with pytest.raises(Invalid):
        paths.steps(path)


@given(st.text(max_size=30))
def test_no_path_does_anything_but_be_refused_or_not_found(path):
    root = e.submodel("urn:x", "S", [e.texts("L", ["a"])])
    with pytest.raises((Invalid, NotFound)):
        paths.resolve(root, path if path != "L" else "")


def test_what_is_not_there_is_not_found():
    root = e.submodel("urn:x", "S", [e.texts("L", ["a"]), e.prop("P", 1)])
    assert paths.resolve(root, "L[0]")["value"] == "a"
    for path in ("X", "L[1]", "P[0]", "P.x", "L.a"):
        with pytest.raises(NotFound):
            paths.resolve(root, path)


def everywhere(root):
    """Paths of all that is there, and such as lead nowhere."""
    there = ["X", *values.paths(root)]
    return [one + behind for one in there for behind in ("", "[0]", "[7]", ".X")]


def found(read, *given):
    try:
        return read(*given)
    except (Invalid, NotFound) as error:
        return error.code, error.facts


def test_an_element_of_bytes_is_the_one_that_is_found_in_the_whole():
    root = EVERY_KIND
    body = msgspec.json.encode(root)
    for path in everywhere(root):
        assert found(paths.read_at, body, path) == found(paths.resolve, root, path), path


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=4), st.sampled_from(["L", "L[3]", "P"]))
def test_whatever_else_stands_in_the_bytes_the_element_is_the_same(texts, path):
    root = e.submodel("urn:x", "S", [e.prop("Q", "P"), e.texts("L", texts), e.prop("P", "".join(texts))])
    body = msgspec.json.format(msgspec.json.encode(root), indent=1)  # blanks do no harm
    assert found(paths.read_at, body, path) == found(paths.resolve, root, path)


def test_an_element_is_placed_added_and_removed_without_touching_the_rest():
    new = e.prop("Pp", 9)
    assert paths.resolve(paths.placed(EVERY_KIND, "En.Pp", new), "En.Pp") == new
    grown, path = paths.added(EVERY_KIND, "En", e.prop("Qq", 1))
    assert path == "En.Qq" and [one["idShort"] for one in paths.resolve(grown, "En")["statements"]] == ["Pp", "Qq"]
    grown, path = paths.added(EVERY_KIND, "Ls", e.prop("", "c"), place=1)
    assert path == "Ls[1]" and values.value_of(paths.resolve(grown, "Ls")) == ["a", "c", "b"]
    assert "statements" not in paths.resolve(paths.removed(EVERY_KIND, "En.Pp"), "En")
    assert values.value_of(paths.resolve(paths.removed(EVERY_KIND, "Ls[0]"), "Ls")) == ["b"]
    assert paths.added(e.submodel("urn:x", "Sm", []), "", new)[0]["submodelElements"] == [new]
    for refused in (lambda: paths.added(EVERY_KIND, "", new), lambda: paths.added(EVERY_KIND, "Pp", new),
                    lambda: paths.placed(EVERY_KIND, "Zz", new), lambda: paths.removed(EVERY_KIND, "Ls[7]")):
        with pytest.raises((Invalid, Refused, NotFound)):
            refused()


def test_an_idshort_may_hold_a_hyphen_and_an_index_no_leading_zero():
    assert paths.steps("A-b[0].C-1") == ["A-b", 0, "C-1"]
    for wrong in ("A[01]", "-A", "A[1", "A[-1]"):
        with pytest.raises(Invalid):
            paths.steps(wrong)


def test_an_element_of_a_list_is_named_by_its_place_alone():
    root = e.submodel("urn:x", "Sm", [{**e.texts("Ls", ["a"]), "value": [e.prop("Named", "a")]}])
    assert [path for path, _ in paths.walk(root, "")] == ["Ls", "Ls[0]"]
    with pytest.raises(NotFound):
        paths.resolve(root, "Ls.Named")
