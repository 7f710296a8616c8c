"""Seeds are told where something tells them, and not where nothing does."""

from pathlib import Path

import numpy as np
import pytest

from seedscope.analysis.experiments.identify.crossed_pictures import CrossedPictures
from seedscope.analysis.experiments.identify.identify import BLOCK_MEANS, Given, identify
from seedscope.analysis.experiments.identify.sentences import sentences, tables
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.prompts import Prompt

SEEDS, GROUPS, SIDE = 8, 15, 32
CORNER = SIDE // 4
EPOCHS = 8


def pictures(rng: np.random.Generator, tint: float, groups: int = GROUPS) -> CrossedPictures:
    """Prompts with two to a group, each a coarse pattern of its own and noise; seeds with a tinted corner, top left."""
    prompts = [Prompt(f"p{at}", f"prompt {at}", f"g{at // 2}") for at in range(2 * groups)]
    patterns = rng.uniform(100, 155, (len(prompts), 1, 4, 4, 3)).repeat(8, axis=2).repeat(8, axis=3)
    pixels = patterns + rng.normal(0, 15, (len(prompts), SEEDS, SIDE, SIDE, 3))
    colours = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(SEEDS)]) * 2.0 - 1.0
    pixels[:, :, :CORNER, :CORNER] += tint * colours[None, :, None, None]
    return CrossedPictures(
        np.clip(pixels, 0, 255).astype(np.uint8), prompts, list(range(10, 10 + SEEDS)), f"{tint} {groups}"
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[CrossedPictures, Path]:
    return pictures(np.random.default_rng(0), 60.0), tmp_path_factory.mktemp("planted")


def test_planted_seeds_are_told_and_the_map_lights_their_corner(planted: tuple[CrossedPictures, Path]) -> None:
    given, folder = planted
    latents = np.random.default_rng(5).normal(size=(SEEDS, 4, 8, 8)).astype(np.float32)
    found = identify(given, Given(latents=latents), folder, 600.0, epochs=EPOCHS)
    assert found.whole.share > 0.9 and found.whole.lo > 0.6 and found.whole.p < 1e-6
    assert found.shuffled.lo <= found.shuffled.guess <= found.shuffled.hi or found.shuffled.p > 0.01
    assert found.linear[BLOCK_MEANS].share > 0.5
    assert found.ablated["grey"].share < found.whole.share - 0.2, "the corners differ by their colour"
    assert found.ablated["shifted by a pixel"].share > 0.8
    assert found.ablated["border alone"].share > found.ablated["border masked"].share
    cells = np.abs(found.maps).mean(axis=0)
    assert cells[:1, :1].mean() > 3 * cells[2:, 2:].mean(), "the corner is what says so"
    assert found.likeness is not None and found.likeness.p > 0.01, "the noise was made up"
    assert list(found.curve) == sorted(found.curve) and found.curve[found.learnt] == found.whole
    assert sentences(found)[0].startswith("The seed is told from the picture in ")
    assert tables(found)[1].rows[0][1] == round(100 * found.of_seed.max(), 2)


def test_a_second_call_learns_nothing_more(planted: tuple[CrossedPictures, Path]) -> None:
    given, folder = planted
    told: list[float] = []
    identify(
        given,
        Given(),
        folder,
        600.0,
        epochs=EPOCHS,
        told=lambda part, share: told.append(share) if part == "whole" else None,
    )
    assert told == [], "all of the training is kept"


def test_nothing_is_told_where_seeds_are_alike(tmp_path: Path) -> None:
    found = identify(pictures(np.random.default_rng(1), 0.0, groups=10), Given(), tmp_path, 30.0, epochs=3)
    assert found.whole.p > 0.001 and found.whole.share < 0.3
    assert sentences(found)[0].startswith("Seeds cannot be told from their pictures here: ")
    assert len(sentences(found)) == 3, "what a classifier goes by that tells nothing is not told"


def test_one_seed_has_none_to_be_told_from(tmp_path: Path) -> None:
    made = pictures(np.random.default_rng(3), 0.0)
    alone = CrossedPictures(made.pixels[:, :1], made.prompts, made.seeds[:1], made.mark)
    with pytest.raises(UserError, match="the run has one seed"):
        identify(alone, Given(), tmp_path, 1.0)


def test_too_few_groups_to_hold_some_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stand in 4 groups: .* takes 5 at least"):
        identify(pictures(np.random.default_rng(2), 0.0, groups=4), Given(), tmp_path, 1.0)
