"""`seedscope.run`: what the command does, for Python and notebooks."""

from pathlib import Path
from typing import Literal

from seedscope.analysis.judging.run_view import RunView, open_run
from seedscope.jobs.commands.options import executor_of
from seedscope.jobs.commands.run import make_run
from seedscope.jobs.console import for_a_program
from seedscope.pipeline.study.schema import Study


def run(
    study: Study | Path | str,
    out: Path | str | None = None,
    *,
    executor: Literal["ray", "inline"] = "ray",
    address: str | None = None,
    workers: int | None = None,
    threads: int | None = None,
) -> RunView:
    """Draw, measure, rank and export, as `seedscope run` does; what is there already is not made again.

    How far it is, and what was found, is told on standard error.

    Args:
        study: a study, its file, or the folder of a run. Paths in a `Study` are from the working directory on.
        out: the run folder, or its URL; None: runs/<study name>.
        executor: Ray workers, or this process alone.
        address: of a Ray cluster, HOST:PORT; None: RAY_ADDRESS, or this machine alone.
        workers, threads: Ray workers, and CPU threads of each; None: one worker a GPU or a core.

    Returns:
        The run, to look at.

    Raises:
        UserError: everything that is wrong with the study, or a mishap that trying again would not fix.

    Examples:
        >>> study = Study(name="mine", model="sprout", prompts=["a cat"], seeds=range(4))
        >>> run(study).golden.seeds  # doctest: +SKIP
        []
    """
    where = executor_of(executor, address, workers, threads)
    with for_a_program(True):
        url = make_run(Path(study) if isinstance(study, str) else study, None if out is None else str(out), where)
    return open_run(url)
