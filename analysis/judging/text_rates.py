"""How often a study that inpaints puts text into the masks, for each seed and task."""

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.scores.grid import Grid, read_grid
from seedscope.analysis.seeds.scores.rates import Rates, rates
from seedscope.pipeline.tables.columns import About, described

_SAYS = {
    "task": About("What the part drawn anew is for."),
    "seed": About("The seed."),
    "n": About("Pictures with a value.", "pictures"),
    **{
        f"{name}{end}": About(f"{said}{words}.", "share", "lower" if (name, end) == ("rate", "") else None)
        for name, said in {
            "rate": "Pictures that show text in the mask",
            "before": "The same masks before inpainting",
        }.items()
        for end, words in {"": "", "_lo": ", lower end of the 95 % interval", "_hi": ", upper end of it"}.items()
    },
}


def text_rates(run: Run, without: Collection[int] = ()) -> pa.Table | None:
    """For each task and seed, but those `without`: how often the mask shows text, and how often it did before inpainting.

    Columns: `task`, `seed`, `n` pictures, `rate` of those with text, `rate_lo`, `rate_hi`, and `before`, `before_lo`,
    `before_hi` of the same masks before inpainting; 95 % intervals over groups of prompts (see `rates`), null where they leave
    none. None where nothing is measured that needs a control.
    """
    before = {item.feature.name: item for item in run.control_measures}
    measure = next((item for item in run.measures if item.feature.name in before), None)
    if measure is None or run.control is None:
        return None
    column = next(name for name, better in measure.feature.scalars().items() if better)
    after = read_grid(measure.table, column, run.units).without(without)
    control = read_grid(before[measure.feature.name].table, column, run.control.units())
    tasks = [run.control.kind(prompt) for prompt in after.prompts.tolist()]
    rates_of = [_of_task(task, _only(tasks, task, after), control) for task in dict.fromkeys(tasks)]
    return described(pa.concat_tables(rates_of), _SAYS.get)


def _only(tasks: Sequence[str], task: str, grid: Grid) -> Grid:
    return grid.only(np.array(tasks) == task)


def _of_task(task: str, after: Grid, control: Grid) -> pa.Table:
    before = control.only(np.isin(control.prompts, after.prompts))
    was, found, seeds = rates(before.values, before.groups), rates(after.values, after.groups), len(after.seeds)
    names = {"task": pa.array([task] * seeds), "seed": pa.array(after.seeds), "n": pa.array(found.n)}
    return pa.table(names | _interval("rate", found, 1) | _interval("before", was, seeds))


def _interval(name: str, found: Rates, times: int) -> dict[str, pa.Array]:
    columns = {name: found.rate, f"{name}_lo": found.lo, f"{name}_hi": found.hi}
    return {key: pa.array(np.tile(values, times), from_pandas=True) for key, values in columns.items()}
