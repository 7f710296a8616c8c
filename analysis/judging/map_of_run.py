"""From the measurements of a run to its map of style: places, clusters, and the pictures that show them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.features.style import Style
from seedscope.analysis.judging.code_of import code_of
from seedscope.analysis.judging.copied_seeds import of_copies, without_copies
from seedscope.analysis.maps.map_sentences import map_verdict
from seedscope.analysis.maps.meaning import Cluster, described, seed_means
from seedscope.analysis.maps.projection import SAMPLE, Projection, fit_projection
from seedscope.analysis.maps.style_map import ImageMap, SeedMap, map_images, map_seeds
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.scores.vectors import is_vector, prompts_and_seeds, read_grid, read_sample, sample_step
from seedscope.analysis.sheets.of_map import draw_sheets
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.hashes import sha256_of
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables import columns as of_columns
from seedscope.pipeline.tables.columns import About

MEANING = "looks"
_SAYS = {
    "prompt_id": About("Which prompt, as in prompts.parquet."),
    "seed": About("The seed."),
    "x": About("Place on the map, to the right; distances count, directions do not."),
    "y": About("Place on the map, up."),
    "cluster": About("The cluster of the seed, from 1; null where it is in none."),
}
MAPPED = "of each set the first is on the map, and the others are not"


@dataclass(frozen=True)
class Mapped:
    """What a map ends in: its sentences, its clusters, and the files that were written."""

    feature: str
    sentences: list[str]
    clusters: list[Cluster]
    files: list[Path]


def make_map(run: Run, by: str | None = None) -> Mapped:
    """Map the seeds and a sample of the pictures of a measured run, and write it into the run folder.

    `by` is a feature of the study that gives a vector; without it, a style feature, or else the first that does.

    Raises:
        UserError: there is no such feature, measurements are missing, or there are too few seeds or prompts.
    """
    measure = vector_measure(run, by)
    _refuse_missing(run, measure)
    feature = measure.feature.name
    _, of_seeds, of_images = _generators(run)
    stored, projection = projection_of(run, measure)
    grid = read_grid(measure.table, feature, run.units, projection, projection.width)
    grid, copied = without_copies(run, grid.without(run.outside))
    groups = {prompt.id: prompt.group for unit in run.units for prompt in unit.prompts}
    seed_map, image_map = map_seeds(grid, groups, of_seeds), map_images(grid, of_images)
    meaning = _meaning(run)
    clusters = _clusters(run, seed_map, meaning)
    sentences = map_verdict(seed_map, feature) + of_copies(copied, len(run.wanted.seeds), MAPPED)
    if unread := len(groups) - len(grid.prompts):
        sentences.append(f"{unread} of {len(groups)} prompts were not read, so that the vectors fit into 2 GiB.")
    if clusters and meaning is None:
        remedy = "add it to the features, then run `seedscope features`"
        sentences.append(f"What sets the clusters apart is not told, because {MEANING} is not measured: {remedy}.")
    facts: dict[str, Json] = {
        "feature": feature,
        "table": measure.table.name,
        "source": map_source(run, measure),
        "components": projection.width,
        "explained": projection.explained,
        "sample": projection.images,
        "components_sha256": sha256_of(stored),
        "verdict": list(sentences),
    }
    # The tables say that there is a map of these measurements: they are written when the rest of it is there.
    sheets = draw_sheets(run, seed_map, clusters, sentences)
    tables = _write_tables(run, seed_map, image_map, clusters, facts)
    return Mapped(feature, sentences, clusters, [stored, *tables, *sheets])


def vector_measure(run: Run, by: str | None) -> Measure:
    """The measure of the feature `by`, or the default one.

    Raises:
        UserError: the study does not measure it, or it gives no vector.
    """
    able = {
        item.feature.name: item
        for item in run.measures
        if any(field.name == item.feature.name and is_vector(field) for field in item.feature.fields())
    }
    listed = ", ".join(able) or "none is measured"
    if by is not None:
        if by not in able:
            measured = by in (item.name for item in run.measured)
            wrong = "gives no vector of a picture" if measured else "is not measured by the study"
            raise UserError(f"--by {by}: {wrong}; a map can be made by: {listed}.")
        return able[by]
    if not able:
        raise UserError(
            "The study measures no feature that gives a vector of a picture. Add style_efficientnet_lite0 to its features, "
            "then run `seedscope features`."
        )
    return next((item for item in able.values() if isinstance(item.feature, Style)), next(iter(able.values())))


def _missing(run: Run, measure: Measure) -> int:
    return len({unit.name for unit in run.units} - measure.table.committed())


def _refuse_missing(run: Run, measure: Measure) -> None:
    if missing := _missing(run, measure):
        raise UserError(
            f"{run.folder.path}: {missing} of {len(run.units)} units have no {measure.feature.name} yet. "
            "`seedscope features` measures them."
        )


def projection_of(run: Run, measure: Measure) -> tuple[Path, Projection]:
    """The run's principal components, with their file: those it has, so that a run which grows a little keeps its coordinates,
    or new ones. They are fitted again where the run has twice the pictures that they know: those of its first prompt tell
    nothing of the others. Pictures are those that a sample has, which of a sparse run is a small part of prompts x seeds."""
    table = measure.table.name
    stored = run.folder.path / f"map_pca_{measure.feature.name}.safetensors"
    prompts, seeds = prompts_and_seeds(run.units)
    to_know = sum(map(len, run.units)) / sample_step(len(prompts), len(seeds), SAMPLE)
    if stored.exists() and (known := Projection.load(stored)).table == table and 2 * known.images > to_know:
        return stored, known
    sample = read_sample(measure.table, measure.feature.name, run.units, SAMPLE, _generators(run)[0])
    layers = len(measure.feature.layers) if isinstance(measure.feature, Style) else 1
    fit_projection(sample.vectors, layers, table).save(stored)
    return stored, Projection.load(stored)


def map_source(run: Run, measure: Measure) -> str:
    """sha256 (hex) over what a map is made from, measurements, groups of prompts and the code: one with another `source` is out
    of date."""
    tables = [item.table for item in (measure, _meaning(run)) if item is not None]
    source: dict[str, Json] = {
        "measured": [[table.receipt(unit.name).sha256 for unit in run.units] for table in tables],
        "groups": [[prompt.id, prompt.group] for unit in run.units for prompt in unit.prompts],
        "code": code_of("seedscope.analysis.maps", "seedscope.analysis.seeds"),
    }
    return fingerprint(source)


def _meaning(run: Run) -> Measure | None:
    """What tells the meaning of clusters, where all of it is measured."""
    return next((item for item in run.measures if item.feature.name == MEANING and _missing(run, item) == 0), None)


def _generators(run: Run) -> list[np.random.Generator]:
    """Of the sample of whole vectors, of the map of seeds, and of that of pictures."""
    return np.random.default_rng(int(fingerprint(run.cause)[:16], 16)).spawn(3)


def _clusters(run: Run, seed_map: SeedMap, meaning: Measure | None) -> list[Cluster]:
    if not seed_map.clusters.count:
        return []
    means = None
    if meaning is not None:
        means = seed_means(meaning.table, run.units, seed_map.prompts, seed_map.seeds)
    return described(seed_map.seeds, seed_map.clusters, means)


def _write_tables(
    run: Run, seed_map: SeedMap, image_map: ImageMap, clusters: list[Cluster], facts: dict[str, Json]
) -> list[Path]:
    """`map_seeds.parquet`, `map_images.parquet` and, in the end, `clusters.json`."""
    labels = seed_map.clusters.labels
    tables = {
        "map_seeds.parquet": {
            "seed": pa.array(seed_map.seeds, pa.int64()),
            **_coordinates(seed_map.places),
            "cluster": pa.array(labels, pa.int64(), mask=labels == 0),
        },
        "map_images.parquet": {
            "prompt_id": pa.array(image_map.prompts, pa.string()),
            "seed": pa.array(image_map.seeds, pa.int64()),
            **_coordinates(image_map.places),
        },
    }
    files = []
    for name, columns in tables.items():
        table = pa.table(columns).replace_schema_metadata({"seedscope": json.dumps(facts)})
        files.append(run.folder.path / name)
        with replacing(files[-1]) as scratch:
            pq.write_table(of_columns.described(table, _SAYS.get), scratch)
    found = seed_map.clusters
    record = {
        **facts,
        "agreement": asdict(seed_map.agreement),
        "seed_share": seed_map.share,
        "components_above_chance": seed_map.above_chance,
        "silhouette": found.silhouette,
        "p_value": found.p_value,
        "clusters": [{"name": cluster.name, **asdict(cluster)} for cluster in clusters],
    }
    files.append(run.folder.path / "clusters.json")
    with replacing(files[-1]) as scratch:
        scratch.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return files


def _coordinates(places: npt.NDArray[np.float32]) -> dict[str, pa.Array]:
    return {name: pa.array(places[:, i], pa.float32()) for i, name in enumerate(("x", "y"))}
