"""The run of a study whose pictures a model draws."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from seedscope.analysis.run.bench_file import last_bench
from seedscope.analysis.run.measured import features_of
from seedscope.analysis.run.race import Race
from seedscope.analysis.run.race_of import race_of
from seedscope.analysis.run.recorded_study import differences_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.drawing.cause import cause, naming
from seedscope.pipeline.drawing.pinned import pinned
from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.drawing.tasks.early_pictures import EarlyPictures
from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.schedulers import refuse_scheduler
from seedscope.pipeline.study.likely_groups import grouped
from seedscope.pipeline.study.plan import Edition, Unit, as_named, as_recorded, blocks, cut, plan
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.study.sweep import Sweep
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.table import Table


def drawn_run(study: Study, folder: RunFolder, *, uniform: bool = False) -> DrawnRun:
    """The run of a study whose pictures a model draws, in a folder, as it stands.

    Args:
        uniform: of a sweep, as if all seeds were drawn with all prompts: to look at its pictures' making alone.

    Raises:
        UserError: as for `run_of`.
    """
    kind = task_of(study)
    located = locate(study.model, fills_masks=kind.fills_masks)
    refuse_scheduler(study.sampling)
    located.refuse(study.sampling, study.compute, by_prompt=kind.stock_call)
    study = pinned(study)
    task = kind.of(study, located)
    known = folder.editions()
    recorded = [edition for _, edition in known]
    wanted = Edition(tuple(grouped(study, as_recorded(recorded, task.prompts()))), tuple(study.every_seed))
    _refuse_cut_sets(study, plan([*as_named(recorded, wanted.prompts), wanted], study.unit), task.together)
    measured, made_from = features_of(study), cause(study, located)
    tables = naming(made_from)
    if (
        known
        and isinstance(first := known[0][0], dict)
        and not differences_of(folder, study, located.pipeline, known[-1][0], made_from)
    ):
        tables = naming(first)
    run = DrawnRun(
        study=study,
        folder=folder,
        cause=tables,
        made_from=made_from,
        wanted=wanted,
        units=units_of(study, None, recorded, wanted),
        images=Table.of(folder.storage, "images", fingerprint(tables), task.schema),
        subject=study.model.name.rsplit("/", 1)[-1],
        measured=measured,
        located=located,
        task=task,
    )
    if uniform:
        return run
    asked = study.seeds if isinstance(study.seeds, Sweep) else None
    early = None if asked is None or asked.early is None else EarlyPictures.of(study, located)
    race = race_of(asked, folder.storage, wanted, tables, begun=bool(known), rate=partial(_rate, run), early=early)
    return replace(run, race=race, units=units_of(study, race, recorded, wanted))


def _rate(run: DrawnRun) -> float | None:
    """Pictures a second of one GPU or worker, as it was measured last; None where it was not."""
    found = last_bench(run)
    return None if found is None else found[1].rate["worker"].median


def _refuse_cut_sets(study: Study, units: Sequence[Unit], together: int) -> None:
    """Refuse seeds that are drawn together, and of which a unit has but some.

    Raises:
        StudyError: the unit is named by its seeds.
    """
    if together > 1 and isinstance(study.seeds, Sweep):
        raise StudyError(
            f"task.{study.task_name}: seeds are drawn in sets of {together}, of which a sweep cannot let some go. Name all "
            "seeds of the study as `seeds`."
        )
    for unit in units if together > 1 else []:
        if len(unit.seeds) % together:
            raise StudyError(
                f"task.{study.task_name}: seeds are drawn in sets of {together}, and the {len(unit.seeds)} seeds "
                f"{', '.join(map(str, unit.seeds[:8]))}{' ...' if len(unit.seeds) > 8 else ''} of one unit of work make no "
                f"whole sets. Let `seeds`, `unit.seeds` and the seeds that are added later each be a multiple of {together}."
            )


def units_of(study: Study, race: Race | None, recorded: Sequence[Edition], wanted: Edition) -> list[Unit]:
    """The units of a run that grew through editions, or, before its first one, as they will be; of a sweep those of its
    rounds."""
    found = blocks(as_named(recorded, wanted.prompts) or [wanted]) if race is None else race.blocks()
    return cut(found, study.unit)
