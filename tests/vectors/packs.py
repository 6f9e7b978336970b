"""Key logs, chains and packs for the conformance vectors: good ones, and each with one thing wrong in turn.

``step`` of a case is the first step of the audit (``src/weft/thread/audit.py``) that must find a fault; 0: none.
"""

import json

import msgspec

from tests.thread.firms import LIFE, Firm, as_bytes, salt, signed
from tests.vectors.curve import Mixed
from tests.vectors.story import ID, OTHER_LIFE, Story, remade, without
from weft.basis import canonical
from weft.basis.canonical import b64
from weft.identity import keylog
from weft.identity.keys import Signer
from weft.thread import event
from weft.thread.pack import Manifest, write

# ---- cases over lines


def over(base, cases):
    """A file of cases whose lines are those of ``base`` by number, or other ones as text."""
    lines = base.decode().split("\n")
    known = {line: number for number, line in enumerate(lines)}
    return {"base": lines, "cases": [
        {"name": name, "step": step, "lines": [known.get(line, line) for line in data.decode().split("\n")]}
        for name, data, step in cases]}


def changed(events, place, one):
    return [*events[:place], one, *events[place + 1:]]


# ---- key logs: a pack whose buyer has this log


class Keys:
    """A buyer's key log as it may go on; every log is in a pack with one event by a device that the log may know."""

    def __init__(self):
        self.story = Story()
        self.firm = self.story.buyer
        self.till = Signer(bytes([9]) * 32)
        self.weak = b64(bytes(32))
        self.mixed = Mixed(77)

    def more(self, message, ks=None, signer=None, **changes):
        """One more event above the log of two."""
        log = self.firm.log
        fields = {"n": 2, "p": log[-1].id} | changes
        x = fields.pop("x", [])
        made = self.firm.key_event(message, self.firm.id, ks or log[-1].id, n=fields["n"], p=fields["p"], signer=signer)
        return remade(made, signer or self.firm.first, x=x, **{k: v for k, v in fields.items() if k not in {"n", "p"}})

    def rotation(self, signer=None, keys=None, **changes):
        message = keylog.KeyRotation(keys=keys or [self.firm.following.public],
                                     next=keylog.commitment([self.till.public]))
        place = {"n": 0, "p": None, "x": [self.firm.log[-1].id]} | changes
        return self.more(message, signer=signer or self.firm.following, **place)

    def pack(self, *more, log=None, events=None):
        keys = [*(self.firm.log if log is None else log), *more, *self.story.seller.log]
        return self.story.pack(events, keys)


def by_the_till(k, delegated, loose):
    """The last word is that of the till, which this log has delegated, or not quite."""
    events = k.story.events
    word = k.story.buyer.say(k.story.thread, 0, None, [events[6].id], d=k.till.public)
    spoken = [*events, signed(word, k.till)]
    strange = remade(word, k.mixed, d=k.mixed.public)
    odd = k.more(keylog.DeviceDelegation(device=k.mixed.public, scope="till"))
    king = k.more(keylog.DeviceDelegation(device=k.till.public, scope="king"))
    return [
        ("a word of a device that is delegated", k.pack(delegated, events=spoken), 0),
        ("a word of a device that is not", k.pack(events=spoken), 6),
        ("a word of a device whose scope is none", k.pack(king, events=spoken), 6),
        ("a word of a device delegated with a blank", k.pack(signed(loose, k.firm.first), events=spoken), 6),
        ("a word of a device of mixed order", k.pack(odd, events=[*events, strange]), 6),
        ("a word of a device in the name of another", k.pack(delegated, events=[*events, word]), 6),
    ]


def blank(one):
    """``one``, unsigned, with a blank before its contents."""
    fields = without(json.loads(one.raw) | {"b": ...})
    return event.compose(fields, [("*", b" " + one.payloads[0].content)], [salt("blank")])


def bare(one):
    return kept(one, {})


def kept(one, payloads):
    return msgspec.structs.replace(one, payloads=payloads)


def key_logs():
    k = Keys()
    second = k.firm.log[1]
    here = f"{k.story.thread}/{LIFE}"
    there = f"{k.story.thread}/{OTHER_LIFE}"
    delegated = k.more(keylog.DeviceDelegation(device=k.till.public, scope="till"))
    rotated = k.rotation()

    def revoked(valid):
        return k.more(keylog.DeviceRevocation(device=k.firm.device.public, valid=valid))

    def after(one, message, signer, **place):
        return k.more(message, one.id, signer, **({"n": 1, "p": one.id} | place))

    retired = keylog.DeviceDelegation(device=k.till.public, scope="line")
    loose = blank(delegated)
    cases = [
        ("as it is", k.pack(), 0), ("one more device", k.pack(delegated), 0), ("a rotation", k.pack(rotated), 0),
        ("a word of the new key", k.pack(rotated, after(rotated, retired, k.firm.following)), 0),
        ("a word of the old key after it", k.pack(rotated, k.more(retired, rotated.id, x=[rotated.id])), 4),
        ("revoked, all that was said counts", k.pack(revoked({here: 2, there: 0})), 0),
        ("revoked, one of the first life does not", k.pack(revoked({here: 1, there: 0})), 0),
        ("revoked, the second life does not", k.pack(revoked({here: 2})), 0),
        ("revoked altogether", k.pack(revoked({})), 0),
        ("a device that is not there is revoked: void",
         k.pack(k.more(keylog.DeviceRevocation(device=k.till.public))), 0),
        ("a scope that is not there: void",
         k.pack(k.more(keylog.DeviceDelegation(device=k.till.public, scope="king"))), 0),
        ("a weak device: void", k.pack(k.more(keylog.DeviceDelegation(device=k.weak, scope="till"))), 0),
        ("a delegation with a blank in its contents: void", k.pack(signed(loose, k.firm.first)), 0),
        ("an unknown type: void", k.pack(remade(delegated, k.firm.first, y="KeyParty")), 0),
        *by_the_till(k, delegated, loose),
        ("revoked, then delegated again: void",
         k.pack(revoked({}), k.more(keylog.DeviceDelegation(device=k.firm.device.public, scope="node"),
                                    revoked({}).id, n=3, p=revoked({}).id)), 0),
        ("in another firm's name",
         k.pack(remade(delegated, k.firm.first, a=k.story.seller.id, n=0, p=None, x=[second.id])), 4),
    ]
    return over(k.pack(), cases + refused_beginnings(k) + refused_words(k, delegated, rotated) + begun_otherwise(k))


def refused_beginnings(k):
    first, second = k.firm.log
    return [
        ("no inception", k.pack(log=[second]), 4), ("empty", k.pack(log=[]), 4),
        ("no device was delegated", k.pack(log=[first]), 6),
        ("a delegation without its contents", k.pack(log=[first, bare(second)]), 4),
        ("a rotation with a blank in its contents", k.pack(signed(blank(k.rotation()), k.firm.following)), 4),
        ("inception without its contents", k.pack(log=[bare(first), second]), 4),
        ("inception by a key that it does not name", k.pack(log=[signed(first, k.firm.following), second]), 4),
        ("inception with a signature of nobody", k.pack(log=[remade(first, h="1" * 16), second]), 4),
        ("another firm's inception", k.pack(log=[k.story.stranger.log[0], second]), 4),
        ("two inceptions", k.pack(log=[first, first, second]), 4), ("turned round", k.pack(log=[second, first]), 4),
    ]


def refused_words(k, delegated, rotated):
    first, second = k.firm.log
    retired = keylog.DeviceDelegation(device=k.till.public, scope="line")
    return [
        ("signed by the device", k.pack(signed(delegated, k.firm.device)), 4),
        ("signed by the next key", k.pack(signed(delegated, k.firm.following)), 4),
        ("signed by a device under its own name",
         k.pack(k.more(retired, signer=k.firm.device, n=0, p=None, x=[second.id])), 4),
        ("a gap", k.pack(k.more(retired, n=3)), 4), ("a wrong previous", k.pack(k.more(retired, n=1, p=first.id)), 4),
        ("a second branch", k.pack(delegated, k.more(keylog.DeviceRevocation(device=k.firm.device.public))), 4),
        ("a branch above nothing", k.pack(k.rotation(x=[])), 4),
        ("a parent that is not there", k.pack(k.rotation(x=sorted([second.id, ID[:43]]))), 4),
        ("a parent further down too", k.pack(k.rotation(x=sorted([first.id, second.id]))), 4),
        ("another machine", k.pack(remade(delegated, k.firm.first, m="keylog/2")), 4),
        ("a rotation to keys not committed to", k.pack(k.rotation(k.till, [k.till.public])), 4),
        ("a rotation with one key more", k.pack(k.rotation(keys=[k.firm.following.public, k.till.public])), 4),
        ("a rotation by the old key", k.pack(k.rotation(k.firm.first, n=2, p=second.id, x=[])), 4),
        ("a rotation without its contents", k.pack(bare(rotated)), 4),
        ("a rotation twice", k.pack(rotated, k.rotation(n=1, p=rotated.id, x=[])), 4),
        ("of no member", k.story.pack(keys=[*k.firm.log, *k.story.seller.log, *k.story.stranger.log]), 4),
        ("the seller's is missing", k.story.pack(keys=k.firm.log), 4),
        ("an event that names a key event not in it",
         k.pack(events=changed(k.story.events, 6, remade(k.story.events[6], k.story.seller.device, ks=ID[:43]))), 6),
    ]


def begun_otherwise(k):
    cases = [founded(k, "a key of mixed order", as_bytes(
        keylog.KeyInception(keys=[k.mixed.public], next=keylog.commitment([k.firm.following.public]))), k.mixed)]
    good = as_bytes(keylog.KeyInception(keys=[k.firm.first.public], next=keylog.commitment([k.firm.following.public])))
    for name, content in (("no list", b'{"keys":1,"next":""}'), ("no keys", b'{"keys":[],"next":"x"}'),
                          ("an unknown field", good[:-1] + b',"z":1}'), ("a blank", good.replace(b":", b": ", 1)),
                          ("keys named twice", b'{"keys":[],' + good[1:]),
                          ("no next", good[:good.index(b',"next"')] + b"}"),
                          ("a next of another type", good[:good.index(b'"next"')] + b'"next":1}'),
                          ("a weak key besides", good.replace(b"[", b'["' + k.weak.encode() + b'",', 1)),
                          ("a key twice", good.replace(b"[", b'["' + k.firm.first.public.encode() + b'",', 1))):
        cases.append(founded(k, name, content))
    return cases


def founded(k, name, content, signer=None):
    """A pack of one whose firm begins with these contents."""
    firm = k.firm
    fields = {name: value for name, value in json.loads(firm.log[0].raw).items() if name != "b"}
    fields["d"] = (signer or firm.first).public
    begun = signed(event.compose(fields, [("*", content)], [salt("begun")]), signer or firm.first)
    message = keylog.DeviceDelegation(device=firm.device.public, scope="node")
    second = firm.key_event(message, begun.thread, begun.id, n=1, p=begun.id)
    if signer:
        second = remade(second, signer, d=signer.public)
    fields = {name: value for name, value in json.loads(k.story.events[0].raw).items() if name != "b"}
    fields |= {"a": begun.thread, "ks": second.id, "mem": {begun.thread: "owner"}}
    first = signed(event.compose(fields, [("*", b"{}")], [salt("first")]), firm.device)
    data = k.story.pack([first], [begun, second], thread=first.thread, members={begun.thread: "owner"})
    return f"begun with {name}", data, 0 if b'"z"' in content else 4


# ---- chains


def chains():
    s = Story()
    buyer, seller, events = s.buyer, s.seller, s.events
    begun, asked, offered, ordered, sent, restored, last = events
    book = Book()

    def more(firm, *args, **changes):
        return s.pack([*events, firm.say(s.thread, *args, **changes)])

    cases = [
        ("as it is", s.pack(), 0), ("one more", more(buyer, 3, ordered.id, [last.id]), 0),
        ("a new life", more(buyer, 0, None, [last.id], i=b64(b"lifethre")), 0),
        ("a gap", more(buyer, 4, ordered.id, [last.id]), 7),
        ("a gap at the beginning of a life", more(buyer, 1, last.id, i=b64(b"lifethre")), 7),
        ("the previous of another chain", more(buyer, 3, last.id), 7),
        ("the previous of another life", more(buyer, 3, restored.id, [last.id]), 7),
        ("the previous two before", more(buyer, 3, asked.id, [last.id]), 7),
        ("a place taken twice", more(buyer, 2, asked.id, [last.id]), 7),
        ("a first place taken twice", more(buyer, 0, None, [last.id]), 7),
        ("an event twice", s.pack([*events, last]), 7),
        ("both halves of a fork", s.pack([*events[:5], s.second, *events[5:]]), 7),
        ("a middle one left out", s.pack([begun, asked, offered, sent, last]), 8),
        ("one of a chain left out", s.pack([begun, asked, ordered, sent, restored, last]), 7),
        ("the last ones left out", s.pack(events[:5]), 0),
        ("heads of the whole, the last ones left out", s.pack(events[:5], heads=[last.id]), 9),
        ("a chain turned round", s.pack([begun, asked, offered, sent, ordered, restored, last]), 0),
        ("a parent below", s.pack([begun, asked, offered, sent, restored, ordered, last]), 8),
        ("a parent that is not there", more(seller, 3, last.id, [ID[:43]]), 8),
        ("a book of which the last is signed", book.pack([True, False, True]), 0),
        ("a book of which all are signed", book.pack([True, True, True]), 0),
        ("a book whose last is not signed", book.pack([True, True, False]), 6),
        ("a book of which none is signed", book.pack([False, False, False]), 6),
        ("a book with a signature of zeros", book.pack([True, None, True]), 6),
        ("a book whose second life does not bind the first", book.pack([True, False, True], new_life=True), 6),
        ("a shared thread of which one is not signed",
         s.pack(changed(events, 1, msgspec.structs.replace(asked, signature=b""))), 6),
    ]
    return over(s.pack(), cases)


class Book:
    """A thread of one firm, in which a signed event binds those before it in its chain."""

    def __init__(self):
        self.firm = Firm(4)

    def pack(self, signatures, *, new_life=False):
        members = {self.firm.id: "owner"}
        begun = self.firm.begin(members)
        second = self.firm.say(begun.thread, 1, begun.id)
        third = self.firm.say(begun.thread, 0, None, [second.id], i=OTHER_LIFE) if new_life \
            else self.firm.say(begun.thread, 2, second.id)
        events = [one if kept else msgspec.structs.replace(one, signature=b"" if kept is False else bytes(64))
                  for one, kept in zip((begun, second, third), signatures, strict=True)]
        manifest = Manifest(format="weft-thread/1", thread=begun.thread, machine="test/1", members=members,
                            heads=[third.id], keys=0, events=0, forks=0, state="")
        return write(manifest, self.firm.log, events)


# ---- packs


def packs():
    s = Story()
    base = s.pack(forks=[(s.events[4], s.second)])
    return over(base, [*lines_changed(s, base), *contents_changed(s), *headers_changed(s), *belonging(s), *forks(s)])


def lines_changed(s, base):
    text = base.decode()
    lines = text.split("\n")
    first = json.loads(lines[0])

    def told(**changes):
        return (canonical.encode(without(first | changes)).decode() + "\n" + "\n".join(lines[1:])).encode()

    cut = [(f"without line {k + 1}", "\n".join([*lines[:k], *lines[k + 1:]]).encode(), 1) for k in (0, 1, 4, 6, 11, 12)]
    return [
        ("as it is", base, 0), *cut, ("empty", b"", 1),
        ("a line feed", b"\n", 1),
        ("only the first line", lines[0].encode() + b"\n", 1),
        ("no line feed at the end", base[:-1], 1), ("an empty line at the end", base + b"\n", 1),
        ("an empty line between", text.replace("\n", "\n\n", 1).encode(), 1),
        ("returns", text.replace("\n", "\r\n").encode(), 1),
        ("a blank", text.replace('{"event"', '{ "event"', 1).encode(), 1),
        ("a blank at a line's end", text.replace("\n", " \n", 1).encode(), 1),
        ("a key twice", text.replace('{"event":', '{"event":null,"event":', 1).encode(), 1),
        ("a part before its turn", "\n".join([lines[0], *lines[2:6], lines[1], *lines[6:]]).encode(), 1),
        ("a fork before the events", "\n".join([*lines[:5], lines[12], *lines[5:12], lines[13]]).encode(), 1),
        ("a field too many in the first line", told(z=1), 1), ("a field missing there", told(state=...), 1),
        ("a field of another type there", told(heads="x"), 1),
        ("a role that is no text", told(members={ID[:43]: 1}), 1),
        ("another format", told(format="weft-thread/2"), 1), ("one key event more", told(keys=5), 1),
        ("one event more", told(events=8), 1), ("one fork more", told(forks=2), 1), ("one fork less", told(forks=0), 1),
        ("another thread", told(thread=s.buyer.id), 5), ("another machine", told(machine="test/2"), 5),
        ("roles changed", told(members={s.buyer.id: "seller", s.seller.id: "buyer"}), 5),
        ("a member less", told(members={s.buyer.id: "buyer"}), 4),
        ("a member more", told(members=first["members"] | {s.stranger.id: "judge"}), 4),
        ("no heads", told(heads=[]), 9), ("a head more", told(heads=sorted([*first["heads"], s.events[0].id])), 9),
        ("another head", told(heads=[s.events[4].id]), 9), ("a head twice", told(heads=first["heads"] * 2), 9),
        ("a state that nobody folds here", told(state=ID[:43]), 0),
        ("an unknown kind of line", text.replace('{"fork"', '{"spoon"').encode(), 1),
        ("a fork of one", text.replace('{"fork":[', '{"fork":[[],').encode(), 1),
        ("two kinds in one line", "\n".join([*lines[:11], lines[11][:-1] + "," + lines[12][1:], ""]).encode(), 1),
        ("an envelope without contents", text.replace('"b":{"0"', '"c":{"0"', 1).encode(), 1),
        ("contents of another shape", text.replace('"b":{"0":[', '"b":{"0":["",', 1).encode(), 1),
    ]


def contents_changed(s):
    asked, offered = s.events[1:3]
    place = s.events.index(asked)
    envelope = json.loads(event.wire(asked))

    def told(**changes):
        data = s.pack().decode().split("\n")
        data[5 + place] = canonical.encode({"event": envelope | changes}).decode()
        return "\n".join(data).encode()

    salted, content = envelope["b"]["0"]
    return [
        ("contents withheld", s.pack(changed(s.events, place, bare(asked))), 0),
        ("one of two contents withheld", s.pack(changed(s.events, 2, kept(offered, {1: offered.payloads[1]}))), 0),
        ("the other one withheld", s.pack(changed(s.events, 2, kept(offered, {0: offered.payloads[0]}))), 0),
        ("contents of two slots exchanged",
         s.pack(changed(s.events, 2, kept(offered, {0: offered.payloads[1], 1: offered.payloads[0]}))), 3),
        ("all contents withheld", s.pack([bare(one) for one in s.events]), 0),
        ("other contents", told(b={"0": [salted, content.replace("20", "21")]}), 3),
        ("longer contents", told(b={"0": [salted, content + " "]}), 3),
        ("another salt", told(b={"0": [b64(bytes(32)), content]}), 3),
        ("a short salt", told(b={"0": [salted[:42], content]}), 3),
        ("a slot that is not there", told(b={"1": [salted, content]}), 3),
        ("a slot beyond all", told(b={"8": [salted, content]}), 3),
        ("a slot spelled otherwise", told(b={"00": [salted, content]}), 3),
        ("a slot twice", told(b={"0": [salted, content], "1": [salted, content]}), 3),
        ("a salt spelled otherwise", told(b={"0": [salted + "=", content]}), 3),
        ("no signature", told(g=""), 6),
        ("a signature of zeros", told(g=b64(bytes(64))), 6),
        ("half a signature", told(g=b64(bytes(32))), 6),
        ("a signature cut short", told(g=envelope["g"][:41]), 2),
        ("a signature spelled otherwise", told(g=envelope["g"] + "=="), 2),
        ("another's signature", told(g=b64(s.events[0].signature)), 6),
        ("a blank in the header", told(e=envelope["e"].replace(",", ", ", 1)), 2), ("no header", told(e=""), 2),
        ("another header", told(e=s.events[0].raw.decode()), 3), ("a header that is no object", told(e="[]"), 2),
    ]


def headers_changed(s):
    """The last event with each field changed: as it was signed, then signed anew by its author."""
    last = s.events[6]
    good = json.loads(last.raw)
    slot = good["b"][0]
    other = s.buyer.device.public
    values = {
        "a": (s.buyer.id, 6, 6), "d": (other, 6, 6), "h": ("0" * 15 + "1", 6, 9), "i": (OTHER_LIFE, 6, 7),
        "ks": (s.seller.log[0].id, 6, 9), "m": ("test/2", 5, 5), "n": (3, 6, 7),
        "p": (s.events[2].id, 6, 7), "s": (2, 6, 9),
        "t": (s.buyer.id, 5, 5), "v": (2, 2, 2), "x": ([ID[:43]], 6, 8), "y": ("Undone", 6, 9),
        "pre": (ID[:43], 6, 9), "z": (1, 2, 2),
        "b": ([], 3, 3),
    }
    cases = []
    heads = [last.id]
    for name, (value, as_was, anew) in values.items():
        for signer, step in ((None, as_was), (s.seller.device, anew)):
            made = remade(last, signer, **{name: value})
            said = "signed anew" if signer else "as it was signed"
            cases.append((f"{name} changed, {said}", s.pack(changed(s.events, 6, made), heads=heads), step))
    for name, value, step in (("r", "buyer", 6), ("ct", "text/plain", 6), ("l", 3, 3), ("c", ID[:43], 3)):
        made = remade(last, None, b=[slot | {name: value}])
        cases.append((f"{name} of the slot changed", s.pack(changed(s.events, 6, made), heads=heads), step))
    return cases


def belonging(s):
    stranger = s.stranger
    word = stranger.say(s.thread, 0, None, [s.events[6].id])
    mine = remade(s.events[6], s.buyer.device)
    again = remade(s.events[0], s.buyer.device, g=b64(b"sixteen byte too"))
    again = msgspec.structs.replace(again, thread=event.thread_id(again.raw))
    return [
        ("a stranger's word", s.pack([*s.events, word]), 6),
        ("a stranger's word with his keys",
         s.pack([*s.events, word], keys=[*s.buyer.log, *s.seller.log, *stranger.log]), 4),
        ("signed by the other member", s.pack(changed(s.events, 6, mine)), 6),
        ("no genesis", s.pack(s.events[1:]), 5), ("no events", s.pack([]), 5),
        ("genesis later", s.pack([s.events[1], s.events[0], *s.events[2:]]), 5),
        ("a second genesis", s.pack([*s.events, again]), 5),
        ("another genesis", s.pack([again, *s.events[1:]]), 5),
        ("a word of another thread", s.pack([*s.events, s.buyer.say(again.thread, 3, s.events[3].id)]), 5),
    ]


def forks(s):
    one, two = s.events[4], s.second
    bad = msgspec.structs.replace(two, signature=bytes(64))
    elsewhere = s.seller.say(s.thread, 2, one.id, [s.events[5].id], kind="Other")
    away, too = (remade(half, s.seller.device, t=s.buyer.id) for half in (one, two))
    lone = (s.stranger.say(s.thread, 0), s.stranger.say(s.thread, 0, kind="Other"))
    third = remade(two, s.seller.device, h="0" * 15 + "2")
    return [
        ("a fork", s.pack(forks=[(one, two)]), 0), ("a fork turned round", s.pack(forks=[(two, one)]), 0),
        ("two forks", s.pack(forks=[(one, two), (two, third)]), 0),
        ("a fork of which nothing is in the thread", s.pack(forks=[(two, third)]), 0),
        ("a fork without contents", s.pack(forks=[(bare(one), bare(two))]), 0),
        ("one event twice is no fork", s.pack(forks=[(one, one)]), 10),
        ("two places are no fork", s.pack(forks=[(two, elsewhere)]), 10),
        ("two lives are no fork", s.pack(forks=[(one, remade(two, s.seller.device, i=OTHER_LIFE))]), 10),
        ("two authors are no fork", s.pack(forks=[(s.events[0], s.events[2])]), 10),
        ("a fork that nobody signed", s.pack(forks=[(one, bad)]), 10),
        ("a fork signed by the other member", s.pack(forks=[(one, signed(two, s.buyer.device))]), 10),
        ("a fork of another thread", s.pack(forks=[(away, too)]), 10),
        ("a fork with half of another thread", s.pack(forks=[(one, too)]), 10),
        ("a fork of a stranger", s.pack(forks=[lone]), 10),
        ("two words of a key log that follow each other are no fork", s.pack(forks=[s.buyer.log[:2]]), 10),
        ("nor turned round", s.pack(forks=[s.buyer.log[1::-1]]), 10),
    ]
