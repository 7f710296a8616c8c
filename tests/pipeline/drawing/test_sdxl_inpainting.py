"""SDXL inpainting, by a UNet of 9 channels and by one of 4: pixel for pixel what the stock pipeline draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from diffusers import StableDiffusionXLInpaintPipeline
from given_pictures import mask, picture, save
from PIL import Image

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.tasks.inpainting import INPAINT_SCHEMA, Inpainting
from seedscope.pipeline.images import decode
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.tables.table import Table


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    root = tmp_path_factory.mktemp("models")
    return {9: tiny_models.sdxl_inpaint(root / "inpaint"), 4: tiny_models.sdxl(root / "sdxl")}


@pytest.fixture
def given(tmp_path: Path) -> Path:
    save(tmp_path / "given", "a", picture(1), mask(10, 12, 50, 40), "cat")
    save(tmp_path / "given", "b", picture(2, 90, 50), mask(30, 5, 61, 44, 90, 50), "red apple")
    return tmp_path / "given"


def study(model: Path, given: Path, **sampling: Any) -> Study:
    return Study.model_validate(
        {
            "name": "t",
            "model": str(model),
            "sampling": {"steps": 3, "guidance": {"scale": 4.0}} | sampling,
            "compute": {"batch_size": 4, "device": "cpu"},
            "inpaint": {"pictures": str(given), "tasks": {"fill": "a {object}"}},
            "seeds": [0, 7],
        }
    )


def both(wanted: Study, given: Path, out: Path, **call: Any) -> tuple[np.ndarray, np.ndarray]:
    """The cells of a study as seedscope draws them, and as the stock pipeline does, as one batch."""
    located = locate(wanted.model, fills_masks=True)
    assert wanted.inpaint
    task = Inpainting.named(wanted.inpaint, located.size(wanted.sampling))
    unit = Unit.crossed("u", tuple(task.prompts()), (0, 7))
    table = Table.of(out, "images", fingerprint(cause(wanted, located)), INPAINT_SCHEMA)
    make(Generate(wanted, located, table, task).open(), unit)
    here = np.stack([decode(row["image"]["bytes"]) for row in table.read(unit.name).to_pylist()])
    return here, stock(wanted, unit, given, **call)


def stock(wanted: Study, unit: Unit, given: Path, **call: Any) -> np.ndarray:
    located, cells = locate(wanted.model, fills_masks=True), list(unit.cells)
    pipe = StableDiffusionXLInpaintPipeline.from_pretrained(located.folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    guidance, shape = wanted.sampling.guidance, located.latent_shape(wanted.sampling)
    negative = guidance.negative_prompt or ("" if guidance.empty == "text" else None)
    found = [pipe.encode_prompt(item.text, None, "cpu", 1, guidance.scale > 1, negative) for item, _ in cells]
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    embeds = {
        name: torch.cat([each[place] for each in found])
        for place, name in enumerate(names)
        if found[0][place] is not None
    }
    height, width = located.size(wanted.sampling)
    # It would encode pictures before it draws noise, with 4 channels: the seed's noise comes first here, as everywhere.
    made = pipe(
        image=[Image.open(given / f"{item.group}.png") for item, _ in cells],
        mask_image=[Image.open(given / f"{item.group}.mask.png") for item, _ in cells],
        latents=torch.stack([noise.latent(seed, shape) for _, seed in cells]),
        generator=[noise.generator(seed, shape) for _, seed in cells],
        strength=1.0,
        num_inference_steps=wanted.sampling.steps,
        guidance_scale=guidance.scale,
        height=height,
        width=width,
        **embeds,
        **call,
    )
    return np.stack([np.asarray(image) for image in made.images])


@pytest.mark.parametrize("channels", [9, 4])
@pytest.mark.parametrize(
    ("sampling", "call"),
    [
        ({}, {}),
        ({"guidance": {"scale": 1.0}, "height": 48}, {}),
        (
            {
                "guidance": {"scale": 4.0, "empty": "text"},
                "guidance_rescale": 0.7,
                "original_size": [32, 40],
                "call": {"crops_coords_top_left": [8, 0], "negative_target_size": [16, 16]},
            },
            {
                "guidance_rescale": 0.7,
                "original_size": (32, 40),
                "crops_coords_top_left": (8, 0),
                "negative_target_size": (16, 16),
            },
        ),
    ],
)
def test_pixels_equal_stock(
    models: dict[int, Path], given: Path, tmp_path: Path, channels: int, sampling: dict[str, Any], call: dict[str, Any]
) -> None:
    here, there = both(study(models[channels], given, **sampling), given, tmp_path / "out", **call)
    np.testing.assert_array_equal(here, there)


def test_a_refiner_is_told_aesthetic_scores(given: Path, tmp_path: Path) -> None:
    """Inpainting by a UNet that takes a score in place of the target size."""
    with pytest.MonkeyPatch.context() as patch:
        whole = tiny_models._unet
        dims = {"projection_class_embeddings_input_dim": 5 * 8 + 40}
        patch.setattr(tiny_models, "_unet", lambda **config: whole(**config | dims))
        folder = tiny_models.sdxl_inpaint(tmp_path / "refiner")
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"requires_aesthetics_score": True}))
    scores = {"aesthetic_score": 3.0}
    here, there = both(study(folder, given, call=scores), given, tmp_path / "out", **scores)
    np.testing.assert_array_equal(here, there)
