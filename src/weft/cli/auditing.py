"""What the audit of a pack tells: a table of steps, what is wrong, and the verdict in sentences.

Not here: the steps themselves (``thread/audit.py`` for 1 to 10, ``engine/packs.py`` for 11).
"""

from typing import Any

from weft.cli.words import refusal, say
from weft.engine.packs import FOLD, Meaning, meaning
from weft.thread.audit import STEPS, Audit, Fault, audit


def told(data: bytes) -> dict[str, Any]:
    """The verdict on the bytes of a pack, with each step, for programs and for people."""
    found = audit(data)
    folded = meaning(found)
    faults = [*found.faults, *folded.faults]
    checked = {**found.checked, FOLD: folded.checked}
    manifest = found.manifest
    return {
        "sound": found.sound and not folded.faults,
        "thread": manifest.thread if manifest else "",
        "machine": manifest.machine if manifest else "",
        "members": dict(manifest.members) if manifest else {},
        "heads": list(manifest.heads) if manifest else [],
        "steps": [
            {"number": number, "name": name, "kind": say(f"cli.log.step.{name}"), "checked": checked.get(number, 0),
             "problem": sum(fault.step == number for fault in faults) or ""}
            for number, name in enumerate((*STEPS, "fold"), 1)],
        "faults": [_fault(fault) for fault in faults],
        "withheld": found.withheld,
        "gone": found.gone,
        "forks": [{"device": one.header.d, "incarnation": one.header.i, "n": one.header.n} for one, _ in found.forks],
        "state": folded.state,
        "agreed": folded.agreed,
        "disagreed": folded.disagreed,
        "sentences": _sentences(found, folded),
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {"number": fault.step, "row": fault.where, "code": fault.error.code, "facts": fault.error.facts,
            "sentence": refusal(fault.error)}


def _sentences(found: Audit, folded: Meaning) -> list[str]:
    """The verdict: what is proved, and what is not."""
    faults = len(found.faults) + len(folded.faults)
    if faults or found.manifest is None:
        return [say("cli.log.unsound", n=faults)]
    lines = [say("cli.log.sound", events=len(found.events), thread=found.manifest.thread,
                 machine=found.manifest.machine)]
    lines += [f"  {role}: {member}" for member, role in found.manifest.members.items()]
    if found.forks:
        lines.append(say("cli.log.forked", n=len(found.forks)))
    if folded.disagreed:
        lines.append(say("cli.log.disagreed", n=folded.disagreed))
    if found.gone:
        lines.append(say("cli.log.gone", n=found.gone))
    if found.withheld and folded.closed:
        lines.append(say("cli.log.erased", n=found.withheld, state=folded.state))
    elif found.withheld:
        lines.append(say("cli.log.withheld", n=found.withheld))
    elif folded.state:
        lines.append(say("cli.log.state", state=folded.state, n=folded.agreed))
    else:
        lines.append(say("cli.log.not-folded", machine=found.manifest.machine))
    return lines
