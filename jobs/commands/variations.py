"""`seedscope variations`: how far a seed's picture goes when its noise goes towards another seed's; which seeds bear it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedscope.jobs.commands.bearing import By, Prompts, Seeds, chosen, rows, say, whether_they_differ, written
from seedscope.jobs.commands.options import Json, Out, StudyFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedscope.analysis.seeds.scores.variations import Variations

NAME = "variations"


def vary_seeds(
    study: StudyFile,
    folder: Out = None,
    seeds: Seeds = 16,
    prompts: Prompts = 12,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Draw seeds with a little of another seed in their noise, and say which are stable and which brittle.

    Of each seed and prompt it draws the picture, and one at each of seven strengths. Writes variations.parquet, a row a seed,
    variations.png and variations_curves.png. The pictures are not kept; a command that was stopped goes on when run again.

    Example: seedscope variations configs/demo.yaml --seeds 16 --prompts 12
    """
    import numpy as np
    import pyarrow.parquet as pq

    from seedscope.analysis.seeds.scores.bearing import Way
    from seedscope.analysis.seeds.scores.variations import distances, variations
    from seedscope.analysis.sheets.variation_sheet import variation_curves, variation_sheet
    from seedscope.jobs.planning.draw_variations import STRENGTHS, variations_of
    from seedscope.pipeline.storage.local import replacing

    with chosen(study, folder, by, seeds, prompts) as asked:
        drawn = asked.draw(variations_of(asked.run, len(asked.prompts)), NAME)
        found = variations(*distances(drawn.vectors), STRENGTHS, asked.groups, np.random.default_rng(0))
        curves = [
            (f"at_{strength:g}", Way(found.curve.mean[step], found.curve.lo[step], found.curve.hi[step]))
            for step, strength in enumerate(STRENGTHS)
        ]
        table = rows(found, asked.seeds, curves, half_at=found.half)
        files = [asked.file(f"{NAME}{end}") for end in (".parquet", ".png", "_curves.png")]
        with replacing(files[0]) as scratch:
            pq.write_table(table, scratch)
        words = {"feature": asked.embedding.name, "title": f"{asked.run.subject}: seeds under variation"}
        variation_sheet(found, asked.seeds, drawn.pictures, files[1], prompt=asked.prompts[0].text, **words)
        variation_curves(found, asked.seeds, files[2], **words)
        asked.forget(NAME)
    told = sentences(found, asked.seeds, asked.embedding.name)
    say(told, table, [*map(_at, STRENGTHS), ("half at", lambda row: written(row["half_at"]))], files, as_json=as_json)


def _at(strength: float) -> tuple[str, Callable[[dict[str, float]], str]]:
    return f"{strength:g}", lambda row: written(row[f"at_{strength:g}"])


def sentences(found: Variations, seeds: Sequence[int], feature: str) -> list[str]:
    """What the distances are, whether seeds differ, and which do surely."""
    low, high = found.spread
    return [
        f"Distances by {feature}, where the other seeds' pictures of a prompt are 1 apart in the median ({found.apart:.4g}), "
        f"and nine in ten of them between {low:.2f} and {high:.2f}.",
        whether_they_differ(found, seeds, "variations"),
    ]
