"""Headers for the conformance vectors: good ones, and each field wrong in turn."""

import json

from tests.vectors.story import ID, Story, without
from weft.basis import canonical
from weft.basis.canonical import b64

FIELDS = ("a", "b", "d", "h", "i", "ks", "m", "n", "p", "s", "t", "v", "x", "y")


def headers():
    """Headers as cuts from two good ones: ``head`` characters of the base, what is ``put``, ``tail`` characters."""
    story = Story()
    bases = [story.events[3].raw.decode(), story.events[0].raw.decode()]
    cases = [*((0, *case) for case in event_headers(story)), *((1, *case) for case in genesis_headers(story))]
    return {"bases": bases, "cases": [cut(base, bases[base], header, accept) for base, header, accept in cases]}


def cut(number, base, header, accept):
    head = alike(base, header)
    tail = alike(base[head:][::-1], header[head:][::-1])
    return {"base": number, "head": head, "put": header[head:len(header) - tail], "tail": tail, "accept": accept}


def alike(one, two):
    """How many characters both begin with."""
    return next((k for k, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def event_headers(story):
    """Each field missing, of another type, of another form; then what takes two fields."""
    one = story.events[3]
    good = json.loads(one.raw)
    fine = {("n", 2), ("s", 1), ("s", 7), ("v", 1), ("y", "x"), ("y", ID + "A"), ("x", ()), ("b", ())}
    changes = [({}, True), ({"z": 1}, False)]
    for name in FIELDS:
        changes.append(({name: ...}, False))
        for value in (None, 1, 7, -1, True, "", "x", ID + "A", [], ["x"], {}, {"x": 1}):
            plain = tuple(value) if isinstance(value, list) else value
            accept = any(name == field and plain == allowed and type(plain) is type(allowed) for field, allowed in fine)
            accept = accept or (name == "n" and value in (1, 7) and value is not True)
            changes.append(({name: value}, accept))
    slot = good["b"][0]
    changes += [({"b": [slot | {name: value}]}, accept) for name, value, accept in (
        ("r", "buyer", True), ("r", 1, False), ("c", "x", False), ("l", -1, False), ("l", 262_144, True),
        ("l", 262_145, False), ("l", "1", False), ("ct", "text/plain", True), ("ct", None, False), ("z", 1, False))]
    changes += [({"b": [slot] * 8}, True), ({"b": [slot] * 9}, False), ({"b": [slot | {"r": "r" * 8_000}]}, False)]
    changes += [
        ({"n": 0}, False), ({"n": 0, "p": None}, True), ({"p": None}, False), ({"a": None, "ks": None}, False),
        ({"x": [ID, ID]}, False), ({"x": [good["p"]]}, False), ({"x": sorted([ID, b64(bytes(32))])}, True),
        ({"x": sorted([ID, b64(bytes(32))], reverse=True)}, False),
        ({"x": sorted(b64(bytes([k]) * 32) for k in range(16))}, True),
        ({"x": sorted(b64(bytes([k]) * 32) for k in range(17))}, False),
        ({"h": "f" * 16}, True), ({"h": "F" * 16}, False), ({"h": "0" * 15}, False), ({"h": "0" * 17}, False),
        ({"y": "a" * 64}, True), ({"y": "a" * 65}, False), ({"y": "1a"}, False), ({"y": "a_b"}, False),
        ({"m": "a/999999"}, True), ({"m": "a/1000000"}, False), ({"m": "a/0"}, False), ({"m": "A/1"}, False),
        ({"m": "a" * 56 + "/1"}, True), ({"m": "a" * 57 + "/1"}, False), ({"s": 0}, False), ({"s": 1_000_000}, True),
        ({"s": 1_000_001}, False), ({"pre": ID[:43]}, True), ({"pre": "x"}, False), ({"pre": None}, False),
        ({"g": b64(bytes(16))}, False), ({"mem": {}}, False), ({"i": b64(bytes(9))}, False),
    ]
    cases = [(canonical.encode(without(good | change)).decode(), accept) for change, accept in changes]
    return cases + [(text, False) for text in (
        one.raw.decode() + " ", one.raw.decode().replace(",", ", ", 1), "[]", "{}", "null", "",
        one.raw.decode().replace('"n":2', '"n":2,"n":2'), one.raw.decode().replace('"n":2', '"n":2.0'))]


def genesis_headers(story):
    good = json.loads(story.events[0].raw)
    inception = json.loads(story.buyer.log[0].raw)
    many = {b64(bytes([k]) * 32): "buyer" for k in range(17)}
    members = list(story.members)
    changes = [
        ({}, True), ({"g": ...}, False), ({"g": b64(bytes(15))}, False), ({"g": None}, False), ({"mem": ...}, False),
        ({"mem": {}}, False), ({"mem": {members[1]: "seller"}}, False), ({"mem": {members[0]: "buyer"}}, True),
        ({"mem": {members[0]: "Buyer"}}, False), ({"mem": {members[0]: 1}}, False), ({"mem": {members[0]: ""}}, False),
        ({"mem": {members[0]: "buyer", "x": "seller"}}, False), ({"n": 1}, False), ({"x": [ID[:43]]}, False),
        ({"mem": many, "a": next(iter(many))}, False), ({"a": None}, False), ({"a": None, "ks": None}, False),
        ({"a": None, "ks": None, "mem": {}}, True), ({"t": ID[:43]}, False), ({"p": ID[:43]}, False),
        ({"mem": dict(list(many.items())[:16]), "a": next(iter(many))}, True),
    ]
    cases = [(good | change, accept) for change, accept in changes]
    cases += [(inception, True), (inception | {"a": story.buyer.id}, False)]
    cases += [(inception | {"mem": story.members}, False)]
    return [(canonical.encode(without(header)).decode(), accept) for header, accept in cases]
