"""What is said of seeds by one measurement: a planted seed comes first, missing cells are counted, nothing is made up."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedscope.analysis.direction import Better
from seedscope.analysis.judging.measures_table import measures_table
from seedscope.analysis.report.gather.measured import of_scalar
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import Scalar, columns, rank_by, scalar
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.verdict import verdict

PROMPTS, SEEDS = 40, 12


def grid(values: np.ndarray) -> Grid:
    prompts = np.array([f"p{i:02d}" for i in range(len(values))])
    groups = np.array([f"g{i // 4}" for i in range(len(values))])
    return Grid(values.astype(np.float32), prompts, groups, np.arange(100, 100 + values.shape[1]))


def noise(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(PROMPTS, SEEDS)) + rng.normal(size=(PROMPTS, 1))


def judged(
    values: np.ndarray, better: Better | None = "higher", *, is_rate: bool = False, shuffles: int = 99
) -> Scalar:
    on = np.arange(len(values)) % 8 < 4
    return scalar(
        grid(values),
        "score",
        better,
        is_rate=is_rate,
        ranking=on,
        k=3,
        shuffles=shuffles,
        rng=np.random.default_rng(1),
    )


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_planted_seed_comes_first(better: Better) -> None:
    values = noise()
    values[:, 7] += 3 if better == "higher" else -3
    found = judged(values, better)
    ranking = rank_by(found)
    first = ranking.table.to_pylist()[0]
    assert (
        first["seed"] == 107
        and first["rank"] == 1
        and first["score_q"] < 0.002
        and first["score_top3_probability"] > 0.99
    )
    assert first["score"] == pytest.approx(values[:, 7].mean(), abs=1e-6)
    assert abs(first["score_shrunk"]) < abs(first["score_vs_median"])
    assert ranking.chance is not None and ranking.chance.p_value == pytest.approx(1 / 1001)
    beyond = (
        first["score"] - max(ranking.chance.best) if better == "higher" else min(ranking.chance.best) - first["score"]
    )
    assert beyond > 0
    assert found.shares is not None and found.shares.seed.share is not None and found.shares.seed.share > 0.1
    assert found.stability is not None and found.stability.top.shared >= 1


def test_where_no_seed_matters_nothing_is_found() -> None:
    found = judged(noise(3))
    assert found.null is not None and found.null.differ > 0.05
    assert found.q is not None and found.q.min() > 0.05


@pytest.mark.parametrize("shuffles", [0, 99])
@pytest.mark.parametrize("off", [-50.0, 50.0])
def test_a_seed_far_off_changes_nothing_that_is_said_of_the_others(off: float, shuffles: int) -> None:
    """Where it takes part, it makes the ranking reliable and every effect real: 0.99, and nothing shrunk."""
    values = noise(3)
    others = np.arange(SEEDS) != 7
    alone = judged(values[:, others], shuffles=shuffles)
    values[:, 7] += off
    beside = judged(values, shuffles=shuffles)
    assert np.flatnonzero(beside.far).tolist() == [7] and not alone.far.any()
    assert alone.reliability is not None and beside.reliability == pytest.approx(alone.reliability, abs=1e-9)
    assert beside.prompts_for_08 == alone.prompts_for_08
    assert measures_table([beside])["far"].to_pylist() == [[beside.seeds[7]]] and measures_table([alone])[
        "far"
    ].to_pylist() == [[]]
    assert beside.shares is not None and (beside.shares.seed.share or 0.0) > 0.9
    shrunk = beside.shrunk.effect[others]
    np.testing.assert_allclose(shrunk - np.median(shrunk), alone.shrunk.effect, atol=0.03)
    assert beside.shrunk.effect[7] == pytest.approx(off, abs=1.0) and beside.shrunk.alike > 0.5 * alone.shrunk.alike
    assert alone.top is not None and beside.top is not None and beside.top.sum() == pytest.approx(3.0)
    assert beside.top[7] == (1.0 if off > 0 else 0.0)
    assert beside.top[others].max() < alone.top.max() + 0.05


def test_where_seeds_decide_most_none_is_far_off_the_others() -> None:
    """Normal draws of how seeds differ: a third of them is off by more than scores vary, and the ranking is reliable."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values = noise(seed) + 3.0 * rng.normal(size=SEEDS)
        found = judged(values, shuffles=0)
        assert not found.far.any()
        assert found.reliability is not None and found.reliability > 0.99
    values[:, 2] += 60.0
    assert np.flatnonzero(judged(values, shuffles=0).far).tolist() == [2]


def test_missing_cells_are_counted_and_a_prompt_without_any_is_left_out() -> None:
    values = noise()
    values[3, :] = np.nan
    values[5, 2] = np.inf
    found = judged(values)
    assert found.missing == 1 and found.scores.values.shape == (PROMPTS - 1, SEEDS)
    assert found.effects.n.tolist() == [PROMPTS - 1 - (i == 2) for i in range(SEEDS)]
    assert rank_by(found).missing == 1


def test_a_rate_has_its_own_interval_and_equal_seeds_share_a_rank() -> None:
    values = (np.random.default_rng(5).random((PROMPTS, SEEDS)) < 0.2).astype(float)
    values[:, 4] = values[:, 5] = 0.0
    ranking = rank_by(judged(values, "lower", is_rate=True))
    rows = ranking.table.to_pylist()
    assert ranking.rate and {rows[0]["seed"], rows[1]["seed"]} == {104, 105}
    assert rows[0]["rank"] == rows[1]["rank"] == 1 and rows[2]["rank"] == 3
    assert rows[0]["score_lo"] == 0.0 and 0.05 < rows[0]["score_hi"] < 0.15


def test_a_rate_of_a_seed_that_missed_the_prompts_which_show_it_is_that_of_all_prompts() -> None:
    """Equal seeds, and four bad ones: its own cells show 0.1, those of the others, with prompts of 0.95, 0.44."""
    rng = np.random.default_rng(2)
    values = (rng.random((50, 24)) < np.r_[np.full(20, 0.95), np.full(30, 0.1)][:, None]).astype(float)
    values[20:, 20:] = rng.random((30, 4)) < 0.8
    whole = judged(values, "lower", is_rate=True)
    np.testing.assert_array_equal(whole.values, values.astype(np.float32).mean(axis=0, dtype=np.float64))
    values[:20, 0] = np.nan
    found = judged(values, "lower", is_rate=True)
    assert found.rates is not None and found.rates.events[0] / found.rates.n[0] < 0.25
    assert found.values[0] == pytest.approx(np.median(found.values), abs=0.15)
    np.testing.assert_allclose(found.values, found.median + found.effects.effect, atol=1e-12)
    (row,) = (row for row in rank_by(found).rows if row.seed == 100)
    assert row.lo is not None and row.hi is not None and row.lo < found.values[0] < row.hi
    assert row.hi - row.lo > found.rates.hi[1] - found.rates.lo[1], "of fewer pictures"
    assert "better than luck" not in verdict(rank_by(found))[-1].replace("no better than luck", "")


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_what_chance_gives_a_rate_is_a_rate(better: Better) -> None:
    """18 of 32 seeds never show it, or always: no luck is better than the median seed. It had been -8 to -4 %."""
    rng = np.random.default_rng(4)
    values = np.zeros((24, 32))
    values[:, :14] = rng.random((24, 14)) < 0.2
    found = judged(values if better == "lower" else 1.0 - values, better, is_rate=True)
    ranking, end = rank_by(found), 0.0 if better == "lower" else 1.0
    assert ranking.chance is not None and ranking.chance.best == (end, end) == of_scalar(found).best
    assert all(0.0 <= each <= 1.0 for each in ranking.chance.worst) and ranking.chance.worst == of_scalar(found).worst
    (row,) = measures_table([found]).to_pylist()
    assert (row["best_lo"], row["best_hi"]) == ranking.chance.best and row["worst_hi"] == ranking.chance.worst[1]
    assert f"chance alone gives a best of {end:.0%} to".replace("%", " %") in verdict(ranking)[-1]
    assert "no better than luck" in verdict(ranking)[-1]


def test_where_nothing_ever_shows_all_seeds_are_first() -> None:
    ranking = rank_by(judged(np.zeros((PROMPTS, SEEDS)), "lower", is_rate=True))
    assert ranking.table["rank"].to_pylist() == [1] * SEEDS and ranking.table["score"].to_pylist() == [0.0] * SEEDS
    assert ranking.chance is not None and ranking.chance.p_value == 1.0


def test_without_a_good_direction_there_is_no_ranking_and_no_claim_of_better() -> None:
    found = judged(noise(), None)
    names = set(columns(found))
    ends = ("_q", "_p", "_chosen", "_rank_lo", "top3_probability")
    assert "score_vs_median" in names and not [name for name in names if name.endswith(ends)]
    with pytest.raises(ValueError, match="no direction"):
        rank_by(found)


def test_one_seed_or_no_values_is_a_sentence() -> None:
    with pytest.raises(StatisticsError, match="at least two seeds"):
        judged(noise()[:, :1])
    with pytest.raises(StatisticsError):
        judged(np.full((PROMPTS, SEEDS), np.nan))


def test_a_ranking_comes_back_from_its_file() -> None:
    ranking = rank_by(judged(noise()))
    file = io.BytesIO()
    pq.write_table(ranking.with_metadata(), file)
    again = Ranking.of(pq.read_table(file))
    assert again.table.equals(ranking.table) and again.chance == ranking.chance and again.better == "higher"
    with pytest.raises((KeyError, TypeError)):
        Ranking.of(pa.table({"seed": [1]}))
