"""What an import or export found on its way, graded: fixed, kept as it is, lost, or broken.

``fixed``   written in another way than the standard's, understood, and put right
``kept``    against a rule of the standard, taken over as it is
``lost``    not taken over
``broken``  cannot be taken over at all: nothing of the package is
Rule 1: a finding is a code with its place and facts; the sentence for people is ``finding.<code>`` in ``locale/``.
Rule 2: of one kind so many are listed; those beyond are counted, never dropped without a word.
Not here: refusals of a package as such (``Invalid`` with the part and the element).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

Grade = Literal["fixed", "kept", "lost", "broken"]
Note = Callable[[Grade, str, str, int, Mapping[str, str | int]], None]  # grade, code, path, line, facts
LISTED_MAX: Final = 200
PATH_MAX: Final = 400
GRADES: Final[tuple[Grade, ...]] = ("broken", "lost", "kept", "fixed")
# Every code that is used, by its grade; beside them stand the metamodel's own codes (with a dot), "kept" or "broken".
CODES: Final[Mapping[Grade, str]] = {
    "broken": "no-document no-id",
    "lost": "asset-alone attribute empty-specification field-twice formula kept-by-books name-in-list no-id "
            "no-preferred-name no-such-element not-a-flag-at-all not-a-list-at-all not-a-text not-an-object "
            "part-unused properties second-of-one signature spec-missing specification-reference stray-text "
            "twin-twice-different unknown-element unknown-field",
    "kept": "file-missing thumbnail-missing",
    "fixed": "blanks empty-key empty-list empty-reference empty-specification empty-text encoding escaped "
             "file-renamed filled-in language model-type name-backslash name-characters namespace namespace-mixed "
             "no-asset-kind no-content-types no-environment no-list-type no-list-value-type no-origin "
             "no-specification-reference no-value-type not-a-flag not-a-list not-text null old-name older older-event "
             "part-twice preferred-name reference-for-text reference-type relationship-type schema-location "
             "specification-name spelling target-backslash target-from-root target-mode text-cut thumbnail "
             "twin-twice word-kept",
}


class Finding(msgspec.Struct, frozen=True):
    """One thing found: in which part of the package, at which line and path in it (0 and "" where there is none)."""

    grade: Grade
    code: str
    part: str = ""
    line: int = 0
    path: str = ""
    facts: Mapping[str, str | int] = {}


class Report(msgspec.Struct, frozen=True):
    """All findings, the gravest first; ``totals`` by grade, ``more`` by code: those that are not listed."""

    findings: list[Finding]
    totals: Mapping[str, int]
    more: Mapping[str, int]


class Findings:
    """Collects findings."""

    def __init__(self) -> None:
        self._listed: dict[tuple[Grade, str], list[Finding]] = {}
        self._counted: Counter[tuple[Grade, str]] = Counter()

    def add(self, finding: Finding) -> None:
        """One more."""
        kind = (finding.grade, finding.code)
        self._counted[kind] += 1
        if self._counted[kind] <= LISTED_MAX:
            if len(finding.path) > PATH_MAX:
                finding = msgspec.structs.replace(finding, path=finding.path[:PATH_MAX] + "…")
            self._listed.setdefault(kind, []).append(finding)

    def note(self, part: str) -> Note:
        """A function that adds what is found in ``part``."""
        def noted(grade: Grade, code: str, path: str, line: int, facts: Mapping[str, str | int]) -> None:
            self.add(Finding(grade, code, part, line, path, facts))
        return noted

    def total(self, grade: Grade) -> int:
        """How many there are of ``grade``."""
        return sum(count for (one, _), count in self._counted.items() if one == grade)

    def report(self) -> Report:
        """What there is to tell."""
        listed = [finding for grade in GRADES for (one, _), found in self._listed.items() if one == grade
                  for finding in found]
        more = {code: count - LISTED_MAX for (_, code), count in self._counted.items() if count > LISTED_MAX}
        return Report(listed, {grade: self.total(grade) for grade in GRADES}, more)
