"""`seedscope identify`: can the seed be told from the picture?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from seedscope.jobs.commands.found import say_found
from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import notes

if TYPE_CHECKING:
    from seedscope.analysis.experiments.finding import Finding
    from seedscope.analysis.experiments.identify.identify import Identified
    from seedscope.analysis.run.run import AnyRun
    from seedscope.analysis.sheets.told_sheet import Bar, Face

FACES = 18
_STEPS = 1000


def identify_seeds(
    study: StudyFile,
    folder: Out = None,
    minutes: Annotated[
        float, typer.Option(min=0.01, help="Time for training; what one call leaves, the next one goes on with.")
    ] = 10.0,
    epochs: Annotated[float, typer.Option(min=0.1, help="At most so often is each picture learnt from.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Train a classifier of the run's seeds, and try it on prompts that it has not seen.

    Tells the accuracy beside guessing, shuffled labels and linear classifiers, by the number of prompts learnt from and on
    pictures with something taken away; which seeds are taken for which, and where in a picture a seed is told. Writes
    experiments/identify.json, .parquet and .png in the run folder.

    Example: seedscope identify configs/turbo.yaml --minutes 5
    """
    from seedscope.analysis.experiments.finding import place
    from seedscope.analysis.experiments.identify.crossed_pictures import crossed_pictures
    from seedscope.analysis.experiments.identify.given import given
    from seedscope.analysis.experiments.identify.identify import PARTS, identify
    from seedscope.analysis.run.parts import opened_to_judge
    from seedscope.pipeline.models.device import pick_device
    from seedscope.pipeline.storage.leftovers import sweep

    with opened_to_judge(study, folder) as run, Progress(console=notes, transient=True) as progress:
        scratch = place(run.folder.path, ".identify/pictures")
        scratch.parent.mkdir(exist_ok=True)
        sweep(scratch.parent)
        bars = {name: progress.add_task(name, total=None) for name in ("reading", *PARTS, "looking")}
        pictures = crossed_pictures(
            run, scratch, lambda done, of: progress.update(bars["reading"], completed=done, total=of)
        )
        found = identify(
            pictures,
            given(run, pictures),
            scratch.parent,
            60 * minutes,
            pick_device(run.study.compute.device),
            epochs=epochs,
            told=lambda part, share: progress.update(bars[part], completed=round(_STEPS * share), total=_STEPS),
        )
        finding, files = kept(run, found, minutes, pictures.missing)
        for file in scratch.parent.glob(f"{scratch.name}.*"):  # what was learnt stays, and can be gone on with
            file.unlink()
    say_found(finding, files, as_json=as_json)


def kept(run: AnyRun, found: Identified, minutes: float, missing: int) -> tuple[Finding, list[Path]]:
    """Write what was found into the run folder."""
    import pyarrow as pa

    from seedscope.analysis.experiments.finding import Finding, Picture, mark_of, place, save_table
    from seedscope.analysis.experiments.identify.sentences import sentences, tables
    from seedscope.analysis.sheets.told_sheet import told_sheet

    title, told = "Can the seed be told from the picture?", sentences(found)
    finding = Finding(
        name="identify",
        title=title,
        sentences=told,
        tables=tables(found),
        pictures=[
            Picture(
                file="identify.png",
                caption="Pictures whose seed was told, with 95 % intervals; below, seeds that are told best: the mean of their "
                "held-out pictures, and what each place says for the seed (blue) or against it (orange).",
            )
        ],
        run=mark_of(run),
        settings={
            "seeds": len(found.seeds),
            "prompts learnt": found.learnt,
            "prompts held out": found.tried,
            "prompts left out": missing,
            "minutes of training": minutes,
        },
    )
    sheet = place(run.folder.path, "identify.png")
    taken = pa.array(list(found.taken_for.astype("float32")), pa.list_(pa.float32(), len(found.seeds)))
    rows = {"seed": pa.array(found.seeds, pa.int64()), "told": pa.array(found.of_seed), "taken_for": taken}
    table = save_table(run.folder.path, "identify", pa.table(rows))
    told_sheet(*_drawn(found), sheet, title=f"{run.subject}: {title}", notes=told[:2])
    return finding, [finding.save(run.folder.path), table, sheet]


def _drawn(found: Identified) -> tuple[list[Bar], float, list[Face]]:
    """Bars, what guessing gives, and the faces of the seeds that are told best."""
    from seedscope.analysis.sheets.told_sheet import Bar, Face

    named = {"whole pictures": found.whole, "shuffled labels": found.shuffled, **found.linear}
    named |= {f"{count:,} prompts learnt": each for count, each in list(found.curve.items())[:-1]}
    named |= found.ablated
    bars = [Bar(name, each.share, each.lo, each.hi, name == "whole pictures") for name, each in named.items()]
    best = sorted(range(len(found.seeds)), key=lambda at: (-found.of_seed[at], found.seeds[at]))[:FACES]
    faces = [Face(f"seed {found.seeds[at]}", found.of_seed[at], found.means[at], found.maps[at]) for at in best]
    return bars, found.whole.guess, faces
