"""The bound as a feature: the stock scheduler's formula, more bits with noise, a gain by the right prompt, refusals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny_flux
import tiny_models
import torch

from seedscope.analysis.features import FeatureError, feature
from seedscope.analysis.features.elbo.elbo import Elbo
from seedscope.analysis.features.elbo.shared_noise import shared_noise
from seedscope.analysis.judging.measurement import measurements
from seedscope.analysis.report.gather.titles import title_of
from seedscope.analysis.run.opened import opened
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import Pixels, decode
from seedscope.pipeline.models.locate import BUNDLED

Column = np.ndarray[Any, np.dtype[np.float64]]


def measured(one: Elbo, pixels: Pixels, prompts: list[str]) -> dict[str, Column]:
    columns = one.load("cpu").compute(pixels, prompts)
    assert [(item.name, item.type) for item in one.fields()] == [(key, value.type) for key, value in columns.items()]
    return {key: np.asarray(value, np.float64) for key, value in columns.items()}


@pytest.fixture(scope="module")
def shown() -> tuple[Pixels, list[str]]:
    """Six pictures and captions of the bundled reference, each of another object."""
    rows = pq.read_table(BUNDLED / "reference" / "reference.parquet").to_pylist()
    plain = [row for row in rows if not (row["has_text"] or row["greyscale"] or row["border"])]
    chosen = list({row["object"]: row for row in reversed(plain)}.values())[:6]
    return np.stack([decode(row["image"]["bytes"]) for row in chosen]), [row["caption"] for row in chosen]


@pytest.mark.parametrize("written", [tiny_models.sd1, tiny_models.sd2, tiny_models.sdxl], ids=lambda one: one.__name__)
def test_the_bound_is_that_of_the_stock_pipelines_parts(written: Callable[[Path], Path], tmp_path: Path) -> None:
    """At the first and the last step of training, where a stock DDIM scheduler says what a prediction of any kind means."""
    folder = written(tmp_path / "model")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    prompts = ["a small red photo", "blue"]
    found = measured(Elbo(str(folder), points=2), pixels, prompts)
    pipeline: Any = diffusers.DiffusionPipeline
    kind: Any = diffusers.DDIMScheduler
    pipe = pipeline.from_pretrained(folder)
    scheduler = kind.from_config(pipe.scheduler.config, clip_sample=False, set_alpha_to_one=True)
    scheduler.set_timesteps(1000)
    for row, prompt in enumerate(prompts):
        with torch.inference_mode():
            picture = torch.from_numpy(pixels[row]).permute(2, 0, 1)[None].float() / 127.5 - 1
            latent = pipe.vae.encode(picture).latent_dist.mean * pipe.vae.config.scaling_factor
            noise = shared_noise(2, 1, latent.shape[1:])
            errors = []
            for step, added in ((0, noise[0]), (999, noise[1])):
                noisy = scheduler.add_noise(latent, added, torch.tensor([step]))
                predicted = stock_prediction(pipe, noisy, step, prompt)
                clean = scheduler.step(predicted, step, noisy).pred_original_sample
                signal = scheduler.alphas_cumprod[step]
                errors.append(float((added - (noisy - signal.sqrt() * clean) / (1 - signal).sqrt()).square().mean()))
        least, most = (float(torch.log(1 / scheduler.alphas_cumprod.double()[step] - 1)) for step in (0, 999))
        left, square = float(scheduler.alphas_cumprod[-1]), float(latent.square().mean())
        prior = 0.5 * (left * square + (1 - left) - math.log(1 - left) - 1)
        nats = prior + (sum(errors) / 2) * (most - least) / 2 + 0.5 * (math.log(2 * math.pi) + least + errors[0])
        assert found["elbo"][row] == pytest.approx(nats / math.log(2), rel=1e-4)
        assert found["elbo_error"][row] == pytest.approx(sum(errors) / 2, rel=1e-4)
    assert (found["elbo_gain"] != 0).all()


def stock_prediction(pipe: Any, noisy: torch.Tensor, step: int, prompt: str) -> torch.Tensor:
    """Of the UNet of a stock pipeline, with what it makes of a prompt and, of SDXL, of the size."""
    encoded = pipe.encode_prompt(
        prompt=prompt, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    added = None
    if isinstance(pipe, diffusers.StableDiffusionXLPipeline):
        added = {"text_embeds": encoded[2], "time_ids": torch.tensor([[64.0, 64.0, 0.0, 0.0, 64.0, 64.0]])}
    found: torch.Tensor = pipe.unet(noisy, step, encoder_hidden_states=encoded[0], added_cond_kwargs=added).sample
    return found


def test_a_picture_with_noise_has_more_bits_and_the_right_prompt_gains_more(shown: tuple[Pixels, list[str]]) -> None:
    pixels, captions = shown
    one = Elbo("sprout", points=4)
    right = measured(one, pixels, captions)
    noise = np.random.default_rng(0).normal(0, 12, pixels.shape)
    noisy = measured(one, np.clip(pixels + noise, 0, 255).round().astype(np.uint8), captions)
    assert (noisy["elbo"] > right["elbo"] + 0.2).all() and (noisy["elbo_error"] > right["elbo_error"]).all()
    wrong = measured(one, pixels, captions[1:] + captions[:1])
    better = right["elbo_gain"] - wrong["elbo_gain"]
    print(f"gain of the right prompt {right['elbo_gain'].round(3)}, of a wrong one {wrong['elbo_gain'].round(3)}")
    assert better.mean() / (better.std(ddof=1) / math.sqrt(len(better))) > 3
    # With the prompt and without it add up: the wrong prompt changes the one, and not the other.
    np.testing.assert_allclose(right["elbo"] + right["elbo_gain"], wrong["elbo"] + wrong["elbo_gain"], atol=1e-4)


def test_an_empty_prompt_gains_nothing(tmp_path: Path) -> None:
    """Of SDXL too, which was trained with zeros where a text is missing, and has an embedding of an empty one beside."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    gain = measured(Elbo(str(tiny_models.sdxl(tmp_path)), points=2), pixels, ["", "red", ""])["elbo_gain"]
    assert gain[0] == gain[2] == 0.0 != gain[1]


def test_a_size_that_the_model_does_not_draw_has_no_value(tmp_path: Path) -> None:
    loaded = Elbo(str(tiny_models.sd1(tmp_path)), points=2).load("cpu")
    with pytest.warns(UserWarning, match="pictures of 60 x 64 have no value: .* multiples of 8 pixels"):
        columns = loaded.compute(np.zeros((2, 64, 60, 3), np.uint8), ["red", "blue"])
    assert all(column.null_count == 2 for column in columns.values())
    assert len(loaded.compute(np.zeros((0, 64, 64, 3), np.uint8), [])["elbo"]) == 0


def test_what_changes_values_changes_the_fingerprint() -> None:
    changes: list[dict[str, Any]] = [{}, {"points": 9}, {"noises": 2}, {"seed": 1}, {"half": False}]
    marks = {feature("elbo", model="sprout", **change).fingerprint() for change in changes}
    assert len(marks) == len(changes)
    assert feature("elbo", model="sprout", batch_size=2).fingerprint() in marks


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "elbo.model: is not given; name the diffusion model that judges"),
        ({"model": "sprout-turbo"}, "elbo.model: sprout-turbo is a distilled model .* name the model that it was"),
        ({"model": "sprot"}, "elbo.model: there is no model 'sprot'. Bundled are sprout"),
        ({"model": "sprout", "revision": "main"}, "elbo.revision: sprout is a folder"),
        ({"model": "sprout", "revision": 3}, "elbo.revision: is 3; give a text"),
        ({"model": "sprout", "points": 1}, "elbo.points: is 1; give a whole number from 2 on"),
        ({"model": "sprout", "noises": 0.5}, "elbo.noises: is 0.5; give a whole number from 1 on"),
    ],
)
def test_a_bad_option_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FeatureError, match=sentence):
        feature("elbo", **options).fingerprint()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"prediction_type": "sample"}, "predicts 'sample', and the bound is of epsilon or v_prediction"),
        ({"_class_name": "LCMScheduler"}, "is a distilled model"),
        ({"beta_schedule": None, "_class_name": "EDMEulerScheduler"}, "has a EDMEulerScheduler without betas"),
    ],
    ids=["sample", "lcm", "edm"],
)
def test_a_model_without_a_bound_is_refused(changed: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    folder = tiny_models.sd1(tmp_path)
    file = folder / "scheduler" / "scheduler_config.json"
    settings = json.loads(file.read_text()) | changed
    file.write_text(json.dumps({key: value for key, value in settings.items() if value is not None}))
    index = json.loads((folder / "model_index.json").read_text()) | {
        "scheduler": ["diffusers", settings["_class_name"]]
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(FeatureError, match=sentence):
        Elbo(str(folder)).fingerprint()


def test_a_flow_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="is a FluxPipeline, and the bound is of a UNet"):
        Elbo(str(tiny_flux.flux(tmp_path, guidance_embeds=False))).fingerprint()


def test_it_is_detail_and_ranks_no_seeds(tmp_path: Path) -> None:
    names = [item.name for item in measurements(feature("elbo", model="sprout"))]
    assert names == ["elbo", "elbo_error", "elbo_gain"]
    assert all(title_of(name).unit for name in names)
    assert all(item.better is None for item in measurements(feature("elbo", model="sprout")))
    study = {
        "name": "bits",
        "model": "sprout",
        "prompts": ["a cat", "a dog"],
        "seeds": "0-3",
        "features": [{"elbo": {"model": "sprout"}}],
        "ranking": {"by": "elbo"},
    }
    (tmp_path / "study.yaml").write_text(json.dumps(study))
    with (
        pytest.raises(UserError, match="ranking.by: 'elbo' says nothing about which seeds are good"),
        opened(tmp_path / "study.yaml", tmp_path / "run"),
    ):
        pass
