"""Sprout's world: the same seed gives the same scene, and what is said about it is true."""

from itertools import pairwise

import numpy as np
import pytest
from fonts import needs_fonts

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.networks import EOS, TOKENS, UNK, new_tokenizer

SEEDS = range(400)
PLACES = tuple(world.PLACES.items())


@needs_fonts
def test_the_same_seed_gives_the_same_bytes() -> None:
    for seed in (0, 7, 1 << 39):
        first, second = world.render(seed), world.render(seed)
        assert first.pixels.tobytes() == second.pixels.tobytes()
        assert first.mask.tobytes() == second.mask.tobytes()
        assert first.caption == second.caption
    assert world.render(0).pixels.tobytes() != world.render(1).pixels.tobytes()


@needs_fonts
def test_centroid_size_and_box_are_those_of_the_mask() -> None:
    centres = (np.arange(world.SIDE) + 0.5) / world.SIDE
    for seed in SEEDS:
        scene = world.render(seed)
        weight = scene.mask / scene.mask.sum()
        expected = (weight.sum(axis=0) @ centres, weight.sum(axis=1) @ centres)
        assert scene.centroid == pytest.approx(expected, abs=1e-12)
        assert scene.size == pytest.approx(scene.mask.sum() / world.SIDE**2, abs=1e-12)
        left, top, right, bottom = (round(value * world.SIDE) for value in scene.box)
        assert scene.mask[top:bottom, left:right].sum() == scene.mask.sum() > 0
        assert scene.mask[top:bottom, [left, right - 1]].any(axis=0).all()
        assert scene.mask[[top, bottom - 1], left:right].any(axis=1).all()


@needs_fonts
def test_the_mask_is_where_the_object_is() -> None:
    """Two objects drawn by one seed differ in pixels only where a mask is (or at a soft edge, a little)."""
    for seed in SEEDS[:50]:
        scene, other = world.render(seed, object_name="car"), world.render(seed, object_name="frog")
        if scene.word is not None:
            continue
        assert scene.place == other.place
        differs = np.abs(scene.pixels.astype(int) - other.pixels.astype(int)).max(axis=2)
        assert differs[~(scene.mask | other.mask)].max() <= 128
        assert differs[scene.mask & ~other.mask].mean() > differs[~(scene.mask | other.mask)].mean()


@needs_fonts
def test_captions_name_the_object_and_only_what_is_there() -> None:
    for seed in SEEDS:
        scene = world.render(seed)
        assert f" {scene.object}" in scene.caption
        assert ("black and white" not in scene.caption) or scene.greyscale
        assert ("with text" not in scene.caption) or scene.word is not None
        assert ("with a border" not in scene.caption) or scene.border
        named = set(scene.caption.split()) & set(world.HUES)
        assert named <= {scene.colour}
        assert all(where is None or where not in scene.caption or place == scene.place for place, where in PLACES)


@needs_fonts
def test_what_captions_leave_out_varies() -> None:
    bare = [s for s in (world.render(seed, object_name="cat") for seed in range(3000)) if s.caption == "a cat"]
    assert len({s.centroid for s in bare}) > 20
    assert {s.place for s in bare} == set(world.PLACES)
    assert {s.size_name for s in bare} == set(world.SIZES)
    for flag in ({s.greyscale for s in bare}, {s.border for s in bare}, {s.word is None for s in bare}):
        assert flag == {True, False}


@needs_fonts
def test_greyscale_scenes_have_no_colour_and_words_lie_in_their_polygon() -> None:
    for seed in SEEDS:
        scene = world.render(seed)
        if scene.greyscale and not scene.border:
            assert (scene.pixels.max(axis=2) - scene.pixels.min(axis=2)).max() == 0
        assert (scene.word is None) == (scene.word_polygon is None)
        if scene.word_polygon is not None:
            assert all(0 <= value <= 1 for corner in scene.word_polygon for value in corner)


@needs_fonts
def test_held_out_combinations_are_not_rendered_for_training() -> None:
    for seed in range(3000):
        scene = world.render(seed, training=True)
        assert not world.held_out(scene.object, scene.place)
        assert scene.colour is None or not world.held_out(scene.object, scene.colour)


def test_held_out_combinations_are_a_fixed_share() -> None:
    named = [place for place, where in world.PLACES.items() if where is not None]
    combinations = [(name, attribute) for name in world.OBJECTS for attribute in (*world.HUES, *named)]
    share = sum(world.held_out(*pair) for pair in combinations) / len(combinations)
    assert 0.04 < share < 0.14
    assert not any(world.held_out(name, "plain") for name in world.OBJECTS)


@needs_fonts
def test_the_tokenizer_knows_every_caption_and_keeps_padding_for_padding() -> None:
    tokenizer = new_tokenizer()
    for seed in SEEDS:
        tokens = tokenizer(world.render(seed).caption).input_ids
        assert UNK not in tokens
        assert len(tokens) <= TOKENS
    assert tokenizer("a zebra").input_ids[-2:] == [UNK, EOS]


def test_a_missing_font_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "EMOJI_FONT", world.EMOJI_FONT.with_name("absent.ttf"))
    world._artwork.cache_clear()
    with pytest.raises(world.MissingFontError, match="fonts-noto-color-emoji"):
        world._artwork("apple")
    world._artwork.cache_clear()


@needs_fonts
def test_a_scene_without_its_object_is_the_same_scene_elsewhere() -> None:
    for seed in SEEDS[:100]:
        scene, empty = world.render(seed), world.render(seed, empty=True)
        assert empty.caption == world.NOTHING
        assert (empty.object, empty.size_name, empty.colour) == (None, None, None)
        assert (empty.place, empty.horizon, empty.word_polygon) == (scene.place, scene.horizon, scene.word_polygon)
        assert not empty.mask.any() and np.isnan(empty.centroid).all() and np.isnan(empty.box).all()
        differs = np.abs(scene.pixels.astype(int) - empty.pixels.astype(int)).max(axis=2) > 0
        assert differs[scene.mask].mean() > 0.9
        around = np.pad(scene.mask, 2)
        near = np.any([np.roll(around, (y, x), (0, 1)) for y in range(-2, 3) for x in range(-2, 3)], axis=0)
        assert differs[~near[2:-2, 2:-2]].mean() < 0.05  # translucent parts, such as wings, are no part of the mask


@needs_fonts
def test_nearness_orders_what_hides_what() -> None:
    for seed in SEEDS:
        scene = world.render(seed)
        nearness, layers = scene.nearness, scene.layers
        assert nearness.dtype == np.float32 and nearness.min() >= 0 and nearness.max() <= 1
        spans = [nearness[layers == layer] for layer in range(4)]
        for behind, before in pairwise(spans):
            assert not behind.size or not before.size or behind.max() < before.min()
        row = round(scene.horizon * world.SIDE)
        ground, sky = nearness[row:][layers[row:] == world.BACKGROUND], nearness[:row][layers[:row] == world.BACKGROUND]
        assert (ground > 0).all() and (sky == 0).all()
