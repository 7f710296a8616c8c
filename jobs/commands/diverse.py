"""`seedscope diverse`: a few seeds whose pictures differ, and whether they still do on prompts that did not choose them."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from seedscope.jobs.commands.options import Json, Out, StudyFile, VectorFeature

out = Console()


def choose_diverse_seeds(
    study: StudyFile,
    folder: Out = None,
    count: Annotated[int, typer.Option(min=2, help="Seeds of a set.")] = 4,
    by: VectorFeature = None,
    as_json: Json = False,
) -> None:
    """Choose seeds whose pictures differ, among all seeds and among the golden ones; writes diverse.json.

    Example: seedscope diverse configs/demo.yaml --count 4
    """
    from seedscope.jobs.diverse import choose_diverse
    from seedscope.jobs.golden import choose
    from seedscope.jobs.job import open_job
    from seedscope.jobs.maps import vector_measure
    from seedscope.jobs.seeds import judge

    job = open_job(study, folder)
    with job.folder.locked():
        job.begin()
        measure = vector_measure(job, by)
        sets = choose_diverse(job, measure, choose(job, judge(job)).seeds, count)
    if as_json:
        print(json.dumps([asdict(each) for each in sets]))
        return
    for each in sets:
        found = each.evidence
        out.print(f"Among {each.pool} seeds, by {each.feature}: {', '.join(map(str, each.seeds))}.", highlight=False)
        out.print(
            f"On {found.prompts} other prompts their pictures have a similarity of {found.similarity:.3f}; random sets have "
            f"{found.random:.3f} ({found.random_range[0]:.3f} to {found.random_range[1]:.3f}), p = {found.p_value:.2g}.",
            highlight=False,
        )
    out.print(f"wrote {job.folder.path / 'diverse.json'}", highlight=False, soft_wrap=True)
