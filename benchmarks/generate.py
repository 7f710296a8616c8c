"""Images a second through `seedscope generate` to published shards, against what a user would write with diffusers.

    python benchmarks/generate.py

Three rows, one process after another on the same machine, same model, steps, guidance, prompts and seeds:
1. the usual loop: one `pipe(prompt, generator=...)` a picture;
2. a bare batched loop: `pipe([prompts], generator=[...])`, pictures thrown away;
3. `seedscope generate`: encoded, written, checked, synced to disk, committed.
Loading is left out of all three (the stage is opened before the clock starts), and what each row draws is the same.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import diffusers
import torch

from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.running.worker import settle
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

TEXTS = [
    f"a {colour} {name}" for colour in ("red", "blue", "green", "yellow") for name in ("apple", "cat", "car", "duck")
]


def study(model: str, steps: int, batch: int) -> Study:
    return Study.model_validate(
        {
            "name": "speed",
            "model": model,
            "sampling": {"steps": steps, "guidance": {"scale": 3.0}},
            "compute": {"batch_size": batch},
            "prompts": TEXTS,
            "seeds": "0-7",
            "unit": {"prompts": 16, "seeds": 4},
        }
    )


def stock_pipe(wanted: Study) -> diffusers.DiffusionPipeline:
    pipe = diffusers.DiffusionPipeline.from_pretrained(locate(wanted.model).folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def one_at_a_time(wanted: Study, cells: list[tuple[str, int]]) -> Callable[[], int]:
    pipe, some = stock_pipe(wanted), cells[: max(8, len(cells) // 4)]

    def run() -> int:
        for text, seed in some:
            pipe(
                text,
                num_inference_steps=wanted.sampling.steps,
                guidance_scale=wanted.sampling.guidance.scale,
                generator=torch.Generator().manual_seed(seed),
            )
        return len(some)

    return run


def bare_batches(wanted: Study, cells: list[tuple[str, int]]) -> Callable[[], int]:
    pipe, size = stock_pipe(wanted), wanted.compute.batch_size

    def run() -> int:
        for start in range(0, len(cells), size):
            some = cells[start : start + size]
            pipe(
                [text for text, _ in some],
                num_inference_steps=wanted.sampling.steps,
                guidance_scale=wanted.sampling.guidance.scale,
                generator=[torch.Generator().manual_seed(seed) for _, seed in some],
            )
        return len(cells)

    return run


def seedscope(wanted: Study, units: list[Unit], folder: Path) -> Callable[[], int]:
    located = locate(wanted.model)
    table = Table.of(folder, "images", fingerprint(cause(wanted, located)), IMAGE_SCHEMA)
    stage = Generate(wanted, located, table, TextToImage(wanted.prompts)).open()

    def run() -> int:
        for unit in units:
            table.revoke(unit.name)
            make(stage, unit)
        return sum(map(len, units))

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sprout")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    settle(options.threads)
    wanted = study(options.model, options.steps, options.batch)
    units = plan([Edition(tuple(map(prompt, TEXTS)), tuple(wanted.every_seed))], wanted.unit)
    cells = [(item.text, seed) for unit in units for item, seed in unit.cells]
    with tempfile.TemporaryDirectory() as folder:
        rows = {
            "one picture at a time": one_at_a_time(wanted, cells),
            "bare diffusers batches": bare_batches(wanted, cells),
            "seedscope generate": seedscope(wanted, units, Path(folder)),
        }
        rates: dict[str, list[float]] = {name: [] for name in rows}
        for repeat in range(options.repeats + 1):
            for name, run in rows.items():
                started = time.perf_counter()
                count = run()
                if repeat:  # the first round warms up
                    rates[name].append(count / (time.perf_counter() - started))
    print(
        f"{options.model}, {options.steps} steps, batch {options.batch}, {options.threads} threads, {len(cells)} pictures"
    )
    ours = rates["seedscope generate"]
    for name, found in rates.items():
        ratios = [mine / other for mine, other in zip(ours, found, strict=True)]
        print(
            f"{name:<24} {statistics.median(found):6.2f} images/s ({min(found):.2f} to {max(found):.2f})"
            f"   seedscope is {statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
