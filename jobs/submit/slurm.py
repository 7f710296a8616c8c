"""Slurm: batch scripts for a Ray cluster over some nodes, or for a plain array of jobs, each with a slice of the units."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seedscope.jobs.submit.submission import Submission
from seedscope.pipeline.errors import UserError

TEMPLATES = Path(__file__).parent / "templates"
RAY, ARRAY, RANK = "run-ray.sbatch", "run-array.sbatch", "run-rank.sbatch"


@dataclass(frozen=True)
class Batch:
    """How a study is run on Slurm.

    Args:
        study: the study file, where all nodes see it.
        nodes: how many nodes the Ray cluster has.
        gpus: GPUs of a node; 0: none. Each job of an array takes one of them.
        slices: how many jobs without Ray, instead of a Ray cluster; None: a Ray cluster.
        directives: further options of sbatch, `KEY=VALUE` or `KEY`.
    """

    submission: Submission
    study: Path
    nodes: int = 1
    gpus: int = 1
    slices: int | None = None
    directives: Sequence[str] = ()

    def write(self, folder: Path) -> list[Path]:
        """Write the scripts into a folder, the one that is submitted first before the one that waits for it.

        Raises:
            UserError: an option of sbatch is not one, the folder cannot be written, or Slurm could not read its name.
        """
        wrong = [line for line in self.directives if not re.fullmatch(r"[a-z][a-z-]*(=[^\x00-\x1f\x7f]+)?", line)]
        if wrong:
            raise UserError(f"--sbatch {wrong[0]!r}: give KEY=VALUE as sbatch knows it, such as time=08:00:00.")
        if re.search(r"[\x00-\x1f\x7f]", str(folder.absolute())):
            raise UserError(
                f"{str(folder.absolute())!r}: has a line break or another control code in its name, at which Slurm would cut "
                "it. Name another folder for the scripts with --scripts."
            )
        written = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in [RAY] if self.slices is None else [ARRAY, RANK]:
                (folder / name).write_text(self._render(name, folder.absolute()), encoding="utf-8")
                written.append(folder / name)
        except OSError as error:
            raise UserError(f"{folder}: the scripts cannot be written there: {error.strerror}.") from None
        return written

    def _render(self, name: str, folder: Path) -> str:
        study = str(self.study.absolute())
        where = '--address "$address"' if self.slices is None else "--executor inline"

        def command(name: str) -> str:
            words = ["seedscope", name, study, "--out", self.submission.out, *self.submission.options]
            return f"{shlex.join(words)} {where}"

        log = folder / ("%x-%A-%a.log" if name == ARRAY else "%x-%j.log")
        values = {
            "study": " ".join(study.split()),
            "name": self.submission.name,
            "nodes": self.nodes,
            "gpus": self.gpus,
            "slices": self.slices,
            "directives": self.directives,
            "log": shlex.quote(str(log)),
            "sign": shlex.quote(str(folder / f".{self.submission.name}.began")),
            "programs": shlex.quote(str(Path(sys.executable).parent)),
            **{step: command(step) for step in ("run", "generate", "features")},
        }
        return _TEMPLATES.get_template(name).render(values)


# Scripts, not pages: nothing is to be escaped for HTML.
_TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def by_hand(scripts: Sequence[Path]) -> list[str]:
    """The commands by which a person submits the scripts."""
    first, *dependent = (shlex.quote(str(script)) for script in scripts)
    if not dependent:
        return [f"sbatch {first}"]
    return [f"array=$(sbatch --parsable {first})", f'sbatch --dependency=afterany:"${{array%%;*}}" {dependent[0]}']


def submit(scripts: Sequence[Path]) -> list[str]:
    """Submit the scripts, each to begin when the one before it has ended, however that ended; the ids of the jobs.

    Raises:
        UserError: there is no sbatch here, or it refuses.
    """
    if shutil.which("sbatch") is None:
        raise UserError(f"There is no sbatch here. On a login node of the cluster: {'; '.join(by_hand(scripts))}")
    jobs: list[str] = []
    for script in scripts:
        after = [f"--dependency=afterany:{jobs[-1]}"] if jobs else []
        done = subprocess.run(
            ["sbatch", "--parsable", *after, str(script)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UserError(f"sbatch refuses {script}: {done.stderr.strip() or 'without a word'}.")
        jobs.append(done.stdout.strip().partition(";")[0])
    return jobs
