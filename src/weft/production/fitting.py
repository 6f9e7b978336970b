"""Set-up families: how long a work centre is set up for a job, by what stood on it before.

Rule 1: the nearest word counts: what the work centre says of the two families, else nothing within a family, else the
        job's own set-up, else what changing over takes at this work centre at all.
Rule 2: where nobody knows what stood there before, changing over is counted in full.
Not here: the same rule for a job that really starts (``master.changeover_s``), placing jobs (``greedy.py``).
"""

from weft.production.plan import PlanCentre, PlanJob


class Fitting:
    """Set-up times at one work centre."""

    __slots__ = ("_default", "_pairs", "fitted")

    def __init__(self, centre: PlanCentre) -> None:
        self._pairs = {(before, after): ms for before, after, ms in centre.changeovers}
        self._default = centre.changeover_ms
        self.fitted = centre.fitted

    def ms(self, before: str, family: str, own_ms: int) -> int:
        """Milliseconds of set-up for ``family`` after ``before``; ``own_ms`` is what the job itself names."""
        if not family:
            return own_ms
        pair = self._pairs.get((before, family))
        if pair is not None:
            return pair
        if before == family:
            return 0
        return own_ms or self._default

    def of(self, before: str, job: PlanJob) -> int:
        """The same for ``job``; one that runs is set up."""
        return 0 if job.stage == "running" else self.ms(before, job.family, job.setup_ms)

    def most(self, job: PlanJob) -> int:
        """The longest set-up that ``job`` can have here."""
        told = [ms for (_, after), ms in self._pairs.items() if after == job.family]
        return max([self.of("", job), *told]) if job.family else self.of("", job)

    def least(self, job: PlanJob) -> int:
        """The shortest set-up that ``job`` can have here."""
        told = [ms for (_, after), ms in self._pairs.items() if after == job.family]
        return min([self.of(job.family, job), *told]) if job.family else self.of("", job)
