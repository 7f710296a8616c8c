"""Pictures of a run, for the sheets that show some of them."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from PIL import Image

from seedscope.analysis.run.run import Run
from seedscope.pipeline.images import decode

Item = TypeVar("Item")


def pictures_of(run: Run, seeds: Collection[int], prompts: Collection[str]) -> dict[tuple[int, str], Image.Image]:
    """(seed, prompt id) -> picture, of all cells of these seeds and prompts; a cell that failed has none."""
    found: dict[tuple[int, str], Image.Image] = {}
    wanted_seeds, wanted_prompts = set(seeds), set(prompts)
    for unit in run.units:
        if wanted_seeds & set(unit.seeds) and wanted_prompts & {prompt.id for prompt in unit.prompts}:
            for row in run.images.read(unit.name, ["prompt_id", "seed", "image"]).to_pylist():
                if row["image"] is not None and row["seed"] in wanted_seeds and row["prompt_id"] in wanted_prompts:
                    found[row["seed"], row["prompt_id"]] = Image.fromarray(decode(row["image"]["bytes"]))
    return found


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of the items, evenly spaced."""
    return list(items) if len(items) <= count else [items[i * len(items) // count] for i in range(count)]
