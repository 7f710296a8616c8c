"""`seedscope swap`: what decides a picture, the first noise or the later?"""

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedscope.jobs.commands.found import say_found
from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.commands.options import Json, Out, StudyFile, runs_stages
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from seedscope.analysis.experiments.finding import Finding, Value
    from seedscope.analysis.experiments.swap.judged import Compare, Judged
    from seedscope.analysis.experiments.swap.samplers import Sampler
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.study.schema import Json as Said

FEWEST_GROUPS = 3


@runs_stages
def swap_seeds(
    study: StudyFile,
    where: "Executor",
    folder: Out = None,
    seeds: Annotated[int, typer.Option(min=3, help="How many of the study's seeds, for the first noise.")] = 8,
    step_seeds: Annotated[int, typer.Option(min=3, help="How many seeds, for the noise of the steps.")] = 8,
    prompts: Annotated[int, typer.Option(min=3, help="How many of the study's prompts, evenly spaced.")] = 12,
    samplers: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="`own` is the study's; an eta may follow a name.  \\[default: own, ddim 0.2, ddim 0.5, ddim 1, ddpm, euler a, "
            "lcm]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FEATURE",
            help="A feature of the study by which pictures are apart, beside SSIM.  \\[default: one of style, or another "
            "that gives a vector]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw each prompt with the first noise of one seed and the later noise of another, and say which of the two decides.

    Of each sampler it draws prompts x seeds x step seeds, and pictures that are swapped to another seed on the way; they are
    kept in RUN/experiments. Writes swap.json, swap.parquet, a row a sampler, measurement and component, and swap.png.

    Example: seedscope swap configs/demo.yaml --samplers "own, ddim 1, euler a"
    """
    from seedscope.analysis.experiments.swap.samplers import samplers as named
    from seedscope.analysis.features.likeness import lpips
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.opened import opened

    with opened(study, folder) as opened_run:
        run, began = must_be_drawn(opened_run), monotonic()
        features = _embeddings(run, by)
        design = _design(run, seeds, step_seeds, prompts)
        wanted, missing = named(run, samplers)
        perceptual = lpips()
        compare: Compare = {} if isinstance(perceptual, str) else dict([perceptual])
        for line in missing:
            notes.print(line, soft_wrap=True)
        told = notes if as_json else out
        found = [_judged(run, sampler, design, features, compare, where, told) for sampler in wanted]
        if isinstance(perceptual, str):
            missing.append(perceptual)
        finding, files = _written(run, found, missing, design.settings() | {"seconds": round(monotonic() - began)})
    say_found(finding, files, as_json=as_json)


@dataclass(frozen=True)
class _Design:
    """What is drawn with each sampler."""

    seeds: "Sequence[int]"
    step_seeds: "Sequence[int]"
    prompts: int

    def options(self, steps: int) -> dict[str, str | int]:
        """Of the task."""
        from seedscope.analysis.experiments.swap.samplers import by_steps

        on_the_way = ",".join(map(str, by_steps(steps)))
        return {"step_seeds": _listed(self.step_seeds), "from": "0", "in_turn": on_the_way, "prompts": self.prompts}

    def proof(self) -> dict[str, str | int]:
        """Of the task: one prompt with two step seeds."""
        return {"step_seeds": _listed(self.step_seeds[:2]), "from": "0", "prompts": 1}

    def settings(self) -> "dict[str, Value]":
        return {"prompts": self.prompts, "initial seeds": _listed(self.seeds), "step seeds": _listed(self.step_seeds)}


def _design(run: "DrawnRun", seeds: int, step_seeds: int, prompts: int) -> _Design:
    """What is drawn, if the study has enough for it.

    Raises:
        UserError: it has too few seeds or groups of prompts, or draws something else than pictures from prompts.
    """
    from seedscope.analysis.run.sampled_pictures import evenly
    from seedscope.jobs.planning.draw_variations import variation_seeds

    if run.study.task_name != "prompts":
        raise UserError(
            f"{run.study.name}: draws by `{run.study.task_name}`, and seeds are swapped in pictures drawn from prompts alone. "
            "Name a study without this key."
        )
    chosen = evenly(run.wanted.prompts, prompts)
    groups, own = {prompt.group for prompt in chosen}, list(run.wanted.seeds)
    if len(groups) < FEWEST_GROUPS or len(own) < FEWEST_GROUPS:
        raise UserError(
            f"{run.study.name}: has {len(own)} seed(s) and {len(chosen)} prompt(s) in {len(groups)} group(s); what holds for "
            f"others is told from {FEWEST_GROUPS} seeds and {FEWEST_GROUPS} groups on. Add some."
        )
    further = variation_seeds(own, max(step_seeds - len(own), 0))
    return _Design(own[:seeds], [*own, *further][:step_seeds], len(chosen))


def _embeddings(run: "DrawnRun", by: str | None) -> list[str]:
    """The feature by which pictures are apart, if the study has one.

    Raises:
        UserError: the one that is named gives no vector, or is none of the study.
    """
    from seedscope.analysis.experiments.swap.judged import embeddings

    known = embeddings(run)
    if by is not None and by not in known:
        raise UserError(
            f"--by {by}: is no feature of this study that gives a vector of a picture; such are {', '.join(known) or 'none'}."
        )
    return [by] if by is not None else known[:1]


def _judged(
    run: "DrawnRun",
    sampler: "Sampler",
    design: _Design,
    features: "Sequence[str]",
    compare: "Compare",
    where: "Executor",
    told: "Console",
) -> "Judged":
    """Draw and measure what a sampler lacks, and judge it; nothing but a proof where the later noise changes nothing."""
    from seedscope.analysis.experiments.swap.judged import Judged, judged
    from seedscope.analysis.run.opened import held

    if not sampler.acts:
        with held(_beside(run, sampler, design.proof(), design.seeds[:1])) as beside:
            make_and_tell(beside, where, told, pictures=True)
            if len(_bytes(beside)) == 1:
                return Judged(sampler)
    with held(_beside(run, sampler, design.options(sampler.sampling.steps), design.seeds)) as beside:
        make_and_tell(beside, where, told, pictures=True, features=True)
        return judged(_drawn(beside), sampler, features, compare)


def _beside(run: "DrawnRun", sampler: "Sampler", options: dict[str, str | int], seeds: "Sequence[int]") -> "DrawnRun":
    """The run of a sampler; one with other settings has another folder."""
    import json

    from seedscope.analysis.run.beside import run_beside, unjudged
    from seedscope.pipeline.study.schema import fingerprint

    sampling: Said = json.loads(sampler.sampling.model_dump_json())
    said: dict[str, Said] = {**options}
    task: Said = {"name": "swap", "options": said}
    mark = fingerprint({"sampling": sampling, "task": task, "seeds": [*seeds]})[:8]
    name = f"swap-{sampler.slug}-{mark}"
    return unjudged(run_beside(run, name, sampling=sampling, task=task, seeds=[*seeds]))


def _drawn(run: object) -> "DrawnRun":
    from seedscope.analysis.run.run import DrawnRun

    if not isinstance(run, DrawnRun):
        raise TypeError("a run beside a drawn one is drawn")
    return run


def _bytes(run: object) -> set[bytes]:
    """The different pictures of a small run, as they are stored."""
    drawn = _drawn(run)
    rows = [row for unit in drawn.units for row in drawn.images.read(unit.name, ["image", "error"]).to_pylist()]
    return _different(rows, drawn.folder.storage.url)


def _different(rows: "Sequence[dict[str, Any]]", url: str) -> set[bytes]:
    """The different bytes of stored pictures.

    Args:
        rows: `image` and `error` of each.

    Raises:
        UserError: a picture failed: then nothing is proved.
    """
    failed = [row["error"] for row in rows if row["image"] is None]
    if failed:
        raise UserError(
            f"{url}: {len(failed)} of the {len(rows)} pictures that show whether later noise changes anything failed "
            f"({failed[0]}): set another `compute: {{dtype: ...}}`, float32 or bfloat16, or name another model."
        )
    return {row["image"]["bytes"] for row in rows}


def _written(
    run: "DrawnRun", found: "Sequence[Judged]", missing: "Sequence[str]", settings: "dict[str, Value]"
) -> "tuple[Finding, list[Path]]":
    """The finding, and its files."""

    from seedscope.analysis.experiments.finding import Finding, Picture, mark_of, save_page, save_table
    from seedscope.analysis.experiments.swap.told import TITLE, plot, shares_table, tables, told

    folder = run.folder.path
    files = [save_table(folder, "swap", shares_table(found))]
    page, pictures = plot(found, run.subject), list[Picture]()
    if page is not None:
        files.append(save_page(folder, "swap", page))
        pictures.append(Picture(file="swap.png", caption="Pictures swapped to another seed's later noise on the way."))
    finding = Finding(
        name="swap",
        title=TITLE,
        sentences=[*told(found), *missing],
        tables=tables(found),
        pictures=pictures,
        run=mark_of(run),
        settings={
            **settings,
            "samplers": ", ".join(each.sampler.name for each in found),
            "pictures": sum(each.pictures for each in found),
        },
    )
    return finding, [finding.save(folder), *files]


def _listed(seeds: "Sequence[int]") -> str:
    return ",".join(map(str, seeds))
