"""Packages and documents made to do harm end at once, with the element named; the same without the harm are read."""

import io
import json
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from tests.twin.aasx.packages import (
    DOCUMENTS,
    ENVIRONMENT,
    ORIGIN,
    SPEC,
    bodies,
    opened,
    packed,
    plain,
    relationships,
    types,
    xml,
)
from tests.twin.aasx.test_older import xml as older
from weft.basis.errors import Invalid
from weft.twin.aasx.container import Limits
from weft.twin.xml.reading import Reader

ROOT = b'<environment xmlns="https://admin-shell.io/aas/3/0">'


def with_spec(data):
    return packed(plain(data))


def refused(data, **limits):
    """(code, facts) with which ``data`` is refused."""
    with pytest.raises(Invalid) as told:
        opened(data, **limits)
    return told.value.code, told.value.facts


def entity(inner, used="&a;"):
    return (f'<?xml version="1.0"?><!DOCTYPE environment [{inner}]>'.encode() + ROOT
            + f"<submodels><submodel><idShort>{used}</idShort></submodel></submodels></environment>".encode())


LAUGHS = "".join(f'<!ENTITY {one} "{f"&{before};" * 10}">'
                 for before, one in zip("abcdefghi", "bcdefghij", strict=True))
XML_ATTACKS = {
    "a billion laughs": (entity('<!ENTITY a "ha">' + LAUGHS, "&j;"), "xml.doctype"),
    "quadratic blow-up": (entity(f'<!ENTITY a "{"x" * 50_000}">', "&a;" * 5_000), "xml.doctype"),
    "a file of this machine": (entity('<!ENTITY a SYSTEM "file:///etc/passwd">'), "xml.doctype"),
    "an address inside of the firm": (entity('<!ENTITY a SYSTEM "http://127.0.0.1:1/x">'), "xml.doctype"),
    "a parameter entity": (entity('<!ENTITY % a SYSTEM "http://127.0.0.1:1/x"> %a;', "x"), "xml.doctype"),
    "a document type alone": (b'<!DOCTYPE environment SYSTEM "x.dtd">' + ROOT + b"</environment>", "xml.doctype"),
    "an entity without a type": (ROOT + b"<submodels>&a;</submodels></environment>", "xml.malformed"),
    "depth": (ROOT + b"<submodels>" * 100_000, "xml.depth"),
    "depth of what is skipped": (ROOT + b"<x>" * 100_000, "xml.depth"),
    "a flood of attributes": (
        ROOT + b"<submodels " + b" ".join(b'a%d=""' % n for n in range(5_000)) + b"/></environment>", "xml.attributes"),
    "a tag without end": (ROOT + b"<submodels a='" + b"x" * (5 << 20), "xml.tag"),
    "a flood of namespaces": (
        ROOT + b"".join(b'<a xmlns="urn:x:%d"/>' % n for n in range(5_000)) + b"</environment>", "xml.namespaces"),
    "another document": (b'<html xmlns="http://www.w3.org/1999/xhtml"/>', "xml.not-aas"),
    "an encoding that is none": (b'<?xml version="1.0" encoding="rot13"?>' + ROOT + b"</environment>", "xml.encoding"),
    "a codec of Python": (b'<?xml version="1.0" encoding="unicode_escape"?>' + ROOT, "xml.encoding"),
    "bytes that are no characters": (ROOT + b"<submodels>\xff\xfe</submodels></environment>", "xml.malformed"),
    "a null byte": (ROOT + b"<submodels>\0</submodels></environment>", "xml.malformed"),
    "UTF-7 that hides a document type": (
        b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE x+AD4-' + ROOT + b"</environment>", "xml.encoding"),
    "a document type in UTF-16": (
        '\ufeff<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'.encode(
            "utf-16-le") + ROOT.decode().encode("utf-16-le"), "xml.doctype"),
    "a document type in UTF-16 without a mark": (
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>'.encode("utf-16-be"), "xml.doctype"),
    "UTF-16 with half a character": (
        "\ufeff".encode("utf-16-le") + ROOT.decode().encode("utf-16-le") + b"\x00\xd8x\x00", "xml.encoding"),
    "an attribute of 10 MB": (ROOT + b"<submodels a='" + b"x" * (10 << 20) + b"'/></environment>", "xml.tag"),
    "a name of 10 MB": (ROOT + b"<" + b"x" * (10 << 20) + b"/></environment>", "xml.tag"),
    "a comment of 10 MB": (ROOT + b"<!--" + b"x" * (10 << 20) + b"--></environment>", "xml.tag"),
    "an instruction of 10 MB": (ROOT + b"<?x " + b"x" * (10 << 20) + b"?></environment>", "xml.tag"),
    "a character of null": (ROOT + b"<submodels>&#0;</submodels></environment>", "xml.malformed"),
    "an end that is missing": (ROOT + b"<submodels>", "xml.malformed"),
    "more than one root": (ROOT + b"</environment>" + ROOT + b"</environment>", "xml.malformed"),
    "an inclusion": (
        ROOT + b'<submodels><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
        b"</submodels></environment>", ""),
}


@pytest.mark.parametrize("attack", XML_ATTACKS)
def test_xml_made_to_do_harm_is_refused(attack):
    data, code = XML_ATTACKS[attack]
    if not code:  # an inclusion is an unknown element like any other: told, and never followed
        assert opened(with_spec(data))[:2] == ([], [("lost", "unknown-element"), *[
            ("lost", "part-unused")] * 2])
        return
    told, facts = refused(with_spec(data))
    assert told == code and facts["part"] == "/aasx/data.xml"
    assert code == "xml.encoding" or facts["line"] == 1
    assert refused(data)[0] == code  # the same without a package around it


def test_control_the_same_documents_without_the_harm_are_read():
    harmless = entity("", "ha").partition(b"]>")[2]
    assert ("broken", "no-id") in opened(with_spec(harmless))[1]  # read, and told that it has no id
    deep = ROOT + b"<submodels>" + b"</submodels></environment>"
    assert opened(with_spec(deep))[0] == []
    few = ROOT + b"<submodels a='1' b='2'/></environment>"
    assert ("lost", "attribute") in opened(with_spec(few))[1]
    assert bodies(opened(with_spec(xml()))[0]) == DOCUMENTS


def test_control_a_parser_without_our_guard_does_blow_up():
    """What the guard is for: expat itself expands entities (as far as its own brake lets it)."""
    from xml.parsers import expat

    grown = []
    parser = expat.ParserCreate()
    parser.CharacterDataHandler = grown.append
    small = entity('<!ENTITY a "ha">' + LAUGHS, "&d;")
    parser.Parse(small, True)
    assert len("".join(grown)) > 1_900 > len("&d;")


@pytest.mark.parametrize("part", ["_rels/.rels", "[Content_Types].xml", "aasx/_rels/aasx-origin.rels"])
def test_the_small_documents_of_a_package_are_guarded_too(part):
    parts = plain()
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    evil += parts[part].partition(b"?>")[2]
    told, facts = refused(packed({**parts, part: evil}))
    assert told == "xml.doctype" and facts["part"] == f"/{part}"
    flood = parts[part].replace(b"/>", b"/>" + b"<x/>" * 100_001, 1)
    assert refused(packed({**parts, part: flood}))[0] == "xml.attributes"
    assert bodies(opened(packed(parts))[0]) == DOCUMENTS


def test_depth_of_json_is_limited_before_the_stack_is():
    assert refused(with_spec(b'{"submodels":' + b"[" * 200_000))[0] in ("json.depth", "json.malformed")
    deep = b'{"submodels":[{"modelType":"Submodel","id":"x","submodelElements":' + \
        b'[{"modelType":"SubmodelElementCollection","value":' * 400 + b"[]" + b"}]" * 400 + b"}]}"
    code, facts = refused(with_spec(deep))
    assert code == "json.depth" and facts["part"] == "/aasx/data.xml"
    few = deep.replace(b'[{"modelType":"SubmodelElementCollection","value":' * 400, b'[{"modelType":"Capability"}]')
    assert len(opened(with_spec(few.replace(b"[]" + b"}]" * 400, b"")))[0]) == 1


@pytest.mark.parametrize("levels", [140, 400])
def test_depth_of_the_older_metamodel_is_limited_too(levels):
    box = "<aas:submodelElementCollection><aas:value>"
    nested = box * levels + "</aas:value></aas:submodelElementCollection>" * levels
    code, _ = refused(older(elements=f"<aas:submodelElement>{nested}</aas:submodelElement>"))
    assert code in ("xml.depth", "json.depth")
    inner = '{"modelType":{"name":"SubmodelElementCollection"},"idShort":"a","value":['
    deep = '{"assets":[],"submodels":[{"submodelElements":[' + inner * levels + "]}" * levels + "]}]}"
    assert refused(deep.encode())[0] == "json.depth"
    few = '{"assets":[],"submodels":[{"submodelElements":[' + inner * 20 + "]}" * 20 + "]}]}"
    assert opened(few.encode())[2].older


# ---- zip ----

def patched(data, signature, offset, form, value, which=0):
    """``data`` with one field of the ``which``-th header with ``signature`` changed."""
    at = -1
    for _ in range(which + 1):
        at = data.index(signature, at + 1)
    return data[:at + offset] + struct.pack(form, value) + data[at + offset + struct.calcsize(form):]


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def bomb(size=20 << 20):
    parts = plain()
    return packed({**parts, "aasx/files/manual.pdf": bytes(size)})


def overlapping():
    """Two names for the same bytes, as overlapping bombs have them."""
    data = packed(plain())
    second = data.index(CENTRAL, data.index(CENTRAL) + 1)
    return patched(data, CENTRAL, 42, "<I", struct.unpack_from("<I", data, second + 42)[0])


def linked():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in plain().items():
            package.writestr(name, data)
        info = zipfile.ZipInfo("aasx/files/link.pdf")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        package.writestr(info, "/etc/passwd")
    return out.getvalue()


def named(name):
    return packed({**plain(), name: b"x"})


def doubled():
    parts = list(plain().items())
    with pytest.warns(UserWarning, match="Duplicate"):
        return packed([*parts, ("aasx/data.xml", xml([DOCUMENTS[0]]))])


def many():
    return packed({**plain(), **{f"aasx/files/{n}": b"" for n in range(300)}})


def truncated():
    """The list of entries ends in the middle of one, and the end says that this is all there is."""
    data = packed(plain())
    start, end = data.index(CENTRAL), data.index(END)
    cut = data[:end - 30] + data[end:]
    return patched(cut, END, 12, "<I", end - 30 - start)


def zip64(count, length):
    """The end of a package in the form of zip64, with its own figures."""
    data = packed(plain())
    end = data.index(END)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, data.index(CENTRAL))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    return data[:end] + record + locator + data[end:]


def sized_64(size):
    """A part whose size stands in an extra field of zip64."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in plain().items():
            package.writestr(name, data)
        info = zipfile.ZipInfo("aasx/files/large.bin")
        info.extra = struct.pack("<HHQ", 1, 8, size)
        package.writestr(info, b"x")
    data = out.getvalue()
    return patched(data, CENTRAL, 24, "<I", 0xFFFFFFFF, 8)


def flooded():
    """More relationships than any package has."""
    one = b"<Relationship/>"
    return packed({**plain(), "aasx/_rels/aasx-origin.rels": relationships().replace(
        b"</Rel", one * 100_001 + b"</Rel")})


ZIP_ATTACKS = {
    "a bomb": (bomb, "aasx.ratio", {}),
    "a large part": (lambda: packed(plain()), "aasx.part-size", {"part": 20}),
    "a large whole": (lambda: packed(plain()), "aasx.total-size", {"total": 1_000}),
    "a large package": (lambda: packed(plain()), "aasx.package-size", {"package": 1_000}),
    "a large specification": (lambda: packed(plain()), "aasx.part-size", {"spec": 500}),
    "many entries": (many, "aasx.entries", {"entries": 200}),
    "a long list of entries": (many, "aasx.entries", {"directory": 5_000}),
    "entries that overlap": (overlapping, "aasx.overlap", {}),
    "a link": (linked, "aasx.link", {}),
    "a way out": (lambda: named("../../etc/cron.d/x"), "aasx.name", {}),
    "a way out within": (lambda: named("aasx/../../x"), "aasx.name", {}),
    "a drive": (lambda: named("C:/Windows/x"), "aasx.name", {}),
    "a way out by backslashes": (lambda: named("..\\..\\x"), "aasx.name", {}),
    "a long name": (lambda: named("aasx/" + "x" * 2_000), "aasx.name-size", {}),
    "many folders": (lambda: named("a/" * 60 + "x"), "aasx.name-size", {}),
    "two contents of one name": (doubled, "aasx.told-twice", {}),
    "encryption": (lambda: patched(packed(plain()), CENTRAL, 8, "<H", 1), "aasx.encrypted", {}),
    "an odd compression": (lambda: packed(plain(), zipfile.ZIP_BZIP2), "aasx.compression", {}),
    "an unknown compression": (lambda: patched(packed(plain()), CENTRAL, 10, "<H", 99), "aasx.compression", {}),
    "a size that is a lie": (lambda: patched(packed(plain()), CENTRAL, 24, "<I", 100, 4), "aasx.damaged", {}),
    "a checksum that is wrong": (lambda: patched(packed(plain()), CENTRAL, 16, "<I", 1, 4), "aasx.damaged", {}),
    "a header elsewhere": (lambda: patched(packed(plain()), CENTRAL, 42, "<I", 7, 4), "aasx.overlap", {}),
    "a name that differs": (lambda: packed(plain()).replace(b"aasx/data.xml", b"aasx/date.xml", 1), "aasx.damaged", {}),
    "bytes cut off": (lambda: packed(plain())[:-100], "aasx.not-zip", {}),
    "a list of entries elsewhere": (lambda: patched(packed(plain()), END, 16, "<I", 1 << 30), "aasx.damaged", {}),
    "names that differ in case": (lambda: named("AASX/Data.xml"), "aasx.names-alike", {}),
    "names that differ in escapes": (lambda: named("aasx/%64ata.xml"), "aasx.names-alike", {}),
    "a list of entries cut short": (truncated, "aasx.not-zip", {}),
    "a zip64 record that counts billions": (lambda: zip64(1 << 33, 100), "aasx.entries", {}),
    "a zip64 record of a huge list": (lambda: zip64(8, 1 << 40), "aasx.entries", {}),
    "a size of zip64 that is a lie": (lambda: sized_64(1 << 60), "aasx.part-size", {}),
    "an entry that says it is zip64 and is not": (
        lambda: patched(packed(plain()), CENTRAL, 24, "<I", 0xFFFFFFFF, 4), "aasx.part-size", {}),
    "a package within the package": (lambda: packed(plain(packed(plain()))), "xml.malformed", {}),
    "a picture in the place of the specification": (
        lambda: packed(plain(b"\x89PNG\r\n\x1a\n" * 99)), "xml.malformed", {}),
    "an empty specification": (lambda: packed(plain(b"")), "xml.malformed", {}),
    "a page in the place of the specification": (
        lambda: packed(plain(b"<html><body>AAS</body></html>")), "xml.not-aas", {}),
    "a flood of relationships": (flooded, "xml.attributes", {}),
    "a zip64 record elsewhere": (lambda: packed(plain())[:-22] + struct.pack("<4sIQI", b"PK\6\7", 0, 1 << 40, 1)
                                 + packed(plain())[-22:], "aasx.not-zip", {}),
}


@pytest.mark.parametrize("attack", ZIP_ATTACKS)
def test_zips_made_to_do_harm_are_refused(attack):
    build, code, limits = ZIP_ATTACKS[attack]
    told, facts = refused(build(), **({"limits": Limits(**limits)} if limits else {}))
    assert told == code
    assert facts  # the element, or the measure that was passed, is named


def test_control_the_same_packages_without_the_harm_are_read():
    for data in (packed(plain()), named("aasx/files/x"), named("a/" * 10 + "x"), many(), bomb(1 << 20)):
        assert bodies(opened(data)[0]) == DOCUMENTS


def test_control_without_the_guard_the_bomb_unpacks():
    """What the guard is for: ``zipfile`` itself unpacks it without a word."""
    with zipfile.ZipFile(io.BytesIO(bomb())) as package, package.open("aasx/files/manual.pdf") as stream:
        assert sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b"")) == 20 << 20


def test_a_part_told_twice_alike_is_read_and_told():
    with pytest.warns(UserWarning, match="Duplicate"):
        data = packed([*plain().items(), ("aasx/aasx-origin", b"")])
    found, codes, _ = opened(data)
    assert bodies(found) == DOCUMENTS and codes == [("fixed", "part-twice")]


def test_relationships_in_a_circle_end():
    parts = plain()
    parts["aasx/_rels/data.xml.rels"] = relationships((SPEC, "/aasx/data.xml"), (SPEC, "/aasx/aasx-origin"))
    parts["aasx/_rels/aasx-origin.rels"] = relationships((SPEC, "/aasx/data.xml"), (ORIGIN, "/aasx/aasx-origin"))
    assert bodies(opened(packed(parts))[0]) == DOCUMENTS


def test_a_long_chain_of_specifications_ends():
    parts = {key: value for key, value in plain().items() if not key.endswith("data.xml.rels")}
    for at in range(3_000):
        parts[f"aasx/_rels/{at}.rels"] = relationships((SPEC + "-split", f"/aasx/{at + 1}"))
        parts[f"aasx/{at}"] = b'{"submodels": []}'
    parts["aasx/_rels/aasx-origin.rels"] = relationships((SPEC, "/aasx/data.xml"), (SPEC, "/aasx/0"))
    assert bodies(opened(packed(parts, zipfile.ZIP_STORED))[0]) == DOCUMENTS


def test_a_flood_of_fields_of_one_name_is_told_in_no_time():
    flood = b'{"submodels":[{"modelType":"Submodel","id":"urn:x:s"' + b',"colour":"red"' * 200_000 + b"}]}"
    found, codes, _ = opened(flood)
    assert len(found) == 1 and set(codes) == {("lost", "field-twice"), ("lost", "unknown-field")}


def test_findings_without_end_are_counted_and_not_gathered():
    many = b"".join(b"<x%d/>" % at for at in range(1_500)) * 20
    _, codes, package = opened(ROOT + b"<submodels>" + many + b"</submodels></environment>")
    report = package.findings.report()
    assert len(codes) == 200 and report.totals["lost"] == 30_000 and report.more == {"unknown-element": 29_800}
    long = json.dumps({"submodels": [{"modelType": "Submodel", "id": "x", "submodelElements": [
        {"modelType": "Property", "idShort": "y" * 100_000, "valueType": "xs:string", "colour": "red"}]}]})
    assert all(len(one.path) < 500 for one in opened(long.encode())[2].findings.report().findings)


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/x.xml", "//127.0.0.1/x.xml", "file:///etc/passwd",
                                    "../../../../etc/passwd", "", "#top", "\0"])
def test_a_target_outside_is_never_followed(target):
    parts = {**plain(), "aasx/_rels/aasx-origin.rels": relationships(
        (SPEC, target.replace("\0", "&#xFFFD;")), (SPEC, "/aasx/data.xml"))}
    found, codes, _ = opened(packed(parts))
    assert bodies(found) == DOCUMENTS and ("lost", "spec-missing") in codes


def test_any_single_byte_that_is_bent_is_read_or_refused_but_breaks_nothing():
    data = packed({"[Content_Types].xml": types(), "_rels/.rels": relationships((ORIGIN, "/o")), "o": b"",
                   "_rels/o.rels": relationships((SPEC, "/d")), "d": xml([DOCUMENTS[0]])})
    outcomes = set()
    for at in range(0, len(data), 3):
        bent = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1:]
        try:
            opened(bent)
            outcomes.add("read")
        except Invalid as error:
            outcomes.add(error.code)
    assert {"read", "aasx.damaged", "aasx.not-zip"} <= outcomes


def test_any_cut_of_a_document_is_refused():
    for data, code in ((xml(), "xml.malformed"), (json.dumps(ENVIRONMENT).encode(), "json.malformed")):
        for at in range(1, len(data) - 1, 97):
            assert refused(data[:at])[0] == code
        assert bodies(opened(data)[0]) == DOCUMENTS


def test_a_large_document_of_small_twins_is_read_in_little_memory():
    one = xml([DOCUMENTS[1]]).partition(b"<submodels>")[2].partition(b"</submodels>")[0]
    count = [0]
    reader = Reader(lambda *_: count.__setitem__(0, count[0] + 1), lambda *_: None)
    tracemalloc.start()
    reader.feed(ROOT + b"<submodels>")
    for _ in range(300):
        reader.feed(one)
    reader.feed(b"</submodels></environment>")
    reader.close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count[0] == 300 and len(one) * 300 > 1_000_000 and peak < 500_000


def test_what_zlib_refuses_is_a_damaged_part():
    data = packed(plain())
    at = data.index(b"aasx/data.xml") + len("aasx/data.xml")
    bent = data[:at] + b"\xff" * 20 + data[at + 20:]
    with pytest.raises(zlib.error):
        zlib.decompress(b"\xff" * 20, -15)
    assert refused(bent)[0] == "aasx.damaged"
