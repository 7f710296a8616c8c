"""Arguments of the stock call that the project's own steps make the same of: bit for bit, in golden lists, or refused."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from stock_families import by_seedscope, by_stock, golden_list, refused, stock_pipe, study, with_clip_skip

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.locate import locate

SIZES: dict[str, Any] = {
    "original_size": (32, 40),
    "target_size": (48, 56),
    "crops_coords_top_left": (8, 0),
    "negative_original_size": (16, 24),
    "negative_target_size": (64, 48),
    "negative_crops_coords_top_left": (4, 4),
}
SCALE = {"num_inference_steps": 2, "guidance_scale": 4.0}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {name: getattr(tiny_models, name)(root / name) for name in ("sd1", "sdxl")}


@pytest.mark.parametrize(
    ("model", "sampling", "call"),
    [
        ("sd1", {"clip_skip": 1}, {"clip_skip": 1}),
        ("sd1", {"guidance_rescale": 0.7}, {"guidance_rescale": 0.7}),
        ("sdxl", {"clip_skip": 1, "guidance_rescale": 0.3}, {"clip_skip": 1, "guidance_rescale": 0.3}),
        ("sdxl", {"call": {name: list(value) for name, value in SIZES.items()}}, SIZES),
        ("sdxl", {"original_size": [32, 40]}, {"original_size": (32, 40)}),
        ("sdxl", {"guidance": {"scale": 4.0, "empty": "text"}}, {"negative_prompt": ""}),
        ("sdxl", {"guidance": {"scale": 4.0}}, {"negative_prompt": None}),
        ("sd1", {"guidance": {"scale": 4.0, "negative_prompt": "red"}, "clip_skip": 2}, {"negative_prompt": "red"}),
    ],
)
def test_pixels_equal_stock(
    tiny: dict[str, Path], tmp_path: Path, model: str, sampling: dict[str, Any], call: dict[str, Any]
) -> None:
    pipe = with_clip_skip(stock_pipe(tiny[model]))
    skip = {"clip_skip": sampling["clip_skip"]} if "clip_skip" in sampling else {}
    expected = by_stock(pipe, guidance_scale=4.0, **call | skip)
    drawn = by_seedscope(study(tiny[model], batch_size=1, **sampling), tmp_path)
    np.testing.assert_array_equal(drawn, expected)
    plain = by_stock(pipe, guidance_scale=4.0)
    assert np.array_equal(drawn, plain) == (call == {"negative_prompt": None})


@pytest.mark.parametrize("scheduler", ["ddim", "tcd"])
def test_eta_is_that_of_stock(tiny: dict[str, Path], tmp_path: Path, scheduler: str) -> None:
    wanted = study(tiny["sd1"], batch_size=1, scheduler=scheduler, eta=0.8)
    pipe = stock_pipe(tiny["sd1"])
    import diffusers

    pipe.scheduler = getattr(diffusers, wanted.sampling.wanted[0]).from_config(pipe.scheduler.config)
    np.testing.assert_array_equal(by_seedscope(wanted, tmp_path), by_stock(pipe, guidance_scale=4.0, eta=0.8))


@pytest.mark.parametrize(
    ("model", "sampling", "said"),
    [
        (
            "sd1",
            {"original_size": [8, 8]},
            "sampling.original_size: .* knows no such argument. Remove it; known are clip_",
        ),
        (
            "sdxl",
            {"call": {"denoising_end": 0.8}},
            "sampling.call.denoising_end: the steps of a StableDiffusionXLPipel",
        ),
        ("sdxl", {"call": {"target_size": [8]}}, r"call.target_size: must be two whole numbers, \[height, width\], in"),
        ("sdxl", {"call": {"crops_coords_top_left": "x"}}, r"must be two whole numbers, \[top, left\]"),
        (
            "sd1",
            {"guidance": {"scale": 1.0, "negative_prompt": "text"}},
            "sampling.guidance.negative_prompt: has no effect at scale 1. Set a scale above 1",
        ),
        ("sdxl", {"call": {"aesthetic_score": 3}}, "sampling.call.aesthetic_score: .* knows no such argument"),
    ],
)
def test_others_are_refused_by_name(tiny: dict[str, Path], model: str, sampling: dict[str, Any], said: str) -> None:
    wanted = study(tiny[model], **sampling)
    located = locate(wanted.model)
    with pytest.raises(ModelError, match=said):
        located.family.refuse(located.pipeline, wanted.sampling, by_prompt=True)


def test_an_empty_text_that_is_as_none_is_refused(tiny: dict[str, Path]) -> None:
    assert "an empty text and none are the same to this model" in refused(tiny["sd1"], guidance={"empty": "text"})


@pytest.mark.parametrize("model", ["sd1", "sdxl"])
def test_as_many_layers_can_be_skipped_as_stock_skips(tiny: dict[str, Path], model: str) -> None:
    pipe = with_clip_skip(stock_pipe(tiny[model]))

    def skipped(count: int) -> bool:
        with suppress(IndexError):
            pipe.encode_prompt(
                "a", device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False, clip_skip=count
            )
            return True
        return False

    most = max(count for count in range(9) if skipped(count))
    located, wanted = locate(study(tiny[model]).model), study(tiny[model], clip_skip=most)
    located.refuse(wanted.sampling, wanted.compute, by_prompt=True)
    assert f"layers {most} can be skipped, not {most + 1}. Skip fewer" in refused(tiny[model], clip_skip=most + 1)


# --- golden lists


@pytest.fixture(scope="module")
def golden(tiny: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> GoldenSeeds:
    return golden_list(
        tiny["sdxl"],
        tmp_path_factory.mktemp("golden"),
        scheduler="dpm++ 2m karras",
        clip_skip=1,
        guidance_rescale=0.5,
        original_size=[32, 40],
        guidance={"scale": 4.0, "empty": "text"},
    )


RIGHT = {"clip_skip": 1, "guidance_rescale": 0.5, "original_size": (32, 40), "negative_prompt": ""}


def user_pipe(folder: Path, **config: Any) -> Any:
    from diffusers import DPMSolverMultistepScheduler

    pipe = stock_pipe(folder)
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, **config)
    return pipe


def test_a_golden_list_passes_for_the_call_it_was_made_with(golden: GoldenSeeds, tiny: dict[str, Path]) -> None:
    pipe = user_pipe(tiny["sdxl"], use_karras_sigmas=True)
    golden.check(pipe, **SCALE, **RIGHT)
    assert golden.canary(pipe) < 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"clip_skip": 2}, "The call has clip_skip = 2, but the list was made with 1."),
        ({"guidance_rescale": 0.7}, "The call has guidance_rescale = 0.7, but the list was made with 0.5."),
        ({"original_size": (64, 64)}, "original_size = [64, 64], but the list was made with [32, 40]"),
        ({"negative_prompt": None}, "The negative prompt is None, but the list was made with ''"),
    ],
)
def test_a_golden_list_notices_another_call(
    golden: GoldenSeeds, tiny: dict[str, Path], wrong: dict[str, Any], said: str
) -> None:
    pipe = user_pipe(tiny["sdxl"], use_karras_sigmas=True)
    with pytest.raises(GoldenMismatch) as mismatch:
        golden.check(pipe, tensors=False, **SCALE, **RIGHT | wrong)
    assert said in str(mismatch.value) and len(mismatch.value.reasons) == 1
    without = {name: value for name, value in RIGHT.items() if name not in wrong}
    if wrong.keys() != {"negative_prompt"}:
        with pytest.raises(GoldenMismatch, match=f"The call has {next(iter(wrong))} = .* where it says nothing; say"):
            golden.check(pipe, tensors=False, **SCALE, **without)


def test_a_golden_list_notices_other_settings_of_the_scheduler(golden: GoldenSeeds, tiny: dict[str, Path]) -> None:
    with pytest.raises(GoldenMismatch, match="The scheduler has use_karras_sigmas = False, but"):
        golden.check(user_pipe(tiny["sdxl"]), tensors=False)
