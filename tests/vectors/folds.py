"""Graphs of a tiny conversation about a till, each with the one order in which all members read it, said by hand.

``Add`` puts money in; ``Take`` takes it out, if it is there (else void, "short"); ``Set`` writes a note; after
``Close`` all is void ("closed"). Roles: buyer, seller.
"""

from weft.basis.canonical import b64, digest, encode

CROSSINGS = [
    ["Add", "Take", "left-first"], ["Close", "Add", "left-first"], ["Take", "Close", "left-first"],
    ["Set", "Set", "by-role"], ["Take", "Take", "by-role"], ["Close", "Close", "by-role"],
    ["Close", "Set", "right-first"],
]
CROSSINGS_BY_ROLE = [["seller", "Set", "buyer", "Add", "left-first"]]
ROLES = {"A": "buyer", "b": "buyer", "c": "buyer", "a": "seller", "s": "seller"}


def event(name, message, *parents):
    """``name`` begins with its author, see ``ROLES``. ``message`` is ``Kind value``."""
    kind, _, value = message.partition(" ")
    content = {"Add": {"amount": value}, "Take": {"amount": value}, "Set": {"note": value}}.get(kind, {})
    return {"id": name, "by": name[0], "role": ROLES[name[0]], "kind": kind,
            "content": {key: int(one) if key == "amount" else one for key, one in content.items()},
            "parents": list(parents)}


def case(name, events, order, state, void=()):
    total, note, closed = state
    folded = {"closed": closed, "note": note, "sum": total}
    return {"name": name, "events": events, "order": order.split(), "void": dict(void), "state": folded,
            "hash": b64(digest("state/1", encode(folded)))}


def everything():
    start = event("b0", "Add 5")
    cases = pairs(start) + branches(start)
    return {"crossings": CROSSINGS, "crossings_by_role": CROSSINGS_BY_ROLE, "cases": cases}


def pairs(start):
    return [
        case("nothing", [], "", (0, "", False)),
        case("one line, given backwards", [event("s2", "Take 3", "b1"), event("b1", "Add 2", "b0"), start],
             "b0 b1 s2", (4, "", False)),
        case("more than there is", [start, event("s1", "Take 6", "b0")], "b0 s1", (5, "", False), {"s1": "short"}),
        case("putting in goes before taking out", [start, event("b1", "Take 7", "b0"), event("s1", "Add 2", "b0")],
             "b0 s1 b1", (0, "", False)),
        case("closing goes before putting in", [start, event("b1", "Add 1", "b0"), event("s1", "Close", "b0")],
             "b0 s1 b1", (5, "", True), {"b1": "closed"}),
        case("taking out goes before closing", [start, event("b1", "Close", "b0"), event("s1", "Take 1", "b0")],
             "b0 s1 b1", (4, "", True)),
        case("a row read the other way round", [start, event("b1", "Close", "b0"), event("s1", "Set x", "b0")],
             "b0 s1 b1", (5, "x", True)),
        case("by role, the later one stays", [start, event("s1", "Set s", "b0"), event("b1", "Set b", "b0")],
             "b0 b1 s1", (5, "s", False)),
        case("by role, one type by one role: by author", [
            start, event("c1", "Set c", "b0"), event("b1", "Set b", "b0")],
             "b0 b1 c1", (5, "c", False)),
        case("one author in two places: by id", [start, event("b2", "Set 2", "b0"), event("b1", "Set 1", "b0")],
             "b0 b1 b2", (5, "2", False)),
        case("either way: by role, then author", [start, event("s1", "Add 1", "b0"), event("c1", "Add 2", "b0"),
                                                  event("b1", "Add 3", "b0")],
             "b0 b1 c1 s1", (11, "", False)),
        case("a row by role goes before the row by type", [
            start, event("b1", "Add 1", "b0"), event("s1", "Set s", "b0")],
             "b0 s1 b1", (6, "s", False)),
        case("no row and no row by role", [start, event("s1", "Add 1", "b0"), event("b1", "Set b", "b0")],
             "b0 b1 s1", (6, "b", False)),
    ]


def branches(start):
    return [
        case("tied both ways: the stronger word decides",
             [start, event("b1", "Add 1", "b0"), event("b2", "Take 2", "b1"), event("s1", "Close", "b0")],
             "b0 b1 b2 s1", (4, "", True)),
        case("the same, the other way about",
             [start, event("s1", "Add 1", "b0"), event("s2", "Take 2", "s1"), event("b1", "Close", "b0")],
             "b0 s1 s2 b1", (4, "", True)),
        case("repeating a weak word wins nothing",
             [start, event("b1", "Add 1", "b0"), event("b2", "Add 1", "b1"), event("b3", "Add 1", "b2"),
              event("s1", "Close", "b0")],
             "b0 s1 b1 b2 b3", (5, "", True), {"b1": "closed", "b2": "closed", "b3": "closed"}),
        case("a later weak word does not drag its branch behind",
             [start, event("b1", "Set b", "b0"), event("b2", "Add 1", "b1"), event("s1", "Close", "b0")],
             "b0 b1 s1 b2", (5, "b", True), {"b2": "closed"}),
        case("a merge ends what was open", [start, event("b1", "Add 1", "b0"), event("s1", "Add 2", "b0"),
                                            event("b2", "Close", "b1", "s1"), event("s2", "Add 9", "b2")],
             "b0 b1 s1 b2 s2", (8, "", True), {"s2": "closed"}),
        case("two regions, each with a crossing",
             [start, event("b1", "Take 9", "b0"), event("s1", "Add 4", "b0"), event("s2", "Add 1", "b1", "s1"),
              event("b2", "Close", "s2"), event("s3", "Take 1", "s2")],
             "b0 s1 b1 s2 s3 b2", (0, "", True)),
        case("one that has seen half", [start, event("b1", "Add 1", "b0"), event("s1", "Add 2", "b0"),
                                        event("s2", "Take 8", "b1", "s1"), event("b2", "Close", "b1")],
             "b0 b1 s1 s2 b2", (0, "", True)),
        case("an unknown type crosses freely and changes nothing",
             [start, event("s1", "Dance", "b0"), event("b1", "Close", "b0")], "b0 b1 s1", (5, "", True)),
        case("parents that are not there are passed over", [event("b1", "Add 1", "b9"), event("s1", "Add 2", "b9")],
             "b1 s1", (3, "", False)),
        case("by role before author", [start, event("a1", "Add 1", "b0"), event("b1", "Close", "b0")],
             "b0 b1 a1", (5, "", True), {"a1": "closed"}),
        case("by role before author, either way", [start, event("a1", "Set a", "b0"), event("c1", "Take 1", "b0")],
             "b0 c1 a1", (4, "a", False)),
        case("two branches, each stronger than the other, and a third behind one of them",
             [start, event("b1", "Add 1", "b0"), event("b2", "Take 2", "b1"), event("s1", "Close", "b0"),
              event("s2", "Set s", "s1"), event("A1", "Take 1", "b0")],
             "b0 b1 A1 b2 s1 s2", (3, "", True), {"s2": "closed"}),
        case("what nothing beats goes before what is beaten by its equals",
             [start, event("b1", "Add 1", "b0"), event("b2", "Take 2", "b1"), event("s1", "Close", "b0"),
              event("s2", "Set s", "s1"), event("s9", "Dance", "b0")],
             "b0 s9 b1 b2 s1 s2", (4, "", True), {"s2": "closed"}),
        case("two ends", [start, event("s1", "Close", "b0"), event("b1", "Close", "b0")],
             "b0 b1 s1", (5, "", True), {"s1": "closed"}),
        case("three at once: in, out, end", [start, event("b1", "Add 1", "b0"), event("s1", "Take 1", "b0"),
                                             event("c1", "Close", "b0")],
             "b0 b1 s1 c1", (5, "", True)),
    ]
