"""The clean picture of a prediction is the one that the scheduler itself makes of it, at every step and of every kind."""

from typing import Any

import diffusers
import pytest
import torch

from seedscope.pipeline.drawing.guidance.clean import KINDS, Level, level_of, refuse_no_clean_picture
from seedscope.pipeline.errors import ModelError

BETAS: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def scheduler_of(name: str, kind: str, **settings: Any) -> Any:
    made = getattr(diffusers, name)(**BETAS, prediction_type=kind, **settings)
    made.set_timesteps(5)
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("DDIMScheduler", {"clip_sample": False}),
        ("DDPMScheduler", {"clip_sample": False}),
        ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
        ("EulerAncestralDiscreteScheduler", {}),
        ("HeunDiscreteScheduler", {}),
        ("LMSDiscreteScheduler", {}),
    ],
)
def test_it_is_what_a_step_gives(name: str, settings: dict[str, Any], kind: str) -> None:
    if kind == "sample" and name not in ("DDIMScheduler", "DDPMScheduler"):
        pytest.skip(f"{name} has no such prediction")
    scheduler = scheduler_of(name, kind, **settings)
    latents = drawn(0, 1, 4, 8, 8) * scheduler.init_noise_sigma
    for step, timestep in enumerate(scheduler.timesteps):
        seen, prediction = scheduler.scale_model_input(latents, timestep), drawn(step + 1, 1, 4, 8, 8)
        level = level_of(scheduler, timestep, step)
        made = scheduler.step(prediction, timestep, latents)
        assert level is not None
        if (expected := made.get("pred_original_sample")) is not None:
            torch.testing.assert_close(level.clean(prediction, seen), expected, rtol=1e-4, atol=1e-4)
        else:  # of a first step of Heun and LMS, that of Euler: x + (sigma_next - sigma) (x - x0) / sigma
            sigma, later = (float(scheduler.sigmas[at]) for at in (step, step + 1))
            slope = (latents - level.clean(prediction, seen)) / sigma
            torch.testing.assert_close(latents + (later - sigma) * slope, made.prev_sample, rtol=1e-4, atol=1e-4)
            return
        latents = made.prev_sample


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("DPMSolverSinglestepScheduler", {}),
        ("UniPCMultistepScheduler", {}),
    ],
)
def test_solvers_that_keep_sigmas_agree(name: str, settings: dict[str, Any], kind: str) -> None:
    scheduler = scheduler_of(name, kind, **settings)
    latents = drawn(0, 1, 4, 8, 8)
    for step, timestep in enumerate(scheduler.timesteps):
        prediction = drawn(step + 1, 1, 4, 8, 8)
        level = level_of(scheduler, timestep, step)
        assert level is not None
        scheduler._step_index = step
        expected = scheduler.convert_model_output(prediction, sample=latents)
        torch.testing.assert_close(level.clean(prediction, latents), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_another_noise_is_another_prediction_of_the_same_latents(kind: str) -> None:
    level = Level(0.6, 0.8, kind)
    seen, prediction, more = drawn(0, 1, 2, 4, 4), drawn(1, 1, 2, 4, 4), drawn(2, 1, 2, 4, 4)
    moved = level.moved(prediction, more)
    torch.testing.assert_close(level.eps(moved, seen), level.eps(prediction, seen) + more)
    for each in (prediction, moved):
        whole = 0.6 * level.clean(each, seen) + 0.8 * level.eps(each, seen)
        torch.testing.assert_close(whole, seen)


def test_where_there_is_nothing_of_a_picture_there_is_no_level() -> None:
    scheduler = scheduler_of("DDIMScheduler", "v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing")
    levels = [level_of(scheduler, timestep, step) for step, timestep in enumerate(scheduler.timesteps)]
    assert levels[0] is None and None not in levels[1:]


@pytest.mark.parametrize(
    "scheduler",
    [
        diffusers.EDMEulerScheduler(),
        diffusers.FlowMatchEulerDiscreteScheduler(),
        diffusers.UniPCMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction"),
    ],
)
def test_schedulers_without_a_known_clean_picture_are_refused(scheduler: Any) -> None:
    with pytest.raises(
        ModelError, match=r"sampling.guidance.similarity: of a .* is not known. Choose a scheduler such as"
    ):
        refuse_no_clean_picture(scheduler)
