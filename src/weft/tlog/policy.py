"""A policy: which logs somebody believes, which witnesses it knows, and how many of them must have seen a checkpoint.

C2SP tlog-policy.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none                            exactly once

Rule 1: a line names only what stands above it, and each name is a member once at most: a witness counts once.
Rule 2: one public key is one log, or one witness, whatever names it has.
Rule 3: names are octets: what looks alike is not the same (they are kept with surrogate escapes).
Rule 4: a cosignature of a known witness that does not hold spoils the checkpoint, even if the others were enough.
Not here: fetching from the URLs, how old a cosignature may be (``Verdict`` has the times).
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from weft.basis.errors import Invalid, Refused
from weft.tlog import checkpoint, cosignature, note
from weft.tlog.checkpoint import Checkpoint
from weft.tlog.note import COSIGNATURE, ED25519, SUBTREE, Note, VerifierKey, parse_vkey

POLICY_BYTES_MAX: Final = 256 * 1024
LOGS_MAX: Final = 64
WITNESSES_MAX: Final = 64
GROUPS_MAX: Final = 64
NONE: Final = "none"
_LOG_KINDS: Final = frozenset({ED25519, SUBTREE})
_WITNESS_KINDS: Final = frozenset({COSIGNATURE, SUBTREE})
_OCTETS: Final = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_THRESHOLD: Final = re.compile(r"[1-9][0-9]{0,3}")


class Group(NamedTuple):
    """Seen by the group is what ``threshold`` of its ``members`` (witnesses or groups) have seen."""

    threshold: int
    members: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """``logs`` and ``witnesses`` with their keys; ``groups`` in an order in which each names only earlier ones."""

    quorum: str
    logs: tuple[VerifierKey, ...] = ()
    witnesses: dict[str, VerifierKey] = {}
    groups: dict[str, Group] = {}
    urls: dict[VerifierKey, str] = {}


class Verdict(NamedTuple):
    """A ``checkpoint`` that holds, and when each of the ``witnesses`` that are known saw it (seconds since 1970)."""

    checkpoint: Checkpoint
    witnesses: dict[str, int]


# ---- reading -------------------------------------------------------------------------------------


def parse(data: bytes) -> Policy:
    """The policy in ``data``.

    Raises ``Invalid``: ``tlog.policy-too-large``, ``tlog.policy-line`` and ``tlog.policy-name`` with the line's number,
    ``tlog.policy-quorum`` when there is not exactly one.
    """
    if len(data) > POLICY_BYTES_MAX:
        raise Invalid("tlog.policy-too-large")
    reader = _Reader()
    for line, octets in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
        if not _OCTETS.fullmatch(octets):
            raise Invalid("tlog.policy-line", line=line)
        words = [word.decode(errors="surrogateescape") for word in octets.replace(b"\t", b" ").split(b" ") if word]
        if words and not words[0].startswith("#"):
            reader.take(line, words)
    return reader.policy()


class _Reader:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.quorum: list[str] = []
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.urls: dict[VerifierKey, str] = {}
        self.grouped: set[str] = set()

    def take(self, line: int, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(self._key(line, vkey, self.logs, _LOG_KINDS))
                self._found_at(self.logs[-1], url)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = self._key(line, vkey, list(self.witnesses.values()), _WITNESS_KINDS)
                self.witnesses[self._fresh(line, name)] = key
                self._found_at(key, url)
            case ["group", name, threshold, *members] if members:
                group = self._group(line, threshold, members)
                self.groups[self._fresh(line, name)] = group
            case ["quorum", name]:
                if name != NONE and not self._known(name):
                    raise Invalid("tlog.policy-name", line=line)
                self.quorum.append(name)
            case _:
                raise Invalid("tlog.policy-line", line=line)
        if len(self.logs) > LOGS_MAX or len(self.witnesses) > WITNESSES_MAX or len(self.groups) > GROUPS_MAX:
            raise Invalid("tlog.policy-too-large")

    def policy(self) -> Policy:
        if len(self.quorum) != 1:
            raise Invalid("tlog.policy-quorum")
        return Policy(self.quorum[0], tuple(self.logs), self.witnesses, self.groups, self.urls)

    def _key(self, line: int, vkey: str, others: Sequence[VerifierKey], kinds: frozenset[int]) -> VerifierKey:
        try:
            key = parse_vkey(vkey)
        except Invalid as error:
            raise Invalid("tlog.policy-line", line=line) from error
        if key.kind not in kinds or any(key.public == other.public for other in others):
            raise Invalid("tlog.policy-line", line=line)
        return key

    def _found_at(self, key: VerifierKey, url: list[str]) -> None:
        if url:
            self.urls[key] = url[0]

    def _group(self, line: int, threshold: str, members: list[str]) -> Group:
        count = {"all": len(members), "any": 1}.get(threshold, 0)
        if not count and _THRESHOLD.fullmatch(threshold):
            count = int(threshold)
        if not 1 <= count <= len(members):
            raise Invalid("tlog.policy-line", line=line)
        for name in members:
            if not self._known(name) or name in self.grouped:
                raise Invalid("tlog.policy-name", line=line)
            self.grouped.add(name)
        return Group(count, tuple(members))

    def _fresh(self, line: int, name: str) -> str:
        if name == NONE or self._known(name):
            raise Invalid("tlog.policy-name", line=line)
        return name

    def _known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups


def encode(policy: Policy) -> bytes:
    """The text of ``policy``, in the order in which it can be read again."""
    def words(*some: str, key: VerifierKey | None = None) -> str:
        url = policy.urls.get(key) if key else None
        return " ".join([*some, *([url] if url else [])])

    lines = [
        *(words("log", note.vkey(key), key=key) for key in policy.logs),
        *(words("witness", name, note.vkey(key), key=key) for name, key in policy.witnesses.items()),
        *(words("group", name, str(group.threshold), *group.members) for name, group in policy.groups.items()),
        words("quorum", policy.quorum)]
    data = "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
    parse(data)
    return data


# ---- judging -------------------------------------------------------------------------------------


def is_met(policy: Policy, seen_by: frozenset[str]) -> bool:
    """Whether the witnesses ``seen_by`` are enough."""
    reached = set(seen_by & policy.witnesses.keys()) | {NONE}
    for name, group in policy.groups.items():  # each names only earlier ones
        if sum(member in reached for member in group.members) >= group.threshold:
            reached.add(name)
    return policy.quorum in reached


def verify(policy: Policy, read: Note, logs: Sequence[VerifierKey] = ()) -> Verdict:
    """The checkpoint in ``read`` and who saw it. ``logs``: logs that are believed besides those of the policy.

    Raises ``Refused('tlog.quorum')``, ``Invalid('tlog.log-unknown')`` and what ``note.verify`` raises.
    """
    # 1. A log that is believed signed it.
    found = checkpoint.verify(read, [*policy.logs, *logs], cosignature.is_signed)
    # 2. Every cosignature of a witness that is known holds.
    names = {key: name for name, key in policy.witnesses.items()}
    signed = {(one.name, one.id) for one in read.signatures}
    known = [key for key in names if (key.name, key.id) in signed]
    by = note.verify(read, known, cosignature.is_signed) if known else {}
    witnesses = {names[key]: cosignature.timestamp_of(one.value) for key, one in by.items()}
    # 3. They are enough.
    if not is_met(policy, frozenset(witnesses)):
        raise Refused("tlog.quorum", seen=len(witnesses), known=len(names))
    return Verdict(found, witnesses)
