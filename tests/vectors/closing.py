"""Closed threads as packs: erased and pruned ones that prove what lasts, and some whose closing is forged or absent."""

import json

import msgspec

from tests.thread.firms import Firm, signed
from tests.vectors.packs import bare, over
from tests.vectors.story import ID, OTHER_LIFE, Story, remade
from weft.basis import canonical
from weft.basis.canonical import b64, digest
from weft.identity.keys import Signer
from weft.thread import graph

LASTING = {"lines": {"1": {"received": "20"}}, "phase": "closed"}


def hashed(lasting):
    return b64(digest("closing/1", canonical.encode(lasting)))


class Closed:
    """The story, closed: the buyer proposes, the seller accepts; then a request to erase, and both receipts."""

    def __init__(self):
        self.story = Story()
        self.thread, self.buyer, self.seller = self.story.thread, self.story.buyer, self.story.seller
        self.begun, self.asked, self.offered, self.ordered, self.sent, self.restored, self.last = self.story.events
        self.words = self.closed()
        self.said = self.after(*self.words)

    def say(self, firm, n, p, x, kind, content):
        raw = content if isinstance(content, bytes) else canonical.encode(content)
        return firm.say(self.thread, n, p.id, [one.id for one in x], kind=kind, content=raw)

    def closed(self, proposal=None, acceptance=None, confirmation=None, *, over=None):
        """The three words, with other contents where given."""
        state = hashed(LASTING)
        proposed = self.say(self.buyer, 3, self.ordered, [self.last], "CloseProposed",
                            proposal or {"lasting": LASTING, "state": state})
        accepted = self.say(self.seller, 3, self.last, [proposed], "CloseAccepted",
                            {"proposal": proposed.id, "state": state} | (acceptance or {}))
        confirmed = self.say(self.buyer, 4, proposed, [accepted] if over is None else over, "ThreadClosed",
                             {"acceptance": accepted.id, "state": state} | (confirmation or {}))
        return [proposed, accepted, confirmed]

    def after(self, proposed, accepted, confirmed):
        asked = self.say(self.seller, 4, accepted, [confirmed], "ErasureRequested", {"reason": "contract-ended"})
        gone = self.say(self.buyer, 5, confirmed, [asked], "PayloadErased", {"request": asked.id})
        too = self.say(self.seller, 5, asked, [gone], "PayloadErased", {"request": asked.id})
        return [asked, gone, too, self.say(self.seller, 6, too, [], "ThreadPruned", {})]

    def pack(self, events, **claims):
        """A pack of ``events``, pruned unless ``claims`` say otherwise."""
        claims = {"pruned": True} | claims
        return self.story.pack(events, **{name: value for name, value in claims.items() if value is not ...})

    def pruned(self, words=None, more=(), said=None, **claims):
        """The pack of the pruned thread, with other closing words or more events of before."""
        said = (self.said if words is None else []) if said is None else said
        words = self.words if words is None else words
        kept = [self.begun, *more, bare(self.restored), *words, *said]
        heads = graph.heads({one.id: one.parents for one in [*words, *said]})
        return self.pack(kept, **({"heads": heads} | claims))


def everything():
    c = Closed()
    return over(c.pruned(), [*erased(c), *pruned(c), *left_out(c), *forged(c), *malformed(c), *beside(c)])


def erased(c):
    whole = [*c.story.events, *c.words, *c.said]
    less = [*map(bare, c.story.events), *c.words, *c.said]
    salted = json.loads(c.pack(whole, pruned=...).decode().split("\n")[6])["event"]["b"]["0"]
    lines = c.pack(less, pruned=...).decode().split("\n")
    envelope = json.loads(lines[6])["event"]

    def told(**changes):
        return "\n".join([*lines[:6], canonical.encode({"event": envelope | changes}).decode(), *lines[7:]]).encode()

    return [
        ("closed", c.pack(whole, pruned=...), 0),
        ("erased", c.pack(less, pruned=...), 0),
        ("erased, one paper is shown again", told(b={"0": salted}), 0),
        ("erased, another paper is shown", told(b={"0": [salted[0], salted[1].replace("20", "21")]}), 3),
        ("erased, a paper without its salt", told(b={"0": [b64(bytes(32)), salted[1]]}), 3),
        ("erased, a signature is gone too", told(g=""), 6),
        ("erased, an event is gone too", c.pack([less[0], *less[2:]], pruned=...), 7),
        ("erased, the closing words too", c.pack([*map(bare, whole)], pruned=...), 0),
        ("closed without a confirmation", c.pack([*c.story.events, *c.words[:2]], pruned=...), 0),
    ]


def pruned(c):
    whole = [*c.story.events, *c.words, *c.said]
    return [
        ("pruned", c.pruned(), 0),
        ("pruned, some of before is left", c.pruned(more=[c.offered, bare(c.ordered)]), 0),
        ("pruned, but nothing is gone", c.pack(whole), 0),
        ("pruned just now", c.pruned(said=[]), 0),
        ("pruned, and does not say so", c.pruned(pruned=...), 7),
        ("pruned: no", c.pruned(pruned=False), 1), ("pruned: 1", c.pruned(pruned=1), 1),
        ("pruned: a text", c.pruned(pruned="true"), 1), ("pruned: null", c.pruned(pruned=None), 1),
        ("pruned, the end of a life among its heads", c.pruned(heads=sorted([c.said[-1].id, c.restored.id])), 9),
        ("pruned, no heads", c.pruned(heads=[]), 9), ("pruned, an earlier head", c.pruned(heads=[c.said[1].id]), 9),
        ("pruned, a paper shown", c.pack([c.begun, c.restored, *c.words, *c.said], heads=[c.said[-1].id]), 0),
    ]


def left_out(c):
    proposed, accepted, confirmed = c.words
    asked, gone, too, last = c.said
    other = remade(c.asked, c.buyer.device, y="Asked")
    return [
        ("no genesis", c.pack([c.restored, *c.words, *c.said], heads=[last.id]), 5),
        ("no proposal", c.pruned([accepted, confirmed], said=c.said), 7),
        ("no acceptance", c.pruned([proposed, confirmed], said=c.said), 7),
        ("no confirmation", c.pruned([proposed, accepted], said=c.said), 7),
        ("no closing word", c.pruned([], said=c.said), 7),
        ("never closed", c.pack([c.begun, c.restored]), 7),
        *((f"{name} without its contents", c.pruned([bare(one) if one is word else one for one in c.words]), 7)
          for name, word in (("a proposal", proposed), ("an acceptance", accepted), ("a confirmation", confirmed))),
        ("a gap after the closing", c.pruned(said=[gone, too, last]), 7),
        ("a parent missing after the closing", c.pruned(said=[asked, too, last]), 8),
        ("turned round after the closing", c.pruned(said=[asked, too, gone, last]), 8),
        ("two words at one place before it", c.pruned(more=[c.asked, other]), 7),
        ("before it, turned round", c.pruned(more=[c.ordered, c.asked]), 7),
        ("before it, another previous without a gap",
         c.pruned(more=[remade(c.asked, c.buyer.device, p=ID[:43])]), 7),
        ("before it, a life that begins late", c.pruned(more=[c.sent]), 0),
    ]


def forged(c):
    state, other = hashed(LASTING), {"phase": "cancelled"}
    proposed, accepted, confirmed = c.words
    alone = c.say(c.buyer, 4, proposed, [], "CloseAccepted", {"proposal": proposed.id, "state": state})
    end = c.say(c.buyer, 5, alone, [], "ThreadClosed", {"acceptance": alone.id, "state": state})
    theirs = c.say(c.seller, 4, accepted, [], "ThreadClosed", {"acceptance": accepted.id, "state": state})
    stranger = Firm(3)
    strange = stranger.say(c.thread, 0, None, [proposed.id], kind="CloseAccepted",
                           content=canonical.encode({"proposal": proposed.id, "state": state}))
    by_stranger = c.say(c.buyer, 4, proposed, [strange], "ThreadClosed", {"acceptance": strange.id, "state": state})
    swapped = remade(accepted, c.buyer.device)
    return [
        ("a hash of another state", c.pruned(c.closed({"lasting": LASTING, "state": hashed(other)})), 7),
        ("another state under the agreed hash", c.pruned(c.closed({"lasting": other, "state": state})), 7),
        ("another state with its hash, not the one that was accepted",
         c.pruned(c.closed({"lasting": other, "state": hashed(other)})), 7),
        ("an acceptance of another state", c.pruned(c.closed(acceptance={"state": hashed(other)})), 7),
        ("a confirmation of another state", c.pruned(c.closed(confirmation={"state": hashed(other)})), 7),
        ("an acceptance of another proposal", c.pruned(c.closed(acceptance={"proposal": c.asked.id})), 7),
        ("a confirmation of another acceptance", c.pruned(c.closed(confirmation={"acceptance": c.last.id})), 7),
        ("a confirmation of the proposal", c.pruned(c.closed(confirmation={"acceptance": proposed.id})), 7),
        ("a confirmation by who has not read the acceptance", c.pruned(c.closed(over=[])), 7),
        ("accepted by who has proposed", c.pruned([proposed, alone, end]), 7),
        ("confirmed by who has accepted", c.pruned([proposed, accepted, theirs]), 7),
        ("accepted by a stranger", c.pruned([proposed, strange, by_stranger]), 6),
        ("accepted in the other member's name", c.pruned([proposed, swapped, confirmed]), 6),
        ("accepted by a device of nobody",
         c.pruned([proposed, signed(accepted, Signer(b"nobody" + bytes(26))), confirmed]), 6),
        ("a confirmation without signature",
         c.pruned([proposed, accepted, msgspec.structs.replace(confirmed, signature=b"")]), 6),
        ("words of closing that are called otherwise", c.pruned(
            [remade(proposed, c.buyer.device, y="Proposed"), accepted, confirmed]), 7),
    ]


def malformed(c):
    state = hashed(LASTING)
    text = canonical.encode({"lasting": LASTING, "state": state}).decode()
    deep = '{"a":' * 40 + "1" + "}" * 40

    def proposal(content):
        return c.pruned(c.closed(content.encode()))

    lasting = canonical.encode(LASTING).decode()
    return [
        ("a proposal with a field of later versions", proposal(text[:-1] + ',"why":"done"}'), 0),
        ("a proposal that names void words", proposal(text[:-1] + ',"void":{"a":"order.late"}}'), 0),
        ("void words that are numbers", proposal(text[:-1] + ',"void":{"a":1}}'), 7),
        ("void words: null", proposal(text[:-1] + ',"void":null}'), 7),
        ("a proposal with a blank", proposal(text.replace(":", ": ", 1)), 7),
        ("a proposal turned round", proposal(f'{{"state":"{state}","lasting":{lasting}}}'), 7),
        ("a lasting state with a fraction", proposal(text.replace('"20"', "2.5")), 7),
        ("a lasting state with a number too large", proposal(text.replace('"20"', "9007199254740992")), 7),
        ("a lasting state with a foreign key", proposal(text.replace('"1"', '"é"')), 7),
        ("a lasting state too deep", proposal(text.replace(lasting, deep)), 7),
        ("a lasting state as a list", proposal(text.replace(lasting, "[]")), 7),
        ("no lasting state", proposal(f'{{"state":"{state}"}}'), 7),
        ("a proposal that is a text", proposal('"closed"'), 7),
        ("no state in an acceptance", c.pruned(c.closed(acceptance={"state": None})), 7),
        ("a confirmation that names a number", c.pruned(c.closed(confirmation={"acceptance": 1})), 7),
    ]


def beside(c):
    """Words that the closing has not seen: void to who knows the machine, and no fault of the pack."""
    late = c.buyer.say(c.thread, 1, c.restored.id, [c.sent.id], kind="Late", i=OTHER_LIFE)
    again = c.say(c.buyer, 5, c.words[2], [], "ThreadClosed",
                  {"acceptance": c.words[1].id, "state": hashed(LASTING)})
    unread = c.buyer.say(c.thread, 1, c.restored.id, kind="ThreadClosed", i=OTHER_LIFE, content=canonical.encode(
        {"acceptance": c.words[1].id, "state": hashed(LASTING)}))
    return [
        ("a word beside the closing whose parents are gone", c.pruned(more=[late]), 7),
        ("the same, after the end of its life",
         c.pack([c.begun, c.restored, late, *c.words, *c.said], heads=[c.said[-1].id]), 0),
        ("a second confirmation", c.pruned(said=[again]), 0),
        ("a confirmation besides by who had not read the acceptance",
         c.pack([c.begun, c.restored, unread, *c.words, *c.said], heads=[c.said[-1].id]), 0),
        ("a word after all", c.pruned(said=[*c.said, c.say(c.buyer, 6, c.said[1], [c.said[3]], "Note", {})]), 0),
    ]
