"""Whose words count: packs that are sound, and which of their words are void by the keys of their authors.

``void`` of a case are those words and why (``src/weft/thread/standing.py``); without it only ``step`` is expected.
"""

import msgspec

from tests.thread.firms import LIFE, signed
from tests.vectors.packs import Keys, bare, over
from tests.vectors.story import ID, OTHER_LIFE, remade
from weft.basis import canonical
from weft.identity import keylog

GONE = "event.revoked-device"


class Ends:
    """A pack of the story whose buyer has revoked its device, with words that tell of it."""

    def __init__(self):
        self.keys = Keys()
        self.story, self.firm = self.keys.story, self.keys.firm
        self.device, self.thread = self.firm.device.public, self.story.thread
        self.here, self.there = f"{self.thread}/{LIFE}", f"{self.thread}/{OTHER_LIFE}"
        begun, asked, _, self.ordered, _, self.restored, self.last = self.story.events
        self.all = [(one, GONE) for one in (begun, asked, self.ordered, self.restored)]
        self.whole = self.revoked()

    def revoked(self, after=None, **fields):
        place = (after.id,) if after else ()
        message = keylog.DeviceRevocation(device=self.device, **fields)
        return self.keys.more(message, *place, **({"n": 3, "p": after.id} if after else {}))

    def told(self, key_event=None, *, named=None):
        """The seller says that it has read the buyer's key log up to ``key_event``."""
        names = {self.firm.id: key_event.id} if named is None else named
        return self.story.seller.say(self.thread, 3, self.last.id, kind="KeysSeen",
                                     content=canonical.encode({"keys": names}))

    def delegated(self, scope, after=None):
        message = keylog.DeviceDelegation(device=self.keys.till.public, scope=scope)
        return self.keys.more(message, *((after.id,) if after else ()), **({"n": 3, "p": after.id} if after else {}))

    def by_till(self, kind, ks):
        word = self.story.buyer.say(self.thread, 0, None, [self.last.id], kind=kind, d=self.keys.till.public, ks=ks.id)
        return signed(word, self.keys.till)

    def case(self, name, void, *key_events, more=(), step=0):
        data = self.keys.pack(*key_events, events=[*self.story.events, *more])
        return name, data, step, {one.id: code for one, code in void}


def standing():
    e = Ends()
    cases = [*places(e), *tellings(e), *scopes(e)]
    forks = key_log_forks(e.keys)
    made = over(e.keys.pack(), [*((name, data, step) for name, data, step, _ in cases), *forks])
    for one, (_, _, step, void) in zip(made["cases"], cases, strict=False):
        if step == 0:
            one["void"] = void
    return made


def places(e):
    """Up to where the device counts."""
    def hidden(n, life=LIFE, thread=e.thread, device=e.device):
        return keylog.hidden_place(thread, device, life, n)

    full, part = e.revoked(valid={e.here: 2, e.there: 0}), e.revoked(valid={e.here: 1, e.there: 0})
    same = e.revoked(hidden=sorted([hidden(1), "A" * 22, "x", hidden(0, OTHER_LIFE)]))
    twice = e.revoked(hidden=[hidden(0), hidden(1)], valid={e.here: 0})
    foreign = e.revoked(hidden=[hidden(9, thread=e.firm.id), hidden(9, device=e.keys.till.public), hidden(9)[:21]])
    again, adds = e.revoked(e.whole, valid={e.here: 2}), e.revoked(part, valid={e.there: 0}, adds=True)
    adding = e.revoked(same, hidden=[hidden(2)], adds=True)
    return [
        e.case("revoked altogether, and told", e.all, e.whole, more=[e.told(e.whole)]),
        e.case("revoked, all counts", [], full, more=[e.told(full)]),
        e.case("the last of the first life counts no more", [(e.ordered, GONE)], part, more=[e.told(part)]),
        e.case("the same, hidden", [(e.ordered, GONE)], same, more=[e.told(same)]),
        e.case("named twice, the farther counts", [(e.ordered, GONE), (e.restored, GONE)], twice, more=[e.told(twice)]),
        e.case("hidden places of another thread, device, or length", e.all, foreign, more=[e.told(foreign)]),
        e.case("revoked again, told of the first", e.all, e.whole, again, more=[e.told(e.whole)]),
        e.case("revoked again, told of it", [(e.restored, GONE)], e.whole, again, more=[e.told(again)]),
        e.case("revoked again, which adds", [(e.ordered, GONE)], part, adds, more=[e.told(adds)]),
        e.case("revoked again, which adds a hidden place", [], same, adding, more=[e.told(adding)]),
    ]


def tellings(e):
    """Who tells of the revocation."""
    retired = e.delegated("line", e.whole)
    word = e.by_till("Sell", retired)
    return [
        e.case("nothing is revoked", []), e.case("revoked, but nobody here has told of it", [], e.whole),
        e.case("told of an earlier key event only", [], e.whole, more=[e.told(e.firm.log[1])]),
        e.case("told of nothing", [], e.whole, more=[e.told(named={})]),
        e.case("told of by the header of another device", [*e.all, (word, "event.out-of-scope")], e.whole, retired,
               more=[word]),
        e.case("a key event that is not there", [], e.whole, step=6, more=[e.told(named={e.firm.id: ID[:43]})]),
        e.case("a key event of the other member", [], e.whole, step=6,
               more=[e.told(named={e.story.seller.id: e.whole.id})]),
        e.case("a key event of a stranger", [], e.whole, step=6,
               more=[e.told(named={e.story.stranger.id: e.story.stranger.log[0].id})]),
    ]


def scopes(e):
    """What a till may say, where a machine is read for its name alone."""
    found = []
    for scope in ("till", "line", "node"):
        delegated = e.delegated(scope)
        for kind in ("Sell", "Ack", "DespatchAdvice"):
            word = e.by_till(kind, delegated)
            void = [(word, "event.out-of-scope")] if scope == "till" or (scope == "line" and kind != "Ack") else []
            found.append(e.case(f"a {scope} says {kind}", void, delegated, more=[word]))
    return found


def key_log_forks(k):
    """Two events that continue a member's key log from one place."""
    def pack(one, two, *more):
        return k.story.pack(keys=[*k.firm.log, *more, *k.story.seller.log], forks=[(one, two)])

    first, second = k.firm.log
    till = k.more(keylog.DeviceDelegation(device=k.till.public, scope="till"))
    line = k.more(keylog.DeviceDelegation(device=k.till.public, scope="line"))
    rotated, other = k.rotation(), k.rotation(n=0, i=OTHER_LIFE)
    stolen = remade(line, k.firm.device, d=k.firm.device.public, n=0, p=None, x=[second.id])
    return [
        ("a fork of a key log", pack(till, line), 0), ("one half of it is in the log", pack(till, line, till), 0),
        ("neither half of it is in the log, which goes on otherwise", pack(till, line, rotated), 0),
        ("two rotations at one place", pack(rotated, other), 0),
        ("two rotations, one of them in the log", pack(other, rotated, rotated), 0),
        ("a rotation and a delegation", pack(rotated, till), 0),
        ("the same event of a key log twice", pack(till, till), 10),
        ("two key events above different places", pack(till, remade(line, k.firm.first, p=first.id, n=1)), 10),
        ("two key events above nothing", pack(first, remade(first, k.firm.first, h="1" * 16)), 10),
        ("a half by a device", pack(till, stolen), 10), ("a half without its contents", pack(rotated, bare(other)), 10),
        ("a half with another's signature", pack(till, msgspec.structs.replace(line, signature=till.signature)), 10),
        ("a half by a key not in force", pack(rotated, k.rotation(k.firm.first)), 10),
        ("a half of another machine", pack(till, remade(line, k.firm.first, m="keylog/2")), 10),
        ("above a place that the log does not have",
         pack(*(remade(one, k.firm.first, p=till.id, n=3) for one in (till, line))), 10),
    ]
