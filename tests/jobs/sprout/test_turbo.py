"""The bundled sprout-turbo is used as SDXL-Turbo is: one step, no guidance; and its training goes on where it stopped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from stock_pictures import UNIT, ours, stock, study
from torch import Tensor, distributed

from seedscope.jobs.sprout import turbo, world
from seedscope.jobs.sprout.training import _Run
from seedscope.jobs.sprout.turbo import BEND, FIRST, TurboTask, bent, new_turbo_scheduler
from seedscope.jobs.sprout.turbo_pairs import PART, Pairs, Teacher, caption, part_path, tokens_of
from seedscope.pipeline.models.locate import BUNDLED

TURBO, SPROUT = BUNDLED / "sprout-turbo", BUNDLED / "sprout"
LATENT = (16, 8, 8)
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs fonts-noto-color-emoji and fonts-dejavu-core",
)


@pytest.fixture(scope="module")
def pipe() -> Any:
    pipeline: Any = diffusers.StableDiffusionPipeline
    loaded = pipeline.from_pretrained(TURBO)  # without arguments: not even a dtype
    loaded.set_progress_bar_config(disable=True)
    return loaded


def draw(pipe: Any, prompt: str, seed: int, steps: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 [64, 64, 3] in 0..1."""
    generator = torch.Generator("cpu").manual_seed(seed)
    made = pipe(prompt, num_inference_steps=steps, guidance_scale=0.0, generator=generator, output_type="np")
    return np.asarray(made.images[0], dtype=np.float32)


def test_the_folder_is_small_and_free_of_pickles() -> None:
    files = [path for path in TURBO.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 20e6
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".txt"}


def test_it_ships_the_sampler_of_sdxl_turbo(pipe: Any) -> None:
    assert type(pipe.scheduler) is diffusers.EulerAncestralDiscreteScheduler
    assert pipe.scheduler.config.timestep_spacing == "trailing"
    shipped, made = (
        {k: v for k, v in each.config.items() if k[0] != "_"} for each in (pipe.scheduler, new_turbo_scheduler())
    )
    assert shipped == made


def test_one_step_gives_the_unet_the_noise_and_decodes_what_it_predicts(
    pipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    predict = pipe.unet.forward

    def watched(latents: Tensor, level: Tensor, *args: Any, **options: Any) -> Any:
        assert int(level) == FIRST
        velocity = predict(latents, level, *args, **options)
        seen.append((latents, velocity[0]))
        return velocity

    monkeypatch.setattr(pipe.unet, "forward", watched)
    picture = draw(pipe, "a cat", 5)
    ((given, velocity),) = seen
    noise = torch.randn(1, *LATENT, generator=torch.Generator("cpu").manual_seed(5))
    a = pipe.scheduler.alphas_cumprod[FIRST].sqrt()
    s = (1 - a.square()).sqrt()
    torch.testing.assert_close(given, s * noise, atol=1e-6, rtol=1e-6)
    assert (given - noise).abs().max() < 1e-3  # s is 0.9999
    latent = a * given - s * velocity
    with torch.inference_mode():
        wanted = pipe.vae.decode(latent / pipe.vae.config.scaling_factor).sample[0].permute(1, 2, 0) / 2 + 0.5
    np.testing.assert_allclose(picture, wanted.clamp(0, 1).numpy(), atol=1e-3)


def test_a_seed_draws_the_same_picture_and_another_seed_another(pipe: Any) -> None:
    assert np.array_equal(draw(pipe, "a duck", 3), draw(pipe, "a duck", 3))
    assert np.abs(draw(pipe, "a duck", 3) - draw(pipe, "a duck", 4)).mean() > 0.02


def test_it_draws_the_place_that_is_named(pipe: Any) -> None:
    night, snow = draw(pipe, "a cat at night", 0), draw(pipe, "a cat in snow", 0)
    assert night.shape == (64, 64, 3)
    assert np.isfinite(night).all()
    assert night.mean() + 0.2 < snow.mean()


@pytest.mark.parametrize("steps", [2, 4])
def test_more_steps_draw_the_place_too(pipe: Any, steps: int) -> None:
    night, snow = (draw(pipe, f"a cat {where}", 0, steps) for where in ("at night", "in snow"))
    assert night.mean() + 0.2 < snow.mean()


@pytest.mark.parametrize("steps", [1, 4])
def test_seedscope_draws_the_pixels_of_the_stock_call(tmp_path: Path, steps: int) -> None:
    wanted = study("sprout-turbo", steps=steps, guidance={"scale": 0.0})
    np.testing.assert_array_equal(ours(wanted, tmp_path, UNIT), stock(wanted, UNIT))


# --- training


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of one worker."""
    meeting = tmp_path_factory.mktemp("meeting") / "point"
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training folder with one part of made-up pairs."""
    folder = tmp_path_factory.mktemp("turbo")
    generator = torch.Generator().manual_seed(0)
    noise, latents = torch.randn(2, PART, *LATENT, generator=generator)
    tokens = torch.randint(4, 60, (PART, 16), generator=generator)
    path = part_path(folder, 0)
    path.parent.mkdir()
    torch.save({"noise": noise, "tokens": tokens, "latents": latents.half()}, path)
    return folder


def new_task(folder: Path) -> TurboTask:
    torch.manual_seed(0)
    return TurboTask(0, folder, PART, SPROUT)


def advance(task: TurboTask, path: Path, until: int, steps: int = 4) -> _Run:
    """Train to the step `until` of `steps`, from the checkpoint if there is one; the teacher's views join after the first."""
    run = _Run(task.models(), task.recipe, path)
    run.restore()
    while run.step < until:
        progress = run.step / steps
        run.advance(task.loss(run.step, progress, rank=0, workers=1), progress, workers=1, keep_means=True)
    run.save()
    return run


def test_a_training_that_was_stopped_ends_in_the_same_bytes(
    alone: None, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turbo, "BATCH", 4)
    whole = advance(new_task(pairs), tmp_path / "whole.pt", until=3)
    advance(new_task(pairs), tmp_path / "stopped.pt", until=1)
    resumed = advance(new_task(pairs), tmp_path / "stopped.pt", until=3)
    ends = [[*run.parameters, *run.means, *run.muon.momentum] for run in (whole, resumed)]
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_the_student_starts_as_its_teacher(pairs: Path) -> None:
    task = new_task(pairs)
    weights = zip(task.unet.parameters(), task.teacher.pipeline.unet.parameters(), strict=True)
    assert all(torch.equal(student, teacher) for student, teacher in weights)


def test_bent_loss_is_half_the_square_near_zero_and_linear_far_away() -> None:
    assert bent(torch.zeros(4)) == 0
    assert bent(torch.full((4,), 1e-2)).item() == pytest.approx(0.5e-4, rel=1e-3)
    assert bent(torch.full((4,), 1e3)).item() == pytest.approx(BEND * (1e3 - BEND), rel=1e-5)


def test_the_teacher_draws_the_place_that_is_named() -> None:
    pipeline: Any = diffusers.StableDiffusionPipeline
    teacher = Teacher(pipeline.from_pretrained(SPROUT))
    tokens = tokens_of(teacher.pipeline.tokenizer, ["a cat at night", "a cat in snow"])
    noise = torch.randn(1, *LATENT, generator=torch.Generator().manual_seed(0)).expand(2, -1, -1, -1)
    latents = teacher.draw(noise, tokens)
    assert torch.equal(latents, teacher.draw(noise, tokens))
    with torch.inference_mode():
        night, snow = teacher.pipeline.vae.decode(latents / teacher.pipeline.vae.config.scaling_factor).sample
    assert night.mean() + 0.4 < snow.mean()


def test_guidance_changes_nothing_where_nothing_is_named() -> None:
    pipeline: Any = diffusers.StableDiffusionPipeline
    teacher = Teacher(pipeline.from_pretrained(SPROUT))
    tokens = tokens_of(teacher.pipeline.tokenizer, ["", "a cat"])
    noise = torch.randn(2, *LATENT, generator=torch.Generator().manual_seed(0))
    guided, plain = (teacher.velocity(noise, torch.tensor([300, 300]), tokens, guided=g) for g in (True, False))
    apart = (guided - plain).abs().mean((1, 2, 3))
    assert apart[0] < 1e-6
    assert apart[1] > 0.05


def test_pairs_come_in_whole_parts(pairs: Path) -> None:
    assert len(Pairs.load(pairs, PART + 5).noise) == PART
    with pytest.raises(ValueError, match="parts of 1024"):
        Pairs.load(pairs, PART - 1)


@needs_fonts
def test_captions_hold_no_combination_that_is_held_out() -> None:
    captions = [caption(i, chance=i % 20 / 20) for i in range(2000)]
    assert {"", "a cat", "an owl"} <= set(captions)
    for text in captions:
        named = [name for name in world.OBJECTS if f" {name} " in f" {text} "]
        colours = [colour for colour in world.HUES if colour in text.split()]
        places = [place for place, where in world.PLACES.items() if where and where in text]
        assert not any(world.held_out(name, attribute) for name in named for attribute in colours + places)
