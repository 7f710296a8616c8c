"""What was changed in a pipeline after it was built is seen: methods, classes, schedulers. What is compiled is the same."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    SASolverScheduler,
    StableDiffusionPipeline,
    UniPCMultistepScheduler,
)
from diffusers.models import attention_processor
from diffusers.models.attention import BasicTransformerBlock, FeedForward
from diffusers.models.attention_processor import AttnAddedKVProcessor2_0, AttnProcessor, AttnProcessor2_0
from tiny_golden import golden_for

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.analysis.select.component import Component
from seedscope.analysis.select.own_code import replaced_methods
from seedscope.analysis.select.patches import in_tiles, patches
from seedscope.analysis.select.scheduler import scheduler_differences
from seedscope.pipeline.models.schedulers import scheduler_names


@pytest.fixture(scope="module")
def loaded(tiny: dict[str, Path]) -> Any:
    pipe = StableDiffusionPipeline.from_pretrained(tiny["sd1"])
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    return pipe


@pytest.fixture(scope="module")
def golden(loaded: Any) -> GoldenSeeds:
    return golden_for(loaded)


@pytest.fixture
def pipe(loaded: Any) -> Any:
    made = copy.copy(loaded)
    for name in ("unet", "vae", "scheduler"):
        setattr(made, name, copy.deepcopy(getattr(made, name)))
    return made


def reason(golden: GoldenSeeds, pipe: Any) -> str:
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe)
    (only,) = refusal.value.reasons
    return only


def stronger(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def changed(*given: Any, **named: Any) -> Any:
        return 1.2 * method(*given, **named)

    return changed


# --- methods


def test_methods_that_are_compiled_are_the_same(golden: GoldenSeeds, pipe: Any) -> None:
    """As diffusers' documentation has it."""
    pipe.vae.decode = torch.compile(pipe.vae.decode)
    pipe.unet.forward = torch.compile(pipe.unet.forward, mode="reduce-overhead")
    block = pipe.unet.mid_block
    block.forward = torch.compile(block.forward)
    golden.check(pipe)
    assert (
        "vae was changed after it was built, and the list was made without: AutoencoderKL has a decode of its own"
        in (reason(golden, borrowed(pipe)))
    )


def borrowed(pipe: Any) -> Any:
    """The compiled method of another autoencoder."""
    other = copy.deepcopy(pipe.vae)
    pipe.vae.decode = torch.compile(AutoencoderKL.decode.__get__(other))
    return pipe


def test_a_patch_is_seen_below_what_compiles_it_and_what_names_it(pipe: Any) -> None:
    pipe.vae.decode = torch.compile(stronger(pipe.vae.decode))
    pipe.unet.mid_block.forward = stronger(pipe.unet.mid_block.forward)
    assert list(patches(pipe.vae)) == ["AutoencoderKL has a decode of its own"]
    assert list(patches(pipe.unet)) == ["mid_block has a forward of its own"]


def test_offloading_hides_no_patch(pipe: Any) -> None:
    for part in (pipe.vae, pipe.unet.mid_block):
        add_hook_to_module(part, ModelHook())
    assert not list(patches(pipe.vae)) and not list(patches(pipe.unet))
    pipe.vae.decode = stronger(pipe.vae.decode)
    resnet = pipe.unet.mid_block.resnets[0]
    resnet.forward = stronger(resnet.forward)
    add_hook_to_module(resnet, ModelHook())
    assert list(patches(pipe.vae)) == ["AutoencoderKL has a decode of its own"]
    assert list(patches(pipe.unet)) == ["mid_block.resnets.0 has a forward of its own"]


@pytest.mark.parametrize("change", [stronger, lambda _: FeedForward.forward, lambda own: torch.compile(stronger(own))])
def test_a_class_whose_method_was_replaced_is_seen(
    change: Callable[[Any], Any], golden: GoldenSeeds, loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = BasicTransformerBlock.forward
    monkeypatch.setattr(BasicTransformerBlock, "forward", change(own))
    assert "The unet was changed after it was built" in (said := reason(golden, loaded))
    assert said.endswith("the list was made without: BasicTransformerBlock.forward was replaced.")
    monkeypatch.setattr(BasicTransformerBlock, "forward", torch.compile(own))
    golden.check(loaded)


def test_layers_and_processors_are_classes_too(pipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not list(patches(pipe.unet))
    monkeypatch.setattr(torch.nn.Linear, "forward", stronger(torch.nn.Linear.forward))
    monkeypatch.setattr(AttnProcessor2_0, "__call__", stronger(AttnProcessor2_0.__call__))
    assert set(patches(pipe.unet)) == {"Linear.forward was replaced", "AttnProcessor2_0.__call__ was replaced"}


def test_classes_of_the_libraries_are_as_they_wrote_them() -> None:
    import diffusers

    kinds = [getattr(diffusers, name) for name in scheduler_names()]
    kinds += [kind for kind in vars(attention_processor).values() if isinstance(kind, type)]
    assert {name for kind in kinds for name in replaced_methods(kind)} == set()


def test_processors_that_compute_the_same_pass_and_others_do_not(pipe: Any) -> None:
    for processor in (AttnProcessor(), AttnProcessor2_0()):
        pipe.unet.set_attn_processor(processor)
        assert not list(patches(pipe.unet))
    pipe.enable_attention_slicing()
    assert not list(patches(pipe.unet))
    pipe.unet.set_attn_processor(AttnAddedKVProcessor2_0())
    found = list(patches(pipe.unet))
    assert found and all("has the processor AttnAddedKVProcessor2_0" in patch for patch in found)


# --- tiles


def test_tiling_counts_where_there_are_several_tiles(golden: GoldenSeeds, pipe: Any) -> None:
    pipe.vae.enable_tiling()
    assert not in_tiles(pipe.vae, (64, 64)) and in_tiles(pipe.vae, (64, 72)) and in_tiles(pipe.vae, (72, 8))
    golden.check(pipe)
    changes = {"vae": ["AutoencoderKL has use_tiling = True"]}
    model = golden.conditions.model.model_copy(update={"changes": changes})
    tiled = golden.model_copy(update={"conditions": golden.conditions.model_copy(update={"model": model})})
    pipe.vae.disable_tiling()
    tiled.check(pipe)
    pipe.vae.enable_tiling()
    pipe.vae.tile_latent_min_size = 4
    assert "AutoencoderKL has tile_latent_min_size = 4, AutoencoderKL has use_tiling = True" in reason(golden, pipe)


# --- schedulers


def halved(scheduler: Any) -> None:
    scheduler.alphas_cumprod *= 0.5


def other_step(scheduler: Any) -> None:
    scheduler.step = stronger(scheduler.step)


@pytest.mark.parametrize(
    ("change", "said"), [(halved, "has another alphas_cumprod"), (other_step, "has a step of its own")]
)
def test_a_scheduler_that_was_changed_is_seen(
    change: Callable[[Any], None], said: str, golden: GoldenSeeds, pipe: Any
) -> None:
    pipe.scheduler.set_timesteps(7)
    golden.check(pipe, tensors=False)
    change(pipe.scheduler)
    with pytest.raises(GoldenMismatch, match=f"The scheduler was changed after it was built, .* without: {said}"):
        golden.check(pipe, tensors=False, latents=golden.latents())


def test_methods_of_a_pipeline_that_were_replaced_are_seen(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = StableDiffusionPipeline.from_pretrained(tiny["sd1"])
    golden = golden_for(pipe)
    pipe.progress_bar = lambda steps=None, **_: steps  # shapes no picture
    drawing, embedding = pipe.prepare_latents, pipe.encode_prompt
    pipe.encode_prompt = lambda *given, **named: embedding(*given, **named)  # is compared by what it makes
    pipe.prepare_latents = torch.compile(drawing)
    golden.check(pipe)
    pipe.prepare_latents = lambda *given, **named: drawing(*given, **named) * 0.9
    with pytest.raises(GoldenMismatch, match=r"The pipeline was changed .*: has a prepare_latents of its own\."):
        golden.check(pipe)
    del pipe.prepare_latents
    golden.check(pipe)
    monkeypatch.setattr(StableDiffusionPipeline, "prepare_latents", lambda *_: None)
    with pytest.raises(GoldenMismatch, match=r"StableDiffusionPipeline\.prepare_latents was replaced"):
        golden.check(pipe)


def test_a_choice_that_was_made_later_is_seen() -> None:
    scheduler = UniPCMultistepScheduler()
    scheduler.set_timesteps(9)
    assert not list(scheduler_differences(scheduler, "scheduler", 4))
    scheduler.predict_x0 = False
    (said,) = scheduler_differences(scheduler, "scheduler", 4)
    assert "has another predict_x0" in said


def test_a_function_that_every_scheduler_has_of_its_own_is_compared() -> None:
    scheduler = SASolverScheduler()
    assert not list(scheduler_differences(scheduler, "scheduler", 4))
    scheduler.tau_func = lambda t: 0 if t > 5 else 1
    (said,) = scheduler_differences(scheduler, "scheduler", 4)
    assert "has a tau_func of its own" in said


def test_a_shift_that_was_set_later_is_seen() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(9)
    assert not list(scheduler_differences(scheduler, "scheduler", 4))
    scheduler.set_shift(12.0)
    assert not list(Component.of(FlowMatchEulerDiscreteScheduler(shift=3.0)).differences(scheduler, "scheduler"))
    (said,) = scheduler_differences(scheduler, "scheduler", 4)
    assert all(f"has another {what}" in said for what in ("shift", "sigmas", "timesteps"))
    assert len(scheduler.timesteps) == 9, "it is left as it was"


def test_a_class_of_schedulers_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DDIMScheduler, "step", stronger(DDIMScheduler.step))
    (said,) = scheduler_differences(DDIMScheduler(), "scheduler", 4)
    assert said.endswith("the list was made without: DDIMScheduler.step was replaced.")


@pytest.mark.parametrize(
    "name", ["DPMSolverMultistepScheduler", "PNDMScheduler", "HeunDiscreteScheduler", "LCMScheduler"]
)
def test_a_scheduler_that_has_drawn_is_the_same(name: str, pipe: Any) -> None:
    import diffusers

    pipe.scheduler = getattr(diffusers, name).from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    pipe("a cat", num_inference_steps=5, height=32, width=32, output_type="latent")
    assert not list(scheduler_differences(pipe.scheduler, "scheduler", 3))
