"""`seedscope diverse`: a few seeds whose pictures differ, and whether they still do on prompts that did not choose them."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.analysis.counted_p import counted_p
from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.judging.diverse_sets import DiverseSeeds


def choose_diverse_seeds(
    study: StudyFile,
    folder: Out = None,
    count: Annotated[int, typer.Option(min=2, help="Seeds of a set.")] = 4,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FEATURE",
            help="layout, or a feature that gives a vector of each picture.  \\[default: layout and one of style]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Choose seeds whose pictures differ, among all seeds and among the golden ones; writes diverse.json.

    Example: seedscope diverse configs/demo.yaml --by layout
    """
    from seedscope.analysis.judging.diverse_sets import choose_diverse, diverse_measures
    from seedscope.analysis.judging.golden_rules import choose
    from seedscope.analysis.judging.judge import judge
    from seedscope.analysis.run.parts import opened_to_judge

    with opened_to_judge(study, folder) as run:
        measures = diverse_measures(run, by)
        found = choose_diverse(run, measures, choose(run, judge(run)).seeds, count)
    if not found.sets:
        raise UserError("\n".join(f"no set by {name}: {reason}" for name, reason in found.silent.items()))
    if as_json:
        print(json.dumps([asdict(each) for each in found.sets]))
    for each in [] if as_json else found.sets:
        out.print(_describe(each))
    for name, reason in found.silent.items():
        notes.print(f"No set by {name}: {reason}")
    if not as_json:
        out.print(f"wrote {run.folder.path / 'diverse.json'}", soft_wrap=True)


def _describe(each: "DiverseSeeds") -> str:
    """The seeds, what they are worth, and what was left out on the way."""
    found = each.evidence
    left = {
        f"{len(each.copied)} seeds of the run with the pictures of another": len(each.copied),
        f"{each.left_out} seeds with pictures of too few prompts": each.left_out,
        f"{found.left_out} prompts without pictures of two of them": found.left_out,
        f"{found.missing} pictures without a vector": found.missing,
    }
    p = counted_p(found.p_value, found.draws, "random sets")
    outside = ", ".join(words for words, number in left.items() if number)
    return (
        f"Among {each.pool} seeds, by {each.feature}: {', '.join(map(str, each.seeds))}. On {found.prompts} other prompts "
        f"their pictures have a similarity of {found.similarity:.3f}; random sets have {found.random:.3f} "
        f"({found.random_range[0]:.3f} to {found.random_range[1]:.3f}), {p}."
        f"{f' Left out: {outside}.' if outside else ''}"
        f"{''.join(f' Seed {seed} is left out: its pictures are degenerate: {why}.' for seed, why in each.degenerate.items())}"
    )
