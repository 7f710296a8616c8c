"""`seedscope seeds` and `export`: the seeds of a run are judged and ranked, and the golden ones written to files."""

import json

from seedscope.jobs.commands.options import CompletePrompts, Json, Out, StudyFile
from seedscope.jobs.console import for_a_program, say_written


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


def export_seeds(study: StudyFile, folder: Out = None, as_json: Json = False) -> None:
    """Write golden.json and the contact sheet of best and worst seeds.

    Example: seedscope export configs/demo.yaml
    """
    from seedscope.analysis.dataset.scores_table import Judgement
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.judging.export_run import export
    from seedscope.analysis.judging.golden_rules import choose
    from seedscope.analysis.judging.judge import judge
    from seedscope.analysis.run.parts import opened_to_judge

    with opened_to_judge(study, folder) as run:
        judged = judge(run)
        choice = choose(run, judged)
        files = [*export(run, judged, choice), *write_dataset(run, Judgement(run, judged))]
    if as_json:
        print(json.dumps({"golden": choice.seeds, "sentence": choice.sentence, "files": [str(path) for path in files]}))
    else:
        say_written(files)
