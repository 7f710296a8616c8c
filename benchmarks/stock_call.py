"""Families that are called whole: `seedscope generate`, a bare loop of the same pipeline with kept embeddings, and one that
embeds its prompts at each call; pictures a second, in turns.

Small random Flux and SD 3 models, whose text encoders are small too: with a real T5 the third row falls further behind.

python benchmarks/stock_call.py
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from tiny_flux import flux
from tiny_sd3 import sd3

from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

TEXTS = ("a red apple", "a cat on grass", "the photo of a cat", "a red cat")
SEEDS = tuple(range(8))
BATCH = 8
STEPS = 8


def study(folder: Path, side: int) -> Study:
    return Study.model_validate(
        {
            "name": "speed",
            "model": str(folder),
            "sampling": {"steps": STEPS, "guidance": {"scale": 4.0}, "height": side, "width": side},
            "compute": {"batch_size": BATCH, "device": "cpu"},
            "prompts": list(TEXTS),
            "seeds": list(SEEDS),
        }
    )


def seedscope(wanted: Study, unit: Unit, folder: Path) -> Callable[[], object]:
    located = locate(wanted.model)
    table = Table.of(folder, "images", fingerprint(cause(wanted, located)), IMAGE_SCHEMA)
    stage = Generate(wanted, located, table, TextToImage(wanted.prompts)).open()

    def run() -> None:
        table.revoke(unit.name)
        make(stage, unit)

    return run


def bare(pipe: Any, unit: Unit, side: int, *, kept: bool) -> Callable[[], object]:
    """A loop of the stock pipeline over the same batches; kept: prompts are embedded once, before."""
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    embedded = {text: _embedded(pipe, text, names) for text in TEXTS}
    call = {"num_inference_steps": STEPS, "guidance_scale": 4.0, "height": side, "width": side}

    def texts(cells: list[str]) -> dict[str, Any]:
        if not kept:
            return {"prompt": cells}
        return {name: torch.cat([embedded[text][name] for text in cells]) for name in embedded[cells[0]]}

    def run() -> None:
        cells = [(item.text, seed) for item, seed in unit.cells]
        for start in range(0, len(cells), BATCH):
            some = cells[start : start + BATCH]
            generators = [torch.Generator().manual_seed(seed) for _, seed in some]
            pipe(**texts([text for text, _ in some]), generator=generators, **call)

    return run


@torch.no_grad()
def _embedded(pipe: Any, text: str, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    if type(pipe).__name__ == "FluxPipeline":
        embeds, pooled, _ = pipe.encode_prompt(text, text)
        return {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}
    return dict(zip(names, pipe.encode_prompt(text, text, text), strict=True))


def measured(rows: dict[str, Callable[[], object]], repeats: int) -> Iterator[dict[str, float]]:
    """Seconds a row, in turns; the first round warms up."""
    for repeat in range(repeats + 1):
        seconds: dict[str, float] = {}
        for name, run in rows.items():
            started = time.perf_counter()
            run()
            seconds[name] = time.perf_counter() - started
        if repeat:
            yield seconds


def main() -> None:
    import diffusers

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256, help="Pixels of a picture.")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    unit = Unit.crossed("u", tuple(map(prompt, TEXTS)), SEEDS)
    count = len(list(unit.cells))
    with tempfile.TemporaryDirectory() as scratch, threadpool_limits(options.threads):
        for name, write in (
            ("Flux", lambda folder: flux(folder, guidance_embeds=True, layers=options.layers)),
            ("SD 3", lambda folder: sd3(folder, layers=options.layers)),
        ):
            folder = write(Path(scratch) / name.replace(" ", ""))
            pipe = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
            pipe.set_progress_bar_config(disable=True)
            rows = {
                "seedscope generate, to published shards": seedscope(
                    study(folder, options.side), unit, Path(scratch) / f"run-{name}"
                ),
                "bare loop, embeddings kept": bare(pipe, unit, options.side, kept=True),
                "bare loop, prompts embedded at each call": bare(pipe, unit, options.side, kept=False),
            }
            rounds = list(measured(rows, options.repeats))
            print(f"{name}, {options.layers} layers, {options.side} x {options.side}, {STEPS} steps, batch {BATCH}")
            ours = next(iter(rows))
            for row in rows:
                rates = [count / seconds[row] for seconds in rounds]
                ratios = [seconds[row] / seconds[ours] for seconds in rounds]
                print(
                    f"{row:<42} {statistics.median(rates):6.2f} images/s ({min(rates):.2f} to {max(rates):.2f})"
                    f"   seedscope is {statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
                )


if __name__ == "__main__":
    main()
