"""The Jobs API of a Ray cluster: submit, follow, list, stop."""

import asyncio
import logging
import os
import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seedscope.jobs.submit.submission import Submission
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

LARGEST_BUNDLE = 100 * 2**20
AGENT_WITHIN_SECONDS = 60.0
STOPS_WITHIN_SECONDS = 30.0
# Loggers that set their own level when they are imported.
_TALKATIVE = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)
# The client takes RAY_ADDRESS before its argument, and this variable before both; it has no other way to be told.
_ADDRESS = "RAY_API_SERVER_ADDRESS"
NOT_FOUND_BY_SHELL = "exit code 127"


@dataclass(frozen=True)
class Submitted:
    """A job on the cluster; `before` is the state in which it was found, None if it was submitted just now."""

    job: str
    before: str | None = None
    other_version: bool = False


class RayJobs:
    """The jobs of the cluster whose dashboard answers at an address.

    Args:
        address: `http://HOST:8265`, or `HOST:8265`.

    Raises:
        UserError: nobody answers there, it is no Ray dashboard, or the token is missing or wrong.
    """

    def __init__(self, address: str) -> None:
        self.address = address if "://" in address else f"http://{address}"
        self._token = _token()
        try:
            import aiohttp  # noqa: F401  (of ray[default]; plain Ray is told from it)
        except ImportError:
            raise UserError(_NO_CLIENT) from None
        with self._told():
            self._client = self._connect()

    def _connect(self) -> "JobSubmissionClient":
        from ray.job_submission import JobSubmissionClient

        place = urlsplit(self.address)
        if place.scheme not in ("http", "https") or not place.hostname:
            raise UserError(
                f"--address {self.address}: jobs go to the dashboard of the head node: http://HOST:8265, not to Ray's own port."
            )
        # Knock first: the client has no time limit.
        port = place.port or (443 if place.scheme == "https" else 80)
        socket.create_connection((place.hostname, port), timeout=10).close()
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else None
        with _environment(_ADDRESS, self.address):
            return JobSubmissionClient(self.address, headers=headers)

    def submit(self, submission: Submission, runtime_env: dict[str, Any], *, again: bool = False) -> Submitted:
        """Submit a study, unless it runs already, or has finished as it is (`again`: even then).

        The job is named after study and run folder, with a number for each attempt.
        """
        submission.bundle.refuse_uninvited()
        fingerprint = submission.bundle.fingerprint()
        attempts = self._attempts(submission.name)
        if attempts:
            last = attempts[max(attempts)]
            same = (last.metadata or {}).get("fingerprint") == fingerprint
            if not last.status.is_terminal() or (last.status == "SUCCEEDED" and same and not again):
                return Submitted(str(last.submission_id), str(last.status), not same)
        submission.bundle.refuse_above(LARGEST_BUNDLE, "a Ray job")
        job = f"{submission.name}-{max(attempts, default=0) + 1}"
        metadata = {"seedscope": submission.bundle.name, "out": submission.out, "fingerprint": fingerprint}
        with tempfile.TemporaryDirectory() as folder, self._told():
            submission.bundle.write(Path(folder))
            self._submit(
                entrypoint=submission.run(submission.bundle.study, "auto"),
                submission_id=job,
                runtime_env={**runtime_env, "working_dir": folder},
                metadata=metadata,
            )
        return Submitted(job)

    def _submit(self, **job: Any) -> None:
        """Submit a job; a cluster that has just started has no agent yet to run it, and gets the time for that."""
        until = time.monotonic() + AGENT_WITHIN_SECONDS
        while True:
            try:
                self._client.submit_job(**job)
                return
            except RuntimeError as error:
                if "No available agent" not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(1)

    def _attempts(self, name: str) -> dict[int, "JobDetails"]:
        numbered = {re.fullmatch(rf"{name}-(\d+)", str(job.submission_id)): job for job in self.jobs()}
        return {int(match[1]): job for match, job in numbered.items() if match}

    def jobs(self) -> list["JobDetails"]:
        """Every job that seedscope submitted to the cluster, oldest first."""
        with self._told():
            found = self._client.list_jobs()
        return sorted(
            (job for job in found if "seedscope" in (job.metadata or {})), key=lambda job: job.start_time or 0
        )

    def log(self, job: str) -> str:
        """What a job has printed so far."""
        with self._told(job):
            return self._client.get_job_logs(job)

    def follow(self, job: str, write: Callable[[str], object]) -> None:
        """Write what a job prints, until it ends.

        Raises:
            UserError: it failed or was stopped, or the cluster no longer answers.
        """
        with self._told(job):
            written = 0
            while True:
                written += asyncio.run(self._tail(job, written, write))
                details = self._client.get_job_info(job)
                if details.status.is_terminal():
                    break
                time.sleep(1)
            write(self._client.get_job_logs(job)[written:])
        if details.status == "STOPPED":
            raise UserError(
                f"{job} was stopped. What is published is safe; submit the study again to go on from there."
            )
        if details.status == "FAILED":
            raise UserError(_failure(job, details.message or ""))

    async def _tail(self, job: str, skip: int, write: Callable[[str], object]) -> int:
        """Write the log from the character `skip` on, until it ends or the connection breaks; how much was written."""
        import aiohttp

        seen = 0
        try:
            async for text in self._client.tail_job_logs(job):
                write(text[max(0, skip - seen) :])
                seen += len(text)
        except (RuntimeError, aiohttp.ClientError):
            pass  # the caller asks for the state of the job, and finds the cluster gone or goes on here
        return max(0, seen - skip)

    def stop(self, job: str) -> str:
        """Stop a job and wait until it has ended; its final state.

        Raises:
            UserError: there is no such job, or it does not end.
        """
        with self._told(job):
            self._client.stop_job(job)
            until = time.monotonic() + STOPS_WITHIN_SECONDS
            while not (status := self._client.get_job_status(job)).is_terminal():
                if time.monotonic() > until:
                    raise UserError(
                        f"{job} has not ended in {STOPS_WITHIN_SECONDS:.0f} s; look again with `seedscope jobs`."
                    )
                time.sleep(0.5)
        return str(status)

    @contextmanager
    def _told(self, job: str | None = None) -> Iterator[None]:
        """Turn what the client raises into a sentence with the remedy."""
        import aiohttp
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError:
            raise UserError(
                f"{self.address}: the cluster asks for a token, "
                + ("and refuses the one that it was given" if self._token else "and none was found")
                + ". Put the token of that cluster into RAY_AUTH_TOKEN or ~/.ray/auth_token."
            ) from None
        except (OSError, aiohttp.ClientError) as error:
            raise UserError(
                f"{self.address}: no Ray dashboard answers there ({type(error).__name__}). Is the head node up, with "
                "ray[default] installed (plain ray has no Jobs API), and is its dashboard reachable from here? On the head: "
                "`ray start --head --dashboard-host 0.0.0.0`; to Kubernetes: `kubectl port-forward svc/NAME-head-svc 8265`."
            ) from None
        except RuntimeError as error:
            raise UserError(self._refused(str(error), job)) from None

    def _refused(self, reason: str, job: str | None) -> str:
        if "ray[default]" in reason:
            return _NO_CLIENT
        if job is not None and "404" in reason:
            return f"There is no job {job} at {self.address}. `seedscope jobs` lists those that there are."
        if "404" in reason:
            return f"{self.address}: something answers there, but it is no Ray dashboard. Its usual port is 8265."
        return f"{self.address}: the cluster refuses: {reason.strip().splitlines()[-1].rstrip('.')}."


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable, and put back what was there."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


_NO_CLIENT = "To submit to a Ray cluster, install its client: pip install 'seedscope[cluster]', or 'ray[default]'."


def _failure(job: str, message: str) -> str:
    if NOT_FOUND_BY_SHELL in message:
        return (
            f"{job} failed: there is no command `seedscope` on the head node. Use the image of the Dockerfile, or install "
            "seedscope[run] on all nodes."
        )
    return (
        f"{job} failed; its log says why. What is published is safe: fix the cause and submit the study again, and it goes "
        "on from there."
    )


def _token() -> str | None:
    """The token that Ray's own tools would use: of RAY_AUTH_TOKEN, the file of RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token."""
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return None
    if token := os.environ.get("RAY_AUTH_TOKEN"):
        return token
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    file = Path(path) if path else Path.home() / ".ray" / "auth_token"
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
