"""Seeds that have the pictures of another count once; the same scores alone are no copy, nor are most pictures."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_up_run import made_up, publish_run

from seedscope.analysis.judging.copied_seeds import copied_seeds, of_copies, same_scores
from seedscope.analysis.judging.judge import Judged, judge
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.pipeline.images import Pixels

PROMPTS, SEEDS = 8, 9
COPIES = {6: 0, 7: 0, 8: 2}
ORIGINALS = np.array([COPIES.get(seed, seed) for seed in range(SEEDS)])


def colour(prompt: int, seed: int) -> Pixels:
    return np.full((8, 8, 3), (20 * COPIES.get(seed, seed), 10 * prompt, 64), np.uint8)


def judged(folder: Path, **drawn: object) -> Judged:
    values = {name: column[:, ORIGINALS] for name, column in made_up(PROMPTS, SEEDS).items()}
    return judge(run_of(publish_run(folder, values, **drawn), folder / "run"))  # type: ignore[arg-type]


def test_a_copy_is_found_has_no_rank_and_does_not_count(tmp_path: Path) -> None:
    found = judged(tmp_path, pixels=colour)
    assert found.copied == COPIES
    score = found.scalars["clip_score"]
    assert score.seeds.tolist() == list(range(6)) and score.missing == 0 and found.ranking.table.num_rows == 6
    rows = pq.read_table(tmp_path / "run" / "seeds.parquet").to_pylist()
    assert [(row["seed"], row["rank"], row["clip_score"], row["layout_x"], row["n"]) for row in rows[6:]] == [
        (seed, None, None, None, 0) for seed in COPIES
    ]
    assert of_copies(found.copied, SEEDS) == [
        "3 of 9 seeds have the same pictures as another: 6, 7 as 0; 8 as 2. A copy is no evidence of its own: of each set the "
        "first is judged, and the others have no rank."
    ]


def test_the_same_scores_of_other_pictures_are_no_copy(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert found.copied == {} and of_copies({}, SEEDS) == [] and len(found.scalars["clip_score"].seeds) == SEEDS


def test_where_all_seeds_are_one_they_are_judged_and_it_is_said(tmp_path: Path) -> None:
    values = {name: column[:, [0] * SEEDS] for name, column in made_up(PROMPTS, SEEDS).items()}
    run = run_of(publish_run(tmp_path, values, pixels=lambda prompt, _: colour(prompt, 0)), tmp_path / "run")
    found = judge(run)
    assert found.copied == dict.fromkeys(range(1, SEEDS), 0) and len(found.scalars["clip_score"].seeds) == SEEDS
    assert of_copies(found.copied, SEEDS)[0].startswith(
        "All 9 seeds have the same pictures: nothing that is drawn here"
    )
    assert copied_seeds(run, []) == {}


@pytest.mark.parametrize(("noise", "alike"), [(1e-6, True), (0.1, False)])
def test_scores_are_the_same_within_rounding_on_all_prompts_by_all_measures(noise: float, alike: bool) -> None:
    rng, copies = np.random.default_rng(0), np.arange(400) % 100
    first, second = rng.standard_normal((2, 24, 100))[:, :, copies]
    first[3, [5, 105, 205, 305]] = np.nan
    grids = [_grid(values + noise * rng.standard_normal(values.shape)) for values in (first, second)]
    found = same_scores([*grids, _grid(np.zeros((24, 400)))])
    assert sorted(found) == ([[seed, seed + 100, seed + 200, seed + 300] for seed in range(100)] if alike else [])
    second[7, 305] += 1.0
    first[3, 205] = 0.0
    assert [5, 105] in same_scores([_grid(first), _grid(second)])


def _grid(values: np.ndarray) -> Grid:
    prompts = np.array([f"prompt {place}" for place in range(len(values))])
    return Grid(values.astype(np.float32), prompts, prompts, np.arange(values.shape[1]))
