"""The seeds table: right distances in the right rows, however cells fall into shards, and honest about what is missing."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from seedscope.analysis.seeds.distances import rank_seeds as rank_seeds_module
from seedscope.analysis.seeds.distances.base import RealFeatures, distance_class
from seedscope.analysis.seeds.distances.fd_infinity import fd_infinity
from seedscope.analysis.seeds.distances.feature_rows import SeedRows, TooFewImages, reference_of, reference_rows
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.jackknife import jackknife
from seedscope.analysis.seeds.distances.kernel import KernelReference, kernel_jackknife, kernel_state
from seedscope.analysis.seeds.distances.kid import KID
from seedscope.analysis.seeds.distances.moments import moments
from seedscope.analysis.seeds.distances.rank_seeds import rank_seeds
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.verdict import verdict
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

DIMENSIONS, COLUMN = 6, "fd_test"
SCHEMA = pa.schema([*CELL_FIELDS, *STATUS_FIELDS, pa.field(COLUMN, pa.list_(pa.float32(), DIMENSIONS))])
PROMPTS = tuple(Prompt(f"p{i:02d}", f"prompt {i}", f"group {i // 2}") for i in range(20))
SEEDS = (3, 1, 4, 15, 9)


def features(prompt: str, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng([int(prompt[1:]), seed])
    return (rng.normal(size=DIMENSIONS) + shift * seed / 10).astype(np.float32)


def write(
    table: Table, units: list[Unit], shift: float = 0.0, failed: frozenset[tuple[str, int]] = frozenset()
) -> None:
    for unit in units:
        rows = [
            {
                "prompt_id": prompt.id,
                "seed": seed,
                "status": "failed" if (prompt.id, seed) in failed else "ok",
                "error": "gone" if (prompt.id, seed) in failed else None,
                COLUMN: None if (prompt.id, seed) in failed else features(prompt.id, seed, shift),
            }
            for prompt, seed in unit.cells
        ]
        table.publish(unit, pa.Table.from_pylist(rows, schema=SCHEMA), {})


REAL_PROMPTS = tuple(Prompt(f"p{i + 900}", "", "") for i in range(200))
REAL = [Unit.crossed("r0", REAL_PROMPTS[:150], (0,)), Unit.crossed("r1", REAL_PROMPTS[150:], (0,))]


def ranked(
    folder: Path,
    units: list[Unit],
    shift: float = 0.0,
    shuffles: int = 0,
    failed: frozenset[tuple[str, int]] = frozenset(),
) -> Ranking:
    return by_each_distance(folder, units, shift, shuffles, failed)[COLUMN]


def by_each_distance(
    folder: Path,
    units: list[Unit],
    shift: float = 0.0,
    shuffles: int = 0,
    failed: frozenset[tuple[str, int]] = frozenset(),
    others: tuple[str, ...] = ("kid", "fd_infinity"),
) -> dict[str, Ranking]:
    made, real = Table(folder / "made-0", SCHEMA), Table(folder / "real-0", SCHEMA)
    write(made, units, shift, failed)
    write(real, REAL)
    reference = reference_of(real, COLUMN, REAL)
    known = RealFeatures(reference, lambda: reference_rows(real, COLUMN, REAL), lambda _: np.random.default_rng(6))
    named = {COLUMN: "frechet"} | {f"{COLUMN}_{name}": name for name in others}
    distances = {measure: distance_class(name)(known) for measure, name in named.items()}
    rows = SeedRows.of(made, COLUMN, units)
    rng = np.random.default_rng
    return rank_seeds(rows, distances, top=2, resamples=50, shuffles=shuffles, rng=lambda measure: rng(len(measure)))


def torchmetrics_distance(seed: int, prompts: tuple[Prompt, ...], shift: float) -> float:
    class Given(torch.nn.Module):
        num_features = DIMENSIONS

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    metric = FrechetInceptionDistance(feature=Given(), input_img_size=(DIMENSIONS,)).set_dtype(torch.float64)
    for of, real in (
        ([features(p.id, 0) for p in REAL_PROMPTS], True),
        ([features(p.id, seed, shift) for p in prompts], False),
    ):
        metric.update(torch.tensor(np.stack(of), dtype=torch.float64), real=real)
    return float(metric.compute())


def whole(shape: UnitShape | None = None) -> list[Unit]:
    return plan([Edition(PROMPTS, SEEDS)], shape or UnitShape(prompts=7, seeds=2))


def test_distances_are_torchmetrics_and_rank_lowest_first(tmp_path: Path) -> None:
    table = ranked(tmp_path, whole(), shift=1.0).table
    for row in table.to_pylist():
        assert row[COLUMN] == pytest.approx(torchmetrics_distance(row["seed"], PROMPTS, 1.0), rel=1e-6)
        assert row[f"{COLUMN}_lo"] < row[COLUMN] < row[f"{COLUMN}_hi"] and row["n"] == 20
    assert table["rank"].to_pylist() == [1, 2, 3, 4, 5]
    assert table[COLUMN].to_pylist() == sorted(table[COLUMN].to_pylist())
    assert table["seed"].to_pylist()[-1] == 15
    assert np.median(table[f"{COLUMN}_vs_median"].to_numpy()) == pytest.approx(0, abs=1e-9)
    assert sum(table[f"{COLUMN}_top2_resampled"].to_pylist()) == pytest.approx(2)


def test_it_does_not_matter_how_cells_fall_into_shards(tmp_path: Path) -> None:
    grown = plan([Edition(PROMPTS[:5], SEEDS[:3]), Edition(PROMPTS, SEEDS)], UnitShape(prompts=4, seeds=2))
    first, *others = [
        by_each_distance(tmp_path / str(i), units, shuffles=10)
        for i, units in enumerate((whole(), whole(UnitShape(prompts=50, seeds=50)), grown, whole()[::-1]))
    ]
    del others[-1][f"{COLUMN}_fd_infinity"]  # its subsets are drawn by the order of the prompts
    for other in others:
        for measure, ranking in other.items():
            for name in ranking.table.column_names:
                if name.endswith(("_p", "_q")):  # shuffles are drawn by the order of the prompts
                    continue
                np.testing.assert_allclose(
                    ranking.table.sort_by("seed")[name].to_numpy(),
                    first[measure].table.sort_by("seed")[name].to_numpy(),
                    rtol=1e-9,
                    atol=1e-12,
                )


def test_a_prompt_without_a_picture_of_some_seed_is_left_out_for_all_and_counted(tmp_path: Path) -> None:
    found = ranked(tmp_path, whole(), failed=frozenset({("p03", 4), ("p03", 1), ("p11", 9)}))
    assert found.prompts_left_out == 2 and set(found.table["n"].to_pylist()) == {18}
    kept = tuple(prompt for prompt in PROMPTS if prompt.id not in ("p03", "p11"))
    for row in found.table.to_pylist():
        assert row[COLUMN] == pytest.approx(torchmetrics_distance(row["seed"], kept, 0.0), rel=1e-6)


def test_too_few_common_prompts_is_a_sentence(tmp_path: Path) -> None:
    gone = frozenset((prompt.id, 1) for prompt in PROMPTS[1:])
    with pytest.raises(TooFewImages, match="1 prompts have a picture of every seed, 19 do not"):
        ranked(tmp_path, whole(), failed=gone)


def test_the_null_tells_seeds_that_matter_from_seeds_that_do_not(tmp_path: Path) -> None:
    same, apart = ranked(tmp_path / "a", whole(), shuffles=60), ranked(tmp_path / "b", whole(), shift=3.0, shuffles=60)
    assert same.chance is not None and apart.chance is not None
    assert same.chance.p_value > 0.05 and apart.chance.p_value == pytest.approx(1 / 61)
    assert same.chance.best[0] <= same.chance.best[1] < same.chance.worst[1]


def test_each_distance_has_its_own_table_and_null(tmp_path: Path) -> None:
    """Distances and intervals are those of the functions that take them; an unbiased one may be below 0."""
    found = by_each_distance(tmp_path / "a", whole(), shuffles=20)
    rows = np.stack([features(prompt.id, 15) for prompt in PROMPTS])
    labels = np.array([prompt.group for prompt in PROMPTS])
    real = np.stack([features(prompt.id, 0) for prompt in REAL_PROMPTS])
    reference, kernel = Reference.of(moments(real)), KernelReference.of(real, KID)
    limit = fd_infinity(rows, labels, reference, np.random.default_rng(6)).limit
    for measure, expected in (
        (COLUMN, jackknife(rows, labels, reference)),
        (f"{COLUMN}_kid", kernel_jackknife(kernel_state(rows, labels, kernel), kernel)),
        (f"{COLUMN}_fd_infinity", limit),
    ):
        table = found[measure].table
        (row,) = [row for row in table.to_pylist() if row["seed"] == 15]
        assert row[measure] == pytest.approx(expected.estimate, rel=1e-9)
        assert row[f"{measure}_se"] == pytest.approx(np.linalg.norm(expected.influence), rel=1e-6)
        chance = found[measure].chance
        assert chance is not None and chance.p_value > 0.05 and chance.best[0] < chance.worst[1]
        assert found[measure].real_images == 200 and found[measure].dimensions == DIMENSIONS
    assert min(found[f"{COLUMN}_kid"].table[f"{COLUMN}_kid"].to_pylist()) < 0
    assert min(found[f"{COLUMN}_kid"].table[f"{COLUMN}_kid_lo"].to_pylist()) < 0
    assert [ranking.caution for ranking in found.values()] == [
        None,
        None,
        "not to be trusted: 10 images in 6 dimensions in the smaller subsets",
    ]
    few = frozenset((prompt.id, 1) for prompt in PROMPTS[6:])
    assert ranked(tmp_path / "b", whole(), failed=few).caution == "rank-deficient: 6 images in 6 dimensions"


def test_where_higher_is_better_the_highest_come_first(tmp_path: Path) -> None:
    """Seed 15 is moved away from the real pictures: worst by the distance, by precision and by density."""
    found = by_each_distance(tmp_path, whole(), shift=2.0, shuffles=40, others=("precision", "density"))
    assert found[COLUMN].better == "lower" and found[COLUMN].rows[-1].seed == 15
    for name in ("precision", "density"):
        ranking = found[f"{COLUMN}_{name}"]
        values = [row.value for row in ranking.rows]
        assert ranking.better == "higher" and values == sorted(values, key=float, reverse=True)
        assert [row.rank for row in ranking.rows] == [1, 2, 3, 4, 5] and ranking.rows[-1].seed == 15
        assert ranking.rows[0].effect > 0 > ranking.rows[-1].effect
        assert ranking.rows[-1].resampled == 0.0 and sum(row.resampled for row in ranking.rows) == pytest.approx(2)
        assert ranking.chance is not None and ranking.chance.p_value == pytest.approx(1 / 41)
        assert ranking.chance.best[0] >= ranking.chance.worst[1] > ranking.rows[-1].value
        assert ranking.rows[0].hi is not None and ranking.rows[0].hi <= (1.0 if name == "precision" else np.inf)
        assert any(sentence.endswith("worse than bad luck.") for sentence in verdict(ranking))


def test_a_share_that_is_undefined_has_no_rank_and_its_reason(tmp_path: Path) -> None:
    found = by_each_distance(
        tmp_path, plan([Edition(PROMPTS[:5], SEEDS)], UnitShape(prompts=5, seeds=5)), shuffles=10, others=("recall",)
    )[f"{COLUMN}_recall"]
    assert found.table[f"{COLUMN}_recall"].null_count == found.table["rank"].null_count == len(SEEDS)
    assert found.chance is None and found.caution == "undefined: 5 pictures a seed; 5 neighbours want 6 or more"
    assert "was not tested (the measure is undefined for the seeds)." in " ".join(verdict(found))


def test_one_group_of_prompts_tests_nothing(tmp_path: Path) -> None:
    """Shuffled as one block, seeds only change their names."""
    one_group = tuple(Prompt(prompt.id, prompt.text, "g") for prompt in PROMPTS)
    found = by_each_distance(tmp_path, plan([Edition(one_group, SEEDS)], UnitShape(prompts=9, seeds=2)), shuffles=10)
    assert [ranking.chance for ranking in found.values()] == [None] * 3
    assert {ranking.untested for ranking in found.values()} == {"all prompts are of one group"}


def test_seeds_that_are_passed_over_are_not_there(tmp_path: Path) -> None:
    table, units = Table(tmp_path / "made-0", SCHEMA), whole()
    write(table, units)
    rows = SeedRows.of(table, COLUMN, units, without=[15, 3])
    assert sorted(seed for seed, _ in rows.by_seed()) == [1, 4, 9] and rows.prompts == [prompt.id for prompt in PROMPTS]


def test_why_nothing_was_tested_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shuffles were asked for: it is the memory that does not allow them, and the ranking that is kept still says so."""
    monkeypatch.setattr(rank_seeds_module, "GRID_BYTES", 2**8)
    found = by_each_distance(tmp_path, whole(), shuffles=10)[COLUMN]
    kept = Ranking.of(found.with_metadata())
    assert kept.chance is None and kept.why_untested.startswith("all pictures' features take more than")
    assert "no shuffles" not in " ".join(verdict(kept))


def test_what_is_undefined_for_a_seed_is_null_and_tests_nothing(tmp_path: Path) -> None:
    """A limit wants subsets of 3 images or more: 5 prompts have none of a half."""
    found = by_each_distance(tmp_path, plan([Edition(PROMPTS[:5], SEEDS)], UnitShape(prompts=5, seeds=5)), shuffles=10)
    limit = found[f"{COLUMN}_fd_infinity"]
    assert limit.chance is None and limit.table[f"{COLUMN}_fd_infinity"].null_count == len(SEEDS)
    assert limit.table["rank"].null_count == len(SEEDS) and found[COLUMN].chance is not None


def test_one_seed_and_one_group_give_nulls_not_numbers(tmp_path: Path) -> None:
    one_group = tuple(Prompt(prompt.id, prompt.text, "g") for prompt in PROMPTS)
    found = ranked(tmp_path, plan([Edition(one_group, (3,))], UnitShape(prompts=9, seeds=1)), shuffles=10)
    (row,) = found.table.to_pylist()
    assert found.chance is None and row["rank"] == 1 and row[COLUMN] > 0
    assert row[f"{COLUMN}_lo"] is None and row[f"{COLUMN}_se"] is None


def test_memory_holds_one_block_of_seeds(tmp_path: Path) -> None:
    """A block's shards are read together and let go: never all seeds of a table at once."""
    table, units = Table(tmp_path / "made-0", SCHEMA), whole(UnitShape(prompts=7, seeds=2))
    write(table, units)
    read: list[str] = []

    class Watched(Table):
        def read(self, unit: str, columns: object = None) -> pa.Table:
            read.append(unit)
            return Table.read(self, unit, columns)  # type: ignore[arg-type]

    rows = SeedRows.of(Watched(table.storage, SCHEMA), COLUMN, units)
    read.clear()
    stream = rows.by_seed()
    next(stream)
    assert len(read) == 3
    assert len(list(stream)) == 4 and len(read) == len(units)
