"""The command line: `seedscope run STUDY`, and each step of it alone."""

import atexit
import errno
import signal
import sys
from typing import NoReturn

import typer

from seedscope.jobs.commands.audit import audit_study
from seedscope.jobs.commands.bench import bench_study
from seedscope.jobs.commands.compare import compare_runs
from seedscope.jobs.commands.diverse import choose_diverse_seeds
from seedscope.jobs.commands.doctor import examine_machine
from seedscope.jobs.commands.identify import identify_seeds
from seedscope.jobs.commands.import_pictures import import_pictures
from seedscope.jobs.commands.jobs import list_jobs, show_log, stop_job
from seedscope.jobs.commands.map import map_study
from seedscope.jobs.commands.masks import write_masks
from seedscope.jobs.commands.models import list_models
from seedscope.jobs.commands.negatives import try_negatives
from seedscope.jobs.commands.plan import plan_study
from seedscope.jobs.commands.report import report_study
from seedscope.jobs.commands.resize import resize_seeds
from seedscope.jobs.commands.run import features, generate, run_study
from seedscope.jobs.commands.schema import print_schema
from seedscope.jobs.commands.seeds import export_seeds, judge_seeds
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

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which seeds are good for your text-to-image model? Start with: seedscope run configs/demo.yaml",
)
app.command("run")(run_study)
app.command("generate")(generate)
app.command("features")(features)
app.command("seeds")(judge_seeds)
app.command("export")(export_seeds)
app.command("tables")(list_tables)
app.command("models")(list_models)
app.command("schema")(print_schema)
app.command("status")(show_status)
app.command("verify")(verify_study)
app.command("import")(import_pictures)
app.command("masks")(write_masks)
app.command("map")(map_study)
app.command("compare")(compare_runs)
app.command("report")(report_study)
app.command("diverse")(choose_diverse_seeds)
app.command("variations")(vary_seeds)
app.command("identify")(identify_seeds)
app.command("swap")(swap_seeds)
app.command("negatives")(try_negatives)
app.command("resize")(resize_seeds)
app.add_typer(table, name="table")
app.command("submit")(submit_study)
app.command("jobs")(list_jobs)
app.command("logs")(show_log)
app.command("stop")(stop_job)
app.command("plan")(plan_study)
app.command("simulate")(simulate_study)
app.command("bench")(bench_study)
app.command("audit")(audit_study)
app.command("doctor")(examine_machine)


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
