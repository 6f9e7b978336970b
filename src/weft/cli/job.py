"""``weft job``: the queues of the work centres; report start, pause, count, scrap, end."""

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say, word

_job = click.argument("job")
_reason = click.option("--reason", default="", help=say("cli.option.reason"))


@click.group("job", help=say("cli.job"))
def command() -> None:
    """Jobs."""


@command.command("list", help=say("cli.job.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All jobs by work centre, in the order in which they are to run."""
    view = node.view("jobs")
    rows = [{**job, "job": job["id"], "work_centre": queue["centre"]["id"], "state": word("job.state", job["state"])}
            for queue in view["queues"] for job in queue["jobs"]]
    paper.table(rows, "job work_centre item operation state quantity good scrap due", view)


@command.command("start", help=say("cli.job.start"))
@_job
@click.option("--operator", default="", help=say("cli.job.operator"))
@click.option("--at", "work_centre", default="", help=say("cli.job.at"))
@connected
def start(node: Node, paper: Paper, job: str, operator: str, work_centre: str) -> None:
    """Begin a job."""
    paper.done(node.do("job-start", job=job, operator=operator, work_centre=work_centre))


@command.command("count", help=say("cli.job.count"))
@_job
@click.argument("good")
@click.option("--scrap", default="0", help=say("cli.job.scrapped"))
@connected
def count(node: Node, paper: Paper, job: str, good: str, scrap: str) -> None:
    """Say how many there are so far."""
    paper.done(node.do("job-count", job=job, good=good, scrap=scrap))


@command.command("scrap", help=say("cli.job.scrap"))
@_job
@click.argument("quantity")
@click.argument("reason")
@click.option("--note", default="", help=say("cli.option.note"))
@connected
def scrap(node: Node, paper: Paper, job: str, quantity: str, reason: str, note: str) -> None:
    """Say what was spoilt and why."""
    paper.done(node.do("job-scrap", job=job, quantity=quantity, reason=reason, note=note))


@command.command("end", help=say("cli.job.end"))
@_job
@click.option("--good", default="", help=say("cli.job.good"))
@click.option("--scrap", "scrapped", default="", help=say("cli.job.scrapped"))
@connected
def end(node: Node, paper: Paper, job: str, good: str, scrapped: str) -> None:
    """Say that a job is done."""
    paper.done(node.do("job-end", job=job, good=good, scrap=scrapped))


def _reasoned(word: str) -> None:
    """A word that needs the job and perhaps a reason."""

    @command.command(word, help=say(f"cli.job.{word}"))
    @_job
    @_reason
    @connected
    def said(node: Node, paper: Paper, job: str, reason: str) -> None:
        paper.done(node.do(f"job-{word}", job=job, reason=reason))


for _word in ("pause", "resume", "abort"):
    _reasoned(_word)
