"""The run of pictures that `seedscope import` brought in."""

from dataclasses import replace

from seedscope.analysis.run.measured import features_of
from seedscope.analysis.run.run import BroughtInRun
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.study.likely_groups import grouped
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import ImportedStudy
from seedscope.pipeline.tables.run_folder import RunFolder


def brought_in_run(study: ImportedStudy, folder: RunFolder) -> BroughtInRun:
    """The run of imported pictures, in its folder, as it stands.

    Raises:
        UserError: as for `run_of`.
    """
    imported = ImportedRun(folder)
    prompts = {prompt.id: prompt for prompt in grouped(study, imported.edition.prompts)}
    return BroughtInRun(
        study=study,
        folder=folder,
        cause=imported.cause,
        wanted=replace(imported.edition, prompts=tuple(prompts.values())),
        units=[
            Unit(unit.name, tuple((prompts[prompt.id], seed) for prompt, seed in unit.cells)) for unit in imported.units
        ],
        images=imported.images,
        subject=study.name,
        measured=features_of(study),
        imported=imported,
    )
