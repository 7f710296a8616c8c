"""The witness: a seed's own distance, split over its pictures; it orders seeds as the distance does, and no outlier wins it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array, Moments, covariance, moments
from seedscope.analysis.seeds.distances.witness import Witness, uneven_witness_grid, witness_grid
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

D = 12


def sample(n: int, rng: np.random.Generator, shift: float = 0.0) -> Array:
    return rng.normal(size=(n, D)) @ np.diag(np.linspace(0.3, 2.0, D)) + shift


def scored(seeds: list[Array], reference: Reference) -> list[Array]:
    witness = Witness.of(moments(np.concatenate(seeds)), reference)
    return [
        witness.score(rows, np.tile(rows.mean(axis=0), (len(rows), 1)), np.full(len(rows), len(rows))) for rows in seeds
    ]


def test_its_mean_is_the_distance_with_the_covariance_to_first_order() -> None:
    """Against the distance itself, of a seed whose covariance is nearly that of all pictures; up to what all seeds share."""
    rng = np.random.default_rng(1)
    reference = Reference.of(moments(sample(4000, rng)))
    seeds = [sample(3000, rng, 0.4) for _ in range(3)]
    seeds[1] = seeds[1] * 1.03
    means = [rows.mean() for rows in scored(seeds, reference)]
    distances = [frechet_distance_of_rows(rows, reference) or 0.0 for rows in seeds]
    for seed in (1, 2):
        assert means[seed] - means[0] == pytest.approx(distances[seed] - distances[0], abs=0.01)


def test_each_picture_has_its_share_by_the_definition() -> None:
    rng = np.random.default_rng(2)
    reference, rows = Reference.of(moments(sample(300, rng))), sample(40, rng, 0.3)
    everything = moments(np.concatenate([rows, sample(300, rng, 0.1)]))
    witness = Witness.of(everything, reference)
    mean, n = rows.mean(axis=0), len(rows)
    found = witness.score(rows, np.tile(mean, (n, 1)), np.full(n, n))
    flat = np.eye(D) - witness.transport @ witness.transport.T
    own = covariance(moments(rows))
    assert found.mean() == pytest.approx(((mean - reference.mean) ** 2).sum() + np.trace(flat @ own))
    # T moves the covariance of all pictures to that of the reference.
    transport = witness.transport @ witness.transport.T
    spread = covariance(everything)
    np.testing.assert_allclose(transport @ spread @ transport, reference.factor @ reference.factor.T, atol=1e-9)


def test_its_seed_means_order_seeds_as_the_distance_does() -> None:
    rng = np.random.default_rng(3)
    reference = Reference.of(moments(sample(2000, rng)))
    seeds = [sample(400, rng, shift) for shift in np.linspace(0, 0.5, 8)]
    means = [rows.mean() for rows in scored(seeds, reference)]
    distances = [frechet_distance_of_rows(rows, reference) for rows in seeds]
    assert np.argsort(means).tolist() == np.argsort(distances).tolist() == list(range(8))


@pytest.mark.parametrize("kind", ["far beyond the reference", "one picture repeated", "noise"])
def test_degenerate_seeds_come_last(kind: str) -> None:
    """All pictures lie to one side of the reference; what lies beyond it is rewarded by the derivative at all pictures."""
    rng = np.random.default_rng(4)
    reference = Reference.of(moments(sample(1000, rng)))
    seeds = [sample(24, rng, 0.3) for _ in range(15)]
    far = {
        "far beyond the reference": np.full((24, D), -2.0) + 0.01 * rng.normal(size=(24, D)),
        "noise": sample(24, rng) * 3,
    }
    seeds.append(far[kind] if kind in far else np.repeat(seeds[0][:1], 24, axis=0))
    means = np.array([rows.mean() for rows in scored(seeds, reference)])
    assert means.argmax() == 15


def test_fewer_pictures_than_dimensions_a_broken_row_and_a_lone_picture() -> None:
    rng = np.random.default_rng(5)
    reference, rows = Reference.of(moments(sample(6, rng))), sample(5, rng)
    witness = Witness.of(moments(rows), reference)
    broken = rows.copy()
    broken[2, 3] = np.nan
    scores = witness.score(broken, np.tile(rows.mean(axis=0), (5, 1)), np.full(5, 5))
    assert np.isnan(scores[2]) and np.isfinite(np.delete(scores, 2)).all()
    assert np.isnan(witness.score(rows[:1], rows[:1], np.ones(1))).all()


def test_what_has_no_witness_is_refused() -> None:
    reference = Reference.of(moments(sample(20, np.random.default_rng(6))))
    with pytest.raises(ValueError, match="3 dimensions"):
        Witness.of(moments(np.zeros((4, 3))), reference)
    with pytest.raises(ValueError, match="at least 2"):
        Witness.of(Moments.empty(D), reference)
    with pytest.raises(ValueError, match="not finite"):
        Witness.of(moments(np.full((4, D), np.inf)), reference)


def published(folder: Path, seeds: dict[int, Array]) -> tuple[Table, list[Unit]]:
    """Features of seeds that have the first so many of the prompts, a row each."""
    most, dimensions = max(map(len, seeds.values())), next(iter(seeds.values())).shape[1]
    prompts = [prompt(f"prompt {i}") for i in range(most)]
    table = Table.of(
        folder,
        "fd",
        "0" * 8,
        pa.schema([*CELL_FIELDS, *STATUS_FIELDS, pa.field("fd", pa.list_(pa.float32(), dimensions))]),
    )
    units = []
    for number, (seed, rows) in enumerate(seeds.items()):
        unit = Unit.crossed(f"{number:06d}-0000000{number}", prompts[: len(rows)], [seed])
        keys = [[p.id for p, _ in unit.cells], [seed] * len(rows), ["ok"] * len(rows), pa.nulls(len(rows), pa.string())]
        values = pa.FixedSizeListArray.from_arrays(pa.array(rows.astype(np.float32).ravel()), dimensions)
        table.publish(unit, pa.table([*keys, values], table.schema), {})
        units.append(unit)
    return table, units


def test_a_seed_that_is_passed_over_changes_no_score_of_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    reference = Reference.of(moments(sample(500, rng)))
    seeds = {i: sample(40, rng) for i in range(3)} | {3: sample(5, rng, 5.0)}
    table, units = published(tmp_path, seeds)
    found, without = (witness_grid(table, "fd", *some) for some in ((units[:3], reference), (units, reference, [3])))
    assert np.array_equal(found.values, without.values) and without.seeds.tolist() == [0, 1, 2]


def uneven(folder: Path, seeds: dict[int, Array], reference: Reference) -> dict[int, Array]:
    """The scores of seeds that have the first so many of the prompts."""
    table, units = published(folder, seeds)
    grid = uneven_witness_grid(table, "fd", units, reference)
    assert abs(np.nanmean(grid.values)) < 1e-3
    return dict(zip(grid.seeds.tolist(), grid.values.T.astype(np.float64), strict=True))


def test_seeds_with_few_prompts_are_scored_as_those_with_many(tmp_path: Path) -> None:
    """Of seeds that are alike none seems better for having few pictures, and of one that is off its distance is told."""
    rng = np.random.default_rng(7)
    reference = Reference.of(moments(sample(3000, rng)))
    on_prompt = sample(300, rng)  # what all seeds have in common on a prompt
    seeds = {i: on_prompt + sample(300, rng) for i in range(6)}
    seeds |= {6 + i: on_prompt[:3] + sample(3, rng) for i in range(60)}
    seeds |= {66: on_prompt + sample(300, rng, 0.6)}
    found = uneven(tmp_path, seeds, reference)
    few, many = (np.array([found[i][:3].mean() for i in some]) for some in (range(6, 66), range(6)))
    assert abs(few.mean() - many.mean()) < 3 * np.sqrt(few.var() / len(few) + many.var() / len(many))
    alike = np.mean([found[i].mean() for i in range(6)])
    truth = frechet_distance_of_rows(seeds[66], reference) or 0.0
    others = np.mean([frechet_distance_of_rows(seeds[i], reference) or 0.0 for i in range(6)])
    assert found[66].mean() - alike == pytest.approx(truth - others, rel=0.15)


@pytest.mark.parametrize("prompts", [20, 30])
def test_seeds_that_lack_prompts_do_not_win_where_dimensions_are_many(tmp_path: Path, prompts: int) -> None:
    """In 64 dimensions, four seeds of all prompts beside 60 of four that are alike; these were better by 77 (s.d. 8)."""
    rng, dimensions = np.random.default_rng(1), 64
    reference = Reference.of(moments(1.2 * rng.standard_normal((3000, dimensions)) + 0.3))
    on_prompt = rng.standard_normal((prompts, dimensions))
    seeds = {i: on_prompt + rng.standard_normal((prompts, dimensions)) for i in range(4)}
    seeds |= {4 + i: on_prompt[:4] + rng.standard_normal((4, dimensions)) for i in range(60)}
    found = uneven(tmp_path, seeds, reference)
    few, many = (np.array([found[i][:4].mean() for i in some]) for some in (range(4, 64), range(4)))
    assert abs(few.mean() - many.mean()) < 3 * few.std() * np.sqrt(1 / 4 + 1 / 60)
