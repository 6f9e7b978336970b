"""Folding a thread that may be closed: what closed it is read first, with what counted by then; all else is void.

Rule 1: only three words that lie in the graph as ``closing.py`` says close: no order of reading does, nor undoes it.
Rule 2: up to its closing a word counts by what had been told of keys by then: a later revocation opens nothing again,
        for what was said in between may be erased already.
Not here: which words close (``seals.py``), the order of reading (``linear.py``), whose words count (``standing.py``).
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from weft.basis.decider import Conversation, Crossing
from weft.thread import closing, fold, seals
from weft.thread.linear import linear

Faults = Callable[[Iterable[Any]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Fit:
    """How entries are folded: by which conversation, from which state; whether some are erased, or dropped.

    ``faults``: which of some words do not count, whatever they say, when nothing but these was said, and why.
    """

    conversation: Conversation
    begin: Any
    bare: bool = False
    pruned: bool = False
    faults: Faults = lambda _words: {}


def folded(fit: Fit, entries: Sequence[closing.Word], nodes: Sequence[fold.Node]) -> fold.Folded:
    """The fold of ``nodes``, made of ``entries``: what closed a thread comes first, and all else is void.

    Up to its closing a word counts by what had been told of keys by then: what is told later opens nothing again.
    """
    faults = fit.faults(entries)
    if not closing.is_done(fit.begin):
        result, inside = _closed(fit, entries, nodes)
        if not inside:
            return _open(fit, nodes, faults, result.read)
    else:
        result, inside = fold.Folded(fit.begin), set[str]()
    result.read += len(nodes)
    rest = {node.said.id: _heard(node, faults) for node in nodes if node.said.id not in inside}
    for name in linear(rest, lambda _left, _right: Crossing.EITHER):
        fold.extend(fit.conversation, result, rest[name].said)
    beside = _of_erasing(nodes) if fit.pruned else []  # of a thief, whether it was said before or after
    result.void.update((name, code) for name, code in faults.items() if name in rest or name in beside)
    return result


def _heard(node: fold.Node, faults: Container[str]) -> fold.Node:
    """``node``, saying nothing if it is among ``faults``."""
    return replace(node, said=msgspec.structs.replace(node.said, message=None)) if node.said.id in faults else node


def _open(fit: Fit, nodes: Sequence[fold.Node], faults: Mapping[str, str], read: int) -> fold.Folded:
    """The fold of a thread that nothing closes: a word that says so, in whatever order it is read, does not.

    ``read``: how many words were read to know that.
    """
    early = {node.said.id: "close.no-acceptance" for node in nodes
             if isinstance(node.said.message, closing.ThreadClosed)}
    mute = {**early, **faults}
    result = fold.fold(fit.conversation, [_heard(node, mute) for node in nodes], fit.begin)
    result.void.update(mute)
    result.read = read + len(nodes)
    return result


def _closed(
    fit: Fit, entries: Sequence[closing.Word], nodes: Sequence[fold.Node]
) -> tuple[fold.Folded, set[str]]:
    """The fold up to what closes the thread, and what lies below that: nothing, if nothing closes it."""
    by_id, read = {entry.id: entry for entry in entries}, 0
    for seal, inside in _pruned(by_id) if fit.pruned else seals.closings(by_id):
        below = [node for node in nodes if node.said.id in inside]
        faults = {} if fit.pruned else fit.faults([by_id[node.said.id] for node in below])
        if not faults.keys().isdisjoint((seal.proposal, seal.acceptance, seal.closed)):
            read += len(below)
            continue
        result = fold.Folded(fit.begin, [node.said.id for node in below]) if fit.pruned \
            else fold.fold(fit.conversation, [_heard(node, faults) for node in below], fit.begin)
        result.void.update(faults)
        if fit.bare or fit.pruned:
            early = {} if fit.pruned else dict.fromkeys(_of_erasing(below), "thread.open")
            result.state, result.void = closing.lasted(fit.conversation, seal), {**seal.said.void, **early, **faults}
        if closing.is_done(result.state):
            result.read = read
            return result, inside
        read += len(below)
    return fold.Folded(fit.begin, read=read), set()


def _of_erasing(nodes: Iterable[fold.Node]) -> list[str]:
    """Ids of those ``nodes`` that speak of erasing: it may be said in a closed thread only."""
    return [node.said.id for node in nodes if type(node.said.message).__name__ in closing.WORDS
            and not isinstance(node.said.message, closing.CLOSING)]


def _pruned(entries: Mapping[str, closing.Word]) -> list[tuple[closing.Seal, set[str]]]:
    """What closed a thread of which little is left, and all that lies below it."""
    seal = closing.left(entries)
    return [] if seal is None else [
        (seal, (set(entries) - closing.above(entries, seal)) | {seal.acceptance, seal.closed})]
