"""Seeds that have the pictures of another count once; the same scores alone are no copy, nor are most pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_up_run import made_up, publish_run

from seedscope.analysis.judging.copied_seeds import copied_seeds, of_copies
from seedscope.analysis.judging.judge import Judged, judge
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.pictures import RunPictures
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


def test_rounding_of_pictures_drawn_in_another_place_of_a_batch_makes_no_seed(tmp_path: Path) -> None:
    """A picture of the copies that is off by a grey level in some pixels; four that are off in all are another picture."""

    def rounded(prompt: int, seed: int) -> Pixels:
        picture = np.tile(colour(prompt, seed), (8, 8, 1))
        picture[:: seed + 1, ::3] += seed in COPIES
        return picture

    assert judged(tmp_path, pixels=rounded).copied == COPIES
    assert not judged(
        _folder(tmp_path / "other"), pixels=lambda *at: colour(*at) + 4 * np.uint8(at[1] in (6, 8))
    ).copied.keys() & {6, 8}


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_no_more_is_read_than_tells_seeds_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grids: one, where it tells all seeds apart. Pictures: of one prompt, where they differ; of four, of those that do not."""
    run = run_of(publish_run(tmp_path, made_up(PROMPTS, SEEDS), pixels=colour), tmp_path / "run")
    rng, asked = np.random.default_rng(0), list[str]()

    def grids() -> Iterator[Grid]:
        for name in ("fine", "coarse", "coarser"):
            asked.append(name)
            values = rng.standard_normal((PROMPTS, SEEDS)) if name == "fine" else np.zeros((PROMPTS, SEEDS))
            yield Grid(
                values.astype(np.float32),
                np.arange(PROMPTS).astype(str),
                np.arange(PROMPTS).astype(str),
                np.arange(SEEDS),
            )

    assert copied_seeds(run, grids()) == {} and asked == ["fine"]
    read = list[tuple[int, str]]()
    monkeypatch.setattr(RunPictures, "__call__", _counted(RunPictures.__call__, read))
    coarse = list(grids())[1:]
    assert copied_seeds(run, coarse) == COPIES
    assert len(read) == SEEDS + 3 * 5 and {seed for seed, prompt in read[SEEDS:]} == {0, 2, 6, 7, 8}


def _counted(call: Callable[..., Pixels | None], read: list[tuple[int, str]]) -> Callable[..., Pixels | None]:
    def counted(self: RunPictures, seed: int, prompt: str) -> Pixels | None:
        read.append((seed, prompt))
        return call(self, seed, prompt)

    return counted
