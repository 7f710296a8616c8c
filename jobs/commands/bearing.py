"""What the commands have in common that draw seeds with something changed: what is chosen, drawing, and words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from seedscope.jobs.console import notes, out, say_written
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from seedscope.analysis.features.embedding import Embedding
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.analysis.seeds.scores.bearing import Bearing, Way
    from seedscope.jobs.planning.draw_changed import Change, Drawn
    from seedscope.pipeline.study.prompts import Prompt

SHOWN = 24
"""Seeds that the terminal lists; the file has all."""
NAMED = 8
"""Seeds that a sentence names."""

Seeds = Annotated[int, typer.Option(min=2, help="How many of the study's seeds, from the first on.")]
Prompts = Annotated[int, typer.Option(min=2, help="How many of the study's prompts, evenly spaced.")]
By = Annotated[
    str | None,
    typer.Option(
        metavar="FEATURE",
        help="Feature that gives a vector of each picture.  \\[default: style_efficientnet_lite0]",
        show_default=False,
    ),
]


@dataclass(frozen=True, eq=False)
class Chosen:
    """Of which seeds and prompts of a run it is asked, and by which feature."""

    run: DrawnRun
    seeds: list[int]
    prompts: list[Prompt]
    embedding: Embedding

    @property
    def groups(self) -> list[str]:
        """Of the prompts."""
        return [prompt.group for prompt in self.prompts]

    def file(self, name: str) -> Path:
        return self.run.folder.path / name

    def draw(self, changes: Sequence[Sequence[Change]], name: str) -> Drawn:
        """Draw, with a bar that is called `name`, as `draw_changed` does."""
        from seedscope.jobs.planning.draw_changed import draw_changed

        with Progress(console=notes, transient=True) as progress:
            bar = progress.add_task(name, total=len(self.seeds) * sum(map(len, changes)))
            return draw_changed(
                self.run,
                self.embedding,
                self.seeds,
                self.prompts,
                changes,
                self._kept(name),
                told=lambda count: progress.advance(bar, count),
            )

    def forget(self, name: str) -> None:
        """What was kept for the case that the command is stopped."""
        shutil.rmtree(self._kept(name), ignore_errors=True)

    def _kept(self, name: str) -> Path:
        return self.file(f".{name}")


@contextmanager
def chosen(
    study: Path, folder: str | None, by: str | None, seeds: int, prompts: int, least: int = 2
) -> Iterator[Chosen]:
    """What is asked of a study, whose run is held until the end.

    Args:
        least: number of seeds.

    Raises:
        UserError: what is wrong with it, before work begins.
    """
    from seedscope.analysis.run.opened import opened
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.analysis.seeds.scores.bearing import refuse_too_few
    from seedscope.jobs.planning.draw_changed import embedding_named, some_prompts

    with opened(study, folder) as run:
        if not isinstance(run, DrawnRun):
            raise UserError(f"{study}: its pictures were imported, and nothing can be drawn with an unknown model.")
        if run.task.together > 1:
            raise UserError(
                f"task.{run.study.task_name}: pictures of a prompt are drawn in sets, so that none can be varied alone. Name a "
                "study without this key."
            )
        some = some_prompts(run.wanted.prompts, prompts)
        of_run = list(run.wanted.seeds[:seeds])
        refuse_too_few(len(some), len(of_run), least)
        yield Chosen(run, of_run, some, embedding_named(run, by))


def rows(
    found: Bearing, seeds: Sequence[int], curves: Sequence[tuple[str, Way]], **more: npt.NDArray[np.float64]
) -> pa.Table:
    """A row a seed, the most stable first.

    Args:
        curves: name -> means (S,) of a column and of its interval.
        more: columns (S,).
    """
    import numpy as np
    import pyarrow as pa

    order = found.order
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
        **{name: values[order] for name, values in more.items()},
    }
    for name, way in curves:
        for end, values in (("", way.mean), ("_lo", way.lo), ("_hi", way.hi)):
            columns[f"{name}{end}"] = values[order]
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def whether_they_differ(found: Bearing, seeds: Sequence[int], what: str) -> str:
    """Whether seeds differ in how they bear `what`, and which do surely."""
    from seedscope.analysis.counted_p import counted_p
    from seedscope.analysis.seeds.scores.bearing import RATE, SHUFFLES
    from seedscope.analysis.seeds.scores.shuffle import FEWEST_GROUPS

    differ = "differ" if found.differ <= RATE else "cannot be told apart"
    named = [
        _named([seeds[int(seed)] for seed in found.order if found.verdict(int(seed)) == verdict], text)
        for verdict, text in (("stable", "surely more stable than the median seed"), ("brittle", "more brittle"))
    ]
    judged = (
        f"{named[0]}, and {named[1]}, at a false discovery rate of {100 * RATE:g} %."
        if found.groups >= FEWEST_GROUPS
        else f"which of them are stable or brittle takes prompts of {FEWEST_GROUPS} groups or more."
    )
    return (
        f"Over {found.prompts} prompts in {found.groups} groups the seeds {differ} in how they bear {what} "
        f"({counted_p(found.differ, SHUFFLES)}): {judged}"
    )


def _named(seeds: Sequence[int], what: str) -> str:
    if not seeds:
        return f"none is {what}"
    more = f" and {len(seeds) - NAMED} more" if len(seeds) > NAMED else ""
    return f"{', '.join(map(str, seeds[:NAMED]))}{more} {'is' if len(seeds) == 1 else 'are'} {what}"


def say(
    told: Sequence[str],
    table: pa.Table,
    columns: Sequence[tuple[str, Callable[[dict[str, float]], str]]],
    files: Sequence[Path],
    *,
    as_json: bool,
    **more: object,
) -> None:
    """Print what was found, for a person or as JSON; `columns` beside seed, mean with its interval, and verdict."""
    if as_json:
        listed = {"sentences": told, "seeds": table.to_pylist(), **more, "files": [str(path) for path in files]}
        print(json.dumps(listed))
        return
    out.print(_shown(table, columns))
    if table.num_rows > SHOWN:
        notes.print(f"The {SHOWN // 2} most stable and the {SHOWN // 2} most brittle of {table.num_rows} seeds.")
    for sentence in told:
        out.print(sentence)
    say_written(files)


def written(value: float | None) -> str:
    """A number of a table."""
    return "-" if value is None else f"{value:.2f}"


def _shown(table: pa.Table, columns: Sequence[tuple[str, Callable[[dict[str, float]], str]]]) -> Table:
    shown = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in ("seed", *(name for name, _ in columns), "mean", "lo", "hi", ""):
        shown.add_column(name, justify="left" if name == "" else "right")
    listed = table.to_pylist()
    for row in listed if len(listed) <= SHOWN else [*listed[: SHOWN // 2], *listed[-SHOWN // 2 :]]:
        ends = [written(row[f"distance{end}"]) for end in ("", "_lo", "_hi")]
        verdict = "" if row["verdict"] == "as others" else row["verdict"]
        shown.add_row(str(row["seed"]), *(cell(row) for _, cell in columns), *ends, verdict)
    return shown
