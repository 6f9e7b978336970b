"""Making things: bills, routings, work centres, a finite plan, promises, orders and jobs.

API (all pure):
    master     Master and its parts; master_faults and the single checks
    calendar   OpenTime: next_open, add, between, windows
    planning   problem_of(state, now_ms) -> Problem, draft_jobs, job_id
    plan       the plan port (Problem, Plan, Planner); greedy: schedule, insert
    promise    explode(master, ask, stock), purchase_needs, propose -> Offer
    rules      RULES (ISA-95 job states), check, fault, may_say
    book       the conversation production/1
    views      releasable, due_jobs, progress, moved_promises, reservation_of, gantt, traveller
    table      rows of a spreadsheet -> messages and problems
Not here: items and lots (``stock/``), machines (``shopfloor/``), what follows across subjects (``engine/``).
"""
