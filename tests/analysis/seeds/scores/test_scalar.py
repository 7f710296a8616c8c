"""What is said of seeds by one measurement: a planted seed comes first, missing cells are counted, nothing is made up."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.scalar import Scalar, columns, rank_by, scalar
from seedscope.analysis.seeds.scores.scores import StatisticsError

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
