"""`seedscope jobs`, `logs` and `stop`: what was submitted to a Ray cluster."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer

from seedscope.jobs.commands.options import DASHBOARD, Dashboard, Json
from seedscope.jobs.console import out

Job = Annotated[str, typer.Argument(metavar="JOB", help="As `seedscope jobs` names it.", show_default=False)]


def list_jobs(address: Dashboard = DASHBOARD, as_json: Json = False) -> None:
    """List the studies that were submitted to a Ray cluster, oldest first.

    Example: seedscope jobs --address http://head:8265
    """
    from seedscope.jobs.submit.ray_jobs import RayJobs

    rows = [
        {
            "job": job.submission_id,
            "study": (job.metadata or {}).get("seedscope"),
            "status": str(job.status),
            "started": _time(job.start_time),
            "ended": _time(job.end_time),
            "out": (job.metadata or {}).get("out"),
        }
        for job in RayJobs(address).jobs()
    ]
    if as_json:
        print(json.dumps(rows))
        return
    if not rows:
        out.print(f"No study was submitted to {address} so far.", soft_wrap=True)
    for row in rows:  # a name that a person may copy is never cut, and stands at the start of its line
        out.print(row["job"], soft_wrap=True)
        out.print(f"  {', '.join(_describe(row))}", soft_wrap=True)


def show_log(
    job: Job,
    address: Dashboard = DASHBOARD,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends.")] = False,
) -> None:
    """Print what a job has printed.

    Example: seedscope logs seedscope-demo-1a2b3c4d-1 --follow
    """
    from seedscope.jobs.submit.ray_jobs import RayJobs

    cluster = RayJobs(address)
    if follow:
        cluster.follow(job, lambda text: print(text, end="", flush=True))
    else:
        print(cluster.log(job), end="")


def stop_job(job: Job, address: Dashboard = DASHBOARD) -> None:
    """Stop a job. What is published is safe; submit the study again to go on.

    Example: seedscope stop seedscope-demo-1a2b3c4d-1
    """
    from seedscope.jobs.submit.ray_jobs import RayJobs

    status = RayJobs(address).stop(job)
    words = (
        "is stopped. Submit the study again to go on" if status == "STOPPED" else f"had ended before: {status.lower()}"
    )
    out.print(f"{job} {words}.", soft_wrap=True)


def _describe(job: Mapping[str, str | None]) -> Iterator[str]:
    yield f"{job['study'] or 'no study of seedscope'}: {str(job['status']).lower()}"
    if job["started"]:
        yield f"begun {job['started']}"
    if job["ended"]:
        yield f"ended {job['ended']}"
    if job["out"]:
        yield f"run in {job['out']}"


def _time(milliseconds: int | None) -> str | None:
    return (
        None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
    )
