"""`seedscope retry`: what failed is tried again."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.commands.options import Json, OtherVersions, Out, StudyFile, runs_stages
from seedscope.jobs.console import for_a_program, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.pipeline.running.runner import Executor


@runs_stages
def retry_failed(
    study: StudyFile,
    folder: Out = None,
    *,
    where: "Executor",
    other_versions: OtherVersions = False,
    as_json: Json = False,
) -> None:
    """Make what failed again: units with pictures that could not be drawn, or not be measured; then what is missing.

    What failed once is a row with its reason, and `run` leaves it: see `seedscope status`. Fix the cause first, such as a
    file that was gone, or memory that ran out. The other pictures of these units come out as they were.

    Example: seedscope retry configs/demo.yaml
    """
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.run.opened import opened
    from seedscope.analysis.run.run import BroughtInRun
    from seedscope.jobs.work.failed import failing, take_back

    with opened(study, folder) as run, for_a_program(as_json):
        steps, found = [], failing(run)
        if found and run.race is not None and run.race.has_decided:
            raise UserError(
                f"{run.folder.storage.url}: its rounds were decided from the scores that there are, without what failed, and "
                "stay as they are. To draw that too, choose another folder with --out."
            )
        for table, units in found.items():
            failed = sum(units.values())
            out.print(f"{table.name}: {failed:,} failed rows in {len(units):,} units are made again", soft_wrap=True)
        take_back(found)
        if found:
            drawn = not isinstance(run, BroughtInRun)
            steps = make_and_tell(run, where, pictures=drawn, features=True, other_versions=other_versions)
            write_dataset(run)
        else:
            out.print("Nothing failed.")
    if as_json:
        print(json.dumps([asdict(step) for step in steps]))
