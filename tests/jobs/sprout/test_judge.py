"""What judges the bundled models is itself right: the examiner on held-out renders, the arithmetic on known answers."""

import numpy as np
import pytest
import torch
from fonts import needs_fonts

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import FIRST_HELD_OUT, NOTHING, OBJECTS, accuracy_on_renders, load_examiner
from seedscope.jobs.sprout.judge import distance
from seedscope.jobs.sprout.judge.judge_pictures import Settings, centroid_statistics, draw, figures, load, questions
from seedscope.pipeline.models.locate import BUNDLED


@needs_fonts
def test_the_examiner_is_right_about_held_out_renders() -> None:
    for sigma in (None, 1.0):
        shares = accuracy_on_renders(load_examiner(), count=400, sigma=sigma)
        error = shares.pop("centroid error")
        assert min(shares.values()) > 0.96, shares
        assert error < 0.04


@needs_fonts
def test_the_examiner_does_not_see_what_is_not_there() -> None:
    """Shuffled pixels keep a picture's colours and lose its object."""
    scenes = [world.render(FIRST_HELD_OUT + i) for i in range(64)]
    order = torch.randperm(world.SIDE**2, generator=torch.Generator().manual_seed(0))
    pictures = to_tensor([scene.pixels for scene in scenes]).flatten(2)[:, :, order].unflatten(2, (world.SIDE, -1))
    truth = torch.tensor([OBJECTS.index(str(scene.object)) for scene in scenes])
    assert (load_examiner().examine(pictures).objects == truth).float().mean() < 0.2


@needs_fonts
def test_variance_is_unbiased_and_correlation_is_across_prompts() -> None:
    """Centroids drawn like the scenes', the same for every prompt: variance 1, correlation 1; and drawn anew: 0."""
    scenes = np.array([world.render(seed, training=True).centroid for seed in range(4000)], dtype=np.float32)
    shared = np.repeat(scenes[None, :16], 40, axis=0) + np.random.default_rng(0).normal(0, 1e-4, (40, 16, 2))
    found = centroid_statistics(shared.astype(np.float32))
    assert found["centroid x, correlation"] == pytest.approx(1, abs=1e-3)
    found = centroid_statistics(scenes[: 400 * 6].reshape(400, 6, 2))
    for axis in "xy":
        assert found[f"centroid {axis}, variance"] == pytest.approx(1, abs=0.06)
        assert found[f"centroid {axis}, correlation"] == pytest.approx(0, abs=0.02)


@needs_fonts
def test_figures_count_what_is_asked() -> None:
    """Bare cats by sprout are cats; asked for as dogs, the same pictures are wrong."""
    asked = [question for question in questions() if question.object == "cat"][:3]
    pipeline, examiner, settings = load(BUNDLED / "sprout"), load_examiner(), Settings(6, 3.0)
    found = figures(pipeline, examiner, settings, asked)
    assert found["named object, bare prompt"] >= 0.75
    assert np.isnan(found["named place"])
    pictures = list(draw(pipeline, [(asked[0].prompt, seed) for seed in range(8)], settings))
    seen = examiner.examine(to_tensor(pictures)).objects
    assert (seen == OBJECTS.index("dog")).float().mean() < 0.25 and (seen == NOTHING).float().mean() < 0.25


@needs_fonts
def test_the_distance_of_renders_to_renders_is_smaller_than_that_of_damaged_ones() -> None:
    scenes = [world.render(world.REFERENCE_SEEDS + i).pixels for i in range(96)]
    whole = distance.Reference.of(distance.moments(distance.features(scenes[:48])))
    grey = [np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8) for pixels in scenes[48:]]
    found = distance.figures(grey, whole)
    assert found["Frechet distance, renders to renders"] < found["Frechet distance, pictures to renders"]
