"""`seedscope variations`: how far a seed's picture goes when its noise goes towards another seed's; which seeds bear it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import notes, out, say_written
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from seedscope.analysis.seeds.scores.variations import Variations

SHOWN = 24
"""Seeds that the terminal lists; the file has all."""


def vary_seeds(
    study: StudyFile,
    folder: Out = None,
    seeds: Annotated[int, typer.Option(min=2, help="How many of the study's seeds, from the first on.")] = 16,
    prompts: Annotated[int, typer.Option(min=2, help="How many of the study's prompts, evenly spaced.")] = 12,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FEATURE",
            help="Feature that gives a vector of each picture.  \\[default: style_efficientnet_lite0]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw seeds with a little of another seed in their noise, and say which are stable and which brittle.

    Of each seed and prompt it draws the picture, and one at each of seven strengths. Writes variations.parquet, a row a seed,
    and variations.png. The pictures are not kept.

    Example: seedscope variations configs/demo.yaml --seeds 16 --prompts 12
    """
    import numpy as np
    import pyarrow.parquet as pq

    from seedscope.analysis.run.run import DrawnRun, opened
    from seedscope.analysis.seeds.scores.variations import distances, variations
    from seedscope.analysis.sheets.variation_sheet import variation_sheet
    from seedscope.jobs.planning.draw_variations import STRENGTHS, draw_variations, embedding_named, some_prompts
    from seedscope.pipeline.storage.local import replacing

    with opened(study, folder) as run, Progress(console=notes, transient=True) as progress:
        if not isinstance(run, DrawnRun):
            raise UserError(f"{study}: its pictures were imported, and nothing can be drawn with an unknown model.")
        embedding, chosen = embedding_named(run, by), list(run.wanted.seeds[:seeds])
        some = some_prompts(run.wanted.prompts, prompts)
        bar = progress.add_task("variations", total=len(some) * len(chosen) * (len(STRENGTHS) + 1))
        drawn = draw_variations(run, embedding, chosen, some, told=lambda count: progress.advance(bar, count))
        groups = [prompt.group for prompt in some]
        found = variations(*distances(drawn.vectors), STRENGTHS, groups, np.random.default_rng(0))
        table, files = (
            rows(found, chosen),
            [run.folder.path / name for name in ("variations.parquet", "variations.png")],
        )
        with replacing(files[0]) as scratch:
            pq.write_table(table, scratch)
        title = f"{run.subject}: seeds under variation"
        variation_sheet(
            found, chosen, drawn.pictures, files[1], prompt=some[0].text, feature=embedding.name, title=title
        )
    _say(found, table, embedding.name, files, as_json=as_json)


def rows(found: Variations, seeds: Sequence[int]) -> pa.Table:
    """A row a seed, the most stable first; distances are on the scale on which other seeds are 1 apart."""
    import numpy as np
    import pyarrow as pa

    order = np.argsort(found.area.mean, kind="stable")
    columns: dict[str, object] = {
        "seed": np.array(seeds, np.int64)[order],
        "verdict": [found.verdict(int(seed)) for seed in order],
        "distance": found.area.mean[order],
        "distance_lo": found.area.lo[order],
        "distance_hi": found.area.hi[order],
        "vs_median": found.effects.effect[order],
        "vs_median_lo": found.effects.lo[order],
        "vs_median_hi": found.effects.hi[order],
        "q_stable": found.stable[order],
        "q_brittle": found.brittle[order],
        "half_at": found.half[order],
    }
    for step, strength in enumerate(found.strengths):
        for name, values in (("", found.curve.mean), ("_lo", found.curve.lo), ("_hi", found.curve.hi)):
            columns[f"at_{strength:g}{name}"] = values[step, order]
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def sentences(found: Variations, feature: str) -> list[str]:
    """What the distances are, whether seeds differ, and which do surely."""
    from seedscope.analysis.seeds.scores.shuffle import FEWEST_GROUPS

    low, high = found.spread
    verdicts = [found.verdict(seed) for seed in range(len(found.half))]
    judged = (
        f"{verdicts.count('stable')} are surely more stable than the median seed, and {verdicts.count('brittle')} more "
        "brittle, at a false discovery rate of 5 %."
        if found.groups >= FEWEST_GROUPS
        else f"which of them are stable or brittle takes prompts of {FEWEST_GROUPS} groups or more."
    )
    differ = "differ" if found.differ <= 0.05 else "cannot be told apart"
    return [
        f"Distances by {feature}, where the other seeds' pictures of a prompt are 1 apart in the median ({found.apart:.4g}), "
        f"and nine in ten of them between {low:.2f} and {high:.2f}.",
        f"Over {found.prompts} prompts in {found.groups} groups the seeds {differ} in how they bear variations "
        f"(p = {found.differ:.2g}): {judged}",
    ]


def _say(found: Variations, table: pa.Table, feature: str, files: Sequence[Path], *, as_json: bool) -> None:
    told = sentences(found, feature)
    if as_json:
        print(json.dumps({"sentences": told, "seeds": table.to_pylist(), "files": [str(path) for path in files]}))
        return
    out.print(_shown(found, table))
    if table.num_rows > SHOWN:
        notes.print(f"The {SHOWN // 2} most stable and the {SHOWN // 2} most brittle of {table.num_rows} seeds.")
    for sentence in told:
        out.print(sentence)
    say_written(files)


def _shown(found: Variations, table: pa.Table) -> Table:
    shown = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    strengths = [f"{strength:g}" for strength in found.strengths]
    for name in ("seed", *strengths, "mean", "lo", "hi", "half at", ""):
        shown.add_column(name, justify="left" if name == "" else "right")
    listed = table.to_pylist()
    for row in listed if len(listed) <= SHOWN else [*listed[: SHOWN // 2], *listed[-SHOWN // 2 :]]:
        ends = ["" if row[f"distance_{end}"] is None else f"{row[f'distance_{end}']:.2f}" for end in ("lo", "hi")]
        half = "-" if row["half_at"] is None else f"{row['half_at']:.2f}"
        curve = [f"{row[f'at_{strength}']:.2f}" for strength in strengths]
        verdict = "" if row["verdict"] == "as others" else row["verdict"]
        shown.add_row(str(row["seed"]), *curve, f"{row['distance']:.2f}", *ends, half, verdict)
    return shown
