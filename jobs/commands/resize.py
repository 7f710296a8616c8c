"""`seedscope resize`: whether a seed's picture stays the same one at other sizes, with its noise resized and without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.bearing import By, Prompts, Seeds, chosen, rows, say, whether_they_differ, written
from seedscope.jobs.commands.options import Json, Out, StudyFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from seedscope.analysis.seeds.scores.resizes import Resizes
    from seedscope.jobs.commands.bearing import Chosen
    from seedscope.jobs.planning.draw_changed import Drawn
    from seedscope.jobs.planning.draw_resized import Resizing

NAME = "resize"


def resize_seeds(
    study: StudyFile,
    sizes: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT,...",
            help="Sizes in pixels, larger or smaller than the study's.  \\[default: five from 3/4 to 3/2 of the study's]",
            show_default=False,
        ),
    ] = None,
    folder: Out = None,
    seeds: Seeds = 16,
    prompts: Prompts = 12,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Draw seeds at other sizes, and say which stay the same picture: with their noise resized, and with plain noise.

    Of each seed and prompt it draws the picture, and two at each size: of noise with the seed's own in its middle, as A1111's
    "resize seed from" (`noise: {from: ...}`) has it, and of plain noise. Compared is the part whose noise is the seed's own, on
    the scale on which pictures of two seeds are 1 apart. Writes resize.parquet, a row a seed, resize_sizes.parquet,
    a row a size, resize.png and resize_curves.png. The pictures are not kept; a command that was stopped goes on when run
    again.

    Example: seedscope resize configs/turbo.yaml --sizes 96x64,64x96,96x96
    """
    from seedscope.analysis.seeds.scores.resizes import FEWEST_SEEDS
    from seedscope.jobs.planning.draw_resized import resizing_of

    with chosen(study, folder, by, seeds, prompts, FEWEST_SEEDS) as asked:
        how = resizing_of(asked.run, sizes)
        drawn = asked.draw([how.changes] * len(asked.prompts), NAME)
        found = _judged(asked, how, drawn)
        by_seed, by_size = _by_seed(found, asked.seeds, how), _by_size(found, how)
        files = _write(asked, how, drawn, found, [by_seed, by_size])
        asked.forget(NAME)
    told = sentences(found, asked.seeds, by_size, asked.embedding.name)
    columns = [_at(size) for size in by_size["size"].to_pylist()]
    say(told, by_seed, columns, files, as_json=as_json, sizes=by_size.to_pylist())


def _judged(asked: Chosen, how: Resizing, drawn: Drawn) -> Resizes:
    import numpy as np

    from seedscope.analysis.seeds.scores.resizes import resize_distances, resizes

    own, resized, plain = how.compared(drawn)
    distances = resize_distances(own, resized), resize_distances(own, plain)
    return resizes(*distances, [size == how.own for size in how.sizes], asked.groups, np.random.default_rng(0))


def _write(asked: Chosen, how: Resizing, drawn: Drawn, found: Resizes, tables: Sequence[pa.Table]) -> list[Path]:
    import pyarrow.parquet as pq

    from seedscope.analysis.sheets.resize_sheet import resize_curves, resize_sheet
    from seedscope.pipeline.storage.local import replacing

    files = [asked.file(f"{NAME}{end}") for end in (".parquet", "_sizes.parquet", ".png", "_curves.png")]
    for table, file in zip(tables, files, strict=False):
        with replacing(file) as scratch:
            pq.write_table(table, scratch)
    words = {"feature": asked.embedding.name, "title": f"{asked.run.subject}: seeds at other sizes"}
    shown = [(width, height) for height, width in (how.own, *how.sizes)]
    resize_sheet(
        found,
        asked.seeds,
        drawn.pictures[0],
        list(zip(drawn.pictures[1::2], drawn.pictures[2::2], strict=True)),
        [view for _, view in how.regions],
        files[2],
        sizes=shown,
        prompt=asked.prompts[0].text,
        **words,
    )
    resize_curves(found, shown[1:], asked.seeds, files[3], **words)
    return files


def _by_seed(found: Resizes, seeds: Sequence[int], how: Resizing) -> pa.Table:
    from seedscope.analysis.seeds.scores.bearing import Way
    from seedscope.jobs.planning.draw_resized import named_as

    curves = [
        (f"{noise}_at_{named_as(size)}", Way(kept.curve.mean[place], kept.curve.lo[place], kept.curve.hi[place]))
        for place, size in enumerate(how.sizes)
        for noise, kept in (("resized", found.resized), ("plain", found.plain))
    ]
    return rows(found, seeds, curves)


def _by_size(found: Resizes, how: Resizing) -> pa.Table:
    """A row a size: both kinds of noise, over all seeds; `_other_lo` and `_other_hi` are the band of other seeds' pictures."""
    import pyarrow as pa

    from seedscope.jobs.planning.draw_resized import named_as

    columns: dict[str, object] = {"size": [named_as(size) for size in how.sizes]}
    for noise, kept in (("resized", found.resized), ("plain", found.plain)):
        columns |= {noise: kept.all.mean, f"{noise}_lo": kept.all.lo, f"{noise}_hi": kept.all.hi, f"{noise}_p": kept.p}
        low, high = kept.spread.T
        columns |= {f"{noise}_other_lo": low, f"{noise}_other_hi": high, f"{noise}_apart": kept.apart}
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def _at(size: str) -> tuple[str, Callable[[dict[str, float]], str]]:
    return size, lambda row: f"{written(row[f'resized_at_{size}'])}/{written(row[f'plain_at_{size}'])}"


def sentences(found: Resizes, seeds: Sequence[int], by_size: pa.Table, feature: str) -> list[str]:
    """What the distances are, how far pictures go at each size, and which seeds bear it."""
    return [
        f"Distances from the seed's own picture by {feature}, of resized / of plain noise, over the part whose resized noise "
        "is the seed's own, where pictures of two seeds are 1 apart on average. Intervals are for these seeds and "
        "other prompts; p is of going no less far.",
        *(_of_size(row) for row in by_size.to_pylist()),
        whether_they_differ(found, seeds, "other sizes with resized noise"),
    ]


def _of_size(row: dict[str, float]) -> str:
    return (
        f"At {row['size']} resized noise goes {_far(row, 'resized')} of the way to another seed's picture, and plain noise "
        f"{_far(row, 'plain')}."
    )


def _far(row: dict[str, float], noise: str) -> str:
    from seedscope.analysis.counted_p import counted_number
    from seedscope.analysis.seeds.scores.bearing import SHUFFLES

    interval = "" if row[f"{noise}_lo"] is None else f"{row[f'{noise}_lo']:.2f} to {row[f'{noise}_hi']:.2f}, "
    p = counted_number(row[f"{noise}_p"], SHUFFLES)
    return f"{row[noise]:.2f} ({interval}p {p if p.startswith('≤') else f'= {p}'})"
