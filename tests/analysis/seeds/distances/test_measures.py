"""Precision, recall, density, coverage, Vendi score and authenticity: as their formulas say, with exact jackknives; they fall
where something was planted for them to find, and not where nothing was."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from seedscope.analysis.seeds.distances import neighbours, recall, vendi
from seedscope.analysis.seeds.distances.base import Distance, RealFeatures, UnfitReference, distance_class
from seedscope.analysis.seeds.distances.bootstrap import paired_bootstrap
from seedscope.analysis.seeds.distances.coverage import expected_coverage
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.moments import Array, moments
from seedscope.analysis.seeds.distances.neighbours import K

NAMES = ("precision", "recall", "density", "coverage", "vendi", "authenticity")
each = pytest.mark.parametrize("name", NAMES)


def among(real: Array) -> RealFeatures:
    return RealFeatures(Reference.of(moments(real)), lambda: real, lambda _: np.random.default_rng(0))


def measure(name: str, real: Array) -> Distance:
    return distance_class(name)(among(real))


def estimate(distance: Distance, pictures: Array) -> float:
    found = distance.of_seed(pictures, np.arange(len(pictures))).estimate
    assert found is not None
    return found


def estimates(real: Array, pictures: Array) -> dict[str, float]:
    known = among(real)
    return {name: estimate(distance_class(name)(known), pictures) for name in NAMES}


def written_out(real: Array, made: Array) -> Mapping[str, float]:
    """All six, picture by picture, from the differences of features."""

    def apart(a: Array, b: Array) -> float:
        return float(np.sqrt(((a - b) ** 2).sum()))

    def kth(rows: Array, i: int, k: int) -> float:
        return sorted(apart(rows[i], other) for j, other in enumerate(rows) if j != i)[k - 1]

    real_radii = [kth(real, i, K) for i in range(len(real))]
    made_radii = [kth(made, i, K) for i in range(len(made))]
    inside = [[apart(x, y) < radius for y, radius in zip(real, real_radii, strict=True)] for x in made]
    reached = [any(apart(x, y) < radius for x, radius in zip(made, made_radii, strict=True)) for y in real]
    authentic = []
    for x in made:
        closest = min(range(len(real)), key=lambda j: apart(x, real[j]))
        authentic.append(apart(x, real[closest]) > kth(real, closest, 1))
    cosines = [[float(a @ b) / np.sqrt((a @ a) * (b @ b)) for b in made] for a in made]
    shares = [share for share in np.linalg.eigvalsh(np.array(cosines) / len(made)) if share > 0]
    return {
        "precision": float(np.mean([any(row) for row in inside])),
        "density": sum(map(sum, inside)) / (K * len(made)),
        "coverage": float(np.mean([any(row) for row in zip(*inside, strict=True)])),
        "recall": float(np.mean(reached)),
        "vendi": float(np.exp(-sum(share * np.log(share) for share in shares))),
        "authenticity": float(np.mean(authentic)),
    }


@pytest.mark.parametrize(("made", "dimensions"), [(7, 3), (24, 40), (50, 6)])
def test_each_is_what_its_formula_says(made: int, dimensions: int) -> None:
    rng = np.random.default_rng(made)
    real, pictures = rng.gamma(0.5, 1.0, (70, dimensions)), rng.gamma(0.6, 1.1, (made, dimensions))
    found, expected = estimates(real, pictures), written_out(real, pictures)
    assert all(expected[name] > 0 for name in NAMES)
    for name in NAMES:
        assert found[name] == pytest.approx(expected[name], rel=1e-12), name


@each
@pytest.mark.parametrize("block", [40, 2**22])
def test_what_a_cluster_adds_is_the_measure_without_it(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters of one, of three and of unlike sizes, few and many pictures beside the dimensions, in any order of rows."""
    monkeypatch.setattr(neighbours, "BLOCK", block)
    monkeypatch.setattr(neighbours, "AT_A_TIME", 10)
    rng = np.random.default_rng(11)
    for made, dimensions in ((24, 5), (18, 30)):
        distance = measure(name, rng.gamma(0.5, 1.0, (60, dimensions)))
        pictures = rng.gamma(0.5, 1.0, (made, dimensions))
        pictures[3] = pictures[4]
        for clusters in (rng.permutation(made), np.arange(made) // 3, rng.integers(0, 4, made)):
            found = distance.of_seed(pictures, clusters)
            labels = np.unique(clusters)
            left_out = np.array([estimate(distance, pictures[clusters != label]) for label in labels])
            expected = -np.sqrt((len(labels) - 1) / len(labels)) * (left_out - left_out.mean())
            np.testing.assert_array_equal(found.clusters, labels)
            np.testing.assert_allclose(found.influence, expected, atol=1e-9)
            assert found.estimate == pytest.approx(estimate(distance, pictures), rel=1e-9) and found.n == made


def collapses(rng: np.random.Generator) -> tuple[Array, dict[str, Array]]:
    """Real pictures of four kinds; a good seed; and seeds of which each has a fault. 80 pictures a seed."""
    kinds = rng.normal(0.0, 4.0, (4, 12))
    real = np.repeat(kinds, 100, axis=0) + rng.normal(size=(400, 12))
    good = np.repeat(kinds, 20, axis=0) + rng.normal(size=(80, 12))
    return real, {
        "good": good,
        "one picture": np.repeat(good[:1], 80, axis=0),
        "black": np.full((80, 12), 30.0),
        "noise": 40.0 * rng.normal(size=(80, 12)),
        "one kind": kinds[0] + rng.normal(size=(80, 12)),
        "copies": real[rng.choice(400, 80, replace=False)],
    }


def test_each_collapse_is_told_by_the_measures_that_are_for_it() -> None:
    real, seeds = collapses(np.random.default_rng(5))
    found = {fault: estimates(real, pictures) for fault, pictures in seeds.items()}
    good = found["good"]
    assert good["precision"] > 0.7 and good["recall"] > 0.8 and 0.7 < good["density"] < 1.3
    assert good["coverage"] == pytest.approx(expected_coverage(80, 400), abs=0.1)
    for fault in ("one picture", "black"):
        assert found[fault]["recall"] == 0.0 and found[fault]["vendi"] == pytest.approx(1.0, abs=1e-9)
        assert found[fault]["coverage"] < good["coverage"] / 4
    for fault in ("black", "noise"):
        assert found[fault]["precision"] == found[fault]["density"] == found[fault]["coverage"] == 0.0
        assert found[fault]["authenticity"] == 1.0  # noise is no copy
    assert found["noise"]["recall"] == 1.0 and found["noise"]["vendi"] > good["vendi"]  # nor is it all alike
    for name in ("recall", "coverage", "vendi"):
        assert found["one kind"][name] < 0.7 * good[name]
    assert found["one kind"]["precision"] > 0.7  # it does not see what is missing
    assert found["copies"]["authenticity"] == 0.0 < 0.3 < good["authenticity"]
    assert found["copies"]["precision"] == 1.0 and found["copies"]["recall"] > 0.8


def test_one_of_the_seeds_with_a_fault_is_the_worst_by_the_null_too() -> None:
    rng = np.random.default_rng(6)
    real, seeds = collapses(rng)
    kinds = real.reshape(4, 100, 12).mean(axis=1)
    alike = [np.repeat(kinds, 20, axis=0) + rng.normal(size=(80, 12)) for _ in range(5)]
    for fault, names in {
        "one picture": ("recall", "coverage", "vendi"),
        "noise": ("precision", "density"),
        "copies": ("authenticity",),
    }.items():
        for name in names:
            grid = np.stack([*alike, seeds[fault]], axis=1)
            null = measure(name, real).null(grid, rng, 99, np.arange(80))
            assert null.p_value == pytest.approx(0.01), (fault, name)
            assert null.observed.worst < np.quantile(null.chance.worst, 0.025) <= null.chance.best.min()
            assert null.observed.worst == pytest.approx(estimate(measure(name, real), seeds[fault]), abs=1e-9)


@each
def test_p_values_where_no_seed_matters(name: str) -> None:
    """No more small ones than chance allows; ties of shares make them larger, never smaller. 200 worlds of 4 seeds."""
    rng = np.random.default_rng(7)
    distance = measure(name, rng.normal(size=(60, 8)))
    found = []
    for _ in range(200):
        grid = 0.7 * rng.normal(size=(16, 1, 8)) + 0.7 * rng.normal(size=(16, 4, 8))
        found.append(distance.null(grid, rng, 19, np.arange(16)).p_value)
    for level in (0.05, 0.1, 0.25, 0.5):
        assert np.mean(np.array(found) <= level) <= level + 3.3 * np.sqrt(level * (1 - level) / 200)
    assert np.mean(np.array(found) <= 0.5) > 0.3  # they are not all 1 either


@each
def test_errors_are_those_of_other_prompts(name: str) -> None:
    """Never much too small, up to 1.5 times too wide for recall and Vendi score (quadratic in the pictures), and intervals of
    differences between seeds hold 0."""
    rng = np.random.default_rng(8)
    distance, prompts = measure(name, rng.normal(size=(400, 8))), np.arange(24)
    value, error, difference, low, high = [], [], [], [], []
    for _ in range(150):
        grid = 0.7 * rng.normal(size=(24, 1, 8)) + 0.7 * rng.normal(size=(24, 3, 8))
        seeds = [distance.of_seed(grid[:, seed], prompts) for seed in range(3)]
        found = paired_bootstrap(seeds, rng, 1, floor=distance.floor, ceiling=distance.ceiling)
        value.append(found.distance.estimate)
        error.append(found.distance.se)
        difference.append(found.difference.estimate)
        low.append(found.difference.lo)
        high.append(found.difference.hi)
        assert (found.distance.lo >= distance.floor).all() and (found.distance.hi <= distance.ceiling).all()
    wide = 1.6 if name in ("recall", "vendi") else 1.2
    assert 0.85 < np.sqrt(np.mean(np.square(error))) / np.std(value) < wide
    assert np.abs(np.median(difference, axis=1)).max() < 1e-12
    assert np.mean((np.array(low) <= 0) & (np.array(high) >= 0)) > 0.9


@pytest.mark.parametrize(("name", "module", "limit"), [("recall", recall, "KEPT"), ("vendi", vendi, "LARGEST_GRAM")])
def test_both_ways_to_shuffle_agree(name: str, module: object, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    distance, grid = measure(name, rng.normal(size=(50, 20))), rng.normal(size=(12, 4, 20))

    def chance() -> Array:
        return distance.null(grid, np.random.default_rng(0), 19, np.arange(12)).chance.deviation

    kept = chance()
    monkeypatch.setattr(module, limit, 0)
    np.testing.assert_allclose(chance(), kept, rtol=1e-9, atol=1e-12)


def test_expected_coverage_is_that_of_pictures_of_one_kind() -> None:
    rng = np.random.default_rng(10)
    found = []
    for _ in range(60):
        distance = measure("coverage", rng.normal(size=(100, 3)))
        found.append(estimate(distance, rng.normal(size=(30, 3))))
    expected = expected_coverage(30, 100)
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / np.sqrt(60))
    assert expected_coverage(10**6, 100) == pytest.approx(1.0, abs=1e-3)


def undefined(found: Jackknife) -> bool:
    return found.estimate is None and bool(np.isnan(found.influence).all())


@each
def test_what_is_undefined_is_none_never_0(name: str) -> None:
    rng = np.random.default_rng(12)
    distance, pictures = measure(name, rng.normal(size=(40, 4))), rng.normal(size=(9, 4))
    for spoilt in (np.nan, np.inf):
        broken = pictures.copy()
        broken[2, 1] = spoilt
        assert undefined(distance.of_seed(broken, np.arange(9)))
        with pytest.raises(ValueError, match="complete grid"):
            distance.null(np.stack([pictures, broken], axis=1), rng, 9, np.arange(9))
    one_group = distance.of_seed(pictures, np.zeros(9))
    assert one_group.estimate is not None and np.isnan(one_group.influence).all()


def test_recall_wants_more_pictures_than_neighbours_and_says_so() -> None:
    rng = np.random.default_rng(13)
    distance, pictures = measure("recall", rng.normal(size=(40, 4))), rng.normal(size=(7, 4))
    assert undefined(distance.of_seed(pictures[:K], np.arange(K)))
    assert distance.caution(K) == "undefined: 5 pictures a seed; 5 neighbours want 6 or more"
    assert distance.caution(K + 1) is None
    least = distance.of_seed(pictures[: K + 1], np.arange(K + 1))
    assert least.estimate is not None and np.isnan(least.influence).all()  # none may be left out
    assert not np.isnan(distance.of_seed(pictures, np.arange(7)).influence).any()
    with pytest.raises(ValueError, match="5 prompts: recall with 5 neighbours wants 6 or more"):
        distance.null(np.ones((K, 2, 4)), rng, 9, np.arange(K))


def test_a_picture_without_direction_has_no_vendi_score() -> None:
    rng = np.random.default_rng(14)
    pictures = rng.normal(size=(9, 4))
    pictures[5] = 0.0
    assert undefined(measure("vendi", rng.normal(size=(40, 4))).of_seed(pictures, np.arange(9)))


@pytest.mark.parametrize(
    ("pictures", "score"),
    [
        (lambda n: np.eye(n), 12.0),  # no two alike
        (lambda n: np.ones((n, 5)), 1.0),  # all alike
        (lambda n: np.repeat(np.eye(3), n // 3, axis=0), 3.0),  # three kinds
        (lambda n: 7.0 * np.repeat(np.eye(4, 9), n // 4, axis=0), 4.0),  # lengths do not count
    ],
)
def test_vendi_scores_count_kinds(pictures: Callable[[int], Array], score: float) -> None:
    rows = pictures(12)
    assert estimate(measure("vendi", np.vstack([rows, -rows])), rows) == pytest.approx(score)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "vendi"])
def test_too_few_real_pictures_are_refused_and_too_many_are_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(15)
    with pytest.raises(UnfitReference, match="5 neighbours want 6 pictures or more"):
        measure(name, rng.normal(size=(K, 3)))
    monkeypatch.setattr(neighbours, "MOST_REAL", 60)
    distance = measure(name, rng.normal(size=(80, 3)))
    told = "against 60 of 80 reference pictures"
    assert distance.real_images == 60 and distance.caution(500) == told
    drawn = [among(np.arange(240.0).reshape(80, 3)).neighbours.features for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
    monkeypatch.undo()
    assert measure(name, rng.normal(size=(80, 3))).caution(500) is None


def test_coverage_says_how_little_few_pictures_can_cover() -> None:
    distance = measure("coverage", np.random.default_rng(16).normal(size=(400, 3)))
    assert distance.caution(24) == "24 reference pictures would cover 25 % of the others"


def test_the_real_pictures_are_read_and_their_neighbours_found_once_for_all() -> None:
    rows, read = np.random.default_rng(17).normal(size=(40, 3)), []

    def reading() -> Array:
        read.append("once")
        return rows

    known = RealFeatures(Reference.of(moments(rows)), reading, lambda _: np.random.default_rng(0))
    for name in NAMES:
        distance_class(name)(known)
    assert read == ["once"]
