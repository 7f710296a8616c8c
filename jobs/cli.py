"""The command line: `seedscope run STUDY`, and each step of it alone."""

import atexit
import errno
import signal
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from seedscope.jobs.commands.audit import audit_study
from seedscope.jobs.commands.bench import bench_study
from seedscope.jobs.commands.compare import compare_runs
from seedscope.jobs.commands.diverse import choose_diverse_seeds
from seedscope.jobs.commands.doctor import examine_machine
from seedscope.jobs.commands.export import export_seeds
from seedscope.jobs.commands.identify import identify_seeds
from seedscope.jobs.commands.import_pictures import import_pictures
from seedscope.jobs.commands.init import init_study
from seedscope.jobs.commands.jobs import list_jobs, show_log, stop_job
from seedscope.jobs.commands.luck import try_luck
from seedscope.jobs.commands.map import map_study
from seedscope.jobs.commands.masks import write_masks
from seedscope.jobs.commands.models import list_models
from seedscope.jobs.commands.negatives import try_negatives
from seedscope.jobs.commands.plan import plan_study
from seedscope.jobs.commands.publish import publish_run
from seedscope.jobs.commands.report import report_study
from seedscope.jobs.commands.resize import resize_seeds
from seedscope.jobs.commands.retry import retry_failed
from seedscope.jobs.commands.run import features, generate, run_demo, run_study
from seedscope.jobs.commands.schema import print_schema
from seedscope.jobs.commands.seeds import judge_seeds
from seedscope.jobs.commands.simulate import simulate_study
from seedscope.jobs.commands.status import show_status
from seedscope.jobs.commands.submit import submit_study
from seedscope.jobs.commands.swap import swap_seeds
from seedscope.jobs.commands.table import table
from seedscope.jobs.commands.tables import list_tables
from seedscope.jobs.commands.variations import vary_seeds
from seedscope.jobs.commands.verify import verify_study
from seedscope.jobs.console import notes, say_traceback, shortened
from seedscope.pipeline.errors import CorruptShard, UserError
from seedscope.pipeline.large_pictures import accept_large_pictures
from seedscope.pipeline.run_extra import told_if_missing

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Which seeds are good for your text-to-image model? Start with: seedscope demo",
    epilog="Exit codes: 0 done; 1 a fault of seedscope, with a traceback; 2 a mistake or a mishap, told in a sentence; "
    "128 + N stopped by signal N.",
)

COMMANDS: dict[str, dict[str, Callable[..., object]]] = {
    "Draw and measure": {
        "demo": run_demo,
        "init": init_study,
        "run": run_study,
        "generate": generate,
        "features": features,
        "import": import_pictures,
        "retry": retry_failed,
        "status": show_status,
    },
    "Decide": {
        "seeds": judge_seeds,
        "export": export_seeds,
        "diverse": choose_diverse_seeds,
        "compare": compare_runs,
    },
    "Look": {
        "report": report_study,
        "map": map_study,
        "masks": write_masks,
        "tables": list_tables,
        "publish": publish_run,
    },
    "Experiments on a run": {
        "identify": identify_seeds,
        "swap": swap_seeds,
        "negatives": try_negatives,
        "variations": vary_seeds,
        "resize": resize_seeds,
        "luck": try_luck,
    },
    "Plan": {"plan": plan_study, "bench": bench_study, "simulate": simulate_study},
    "Cluster": {"submit": submit_study, "jobs": list_jobs, "logs": show_log, "stop": stop_job},
    "Check": {"doctor": examine_machine, "verify": verify_study, "audit": audit_study},
    "Reference": {"models": list_models, "schema": print_schema},
}
"""Group -> command -> what does it, in the order of the help."""

for panel, named in COMMANDS.items():
    for word, function in named.items():
        app.command(word, rich_help_panel=panel)(function)
app.add_typer(table, name="table", rich_help_panel="Experiments on a run")


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"seedscope {version('seedscope')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version, and exit.")
    ] = False,
) -> None:
    pass


class _Stopped(BaseException):
    """A person or a scheduler asked the process to end. No Exception: nothing on the way takes it for a failure."""


def _stop(number: int, _frame: object) -> None:
    if number == signal.SIGINT:
        signal.signal(number, signal.SIG_DFL)  # who asks a second time is not kept waiting
    raise _Stopped(number)


def _refuse(reason: str) -> NoReturn:
    for line in shortened(reason):
        notes.print(f"seedscope: {line}", style="red", soft_wrap=True)
    sys.exit(2)


def main() -> None:
    """Entry point: a person's mistake is told in a sentence, without a traceback, and with an exit code that is not 0."""
    accept_large_pictures()
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with told_if_missing():
            app()
    except (UserError, CorruptShard) as error:
        _refuse(str(error))
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        _refuse(f"{error.filename}: no file can have so long a name.")
    except (_Stopped, SystemError) as error:
        # Ray's compiled code wraps what a signal's handler raises inside it.
        stopped = error if isinstance(error, _Stopped) else error.__cause__
        if not isinstance(stopped, _Stopped):
            raise
        notes.print(
            "seedscope: stopped. What is published is safe; the same command goes on from there.", soft_wrap=True
        )
        # Ray ends when Python does, and would tell of a further Ctrl-C by a traceback.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_DFL)
        sys.exit(128 + int(str(stopped)))
    finally:
        sys.excepthook = say_traceback  # after Typer, which puts its own there
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":  # as it was called before `python -m seedscope` was there
    from seedscope.__main__ import program

    program()
