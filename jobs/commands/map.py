"""`seedscope map`: which seeds look alike, whether that is more than noise, and what their clusters mean."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out


def map_study(
    study: StudyFile,
    folder: Out = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FEATURE",
            help="Feature that gives a vector of each picture.  \\[default: a style feature, or else the study's first]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Map the seeds by what their pictures look like, find clusters, and say what sets these apart.

    Writes map.png, clusters.png, map_seeds.parquet, map_images.parquet and clusters.json into the run folder.

    Example: seedscope map configs/demo.yaml --by fd_efficientnet_lite0
    """
    from seedscope.analysis.judging.map_of_run import make_map
    from seedscope.analysis.run.parts import opened_to_judge

    with opened_to_judge(study, folder) as run:
        made = make_map(run, by)
    if as_json:
        clusters = [{"name": cluster.name, **asdict(cluster)} for cluster in made.clusters]
        facts = {"feature": made.feature, "verdict": made.sentences, "clusters": clusters}
        print(json.dumps(facts | {"files": [str(path) for path in made.files]}))
        return
    for sentence in made.sentences:
        out.print(sentence)
    for cluster in made.clusters:
        told = "; ".join(map(str, cluster.traits[:3])) or "nothing that was measured sets it apart"
        out.print(f"  cluster {cluster.number}, {len(cluster.seeds)} seeds: {told}")
    for path in made.files:
        out.print(f"wrote {path}", soft_wrap=True)
