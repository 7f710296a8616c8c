"""Simulated sweeps: where the answer is known, where nothing is there, and what designs of both kinds take."""

import numpy as np
import pytest

from seedscope.analysis.select.power import Power, prompts_for_gain
from seedscope.analysis.select.racing import RaceError, Round, Rules
from seedscope.analysis.select.simulated_race import simulated


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_without_noise_all_are_found_and_without_effects_as_many_as_by_chance() -> None:
    rounds = (Round(256, 2), Round(128, 4), Round(64, 8))
    sure = simulated(rounds, 32, 1e9, rng(), 20)
    assert (sure.recall, sure.gain) == (1.0, pytest.approx(1.0))
    none = simulated(rounds, 32, 0.0, rng(), 200)
    assert abs(none.recall - 32 / 256) < 5 * none.recall_se and abs(none.gain) < 5 * none.gain_se


def test_the_gain_of_a_uniform_sweep_is_the_root_of_its_reliability() -> None:
    found = simulated((Round(512, 20),), 16, 1 / 15, rng())
    assert abs(found.gain - np.sqrt(20 / 35)) < 4 * found.gain_se
    assert prompts_for_gain(15.0, np.sqrt(20 / 35)) == 20
    assert prompts_for_gain(15.0, 0.001) == 1


def test_a_race_takes_a_fraction_of_the_pictures_of_a_uniform_sweep() -> None:
    power = Power(256, 8, 15.0)
    needed = power.needed("gain", 0.9, rng())
    assert needed.uniform is not None and needed.race is not None
    assert needed.uniform.rounds == (Round(256, prompts_for_gain(15.0, 0.9)),)
    assert needed.race.pictures < 0.5 * needed.uniform.pictures
    assert min(needed.race.found.gain, needed.uniform.found.gain) > 0.87
    beside = power.beside_uniform(Rules(256, 8, needed.race.pictures, 10_000), rng())
    assert beside.cheaper > 2
    assert beside.equal_cost.pictures <= beside.race.pictures
    assert beside.equal_cost.found.gain < beside.race.found.gain - 0.05


def test_where_seeds_hardly_differ_no_design_will_do() -> None:
    assert Power(32, 4, 1e12).needed("recall", 0.9, rng()).uniform is None
    assert Power(32, 4, 1e12).needed("gain", 0.9, rng()).race is None
    with pytest.raises(RaceError, match="nothing is to be chosen"):
        Power(4, 4, 15.0).needed("gain", 0.9, rng())
