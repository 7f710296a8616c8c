"""The look at a race so far: with effects and without, and the rules that end one."""

import numpy as np
import pytest

from seedscope.analysis.seeds.race.posterior import Posterior
from seedscope.analysis.select.first_look import first_look
from seedscope.analysis.select.racing import Round
from seedscope.analysis.select.stopped import Target, stopped

SCHEDULE = (Round(800, 6), Round(400, 12))


@pytest.mark.parametrize(("effect", "too_little"), [(0.0, True), (0.26, False)])
def test_too_little_is_said_where_nothing_is_and_not_where_something_is(effect: float, too_little: bool) -> None:
    rng = np.random.default_rng(6)
    scores = effect * rng.standard_normal(800) + rng.standard_normal((6, 800)) + rng.standard_normal((6, 1))
    found = first_look(scores, SCHEDULE, 200, rng)
    assert found.too_little == too_little
    assert found.share.share is not None and found.share.lo is not None and found.share.lo <= found.share.share
    if effect:
        assert found.noise_ratio_lo < effect**-2 < found.noise_ratio_hi
        assert found.race.gain > found.uniform.gain > 0.5
        assert 0.4 < found.reliability < found.reliability_hi < 0.75  # 18 of 18 + 14.8 is 0.55
    else:
        assert found.noise_ratio > 60 and found.reliability_hi < 0.3
        assert found.race.gain < 0.6


def test_prompts_of_one_group_tell_no_share() -> None:
    rng = np.random.default_rng(1)
    scores = rng.standard_normal(60) + rng.standard_normal((2, 60))
    found = first_look(scores, (Round(60, 2), Round(30, 4)), 15, rng, groups=["cat", "cat"])
    assert found.share.share is None and 0 < found.noise_ratio_lo < found.noise_ratio


def test_a_race_stops_by_the_first_rule_that_holds() -> None:
    known = Posterior(recall=0.7, gain=0.96, recall_lo=0.5, gain_lo=0.9)
    assert stopped(known, 1.0, Target(), 2) is None
    assert stopped(known, 1.0, Target(gain=0.95), 2) == "gain"
    assert stopped(known, 1.0, Target(gain=0.97, recall=0.7), 2) == "recall"
    assert stopped(known, 1.0, Target(gain=0.97, smallest=1.0), 2) == "bound"
    assert stopped(known, 1.0, Target(recall=0.8), 0) == "budget"
