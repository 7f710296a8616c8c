"""The bundled sprout: loads with stock classes, draws with every sampler, and its reference set is what it says."""

from typing import Any

import diffusers
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from repository import SPROUT
from transformers import AutoTokenizer, CLIPTextModel

from seedscope.pipeline.images import decode

SCHEDULERS = ("DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler")


@pytest.fixture(scope="module")
def pipe() -> Any:
    pipeline: Any = diffusers.StableDiffusionPipeline
    loaded = pipeline.from_pretrained(SPROUT / "sprout")  # without arguments: not even a dtype
    loaded.set_progress_bar_config(disable=True)
    return loaded


def draw(pipe: Any, prompt: str, seed: int, steps: int = 10) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 [64, 64, 3] in 0..1."""
    generator = torch.Generator("cpu").manual_seed(seed)
    made = pipe(prompt, num_inference_steps=steps, guidance_scale=3.0, generator=generator, output_type="np")
    return np.asarray(made.images[0], dtype=np.float32)


def test_the_folder_is_small_and_free_of_pickles() -> None:
    files = [path for path in (SPROUT / "sprout").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 30e6
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".txt"}


def test_stock_classes_load_it(pipe: Any) -> None:
    assert isinstance(pipe.text_encoder, CLIPTextModel)
    tokenizer = AutoTokenizer.from_pretrained(SPROUT / "sprout" / "tokenizer")
    assert tokenizer("a red apple").input_ids == pipe.tokenizer("a red apple").input_ids


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_draws_the_place_that_is_named(pipe: Any, name: str) -> None:
    pipe.scheduler = getattr(diffusers, name).from_config(pipe.scheduler.config)
    night, snow = draw(pipe, "a cat at night", 0), draw(pipe, "a cat in snow", 0)
    assert night.shape == (64, 64, 3)
    assert np.isfinite(night).all()
    assert night.mean() + 0.2 < snow.mean()


def test_the_same_seed_draws_the_same_picture(pipe: Any) -> None:
    pipe.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config)  # type: ignore[no-untyped-call]
    assert np.array_equal(draw(pipe, "a duck", 3, steps=4), draw(pipe, "a duck", 3, steps=4))
    assert not np.array_equal(draw(pipe, "a duck", 3, steps=4), draw(pipe, "a duck", 4, steps=4))


def test_the_reference_set_is_as_described() -> None:
    file = pq.ParquetFile(SPROUT / "reference" / "reference.parquet")
    table = file.read()
    assert table.num_rows == 1024
    assert file.metadata.row_group(0).num_rows == 128
    assert file.metadata.row_group(0).column(0).compression == "UNCOMPRESSED"
    assert b"huggingface" in file.schema_arrow.metadata
    picture = decode(table["image"][0]["bytes"].as_py())
    assert picture.shape == (64, 64, 3)
    for name in ("centroid_x", "centroid_y", "size"):
        values = table[name].to_numpy()
        assert values.min() > 0
        assert values.max() < 1
