"""Effects after seeds were dropped by their scores: intervals hold for all; where nothing is there, nothing is seen."""

import numpy as np
import numpy.typing as npt
import pytest

from seedscope.analysis.seeds.race.effects_after import RaceEffects, effects_after
from seedscope.analysis.seeds.race.posterior import posterior
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.select.racing import Rules, kept, schedule

Array = npt.NDArray[np.float64]
RULES = Rules(128, 4, 8_000, 10_000)


def raced(effects: Array, noise: float, rng: np.random.Generator) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Scores (P, S) of a race of seeds with these effects, and who is chosen."""
    rounds = schedule(RULES)
    scores, still_in = np.empty((0, len(effects))), np.ones(len(effects), np.bool_)
    for block, keep in zip(rounds, [*(later.seeds for later in rounds[1:]), RULES.golden], strict=True):
        shape = (block.prompts, len(effects))
        new = effects + 3 * rng.standard_normal((block.prompts, 1)) + np.sqrt(noise) * rng.standard_normal(shape)
        scores = np.concatenate([scores, np.where(still_in, new, np.nan)])
        still_in = kept(scores, still_in, keep)
    return scores, still_in


def cover(found: RaceEffects, effects: Array) -> npt.NDArray[np.bool_]:
    over = effects - np.median(effects)
    return np.asarray((found.lo <= over) & (over <= found.hi))


@pytest.fixture(scope="module")
def studies() -> list[tuple[Array, Array, npt.NDArray[np.bool_], RaceEffects]]:
    """24 studies of seeds with normal effects and with Student's t of 5: effects, scores, chosen, what is found."""
    rng = np.random.default_rng(11)
    made = []
    for number in range(24):
        effects = rng.standard_normal(128) if number % 2 else rng.standard_t(5, 128) / np.sqrt(5 / 3)
        scores, chosen = raced(effects, 15.0, rng)
        made.append((effects, scores, chosen, effects_after(scores)))
    return made


def test_intervals_hold_for_those_who_went_out_and_for_those_who_stayed(studies: list) -> None:  # type: ignore[type-arg]
    hit = np.array([cover(found, effects) for effects, _, _, found in studies])
    stayed = np.array([found.n == found.n.max() for _, _, _, found in studies])
    assert 0.92 < hit.mean() < 0.98  # 3,072 effects; the ratio of variances makes those of a study agree
    assert 0.87 < hit[stayed].mean() <= 1.0


def test_least_squares_says_too_much_of_those_who_stayed(studies: list) -> None:  # type: ignore[type-arg]
    """What the mixed model is for: prompts that only survivors have look harder than they are."""
    bias = []
    for effects, scores, chosen, found in studies:
        naive = additive_fit(Scores.of(scores, np.arange(len(scores)))).seed
        over = effects - effects.mean()
        bias.append([(each - over)[chosen].mean() for each in (naive, found.mean)])
    naive, mixed = np.mean(bias, axis=0)
    assert naive > 0.3 and abs(mixed) < 0.2


def test_expected_recall_and_gain_are_those_that_come(studies: list) -> None:  # type: ignore[type-arg]
    rng, told, true = np.random.default_rng(5), [], []
    for effects, _, chosen, found in studies:
        best = np.argsort(-effects)[:4]
        each = posterior(found, chosen, 4, rng, 200)
        told.append([each.recall, each.gain])
        true.append([chosen[best].mean(), effects[chosen].mean() / effects[best].mean()])
        assert each.recall_lo <= each.recall and each.gain_lo <= each.gain + 0.05
    np.testing.assert_allclose(np.mean(told, axis=0), np.mean(true, axis=0), atol=0.15)


def test_without_effects_none_is_seen() -> None:
    rng = np.random.default_rng(8)
    scores, chosen = raced(np.zeros(128), 1.0, rng)
    found = effects_after(scores)
    assert cover(found, np.zeros(128)).all()
    told = posterior(found, chosen, 4, rng, 200)
    assert told.gain_lo < 0.05 and told.recall < 0.7
    assert found.quantile(0.05) == 0.0


def test_what_never_varies_has_no_effect() -> None:
    scores = np.repeat(np.arange(4.0)[:, None], 6, axis=1)
    scores[2:, 3:] = np.nan
    found = effects_after(scores)
    assert not found.effect.any() and not found.lo.any() and not found.hi.any()
    assert not found.draws(np.random.default_rng(0), 3).any()


def test_seeds_on_few_prompts_know_less_and_one_without_any_knows_nothing() -> None:
    rng = np.random.default_rng(2)
    scores = rng.standard_normal(40) + rng.standard_normal((30, 40))
    scores[3:, 20:] = np.nan
    scores[:, 39] = np.nan
    found = effects_after(scores)
    sd = found.sd
    assert sd[:20].max() < 0.5 * sd[20:39].min() and sd[39] == sd.max()
    assert abs(found.mean[39]) < 0.05 and found.n[39] == 0
