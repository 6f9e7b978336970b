"""What a machine is, what may be written to it, and which of its changes are facts.

API (all pure):
    connection   Value, Quality, Capability, Link, BrowsedNode, AssetConnection (the port to a machine)
    description  parse(td) -> Description, parse_text(text), template(td, placeholders), Property, Action, Role
    guard        check(property, value, current, elapsed_ms) -> device value, or raises Refused
    jobcontrol   JobOrder, JobState, loading, may_start, starting, judge_load, judge_start, Verdict
    binding      Tracking, resume, observe, observe_all, lost, restored (values -> facts)
    facts        JobStarted, JobCounted, JobPaused, JobResumed, JobEnded, JobAborted, MachineAlarmed, ...
    book         the conversation floor/1 (machines, commands and their one outcome, facts)
Not here: talking to devices (``machines/``), plans (``production/``).
"""
