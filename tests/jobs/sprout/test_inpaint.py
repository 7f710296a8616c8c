"""Sprout-inpaint: its examples are what they say, its training resumes, and the bundled folder removes and completes."""

import random
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import resuming
import torch
from repository import SPROUT
from torch.nn import functional

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.inpaint import FIRST_SCENE, InpaintTask, example, in_latent_cells
from seedscope.jobs.sprout.inpaint_autoencoder import HOLED, with_holes
from seedscope.jobs.sprout.inpaint_masks import anywhere, box_around, box_of, covering, grown, square_around
from seedscope.jobs.sprout.inpaint_networks import new_inpaint_tokenizer, unet_from_sprout
from seedscope.jobs.sprout.judge.judge_inpaint import InpaintCell, cells, draw, held_out_scenes, load
from seedscope.jobs.sprout.networks import UNK, UNet2DConditionModel, new_tokenizer

INPAINT = SPROUT / "sprout-inpaint"
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)


@pytest.fixture(scope="module")
def pipe() -> Any:
    return load(INPAINT)


def synthetic() -> InpaintCell:
    """A picture that needs no font: a smooth sky with a dark square, which is the hole."""
    rows = np.linspace(120, 240, world.SIDE)[:, None, None]
    given = np.broadcast_to(rows, (world.SIDE, world.SIDE, 3)).astype(np.uint8)
    mask = np.zeros((world.SIDE, world.SIDE), dtype=np.bool_)
    mask[16:48, 16:48] = True
    return InpaintCell(np.where(mask[..., None], np.uint8(20), given), mask, world.NOTHING, seed=3)


def test_the_folder_is_small_and_free_of_pickles() -> None:
    files = [path for path in INPAINT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 20e6
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".txt"}


def test_stock_classes_load_it_and_know_its_size() -> None:
    stock: Any = diffusers.StableDiffusionInpaintPipeline
    loaded = stock.from_pretrained(INPAINT)  # without arguments: not even a dtype
    assert (loaded.unet.config.in_channels, loaded.unet.config.out_channels) == (9, 4)
    assert loaded.vae.config.latent_channels == 4
    assert loaded.unet.config.sample_size * loaded.vae_scale_factor == world.SIDE
    assert loaded.scheduler.config.prediction_type == "v_prediction"


def test_the_seed_decides_what_fills_the_hole(pipe: Any) -> None:
    cell = synthetic()
    wanted = [InpaintCell(cell.given, cell.mask, "a cat", seed) for seed in (3, 4)]
    first, other = draw(pipe, wanted, steps=4)
    again, _ = draw(pipe, wanted, steps=4)
    assert np.array_equal(first, again)
    assert np.abs(first.astype(int) - other)[cell.mask].mean() > 5


def test_a_removal_clears_the_hole_and_leaves_the_rest(pipe: Any) -> None:
    cell = synthetic()
    (picture,) = draw(pipe, [cell], steps=10)
    change = np.abs(picture.astype(int) - cell.given)
    assert change[~cell.mask].mean() < 0.03 * 255
    rows = np.linspace(120, 240, world.SIDE)[:, None, None]
    assert np.abs(picture - rows)[cell.mask].mean() < 0.1 * 255


@needs_fonts
def test_removals_come_nearer_to_the_empty_render(pipe: Any) -> None:
    scenes, empty = held_out_scenes(6), held_out_scenes(6, empty=True)
    masks = [grown(scene.mask, 4) for scene in scenes]
    made = draw(pipe, cells(scenes, masks, [world.NOTHING] * len(scenes)), steps=10)
    for scene, clear, mask, picture in zip(scenes, empty, masks, made, strict=True):
        before, after = (np.abs(p[mask].astype(int) - clear.pixels[mask]).mean() for p in (scene.pixels, picture))
        assert after < 0.7 * before


@needs_fonts
def test_the_same_seed_gives_the_same_example() -> None:
    for seed in range(FIRST_SCENE, FIRST_SCENE + 20):
        first, second = example(seed), example(seed)
        assert first.wanted.tobytes() == second.wanted.tobytes()
        assert first.mask.tobytes() == second.mask.tobytes()
        assert first.caption == second.caption


@needs_fonts
def test_a_removal_wants_the_empty_scene_in_the_mask_and_a_completion_the_scene() -> None:
    captions = set()
    for seed in range(FIRST_SCENE, FIRST_SCENE + 60):
        scene, made = world.render(seed, training=True), example(seed)
        empty = world.render(seed, training=True, empty=True)
        removal = made.caption == world.NOTHING
        captions.add(removal)
        inside = empty.pixels if removal else scene.pixels
        assert np.array_equal(made.wanted[made.mask], inside[made.mask])
        untouched = [np.array_equal(made.wanted[~made.mask], s.pixels[~made.mask]) for s in (scene, empty)]
        assert untouched[0] or (removal and untouched[1])
        assert 0 < made.mask.mean() < 1
    assert captions == {True, False}


def test_masks_cover_what_they_are_made_for() -> None:
    mask = np.zeros((world.SIDE, world.SIDE), dtype=np.bool_)
    mask[20:30, 10:40] = True
    assert box_of(mask) == (10, 20, 40, 30)
    assert box_of(grown(mask, 3)) == (7, 17, 43, 33)
    assert box_of(box_around(mask, (1, 2, 3, 40))) == (9, 18, 43, world.SIDE)
    assert box_of(square_around(mask, 2)) == (8, 8, 42, 42)
    for seed in range(100):
        assert covering(mask, random.Random(seed))[mask].all()
        assert 0.01 < anywhere(random.Random(seed)).mean() < 0.9


def test_masks_reach_the_latents_as_the_stock_pipeline_scales_them() -> None:
    masks = torch.stack([torch.from_numpy(anywhere(random.Random(seed))) for seed in range(20)])[:, None].float()
    assert torch.equal(in_latent_cells(masks), functional.interpolate(masks, size=(16, 16)))


def test_every_fourth_picture_gets_a_grey_hole() -> None:
    made = with_holes(torch.ones(2 * HOLED, 3, 32, 32), random.Random(5))
    grey = (made == 0).flatten(1).any(1)
    assert not grey[[i for i in range(2 * HOLED) if i % HOLED]].any()
    assert ((made == 0) | (made == 1)).all()


def test_new_words_stand_behind_those_of_sprout() -> None:
    old, new = new_tokenizer().get_vocab(), new_inpaint_tokenizer().get_vocab()
    assert {word: new[word] for word in old} == old
    assert {new[word] for word in new.keys() - old.keys()} == set(range(len(old), len(new)))
    assert UNK not in new_inpaint_tokenizer()(world.NOTHING).input_ids


def test_the_inner_levels_start_as_those_of_sprout() -> None:
    stock = UNet2DConditionModel.from_pretrained(SPROUT / "sprout" / "unet", dtype=torch.float32).state_dict()
    made = unet_from_sprout(SPROUT / "sprout" / "unet").state_dict()
    pairs = (
        ("mid_block.resnets.0.conv1", "mid_block.resnets.0.conv1"),
        ("down_blocks.2.resnets.0.conv2", "down_blocks.1.resnets.0.conv2"),
        ("up_blocks.0.resnets.0.conv1", "up_blocks.0.resnets.0.conv1"),
    )
    for new, old in pairs:
        assert torch.equal(made[f"{new}.weight"], stock[f"{old}.weight"])


@needs_fonts
def test_a_training_that_was_stopped_ends_where_a_whole_one_does(tmp_path: Path) -> None:
    build = partial(InpaintTask, 0, INPAINT / "vae", SPROUT / "sprout", batch=2)
    assert resuming.ends_where_a_whole_run_does(build, tmp_path)
