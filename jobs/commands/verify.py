"""`seedscope verify`: are all shards what their receipts say?"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import for_a_program, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.judging.second_opinion import Opinion
    from seedscope.analysis.run.run import AnyRun, DrawnRun


def verify_study(
    study: StudyFile,
    folder: Out = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte, not sizes and footers only.")] = False,
    second_opinion: Annotated[
        bool,
        typer.Option(
            "--second-opinion",
            help="Compute distances and CLIPScore of the best, the middle and the worst seed by torchmetrics, from the stored "
            "pictures, and compare.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check all shards against their receipts. A damaged one loses its receipt; the next run makes it again.

    Example: seedscope verify configs/demo.yaml --deep
    """
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.opened import run_of
    from seedscope.jobs.work.make import verify

    run = run_of(study, folder)
    with run.folder.read() as read:
        writable = read is run.folder
        damaged = verify(run, deep=deep, take_back=writable)
    opinions = _opinions(run) if second_opinion and not damaged else []
    if as_json:
        told: dict[str, object] = {"whole": not damaged, "deep": deep, "damaged": damaged}
        told |= (
            {"second_opinion": [asdict(each) | {"agrees": each.agrees} for each in opinions]} if second_opinion else {}
        )
        print(json.dumps(told))
    for reason in [] if as_json else damaged:
        out.print(f"damaged: {reason}", soft_wrap=True)
    if damaged and not writable:
        raise UserError(
            f"{len(damaged)} shards are damaged. Nothing was taken back, as the run cannot be written: verify it where it can, "
            "or a copy of it, and run the study again to make them anew."
        )
    if damaged:
        raise UserError(f"{len(damaged)} damaged shards were taken back. Run the study again to make them anew.")
    with for_a_program(as_json):
        if run.race is not None:
            _verify_rounds(must_be_drawn(run), deep=deep)
        out.print(
            "All shards are whole." if deep else "All shards have their size and footer; --deep reads every byte."
        )
        if second_opinion:
            _tell(opinions)


def _opinions(run: "AnyRun") -> "list[Opinion]":
    """What torchmetrics says of three seeds.

    Raises:
        UserError: the run has no ranking yet, or nothing in it that torchmetrics computes too.
    """
    from seedscope.analysis.judging.run_view import open_run
    from seedscope.analysis.judging.second_opinion import second_opinions, some_seeds
    from seedscope.analysis.run.parts import judged_part
    from seedscope.analysis.seeds.ranking import Ranking

    part = judged_part(run)
    url = run.folder.storage.url
    if run.folder.storage.size("seeds.parquet") is None:
        raise UserError(
            f"{url}: has no seeds.parquet yet, of which there could be a second opinion: `seedscope seeds` first."
        )
    table = open_run(url).seeds()
    found = second_opinions(part, table, some_seeds(Ranking.of(table)))
    if not found:
        raise UserError(
            f"{url}: has no Frechet distance, KID or CLIPScore, of which torchmetrics could give a second opinion."
        )
    return found


def _tell(opinions: "Sequence[Opinion]") -> None:
    """The numbers side by side.

    Raises:
        UserError: some do not agree.
    """
    from rich.table import Table

    table = Table("measure", "seed", "pictures", "seedscope", "torchmetrics", title="A second opinion")
    for each in opinions:
        error = "" if each.error is None else f" ± {each.error:.1g}"
        table.add_row(each.measure, str(each.seed), str(each.pictures), f"{each.ours:.6g}", f"{each.theirs:.6g}{error}")
    out.print(table)
    if other := [each for each in opinions if not each.agrees]:
        names = ", ".join(f"{each.measure} of seed {each.seed}" for each in other)
        raise UserError(
            f"{len(other)} of {len(opinions)} numbers differ by more than a thousandth: {names}. Pictures or measurements "
            "have changed since the seeds were ranked: `seedscope seeds` ranks them again."
        )
    out.print(f"All {len(opinions)} numbers agree.")


def _verify_rounds(run: "DrawnRun", *, deep: bool) -> None:
    """Are the rounds of a sweep those that its stored scores decide?"""
    from seedscope.analysis.judging.race.decide import decided_otherwise, refuse_other_decisions
    from seedscope.analysis.judging.race.early_trial import refuse_other_trial

    parts = [run] if run.early is None else [run, run.early]
    measured = [set.intersection(*(item.table.committed() for item in part.measures)) for part in parts]
    if any(unit.name not in there for part, there in zip(parts, measured, strict=True) for unit in part.units):
        out.print(
            f"{run.race.describe() if run.race else ''}: not all of it is measured, and its decisions were not looked at.",
            soft_wrap=True,
        )
        return
    refuse_other_trial(run)
    changed = refuse_other_decisions(run, trust_bytes=not deep)
    if changed:
        rounds = ", ".join(map(str, changed))
        out.print(
            f"The scores have changed since round(s) {rounds} were decided from them, and decide alike.", soft_wrap=True
        )
    if deep and (older := decided_otherwise(run)):
        out.print(
            f"Round(s) {', '.join(map(str, older))} were decided from these scores by an older version, which weighed pairs of "
            "pictures otherwise, and were not decided again.",
            soft_wrap=True,
        )
    elif deep or changed:
        out.print("Each round is as the scores decide.")
    else:
        out.print("Each round was decided from the scores that there are.")
