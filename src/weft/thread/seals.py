"""Which three words close a thread, of all that could: it lies in the graph alone, whatever the order of reading.

Rule 1: each of the three follows the one before, and nothing that talks lies between; nor a later proposal of the same.
Rule 2: an acceptance that its author has followed by that of a later proposal is gone, unless confirmed in time.
Rule 3: all are looked at in a few walks through the graph: who proposes and confirms thousands of times, to make
        others look at each, has said a few thousand words and no more.
Not here: the words, and what stays of a closed thread (``closing.py``), what counts among them (``closed_fold.py``).
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence

from weft.thread import graph
from weft.thread.closing import QUIET, CloseAccepted, CloseProposed, Seal, Word, seals

Parents = Mapping[str, tuple[str, ...]]


def sealed(entries: Mapping[str, Word], counting: Container[str]) -> Seal | None:
    """The triple that closes the graph ``entries``, of those whose words are all ``counting``."""
    return next((seal for seal, _ in closings(entries)
                 if all(name in counting for name in (seal.proposal, seal.acceptance, seal.closed))), None)


def closings(entries: Mapping[str, Word]) -> Iterator[tuple[Seal, set[str]]]:
    """All triples that could close the graph ``entries``, with all that the last word had seen; the first one does.

    A triple whose confirmation knows the acceptance of another one is the later of the two.
    """
    found = seals(entries.values())
    if not found:
        return
    parents = graph.ordered({name: entry.parents for name, entry in entries.items()})
    valid = [seal for some in graph.handfuls(_first(found, parents)) for seal in _valid(entries, parents, some)]
    for seal in _ranked(valid, parents):
        yield seal, graph.past(parents, [seal.closed])


def _first(found: Sequence[Seal], parents: Parents) -> list[Seal]:
    """Those of ``found`` that follow no other of the same acceptance: who confirms a thousand times says it once."""
    later: set[str] = set()
    for some in graph.handfuls(sorted({seal.acceptance for seal in found})) if len(found) > 1 else ():
        bit = {name: 1 << place for place, name in enumerate(some)}
        here = [seal for seal in found if seal.acceptance in bit]
        over = graph.above(parents, {seal.closed: bit[seal.acceptance] for seal in here})
        later.update(seal.closed for seal in here if any(
            over.get(parent, 0) & bit[seal.acceptance] for parent in parents[seal.closed]))
    return [seal for seal in found if seal.closed not in later]


def _valid(entries: Mapping[str, Word], parents: Parents, some: Sequence[Seal]) -> list[Seal]:
    """Those of ``some`` of which Rules 1 and 2 hold."""
    proposers = graph.bits(entries[seal.proposal].author for seal in some)
    accepters = graph.bits(entries[seal.acceptance].author for seal in some)
    proposals, acceptances = (graph.bits(names) for names in zip(*((one.proposal, one.acceptance) for one in some),
                                                                 strict=True))
    closed = graph.below(parents, graph.bits(seal.closed for seal in some))
    accepted, proposed = graph.below(parents, acceptances), graph.below(parents, proposals)
    followed = graph.above(parents, acceptances)
    bad = 0
    for names, within in ((acceptances, closed), (proposals, accepted)):
        for name, held in names.items():
            bad |= held & ~within.get(name, 0)
    for name, entry in entries.items():
        between = closed.get(name, 0) & ~proposed.get(name, 0)
        if entry.kind not in QUIET:
            bad |= between
        elif isinstance(entry.message, CloseProposed):
            bad |= between & proposers.get(entry.author, 0)
        elif isinstance(entry.message, CloseAccepted):
            other = entries.get(entry.message.proposal)
            if other is not None and isinstance(other.message, CloseProposed):
                bad |= followed.get(name, 0) & ~closed.get(other.id, 0) \
                    & accepters.get(entry.author, 0) & proposers.get(other.author, 0)
    return [seal for place, seal in enumerate(some) if not bad >> place & 1]


def _ranked(valid: Sequence[Seal], parents: Parents) -> list[Seal]:
    """``valid``, those first whose acceptance the fewest others know, and of these the ones that had seen least."""
    if len(valid) < 2:
        return list(valid)
    known, size = Counter[str](), dict[str, int]()
    for some in graph.handfuls(valid):
        closed = graph.below(parents, graph.bits(seal.closed for seal in some))
        own = graph.bits(seal.acceptance for seal in some)
        for seal in valid:
            known[seal.closed] += (closed.get(seal.acceptance, 0) & ~own.get(seal.acceptance, 0)).bit_count()
        counts = graph.counted(closed.values(), len(some))
        size.update((seal.closed, count) for seal, count in zip(some, counts, strict=True))
    return sorted(valid, key=lambda seal: (known[seal.closed], size[seal.closed], seal.closed))
