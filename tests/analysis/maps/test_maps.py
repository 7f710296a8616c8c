"""Maps of style: planted likeness is found and named, noise is called noise, and a run ends in files that hold together."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from commands import command, small_reference
from made_up_run import publish_run
from PIL import Image
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from seedscope.analysis.features import feature
from seedscope.analysis.judging.map_of_run import make_map, map_source, projection_of, vector_measure
from seedscope.analysis.maps.clusters import Clusters, central, find_clusters
from seedscope.analysis.maps.map_sentences import map_verdict
from seedscope.analysis.maps.meaning import described, seed_means, traits
from seedscope.analysis.maps.neighbours import neighbour_places
from seedscope.analysis.maps.projection import Projection, fit_projection
from seedscope.analysis.maps.resemblance import (
    agreement,
    components_above_chance,
    distances,
    gram,
    principal_coordinates,
    typical_prompt,
)
from seedscope.analysis.maps.style_map import TooFewToMap, _seed_share, map_images, map_seeds
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.seeds.scores.vectors import Grid, even_sample, read_grid, read_sample
from seedscope.analysis.sheets.cluster_sheet import ClusterRow, draw_clusters
from seedscope.analysis.sheets.map_sheet import draw_map
from seedscope.analysis.sheets.of_map import draw_sheets
from seedscope.analysis.sheets.paper import colour_of
from seedscope.analysis.sheets.seating import seats
from seedscope.jobs.commands.map import map_study
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

DIMENSIONS, COLUMN = 12, "style_test"
VECTOR = pa.schema([*CELL_FIELDS, *STATUS_FIELDS, pa.field(COLUMN, pa.list_(pa.float32(), DIMENSIONS))])
PROMPTS = tuple(Prompt(f"p{i:02d}", f"prompt {i}", f"object {i // 3}") for i in range(12))
GROUPS = {prompt.id: prompt.group for prompt in PROMPTS}
SEEDS = tuple(range(100, 124))
KIND = np.arange(len(SEEDS)) % 3


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def grid(of_seed: np.ndarray, noise: float = 1.0) -> Grid:
    """Pictures that are what the prompt says plus what the seed brings (S, D), plus noise."""
    random = rng()
    of_prompt = 5 * random.normal(size=(len(PROMPTS), 1, of_seed.shape[1]))
    values = of_prompt + of_seed + noise * random.normal(size=(len(PROMPTS), *of_seed.shape))
    return Grid([prompt.id for prompt in PROMPTS], list(range(len(of_seed))), values.astype(np.float32))


def planted(seeds: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """(S,) kinds and (S, D) what three kinds of seeds bring."""
    kinds = np.arange(seeds) % 3
    centres = np.zeros((3, DIMENSIONS))
    centres[0, 0], centres[1, 1], centres[2, 2] = 3.0, 3.0, 3.0
    return kinds, centres[kinds] + 0.3 * rng().normal(size=(seeds, DIMENSIONS))


def feature_cells(prompt: Prompt, seed: int) -> np.ndarray:
    random = np.random.default_rng([int(prompt.id[1:]), seed])
    vector = random.normal(size=DIMENSIONS)
    vector[KIND[SEEDS.index(seed)]] += 4.0
    return vector.astype(np.float32)


def write(folder: Path, units: list[Unit], failed: tuple[str, int] | None = None) -> Table:
    table = Table(folder, VECTOR)
    for unit in units:
        rows = [
            {"prompt_id": prompt.id, "seed": seed, "status": "ok", "error": None, COLUMN: feature_cells(prompt, seed)}
            for prompt, seed in unit.cells
        ]
        for row in rows:
            if (row["prompt_id"], row["seed"]) == failed:
                row |= {"status": "failed", "error": "gone", COLUMN: None}
        table.publish(unit, pa.Table.from_pylist(rows, schema=VECTOR), {})
    return table


def units_of(prompts: int, seeds: int) -> list[Unit]:
    return plan([Edition(PROMPTS, SEEDS)], UnitShape(prompts=prompts, seeds=seeds))


# --- vectors and their projection


def test_a_projection_is_read_back_equal_and_takes_layers_alike(tmp_path: Path) -> None:
    sample = rng().normal(size=(200, DIMENSIONS)).astype(np.float32)
    sample[:, :6] *= 1000
    fitted = fit_projection(sample, 2, "style_test-1234")
    fitted.save(tmp_path / "pca.safetensors")
    known = Projection.load(tmp_path / "pca.safetensors")
    assert (known.table, known.images, known.explained) == ("style_test-1234", 200, fitted.explained)
    np.testing.assert_array_equal(known(sample), fitted(sample))
    lengths = [(known.axes[part] ** 2).sum() for part in (slice(0, 6), slice(6, 12))]
    assert lengths[1] == pytest.approx(1e6 * lengths[0], rel=0.2)
    assert known.explained >= 0.95 and known.width <= DIMENSIONS


def test_a_projection_keeps_the_distances_between_pictures() -> None:
    low = rng().normal(size=(100, 3)) @ rng().normal(size=(3, DIMENSIONS))
    fitted = fit_projection(low.astype(np.float32), 1, "t")
    assert fitted.width <= 3
    projected, scale = fitted(low.astype(np.float32)), np.sqrt(((low - low.mean(axis=0)) ** 2).sum(axis=1).mean())
    if fitted.width == 3:
        assert np.linalg.norm(projected[0] - projected[1]) == pytest.approx(np.linalg.norm(low[0] - low[1]) / scale)
    assert (projected**2).sum(axis=1).mean() == pytest.approx(fitted.explained, rel=1e-4)


def test_a_damaged_projection_and_useless_samples_are_told(tmp_path: Path) -> None:
    (tmp_path / "pca.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(UserError, match="cannot be read"):
        Projection.load(tmp_path / "pca.safetensors")
    with pytest.raises(UserError, match="one and the same vector"):
        fit_projection(np.ones((5, 4), np.float32), 1, "t")
    with pytest.raises(UserError, match="2 pictures have a vector"):
        fit_projection(np.eye(2, dtype=np.float32), 1, "t")


def test_a_sample_is_spread_evenly_whatever_the_order() -> None:
    prompts, seeds = [f"p{i}" for i in range(30)], list(range(50))
    chosen = even_sample(prompts, seeds, 300, rng())
    cells = np.array([[chosen(prompt, seed) for seed in seeds] for prompt in prompts])
    assert cells.sum() == 300 and set(cells.sum(axis=1)) == {10} and set(cells.sum(axis=0)) == {6}
    again = even_sample(prompts[::-1], seeds[::-1], 300, rng())
    assert cells.tolist() == [[again(prompt, seed) for seed in seeds] for prompt in prompts]


def test_vectors_do_not_depend_on_the_order_or_shape_of_units(tmp_path: Path) -> None:
    one, other = units_of(12, 24), units_of(5, 7)[::-1]
    tables = [(write(tmp_path / "one", one), one), (write(tmp_path / "other", other), other)]
    samples = [read_sample(table, COLUMN, units, 100, rng()) for table, units in tables]
    assert (samples[0].prompts, samples[0].seeds) == (samples[1].prompts, samples[1].seeds)
    np.testing.assert_array_equal(samples[0].vectors, samples[1].vectors)
    assert samples[0].vectors[5].tolist() == pytest.approx(
        feature_cells(PROMPTS[int(samples[0].prompts[5][1:])], samples[0].seeds[5]).tolist()
    )
    project = fit_projection(samples[0].vectors, 1, "t")
    grids = [read_grid(table, COLUMN, units, project, project.width) for table, units in tables]
    np.testing.assert_allclose(grids[0].centred(), grids[1].centred(), atol=1e-5)
    assert np.abs(grids[0].centred().mean(axis=1)).max() < 1e-5


def test_a_missing_cell_leaves_out_its_prompt_and_is_counted(tmp_path: Path) -> None:
    units = units_of(4, 8)
    table = write(tmp_path / "t", units, failed=("p05", SEEDS[2]))
    project = fit_projection(read_sample(table, COLUMN, units, 200, rng()).vectors, 1, "t")
    whole = read_grid(table, COLUMN, units, project, project.width)
    assert np.isnan(whole.values).any(axis=2).sum() == 1
    found = map_seeds(whole, GROUPS, rng())
    assert (len(found.prompts), found.left_out, found.seeds) == (11, 1, list(SEEDS)) and "p05" not in found.prompts
    assert adjusted_rand_score(KIND, found.clusters.labels) == 1.0
    assert "1 prompts were left out" in " ".join(map_verdict(found, COLUMN))
    images = map_images(whole, rng(), most=100)
    assert ("p05", SEEDS[2]) not in set(zip(images.prompts, images.seeds, strict=True))
    assert 90 < len(images.seeds) <= 100 and np.isfinite(images.places).all()


# --- likeness


def test_distances_are_those_of_the_vectors_laid_end_to_end() -> None:
    centred = grid(planted()[1]).centred()
    vectors = centred.transpose(1, 0, 2).reshape(30, -1).astype(np.float64)
    wanted = np.linalg.norm(vectors[:, None] - vectors[None], axis=2) / np.sqrt(len(PROMPTS))
    products = gram(centred)
    np.testing.assert_allclose(distances(products), wanted, atol=1e-4)
    points = principal_coordinates(products, 50)
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - points[None], axis=2), wanted, atol=1e-4)
    assert (np.diff(points.var(axis=0)) <= 0).all()


def test_noise_is_called_noise() -> None:
    found = map_seeds(grid(np.zeros((48, DIMENSIONS))), GROUPS, rng())
    assert found.above_chance == 0 and found.clusters.count == 0 and found.share < 0.02
    assert abs(found.agreement.correlation) < 0.15 and found.agreement.p_value > 0.05
    sentences = " ".join(map_verdict(found, "x"))
    assert "Not shown" in sentences and "No clusters: in no direction" in sentences


def test_noise_is_seldom_taken_for_seeds() -> None:
    """Forty maps of nothing: at most one in forty should show a component, and one in twenty an agreement."""
    components, agreements = 0, 0
    for number in range(40):
        random = np.random.default_rng(number)
        noise = random.normal(size=(6, 16, 4)).astype(np.float32)
        centred = noise - noise.mean(axis=1, keepdims=True)
        components += components_above_chance(centred, list("aabbcc"), random) > 0
        agreements += agreement(centred, list("aabbcc"), random, permutations=99).p_value <= 0.05
    assert components <= 4 and agreements <= 6


def test_what_a_seed_does_to_one_object_only_is_no_likeness_of_seeds() -> None:
    """Each object's three prompts share what a seed does to it: prompts shuffled one by one would take that for the seed's."""
    random, count = rng(), 24
    of_object = np.repeat(random.normal(size=(4, count, 3)), 3, axis=0) + 0.3 * random.normal(size=(12, count, 3))
    centred = (of_object - of_object.mean(axis=1, keepdims=True)).astype(np.float32)
    objects = [prompt.group for prompt in PROMPTS]
    assert components_above_chance(centred, objects, rng()) == 0
    assert agreement(centred, objects, rng()).p_value > 0.05
    alone = [prompt.id for prompt in PROMPTS]
    assert components_above_chance(centred, alone, rng()) > 0
    assert agreement(centred, alone, rng()).p_value < 0.01


def test_planted_clusters_are_found_and_shown_apart() -> None:
    kinds, of_seed = planted()
    found = map_seeds(grid(of_seed), GROUPS, rng())
    assert adjusted_rand_score(kinds, found.clusters.labels) == 1.0 and found.clusters.count == 3
    assert found.above_chance == 2 and found.clusters.p_value == 0.025
    assert found.agreement.correlation > 0.7 and found.agreement.p_value == 0.001 and found.agreement.by_group
    places = found.places
    for seed in range(30):
        nearest = np.argsort(np.linalg.norm(places - places[seed], axis=1))[1:4]
        assert (kinds[nearest] == kinds[seed]).all()
    sentences = " ".join(map_verdict(found, "x"))
    assert "Yes: seeds that look alike" in sentences and "3 clusters (silhouette" in sentences


def test_seeds_that_differ_by_degrees_are_no_clusters() -> None:
    cloud = np.zeros((28, DIMENSIONS))
    cloud[:, :2] = rng().normal(size=(28, 2)) * [3.0, 1.5]
    found = map_seeds(grid(cloud), GROUPS, rng())
    assert found.above_chance >= 1 and found.agreement.p_value == 0.001
    assert found.clusters.count == 0 and set(found.clusters.labels) == {0}
    assert "differ by degrees" in " ".join(map_verdict(found, "x"))


def test_one_cloud_is_seldom_cut() -> None:
    cut = [find_clusters(np.random.default_rng(i).normal(size=(24, 2)), rng(), clouds=19).count for i in range(4)]
    assert sum(count > 0 for count in cut) <= 1


@pytest.mark.parametrize("shape", ["exponential", "uniform"])
def test_a_skewed_or_a_flat_cloud_is_seldom_cut(shape: str) -> None:
    """Held against normal clouds, these are cut in 98 % and in half of all cases."""
    draws = [getattr(np.random.default_rng(i), shape)(size=(64, 3)) * [1.5, 1.2, 1.0] for i in range(2)]
    assert not any(find_clusters(draw, rng(), clouds=19).count for draw in draws)


@pytest.mark.parametrize("clusters", [2, 3])
def test_clusters_are_found_beside_a_long_tail(clusters: int) -> None:
    """Clusters six standard deviations apart, and a second component that is exponential."""
    random, kinds = np.random.default_rng(3), np.arange(36) % clusters
    points = np.stack([6.0 * kinds + random.normal(size=36), random.exponential(size=36)], axis=1)
    found = find_clusters(points - points.mean(axis=0), rng(), clouds=19)
    assert found.p_value == 0.05 and found.clouds == 19
    assert adjusted_rand_score(kinds, found.labels) > 0.9


def test_the_share_is_that_of_the_seeds() -> None:
    centred = grid(rng().normal(size=(40, DIMENSIONS)) * np.sqrt(0.25)).centred()
    assert _seed_share(centred) == pytest.approx(0.2, abs=0.04)


def test_the_typical_prompt_is_the_one_like_the_whole() -> None:
    random = rng()
    shape = random.normal(size=(30, 3))
    noisy = shape + random.normal(size=(6, 30, 3))
    same_for_all = np.zeros((30, 3))
    centred = np.stack([same_for_all, 0.01 * shape, *noisy]).astype(np.float32)
    assert typical_prompt(centred) == 1


@pytest.mark.parametrize("seeds", [2, 3])
def test_too_few_seeds_or_prompts_are_told(seeds: int) -> None:
    with pytest.raises(TooFewToMap, match=rf"{seeds} seeds, and 12 of 12 prompts.*at least 4 seeds"):
        map_seeds(grid(np.zeros((seeds, DIMENSIONS))), GROUPS, rng())
    with pytest.raises(TooFewToMap, match="1 of 1 prompts"):
        map_seeds(Grid(["p00"], list(range(9)), np.ones((1, 9, 2), np.float32)), GROUPS, rng())
    same = Grid(["p00", "p01"], list(range(9)), np.ones((2, 9, 2), np.float32))
    with pytest.raises(TooFewToMap, match="the same for all seeds"):
        map_seeds(same, GROUPS, rng())


@pytest.mark.parametrize("seeds", [4, 7, 8])
def test_few_seeds_give_a_map_that_says_so_and_is_the_same_again(seeds: int) -> None:
    found, again = (map_seeds(grid(3 * rng().normal(size=(seeds, DIMENSIONS))), GROUPS, rng()) for _ in range(2))
    np.testing.assert_array_equal(again.places, found.places)
    assert found.places.shape == (seeds, 2) and np.isfinite(found.places).all()
    assert map_verdict(found, "x")[-1].startswith("No clusters")


def test_places_want_four_points_and_take_one_dimension() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        neighbour_places(np.eye(3), rng())
    assert neighbour_places(np.arange(6.0)[:, None], rng()).shape == (6, 2)


# --- what clusters mean

LOOKS = pa.schema(
    [
        *CELL_FIELDS,
        *STATUS_FIELDS,
        pa.field("brightness", pa.float32()),
        pa.field("contrast", pa.float32()),
        pa.field("width", pa.float32()),
        pa.field("greyscale", pa.bool_()),
    ]
)


def looks(folder: Path, units: list[Unit]) -> Table:
    """Seeds of kind 0 are dark; those of kind 1 mostly grey; contrast is noise; no picture has a width; one failed."""
    table = Table(folder, LOOKS)
    for unit in units:
        rows = []
        for prompt, seed in unit.cells:
            kind = KIND[SEEDS.index(seed)]
            random = np.random.default_rng([int(prompt.id[1:]), seed])
            rows.append(
                {
                    "prompt_id": prompt.id,
                    "seed": seed,
                    "status": "ok",
                    "error": None,
                    "brightness": 60 - 20 * (kind == 0) + random.normal(),
                    "contrast": random.normal(),
                    "width": None,
                    "greyscale": bool(random.random() < (0.75 if kind == 1 else 0.05)),
                }
            )
        rows[0] |= {"status": "failed", "error": "gone", "brightness": None, "contrast": None, "greyscale": None}
        table.publish(unit, pa.Table.from_pylist(rows, schema=LOOKS), {})
    return table


def test_planted_differences_are_named_and_no_others(tmp_path: Path) -> None:
    units = units_of(12, 24)
    means = seed_means(looks(tmp_path / "looks-0", units), units, GROUPS, SEEDS)
    rows = pq.read_table(tmp_path / "looks-0" / f"{units[0].name}.parquet").to_pandas()
    wanted = rows.groupby("seed").brightness.mean()
    np.testing.assert_allclose(means.means["brightness"], wanted.to_numpy(), rtol=1e-6)
    (dark,) = traits(means, KIND == 0, 3)[:1]
    assert dark.column == "brightness" and dark.lo < dark.difference < dark.hi < 0
    assert (dark.inside, dark.others) == (pytest.approx(40, abs=0.5), pytest.approx(60, abs=0.5))
    assert dark.short == "less brightness" and str(dark) == f"brightness 40 (others 60), {dark.difference:.1f} s.d."
    grey = traits(means, KIND == 1, 3)[0]
    assert grey.column == "greyscale" and grey.is_share and grey.short == "greyscale"
    assert str(grey).startswith("greyscale 7") and " % (others " in str(grey)
    assert {trait.column for kind in range(3) for trait in traits(means, kind == KIND, 3)} == {
        "brightness",
        "greyscale",
    }
    assert traits(means, np.arange(len(SEEDS)) % 2 == 0, 3) == []


# --- pictures


def solid(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def test_every_picture_has_a_seat_of_its_own_near_its_place() -> None:
    places = rng().normal(size=(60, 2))
    taken = seats(places)
    assert len({tuple(cell) for cell in taken.tolist()}) == 60 and taken.min() == 0
    for axis in (0, 1):
        assert np.corrcoef(places[:, axis], taken[:, axis])[0, 1] > 0.95
    assert seats(np.zeros((4, 2))).shape == (4, 2)


def test_the_map_shows_each_seed_where_it_is_in_the_colour_of_its_cluster() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]
    pictures = {seed: solid(colour) for seed, colour in enumerate(colours)}
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    page = draw_map(
        [0, 1, 2, 3],
        places,
        np.array([1, 1, 2, 2]),
        pictures,
        title="t",
        notes=["n"],
        names={1: "less brightness", 2: ""},
    )
    pixels = np.asarray(page).astype(int)
    middle = [np.argwhere((pixels == colour).all(axis=2)).mean(axis=0) for colour in colours[:3]]
    assert middle[0][1] < middle[1][1] and middle[0][0] == pytest.approx(middle[1][0])
    assert middle[2][0] < middle[0][0] and middle[2][1] == pytest.approx(middle[0][1])
    for cluster in (1, 2):
        wanted = Image.new("RGB", (1, 1), colour_of(cluster)).getpixel((0, 0))
        assert (pixels == wanted).all(axis=2).sum() > 2 * (2 * 4 * 64)
    few = draw_map([0, 1, 2, 3], places, np.zeros(4, np.int64), {}, title="t", notes=[], names={})
    assert few.height < page.height


def test_the_cluster_sheet_has_a_row_a_seed_and_boxes_for_what_is_missing() -> None:
    rows = [ClusterRow(1, "less brightness", ["brightness 40"], [7, 8]), ClusterRow(2, "", [], [9])]
    pictures = {(7, "a"): solid((255, 0, 0)), (9, "b"): solid((0, 0, 255), (64, 32))}
    pixels = np.asarray(draw_clusters(rows, {"a": "a cat", "b": "a dog"}, pictures, title="t", notes=[]))
    assert (pixels == (255, 0, 0)).all(axis=2).sum() == 88 * 88
    assert (pixels == (0, 0, 255)).all(axis=2).sum() == 88 * 44


def test_the_most_central_seeds_stand_for_a_cluster() -> None:
    points = np.array([[0.0], [1.0], [2.0], [10.0], [1.1]])
    assert central(points, np.array([True, True, True, False, True]), 2) == [1, 4]


# --- from a study to files

app = typer.Typer()
app.command()(map_study)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file of a run of 9 seeds x 4 prompts of sprout-turbo, measured; its folder is `run` beside it."""
    folder = tmp_path_factory.mktemp("mapped")
    study = {
        "name": "small",
        "model": "sprout-turbo",
        "sampling": {"steps": 1, "guidance": {"scale": 0}},
        "compute": {"device": "cpu"},
        "prompts": [{"grid": {"objects": ["apple", "cat"], "modifiers": ["a {object}", "a red {object}"]}}],
        "seeds": "0-8",
        "reference": str(small_reference(folder)),
        "features": ["fd_efficientnet_lite0", "looks", "style_efficientnet_lite0"],
        "ranking": {"shuffles": 0},
    }
    (folder / "study.yaml").write_text(json.dumps(study))
    for step in ("generate", "features"):
        done = command(step, folder / "study.yaml", "--out", folder / "run", "--executor", "inline", "--threads", "1")
        assert done.returncode == 0, done.stderr
    return folder / "study.yaml"


def mapped(study: Path, *options: str) -> dict[str, object]:
    done = CliRunner().invoke(app, [str(study), "--out", str(study.parent / "run"), *options], catch_exceptions=False)
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def test_a_run_ends_in_a_map(ran: Path) -> None:
    run = ran.parent / "run"
    (run / "clusters.png").write_bytes(b"of an earlier map")
    facts = mapped(ran, "--json")
    assert facts["feature"] == "style_efficientnet_lite0"
    assert [Path(str(path)).name for path in facts["files"]][:5] == [  # type: ignore[attr-defined]
        "map_pca_style_efficientnet_lite0.safetensors",
        "map_seeds.parquet",
        "map_images.parquet",
        "clusters.json",
        "map.png",
    ]
    seeds, images = pq.read_table(run / "map_seeds.parquet"), pq.read_table(run / "map_images.parquet")
    assert seeds.column_names == ["seed", "x", "y", "cluster"] and seeds["seed"].to_pylist() == list(range(9))
    assert images.column_names == ["prompt_id", "seed", "x", "y"] and images.num_rows == 36
    assert Image.open(run / "map.png").width >= 720
    record = json.loads((run / "clusters.json").read_text())
    assert record["verdict"] == facts["verdict"] and len(record["clusters"]) == len(set(seeds["cluster"].drop_null()))
    assert (run / "clusters.png").exists() == bool(record["clusters"])
    stored = (run / "map_pca_style_efficientnet_lite0.safetensors").read_bytes()
    assert json.loads(seeds.schema.metadata[b"seedscope"])["components_sha256"] == record["components_sha256"]

    assert mapped(ran, "--json", "--by", "style_efficientnet_lite0")["verdict"] == facts["verdict"]
    assert (run / "map_pca_style_efficientnet_lite0.safetensors").read_bytes() == stored
    assert pq.read_table(run / "map_seeds.parquet").equals(seeds)


def test_components_of_other_vectors_are_fitted_anew(ran: Path) -> None:
    mapped(ran, "--json")
    path = ran.parent / "run" / "map_pca_style_efficientnet_lite0.safetensors"
    mine = path.read_bytes()
    replace(Projection.load(path), table="style_efficientnet_lite0-of-before").save(path)
    assert path.read_bytes() != mine
    mapped(ran, "--json")
    assert path.read_bytes() == mine


def test_components_stay_while_a_run_grows_a_little_and_not_those_of_its_first_pictures(ran: Path) -> None:
    """36 pictures, of which they knew 19, as of two prompts; or 18, or those of one prompt."""
    run = run_of(ran, ran.parent / "run")
    measure = vector_measure(run, "style_efficientnet_lite0")
    path, fitted = projection_of(run, measure)
    mine = path.read_bytes()
    for images, stays in ((19, True), (18, False), (9, False)):
        replace(fitted, images=images, mean=fitted.mean + 1).save(path)
        of_before = path.read_bytes()
        _, found = projection_of(run, measure)
        assert path.read_bytes() == (of_before if stays else mine) and found.images == (images if stays else 36)
    path.write_bytes(mine)


def test_a_map_is_out_of_date_where_groups_have_changed(ran: Path) -> None:
    run = run_of(ran, ran.parent / "run")
    measure = vector_measure(run, "style_efficientnet_lite0")
    source = map_source(run, measure)
    assert map_source(run_of(ran, ran.parent / "run"), measure) == source
    units = [
        replace(unit, cells=[(replace(prompt, group="one"), seed) for prompt, seed in unit.cells]) for unit in run.units
    ]
    assert map_source(replace(run, units=units), measure) != source


def test_clusters_are_drawn_with_the_pictures_of_the_run(ran: Path) -> None:
    job = run_of(ran, ran.parent / "run")
    prompts = sorted(prompt.id for prompt in job.wanted.prompts)
    values = rng().normal(size=(4, 9, 3)).astype(np.float32)
    found = map_seeds(Grid(prompts, list(range(9)), values), {prompt: prompt for prompt in prompts}, rng())
    labels = np.array([1, 1, 1, 1, 1, 2, 2, 2, 2])
    found = replace(found, clusters=Clusters(labels, np.full(9, 0.5), 0.01, 39))
    clusters = described(found.seeds, found.clusters, None)
    assert [(cluster.seeds, cluster.name) for cluster in clusters] == [([0, 1, 2, 3, 4], ""), ([5, 6, 7, 8], "")]
    files = draw_sheets(job, found, clusters, ["a sentence"])
    assert [path.name for path in files] == ["map.png", "clusters.png"]
    assert Image.open(files[1]).height > 2 * 3 * 88


def test_what_cannot_be_mapped_is_told(ran: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="--by looks: gives no vector.*by: fd_efficientnet_lite0, style_efficientnet_lite0"
    ):
        mapped(ran, "--by", "looks")
    with pytest.raises(UserError, match="--by style_vgg19: is not measured by the study"):
        mapped(ran, "--by", "style_vgg19")
    (tmp_path / "study.yaml").write_text(ran.read_text())
    with pytest.raises(UserError, match="1 of 1 units have no style_efficientnet_lite0 yet"):
        mapped(tmp_path / "study.yaml")


def made_up_style(folder: Path, copies: np.ndarray, prompts: int = 6) -> Path:
    """The study file of a run whose seeds have style vectors of noise, and each a colour; copies: (S,) of which each is."""
    folder.mkdir()
    rng, feature_of = np.random.default_rng(0), "style_efficientnet_lite0"
    width = feature(feature_of).fields()[0].type.list_size
    vectors = rng.standard_normal((prompts, copies.max() + 1, width)).astype(np.float32)
    return publish_run(
        folder,
        {feature_of: vectors[:, copies], "clip_score": rng.random((prompts, copies.max() + 1))[:, copies]},
        pixels=lambda prompt, seed: np.full((8, 8, 3), (20 * copies[seed], 10 * prompt, 64), np.uint8),
        features=[{"clip_score": {"model": "sprout-clip"}}, feature_of],
    )


def test_copies_of_seeds_make_no_clusters(tmp_path: Path) -> None:
    """8 unrelated seeds with four copies each were 8 clusters with a silhouette of 1."""
    study = made_up_style(tmp_path / "copies", np.arange(32) % 8)
    found = make_map(run_of(study, study.parent / "run"))
    assert found.clusters == [] and found.sentences[-1].startswith(
        "24 of 32 seeds have the same pictures as another: 8, 16, 24 as 0"
    )
    assert "of each set the first is on the map, and the others are not" in found.sentences[-1]
    assert pq.read_table(study.parent / "run" / "map_seeds.parquet")["seed"].to_pylist() == list(range(8))


def test_components_of_a_sparse_run_are_fitted_once(tmp_path: Path) -> None:
    """As of a sweep, that draws half of its prompts x seeds, or less."""
    study = made_up_style(tmp_path / "sparse", np.arange(24))
    run = run_of(study, study.parent / "run")
    measure = vector_measure(run, None)
    first = run.units[0].prompts[0]
    sparse = replace(run, units=[unit for unit in run.units if (first in unit.prompts) == (unit.seeds[0] < 12)])
    assert sum(map(len, sparse.units)) == 6 * 24 / 2
    path, _ = projection_of(sparse, measure)
    before = path.stat().st_mtime_ns
    assert projection_of(sparse, measure)[0].stat().st_mtime_ns == before
