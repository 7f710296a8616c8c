"""The same cells, drawn by `generate` and by the stock pipeline of diffusers."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch

from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.images import decode
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

PROMPTS = ("a red apple", "a cat on grass")


def study(model: str, **sampling: Any) -> Study:
    return Study.model_validate(
        {
            "name": "t",
            "model": model,
            "sampling": {"steps": 3, "guidance": {"scale": 4.0}} | sampling,
            "compute": {"batch_size": 4, "device": "cpu"},
            "prompts": list(PROMPTS),
            "seeds": [0, 7],
        }
    )


def ours(study: Study, folder: Path, unit: Unit) -> np.ndarray:
    located = locate(study.model)
    table = Table.of(folder, "images", fingerprint(cause(study, located)), IMAGE_SCHEMA)
    make(Generate(study, located, table, TextToImage(study.prompts)).open(), unit)
    rows = table.read(unit.name).to_pylist()
    assert [(row["prompt"], row["seed"], row["status"]) for row in rows] == [
        (item.text, seed, "ok") for item, seed in unit.cells
    ]
    return np.stack([decode(row["image"]["bytes"]) for row in rows])


def stock(study: Study, unit: Unit, **call: Any) -> np.ndarray:
    """The stock pipeline on the cells of a unit as one batch, each prompt embedded by itself by the stock method.

    Texts that are embedded together come out up to 1e-6 apart, and seedscope embeds each prompt once, alone.
    """
    pipe, cells = stock_pipe(study), list(unit.cells)
    negative = call.pop("negative_prompt", None)
    guided = study.sampling.guidance.scale > 1
    found = {
        item.id: pipe.encode_prompt(item.text, "cpu", 1, guided, negative_prompt=negative)
        if "text_encoder_2" not in pipe.components
        else pipe.encode_prompt(item.text, None, "cpu", 1, guided, negative_prompt=negative)
        for item in unit.prompts
    }
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    embeds = {
        name: torch.cat([found[item.id][place] for item, _ in cells])
        for place, name in enumerate(names[: len(found[cells[0][0].id])])
        if found[cells[0][0].id][place] is not None
    }
    return drawn(pipe, study, unit, **embeds, **call)


def stock_pipe(study: Study) -> Any:
    """The pipeline of a study's folder with its scheduler. It is loaded once, and lent to one study after the other."""
    pipe, scheduler = _loaded(str(locate(study.model).folder))
    kind, config = study.sampling.wanted
    made = type(scheduler) if kind == "model" else getattr(diffusers, kind)
    pipe.scheduler = made.from_config(scheduler.config, **config)
    return pipe


@lru_cache(maxsize=4)
def _loaded(folder: str) -> tuple[Any, Any]:
    """A pipeline, and the scheduler of its folder."""
    pipe = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe, pipe.scheduler


def drawn(pipe: Any, study: Study, unit: Unit, **call: Any) -> np.ndarray:
    pictures = pipe(
        num_inference_steps=study.sampling.steps,
        guidance_scale=study.sampling.guidance.scale,
        generator=[torch.Generator("cpu").manual_seed(seed) for _, seed in unit.cells],
        **call,
    ).images
    return np.stack([np.asarray(picture) for picture in pictures])


UNIT = Unit.crossed("u", tuple(map(prompt, PROMPTS)), (0, 7))
