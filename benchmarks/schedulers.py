"""Every scheduler of diffusers on sprout and on a tiny SDXL: equal to the stock pipeline, or refused with the reason.

    python benchmarks/schedulers.py              all of them, with their own settings
    python benchmarks/schedulers.py --names      the short names of a study

Prints a table; ends with 1 where a scheduler draws something else than the stock pipeline.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.sampler import sample, to_pixels
from seedscope.pipeline.drawing.stock_call import branches_of, text_of
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Denoiser
from seedscope.pipeline.models.families import FAMILIES
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.schedulers import refuse_what_cannot_draw, scheduler_names, study_scheduler
from seedscope.pipeline.study.scheduler_names import SCHEDULERS
from seedscope.pipeline.study.schema import Compute, Json, Model, Sampling

PROMPT, SEEDS, STEPS, SCALE = "a red apple", (0, 7), 4, 4.0
EQUAL = "equal"


def outcome(pipe: Any, kind: str, config: Mapping[str, Json]) -> str:
    """`equal`, `refused: ...`, or how this project and the stock pipeline differ, of a scheduler made from the pipeline's own.

    Args:
        pipe: a stock pipeline with the scheduler that its model ships with, which it has again afterwards.
    """
    own = pipe.scheduler
    sampling = Sampling.model_validate(
        {"scheduler": {"class": kind, "config": {**config}}, "steps": STEPS, "guidance": {"scale": SCALE}}
    )
    try:
        pipe.scheduler = study_scheduler(own, "the model", sampling)
        refuse_what_cannot_draw(pipe.scheduler, sampling)
        here = [_ours(pipe, sampling, seed) for seed in SEEDS]
        pipe.scheduler = getattr(diffusers, kind).from_config(own.config, **config)
        there = [_stock(pipe, seed) for seed in SEEDS]
    except ModelError as error:
        return f"refused: {error}"
    except Exception as error:  # noqa: BLE001  whatever a scheduler raises is an outcome
        return f"{type(error).__name__}: {error}"
    finally:
        pipe.scheduler = own
    worst = int(np.abs(np.stack(here).astype(int) - np.stack(there)).max())
    return EQUAL if worst == 0 else f"differs by up to {worst} of 255"


@torch.no_grad()
def _ours(pipe: Any, sampling: Sampling, seed: int) -> np.ndarray:
    family = FAMILIES[type(pipe).__name__]
    model = family.drawer(pipe, "cpu", sampling, Compute())
    assert isinstance(model, Denoiser)
    geometry = family.geometry(lambda part: pipe.components[part].config, "the model")
    size = geometry.default_size
    assert size is not None
    shape = geometry.latent_shape(*size)
    branches = list(branches_of(model, sampling))
    texts = dict(
        zip(branches, model.embed([text_of(each, PROMPT, sampling.guidance) for each in branches]), strict=True)
    )
    latents = sample(
        model,
        noise.latent(seed, shape)[None],
        [noise.generator(seed, shape)],
        {branch: [embedding] for branch, embedding in texts.items()},
        sampling,
        size,
    )
    return to_pixels(model.decode(latents)).numpy()[0]


def _stock(pipe: Any, seed: int) -> np.ndarray:
    generator = torch.Generator("cpu").manual_seed(seed)
    made = pipe(PROMPT, generator=generator, num_inference_steps=STEPS, guidance_scale=SCALE)
    return np.asarray(made.images[0])


def stock_pipe(folder: Path) -> Any:
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def outcomes(
    pipes: Mapping[str, Any], choices: Mapping[str, tuple[str, Mapping[str, Json]]]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Name -> what came of it on each pipeline."""
    for name, (kind, config) in choices.items():
        yield name, {model: outcome(pipe, kind, copy.deepcopy(dict(config))) for model, pipe in pipes.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", action="store_true", help="the short names of a study, not all classes")
    wants_names = parser.parse_args().names
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
    import tiny_models

    diffusers.utils.logging.set_verbosity_error()
    choices = SCHEDULERS if wants_names else {kind: (kind, {}) for kind in scheduler_names()}
    with tempfile.TemporaryDirectory() as folder:
        pipes = {
            "sprout": stock_pipe(locate(Model(id="sprout")).folder),
            "tiny SDXL": stock_pipe(tiny_models.sdxl(Path(folder) / "sdxl")),
        }
        found = dict(outcomes(pipes, choices))
    print(f"| scheduler | {' | '.join(pipes)} |\n| --- | {' | '.join('---' for _ in pipes)} |")
    for name, each in found.items():
        print(f"| {name} | {' | '.join(each[model] for model in pipes)} |")
    said = [text for each in found.values() for text in each.values()]
    wrong = [text for text in said if text != EQUAL and not text.startswith("refused: ")]
    print(f"\n{said.count(EQUAL)} equal, {len(said) - said.count(EQUAL) - len(wrong)} refused, {len(wrong)} otherwise")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
