"""`seedscope negatives`: when a negative prompt acts, what it takes away, and what else it changes."""

import json
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.found import say_found
from seedscope.jobs.commands.making import carry_out_and_tell, make_and_tell
from seedscope.jobs.commands.options import Json, Out, StudyFile, runs_stages
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from seedscope.analysis.experiments.finding import Finding, Value
    from seedscope.analysis.experiments.negatives.judged import Judged
    from seedscope.analysis.features.preference import Preference
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.study.schema import Json as Said
    from seedscope.pipeline.tables.table import Table

FEWEST = 3
"""Seeds, and groups of pairs, from which something is told of others."""


@runs_stages
def try_negatives(
    study: StudyFile,
    where: "Executor",
    pairs: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="A table with the columns prompt, negative, word (of the prompt, which the negative is about), and perhaps "
            "null, where (object, background, whole), group.",
            show_default=False,
        ),
    ],
    folder: Out = None,
    seeds: Annotated[int, typer.Option(min=FEWEST, help="How many of the study's seeds.")] = 8,
    onsets: Annotated[
        str | None,
        typer.Option(
            metavar="STEPS",
            help="Steps from which on the negative prompt acts, such as 0,5,10.  \\[default: 8 of them]",
            show_default=False,
        ),
    ] = None,
    null_word: Annotated[
        str | None, typer.Option(help="An unrelated negative prompt, of pairs that name none.", show_default=False)
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FEATURE",
            help="A feature of the study that says how well a picture fits a text.  \\[default: the first]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw prompts with negative prompts that act from a later and later step on, and with unrelated ones.

    Of each onset it draws pairs x 2 x seeds, kept in RUN/experiments. Writes negatives.json, negatives.parquet, a row a
    measure, kind and step, of all pairs and of each, and negatives.png.

    Example: seedscope negatives configs/demo.yaml --pairs configs/negatives.csv --seeds 8
    """
    from seedscope.analysis.experiments.negatives.judged import judged
    from seedscope.analysis.experiments.negatives.measured import Design
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.opened import opened

    with opened(study, folder) as opened_run:
        run, began = must_be_drawn(opened_run), monotonic()
        _refuse(run)
        scored, steps = _score(run, by), _steps(onsets, run.study.sampling.steps)
        beside = [_beside(run, step, pairs, null_word, seeds, scored.name) for step in steps]
        _refuse_pairs(beside[0], seeds)
        told = notes if as_json else out
        if run.study.sampling.guidance.negative_prompt:
            notes.print("The study's own negative prompt is left out here.")
        made = [_made(each, scored, where, told) for each in beside]
        attention = _recorded(made[0], where, told)
        design = Design.of(made[0], list(made[0].wanted.seeds), steps)
        found = judged(design, made, (made[0], attention))
        settings: dict[str, Value] = {
            "pairs": str(pairs),
            "seeds": len(design.seeds),
            "onsets": ", ".join(map(str, steps)),
            "by": scored.name,
            "pictures": sum(len(each.wanted.prompts) for each in made) * len(design.seeds),
            "seconds": round(monotonic() - began),
        }
        finding, files = _written(run, found, scored.name, settings)
    say_found(finding, files, as_json=as_json)


def _refuse(run: "DrawnRun") -> None:
    """
    Raises:
        UserError: the study has no step from which on a negative prompt could act, or no guidance away from it.
    """
    name, sampling = run.study.name, run.study.sampling
    if run.study.task_name != "prompts":
        raise UserError(
            f"{name}: draws by `{run.study.task_name}`, and negative prompts are tried in pictures drawn from prompts alone. "
            "Name a study without this key."
        )
    if sampling.steps == 1:
        raise UserError(f"{name}: makes one step, so that there is no later one to act from. Name a study of several.")
    if sampling.guidance.scale <= 1 and sampling.guidance.negative_scale is None:
        raise UserError(
            f"{name}: sampling.guidance.scale is {sampling.guidance.scale:g}, at which a negative prompt has no effect. Set "
            "one above 1, or a negative_scale."
        )


def _refuse_pairs(beside: "DrawnRun", seeds: int) -> None:
    """
    Raises:
        UserError: too few pairs or seeds, or a model whose attention cannot be read, or that does not know a word.
    """
    from seedscope.pipeline.drawing.probes.negative_strength import refuse_unreadable
    from seedscope.pipeline.drawing.tasks.negatives import Negatives

    if not isinstance(beside.task, Negatives):
        raise TypeError("a run of pairs is drawn by the task of pairs")
    groups, there = {prompt.group for prompt in beside.wanted.prompts}, len(beside.wanted.seeds)
    if len(groups) < FEWEST or there < FEWEST:
        raise UserError(
            f"{beside.study.name}: {len(groups)} group(s) of pairs and {there} of {seeds} seed(s); what holds for others is "
            f"told from {FEWEST} groups, of different prompts, and {FEWEST} seeds on. Add some."
        )
    refuse_unreadable(beside.located, beside.study.sampling, beside.task)


def _score(run: "DrawnRun", by: str | None) -> "Preference":
    """The feature that says how well a picture fits a text.

    Raises:
        UserError: the study has none, or not that one.
    """
    from seedscope.analysis.features.preference import Preference

    known = {item.name: item for item in run.measured if isinstance(item, Preference)}
    if by is not None and by not in known:
        raise UserError(
            f"--by {by}: is no feature of this study that says how well a picture fits a text; such are "
            f"{', '.join(known) or 'none'}."
        )
    if not known:
        raise UserError(
            f"{run.study.name}: has no feature that says how well a picture fits a text. Add `clip_score` to its features; for "
            "the bundled models `clip_score: {model: sprout-clip}`."
        )
    return known[by] if by is not None else next(iter(known.values()))


def _steps(said: str | None, steps: int) -> list[int]:
    """Onsets in order: the first is 0, and the last is beyond all steps, so that the negative prompt never acts.

    Raises:
        UserError: they cannot be read, or lie beyond the steps.
    """
    from seedscope.analysis.experiments.negatives.onsets import spread

    if said is None:
        return spread(steps)
    parts = [part.strip() for part in said.split(",")]
    if wrong := [part for part in parts if not (part.isdecimal() and int(part) < steps)]:
        raise UserError(f"--onsets {said}: {wrong[0]!r} is no step from 0 to {steps - 1}.")
    return sorted({0, *map(int, parts), steps})


def _beside(run: "DrawnRun", onset: int, pairs: Path, null_word: str | None, seeds: int, by: str) -> "DrawnRun":
    """The run of an onset; one with other pairs or settings has another folder. The last one finds the objects too."""
    from seedscope.analysis.run.beside import run_beside, unjudged
    from seedscope.pipeline.drawing.tasks.negatives import NEGATIVE
    from seedscope.pipeline.study.negative_pairs import read_pairs
    from seedscope.pipeline.study.schema import fingerprint

    sampling = json.loads(run.study.sampling.model_dump_json())
    sampling["guidance"] |= {"negative_prompt": NEGATIVE, "negative_from": onset}
    texts: list[Said] = [
        [each.prompt, each.word, each.negative, each.null, each.group] for each in read_pairs(pairs, null_word)
    ]
    mark = fingerprint({"sampling": sampling, "pairs": texts})[:8]
    wanted = {by, *(("layout",) if onset == run.study.sampling.steps else ())}
    features: list[Said] = [json.loads(each.model_dump_json()) for each in run.study.features if each.name in wanted]
    options: Said = {} if null_word is None else {"null_word": null_word}
    return unjudged(
        run_beside(
            run,
            f"negatives-{onset}-{mark}",
            sampling=sampling,
            prompts=[{"file": str(pairs.absolute())}],
            task={"name": "negatives", "options": options},
            seeds=[*run.wanted.seeds[:seeds]],
            features=features,
            ranking={"by": by},
        )
    )


def _made(beside: "DrawnRun", by: "Preference", where: "Executor", told: "Console") -> "DrawnRun":
    """The run of an onset, with what it lacked."""
    from dataclasses import replace

    from seedscope.analysis.experiments.negatives.presence import Presence
    from seedscope.analysis.run.opened import held

    kept = [item for item in beside.measured if item.name != by.name]
    with held(replace(beside, measured=[Presence(by), *kept])) as run:
        make_and_tell(run, where, told, pictures=True, features=True)
        return _drawn(run)


def _recorded(run: "DrawnRun", where: "Executor", told: "Console") -> "Table":
    """The table of what was attended to while the pictures of a run are drawn, with what it lacked."""
    from seedscope.analysis.run.opened import held
    from seedscope.pipeline.drawing.probes.negative_strength import NegativeStrength, strength_table
    from seedscope.pipeline.drawing.tasks.negatives import Negatives

    with held(run):
        if not isinstance(run.task, Negatives):
            raise TypeError("a run of pairs is drawn by the task of pairs")
        table = strength_table(run.folder.storage, run.cause)
        stage = NegativeStrength(run.study, run.located, table, run.task)
        carry_out_and_tell(run, "attention", stage, where, told)
    return table


def _drawn(run: object) -> "DrawnRun":
    from seedscope.analysis.run.run import DrawnRun

    if not isinstance(run, DrawnRun):
        raise TypeError("a run beside a drawn one is drawn")
    return run


def _written(run: "DrawnRun", found: "Judged", by: str, settings: "dict[str, Value]") -> "tuple[Finding, list[Path]]":
    """The finding, and its files."""

    from seedscope.analysis.experiments.finding import Finding, Picture, mark_of, save_page, save_table
    from seedscope.analysis.experiments.negatives.told import TITLE, plot, table, tables, told

    folder = run.folder.path
    files = [
        save_table(folder, "negatives", table(found)),
        save_page(folder, "negatives", plot(found, run.subject, by)),
    ]
    caption = (
        "Attention to the negative prompt over the steps; what it takes away, and changes, by the step it acts from."
    )
    finding = Finding(
        name="negatives",
        title=TITLE,
        sentences=told(found, by),
        tables=tables(found),
        pictures=[Picture(file="negatives.png", caption=caption)],
        run=mark_of(run),
        settings=settings,
    )
    return finding, [finding.save(folder), *files]
