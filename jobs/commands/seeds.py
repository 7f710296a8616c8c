"""`seedscope seeds`: the seeds of a run are judged and ranked."""

import json

from seedscope.jobs.commands.options import CompletePrompts, Json, Out, StudyFile
from seedscope.jobs.console import for_a_program


def judge_seeds(
    study: StudyFile, folder: Out = None, complete_prompts: CompletePrompts = False, as_json: Json = False
) -> None:
    """Judge the seeds by all measurements, and rank them: writes seeds.parquet, measures.parquet and scores.parquet.

    Example: seedscope seeds configs/demo.yaml
    """
    from seedscope.analysis.dataset.scores_table import Judgement
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.run.complete_prompts import with_complete_prompts
    from seedscope.analysis.run.opened import opened
    from seedscope.analysis.run.parts import judged_part
    from seedscope.jobs.commands.told_seeds import in_json, judge_part

    with opened(study, folder) as run, for_a_program(as_json):
        part = with_complete_prompts(run) if complete_prompts else judged_part(run)
        judged, choice = judge_part(run, part)
        write_dataset(run, Judgement(part, judged))
    if as_json:
        print(json.dumps(in_json(judged, choice), allow_nan=False))
