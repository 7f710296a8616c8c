"""Sets of pictures: closed forms, a planted difference that is found, and none where nothing is."""

import numpy as np
import pytest

from seedscope.analysis.experiments.diverse_table.contest import (
    Chance,
    Ground,
    chance_of,
    of_diverse,
    of_groups,
    of_particles,
    of_random,
)
from seedscope.analysis.experiments.diverse_table.sets import Pictures, same_for_all, worth_of
from seedscope.analysis.experiments.diverse_table.told import Contest, plot, rows, tables, told
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import moments
from seedscope.analysis.seeds.distances.witness import Witness
from seedscope.analysis.select.diversity import similarities

PROMPTS, SEEDS, WIDE = 12, 16, 6
KINDS = 4


def pictures(seed: int, planted: float = 0.0) -> Pictures:
    """Seeds draw one of four kinds of pictures, as far as `planted` says."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(PROMPTS, SEEDS, WIDE))
    for column in range(SEEDS):
        vectors[:, column, column % KINDS] += planted
    embedded = rng.normal(size=(PROMPTS, SEEDS, 5)).astype(np.float32)
    names = [f"p{number:02d}" for number in range(PROMPTS)]
    seeds, scores = list(range(100, 100 + SEEDS)), rng.normal(size=(PROMPTS, SEEDS))
    return Pictures(names, seeds, vectors.astype(np.float32), scores, embedded)


def ground(own: Pictures) -> Ground:
    rng = np.random.default_rng(9)
    real = rng.normal(size=(400, 5))
    everything = moments(own.embedded.reshape(-1, 5))  # type: ignore[union-attr]  # they are there
    distance = Witness.of(everything, Reference.of(moments(real)))
    return Ground(own, np.array(own.prompts), distance, "higher", 0.5)


def chance(on: Ground, diverse: list[int]) -> Chance:
    return chance_of(on, diverse, np.random.default_rng(3))


def test_equal_pictures_are_one_and_orthogonal_ones_are_four() -> None:
    vectors = np.stack([np.tile(np.eye(4)[0], (4, 1)), 3 * np.eye(4)]).astype(np.float32)
    own = Pictures(["a", "b"], [0, 1, 2, 3], vectors, np.arange(8.0).reshape(2, 4), None)
    worth = worth_of(own, same_for_all([[0, 1, 2, 3]], 2), None)
    np.testing.assert_allclose(worth.similarity[:, 0], [1, 0], atol=1e-12)
    np.testing.assert_allclose(worth.vendi[:, 0], [1, 4], rtol=1e-9)
    np.testing.assert_allclose(worth.quality[:, 0], [1.5, 5.5])
    assert worth.witness is None


def test_similarity_is_that_of_diverse_seeds() -> None:
    own = pictures(0)
    chosen = [1, 5, 6, 12]
    by_prompt = similarities(own.vectors, {"chosen": chosen}).by_prompt["chosen"]
    np.testing.assert_allclose(
        worth_of(own, same_for_all([chosen], PROMPTS), None).similarity[:, 0], by_prompt, atol=1e-6
    )


def test_what_pictures_add_is_their_distance() -> None:
    """Averaged over the prompts it is the distance to first order: of pictures further off it is larger."""
    on = ground(pictures(0))
    far = Pictures(
        on.pictures.prompts, on.pictures.seeds, on.pictures.vectors, on.pictures.scores, on.pictures.embedded + 2
    )  # type: ignore[operator]
    sets = same_for_all([[0, 1, 2, 3]], PROMPTS)
    near_adds, far_adds = on.worth(sets).witness, worth_of(far, sets, on.distance).witness
    assert near_adds is not None and far_adds is not None
    mean = on.pictures.embedded[:, :4].reshape(-1, 5).mean(axis=0) - on.distance.mean  # type: ignore[index, union-attr]
    assert far_adds.mean() - near_adds.mean() == pytest.approx(4 * mean.sum() + 4 * 5, rel=1e-5)


def test_a_planted_set_is_surely_less_alike_and_a_random_one_is_not() -> None:
    planted = ground(pictures(1, planted=3.0))
    diverse = [0, 1, 2, 3]
    found = of_diverse(planted, chance(planted, diverse), diverse)
    assert found.values["similarity"].sure == -1 and found.values["vendi"].sure == 1
    assert chance(planted, diverse).p is not None and chance(planted, diverse).p < 0.15  # type: ignore[operator]
    sure = 0
    for seed in range(20):
        on = ground(pictures(seed + 50))
        sure += of_diverse(on, chance(on, diverse), diverse).values["similarity"].sure != 0
    assert sure <= 4


def test_a_choice_of_more_is_better_and_weight_makes_it_less_alike() -> None:
    on = ground(pictures(2))
    by_many = {many: of_groups(on, chance(on, []), many, np.random.default_rng(0)) for many in (8, 16)}
    for settings in by_many.values():
        alike = [each.values["similarity"].value for each in settings]
        assert alike == sorted(alike, reverse=True) and settings[0].values["quality"].sure == 1
    assert by_many[16][0].values["quality"].value > by_many[8][0].values["quality"].value
    assert [by_many[many][0].extra for many in (8, 16)] == [4, 12] and by_many[8][0].seconds == 4.0


def test_the_same_pictures_drawn_together_differ_by_nothing() -> None:
    on = ground(pictures(3))
    seeds = [105, 100, 103, 109, 101, 110, 111, 107]
    columns = [seed - 100 for seed in seeds]
    own = on.pictures
    same = Pictures(own.prompts, seeds, own.vectors[:, columns], own.scores[:, columns], own.embedded[:, columns])  # type: ignore[index]
    found = of_particles(on, same, "Particle Guidance, latents", 0.0, 0.1, None)
    assert all(each.difference == pytest.approx(0, abs=1e-9) for each in found.values.values())


def contest(on: Ground) -> Contest:
    by = chance(on, [0, 1, 2, 3])
    own, seeds = on.pictures, [105, 100, 103, 109]
    alike = np.ones_like(own.vectors[:, :4]) + 0.1 * own.vectors[:, :4]
    worse = Pictures(own.prompts, seeds, alike, own.scores[:, :4] - 3, None)
    pushed = of_particles(on, worse, "Particle Guidance, latents", 0.3, 0.1, 1.9)
    groups = of_groups(on, by, 8, np.random.default_rng(0))
    ways = [of_random(on, by), of_diverse(on, by, [0, 1, 2, 3]), pushed, *groups]
    chosen, lacking = [100, 101, 102, 103], {"Of 64": "the run has 16."}
    return Contest(ways, by, "style", "clip_score", "higher", "fd", chosen, (12, 12), 96, lacking)


def test_it_is_told_in_sentences_tables_and_a_plot() -> None:
    found = contest(ground(pictures(4, planted=3.0)))
    said = told(found)
    assert said[0].startswith("On 12 prompts in 12 groups that chose no seed, four random seeds")
    assert "Diverse seeds 100, 101, 102, 103, chosen once on 96 pictures of other prompts: similarity -" in said[1]
    assert "c = 1.9" in said[2] and "At no setting are pictures surely less alike without a sure loss." in said[2]
    assert "by construction" in said[-2] and said[-1] == "Of 64: the run has 16."
    assert all(len(row) == len(table.columns) for table in tables(found) for row in table.rows)
    assert rows(found).num_rows == 4 * len(found.contenders) - 1
    page = plot(found, "sprout")
    assert page.width > 1500 and len(set(page.getdata())) > 50


def test_the_best_of_several_settings_is_told_with_intervals_for_all_of_them() -> None:
    """Student's t with 11 degrees of freedom: 3.106 for 5 settings (1 - 0.05 / 10), 2.201 for one."""
    found = contest(ground(pictures(4, planted=3.0)))
    settings = [each for each in found.contenders if each.way == "4 of 8"]
    alike = min((each.values["similarity"] for each in settings), key=lambda each: each.value)
    assert len(settings) == 5 and alike.interval is not None
    reach = (alike.interval[1] - alike.difference) * 3.1058 / 2.2010
    said = next(sentence for sentence in told(found) if sentence.startswith("4 of 8, least alike"))
    assert f"({alike.difference - reach:+.3f} to {alike.difference + reach:+.3f})" in said
    assert "the best of 5 settings, chosen on these prompts, so that it flatters itself" in said
    assert not any("flatters" in sentence for sentence in told(found) if sentence.startswith("Particle"))
