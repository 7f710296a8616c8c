"""What every target is told: which study, which run folder, how the run is started there."""

import hashlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from seedscope.jobs.submit.bundle import Bundle
from seedscope.pipeline.errors import UserError

HERE_ONLY = ("file", "local", "memory")


@dataclass(frozen=True)
class Submission:
    """A study for a run folder `out` that outlives the job; `options` are further ones of `seedscope run`."""

    bundle: Bundle
    out: str
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Names the work, by whom and however often it is submitted: `seedscope-<study>-<hash8>`, at most 43 characters.

        Small letters, digits and hyphens: it also names Kubernetes objects, of which a RayJob takes 47 characters.
        """
        slug = re.sub(r"[^a-z0-9]+", "-", self.bundle.name.lower()).strip("-")[:24].rstrip("-")
        return f"seedscope-{slug}-{hashlib.sha256(f'{self.bundle.name} {self.out}'.encode()).hexdigest()[:8]}"

    def run(self, study: str, address: str) -> str:
        """The shell command that does the work inside a Ray cluster; `study` is where the study file lies there."""
        return shlex.join(["seedscope", "run", study, "--address", address, "--out", self.out, *self.options])


def lasting(out: str | None, *, url: bool = False) -> str:
    """The run folder of a job, if it outlives the job: a URL, or, unless `url` is asked for, an absolute path.

    Raises:
        UserError: it is neither.
    """
    wanted = (
        "a URL such as s3://bucket/runs/NAME" if url else "a URL such as s3://bucket/runs/NAME, or an absolute path"
    )
    shared = "" if url else " on a file system that all nodes share"
    if out is None:
        raise UserError(f"--out is missing: a job needs a run folder that outlives it: {wanted}{shared}.")
    scheme, is_url, _ = out.partition("://")
    if (is_url and scheme not in HERE_ONLY) or (not url and not is_url and Path(out).is_absolute()):
        return out
    raise UserError(f"--out {out}: would be gone with the job, or seen by one node only. Give {wanted}{shared}.")
