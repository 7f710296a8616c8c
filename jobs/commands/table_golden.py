"""`seedscope table golden`: golden, random and worst seeds on prompts that took no part in choosing."""

import re
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.found import say_found
from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.commands.options import Json, Out, StudyFile, runs_stages
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from rich.console import Console

    from seedscope.analysis.experiments.finding import Finding, Value
    from seedscope.analysis.experiments.golden_table.arms import Arms
    from seedscope.analysis.run.run import AnyRun, DrawnRun, Run
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.study.prompts import Prompt


@runs_stages
def table_golden(
    study: StudyFile,
    where: "Executor",
    folder: Out = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="OTHER",
            help="A prompt file or a study, whose prompts are drawn.  \\[default: half of the run's own, by the other half's "
            "best seeds; nothing is drawn]",
            show_default=False,
        ),
    ] = None,
    random: Annotated[
        int, typer.Option(min=16, help="Seeds of the study that are drawn at random for --prompts.")
    ] = 32,
    best: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help="Take the K best seeds.  \\[default: with --prompts the golden ones, else as many as `ranking.golden`]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare golden with random and worst seeds on prompts that took no part in choosing, and say what best-of-N takes.

    Frechet distance and every measure with a good direction. New pictures are kept in RUN/experiments. Writes
    table-golden.json, table-golden.parquet and table-golden.png there; with OTHER its name follows.

    Example: seedscope table golden configs/turbo.yaml --prompts configs/fresh_prompts.csv
    """
    from seedscope.analysis.run.parts import opened_to_judge

    began, told = monotonic(), notes if as_json else out
    with opened_to_judge(study, folder) as run:
        if prompts is None:
            finding, files = _held_out(run, best, began)
        else:
            finding, files = _fresh(run, prompts, random, best, where, told, began)
    say_found(finding, files, as_json=as_json)


def _held_out(run: "AnyRun", best: int | None, began: float) -> "tuple[Finding, list[Path]]":
    """On half of the run's own prompts."""
    from seedscope.analysis.experiments.golden_table.arms import arms_of_half, halves

    half = halves(run, "Draw prompts of more groups, or name others with --prompts.")
    arms = arms_of_half(run, half.choosing, best)
    return _written(
        run, run, arms, half.held_out, "table-golden", "the half of the run's prompts that is held out", began
    )


def _fresh(
    run: "AnyRun",
    file: Path,
    random: int,
    best: int | None,
    where: "Executor",
    told: "Console",
    began: float,
) -> "tuple[Finding, list[Path]]":
    """On other prompts, which are drawn."""
    from seedscope.analysis.experiments.golden_table.arms import arms_of_run
    from seedscope.analysis.run.opened import held
    from seedscope.analysis.run.run import DrawnRun

    if not isinstance(run, DrawnRun):
        raise UserError(
            f"{run.folder.storage.url}: its pictures were imported, and --prompts draws with a model. Without it seeds are "
            "compared on half of the run's own prompts."
        )
    fresh = _unseen(run, file)
    arms = arms_of_run(run, random, best, _rng(run, "seeds"))
    with held(_beside(run, arms, fresh)) as beside:
        make_and_tell(beside, where, told, pictures=True, features=True)
        name = f"table-golden-{re.sub('[^a-z0-9]+', '-', file.stem.lower()).strip('-') or 'other'}"
        return _written(run, beside, arms, beside.wanted.prompts, name, f"the prompts of {file.name}", began)


def _unseen(run: "DrawnRun", file: Path) -> "list[Prompt]":
    """The prompts of OTHER that the run has not seen, if they are enough.

    Raises:
        UserError: they are not, or the study draws from something else than prompts.
    """
    from seedscope.analysis.experiments.golden_table.arms import FEWEST_GROUPS
    from seedscope.analysis.experiments.golden_table.fresh_prompts import other_prompts, unseen
    from seedscope.pipeline.study.likely_groups import grouped

    if run.study.task_name != "prompts":
        raise UserError(
            f"{run.study.name}: draws by `{run.study.task_name}`, and other prompts are drawn from prompts alone. Name a study "
            "without this key, or leave --prompts out."
        )
    every = other_prompts(file)
    fresh = unseen(run, every)
    groups = {prompt.group for prompt in grouped(run.study, fresh)}
    chosen_on = {prompt.group for prompt in run.wanted.prompts}
    known = sum(prompt.group in chosen_on for prompt in fresh)
    if len(groups) < FEWEST_GROUPS:
        raise UserError(
            f"--prompts {file}: of its {len(every):,} prompts {len(fresh):,} took no part in choosing, in {len(groups)} "
            f"group(s), and at least {FEWEST_GROUPS} are needed. Name prompts that the run has not drawn."
        )
    if len(fresh) < len(every):
        notes.print(f"{len(every) - len(fresh):,} of {len(every):,} prompts are left out: the run has them.")
    if known:
        notes.print(f"{known:,} of {len(fresh):,} prompts are of groups, such as objects, that took part in choosing.")
    return fresh


def _beside(run: "DrawnRun", arms: "Arms", prompts: "Sequence[Prompt]") -> "DrawnRun":
    """The run of these seeds and prompts; others have another folder."""
    from seedscope.analysis.experiments.golden_table.fresh_prompts import kept_as_file
    from seedscope.analysis.run.beside import run_beside, sharing_reference
    from seedscope.pipeline.study.schema import fingerprint

    mark = fingerprint({"prompts": [[prompt.text, prompt.group] for prompt in prompts], "seeds": [*arms.seeds]})[:8]
    name = f"table-golden-{mark}"
    beside = run_beside(run, name, prompts=kept_as_file(run.folder.path, name, prompts), seeds=[*arms.seeds])
    return sharing_reference(beside, run)


def _rng(run: "Run", what: str) -> "np.random.Generator":
    """Randomness of its own for each purpose, the same each time."""
    import numpy as np

    from seedscope.pipeline.study.schema import fingerprint

    return np.random.default_rng(int(fingerprint({"cause": run.cause, "for": f"table golden {what}"})[:16], 16))


def _written(
    run: "Run", measured: "Run", arms: "Arms", prompts: "Sequence[Prompt]", name: str, which: str, began: float
) -> "tuple[Finding, list[Path]]":
    """The finding, and its files; `measured` has the pictures."""

    from seedscope.analysis.experiments.finding import Finding, Picture, mark_of, save_page, save_table
    from seedscope.analysis.experiments.golden_table.sheet import sheet
    from seedscope.analysis.experiments.golden_table.table import as_table, golden_table, scored
    from seedscope.analysis.experiments.golden_table.told import TITLE, tables, told

    ids = [prompt.id for prompt in prompts]
    rows = golden_table(measured, arms, ids, _rng(run, "table"))
    groups = len({prompt.group for prompt in prompts})
    sentences = told(rows, arms, f"{which}: {len(prompts):,} in {groups:,} groups")
    page = sheet(measured, arms, prompts, next(scored(measured, arms, ids), None), sentences[:1])
    files = [save_table(run.folder.path, name, as_table(rows)), save_page(run.folder.path, name, page)]
    settings: dict[str, Value] = {
        "prompts": len(prompts),
        "golden": len(arms.golden),
        "random": len(arms.random),
        "worst": len(arms.worst),
        "new pictures": 0 if measured is run else len(arms.seeds) * len(prompts),
        "seconds": round(monotonic() - began),
    }
    finding = Finding(
        name=name,
        title=f"{TITLE[:-1]}: {which}?",
        sentences=sentences,
        tables=tables(rows),
        pictures=[Picture(file=files[1].name, caption="Golden, random and worst seeds on some of these prompts.")],
        run=mark_of(run),
        settings=settings,
    )
    return finding, [finding.save(run.folder.path), *files]
